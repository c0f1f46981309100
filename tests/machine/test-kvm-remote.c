/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "machine/posada-kvm-remote.h"

#include <glib/gstdio.h>
#include <sys/stat.h>

#include "machine-test.h"
#include "machine/posada-certificate.h"
#include "machine/posada-kvm-machine.h"
#include "spice-guest.h"
#include "spice-viewer.h"
#include "store/posada-device.h"
#include "store/posada-file.h"
#include "tap.h"

#define UUID "6a1f0c02-8f58-4b5b-9f4e-2f4a6d6c1a55"

typedef struct {
    struct guest guest;
    PosadaKvmRemote *live;
    PosadaRemote *remote;
    char *folder;
    SpiceViewer *viewer;
} Setup;

static void
set_up (Setup *setup, PosadaRemoteKind kind)
{
    *setup = (Setup) {0};
    guest_set_up (&setup->guest, NULL);
    setup->folder = g_dir_make_tmp ("posada-remote-XXXXXX", NULL);
    setup->live = posada_kvm_remote_new (setup->guest.display, setup->guest.input, "test", UUID);
    setup->remote = g_new0 (PosadaRemote, 1);
    setup->remote->kind = kind;
    if (kind == POSADA_REMOTE_SOCKET)
        setup->remote->socket = g_build_filename (setup->folder, "below", "socket", NULL);
    if (kind == POSADA_REMOTE_NETWORK) {
        setup->remote->port = posada_kvm_remote_find_port (5960);
        setup->remote->password = g_strdup ("correct horse");
    }
}

static void
apply (Setup *setup)
{
    g_autoptr (GError) error = NULL;

    if (!posada_kvm_remote_apply (setup->live, setup->remote, setup->folder, &error))
        tap_fail (__FILE__, __LINE__, "%s", error->message);
}

static void
tear_down (Setup *setup)
{
    if (setup->viewer)
        spice_viewer_free (setup->viewer);
    posada_kvm_remote_end (setup->live);
    posada_kvm_remote_unref (setup->live);
    posada_remote_free (setup->remote);
    guest_tear_down (&setup->guest);
    CHECK (posada_file_remove_tree (setup->folder, NULL));
    g_free (setup->folder);
}

static gboolean
same_picture (void *data)
{
    Setup *setup = data;
    struct guest *guest = &setup->guest;

    if (!setup->viewer->pixels || setup->viewer->width != (int) guest->width ||
        setup->viewer->height != (int) guest->height)
        return FALSE;
    for (guint y = 0; y < guest->height; y++)
        for (guint x = 0; x < guest->width; x++)
            if (spice_viewer_get_pixel (setup->viewer, (int) x, (int) y) !=
                (guest->pixels[y * guest->width + x] & 0xFFFFFF))
                return FALSE;
    return TRUE;
}

static gboolean
is_refused (void *data)
{
    return ((Setup *) data)->viewer->auth_failed;
}

static gboolean
is_closed (void *data)
{
    return ((Setup *) data)->viewer->closed;
}

static SpiceViewer *
view (Setup *setup, const char *password, const char *authority, const char *subject)
{
    g_autofree char *uri = g_strdup_printf ("spice://localhost?tls-port=%u", setup->remote->port);

    return spice_viewer_new_for_uri (uri, password, authority, subject);
}

TEST (the_network_needs_the_password_and_the_certificate)
{
    g_autofree char *authority = NULL, *other = NULL;
    g_autoptr (PosadaCertificate) stranger = NULL;
    Setup setup;

    set_up (&setup, POSADA_REMOTE_NETWORK);
    apply (&setup);
    authority = g_build_filename (setup.folder, "spice-certificate.pem", NULL);
    other = g_build_filename (setup.folder, "other", NULL);
    stranger = posada_certificate_open (other, UUID, NULL);
    CHECK (stranger);

    setup.viewer = view (&setup, "correct horse", authority, setup.remote->subject);
    CHECK (spice_viewer_wait (same_picture, &setup));
    spice_viewer_free (setup.viewer);
    setup.viewer = view (&setup, "wrong horse", authority, setup.remote->subject);
    CHECK (spice_viewer_wait (is_refused, &setup));
    CHECK (!setup.viewer->pixels);
    spice_viewer_free (setup.viewer);
    setup.viewer = view (&setup, "", authority, setup.remote->subject);
    CHECK (spice_viewer_wait (is_refused, &setup));
    spice_viewer_free (setup.viewer);
    setup.viewer = view (&setup, "correct horse", stranger->certificate, setup.remote->subject);
    CHECK (spice_viewer_wait (is_closed, &setup));
    CHECK (!setup.viewer->main_opened);
    spice_viewer_free (setup.viewer);
    setup.viewer = view (&setup, "correct horse", authority, setup.remote->subject);
    CHECK (spice_viewer_wait (same_picture, &setup));
    tear_down (&setup);
}

TEST (a_port_in_use_is_named_and_turning_off_frees_it)
{
    g_autoptr (GError) error = NULL;
    Setup first, second;

    set_up (&first, POSADA_REMOTE_NETWORK);
    apply (&first);
    set_up (&second, POSADA_REMOTE_NETWORK);
    CHECK (second.remote->port > first.remote->port);
    second.remote->port = first.remote->port;
    CHECK (!posada_kvm_remote_apply (second.live, second.remote, second.folder, &error));
    CHECK_CONTAINS (error->message, "Port");
    first.remote->kind = POSADA_REMOTE_OFF;
    apply (&first);
    apply (&second);
    tear_down (&first);
    tear_down (&second);
}

TEST (the_key_is_kept_and_for_its_user_alone)
{
    g_autofree char *folder = g_dir_make_tmp ("posada-remote-XXXXXX", NULL);
    PosadaCertificate *first = posada_certificate_open (folder, UUID, NULL);
    PosadaCertificate *second = posada_certificate_open (folder, UUID, NULL), *third;
    struct stat status;

    CHECK (first && second);
    CHECK_STRING (second->pem, first->pem);
    CHECK_STRING (first->subject, "CN=" UUID);
    CHECK_EQUAL (g_stat (first->key, &status), 0);
    CHECK_EQUAL (status.st_mode & 0777, 0600);
    CHECK_EQUAL (g_unlink (first->key), 0);
    third = posada_certificate_open (folder, UUID, NULL);
    CHECK (third && strcmp (third->pem, first->pem) != 0);
    CHECK (g_file_set_contents (first->certificate, "rubbish", -1, NULL));
    posada_certificate_free (second);
    second = posada_certificate_open (folder, UUID, NULL);
    CHECK (second && g_str_has_prefix (second->pem, "-----BEGIN CERTIFICATE"));
    CHECK (g_file_set_contents (first->key, "rubbish", -1, NULL));
    posada_certificate_free (third);
    third = posada_certificate_open (folder, UUID, NULL);
    CHECK (third && strcmp (third->pem, second->pem) != 0);
    posada_certificate_free (first);
    posada_certificate_free (second);
    posada_certificate_free (third);
    CHECK (posada_file_remove_tree (folder, NULL));
}

TEST (turning_it_off_cuts_viewers_off)
{
    g_autofree char *uri = NULL;
    Setup setup;

    set_up (&setup, POSADA_REMOTE_SOCKET);
    apply (&setup);
    uri = posada_remote_get_address (setup.remote);
    setup.viewer = spice_viewer_new_for_uri (uri, NULL, NULL, NULL);
    CHECK (spice_viewer_wait (same_picture, &setup));
    setup.remote->kind = POSADA_REMOTE_OFF;
    apply (&setup);
    CHECK (spice_viewer_wait (is_closed, &setup));
    CHECK (!g_file_test (setup.remote->socket, G_FILE_TEST_EXISTS));
    tear_down (&setup);
}

static int
connect_cb (void *data)
{
    return posada_kvm_remote_connect (data, NULL);
}

TEST (a_local_session_needs_no_listener_and_ends_with_the_machine)
{
    g_autoptr (GError) error = NULL;
    Setup setup;

    set_up (&setup, POSADA_REMOTE_OFF);
    setup.viewer = spice_viewer_new (connect_cb, setup.live);
    CHECK (spice_viewer_wait (same_picture, &setup));
    posada_kvm_remote_end (setup.live);
    CHECK (spice_viewer_wait (is_closed, &setup));
    CHECK_EQUAL (posada_kvm_remote_connect (setup.live, &error), -1);
    CHECK_CONTAINS (error->message, "off");
    tear_down (&setup);
}

/* --- a machine of a store --- */

static PosadaMachine *
load (PosadaStore *store)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PosadaDefinition) definition = posada_store_load (store, UUID, &error);

    if (!definition)
        tap_fail (__FILE__, __LINE__, "%s", error->message);
    return posada_kvm_machine_new_for_definition (definition, store);
}

static PosadaStore *
make_store (const char *folder)
{
    PosadaStore *store;
    g_autoptr (PosadaDefinition) definition = posada_definition_new ("Debian", NULL);

    dex_init ();
    store = posada_store_new (folder);
    CHECK (posada_definition_set_uuid (definition, UUID, NULL));
    CHECK (posada_store_create (store, definition, NULL, NULL, NULL));
    return store;
}

static void
settle (void)
{
    for (guint i = 0; i < 30; i++) {
        while (g_main_context_iteration (NULL, FALSE))
            ;
        g_usleep (1000);
    }
}

/* A future that another thread settles last wakes nobody here. */
static gboolean
is_settled (void *data)
{
    return !dex_future_is_pending (data);
}

static void
set_remote (PosadaMachine *machine, const PosadaRemote *wish)
{
    DexFuture *future = posada_machine_set_remote (machine, wish);

    CHECK (spice_viewer_wait (is_settled, future));
    expect_done (future);
}

TEST (a_machine_remembers_who_may_look)
{
    g_autofree char *folder = g_dir_make_tmp ("posada-remote-XXXXXX", NULL);
    g_autoptr (PosadaStore) store = make_store (folder);
    g_autofree char *machine_folder = posada_store_get_machine_folder (store, UUID);
    g_autofree char *path = g_build_filename (machine_folder, "machine.xml", NULL), *text = NULL;
    PosadaRemote wish = {.kind = POSADA_REMOTE_NETWORK, .password = (char *) "correct horse"};
    PosadaMachine *machine = load (store);
    const PosadaRemote *remote = posada_machine_get_remote (machine);
    g_autofree char *file = NULL;
    struct stat status;
    guint port;

    CHECK_EQUAL (remote->kind, POSADA_REMOTE_OFF);
    set_remote (machine, &wish);
    remote = posada_machine_get_remote (machine);
    CHECK_EQUAL (remote->kind, POSADA_REMOTE_NETWORK);
    CHECK (remote->port >= 5900);
    port = remote->port;
    file = posada_remote_get_file (remote, "Debian");
    CHECK_CONTAINS (file, "host-subject=CN=" UUID);
    CHECK_CONTAINS (file, "ca=-----BEGIN CERTIFICATE-----\\n");
    CHECK (!strstr (file, "horse"));
    settle ();
    g_object_unref (machine);

    CHECK (g_file_get_contents (path, &text, NULL, NULL));
    CHECK_CONTAINS (text, "passwd=\"correct horse\"");
    CHECK_CONTAINS (text, "autoport=\"no\"");
    CHECK_EQUAL (g_stat (path, &status), 0);
    CHECK_EQUAL (status.st_mode & 0777, 0600);

    machine = load (store);
    remote = posada_machine_get_remote (machine);
    CHECK_EQUAL (remote->kind, POSADA_REMOTE_NETWORK);
    CHECK_EQUAL (remote->port, port);
    CHECK_STRING (remote->password, "correct horse");
    wish.kind = POSADA_REMOTE_SOCKET;
    set_remote (machine, &wish);
    wish.kind = POSADA_REMOTE_OFF;
    CHECK_CONTAINS (posada_machine_get_remote (machine)->socket, UUID);
    set_remote (machine, &wish);
    settle ();
    g_object_unref (machine);
    machine = load (store);
    CHECK_EQUAL (posada_machine_get_remote (machine)->kind, POSADA_REMOTE_OFF);
    settle ();
    g_object_unref (machine);
    CHECK (posada_file_remove_tree (folder, NULL));
}

TEST (what_cannot_be_is_refused_with_a_sentence)
{
    g_autofree char *folder = g_dir_make_tmp ("posada-remote-XXXXXX", NULL);
    g_autofree char *long_password = g_strnfill (61, 'x');
    g_autoptr (PosadaStore) store = make_store (folder);
    PosadaMachine *machine = load (store);
    PosadaRemote wish = {.kind = POSADA_REMOTE_NETWORK};

    expect_error (posada_machine_set_remote (machine, &wish), POSADA_MACHINE_ERROR_FAILED,
                  "password");
    wish.password = long_password;
    expect_error (posada_machine_set_remote (machine, &wish), POSADA_MACHINE_ERROR_FAILED,
                  "password");
    wish.password = (char *) "x";
    wish.port = 65536;
    expect_error (posada_machine_set_remote (machine, &wish), POSADA_MACHINE_ERROR_FAILED, "port");
    CHECK_EQUAL (posada_machine_get_remote (machine)->kind, POSADA_REMOTE_OFF);
    settle ();
    g_object_unref (machine);
    CHECK (posada_file_remove_tree (folder, NULL));
}

TAP_MAIN ()
