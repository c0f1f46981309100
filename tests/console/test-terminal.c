/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/posada-terminal.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"

typedef struct {
    GtkWidget *window, *terminal;
    PosadaSerial *serial;
    int fd; /* the guest's end */
} Rig;

static gboolean
shows (Rig *rig, const char *text)
{
    g_autofree char *shown = posada_terminal_get_text (POSADA_TERMINAL (rig->terminal));

    return strstr (shown, text) != NULL;
}

static void
wait_for_text (Rig *rig, const char *text)
{
    for (int i = 0; i < 200 && !shows (rig, text); i++)
        run_ms (20);
    g_assert_true (shows (rig, text));
}

static void
say (Rig *rig, const char *text)
{
    g_assert_cmpint (write (rig->fd, text, strlen (text)), ==, (ssize_t) strlen (text));
}

/* What reached the guest, all of it: @expected, which takes the time it takes. */
static void
assert_sent (Rig *rig, const char *expected)
{
    char text[64] = "";
    gsize length = 0;

    for (int i = 0; i < 200 && length < strlen (expected); i++) {
        ssize_t n = recv (rig->fd, text + length, sizeof text - 1 - length, MSG_DONTWAIT);

        length += n > 0 ? (gsize) n : 0;
        run_ms (20);
    }
    g_assert_cmpstr (text, ==, expected);
}

static void
set_up (Rig *rig, gconstpointer data)
{
    int fds[2];

    g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    rig->fd = fds[1];
    rig->serial = posada_serial_new (fds[0]);
    say (rig, "what came before\r\n");
    run_ms (50);
    rig->window = gtk_window_new ();
    rig->terminal = posada_terminal_new ();
    g_object_add_weak_pointer (G_OBJECT (rig->terminal), (gpointer *) &rig->terminal);
    gtk_window_set_child (GTK_WINDOW (rig->window), rig->terminal);
    gtk_window_set_default_size (GTK_WINDOW (rig->window), 700, 400);
    posada_terminal_set_serial (POSADA_TERMINAL (rig->terminal), rig->serial);
    gtk_window_present (GTK_WINDOW (rig->window));
    for (int i = 0; i < 250 && !gtk_window_is_active (GTK_WINDOW (rig->window)); i++)
        run_ms (20);
    gtk_widget_grab_focus (rig->terminal);
}

static void
tear_down (Rig *rig, gconstpointer data)
{
    gtk_window_destroy (GTK_WINDOW (rig->window));
    while (g_main_context_iteration (NULL, FALSE))
        ;
    g_assert_null (rig->terminal);
    g_assert_finalize_object (rig->serial);
    if (rig->fd >= 0)
        close (rig->fd);
}

static void
shows_what_comes_and_what_came_before (Rig *rig, gconstpointer data)
{
    wait_for_text (rig, "what came before");
    say (rig, "\033[31mdebian login:\033[0m ");
    wait_for_text (rig, "debian login:");
}

static void
types (Rig *rig, gconstpointer data)
{
    if (!run_xdotool ("version")) {
        g_test_skip ("no xdotool");
        return;
    }
    g_assert_true (run_xdotool ("type --delay 20 root"));
    g_assert_true (run_xdotool ("key Return ctrl+c"));
    assert_sent (rig, "root\r\003");
}

static void
pastes (Rig *rig, gconstpointer data)
{
    GdkClipboard *clipboard = gtk_widget_get_clipboard (rig->terminal);

    gdk_clipboard_set_text (clipboard, "poweroff");
    gtk_widget_activate_action (rig->terminal, "terminal.paste", NULL);
    assert_sent (rig, "poweroff");
}

static void
text_read_cb (GObject *clipboard, GAsyncResult *result, gpointer data)
{
    *(char **) data = gdk_clipboard_read_text_finish (GDK_CLIPBOARD (clipboard), result, NULL);
}

/* As in every terminal: without Shift the key is the guest's. */
static void
keys_with_shift_copy_and_paste (Rig *rig, gconstpointer data)
{
    GdkClipboard *clipboard = gtk_widget_get_clipboard (rig->terminal);
    g_autofree char *copied = NULL;

    if (!run_xdotool ("version")) {
        g_test_skip ("no xdotool");
        return;
    }
    gdk_clipboard_set_text (clipboard, "before");
    say (rig, "\033[2J\033[Hcopied word\r\n");
    wait_for_text (rig, "copied word");
    /* Nothing is selected, and yet nothing is interrupted. */
    g_assert_true (run_xdotool ("key ctrl+shift+c ctrl+shift+v"));
    assert_sent (rig, "before");

    /* The first word of the first line. */
    g_assert_true (run_xdotool ("mousemove 20 10 click --repeat 2 --delay 50 1"));
    for (int i = 0; i < 200 && g_strcmp0 (copied, "copied") != 0; i++) {
        g_assert_true (run_xdotool ("key ctrl+shift+c"));
        g_clear_pointer (&copied, g_free);
        gdk_clipboard_read_text_async (clipboard, NULL, text_read_cb, &copied);
        while (!copied)
            g_main_context_iteration (NULL, TRUE);
    }
    g_assert_cmpstr (copied, ==, "copied");
    /* What is selected does not make Ctrl+C a copy. */
    g_assert_true (run_xdotool ("key ctrl+shift+v"));
    assert_sent (rig, "copied");
    g_assert_true (run_xdotool ("key ctrl+c"));
    assert_sent (rig, "\003");
}

/* Questions in the backlog were answered, or not, long ago. */
static void
answers_only_questions_of_now (Rig *rig, gconstpointer data)
{
    char text[1024] = "";

    say (rig, "\033[6n\033[c\033[?25$p\005\033Z\033]11;?\007\033P$qm\033\\after");
    wait_for_text (rig, "after");
    g_assert_cmpint (recv (rig->fd, text, sizeof (text) - 1, MSG_DONTWAIT), >, 0);
    g_assert_true (g_str_has_prefix (text, "\033["));
    wait_for_text (rig, "after");
    posada_terminal_set_serial (POSADA_TERMINAL (rig->terminal), NULL);
    posada_terminal_set_serial (POSADA_TERMINAL (rig->terminal), rig->serial);
    run_ms (200);
    g_assert_cmpint (recv (rig->fd, text, sizeof (text) - 1, MSG_DONTWAIT), ==, -1);
    wait_for_text (rig, "after");
}

/* As resize (1) does: to the far corner, and where is that? */
static void
tells_its_size_to_who_asks (Rig *rig, gconstpointer data)
{
    char text[64] = "", end = 0;
    int rows = 0, columns = 0;

    run_ms (200);
    say (rig, "\0337\033[r\033[999;999H\033[6n\0338");
    for (int i = 0; i < 200 && recv (rig->fd, text, sizeof text - 1, MSG_DONTWAIT) < 0; i++)
        run_ms (20);
    g_assert_cmpint (sscanf (text, "\033[%d;%d%c", &rows, &columns, &end), ==, 3);
    g_assert_cmpint (end, ==, 'R');
    /* Of 700 by 400 pixels, whatever the font. */
    g_assert_cmpint (rows, >, 10);
    g_assert_cmpint (rows, <, 100);
    g_assert_cmpint (columns, >, rows);
}

static void
a_closed_line_keeps_its_text (Rig *rig, gconstpointer data)
{
    wait_for_text (rig, "what came before");
    g_clear_fd (&rig->fd, NULL);
    run_ms (100);
    g_assert_true (posada_serial_is_closed (rig->serial));
    g_assert_true (shows (rig, "what came before"));
    posada_terminal_set_serial (POSADA_TERMINAL (rig->terminal), NULL);
    g_assert_true (shows (rig, "what came before"));
}

/* As much as a guest can say must not make the window stand still. */
static void
a_flood_does_not_stop_the_main_loop (Rig *rig, gconstpointer data)
{
    g_autofree char *line = g_strnfill (4096, 'x');
    gint64 end = g_get_monotonic_time () + 2 * G_USEC_PER_SEC, before, worst = 0;
    gsize sent = 0;

    while ((before = g_get_monotonic_time ()) < end) {
        ssize_t length;

        while ((length = send (rig->fd, line, 4096, MSG_DONTWAIT)) > 0)
            sent += (gsize) length;
        g_main_context_iteration (NULL, FALSE);
        worst = MAX (worst, g_get_monotonic_time () - before);
    }
    g_test_message ("%zu bytes, the longest turn took %" G_GINT64_FORMAT " ms", sent, worst / 1000);
    g_assert_cmpint (worst, <, G_USEC_PER_SEC);
}

#define ADD(name_, function_) \
    g_test_add ("/terminal/" name_, Rig, NULL, set_up, function_, tear_down)

int
main (int argc, char **argv)
{
    gtk_test_init (&argc, &argv, NULL);
    ADD ("shows-what-comes-and-what-came-before", shows_what_comes_and_what_came_before);
    ADD ("types", types);
    ADD ("pastes", pastes);
    ADD ("keys-with-shift-copy-and-paste", keys_with_shift_copy_and_paste);
    ADD ("answers-only-questions-of-now", answers_only_questions_of_now);
    ADD ("tells-its-size-to-who-asks", tells_its_size_to_who_asks);
    ADD ("a-closed-line-keeps-its-text", a_closed_line_keeps_its_text);
    ADD ("a-flood-does-not-stop-the-main-loop", a_flood_does_not_stop_the_main_loop);
    return g_test_run ();
}
