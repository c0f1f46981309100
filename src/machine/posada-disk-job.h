/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The work of PosadaDiskCare, on threads of its own: what is done to the files and the definition.
 * For posada-disk-*.c, and for the command,
 * which has no main loop.
 */
#pragma once

#include <stdatomic.h>

#include "machine/posada-disk-info.h"
#include "store/posada-store.h"

G_BEGIN_DECLS

typedef struct _PosadaDiskJob PosadaDiskJob;
typedef gboolean (*PosadaDiskWork) (PosadaDiskJob *job, GError **error);

/* Counted by g_atomic_rc_box: the main thread looks at progress while the other one works. */
struct _PosadaDiskJob {
    PosadaDiskWork work;
    gboolean is_task;             /* it changes things: the definition is read again first */
    gboolean needs_lock;          /* of the machine, for that */
    PosadaStore *store;           /* or NULL */
    char *folder;                 /* of the machine */
    PosadaDefinition *definition; /* a copy, which may be changed */
    gboolean edited;              /* … and was saved */

    /* What is asked for; each has its own use for these. */
    char *target, *path, *format_name;
    PosadaFormat format;
    guint64 size;
    gboolean flag;
    guint64 before, step;   /* bytes: of what was converted before, and of what is now */
    gboolean has_snapshots; /* the machine */
    gboolean is_on;         /* somebody may be writing to the images */
    GHashTable *titles;     /* of snapshots by their ids */

    _Atomic guint64 done, total; /* bytes; total 0: nobody can say */
    atomic_bool cancelled;

    GPtrArray *infos; /* what a look found */
    guint found;      /* bits, of a check */
    GError *error;
};

void posada_disk_job_clear (gpointer job);

/* Does it all: takes the lock, reads, works. .error says how it went. */
void posada_disk_job_run (PosadaDiskJob *job);

/* What there is to do. */
gboolean posada_disk_job_create (PosadaDiskJob *job, GError **error);  /* .size */
gboolean posada_disk_job_attach (PosadaDiskJob *job, GError **error);  /* .path, .format */
gboolean posada_disk_job_import (PosadaDiskJob *job, GError **error);  /* .path, .format_name */
gboolean posada_disk_job_remove (PosadaDiskJob *job, GError **error);  /* .flag: to trash */
gboolean posada_disk_job_resize (PosadaDiskJob *job, GError **error);  /* .size */
gboolean posada_disk_job_compact (PosadaDiskJob *job, GError **error); /* .flag: compress */
gboolean posada_disk_job_convert (PosadaDiskJob *job, GError **error); /* .format */
gboolean posada_disk_job_convert_raw (PosadaDiskJob *job, GError **error);
/* With what it is based on in it; without .target all disks that are based on something. */
gboolean posada_disk_job_make_independent (PosadaDiskJob *job, GError **error);
gboolean posada_disk_job_check (PosadaDiskJob *job, GError **error);      /* .flag: repair */
gboolean posada_disk_job_set_medium (PosadaDiskJob *job, GError **error); /* .path */
/* posada-disk-look.c */
gboolean posada_disk_job_look (PosadaDiskJob *job, GError **error);
gboolean posada_disk_job_recognize (PosadaDiskJob *job, GError **error);  /* .path → .format_name */
gboolean posada_disk_job_find_space (PosadaDiskJob *job, GError **error); /* → .size */

/* --- what they share --- */

gboolean posada_disk_fail (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* The sentence for what the block layer says of @path. */
gboolean posada_disk_fail_block (GError **error, int result, const char *path, const char *message);
/* Bytes that a file takes on the disk; 0 if that cannot be found out. */
guint64 posada_disk_measure (const char *path);
/* Bytes that may be written where @folder is. */
guint64 posada_disk_find_room (const char *folder);
/* What a process that died while it converted has left in a machine's folder, whose lock is held.
 */
void posada_disk_remove_remains (const char *folder);
gboolean posada_disk_is_own (const PosadaDiskJob *job, const char *path);
/* Why the size and format of @disk have to stay; NULL: they need not. */
char *posada_disk_explain_fixed (const PosadaDiskJob *job, const PosadaDisk *disk, guint n_inside);

G_END_DECLS
