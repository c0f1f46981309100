/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shows a console whose guest follows the window and draws a chequerboard of single pixels, white
 * and black, between a headline and a margin. Says where on the window it is, in device pixels,
 * when it has been painted: "x y width height".
 */
#include "console/posada-console.h"

#include <math.h>
#include <stdio.h>

#include "mock-display.h"

#define BLACK 0xff000000u
#define WHITE 0xffffffffu

/* After each change of size, and again for good measure: damage costs nothing here. */
static gboolean
draw_cb (gpointer data)
{
    mock_display_fill_chequers (data, BLACK, WHITE);
    return G_SOURCE_CONTINUE;
}

static gboolean
say_cb (gpointer data)
{
    GtkWidget *console = data;
    GtkNative *native = gtk_widget_get_native (console);
    GdkSurface *surface = gtk_native_get_surface (native);
    PosadaDisplay *display = posada_console_get_display (POSADA_CONSOLE (console));
    ConsolePlace place = {.scale = gdk_surface_get_scale (surface)};
    graphene_point_t point;
    GdkRectangle area;

    if (!gtk_widget_compute_point (console, GTK_WIDGET (native), &GRAPHENE_POINT_INIT (0, 0),
                                   &point))
        return G_SOURCE_CONTINUE;
    gtk_native_get_surface_transform (native, &place.x, &place.y);
    place.x += (double) point.x;
    place.y += (double) point.y;
    place.width = gtk_widget_get_width (console);
    place.height = gtk_widget_get_height (console);
    console_place_to_area (&place, &area);
    if ((guint) area.width != posada_display_get_width (display) ||
        (guint) area.height != posada_display_get_height (display))
        return G_SOURCE_CONTINUE;
    printf ("%d %d %d %d\n", area.x, area.y, area.width, area.height);
    fflush (stdout);
    return G_SOURCE_REMOVE;
}

int
main (int argc, char **argv)
{
    MockDisplay *display;
    GtkWidget *window, *box, *console, *label;

    gtk_init ();
    display = mock_display_new (640, 480);
    display->follows = TRUE;
    window = gtk_window_new ();
    box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
    label = gtk_label_new ("Chequers");
    console = posada_console_new ();
    gtk_widget_set_vexpand (console, TRUE);
    gtk_widget_set_margin_start (console, 7);
    gtk_widget_set_margin_bottom (console, 5);
    gtk_box_append (GTK_BOX (box), label);
    gtk_box_append (GTK_BOX (box), console);
    gtk_window_set_child (GTK_WINDOW (window), box);
    gtk_window_set_decorated (GTK_WINDOW (window), FALSE);
    gtk_window_fullscreen (GTK_WINDOW (window));
    g_timeout_add (100, draw_cb, display);
    posada_console_set_scaling (POSADA_CONSOLE (console), POSADA_CONSOLE_RESIZE_GUEST);
    posada_console_set_display (POSADA_CONSOLE (console), POSADA_DISPLAY (display));
    gtk_window_present (GTK_WINDOW (window));
    /* Long enough for the compositor to settle and the wish for a size to rest. */
    g_timeout_add (1200, say_cb, console);
    while (TRUE)
        g_main_context_iteration (NULL, TRUE);
}
