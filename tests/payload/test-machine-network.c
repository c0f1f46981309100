/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Machines with network cards, on passt. */
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

#include "payload-machine.h"

static gboolean
lacks_passt (void)
{
    g_autofree char *path = g_find_program_in_path ("passt");

    if (!path)
        g_test_skip ("no passt");
    return !path;
}

static void
runs_with_its_network_or_says_what_to_do (void)
{
    g_autofree char *folder = g_dir_make_tmp ("posada-network-XXXXXX", NULL);
    g_autofree char *path = g_strdup (g_getenv ("PATH"));
    g_autoptr (PosadaStore) store = posada_store_new (folder);
    PosadaMachine *machine;

    if (lacks_kvm () || lacks_passt ())
        return;
    machine = make_counting (store);
    add_card (machine);
    expect_done (posada_machine_start (machine));
    g_assert_cmpint (posada_machine_get_network (machine), ==, POSADA_NETWORK_HOST);
    g_assert_null (posada_machine_get_network_problem (machine));
    expect_done (posada_machine_force_off (machine));

    g_setenv ("PATH", "/nowhere", TRUE);
    expect_done (posada_machine_start (machine));
    g_setenv ("PATH", path, TRUE);
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_RUNNING);
    g_assert_cmpint (posada_machine_get_network (machine), ==, POSADA_NETWORK_UNPLUGGED);
    g_assert_nonnull (strstr (posada_machine_get_network_problem (machine), "package passt"));
    expect_done (posada_machine_force_off (machine));
    g_assert_cmpint (posada_machine_get_network (machine), ==, POSADA_NETWORK_HOST);
    g_assert_null (posada_machine_get_network_problem (machine));
    g_object_unref (machine);
}

/* This process has no other children. */
static void
kill_passt (void)
{
    g_autoptr (GDir) processes = g_dir_open ("/proc", 0, NULL);
    const char *name;

    while ((name = g_dir_read_name (processes))) {
        g_autofree char *path = g_build_filename ("/proc", name, "status", NULL);
        g_autofree char *parent = g_strdup_printf ("\nPPid:\t%d\n", (int) getpid ());
        g_autofree char *status = NULL;

        if (g_ascii_isdigit (*name) && g_file_get_contents (path, &status, NULL, NULL) &&
            strstr (status, parent))
            g_assert_no_errno (kill ((pid_t) g_ascii_strtoll (name, NULL, 10), SIGKILL));
    }
}

static void
tells_when_its_network_ends (void)
{
    g_autofree char *folder = g_dir_make_tmp ("posada-ended-XXXXXX", NULL);
    g_autoptr (PosadaStore) store = posada_store_new (folder);
    PosadaMachine *machine;

    if (lacks_kvm () || lacks_passt ())
        return;
    machine = make_counting (store);
    add_card (machine);
    expect_done (posada_machine_start (machine));
    g_assert_cmpint (posada_machine_get_network (machine), ==, POSADA_NETWORK_HOST);
    kill_passt ();
    while (posada_machine_get_network (machine) != POSADA_NETWORK_UNPLUGGED)
        g_main_context_iteration (NULL, TRUE);
    g_assert_nonnull (strstr (posada_machine_get_network_problem (machine), "start it again"));
    count (machine, "count 01\n");
    expect_done (posada_machine_force_off (machine));
    g_object_unref (machine);
}

/* As that of an original, of which the machine is a copy. */
static int
listen_somewhere (guint *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_no_errno (bind (fd, (struct sockaddr *) &address, sizeof address));
    g_assert_no_errno (listen (fd, 1));
    g_assert_no_errno (getsockname (fd, (struct sockaddr *) &address, &length));
    *ret_port = ntohs (address.sin_port);
    return fd;
}

static void
has_its_network_though_a_port_is_taken (void)
{
    g_autofree char *xml = NULL, *plain = NULL, *text = NULL;
    g_autofree char *folder = g_dir_make_tmp ("posada-port-XXXXXX", NULL);
    g_autoptr (PosadaStore) store = posada_store_new (folder);
    g_autoptr (PosadaDefinition) definition = NULL;
    g_auto (GStrv) parts = NULL;
    PosadaMachine *machine;
    guint port;
    int fd;

    if (lacks_kvm () || lacks_passt ())
        return;
    fd = listen_somewhere (&port);
    machine = make_counting (store);
    plain = posada_definition_to_xml (definition_of (machine));
    parts = g_strsplit (plain, "</devices>", 2);
    text = g_strdup_printf ("<interface type='user'><portForward proto='tcp'><range start='%u'/>"
                            "</portForward></interface></devices>",
                            port);
    xml = g_strjoinv (text, parts);
    definition = posada_definition_new_from_xml (xml, -1, NULL);
    posada_kvm_machine_set_definition (POSADA_KVM_MACHINE (machine), definition);
    expect_done (posada_machine_start (machine));
    g_free (text);
    text = g_strdup_printf ("ort %u", port);
    g_assert_cmpint (posada_machine_get_network (machine), ==, POSADA_NETWORK_HOST);
    g_assert_nonnull (strstr (posada_machine_get_network_problem (machine), text));
    expect_done (posada_machine_force_off (machine));
    close (fd);
    /* Once it is free, it is forwarded: nobody else can listen there. */
    expect_done (posada_machine_start (machine));
    g_assert_null (posada_machine_get_network_problem (machine));
    expect_done (posada_machine_force_off (machine));
    g_object_unref (machine);
}

static void
goes_on_from_before_it_had_a_card (void)
{
    g_autofree char *folder = g_dir_make_tmp ("posada-cards-XXXXXX", NULL);
    g_autoptr (PosadaStore) store = posada_store_new (folder);
    g_autoptr (PosadaSnapshot) before = NULL;
    PosadaMachine *machine;

    if (lacks_kvm () || lacks_passt ())
        return;
    machine = make_counting (store);
    expect_done (posada_machine_start (machine));
    count (machine, "count 01\n");
    expect_done (posada_machine_take_snapshot (machine, "Without", NULL));
    wait_for_snapshots (machine, 1);
    before = get_snapshot (machine, 0);
    count (machine, "count 02\n");
    expect_done (posada_machine_save (machine));
    wait_for_saved (machine, TRUE);

    /* Saved without one, it goes on without. */
    add_card (machine);
    expect_done (posada_machine_start (machine));
    count (machine, "count 03\n");
    g_assert_cmpint (posada_machine_get_network (machine), ==, POSADA_NETWORK_NONE);
    g_assert_nonnull (strstr (posada_machine_get_network_problem (machine), "shut it down"));
    expect_done (posada_machine_force_off (machine));

    /* With a card it does not go back, but says how it will. */
    expect_done (posada_machine_start (machine));
    g_assert_cmpint (posada_machine_get_network (machine), ==, POSADA_NETWORK_HOST);
    expect_error (posada_machine_restore_snapshot (machine, before), POSADA_MACHINE_ERROR_FAILED,
                  "switch the machine off");
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_RUNNING);
    expect_done (posada_machine_save (machine));
    wait_for_saved (machine, TRUE);

    /* Saved with one, it goes on with one, which is in nothing if the definition has it no more. */
    g_assert_true (posada_definition_remove_interface (definition_of (machine), 0, NULL));
    expect_done (posada_machine_start (machine));
    g_assert_cmpint (posada_machine_get_network (machine), ==, POSADA_NETWORK_UNPLUGGED);
    expect_done (posada_machine_force_off (machine));
    add_card (machine);
    expect_done (posada_machine_restore_snapshot (machine, before));
    wait_for_state (machine, POSADA_MACHINE_RUNNING);
    count (machine, "count 02\n");
    g_assert_cmpint (posada_machine_get_network (machine), ==, POSADA_NETWORK_NONE);
    expect_done (posada_machine_force_off (machine));
    g_object_unref (machine);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    dex_init ();
#define ADD(name) g_test_add_func ("/machine-network/" #name, name)
    ADD (runs_with_its_network_or_says_what_to_do);
    ADD (has_its_network_though_a_port_is_taken);
    ADD (tells_when_its_network_ends);
    ADD (goes_on_from_before_it_had_a_card);
    return g_test_run ();
}
