/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The posada command: verbs, exit statuses and how it speaks to the person who called it. Unlike
 * the rooms below, this one owns its process: it may print and exit. Everything runs on the main
 * thread unless a comment says otherwise.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/* What every verb ends with; documented in posada(1). */
enum cli_status {
    CLI_OK = 0,       /* done; for run: the guest powered off, or was told to */
    CLI_FAILED = 1,   /* run: the machine crashed; ctl: the machine said no */
    CLI_BAD_USE = 2,  /* bad use or bad input: nothing was created or changed */
    CLI_BAD_HOST = 3, /* this host cannot run machines */
};

struct cli_verb {
    const char *name;
    const char *summary; /* for posada --help */
    /* argv[0] is the verb's name. */
    enum cli_status (*run) (int argc, char **argv);
};

/* Sorted as --help shows them; ends with an entry without a name. */
extern const struct cli_verb cli_verbs[];

enum cli_status cli_run (int argc, char **argv);
enum cli_status cli_ctl (int argc, char **argv);
enum cli_status cli_host (int argc, char **argv);
/* Every verb of posada-store. */
enum cli_status cli_store (int argc, char **argv);

/* Prints "posada: " and one sentence on standard error. Any thread. */
void cli_complain (const char *format, ...) __attribute__ ((format (printf, 1, 2)));
