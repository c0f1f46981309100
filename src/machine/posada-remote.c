/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-remote.h"

#include <string.h>
#include <sys/random.h>

G_DEFINE_BOXED_TYPE (PosadaRemote, posada_remote, posada_remote_copy, posada_remote_free)

G_DEFINE_ENUM_TYPE (PosadaRemoteKind, posada_remote_kind,
                    G_DEFINE_ENUM_VALUE (POSADA_REMOTE_OFF, "off"),
                    G_DEFINE_ENUM_VALUE (POSADA_REMOTE_SOCKET, "socket"),
                    G_DEFINE_ENUM_VALUE (POSADA_REMOTE_NETWORK, "network"))

PosadaRemote *
posada_remote_copy (const PosadaRemote *self)
{
    PosadaRemote *copy = g_new (PosadaRemote, 1);

    *copy = *self;
    copy->socket = g_strdup (self->socket);
    copy->password = g_strdup (self->password);
    copy->certificate = g_strdup (self->certificate);
    copy->subject = g_strdup (self->subject);
    copy->problem = g_strdup (self->problem);
    return copy;
}

void
posada_remote_free (PosadaRemote *self)
{
    if (!self)
        return;
    g_free (self->socket);
    g_free (self->password);
    g_free (self->certificate);
    g_free (self->subject);
    g_free (self->problem);
    g_free (self);
}

gboolean
posada_remote_equal (const PosadaRemote *a, const PosadaRemote *b)
{
    return a->kind == b->kind && a->port == b->port && g_strcmp0 (a->socket, b->socket) == 0 &&
           g_strcmp0 (a->password, b->password) == 0 &&
           g_strcmp0 (a->certificate, b->certificate) == 0 &&
           g_strcmp0 (a->subject, b->subject) == 0 && g_strcmp0 (a->problem, b->problem) == 0;
}

char *
posada_remote_get_address (const PosadaRemote *self)
{
    switch (self->kind) {
    case POSADA_REMOTE_OFF: break;
    case POSADA_REMOTE_SOCKET: return g_strdup_printf ("spice+unix://%s", self->socket);
    case POSADA_REMOTE_NETWORK:
        if (self->port)
            return g_strdup_printf ("spice://%s?tls-port=%u", g_get_host_name (), self->port);
    }
    return NULL;
}

char *
posada_remote_get_file (const PosadaRemote *self, const char *title)
{
    g_autoptr (GKeyFile) file = g_key_file_new ();

    if (self->kind != POSADA_REMOTE_NETWORK || !self->port || !self->certificate)
        return NULL;
    g_key_file_set_string (file, "virt-viewer", "type", "spice");
    g_key_file_set_string (file, "virt-viewer", "host", g_get_host_name ());
    g_key_file_set_integer (file, "virt-viewer", "tls-port", (int) self->port);
    g_key_file_set_string (file, "virt-viewer", "title", title);
    g_key_file_set_string (file, "virt-viewer", "ca", self->certificate);
    g_key_file_set_string (file, "virt-viewer", "host-subject", self->subject);
    return g_key_file_to_data (file, NULL, NULL);
}

char *
posada_remote_make_password (void)
{
    static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
    guint8 random[12];
    GString *password = g_string_new (NULL);

    G_STATIC_ASSERT (sizeof letters == 32 + 1);
    if (getrandom (random, sizeof random, 0) != sizeof random)
        g_error ("the kernel has no random numbers");
    for (guint i = 0; i < sizeof random; i++)
        g_string_append_c (password, letters[random[i] % 32]);
    return g_string_free_and_steal (password);
}
