/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What our engine makes of definitions. */
#include "machine/posada-kvm-machine.h"

#include "machine-test.h"

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
    return g_test_run ();
}
