/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TAP output for tests below the border: TEST (states_one_behaviour) { CHECK (…); } … then TAP_MAIN
 * (). A failed check prints where and what and ends that test only. SKIP ("reason") ends it as
 * skipped.
 */
#pragma once

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tap_test {
    const char *name;
    void (*run) (void);
    struct tap_test *next;
};

extern struct tap_test *tap_first, **tap_last;
extern jmp_buf tap_escape;
enum tap_result {
    TAP_OK,
    TAP_FAILED,
    TAP_SKIPPED
};

void tap_fail (const char *file, int line, const char *format, ...)
    __attribute__ ((format (printf, 3, 4), noreturn));
void tap_skip (const char *reason) __attribute__ ((noreturn));
int
tap_main (int argc, char **argv); /* argv[1], if given: run only the tests whose name contains it */

#define TEST(name_)                                                       \
    static void name_ (void);                                             \
    static struct tap_test tap_##name_ = {#name_, name_, NULL};           \
    __attribute__ ((constructor)) static void tap_register_##name_ (void) \
    {                                                                     \
        *tap_last = &tap_##name_;                                         \
        tap_last = &tap_##name_.next;                                     \
    }                                                                     \
    static void name_ (void)

#define CHECK(condition)                                     \
    do {                                                     \
        if (!(condition))                                    \
            tap_fail (__FILE__, __LINE__, "%s", #condition); \
    } while (0)
#define CHECK_EQUAL(actual, expected)                                                            \
    do {                                                                                         \
        long long tap_a = (long long) (actual), tap_b = (long long) (expected);                  \
        if (tap_a != tap_b)                                                                      \
            tap_fail (__FILE__, __LINE__, "%s is %#llx, expected %#llx", #actual, tap_a, tap_b); \
    } while (0)
#define CHECK_STRING(actual, expected)                                          \
    do {                                                                        \
        const char *tap_s = (actual), *tap_t = (expected);                      \
        if (!tap_s || strcmp (tap_s, tap_t) != 0)                               \
            tap_fail (__FILE__, __LINE__, "%s is “%s”, expected “%s”", #actual, \
                      tap_s ? tap_s : "(null)", tap_t);                         \
    } while (0)
#define CHECK_CONTAINS(actual, part)                                               \
    do {                                                                           \
        const char *tap_s = (actual), *tap_t = (part);                             \
        if (!tap_s || !strstr (tap_s, tap_t))                                      \
            tap_fail (__FILE__, __LINE__, "%s is “%s”, which lacks “%s”", #actual, \
                      tap_s ? tap_s : "(null)", tap_t);                            \
    } while (0)
#define SKIP(reason) tap_skip (reason)
#define TAP_MAIN()                    \
    int main (int argc, char **argv)  \
    {                                 \
        return tap_main (argc, argv); \
    }
