/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/terminal.h"

void
cli_complain (const char *format, ...)
{
    char text[1200] = "posada: ";
    size_t length = strlen (text);
    va_list arguments;

    va_start (arguments, format);
    vsnprintf (text + length, sizeof text - length - 2, format, arguments);
    va_end (arguments);
    length = strlen (text);
    /* A raw terminal does not go back to the first column by itself. */
    if (terminal_is_raw ())
        text[length++] = '\r';
    text[length++] = '\n';
    /* One write, so that lines of several threads do not mix; nobody is left to tell if it fails.
     */
    if (write (STDERR_FILENO, text, length) < 0)
        return;
}
