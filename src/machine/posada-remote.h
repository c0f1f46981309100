/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a machine's screen can be reached by a viewer outside of this application. Plain values.
 */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

typedef enum {
    POSADA_REMOTE_OFF,
    POSADA_REMOTE_SOCKET,  /* a UNIX socket for this user */
    POSADA_REMOTE_NETWORK, /* a port with TLS and a password */
} PosadaRemoteKind;
#define POSADA_TYPE_REMOTE_KIND (posada_remote_kind_get_type ())
GType posada_remote_kind_get_type (void);

#define POSADA_REMOTE_MAX_PASSWORD 60

typedef struct {
    PosadaRemoteKind kind;
    char *socket;   /* path; NULL unless SOCKET */
    guint port;     /* 0: any free one */
    char *password; /* NULL unless NETWORK */
    /* Of a NETWORK that works: PEM text, and how a viewer knows it. */
    char *certificate, *subject;
    char *problem; /* a sentence: why it does not work now; NULL: it does whenever the machine is
                      on */
} PosadaRemote;

#define POSADA_TYPE_REMOTE (posada_remote_get_type ())
GType posada_remote_get_type (void);
PosadaRemote *posada_remote_copy (const PosadaRemote *self);
void posada_remote_free (PosadaRemote *self);
gboolean posada_remote_equal (const PosadaRemote *a, const PosadaRemote *b);

/* What a viewer takes as an address, from other computers where that works; NULL while off. */
char *posada_remote_get_address (const PosadaRemote *self);
/* A file that viewers open, without the password; NULL while there is nothing to connect to. */
char *posada_remote_get_file (const PosadaRemote *self, const char *title);

/* Letters and digits that are told apart easily. */
char *posada_remote_make_password (void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PosadaRemote, posada_remote_free)

G_END_DECLS
