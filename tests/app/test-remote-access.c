/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <adwaita.h>

#include "app/posada-console-page.h"
#include "app/posada-machine-page.h"
#include "app/posada-remote-access-dialog.h"
#include "machine/posada-fake-machine.h"
#include "tap.h"

static PosadaMachine *machine;
static GtkWidget *window;
static AdwDialog *dialog;

static void
settle (void)
{
    for (guint i = 0; i < 50; i++) {
        while (g_main_context_iteration (NULL, FALSE))
            continue;
        g_usleep (2000);
    }
}

/* The first widget of that type and, if it is not NULL, title or label. */
static GtkWidget *
find (GtkWidget *widget, GType type, const char *property, const char *text)
{
    if (g_type_is_a (G_OBJECT_TYPE (widget), type)) {
        g_autofree char *found = NULL;

        g_object_get (widget, property, &found, NULL);
        if (g_strcmp0 (found, text) == 0)
            return widget;
    }
    for (GtkWidget *child = gtk_widget_get_first_child (widget); child;
         child = gtk_widget_get_next_sibling (child)) {
        GtkWidget *found = find (child, type, property, text);

        if (found)
            return found;
    }
    return NULL;
}

static GtkWidget *
find_row (const char *title)
{
    GtkWidget *row = find (GTK_WIDGET (dialog), ADW_TYPE_PREFERENCES_ROW, "title", title);

    if (!row)
        tap_fail (__FILE__, __LINE__, "there is no row “%s”", title);
    return row;
}

static GtkWidget *
find_apply (void)
{
    return find (GTK_WIDGET (dialog), GTK_TYPE_BUTTON, "label", "_Apply");
}

static void
open_dialog (void)
{
    machine = posada_fake_machine_new ("Debian", NULL);
    window = adw_window_new ();
    gtk_window_set_default_size (GTK_WINDOW (window), 800, 700);
    gtk_window_present (GTK_WINDOW (window));
    dialog = posada_remote_access_dialog_new (machine);
    adw_dialog_present (dialog, window);
    settle ();
}

static void
close_dialog (void)
{
    gpointer watch = dialog;

    g_object_add_weak_pointer (G_OBJECT (dialog), &watch);
    adw_dialog_force_close (dialog);
    gtk_window_destroy (GTK_WINDOW (window));
    settle ();
    CHECK (!watch);
    g_assert_finalize_object (machine);
}

static void
choose (const char *title)
{
    adw_action_row_activate (ADW_ACTION_ROW (find_row (title)));
    settle ();
}

TEST (nothing_is_applied_before_apply_is_pressed)
{
    open_dialog ();
    CHECK (!gtk_widget_get_sensitive (find_apply ()));
    choose ("You on This Computer");
    CHECK (gtk_widget_get_sensitive (find_apply ()));
    CHECK_EQUAL (posada_machine_get_remote (machine)->kind, POSADA_REMOTE_OFF);
    g_signal_emit_by_name (find_apply (), "clicked");
    settle ();
    CHECK_EQUAL (posada_machine_get_remote (machine)->kind, POSADA_REMOTE_SOCKET);
    CHECK (!gtk_widget_get_sensitive (find_apply ()));
    CHECK_CONTAINS (adw_action_row_get_subtitle (ADW_ACTION_ROW (find_row ("Address"))),
                    "spice+unix://");
    close_dialog ();
}

TEST (the_network_comes_with_a_password_and_a_file)
{
    open_dialog ();
    CHECK (!gtk_widget_is_visible (find_row ("Password")));
    choose ("The Network");
    CHECK (gtk_widget_is_visible (find_row ("Password")));
    CHECK (strlen (gtk_editable_get_text (GTK_EDITABLE (find_row ("Password")))) >= 12);
    g_signal_emit_by_name (find_apply (), "clicked");
    settle ();
    CHECK_EQUAL (posada_machine_get_remote (machine)->kind, POSADA_REMOTE_NETWORK);
    CHECK_STRING (posada_machine_get_remote (machine)->password,
                  gtk_editable_get_text (GTK_EDITABLE (find_row ("Password"))));
    CHECK (gtk_widget_is_visible (find_row ("_Save Connection File…")));
    CHECK_EQUAL (adw_spin_row_get_value (ADW_SPIN_ROW (find_row ("Port"))), 5900);
    choose ("Nobody Else");
    g_signal_emit_by_name (find_apply (), "clicked");
    settle ();
    CHECK_EQUAL (posada_machine_get_remote (machine)->kind, POSADA_REMOTE_OFF);
    CHECK (!gtk_widget_is_visible (find_row ("Address")));
    close_dialog ();
}

TEST (what_fails_is_said)
{
    GtkWidget *banner;

    open_dialog ();
    posada_fake_machine_fail_next (POSADA_FAKE_MACHINE (machine), "Port 5900 is taken.");
    choose ("The Network");
    g_signal_emit_by_name (find_apply (), "clicked");
    settle ();
    banner = find (GTK_WIDGET (dialog), ADW_TYPE_BANNER, "title", "Port 5900 is taken.");
    CHECK (banner && adw_banner_get_revealed (ADW_BANNER (banner)));
    CHECK (gtk_widget_get_sensitive (find_apply ()));
    close_dialog ();
}

#define PROBLEM "Port 5900 is taken by <R&D>, choose another one."

/* What is told is told as it is, whatever characters it has. */
static void
check_warning (GtkWidget *page, gboolean expected)
{
    GtkWidget *banner =
        find (page, ADW_TYPE_BANNER, "title", "Other viewers cannot connect. " PROBLEM);

    if (expected && !banner)
        tap_fail (__FILE__, __LINE__, "nothing is said");
    if (banner) {
        CHECK_EQUAL (adw_banner_get_revealed (ADW_BANNER (banner)), expected);
        CHECK (!adw_banner_get_use_markup (ADW_BANNER (banner)));
        CHECK_STRING (adw_banner_get_button_label (ADW_BANNER (banner)), "_Remote Access…");
        CHECK_STRING (gtk_actionable_get_action_name (GTK_ACTIONABLE (banner)),
                      "machine.remote-access");
    }
}

TEST (pages_tell_that_viewers_cannot_come)
{
    PosadaRemote broken = {
        .kind = POSADA_REMOTE_NETWORK,
        .port = 5900,
        .password = (char *) "horse",
        .problem = (char *) PROBLEM,
    };
    PosadaRemote mended = broken;
    GtkWidget *pages[2];

    machine = posada_fake_machine_new ("Debian", NULL);
    pages[0] = g_object_ref_sink (g_object_new (POSADA_TYPE_MACHINE_PAGE, NULL));
    posada_machine_page_set_machine (POSADA_MACHINE_PAGE (pages[0]), machine);
    pages[1] = g_object_ref_sink (GTK_WIDGET (posada_console_page_new (machine)));
    for (guint i = 0; i < 2; i++) {
        check_warning (pages[i], FALSE);
        posada_machine_take_remote (machine, &broken);
        check_warning (pages[i], TRUE);
        mended.problem = NULL;
        posada_machine_take_remote (machine, &mended);
        check_warning (pages[i], FALSE);
    }
    /* Who has turned it off need not be told that it would not work. */
    broken.kind = POSADA_REMOTE_OFF;
    posada_machine_take_remote (machine, &broken);
    for (guint i = 0; i < 2; i++) {
        check_warning (pages[i], FALSE);
        g_object_unref (pages[i]);
    }
    settle ();
    g_assert_finalize_object (machine);
}

int
main (int argc, char **argv)
{
    dex_init ();
    adw_init ();
    return tap_main (argc, argv);
}
