/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The snapshots of a fake machine: they are taken in steps, and nothing is in them. */
#pragma once

#include "machine/posada-fake-machine.h"

G_BEGIN_DECLS

void posada_fake_snapshots_class_init (PosadaMachineClass *machine_class);

/* posada-fake-machine.c: what the next operation is to fail with, or NULL; once. */
char *posada_fake_machine_steal_failure (PosadaFakeMachine *self);
/* Goes there at once. */
void posada_fake_machine_enter (PosadaFakeMachine *self, PosadaMachineState state);

G_END_DECLS
