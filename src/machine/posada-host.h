/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the user should know of this host: whether its KVM runs machines, and how much there is to
 * share out. The probe runs a tiny guest for up to a second, so it has a thread of its own, and
 * what it finds is kept in the user's cache until the host is started again or its KVM is another.
 */
#pragma once

#include <gio/gio.h>
#include <libdex.h>

G_BEGIN_DECLS

#define POSADA_TYPE_HOST (posada_host_get_type ())

typedef struct {
    gboolean usable;
    char *id;      /* the engine's word for what it found, such as “no-permission” */
    char *summary; /* one sentence */
    char *advice;  /* what to do, one sentence; empty if usable */
    char *command; /* a command line that does it, or NULL */
    guint cpus;
    guint64 memory; /* bytes */
} PosadaHost;

GType posada_host_get_type (void);
PosadaHost *posada_host_copy (const PosadaHost *host);
void posada_host_free (PosadaHost *host);

/* Resolves to a PosadaHost; never rejects. */
DexFuture *posada_host_probe (void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PosadaHost, posada_host_free)

G_END_DECLS
