/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A process that can do little: run a program of the system, read and write the files it was
 * allowed, nothing else of the file system (landlock(7)). Its environment is a search path; it gets
 * no descriptors but its outputs, no new privileges, and dies with the thread that started it.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define SANDBOX_NOT_FOUND 127 /* the exit status where the program is not there */
#define SANDBOX_FAILED    126

struct sandbox {
    int ruleset;
    bool there; /* the kernel keeps it */
};

/* Where the kernel has no Landlock, .there is false and the rest works without. */
int sandbox_init (struct sandbox *sandbox);
void sandbox_fini (struct sandbox *sandbox);
int sandbox_allow (struct sandbox *sandbox, const char *path, bool write);
/* @arguments[0] is looked for in PATH. @out and @err become the standard outputs; the input is
 * empty. */
int sandbox_spawn (struct sandbox *sandbox, const char *const *arguments, int out, int err,
                   pid_t *ret_pid);
