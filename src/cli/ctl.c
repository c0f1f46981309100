/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * posada ctl PATH COMMAND…: sends one command to a running machine and prints its answer.
 */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/socket.h"
#include "cli/control.h"
#include "cli/text.h"

static void
print_help (FILE *stream)
{
    fputs ("Usage: posada ctl PATH COMMAND...\n"
           "\n"
           "PATH is what the machine's --control names. Commands:\n"
           "\n"
           "  status                 what the machine is at\n"
           "  pause, resume          stop and continue its CPUs\n"
           "  reset                  as its reset button does\n"
           "  powerdown              press the power button\n"
           "  quit                   pull the plug\n"
           "  screenshot FILE        write a picture of the screen as PNG\n"
           "  sendkey KEYS           such as ctrl-alt-del, f12 or ret\n"
           "  type TEXT              \\n is Enter, \\t is Tab, \\\\ is a backslash\n"
           "  mouse X Y BUTTONS      none, or left, right and middle joined by +\n"
           "  resize WIDTH HEIGHT    ask the guest for another size of its screen\n"
           "  media INDEX FILE|none  change the CD in drive INDEX, the first is 0\n"
           "  stats                  counters of CPUs and disks\n"
           "  snapshot WHAT          take NAME, list, restore|delete|rename ID ..., cancel\n"
           "  save                   write the machine to disk and end; --restore goes on\n"
           "\n"
           "Exit status: 0 done, 1 the machine said no, 2 bad use or no machine there.\n",
           stream);
}

/* The command on one line, with file names as the machine's process understands them. */
static char *
make_line (int argc, char **argv)
{
    char *line = NULL;
    size_t length = 0;
    FILE *stream = open_memstream (&line, &length);
    int file = -1;

    if (!stream)
        return NULL;
    if (strcmp (argv[0], "screenshot") == 0)
        file = 1;
    else if (strcmp (argv[0], "media") == 0 && argc > 2 && strcmp (argv[2], "none") != 0)
        file = 2;
    for (int i = 0; i < argc; i++) {
        AUTO_FREE char *path = i == file ? text_absolute_path (argv[i]) : NULL;

        fprintf (stream, "%s%s", i ? " " : "", path ? path : argv[i]);
    }
    fputc ('\n', stream);
    if (fclose (stream) != 0) {
        free (line);
        return NULL;
    }
    return line;
}

static int
send_all (int fd, const char *text, size_t length)
{
    while (length) {
        ssize_t n = send (fd, text, length, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        text += n;
        length -= (size_t) n;
    }
    return 0;
}

static enum cli_status
converse (int fd, const char *path, const char *line)
{
    static const char good[] = "{\"ok\":true";
    CLEANUP (cleanup_file) FILE *stream = NULL;
    AUTO_FREE char *answer = NULL;
    size_t size = 0;
    ssize_t length;
    int copy;

    if (send_all (fd, line, strlen (line)) < 0) {
        cli_complain ("the machine at %s does not listen any more", path);
        return CLI_FAILED;
    }
    copy = fcntl (fd, F_DUPFD_CLOEXEC, 0);
    stream = copy >= 0 ? fdopen (copy, "r") : NULL;
    if (!stream) {
        close_fd (copy);
        cli_complain ("the answer of the machine at %s cannot be read: %s", path, strerror (errno));
        return CLI_FAILED;
    }
    length = getline (&answer, &size, stream);
    if (length <= 0) {
        cli_complain ("the machine at %s ended without an answer", path);
        return CLI_FAILED;
    }
    fputs (answer, stdout);
    return strncmp (answer, good, sizeof good - 1) == 0 ? CLI_OK : CLI_FAILED;
}

enum cli_status
cli_ctl (int argc, char **argv)
{
    struct vmm_error error = {0};
    const char *path;
    AUTO_FREE char *line = NULL;
    AUTO_FD fd = -1;

    if (argc > 1 && (strcmp (argv[1], "--help") == 0 || strcmp (argv[1], "-h") == 0)) {
        print_help (stdout);
        return CLI_OK;
    }
    if (argc < 3) {
        cli_complain ("ctl needs the path of a control socket and a command");
        return CLI_BAD_USE;
    }
    path = strncmp (argv[1], "unix:", 5) == 0 ? argv[1] + 5 : argv[1];
    line = make_line (argc - 2, argv + 2);
    if (!line) {
        cli_complain ("out of memory");
        return CLI_BAD_USE;
    }
    if (strlen (line) > CONTROL_MAX_LINE || strchr (line, '\n') != line + strlen (line) - 1) {
        cli_complain ("a command is one line of at most %d bytes", CONTROL_MAX_LINE - 1);
        return CLI_BAD_USE;
    }
    if (socket_connect (path, &fd, &error) < 0) {
        cli_complain ("%s", error.message);
        return CLI_BAD_USE;
    }
    return converse (fd, path, line);
}
