/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a machine consists of, and what it does while it runs here, as lists of rows. Some lead on
 * by actions of the machine's page. Main thread.
 */
#pragma once

#include <adwaita.h>

#include "machine/posada-machine.h"

G_BEGIN_DECLS

#define POSADA_TYPE_MACHINE_FACTS (posada_machine_facts_get_type ())
G_DECLARE_FINAL_TYPE (PosadaMachineFacts, posada_machine_facts, POSADA, MACHINE_FACTS, AdwBin)

/* NULL: none. */
void posada_machine_facts_set_machine (PosadaMachineFacts *self, PosadaMachine *machine);

/* A length of time in the two largest units that it has, as in “2 hours, 5 minutes”. */
char *posada_machine_facts_format_time (gint64 seconds);

G_END_DECLS
