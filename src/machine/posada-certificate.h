/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A key and a certificate of its own signature, by which viewers know a machine's screen on the
 * network. Blocking; any thread.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
    char *certificate, *key; /* paths of PEM files, mode 0600 */
    char *pem;               /* the certificate's text */
    char *subject;           /* as viewers compare it */
} PosadaCertificate;

/* Those in @folder for that @name (printable, without commas); made first if they are missing or
 * expire soon. */
PosadaCertificate *posada_certificate_open (const char *folder, const char *name, GError **error);
void posada_certificate_free (PosadaCertificate *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PosadaCertificate, posada_certificate_free)

G_END_DECLS
