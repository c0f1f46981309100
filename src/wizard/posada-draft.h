/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The machine that is about to be made, and what is wrong with it, value by value. Pages show it
 * and set it; it knows nothing of them. Files are looked at on other threads; whatever is found,
 * and every change, is told by one signal. Main thread.
 *
 * Signal "changed" (draft): something is another than before, perhaps a problem.
 * Signal "recognized" (draft): what the source is has been found out, or that it is no good.
 */
#pragma once

#include "machine/posada-disk-image.h"
#include "store/posada-store.h"
#include "wizard/posada-capacity.h"
#include "wizard/posada-medium.h"

G_BEGIN_DECLS

#define POSADA_TYPE_DRAFT (posada_draft_get_type ())
G_DECLARE_FINAL_TYPE (PosadaDraft, posada_draft, POSADA, DRAFT, GObject)

/* What can be wrong. */
typedef enum {
    POSADA_FIELD_SOURCE,
    POSADA_FIELD_FORMAT,
    POSADA_FIELD_USE, /* of a disk: in place, or a copy */
    POSADA_FIELD_INITRD,
    POSADA_FIELD_CMDLINE,
    POSADA_FIELD_NAME,
    POSADA_FIELD_MEMORY,
    POSADA_FIELD_CPUS,
    POSADA_FIELD_DISK_SIZE,
    POSADA_FIELD_FIRMWARE,
    POSADA_N_FIELDS,
} PosadaField;

/* Of a disk: nobody has said yet. */
#define POSADA_FORMAT_UNKNOWN ((PosadaFormat) - 1)

/* @names, of machines that exist, may be NULL. */
PosadaDraft *posada_draft_new (PosadaStore *store, const char *const *names);

/* A file to make a machine of, as what it is, or POSADA_MEDIUM_UNKNOWN for whatever it is. NULL is
 * a machine without any. */
void posada_draft_set_source (PosadaDraft *self, GFile *file, PosadaMediumKind kind);
GFile *posada_draft_get_source (PosadaDraft *self);
/* What it is as far as is known now. */
PosadaMediumKind posada_draft_get_kind (PosadaDraft *self);
gboolean posada_draft_is_looking (PosadaDraft *self);
/* NULL: not yet recognized, or no good. */
const PosadaMedium *posada_draft_get_medium (PosadaDraft *self);
/* Measures the host again. */
void posada_draft_refresh (PosadaDraft *self);
/* NULL: not yet known. */
const PosadaCapacity *posada_draft_get_capacity (PosadaDraft *self);
/* For tests. */
void posada_draft_set_capacity (PosadaDraft *self, const PosadaCapacity *capacity);

void posada_draft_set_format (PosadaDraft *self, PosadaFormat format);
PosadaFormat posada_draft_get_format (PosadaDraft *self);
void posada_draft_set_copy (PosadaDraft *self, gboolean copy);
gboolean posada_draft_get_copy (PosadaDraft *self);
void posada_draft_set_initrd (PosadaDraft *self, GFile *file);
GFile *posada_draft_get_initrd (PosadaDraft *self);
void posada_draft_set_cmdline (PosadaDraft *self, const char *cmdline);
const char *posada_draft_get_cmdline (PosadaDraft *self);
void posada_draft_set_name (PosadaDraft *self, const char *name);
const char *posada_draft_get_name (PosadaDraft *self);
void posada_draft_set_memory (PosadaDraft *self, guint64 memory);
guint64 posada_draft_get_memory (PosadaDraft *self);
void posada_draft_set_cpus (PosadaDraft *self, guint cpus);
guint posada_draft_get_cpus (PosadaDraft *self);
/* Of a new disk; 0: none. */
void posada_draft_set_disk_size (PosadaDraft *self, guint64 size);
guint64 posada_draft_get_disk_size (PosadaDraft *self);
void posada_draft_set_firmware (PosadaDraft *self, PosadaFirmware firmware);
PosadaFirmware posada_draft_get_firmware (PosadaDraft *self);
/* Whether it has a network card, through this computer. */
void posada_draft_set_network (PosadaDraft *self, gboolean network);
gboolean posada_draft_get_network (PosadaDraft *self);

/* One sentence; NULL: nothing is wrong with it. Valid until the next change. */
const char *posada_draft_get_problem (PosadaDraft *self, PosadaField field);
/* Nothing is wrong, and everything is known. */
gboolean posada_draft_is_ready (PosadaDraft *self);
/* So are at least those fields that say what it is made of. */
gboolean posada_draft_has_source (PosadaDraft *self);

/* Whether making it takes long enough to show how far it is. */
gboolean posada_draft_takes_long (PosadaDraft *self);
/* Resolves to the UUID, a string; rejects with a sentence, and nothing is left behind then. */
DexFuture *posada_draft_create (PosadaDraft *self, GCancellable *cancellable);
/* Of create (), from 0 to 1. */
double posada_draft_get_progress (PosadaDraft *self);

G_END_DECLS
