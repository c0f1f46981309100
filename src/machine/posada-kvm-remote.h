/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What viewers outside of this application get of one running machine: SPICE sinks of its display,
 * one for a socket or the network, one for sessions over descriptors. Counted references, so that
 * work on other threads may go on while the machine ends; after the end it does nothing.
 *
 * Functions take some milliseconds and may be called on any thread that may wait.
 */
#pragma once

#include <glib.h>

#include "display/display.h"
#include "display/input.h"
#include "machine/posada-remote.h"
#include "store/posada-definition.h"

G_BEGIN_DECLS

typedef struct _PosadaKvmRemote PosadaKvmRemote;

/* @display and @input are borrowed until posada_kvm_remote_end (). */
PosadaKvmRemote *posada_kvm_remote_new (struct display *display, struct input *input,
                                        const char *name, const char *uuid);
PosadaKvmRemote *posada_kvm_remote_ref (PosadaKvmRemote *self);
void posada_kvm_remote_unref (PosadaKvmRemote *self);
/* Cuts viewers off. */
void posada_kvm_remote_end (PosadaKvmRemote *self);

/* Makes it as @remote wants, with its viewers cut off; nothing listens if that fails. @folder: of
 * the certificate. Certificate and subject of @remote are filled in. */
gboolean posada_kvm_remote_apply (PosadaKvmRemote *self, PosadaRemote *remote, const char *folder,
                                  GError **error);
/* The viewer's end of a connection of a local session; its further channels are further ones. -1
 * with an error. */
int posada_kvm_remote_connect (PosadaKvmRemote *self, GError **error);

/* Where that machine's socket is. */
char *posada_kvm_remote_get_socket (const char *uuid);
/* A port that nobody listens on now, at or after @first; 0 if there is none. */
guint posada_kvm_remote_find_port (guint first);

/* What a definition says of it. What libvirt would do but we do not, such as a port without TLS,
 * stays there and means nothing here. */
PosadaRemote *posada_kvm_remote_read (PosadaDefinition *definition);
gboolean
posada_kvm_remote_write (PosadaDefinition *definition, const PosadaRemote *remote, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PosadaKvmRemote, posada_kvm_remote_unref)

G_END_DECLS
