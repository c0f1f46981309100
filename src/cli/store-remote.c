/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Remote access of machines that are kept: for posada start, and for posada show.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/store-verbs.h"
#include "machine/posada-certificate.h"
#include "machine/posada-kvm-remote.h"
#include "store/posada-control.h"
#include "store/posada-file.h"

/* A file that only this process and what it becomes can read: a command line can be read by all. */
static char *
make_password_file (const char *password, GError **error)
{
    int fd = memfd_create ("posada-password", 0);
    size_t length = strlen (password);

    if (fd < 0 || write (fd, password, length) != (ssize_t) length) {
        g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                     "The password of the remote access cannot be passed on: %s",
                     g_strerror (errno));
        if (fd >= 0)
            close (fd);
        return NULL;
    }
    return g_strdup_printf ("/proc/self/fd/%d", fd);
}

/* A comma would end the name. */
static char *
escape (const char *path)
{
    g_auto (GStrv) parts = g_strsplit (path, ",", -1);

    return g_strjoinv (",,", parts);
}

static char *
make_network_word (const PosadaRemote *remote, const char *uuid, const char *folder, GError **error)
{
    g_autoptr (PosadaCertificate) made = posada_certificate_open (folder, uuid, error);
    g_autofree char *password = made ? make_password_file (remote->password, error) : NULL;
    g_autofree char *certificate = NULL, *key = NULL;

    if (!password)
        return NULL;
    certificate = escape (made->certificate);
    key = escape (made->key);
    return g_strdup_printf ("--spice=tls:%u,certificate=%s,key=%s,password-file=%s", remote->port,
                            certificate, key, password);
}

gboolean
store_add_remote (GPtrArray *words, PosadaDefinition *definition, const char *folder,
                  GError **error)
{
    g_autoptr (PosadaRemote) remote = posada_kvm_remote_read (definition);
    g_autofree char *uuid = posada_definition_get_uuid (definition), *below = NULL;
    char *word = NULL;

    switch (remote->kind) {
    case POSADA_REMOTE_OFF: return TRUE;
    case POSADA_REMOTE_SOCKET:
        below = g_path_get_dirname (remote->socket);
        if (posada_file_make_folder (below, error))
            word = g_strdup_printf ("--spice=unix:%s", remote->socket);
        break;
    case POSADA_REMOTE_NETWORK: word = make_network_word (remote, uuid, folder, error); break;
    }
    if (word)
        g_ptr_array_add (words, word);
    return word != NULL;
}

char *
store_describe_remote (PosadaDefinition *definition, gboolean elsewhere)
{
    g_autoptr (PosadaRemote) remote = posada_kvm_remote_read (definition);
    g_autofree char *uuid = posada_definition_get_uuid (definition);
    g_autofree char *answer = elsewhere ? posada_control_talk (uuid, "status", NULL) : NULL;
    char *address =
        answer ? posada_control_get_string (answer, "spice") : posada_remote_get_address (remote);

    return address ? address : g_strdup ("off");
}
