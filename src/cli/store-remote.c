/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Remote access of machines that are kept: posada remote, and what posada start and posada show
 * need of it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/instance.h"
#include "cli/store-verbs.h"
#include "cli/text.h"
#include "machine/posada-certificate.h"
#include "machine/posada-kvm-remote.h"
#include "store/posada-control.h"
#include "store/posada-file.h"

#define FIRST_PORT 5900

/* --- posada start and posada show --- */

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

/* --- posada remote --- */

struct change {
    PosadaStore *store;
    const PosadaStoreEntry *entry;
    const char *port, *password_file, *viewer_file; /* options, or NULL */
    PosadaRemote *remote;                           /* as it shall be */
    gboolean made_up;                               /* the password was */
};

static gboolean
choose_port (struct change *change, const PosadaRemote *before)
{
    uint64_t port = 0;

    if (change->port) {
        if (text_parse_number (change->port, G_MAXUINT16, &port) < 0 || port == 0) {
            cli_complain ("--port %s is not a number from 1 to 65535", change->port);
            return FALSE;
        }
    } else {
        port = before->port ? before->port : posada_kvm_remote_find_port (FIRST_PORT);
        if (port == 0) {
            cli_complain ("no port from %d on is free: choose one by --port", FIRST_PORT);
            return FALSE;
        }
    }
    change->remote->port = (guint) port;
    return TRUE;
}

/* What the words say, and for what they leave open what is or can be. */
static gboolean
choose (struct change *change, const char *kind)
{
    g_autoptr (PosadaRemote) before = posada_kvm_remote_read (change->entry->definition);
    PosadaRemote *remote = change->remote;

    if (g_str_equal (kind, "tls")) {
        remote->kind = POSADA_REMOTE_NETWORK;
        if (!choose_port (change, before))
            return FALSE;
        if (change->password_file)
            remote->password = store_read_password (change->password_file);
        else if (before->password)
            remote->password = g_strdup (before->password);
        else
            remote->password = posada_remote_make_password ();
        change->made_up = !change->password_file && !before->password;
        return remote->password != NULL;
    }
    if (change->port || change->password_file || change->viewer_file) {
        cli_complain ("--%s is for tls alone", change->port            ? "port"
                                               : change->password_file ? "password-file"
                                                                       : "viewer-file");
        return FALSE;
    }
    if (g_str_equal (kind, "socket")) {
        remote->kind = POSADA_REMOTE_SOCKET;
        remote->socket = posada_kvm_remote_get_socket (change->entry->id);
    } else if (!g_str_equal (kind, "off")) {
        cli_complain ("'%s' is none of off, socket and tls", kind);
        return FALSE;
    }
    return TRUE;
}

/* In the definition alone. A process of its own, which holds the lock then, has what it had. */
static gboolean
save (struct change *change, GError **error)
{
    const PosadaStoreEntry *entry = change->entry;
    g_autoptr (PosadaLock) lock =
        entry->holder == 0 ? posada_store_lock (change->store, entry->id, error) : NULL;
    g_autoptr (PosadaDefinition) definition =
        lock || entry->holder != 0 ? posada_store_load (change->store, entry->id, error) : NULL;

    if (!definition || !posada_kvm_remote_write (definition, change->remote, error) ||
        !posada_store_save (change->store, definition, error))
        return FALSE;
    if (entry->holder != 0)
        cli_complain ("the machine runs in a process of its own, where this counts when it is "
                      "started next");
    return TRUE;
}

/* How to connect. */
static gboolean
tell (struct change *change, GError **error)
{
    PosadaRemote *remote = change->remote;
    g_autofree char *folder = posada_store_get_machine_folder (change->store, change->entry->id);
    g_autofree char *address = posada_remote_get_address (remote), *quoted = NULL, *text = NULL;
    g_autofree char *file = NULL;
    g_autoptr (PosadaCertificate) made = NULL;

    if (remote->kind == POSADA_REMOTE_OFF)
        return TRUE;
    quoted = g_shell_quote (address);
    if (remote->kind == POSADA_REMOTE_SOCKET) {
        printf ("remote-viewer %s\n", quoted);
        return TRUE;
    }
    made = posada_certificate_open (folder, change->entry->id, error);
    if (!made)
        return FALSE;
    g_set_str (&remote->certificate, made->pem);
    g_set_str (&remote->subject, made->subject);
    text = posada_remote_get_file (remote, change->entry->name);
    if (change->viewer_file &&
        !g_file_set_contents_full (change->viewer_file, text, -1, G_FILE_SET_CONTENTS_CONSISTENT,
                                   0600, error))
        return FALSE;
    file = g_shell_quote (made->certificate);
    printf ("remote-viewer --spice-ca-file=%s --spice-host-subject=%s %s\n", file, made->subject,
            quoted);
    if (change->made_up)
        printf ("Password: %s\n", remote->password);
    return TRUE;
}

enum cli_status
store_remote (PosadaStore *store, int argc, char **argv)
{
    g_autoptr (PosadaRemote) remote = g_new0 (PosadaRemote, 1);
    struct change change = {.store = store, .remote = remote};
    const struct store_option options[] = {{"port", &change.port, NULL},
                                           {"password-file", &change.password_file, NULL},
                                           {"viewer-file", &change.viewer_file, NULL}};
    g_autoptr (PosadaStoreEntry) entry = NULL;
    g_autoptr (Instance) instance = NULL;
    g_autoptr (GError) error = NULL;
    enum cli_status status;
    const char *words[2];
    gboolean there;

    if (!store_parse (argc, argv, options, G_N_ELEMENTS (options), words, 2))
        return CLI_BAD_USE;
    entry = posada_store_find (store, words[0], &error);
    if (!entry || entry->error)
        return store_complain (entry ? entry->error : error);
    change.entry = entry;
    if (!choose (&change, words[1]))
        return CLI_BAD_USE;
    instance = instance_find ();
    there = instance && instance_get_state (instance, entry->id);
    if (there ? !instance_set_remote (instance, entry->id, remote, &error)
              : !save (&change, &error)) {
        status = store_complain (error);
        return there ? CLI_FAILED : status;
    }
    if (tell (&change, &error))
        return CLI_OK;
    store_complain (error);
    return CLI_FAILED;
}
