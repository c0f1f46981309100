/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of a draft, for posada-draft*.c. */
#pragma once

#include "wizard/posada-draft.h"

#define DRAFT_MIB (G_GUINT64_CONSTANT (1) << 20)
#define DRAFT_GIB (G_GUINT64_CONSTANT (1) << 30)

struct _PosadaDraft {
    GObject parent_instance;

    PosadaStore *store;
    GStrv names;
    PosadaCapacity *capacity; /* NULL: not measured yet */

    GFile *source;
    PosadaMediumKind kind;
    gboolean has_kind; /* FALSE: nothing is chosen yet, not even a machine without a source */
    PosadaMedium *medium;
    char *source_problem;
    DexFuture *looking; /* the one whose result counts */

    PosadaFormat format;
    gboolean copy;
    GFile *initrd;
    char *initrd_problem;
    DexFuture *looking_initrd;
    char *cmdline;

    char *name;
    guint64 memory, disk_size;
    guint cpus;
    PosadaFirmware firmware;
    gboolean network;
    /* Set by somebody, and not to be overwritten by what would be good. */
    gboolean own_name, own_memory, own_disk_size, own_cpus, own_firmware;

    char *problems[POSADA_N_FIELDS];
    PosadaDiskCopy *copying;
};

/* In posada-draft-check.c: fills .problems. */
void posada_draft_check (PosadaDraft *self);
/* The sentence why a machine may not be called so; NULL: it may. */
char *posada_draft_check_name (PosadaDraft *self, const char *name);

/* In posada-draft-defaults.c: what nobody has set. */
void posada_draft_apply_defaults (PosadaDraft *self);

/* In posada-draft-create.c. */
PosadaDefinition *posada_draft_make_definition (PosadaDraft *self, GError **error);
