/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-kvm-remote.h"

#include <glib/gi18n.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "display/spice-sink.h"
#include "machine/posada-certificate.h"
#include "machine/posada-machine.h"
#include "store/posada-device.h"
#include "store/posada-file.h"

#define N_PORTS 100

struct _PosadaKvmRemote {
    gatomicrefcount references;
    char *name, *uuid;
    GMutex mutex;            /* guards what follows; held while sinks are made */
    struct display *display; /* NULL: it has ended */
    struct input *input;
    struct spice_sink *outer, *local;
};

PosadaKvmRemote *
posada_kvm_remote_new (struct display *display, struct input *input, const char *name,
                       const char *uuid)
{
    PosadaKvmRemote *self = g_new0 (PosadaKvmRemote, 1);

    g_atomic_ref_count_init (&self->references);
    g_mutex_init (&self->mutex);
    self->display = display;
    self->input = input;
    self->name = g_strdup (name);
    self->uuid = g_strdup (uuid);
    return self;
}

PosadaKvmRemote *
posada_kvm_remote_ref (PosadaKvmRemote *self)
{
    g_atomic_ref_count_inc (&self->references);
    return self;
}

void
posada_kvm_remote_unref (PosadaKvmRemote *self)
{
    if (!self || !g_atomic_ref_count_dec (&self->references))
        return;
    posada_kvm_remote_end (self);
    g_mutex_clear (&self->mutex);
    g_free (self->name);
    g_free (self->uuid);
    g_free (self);
}

void
posada_kvm_remote_end (PosadaKvmRemote *self)
{
    g_mutex_lock (&self->mutex);
    g_clear_pointer (&self->outer, spice_sink_destroy);
    g_clear_pointer (&self->local, spice_sink_destroy);
    self->display = NULL;
    g_mutex_unlock (&self->mutex);
}

static struct spice_sink *
make_sink (PosadaKvmRemote *self, struct spice_sink_config *config, GError **error)
{
    struct vmm_error from = {0};
    struct spice_sink *sink = NULL;
    gsize n = 0;

    if (!self->display) {
        g_set_error_literal (error, POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_WRONG_STATE,
                             _ ("The machine is off."));
        return NULL;
    }
    config->display = self->display;
    config->input = self->input;
    config->name = self->name;
    for (const char *c = self->uuid; c && *c && n < 32; c++)
        if (g_ascii_isxdigit (*c)) {
            config->uuid[n / 2] = (guint8) (config->uuid[n / 2] << 4 | g_ascii_xdigit_value (*c));
            n++;
        }
    if (spice_sink_create (config, &sink, &from) < 0)
        g_set_error_literal (error, POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_FAILED,
                             from.message);
    return sink;
}

static gboolean
open_socket (PosadaKvmRemote *self, const PosadaRemote *remote, GError **error)
{
    struct spice_sink_config config = {.socket = remote->socket};
    g_autofree char *folder = g_path_get_dirname (remote->socket);

    if (!posada_file_make_folder (folder, error))
        return FALSE;
    self->outer = make_sink (self, &config, error);
    return self->outer != NULL;
}

static gboolean
open_network (PosadaKvmRemote *self, PosadaRemote *remote, const char *folder, GError **error)
{
    g_autoptr (PosadaCertificate) certificate = posada_certificate_open (folder, self->uuid, error);
    struct spice_sink_config config = {.port = remote->port, .password = remote->password};

    if (!certificate)
        return FALSE;
    config.certificate = config.authority = certificate->certificate;
    config.key = certificate->key;
    self->outer = make_sink (self, &config, error);
    if (!self->outer)
        return FALSE;
    g_set_str (&remote->certificate, certificate->pem);
    g_set_str (&remote->subject, certificate->subject);
    return TRUE;
}

gboolean
posada_kvm_remote_apply (PosadaKvmRemote *self, PosadaRemote *remote, const char *folder,
                         GError **error)
{
    gboolean done = TRUE;

    g_mutex_lock (&self->mutex);
    g_clear_pointer (&self->outer, spice_sink_destroy);
    switch (remote->kind) {
    case POSADA_REMOTE_OFF: break;
    case POSADA_REMOTE_SOCKET: done = open_socket (self, remote, error); break;
    case POSADA_REMOTE_NETWORK: done = open_network (self, remote, folder, error); break;
    }
    g_mutex_unlock (&self->mutex);
    return done;
}

int
posada_kvm_remote_connect (PosadaKvmRemote *self, GError **error)
{
    struct spice_sink_config config = {0};
    int fd = -1, r = -1;

    g_mutex_lock (&self->mutex);
    if (!self->local)
        self->local = make_sink (self, &config, error);
    if (self->local) {
        r = spice_sink_connect (self->local, &fd);
        if (r < 0)
            g_set_error_literal (error, POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_FAILED,
                                 g_strerror (-r));
    }
    g_mutex_unlock (&self->mutex);
    return r < 0 ? -1 : fd;
}

char *
posada_kvm_remote_get_socket (const char *uuid)
{
    g_autofree char *file = g_strconcat (uuid, ".spice", NULL);

    return g_build_filename (g_get_user_runtime_dir (), "posada", file, NULL);
}

static gboolean
is_free (guint port)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = g_htons (port)};
    struct sockaddr_in old = {.sin_family = AF_INET, .sin_port = g_htons (port)};
    int fd = socket (AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    gboolean found;

    /* Both kinds of addresses at once, where there are both. */
    if (fd >= 0)
        found = bind (fd, (struct sockaddr *) &address, sizeof address) == 0;
    else {
        fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        found = fd >= 0 && bind (fd, (struct sockaddr *) &old, sizeof old) == 0;
    }
    if (fd >= 0)
        close (fd);
    return found;
}

guint
posada_kvm_remote_find_port (guint first)
{
    for (guint port = first; port < first + N_PORTS; port++)
        if (is_free (port))
            return port;
    return 0;
}

/* --- definitions --- */

static unsigned
find_graphics (PosadaDefinition *definition)
{
    unsigned n = posada_definition_get_n_graphics (definition);

    for (unsigned i = 0; i < n; i++) {
        g_autoptr (PosadaGraphics) graphics = posada_definition_get_graphics (definition, i);

        if (graphics && graphics->kind == POSADA_GRAPHICS_SPICE)
            return i;
    }
    return n;
}

PosadaRemote *
posada_kvm_remote_read (PosadaDefinition *definition)
{
    unsigned index = find_graphics (definition);
    g_autoptr (PosadaGraphics) graphics = posada_definition_get_graphics (definition, index);
    g_autofree char *uuid = posada_definition_get_uuid (definition);
    PosadaRemote *remote = g_new0 (PosadaRemote, 1);

    if (graphics && graphics->listen == POSADA_LISTEN_SOCKET && uuid) {
        remote->kind = POSADA_REMOTE_SOCKET;
        remote->socket = posada_kvm_remote_get_socket (uuid);
    } else if (graphics && graphics->listen == POSADA_LISTEN_ADDRESS && graphics->tls_port > 0 &&
               graphics->password && *graphics->password) {
        remote->kind = POSADA_REMOTE_NETWORK;
        remote->port = (guint) graphics->tls_port;
        remote->password = g_strdup (graphics->password);
    }
    return remote;
}

gboolean
posada_kvm_remote_write (PosadaDefinition *definition, const PosadaRemote *remote, GError **error)
{
    PosadaGraphics graphics = {
        .kind = POSADA_GRAPHICS_SPICE,
        .listen = POSADA_LISTEN_NONE,
        .port = -1,
        .tls_port = -1,
    };

    switch (remote->kind) {
    case POSADA_REMOTE_OFF: break;
    case POSADA_REMOTE_SOCKET:
        graphics.listen = POSADA_LISTEN_SOCKET;
        graphics.address = remote->socket;
        break;
    case POSADA_REMOTE_NETWORK:
        graphics.listen = POSADA_LISTEN_ADDRESS;
        graphics.address = (char *) "0.0.0.0";
        graphics.tls_port = (int) remote->port;
        graphics.password = remote->password;
        break;
    }
    return posada_definition_set_graphics (definition, find_graphics (definition), &graphics,
                                           error);
}
