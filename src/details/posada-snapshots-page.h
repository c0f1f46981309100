/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The snapshots of one machine as a timeline: the tree with pictures, “now” marked, and all that is
 * done with them. Also takes one without being looked at.
 */
#pragma once

#include <adwaita.h>

#include "machine/posada-machine.h"

G_BEGIN_DECLS

#define POSADA_TYPE_SNAPSHOTS_PAGE (posada_snapshots_page_get_type ())
G_DECLARE_FINAL_TYPE (PosadaSnapshotsPage, posada_snapshots_page, POSADA, SNAPSHOTS_PAGE,
                      AdwNavigationPage)

GtkWidget *posada_snapshots_page_new (void);
void posada_snapshots_page_set_machine (PosadaSnapshotsPage *self, PosadaMachine *machine);

/* Whether the state of @machine allows for a snapshot now. */
gboolean posada_snapshots_page_can_take (PosadaMachine *machine);
/* Takes one with the next name; what goes wrong is told in a dialog above @widget. */
void posada_snapshots_page_take (PosadaMachine *machine, GtkWidget *widget);

G_END_DECLS
