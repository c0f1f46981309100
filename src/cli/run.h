/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One posada run: the machine, its back ends and what talks to them, for the files that make up
 * that verb. Main thread only.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/log.h"
#include "base/loop.h"
#include "block/block.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "engine/posada-engine.h"
#include "machine/machine-config.h"

struct control;
struct control_client;
struct keyboard;
struct run_snapshots;
struct spice_sink;
struct terminal;

struct run {
    struct run_options options;
    struct machine_plan plan;
    char macs[OPTIONS_MAX_CARDS][18];
    char *bios_path, *vgabios_path; /* the distribution's; NULL if not needed */
    struct vmm_machine *machine;
    struct vmm_loop *loop;
    struct vmm_source events, signals;
    int signal_fd;
    struct terminal *terminal; /* NULL unless a line leads to stdio */
    struct control *control;   /* NULL without --control */
    struct keyboard *keyboard;
    const struct viewing_class *viewing; /* NULL in the program that has none */
    struct spice_sink *viewers;          /* NULL without --spice */
    struct run_snapshots *snapshots;     /* NULL until something is asked of them */
    int log_fd;                          /* -1 without --log */
    int serial_fd, console_fd;           /* where those lead to a file, else -1 */
    struct vmm_log log;

    /* Files made on the way to the first start, removed again if it is not reached. */
    const char *created[OPTIONS_MAX_DISKS + 3];
    size_t n_created;

    bool started; /* the machine ran */
    bool done;
    enum cli_status status;
    char reason[512];  /* why the machine is in the state it is in, if nobody asked for it */
    char refused[512]; /* why the last command was refused, until somebody looks */
};

/* Opens everything and builds the machine, OFF. On failure nothing is left behind after
 * run_close (), and run->status says what to exit with. */
int run_open (struct run *run, struct vmm_error *error);
/* Takes apart whatever there is. */
void run_close (struct run *run);

/* Takes in what the machine reports. */
void run_drain_events (struct run *run);

/* Ends the run with status 0, whatever the guest is at. */
void run_quit (struct run *run);

/* A control_command_fn; @data is a struct run. */
void commands_execute (void *data, struct control_client *client, char *line);
