/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/companion.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/text.h"

#define LOCK_VARIABLE "POSADA_LOCK_FD"

void
companion_execute (const char *name, const char *folder, char **argv)
{
    char beside[PATH_MAX + 64], installed[PATH_MAX];
    ssize_t length = readlink ("/proc/self/exe", beside, PATH_MAX - 1);

    if (length > 0) {
        char *end;

        beside[length] = 0;
        end = strrchr (beside, '/') + 1;
        snprintf (end, 64, "%s", name);
        execv (beside, argv);
        /* As a build has them. */
        snprintf (end, 64, "../app/%s", name);
        execv (beside, argv);
    }
    snprintf (installed, sizeof installed, "%s/%s", folder, name);
    execv (installed, argv);
    cli_complain ("%s cannot be run: %s", installed, strerror (errno));
}

void
companion_pass_on (int fd)
{
    char text[16];

    snprintf (text, sizeof text, "%d", fd);
    setenv (LOCK_VARIABLE, text, 1);
}

void
companion_adopt (void)
{
    const char *text = getenv (LOCK_VARIABLE);
    uint64_t fd;

    if (text && text_parse_number (text, INT_MAX, &fd) == 0 && fd > STDERR_FILENO)
        (void) fcntl ((int) fd, F_SETFD, FD_CLOEXEC);
    unsetenv (LOCK_VARIABLE);
}
