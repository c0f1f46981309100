/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk or drive of a machine as it was when looked at: immutable, like a snapshot. */
#pragma once

#include <gio/gio.h>

#include "store/posada-device.h"

G_BEGIN_DECLS

/* What one snapshot keeps of a disk. */
typedef struct {
    char *id;
    char *name;
    guint64 bytes; /* that only it has: what deleting it frees; G_MAXUINT64: not known now */
} PosadaDiskShare;

typedef struct {
    char *target;      /* “vda”: what it is called among the disks of its machine */
    char *path;        /* NULL: an empty drive, or one that is nowhere on this host */
    gboolean is_drive; /* for CDs */
    gboolean is_file;  /* else a device of the host, or something elsewhere */
    gboolean own;      /* the file is in the machine's folder */
    PosadaFormat format;
    guint64 size, on_disk; /* bytes; 0: not known */
    gboolean read_only;
    char *base; /* it says only in what it differs from that file; NULL: it is whole */
    PosadaDiskShare *shares;
    guint n_shares;
    char *problem; /* a sentence: why it cannot be read; NULL: it can */
    char *fixed;   /* a sentence: why its size and format have to stay; NULL: they need not */
} PosadaDiskData;

#define POSADA_TYPE_DISK_INFO (posada_disk_info_get_type ())
G_DECLARE_FINAL_TYPE (PosadaDiskInfo, posada_disk_info, POSADA, DISK_INFO, GObject)

/* Takes what is in @data. */
PosadaDiskInfo *posada_disk_info_new (const PosadaDiskData *data);
/* Valid as long as @self. */
const PosadaDiskData *posada_disk_info_get (PosadaDiskInfo *self);
/* The name of its file, or a word for an empty drive. */
char *posada_disk_info_get_title (PosadaDiskInfo *self);

G_END_DECLS
