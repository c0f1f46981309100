/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scrolls through a list of fake machines, a little with every frame, and prints what each frame
 * took from the beginning of its update to the end of its painting, in microseconds, one a line.
 * Arguments: how many machines, how many frames.
 */
#include <stdlib.h>

#include "app/posada-window.h"
#include "find-widget.h"

typedef struct {
    GtkAdjustment *adjustment;
    gint64 began;
    int left, skipped;
    double step;
} Scroll;

static void
before_cb (GdkFrameClock *clock, Scroll *scroll)
{
    scroll->began = g_get_monotonic_time ();
}

static void
after_cb (GdkFrameClock *clock, Scroll *scroll)
{
    /* The first few are those of the window that opens. */
    if (scroll->skipped < 30)
        scroll->skipped++;
    else if (scroll->left-- > 0)
        g_print ("%" G_GINT64_FORMAT "\n", g_get_monotonic_time () - scroll->began);
}

static gboolean
tick_cb (GtkWidget *widget, GdkFrameClock *clock, gpointer data)
{
    Scroll *scroll = data;
    double value = gtk_adjustment_get_value (scroll->adjustment);
    double last = gtk_adjustment_get_upper (scroll->adjustment) -
                  gtk_adjustment_get_page_size (scroll->adjustment);

    if ((value >= last && scroll->step > 0) || (value <= 0 && scroll->step < 0))
        scroll->step = -scroll->step;
    gtk_adjustment_set_value (scroll->adjustment, value + scroll->step);
    return G_SOURCE_CONTINUE;
}

int
main (int argc, char **argv)
{
    Scroll scroll = {.left = argc > 2 ? atoi (argv[2]) : 600, .step = 60};
    g_autoptr (PosadaLibrary) library = NULL;
    PosadaWindow *window;
    GtkWidget *list;
    GdkFrameClock *clock;

    dex_init ();
    adw_init ();
    library = posada_library_new_fake (argc > 1 ? (guint) atoi (argv[1]) : 1000);
    window = posada_window_new (NULL, library);
    gtk_window_present (GTK_WINDOW (window));
    list = find_widget (GTK_WIDGET (window), GTK_TYPE_LIST_VIEW);
    scroll.adjustment = gtk_scrollable_get_vadjustment (GTK_SCROLLABLE (list));
    clock = gtk_widget_get_frame_clock (GTK_WIDGET (window));
    g_signal_connect (clock, "before-paint", G_CALLBACK (before_cb), &scroll);
    g_signal_connect (clock, "after-paint", G_CALLBACK (after_cb), &scroll);
    gtk_widget_add_tick_callback (list, tick_cb, &scroll, NULL);
    while (scroll.left > 0)
        g_main_context_iteration (NULL, TRUE);
    gtk_window_destroy (GTK_WINDOW (window));
    return 0;
}
