/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/posada-console.h"

static void
has_role_name_and_way_out (void)
{
    GtkWidget *window = gtk_window_new ();
    GtkWidget *console = posada_console_new ();

    gtk_window_set_child (GTK_WINDOW (window), console);
    g_assert_cmpint (gtk_accessible_get_accessible_role (GTK_ACCESSIBLE (console)), ==,
                     GTK_ACCESSIBLE_ROLE_APPLICATION);
    gtk_test_accessible_assert_property (GTK_ACCESSIBLE (console), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                         "Console");
    gtk_test_accessible_assert_property (GTK_ACCESSIBLE (console),
                                         GTK_ACCESSIBLE_PROPERTY_DESCRIPTION,
                                         "Ctrl+Alt releases the keyboard");
    gtk_accessible_update_property (GTK_ACCESSIBLE (console), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                    "Console of Debian", -1);
    g_object_set (console, "release-keys", "right-ctrl", NULL);
    gtk_test_accessible_assert_property (GTK_ACCESSIBLE (console), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                         "Console of Debian");
    gtk_test_accessible_assert_property (GTK_ACCESSIBLE (console),
                                         GTK_ACCESSIBLE_PROPERTY_DESCRIPTION,
                                         "Right Ctrl releases the keyboard");
    gtk_window_destroy (GTK_WINDOW (window));
}

int
main (int argc, char **argv)
{
    gtk_test_init (&argc, &argv, NULL);
    g_test_add_func ("/accessible/has-role-name-and-way-out", has_role_name_and_way_out);
    return g_test_run ();
}
