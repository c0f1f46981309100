/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Errors that a user can act on. Functions below the border return 0 or a negative errno; those
 * that fail for a reason a person can mend also fill a struct vmm_error with one sentence that
 * names the file, device or value. Plain values, callable on any thread.
 */
#pragma once

struct vmm_error {
    int code;          /* negative errno, 0 while unset */
    char message[480]; /* one sentence without a newline, UTF-8 */
};

/* Fills @error (which may be NULL) and returns @code, so that a failure is one statement: return
 * vmm_error_set (...). */
int vmm_error_set (struct vmm_error *error, int code, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

/* As vmm_error_set (), with ": <description of code>" appended to the sentence. */
int vmm_error_set_errno (struct vmm_error *error, int code, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

/* Static analysis sees one file at a time, and has to be told what these return. */
#ifdef __clang_analyzer__
#define vmm_error_set(error, code, ...) (vmm_error_set (error, code, __VA_ARGS__), (code))
#define vmm_error_set_errno(error, code, ...) \
    (vmm_error_set_errno (error, code, __VA_ARGS__), (code))
#endif
