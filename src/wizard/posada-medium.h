/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a file is that somebody wants to make a machine of: an installation medium, the image of a
 * disk, or a kernel; and what the system on it would like to have, as far as libosinfo knows.
 * Recognition reads its database and the file on another thread. What it finds is a plain value.
 */
#pragma once

#include <gio/gio.h>
#include <libdex.h>

#include "store/posada-device.h"

G_BEGIN_DECLS

#define POSADA_TYPE_MEDIUM (posada_medium_get_type ())

typedef enum {
    POSADA_MEDIUM_UNKNOWN,
    POSADA_MEDIUM_ISO,
    POSADA_MEDIUM_DISK,
    POSADA_MEDIUM_KERNEL,
} PosadaMediumKind;

typedef struct {
    PosadaMediumKind kind;

    /* An installation medium. */
    char *os_name; /* NULL: bootable, but nobody knows what it is */
    char *os_id;
    guint64 memory; /* recommended, in bytes; each 0 if unknown */
    guint64 storage;
    guint cpus;
    guint64 least_memory;
    gboolean bios, efi; /* what it starts by */

    /* A disk. */
    PosadaFormat format;
    gboolean format_unclear; /* its name says another than its first bytes do */
    gboolean has_base;       /* it says only in what it differs from another image */
    gboolean writable;
    gboolean in_use;
    guint64 allocated; /* bytes that a copy takes */
} PosadaMedium;

GType posada_medium_get_type (void);
PosadaMedium *posada_medium_copy (const PosadaMedium *self);
void posada_medium_free (PosadaMedium *self);

/* Resolves to a PosadaMedium; rejects with a sentence if the file cannot be read, or is nothing to
 * make a machine of. @wish is what the user says it is, if it can be. */
DexFuture *posada_medium_recognize (GFile *file, PosadaMediumKind wish);
/* Resolves to TRUE; rejects with a sentence if the file cannot be read or is empty. */
DexFuture *posada_medium_check_file (GFile *file);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PosadaMedium, posada_medium_free)

G_END_DECLS
