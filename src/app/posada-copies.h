/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a machine's page does to get another machine, or one that leaves nothing. Main thread. */
#pragma once

#include <adwaita.h>

#include "machine/posada-machine.h"

G_BEGIN_DECLS

/*
 * A copy of @machine as it was in the snapshot of that id, or as it is now (NULL), for which it is
 * given a snapshot. @page emits “machine-made” (uuid, TRUE) when it is there, or tells why not.
 */
void posada_copies_try (GtkWidget *page, PosadaMachine *machine, const char *snapshot);
/* Asks how; “machine-made” (uuid, FALSE). */
void posada_copies_clone (GtkWidget *page, PosadaMachine *machine);
/* A template if it is none, and the reverse. */
void posada_copies_toggle_template (GtkWidget *page, PosadaMachine *machine);

G_END_DECLS
