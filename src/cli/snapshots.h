/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The snapshot and save commands of the control socket, and --restore. Main thread only. */
#pragma once

#include "base/error.h"

struct control_client;
struct run;
struct vmm_event;

/* After the machine and its disks. */
void snapshots_destroy (struct run *run);

/* As the commands of commands.c. */
void snapshots_execute (struct run *run, struct control_client *client, char *arguments);
void snapshots_execute_save (struct run *run, struct control_client *client, char *arguments);

/* Before the machine is started: removes what one that was killed left. */
void snapshots_clean (struct run *run);
/* Instead of starting the machine: becomes what is in @path. */
int snapshots_restore_first (struct run *run, const char *path, struct vmm_error *error);

/* SAVED and RESTORED events. */
void snapshots_handle_event (struct run *run, const struct vmm_event *event);
