/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A machine that runs nothing: changes state as a real one would, a little later, draws a picture
 * of its own and takes note of its input. For widget tests, screenshots and work on the UI without
 * KVM.
 */
#pragma once

#include "machine/posada-machine.h"
#include "store/posada-definition.h"

G_BEGIN_DECLS

#define POSADA_TYPE_FAKE_MACHINE (posada_fake_machine_get_type ())
G_DECLARE_FINAL_TYPE (PosadaFakeMachine, posada_fake_machine, POSADA, FAKE_MACHINE, PosadaMachine)

PosadaMachine *posada_fake_machine_new (const char *name, const char *os_name);
/* The next operation rejects with @message. */
void posada_fake_machine_fail_next (PosadaFakeMachine *self, const char *message);
/*
 * What was typed and clicked since the machine was made, one line each: "key 30 down", "abs 100 200
 * buttons 1", "rel 5 -3 buttons 0" (both with " wheel 1" at the end if it turned), "release", and
 * "size 800 600" for wishes, which the picture follows. Valid until the next input.
 */
const char *posada_fake_machine_get_input (PosadaFakeMachine *self);

/* What its disks say it has; NULL before anybody asked for their care. */
PosadaDefinition *posada_fake_machine_get_definition (PosadaMachine *machine);
void posada_fake_machine_take_definition (PosadaMachine *machine, PosadaDefinition *definition);

/* Lives through @seconds at once: so many samples are added. */
void posada_fake_machine_age (PosadaFakeMachine *self, guint seconds);

G_END_DECLS
