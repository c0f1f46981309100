/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-host-dialog.h"

#include <glib/gi18n.h>

static const struct {
    const char *id, *title, *meaning;
} kinds[] = {
    {"no-device", N_ ("No KVM on This Computer"),
     N_ ("Virtual machines need KVM, a part of the Linux kernel, which is not there. They can be "
         "created, but not started.")},
    {"no-permission", N_ ("No Permission to Use KVM"),
     N_ ("This computer can run virtual machines, but your user is not allowed to. They can be "
         "created, but not started.")},
    {"no-hardware-virtualization", N_ ("No Hardware Virtualization"),
     N_ ("The processor cannot run virtual machines, or was told not to. They can be created, but "
         "not started.")},
    {"only-emulates", N_ ("KVM Only Emulates Here"),
     N_ ("Firmware and boot menus run, installers and whole systems do not.")},
};

static int
find_kind (const PosadaHost *host)
{
    for (int i = 0; i < (int) G_N_ELEMENTS (kinds); i++)
        if (g_str_equal (kinds[i].id, host->id))
            return i;
    return 2;
}

const char *
posada_host_dialog_get_title (const PosadaHost *host)
{
    return _ (kinds[find_kind (host)].title);
}

static void
copy_cb (GtkWidget *button, const char *command)
{
    gdk_clipboard_set_text (gtk_widget_get_clipboard (button), command);
    gtk_button_set_label (GTK_BUTTON (button), _ ("Copied"));
    gtk_accessible_announce (GTK_ACCESSIBLE (button), _ ("Copied"),
                             GTK_ACCESSIBLE_ANNOUNCEMENT_PRIORITY_MEDIUM);
}

static void
destroy_command (gpointer data, GClosure *closure)
{
    g_free (data);
}

static GtkWidget *
make_command_box (const char *command)
{
    GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 18);
    GtkWidget *label = gtk_label_new (command);
    GtkWidget *button = gtk_button_new_with_label (_ ("Copy Command"));

    gtk_label_set_selectable (GTK_LABEL (label), TRUE);
    gtk_label_set_wrap (GTK_LABEL (label), TRUE);
    gtk_widget_add_css_class (label, "monospace");
    gtk_widget_add_css_class (button, "pill");
    gtk_widget_add_css_class (button, "suggested-action");
    gtk_widget_set_halign (button, GTK_ALIGN_CENTER);
    g_signal_connect_data (button, "clicked", G_CALLBACK (copy_cb), g_strdup (command),
                           destroy_command, 0);
    gtk_box_append (GTK_BOX (box), label);
    gtk_box_append (GTK_BOX (box), button);
    return box;
}

AdwDialog *
posada_host_dialog_new (const PosadaHost *host)
{
    AdwDialog *dialog = adw_dialog_new ();
    GtkWidget *view = adw_toolbar_view_new ();
    GtkWidget *page = adw_status_page_new ();
    g_autofree char *text = NULL;

    text = g_markup_printf_escaped ("%s\n\n%s\n\n%s", _ (kinds[find_kind (host)].meaning),
                                    host->advice, host->summary);
    adw_status_page_set_icon_name (ADW_STATUS_PAGE (page), "dialog-warning-symbolic");
    adw_status_page_set_title (ADW_STATUS_PAGE (page), posada_host_dialog_get_title (host));
    adw_status_page_set_description (ADW_STATUS_PAGE (page), text);
    if (host->command)
        adw_status_page_set_child (ADW_STATUS_PAGE (page), make_command_box (host->command));
    adw_toolbar_view_add_top_bar (ADW_TOOLBAR_VIEW (view), adw_header_bar_new ());
    adw_toolbar_view_set_content (ADW_TOOLBAR_VIEW (view), page);
    adw_dialog_set_title (dialog, _ ("This Computer"));
    adw_dialog_set_content_width (dialog, 520);
    adw_dialog_set_content_height (dialog, 480);
    adw_dialog_set_child (dialog, view);
    return dialog;
}
