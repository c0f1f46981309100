/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-certificate.h"

#include <glib/gi18n.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "machine/posada-machine.h"
#include "store/posada-file.h"

#define MAX_FILE (64 * 1024)
#define DAY      (24 * 60 * 60)
#define LIFE     (10 * 365 * DAY)
#define REMAINS  (30 * DAY) /* at least, or a new one is made */

typedef struct gnutls_x509_crt_int Certificate;
typedef struct gnutls_x509_privkey_int Key;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Certificate, gnutls_x509_crt_deinit)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Key, gnutls_x509_privkey_deinit)

static gboolean
fail (GError **error, int code)
{
    g_set_error (error, POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_FAILED,
                 /* Translators: what went wrong inside, in English */
                 _ ("No certificate can be made for the network: %s."), gnutls_strerror (code));
    return FALSE;
}

/* Whether @text is a certificate that lasts, and @key_text the key to it: a server does not start
 * with files that do not belong together. */
static gboolean
is_good (const char *text, const char *key_text)
{
    gnutls_datum_t datum = {(unsigned char *) text, (unsigned) strlen (text)};
    gnutls_datum_t key_datum = {(unsigned char *) key_text, (unsigned) strlen (key_text)};
    guint8 certified[64], own[64];
    gsize n_certified = sizeof certified, n_own = sizeof own;
    g_autoptr (Certificate) certificate = NULL;
    g_autoptr (Key) key = NULL;

    return gnutls_x509_crt_init (&certificate) == 0 && gnutls_x509_privkey_init (&key) == 0 &&
           gnutls_x509_crt_import (certificate, &datum, GNUTLS_X509_FMT_PEM) == 0 &&
           gnutls_x509_privkey_import (key, &key_datum, GNUTLS_X509_FMT_PEM) == 0 &&
           gnutls_x509_crt_get_key_id (certificate, 0, certified, &n_certified) == 0 &&
           gnutls_x509_privkey_get_key_id (key, 0, own, &n_own) == 0 && n_certified == n_own &&
           memcmp (certified, own, n_own) == 0 &&
           gnutls_x509_crt_get_expiration_time (certificate) > time (NULL) + REMAINS;
}

static int
fill (Certificate *certificate, Key *key, const char *name)
{
    time_t now = time (NULL);
    guint64 serial = GUINT64_TO_BE ((guint64) g_get_real_time ());
    int r = gnutls_x509_crt_set_version (certificate, 3);

    if (r >= 0)
        r = gnutls_x509_crt_set_serial (certificate, &serial, sizeof serial);
    if (r >= 0)
        r = gnutls_x509_crt_set_activation_time (certificate, now - DAY);
    if (r >= 0)
        r = gnutls_x509_crt_set_expiration_time (certificate, now + LIFE);
    if (r >= 0)
        r = gnutls_x509_crt_set_dn_by_oid (certificate, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                           (unsigned) strlen (name));
    if (r >= 0)
        r = gnutls_x509_crt_set_basic_constraints (certificate, 1, -1);
    if (r >= 0)
        r = gnutls_x509_crt_set_key_usage (certificate,
                                           GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_CERT_SIGN);
    if (r >= 0)
        r = gnutls_x509_crt_set_key (certificate, key);
    if (r >= 0)
        r = gnutls_x509_crt_sign2 (certificate, certificate, key, GNUTLS_DIG_SHA256, 0);
    return r;
}

static char *
to_text (gnutls_datum_t *datum)
{
    char *text = g_strndup ((const char *) datum->data, datum->size);

    gnutls_free (datum->data);
    return text;
}

static gboolean
generate (const char *name, char **ret_certificate, char **ret_key, GError **error)
{
    g_autoptr (Certificate) certificate = NULL;
    g_autoptr (Key) key = NULL;
    gnutls_datum_t certificate_text = {0}, key_text = {0};
    int r = gnutls_x509_privkey_init (&key);

    if (r >= 0)
        r = gnutls_x509_crt_init (&certificate);
    if (r >= 0)
        r = gnutls_x509_privkey_generate (key, GNUTLS_PK_ECDSA,
                                          GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1), 0);
    if (r >= 0)
        r = fill (certificate, key, name);
    if (r >= 0)
        r = gnutls_x509_crt_export2 (certificate, GNUTLS_X509_FMT_PEM, &certificate_text);
    if (r >= 0)
        r = gnutls_x509_privkey_export2_pkcs8 (key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                               &key_text);
    if (r < 0) {
        gnutls_free (certificate_text.data);
        return fail (error, r);
    }
    *ret_certificate = to_text (&certificate_text);
    *ret_key = to_text (&key_text);
    return TRUE;
}

static gboolean
write_file (const char *path, const char *text, GError **error)
{
    g_autofree char *temporary = g_strconcat (path, ".part", NULL);

    return posada_file_write (temporary, text, NULL, error) &&
           posada_file_rename (temporary, path, NULL, error);
}

PosadaCertificate *
posada_certificate_open (const char *folder, const char *name, GError **error)
{
    g_autoptr (PosadaCertificate) self = g_new0 (PosadaCertificate, 1);
    g_autofree char *key = NULL;
    gsize length;

    self->certificate = g_build_filename (folder, "spice-certificate.pem", NULL);
    self->key = g_build_filename (folder, "spice-key.pem", NULL);
    self->subject = g_strdup_printf ("CN=%s", name);
    self->pem = posada_file_read (self->certificate, MAX_FILE, &length, NULL);
    key = posada_file_read (self->key, MAX_FILE, &length, NULL);
    if (self->pem && key && is_good (self->pem, key))
        return g_steal_pointer (&self);

    g_clear_pointer (&self->pem, g_free);
    g_clear_pointer (&key, g_free);
    /* The certificate last: without it both are made again. */
    if (!posada_file_make_folder (folder, error) || !generate (name, &self->pem, &key, error) ||
        !write_file (self->key, key, error) || !write_file (self->certificate, self->pem, error))
        return NULL;
    return g_steal_pointer (&self);
}

void
posada_certificate_free (PosadaCertificate *self)
{
    if (!self)
        return;
    g_free (self->certificate);
    g_free (self->key);
    g_free (self->pem);
    g_free (self->subject);
    g_free (self);
}
