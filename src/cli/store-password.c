/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A password that a person chooses: the first line of a file, or typed at a terminal, which shows
 * nothing of it. Never on a command line, which everybody on this computer can read.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/store-verbs.h"
#include "cli/text.h"
#include "machine/posada-remote.h"

#define SIZE (POSADA_REMOTE_MAX_PASSWORD + 2) /* with its newline, or one too many */

/* One byte, as read () has it; with the signals of @mask blocked while it waits, if not NULL. */
static ssize_t
read_byte (int fd, const sigset_t *mask, char *ret_byte)
{
    struct pollfd poll = {.fd = fd, .events = POLLIN};

    return mask && ppoll (&poll, 1, NULL, mask) < 0 ? -1 : read (fd, ret_byte, 1);
}

/* The first line without its newline, of which no more than needed is read: the rest of standard
 * input is not ours. */
static gboolean
read_line (int fd, const sigset_t *mask, const char *where, char line[SIZE])
{
    gsize n = 0;
    ssize_t r = 1;

    while (n < SIZE - 1) {
        r = read_byte (fd, mask, line + n);
        if (r <= 0 || line[n] == '\n')
            break;
        n++;
    }
    line[n] = 0;
    if (r < 0 && errno == EINTR) {
        cli_complain ("no password was given");
        return FALSE;
    }
    if (r < 0) {
        cli_complain ("no password could be read from %s: %s", where, g_strerror (errno));
        return FALSE;
    }
    if (n && line[n - 1] == '\r')
        line[--n] = 0;
    if (n == 0 || n > POSADA_REMOTE_MAX_PASSWORD || !text_is_clean (line)) {
        cli_complain ("the first line of %s is to be a password of 1 to %d bytes", where,
                      POSADA_REMOTE_MAX_PASSWORD);
        return FALSE;
    }
    return TRUE;
}

/* Interrupts the wait for a line. */
static void
signal_cb (int number)
{
}

/* Whatever comes meanwhile, the terminal is as it was afterwards. */
static gboolean
read_unseen (const char *prompt, char line[SIZE])
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    struct sigaction action = {.sa_handler = signal_cb}, before[G_N_ELEMENTS (signals)];
    struct termios shown, unseen;
    sigset_t blocked, mask;
    gboolean done;

    if (tcgetattr (STDIN_FILENO, &shown) < 0) {
        cli_complain ("the terminal cannot hide a password: %s", g_strerror (errno));
        return FALSE;
    }
    sigemptyset (&blocked);
    for (gsize i = 0; i < G_N_ELEMENTS (signals); i++) {
        sigaddset (&blocked, signals[i]);
        sigaction (signals[i], &action, &before[i]);
    }
    /* They come while it waits, and not just before. */
    sigprocmask (SIG_BLOCK, &blocked, &mask);
    unseen = shown;
    unseen.c_lflag &= ~(tcflag_t) (ECHO | ECHONL);
    tcsetattr (STDIN_FILENO, TCSAFLUSH, &unseen);
    fputs (prompt, stderr);
    done = read_line (STDIN_FILENO, &mask, "this terminal", line);
    fputc ('\n', stderr);
    tcsetattr (STDIN_FILENO, TCSAFLUSH, &shown);
    for (gsize i = 0; i < G_N_ELEMENTS (signals); i++)
        sigaction (signals[i], &before[i], NULL);
    sigprocmask (SIG_SETMASK, &mask, NULL);
    return done;
}

char *
store_read_password (const char *path)
{
    char line[SIZE] = "", again[SIZE] = "", *password = NULL;

    if (!g_str_equal (path, "-")) {
        AUTO_FD fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

        if (fd < 0)
            cli_complain ("the password file %s cannot be read: %s", path, g_strerror (errno));
        else if (read_line (fd, NULL, path, line))
            password = g_strdup (line);
    } else if (!isatty (STDIN_FILENO)) {
        if (read_line (STDIN_FILENO, NULL, "standard input", line))
            password = g_strdup (line);
    } else if (read_unseen ("Password: ", line) && read_unseen ("Once more: ", again)) {
        if (g_str_equal (line, again))
            password = g_strdup (line);
        else
            cli_complain ("the two passwords are not the same: try again");
    }
    explicit_bzero (line, sizeof line);
    explicit_bzero (again, sizeof again);
    return password;
}
