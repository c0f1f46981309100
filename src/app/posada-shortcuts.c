/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-shortcuts.h"

#include <glib/gi18n.h>

enum group {
    GROUP_GENERAL,
    GROUP_MACHINE,
    N_GROUPS,
};

static const char *const group_titles[N_GROUPS] = {
    [GROUP_GENERAL] = N_ ("General"),
    [GROUP_MACHINE] = N_ ("Selected Machine"),
};

static const struct {
    enum group group;
    const char *action;
    const char *accel;
    const char *title;
} shortcuts[] = {
    {GROUP_GENERAL, "app.new-machine", "<Control>n", N_ ("New virtual machine")},
    {GROUP_GENERAL, "win.search", "<Control>f", N_ ("Search")},
    {GROUP_GENERAL, "app.preferences", "<Control>comma", N_ ("Preferences")},
    {GROUP_GENERAL, "app.shortcuts", "<Control>question", N_ ("Keyboard shortcuts")},
    {GROUP_GENERAL, "win.toggle-sidebar", "F9", N_ ("Show or hide the list")},
    {GROUP_GENERAL, NULL, "F10", N_ ("Main menu")},
    {GROUP_GENERAL, "win.close", "<Control>w", N_ ("Close the window")},
    {GROUP_GENERAL, "app.quit", "<Control>q", N_ ("Quit")},
    {GROUP_MACHINE, "win.rename", "F2", N_ ("Rename")},
    {GROUP_MACHINE, NULL, "Delete", N_ ("Delete, in the list")},
    {GROUP_MACHINE, NULL, "<Control>t", N_ ("Take a snapshot")},
    {GROUP_MACHINE, "win.full-screen", "F11", N_ ("Console in full screen")},
};

static void
set_all (GtkApplication *application, gboolean enabled)
{
    for (gsize i = 0; i < G_N_ELEMENTS (shortcuts); i++) {
        const char *accels[] = {enabled ? shortcuts[i].accel : NULL, NULL};

        if (shortcuts[i].action)
            gtk_application_set_accels_for_action (application, shortcuts[i].action, accels);
    }
}

void
posada_shortcuts_install (GtkApplication *application)
{
    set_all (application, TRUE);
}

void
posada_shortcuts_suspend (GtkApplication *application)
{
    set_all (application, FALSE);
}

static GtkWidget *
make_row (const char *title, const char *accel)
{
    GtkWidget *row = adw_action_row_new ();
    g_autofree char *text = NULL;
    GdkModifierType modifiers;
    GtkWidget *label;
    guint key;

    gtk_accelerator_parse (accel, &key, &modifiers);
    text = gtk_accelerator_get_label (key, modifiers);
    label = gtk_label_new (text);
    gtk_widget_add_css_class (label, "dimmed");
    adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
    adw_action_row_add_suffix (ADW_ACTION_ROW (row), label);
    return row;
}

AdwDialog *
posada_shortcuts_new (GtkApplication *application)
{
    AdwDialog *dialog = adw_dialog_new ();
    GtkWidget *view = adw_toolbar_view_new ();
    GtkWidget *page = adw_preferences_page_new ();

    for (int g = 0; g < N_GROUPS; g++) {
        GtkWidget *group = adw_preferences_group_new ();

        adw_preferences_group_set_title (ADW_PREFERENCES_GROUP (group), _ (group_titles[g]));
        for (gsize i = 0; i < G_N_ELEMENTS (shortcuts); i++)
            if ((int) shortcuts[i].group == g)
                adw_preferences_group_add (ADW_PREFERENCES_GROUP (group),
                                           make_row (_ (shortcuts[i].title), shortcuts[i].accel));
        adw_preferences_page_add (ADW_PREFERENCES_PAGE (page), ADW_PREFERENCES_GROUP (group));
    }
    adw_toolbar_view_add_top_bar (ADW_TOOLBAR_VIEW (view), adw_header_bar_new ());
    adw_toolbar_view_set_content (ADW_TOOLBAR_VIEW (view), page);
    adw_dialog_set_title (dialog, _ ("Keyboard Shortcuts"));
    adw_dialog_set_content_width (dialog, 440);
    adw_dialog_set_content_height (dialog, 560);
    adw_dialog_set_child (dialog, view);
    return dialog;
}
