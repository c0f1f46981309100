/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A program with a file that can be dragged out of its window, as a file manager's; usage:
 * drag-source FILE. Says "ready" when its window is there, and what comes of each drag: "dropped"
 * or "cancelled". Ends with its standard input.
 */
#include <gtk/gtk.h>
#include <stdio.h>

static void
say (const char *line)
{
    puts (line);
    fflush (stdout);
}

static void
cancelled_cb (GdkDrag *drag, GdkDragCancelReason reason)
{
    say ("cancelled");
}

static void
finished_cb (GdkDrag *drag)
{
    say ("dropped");
}

static GdkContentProvider *
prepare_cb (GtkDragSource *source, double x, double y, gpointer uris)
{
    return gdk_content_provider_new_for_bytes ("text/uri-list", uris);
}

static void
begin_cb (GtkDragSource *source, GdkDrag *drag)
{
    g_signal_connect (drag, "cancel", G_CALLBACK (cancelled_cb), NULL);
    g_signal_connect (drag, "dnd-finished", G_CALLBACK (finished_cb), NULL);
}

static gboolean
input_cb (GIOChannel *input, GIOCondition condition, gpointer loop)
{
    g_main_loop_quit (loop);
    return G_SOURCE_REMOVE;
}

int
main (int argc, char **argv)
{
    g_autofree char *uri = argc == 2 ? g_filename_to_uri (argv[1], NULL, NULL) : NULL;
    g_autofree char *line = g_strconcat (uri ? uri : "", "\r\n", NULL);
    g_autoptr (GBytes) uris = g_bytes_new (line, strlen (line));
    g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
    g_autoptr (GIOChannel) input = g_io_channel_unix_new (0);
    GtkDragSource *source;
    GtkWidget *window, *label;

    if (!uri || !gtk_init_check ())
        return 2;
    window = gtk_window_new ();
    label = gtk_label_new ("Drag me");
    source = gtk_drag_source_new ();
    g_signal_connect (source, "prepare", G_CALLBACK (prepare_cb), uris);
    g_signal_connect (source, "drag-begin", G_CALLBACK (begin_cb), NULL);
    gtk_widget_add_controller (label, GTK_EVENT_CONTROLLER (source));
    gtk_window_set_title (GTK_WINDOW (window), "Drag Source");
    gtk_window_set_child (GTK_WINDOW (window), label);
    gtk_window_set_default_size (GTK_WINDOW (window), 260, 160);
    g_signal_connect_swapped (window, "map", G_CALLBACK (say), (gpointer) "ready");
    gtk_window_present (GTK_WINDOW (window));
    g_io_add_watch (input, G_IO_IN | G_IO_HUP, input_cb, loop);
    g_main_loop_run (loop);
    return 0;
}
