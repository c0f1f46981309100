/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disks of a fake machine are real files, nearly empty, in a folder that is removed with it: so
 * what is done to them is really done.
 */
#pragma once

#include "machine/posada-disk-care.h"

G_BEGIN_DECLS

typedef struct _PosadaFakeDisks PosadaFakeDisks;

/* @machine is borrowed. A disk of @size bytes and an empty drive. */
PosadaFakeDisks *posada_fake_disks_new (PosadaMachine *machine, guint64 size);
void posada_fake_disks_free (PosadaFakeDisks *self); /* NULL is fine */
PosadaDiskCare *posada_fake_disks_get_care (PosadaFakeDisks *self);
PosadaDefinition *posada_fake_disks_get_definition (PosadaFakeDisks *self);
void posada_fake_disks_take_definition (PosadaFakeDisks *self, PosadaDefinition *definition);

G_END_DECLS
