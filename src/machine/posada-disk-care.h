/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disks and drives of one machine, and what is done to them while it is off: its machine has
 * one, which it makes when it is first asked for. One operation at a time, each on a thread of its
 * own that holds the machine's lock, so that nobody starts it meanwhile. Whatever goes wrong, or is
 * cancelled, leaves the disks and the definition as they were and no file behind. Main thread.
 *
 * Operations resolve to TRUE, or reject with a POSADA_MACHINE_ERROR of one sentence;
 * G_IO_ERROR_CANCELLED if they were cancelled. Disks are named by their targets.
 */
#pragma once

#include <libdex.h>

#include "machine/posada-disk-info.h"
#include "machine/posada-machine.h"
#include "store/posada-store.h"

G_BEGIN_DECLS

#define POSADA_TYPE_DISK_CARE (posada_disk_care_get_type ())
G_DECLARE_FINAL_TYPE (PosadaDiskCare, posada_disk_care, POSADA, DISK_CARE, GObject)

/* For machines. */
typedef struct {
    PosadaStore *store; /* that keeps the definition; NULL: the machine alone does */
    const char *folder; /* where files that are made go */
    /* Borrowed; NULL: there is none now. */
    PosadaDefinition *(*get_definition) (PosadaMachine *machine);
    /* It was saved: the machine is of it from now on, and its disks may be others or of another
     * size. */
    void (*take_definition) (PosadaMachine *machine, PosadaDefinition *definition);
} PosadaDiskHost;

/* @machine is borrowed and frees it. Copies @host. */
PosadaDiskCare *posada_disk_care_new (PosadaMachine *machine, const PosadaDiskHost *host);
/* The machine is gone: what goes on is cancelled. */
void posada_disk_care_close (PosadaDiskCare *self);

/* Of PosadaDiskInfo, in the order of the definition; always the same list. */
GListModel *posada_disk_care_get_disks (PosadaDiskCare *self);
PosadaDiskInfo *posada_disk_care_find (PosadaDiskCare *self, const char *target); /* borrowed */
/* Looks at all of them again, which is done soon after. */
void posada_disk_care_look (PosadaDiskCare *self);

/* Signal "changed" (no arguments): the following are others than before. */

/* A sentence: why disks cannot be changed now; NULL: they can. */
const char *posada_disk_care_get_obstacle (PosadaDiskCare *self);
/* What goes on, as in “Compacting “disk.qcow2””; NULL: nothing. */
const char *posada_disk_care_get_task (PosadaDiskCare *self);
/* How far that is, in bytes; FALSE: nobody can say. Any time. */
gboolean
posada_disk_care_get_progress (PosadaDiskCare *self, guint64 *ret_done, guint64 *ret_total);
gboolean posada_disk_care_can_cancel (PosadaDiskCare *self);
void posada_disk_care_cancel (PosadaDiskCare *self);

/* Bytes that are free where the machine's files are. Resolves to a guint64. */
DexFuture *posada_disk_care_find_space (PosadaDiskCare *self);

/* A new disk, empty. */
DexFuture *posada_disk_care_create (PosadaDiskCare *self, guint64 size);
/* What a file is that its user chose: resolves to the name of its format as QEMU has it. Rejects
 * with WRONG_STATE if its name and its first bytes do not agree, so that the user has to say. */
DexFuture *posada_disk_care_recognize (PosadaDiskCare *self, const char *path);
/* The names of formats that can be brought in; only raw and qcow2 can be used in place. */
const char *const *posada_disk_care_get_formats (void);
/* A disk that is that file, where it is. */
DexFuture *posada_disk_care_attach (PosadaDiskCare *self, const char *path, PosadaFormat format);
/* A disk with what is in that file; the file stays as it is. */
DexFuture *posada_disk_care_import (PosadaDiskCare *self, const char *path, const char *format);
/* The file stays, unless it is to go to the user's trash. */
DexFuture *posada_disk_care_remove (PosadaDiskCare *self, const char *target, gboolean to_trash);
/* Smaller only if nothing is lost. */
DexFuture *posada_disk_care_resize (PosadaDiskCare *self, const char *target, guint64 size);
DexFuture *posada_disk_care_compact (PosadaDiskCare *self, const char *target, gboolean compress);
/* A file of the machine's own is replaced; others stay where they are. */
DexFuture *posada_disk_care_convert (PosadaDiskCare *self, const char *target, PosadaFormat format);
/* It has all in its own file then, and is based on no other. */
DexFuture *posada_disk_care_make_independent (PosadaDiskCare *self, const char *target);
/* All raw disks that snapshots would need. */
DexFuture *posada_disk_care_convert_raw (PosadaDiskCare *self);
gboolean posada_disk_care_has_raw (PosadaDiskCare *self);

/* Resolves to a guint: 0 sound, else this. */
#define POSADA_DISK_HAS_LEAKS  1u /* clusters that nobody uses */
#define POSADA_DISK_HAS_ERRORS 2u
#define POSADA_DISK_IS_DAMAGED 4u /* cannot be repaired; what can be read can be saved */
DexFuture *posada_disk_care_check (PosadaDiskCare *self, const char *target);
DexFuture *posada_disk_care_repair (PosadaDiskCare *self, const char *target);

/* Of a drive, at any time; NULL ejects. */
DexFuture *posada_disk_care_set_medium (PosadaDiskCare *self, const char *target, const char *path);

G_END_DECLS
