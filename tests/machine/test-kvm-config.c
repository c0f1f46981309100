/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What our engine makes of definitions. */
#include "machine/posada-kvm-machine.h"

#include "machine-test.h"
#include "store/posada-device.h"

#define VIRTIO_DISK                                                    \
    "<disk type='file' device='disk'><driver name='qemu' type='raw'/>" \
    "<source file='/nowhere/a.raw'/><target dev='vda' bus='virtio'/>"
#define CD                                                             \
    "<disk type='file' device='cdrom'><source file='/nowhere/a.iso'/>" \
    "<target dev='sda' bus='sata'/><readonly/>"
#define END "</disk>"

static PosadaDefinition *
parse (const char *os, const char *devices)
{
    g_autofree char *xml = g_strconcat (
        "<domain type='kvm'><name>Debian</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid>"
        "<memory unit='KiB'>1048577</memory><vcpu>4</vcpu><os>",
        os, "<type arch='x86_64' machine='q35'>hvm</type></os><devices>", devices,
        "</devices></domain>", NULL);
    GError *error = NULL;
    PosadaDefinition *definition = posada_definition_new_from_xml (xml, -1, &error);

    g_assert_no_error (error);
    return definition;
}

static PosadaKvmConfig *
config_of (const char *os, const char *devices)
{
    g_autoptr (PosadaDefinition) definition = parse (os, devices);

    return posada_kvm_config_new_for_definition (definition);
}

static void
takes_over_numbers_and_drives (void)
{
    g_autoptr (PosadaKvmConfig) config =
        config_of ("", CD END VIRTIO_DISK END "<video><model type='virtio'/></video>");

    g_assert_cmpstr (config->name, ==, "Debian");
    g_assert_cmpstr (config->uuid, ==, "6695eb01-f6a4-8304-79aa-97f2502e193f");
    g_assert_cmpuint (config->memory, ==, 1 << 30);
    g_assert_cmpuint (config->cpus, ==, 4);
    g_assert_cmpuint (config->n_cds, ==, 1);
    g_assert_cmpuint (config->n_disks, ==, 1);
    g_assert_cmpstr (config->cds[0].path, ==, "/nowhere/a.iso");
    g_assert_cmpstr (config->disks[0].path, ==, "/nowhere/a.raw");
    g_assert_true (config->virtio_screen);
    g_assert_null (config->obstacle);
}

static void
boots_as_the_definition_says (void)
{
    g_autoptr (PosadaKvmConfig) nothing = config_of ("", CD END VIRTIO_DISK END);
    g_autoptr (PosadaKvmConfig) kinds = config_of ("<boot dev='cdrom'/>", CD END VIRTIO_DISK END);
    g_autoptr (PosadaKvmConfig) each =
        config_of ("", CD "<boot order='7'/>" END VIRTIO_DISK "<boot order='3'/>" END);

    g_assert_cmpuint (nothing->disks[0].boot, ==, 1);
    g_assert_cmpuint (nothing->cds[0].boot, ==, 2);
    g_assert_cmpuint (kinds->disks[0].boot, ==, 0);
    g_assert_cmpuint (kinds->cds[0].boot, ==, 1);
    g_assert_cmpuint (each->disks[0].boot, ==, 3);
    g_assert_cmpuint (each->cds[0].boot, ==, 7);
}

static void
expect_obstacle (const char *os, const char *devices, const char *part)
{
    g_autoptr (PosadaDefinition) definition = parse (os, devices);
    PosadaMachine *machine = posada_kvm_machine_new_for_definition (definition, NULL);

    expect_error (posada_machine_start (machine), POSADA_MACHINE_ERROR_NOT_SUPPORTED, part);
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_OFF);
    g_object_unref (machine);
}

static void
says_what_it_cannot_run (void)
{
    expect_obstacle ("<loader type='pflash' readonly='yes'>/nowhere/OVMF.fd</loader>", "", "UEFI");
    expect_obstacle ("",
                     "<disk type='file' device='disk'><driver name='qemu' type='vmdk'/>"
                     "<source file='/nowhere/a.qcow2'/><target dev='vda' bus='virtio'/>" END,
                     "/nowhere/a.qcow2");
    expect_obstacle ("",
                     "<disk type='file' device='disk'><source file='/nowhere/a.raw'/>"
                     "<target dev='sdb' bus='sata'/>" END,
                     "sdb");
}

static void
follows_its_definition (void)
{
    g_autoptr (PosadaDefinition) definition = parse ("", "");
    PosadaMachine *machine = posada_kvm_machine_new_for_definition (definition, NULL);
    g_autofree char *name = NULL;

    g_assert_cmpstr (posada_machine_get_id (machine), ==, "6695eb01-f6a4-8304-79aa-97f2502e193f");
    g_assert_true (posada_definition_set_vcpus (definition, 2, NULL));
    g_assert_cmpuint (posada_machine_get_cpus (machine), ==, 2);
    expect_done (posada_machine_rename (machine, "Other"));
    name = posada_definition_get_name (definition);
    g_assert_cmpstr (name, ==, "Other");
    g_assert_cmpstr (posada_machine_get_name (machine), ==, "Other");
    expect_error (posada_machine_rename (machine, "a/b"), POSADA_MACHINE_ERROR_FAILED, "a/b");
    for (guint i = 0; i < 20; i++) {
        while (g_main_context_iteration (NULL, FALSE))
            continue;
        g_usleep (1000);
    }
    assert_gone (machine);
    g_assert_true (posada_definition_set_vcpus (definition, 3, NULL));
}

static void
expect_network (const char *devices, guint n_cards, PosadaNetwork kind, const char *problem)
{
    g_autoptr (PosadaDefinition) definition = parse ("", devices);
    g_autoptr (PosadaKvmConfig) config = posada_kvm_config_new_for_definition (definition);
    PosadaMachine *machine = posada_kvm_machine_new_for_definition (definition, NULL);
    const char *told = posada_machine_get_network_problem (machine);

    g_assert_null (config->obstacle);
    g_assert_cmpuint (config->network->n_cards, ==, n_cards);
    g_assert_cmpint (posada_machine_get_network (machine), ==, kind);
    if (problem)
        g_assert_nonnull (strstr (told, problem));
    else
        g_assert_null (told);
    g_object_unref (machine);
}

#define USER "<interface type='user'/>"

static void
has_the_network_cards_that_it_can_have (void)
{
    expect_network ("", 0, POSADA_NETWORK_NONE, NULL);
    expect_network (USER, 1, POSADA_NETWORK_HOST, NULL);
    expect_network ("<interface type='user'><backend type='passt'/><model type='e1000'/>"
                    "</interface>",
                    1, POSADA_NETWORK_HOST, NULL);
    expect_network ("<interface type='user'><link state='down'/></interface>", 1,
                    POSADA_NETWORK_UNPLUGGED, NULL);
    expect_network ("<interface type='network'><source network='default'/></interface>", 1,
                    POSADA_NETWORK_UNPLUGGED, "“user”");
    expect_network ("<interface type='bridge'><source bridge='br0'/></interface>" USER, 2,
                    POSADA_NETWORK_HOST, "“user”");
    expect_network ("<interface type='user'><portForward proto='tcp'/></interface>", 1,
                    POSADA_NETWORK_HOST, "forwarded");
    expect_network (USER USER USER USER USER USER USER USER USER, 8, POSADA_NETWORK_HOST, "eight");
}

static void
takes_over_addresses_and_ports_of_cards (void)
{
    g_autoptr (PosadaKvmConfig) config = config_of (
        "", "<interface type='user'><mac address='52:54:00:00:00:09'/><portForward proto='udp'>"
            "<range start='5000' end='5002' to='50'/></portForward></interface>" USER);
    g_autoptr (PosadaKvmConfig) copy = posada_kvm_config_copy (config);
    const PosadaKvmCard *cards = copy->network->cards;

    g_clear_pointer (&config, posada_kvm_config_free);
    g_assert_cmpstr (cards[0].mac, ==, "52:54:00:00:00:09");
    g_assert_cmpuint (cards[0].n_forwards, ==, 1);
    g_assert_true (cards[0].forwards[0].udp);
    g_assert_cmpuint (cards[0].forwards[0].last, ==, 5002);
    g_assert_cmpuint (cards[0].forwards[0].to, ==, 50);
    g_assert_cmpuint (strlen (cards[1].mac), ==, 17);
}

static void
follows_its_cable (void)
{
    g_autoptr (PosadaDefinition) definition = parse ("", USER);
    PosadaMachine *machine = posada_kvm_machine_new_for_definition (definition, NULL);
    g_autoptr (PosadaInterface) interface = posada_definition_get_interface (definition, 0);

    g_assert_cmpint (posada_machine_get_network (machine), ==, POSADA_NETWORK_HOST);
    interface->unplugged = TRUE;
    g_assert_true (posada_definition_set_interface (definition, 0, interface, NULL));
    g_assert_cmpint (posada_machine_get_network (machine), ==, POSADA_NETWORK_UNPLUGGED);
    g_assert_true (posada_definition_remove_interface (definition, 0, NULL));
    g_assert_cmpint (posada_machine_get_network (machine), ==, POSADA_NETWORK_NONE);
    g_object_unref (machine);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    dex_init ();
#define ADD(name) g_test_add_func ("/kvm-config/" #name, name)
    ADD (takes_over_numbers_and_drives);
    ADD (boots_as_the_definition_says);
    ADD (says_what_it_cannot_run);
    ADD (follows_its_definition);
    ADD (has_the_network_cards_that_it_can_have);
    ADD (takes_over_addresses_and_ports_of_cards);
    ADD (follows_its_cable);
    return g_test_run ();
}
