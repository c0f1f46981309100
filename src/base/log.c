/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void
vmm_log (const struct vmm_log *log, enum vmm_log_level level, const char *format, ...)
{
    va_list arguments;
    char message[1000];

    if (!log || !log->write || level > log->level)
        return;
    va_start (arguments, format);
    vsnprintf (message, sizeof message, format, arguments);
    va_end (arguments);
    log->write (log->data, level, message);
}
