/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How much this host has for one more machine, at the moment somebody looks. A plain value.
 */
#pragma once

#include <gio/gio.h>
#include <libdex.h>

G_BEGIN_DECLS

#define POSADA_TYPE_CAPACITY (posada_capacity_get_type ())

typedef struct {
    guint64 memory;      /* bytes; of the whole host */
    guint64 free_memory; /* what is not in use, or can be had without swapping */
    guint64 free_space;  /* bytes that this user may fill where the machines are */
    guint cpus;
} PosadaCapacity;

GType posada_capacity_get_type (void);

/* Resolves to a PosadaCapacity; never rejects. @folder need not be there yet. What cannot be found
 * out is G_MAXUINT64: it is no reason to refuse anything. */
DexFuture *posada_capacity_measure (const char *folder);

G_END_DECLS
