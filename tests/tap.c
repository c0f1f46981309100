/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include <stdarg.h>

struct tap_test *tap_first, **tap_last = &tap_first;
jmp_buf tap_escape;
static char tap_reason[400];

void
tap_fail (const char *file, int line, const char *format, ...)
{
    va_list arguments;

    printf ("# %s:%d: ", file, line);
    va_start (arguments, format);
    vprintf (format, arguments);
    va_end (arguments);
    putchar ('\n');
    longjmp (tap_escape, TAP_FAILED);
}

void
tap_skip (const char *reason)
{
    snprintf (tap_reason, sizeof tap_reason, "%s", reason);
    longjmp (tap_escape, TAP_SKIPPED);
}

/* A frame of its own, so that no local of the caller lives across the jump. */
static enum tap_result
run_one (const struct tap_test *test)
{
    int result = setjmp (tap_escape);

    if (result == 0)
        test->run ();
    return (enum tap_result) result;
}

int
tap_main (int argc, char **argv)
{
    int number = 0, failed = 0;

    setvbuf (stdout, NULL, _IOLBF, 0);
    for (struct tap_test *test = tap_first; test; test = test->next) {
        enum tap_result result;

        if (argc > 1 && !strstr (test->name, argv[1]))
            continue;
        number++;
        result = run_one (test);
        if (result == TAP_FAILED)
            failed++;
        printf ("%s %d - %s%s%s\n", result == TAP_FAILED ? "not ok" : "ok", number, test->name,
                result == TAP_SKIPPED ? " # SKIP " : "", result == TAP_SKIPPED ? tap_reason : "");
    }
    printf ("1..%d\n", number);
    return failed ? 1 : 0;
}
