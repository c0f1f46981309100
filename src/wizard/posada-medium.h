/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is on an installation medium, and what the system on it would like to have, as far as
 * libosinfo knows. Recognition reads its database and the file on another thread.
 */
#pragma once

#include <gio/gio.h>
#include <libdex.h>

G_BEGIN_DECLS

#define POSADA_TYPE_MEDIUM (posada_medium_get_type ())

typedef struct {
    char *os_name; /* NULL: bootable, but nobody knows what it is */
    char *os_id;
    guint64 memory; /* recommended, in bytes; each 0 if unknown */
    guint64 storage;
    guint cpus;
} PosadaMedium;

GType posada_medium_get_type (void);
PosadaMedium *posada_medium_copy (const PosadaMedium *self);
void posada_medium_free (PosadaMedium *self);

/* Resolves to a PosadaMedium; rejects with a sentence if the file cannot be read, or is none to
 * boot from. */
DexFuture *posada_medium_recognize (GFile *file);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PosadaMedium, posada_medium_free)

G_END_DECLS
