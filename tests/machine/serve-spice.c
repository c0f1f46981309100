/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A machine for viewers that are programs of their own: its screen on the UNIX socket that the
 * first argument names, 640 × 480 of one colour, and at the same time shown here directly, frame by
 * frame. Does what it is told on standard input, a line each:
 *
 *   fill RRGGBB   another colour
 *   record        says what came of keys and pointer, and forgets it
 *   direct        says how many frames were looked at here since, how many were wrong, and the
 *                 longest time between two
 *   quit
 */
#include <glib-unix.h>
#include <stdio.h>
#include <unistd.h>

#include "machine/posada-kvm-screen.h"
#include "spice-guest.h"

#define WIDTH  640
#define HEIGHT 480

static struct guest guest;
static GMainLoop *loop;
static PosadaKvmScreen *screen;
static guint32 *picture;
static guint n_frames, n_wrong;
static gint64 last, longest;

static gboolean
look_cb (gpointer data)
{
    gint64 now = g_get_monotonic_time ();
    PosadaRectangle damage;

    posada_kvm_screen_request_frame (screen);
    posada_kvm_screen_read (screen, WIDTH, HEIGHT, picture, WIDTH * 4, &damage);
    n_frames++;
    /* Only this thread changes the guest's pixels, and the screen copies them at once. */
    for (guint i = 0; i < WIDTH * HEIGHT; i++)
        if (picture[i] != (guest.pixels[i] | 0xff000000)) {
            n_wrong++;
            break;
        }
    longest = MAX (longest, now - last);
    last = now;
    return G_SOURCE_CONTINUE;
}

static gboolean
command_cb (gint fd, GIOCondition condition, gpointer data)
{
    char line[100];

    if (!fgets (line, sizeof line, stdin) || g_str_has_prefix (line, "quit")) {
        g_main_loop_quit (loop);
        return G_SOURCE_REMOVE;
    }
    if (g_str_has_prefix (line, "fill "))
        guest_fill (&guest, 0, 0, WIDTH, HEIGHT, (guint32) g_ascii_strtoull (line + 5, NULL, 16));
    else if (g_str_has_prefix (line, "record")) {
        pthread_mutex_lock (&guest.record_lock);
        printf ("%s\n", guest.record);
        pthread_mutex_unlock (&guest.record_lock);
        guest_forget (&guest);
    } else if (g_str_has_prefix (line, "direct")) {
        printf ("%u %u %" G_GINT64_FORMAT "\n", n_frames, n_wrong, longest / 1000);
        n_frames = n_wrong = 0;
        longest = 0;
    }
    fflush (stdout);
    return G_SOURCE_CONTINUE;
}

int
main (int argc, char **argv)
{
    struct spice_sink_config config = {.socket = argc > 1 ? argv[1] : NULL};

    guest_set_up (&guest, &config);
    guest_resize (&guest, WIDTH, HEIGHT);
    guest_fill (&guest, 0, 0, WIDTH, HEIGHT, 0x808080);
    screen = posada_kvm_screen_new (guest.display, guest.input);
    picture = g_new0 (guint32, WIDTH * HEIGHT);
    loop = g_main_loop_new (NULL, FALSE);
    last = g_get_monotonic_time ();
    setvbuf (stdin, NULL, _IONBF, 0);
    g_unix_fd_add (STDIN_FILENO, G_IO_IN | G_IO_HUP, command_cb, NULL);
    g_timeout_add (16, look_cb, NULL);
    puts ("ready");
    fflush (stdout);
    g_main_loop_run (loop);
    posada_kvm_screen_free (screen);
    guest_tear_down (&guest);
    g_free (picture);
    g_main_loop_unref (loop);
    return 0;
}
