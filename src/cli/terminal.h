/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Standard input and output as the guest's serial terminal. Input is read on the caller's loop,
 * searched for the Ctrl-A commands and passed on through a pipe, whose other end a chardev takes.
 * A terminal is made raw only between terminal_start () and terminal_stop (), and is put back as it
 * was when the process exits or dies of a signal that can be caught.
 *
 * A process has one terminal, which is why its former settings are the one thing in this room that
 * lives outside a structure.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/loop.h"

struct terminal;

/* @quit is called on the loop when Ctrl-A X is typed. */
int terminal_create (struct vmm_loop *loop, void (*quit) (void *data), void *data,
                     struct terminal **ret_terminal, struct vmm_error *error);
/* Stops it first. NULL is fine. */
void terminal_destroy (struct terminal *terminal);

/* What the chardev reads; borrowed. */
int terminal_input_fd (const struct terminal *terminal);

int terminal_start (struct terminal *terminal, struct vmm_error *error);
/* Stops reading and restores the settings. May be called again. */
void terminal_stop (struct terminal *terminal);

/* The process was continued after a stop: a shell may have changed the settings. */
void terminal_continued (struct terminal *terminal);

/* Any thread. */
bool terminal_is_raw (void);
