/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The programs that are the command: posada, small and without GLib, which runs machines,
 * posada-run-spice, which runs those that viewers may connect to, and posada-store, which knows
 * where machines are kept. Each replaces itself with another where a verb needs that, so that no
 * process carries what it does not need while a machine runs. Main thread only.
 */
#pragma once

/* Runs @name, which is beside this program, as in a build, or in @folder, where it is installed.
 * Returns only if that fails, with a complaint made. */
void companion_execute (const char *name, const char *folder, char **argv);

/* Says which descriptor, already without FD_CLOEXEC, the next program is to keep open. */
void companion_pass_on (int fd);
/* Keeps what the last program passed on, for this process alone. */
void companion_adopt (void);
