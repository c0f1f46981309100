/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fixture.h"

#include <gdk/x11/gdkx.h>

void
run_until (gboolean (*condition) (Fixture *f), Fixture *f)
{
    gint64 end = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;

    while (!condition (f)) {
        g_assert_cmpint (g_get_monotonic_time (), <, end);
        if (!g_main_context_iteration (NULL, FALSE))
            g_usleep (1000);
    }
}

void
run_ms (guint ms)
{
    gint64 end = g_get_monotonic_time () + ms * 1000;

    while (g_get_monotonic_time () < end) {
        if (!g_main_context_iteration (NULL, FALSE))
            g_usleep (1000);
    }
}

gboolean
has_picture (Fixture *f)
{
    g_autoptr (GdkTexture) texture = posada_console_grab (POSADA_CONSOLE (f->console));

    return texture != NULL;
}

static gboolean
is_window_active (Fixture *f)
{
    return gtk_window_is_active (GTK_WINDOW (f->window));
}

gboolean
is_grabbed (Fixture *f)
{
    return posada_console_get_grabbed (POSADA_CONSOLE (f->console));
}

gboolean
is_not_grabbed (Fixture *f)
{
    return !is_grabbed (f);
}

void
fixture_set_up (Fixture *f, gconstpointer data)
{
    GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);

    f->display = mock_display_new (320, 300);
    mock_display_fill (f->display, 0, 0, 320, 300, 0xff336699);
    f->window = gtk_window_new ();
    f->entry = gtk_entry_new ();
    f->console = posada_console_new ();
    g_object_add_weak_pointer (G_OBJECT (f->console), (gpointer *) &f->console);
    gtk_widget_set_vexpand (f->console, TRUE);
    gtk_box_append (GTK_BOX (box), f->entry);
    gtk_box_append (GTK_BOX (box), f->console);
    gtk_window_set_child (GTK_WINDOW (f->window), box);
    gtk_window_set_default_size (GTK_WINDOW (f->window), 500, 400);
    gtk_widget_grab_focus (f->entry);
    posada_console_set_display (POSADA_CONSOLE (f->console), POSADA_DISPLAY (f->display));
    gtk_window_present (GTK_WINDOW (f->window));
    run_until (has_picture, f);
    run_until (is_window_active, f);
    g_free (mock_display_take (f->display));
}

void
fixture_tear_down (Fixture *f, gconstpointer data)
{
    gtk_window_destroy (GTK_WINDOW (f->window));
    while (g_main_context_iteration (NULL, FALSE))
        ;
    g_assert_null (f->console);
    g_assert_finalize_object (f->display);
}

gboolean
run_xdotool (const char *arguments)
{
    g_autofree char *line = g_strdup_printf ("xdotool %s", arguments);
    g_auto (GStrv) argv = g_strsplit (line, " ", -1);
    int status;

    return g_spawn_sync (NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
                         NULL, NULL, NULL, &status, NULL) &&
           status == 0;
}

void
assert_input (Fixture *f, const char *xdotool, const char *expected)
{
    g_autofree char *record = NULL;

    g_assert_true (!xdotool || run_xdotool (xdotool));
    run_ms (150);
    record = mock_display_take (f->display);
    g_assert_cmpstr (record, ==, expected);
}

G_GNUC_BEGIN_IGNORE_DEPRECATIONS
static void
get_origin (GtkWidget *window, int *ret_x, int *ret_y)
{
    Display *xdisplay = gdk_x11_display_get_xdisplay (gtk_widget_get_display (window));
    Window child;

    XTranslateCoordinates (xdisplay,
                           gdk_x11_surface_get_xid (gtk_native_get_surface (GTK_NATIVE (window))),
                           DefaultRootWindow (xdisplay), 0, 0, ret_x, ret_y, &child);
}
G_GNUC_END_IGNORE_DEPRECATIONS

char *
move_to (Fixture *f, int x, int y)
{
    graphene_point_t point;
    double surface_x, surface_y;
    int left, top;

    g_assert_true (
        gtk_widget_compute_point (f->console, f->window, &GRAPHENE_POINT_INIT (0, 0), &point));
    gtk_native_get_surface_transform (GTK_NATIVE (f->window), &surface_x, &surface_y);
    get_origin (f->window, &left, &top);
    return g_strdup_printf ("mousemove %d %d", left + (int) (surface_x + (double) point.x) + x,
                            top + (int) (surface_y + (double) point.y) + y);
}
