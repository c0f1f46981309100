/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Viewers of a machine that posada run has: where they connect, and what lets them. The latter is
 * in a program of its own, posada-run-spice, which the command becomes for such a machine:
 * libspice-server brings more along than a machine needs that nobody looks at. Main thread only.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "cli/cli.h"

struct run;

/* The value of --spice. Owns what it points to. */
struct viewing_option {
    char *socket;  /* path; NULL: none */
    unsigned port; /* with TLS; 0: none */
    char *certificate, *key, *password_file;
};

/* 0, or a negative errno with a sentence that names the value. @option is to be cleared in each
 * case. */
int viewing_parse (const char *value, struct viewing_option *option, struct vmm_error *error);
/* All zeroes are fine. */
void viewing_clear (struct viewing_option *option);

/* What a viewer takes as the address; NULL: none can connect. The caller frees it. */
char *viewing_get_address (const struct viewing_option *option);

struct viewing_class {
    /* Lets viewers connect as run->options.viewing says, to run->plan's display and input. Sets
     * run->viewers. */
    int (*open) (struct run *run, struct vmm_error *error);
    /* Cuts viewers off. Before display and input go; nothing if none were let in. */
    void (*close) (struct run *run);
};

/* cli_run () of a program that has @viewing. */
enum cli_status viewing_run (int argc, char **argv, const struct viewing_class *viewing);
