/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/error.h"

#undef vmm_error_set
#undef vmm_error_set_errno

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
vmm_error_set (struct vmm_error *error, int code, const char *format, ...)
{
    va_list arguments;

    if (!error)
        return code;
    error->code = code;
    va_start (arguments, format);
    vsnprintf (error->message, sizeof error->message, format, arguments);
    va_end (arguments);
    return code;
}

int
vmm_error_set_errno (struct vmm_error *error, int code, const char *format, ...)
{
    va_list arguments;
    char reason[96];
    size_t length;

    if (!error)
        return code;
    error->code = code;
    va_start (arguments, format);
    vsnprintf (error->message, sizeof error->message, format, arguments);
    va_end (arguments);

    length = strlen (error->message);
    snprintf (error->message + length, sizeof error->message - length, ": %s",
              strerror_r (-code, reason, sizeof reason));
    return code;
}
