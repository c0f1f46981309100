/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tests/golden/store/NAME.xml is read; what the model says of it must be NAME.model, what is
 * written untouched NAME.kept, and what is written after a fixed list of edits NAME.edited. With
 * POSADA_UPDATE_GOLDEN=1 these are written instead, to be reviewed as a change.
 */
#include "tap.h"

#include <glib.h>

#include "store/posada-definition.h"
#include "store/posada-device.h"

static void
check_golden (const char *name, const char *kind, const char *actual)
{
    g_autofree char *file = g_strdup_printf ("%s.%s", name, kind);
    g_autofree char *path = g_build_filename (POSADA_GOLDEN_DIR, "store", file, NULL);
    g_autofree char *expected = NULL;

    if (g_getenv ("POSADA_UPDATE_GOLDEN")) {
        CHECK (g_file_set_contents (path, actual, -1, NULL));
        return;
    }
    CHECK (g_file_get_contents (path, &expected, NULL, NULL));
    if (!g_str_equal (actual, expected)) {
        g_autofree char *other = g_strdup_printf ("%s.actual", file);

        g_file_set_contents (other, actual, -1, NULL);
        tap_fail (__FILE__, __LINE__, "%s differs from %s, see %s here", name, path, other);
    }
}

static PosadaDefinition *
load (const char *name)
{
    g_autofree char *file = g_strdup_printf ("%s.xml", name), *text = NULL;
    g_autofree char *path = g_build_filename (POSADA_GOLDEN_DIR, "store", file, NULL);
    g_autoptr (GError) error = NULL;
    PosadaDefinition *definition;

    CHECK (g_file_get_contents (path, &text, NULL, NULL));
    definition = posada_definition_new_from_xml (text, -1, &error);
    if (!definition)
        tap_fail (__FILE__, __LINE__, "%s: %s", path, error->message);
    return definition;
}

/* Frees @value. */
static void
say (GString *out, const char *what, char *value)
{
    g_autofree char *escaped = value ? g_strescape (value, NULL) : NULL;

    if (value)
        g_string_append_printf (out, "%s: %s\n", what, escaped);
    g_free (value);
}

static void
say_number (GString *out, const char *what, gint64 number)
{
    g_string_append_printf (out, "%s: %" G_GINT64_FORMAT "\n", what, number);
}

static void
say_machine (GString *out, PosadaDefinition *self)
{
    PosadaBootDevice boot[POSADA_BOOT_N_DEVICES];
    unsigned sockets, cores, threads, n;

    say (out, "type", posada_definition_get_domain_type (self));
    say (out, "name", posada_definition_get_name (self));
    say (out, "uuid", posada_definition_get_uuid (self));
    say (out, "title", posada_definition_get_title (self));
    say (out, "description", posada_definition_get_description (self));
    say_number (out, "memory", (gint64) posada_definition_get_memory (self));
    say_number (out, "current memory", (gint64) posada_definition_get_current_memory (self));
    say_number (out, "vcpus", posada_definition_get_vcpus (self));
    if (posada_definition_get_topology (self, &sockets, &cores, &threads))
        g_string_append_printf (out, "topology: %u %u %u\n", sockets, cores, threads);
    say (out, "cpu mode", posada_definition_get_cpu_mode (self));
    say_number (out, "acpi", posada_definition_get_feature (self, "acpi"));
    say_number (out, "vmport", posada_definition_get_feature (self, "vmport"));
    say (out, "os type", posada_definition_get_os_type (self));
    say (out, "arch", posada_definition_get_arch (self));
    say (out, "machine", posada_definition_get_machine (self));
    say_number (out, "efi", posada_definition_get_firmware (self) == POSADA_FIRMWARE_EFI);
    say (out, "loader", posada_definition_get_loader (self));
    say (out, "nvram", posada_definition_get_nvram (self));
    say (out, "kernel", posada_definition_get_kernel (self));
    say (out, "initrd", posada_definition_get_initrd (self));
    say (out, "cmdline", posada_definition_get_cmdline (self));
    n = posada_definition_get_boot_devices (self, boot);
    for (unsigned i = 0; i < n; i++)
        say_number (out, "boot device", boot[i]);
    say_number (out, "boot menu", posada_definition_get_boot_menu (self));
    say (out, "os id", posada_definition_get_os_id (self));
    say (out, "group", posada_definition_get_group (self));
    say (out, "notes", posada_definition_get_notes (self));
    say_number (out, "created", posada_definition_get_created (self));
}

static void
say_devices (GString *out, PosadaDefinition *self)
{
    for (unsigned i = 0; i < posada_definition_get_n_disks (self); i++) {
        g_autoptr (PosadaDisk) disk = posada_definition_get_disk (self, i);

        g_string_append_printf (
            out,
            "disk: kind %d, source %d, path %s, format %d, bus %d, target %s, "
            "serial %s, read-only %d, boot %u\n",
            disk->kind, disk->source, disk->path ? disk->path : "-", disk->format, disk->bus,
            disk->target, disk->serial ? disk->serial : "-", disk->read_only, disk->boot_order);
    }
    for (unsigned i = 0; i < posada_definition_get_n_interfaces (self); i++) {
        g_autoptr (PosadaInterface) interface = posada_definition_get_interface (self, i);

        g_string_append_printf (
            out,
            "interface: kind %d, passt %d, source %s, mac %s, model %s, unplugged %d, boot %u\n",
            interface->kind, interface->passt, interface->source ? interface->source : "-",
            interface->mac ? interface->mac : "-", interface->model ? interface->model : "-",
            interface->unplugged, interface->boot_order);
        for (unsigned j = 0; j < interface->n_forwards; j++)
            g_string_append_printf (out, "forward: %s, address %s, %u to %u, to %u\n",
                                    interface->forwards[j].udp ? "udp" : "tcp",
                                    interface->forwards[j].address ? interface->forwards[j].address
                                                                   : "-",
                                    interface->forwards[j].first, interface->forwards[j].last,
                                    interface->forwards[j].to);
        say_number (out, "odd forwards", interface->odd_forwards);
    }
    for (unsigned i = 0; i < posada_definition_get_n_graphics (self); i++) {
        g_autoptr (PosadaGraphics) graphics = posada_definition_get_graphics (self, i);

        g_string_append_printf (
            out, "graphics: kind %d, listen %d, address %s, port %d, tls %d, password %s\n",
            graphics->kind, graphics->listen, graphics->address ? graphics->address : "-",
            graphics->port, graphics->tls_port, graphics->password ? graphics->password : "-");
    }
    say (out, "video", posada_definition_get_video_model (self));
    say_number (out, "usb tablet", posada_definition_has_input (self, "tablet", "usb"));
    say_number (out, "rng", posada_definition_get_rng (self));
    say (out, "balloon", posada_definition_get_balloon (self));
    say_number (out, "serial", posada_definition_get_serial (self));
    say_number (out, "virtio console", posada_definition_get_virtio_console (self));
}

static void
edit_machine (PosadaDefinition *self)
{
    CHECK (posada_definition_set_domain_type (self, "kvm", NULL));
    CHECK (posada_definition_set_name (self, "edited & <renamed>", NULL));
    CHECK (posada_definition_set_title (self, "A title", NULL));
    CHECK (posada_definition_set_description (self, "Two\nlines", NULL));
    CHECK (posada_definition_set_memory (self, UINT64_C (3) << 30, NULL));
    CHECK (posada_definition_set_topology (self, 1, 3, 2, NULL));
    CHECK (posada_definition_set_cpu_mode (self, "host-model", NULL));
    posada_definition_set_feature (self, "vmport", TRUE);
    posada_definition_set_firmware (self, POSADA_FIRMWARE_EFI);
    CHECK (posada_definition_set_nvram (self, "/nvram/vars.fd", NULL));
    CHECK (posada_definition_set_kernel (self, "/k", "/i", "a=\"b\" & c", NULL));
    posada_definition_set_boot_menu (self, TRUE);
    CHECK (posada_definition_set_os_id (self, "http://fedoraproject.org/fedora/41", NULL));
    CHECK (posada_definition_set_group (self, "Play", NULL));
    CHECK (posada_definition_set_notes (self, "First\nsecond <b>", NULL));
    CHECK (posada_definition_set_created (self, 1234567890, NULL));
}

static void
edit_devices (PosadaDefinition *self)
{
    const PosadaDisk cd = {.kind = POSADA_DISK_CDROM,
                           .path = (char *) "/iso/new & shiny.iso",
                           .bus = POSADA_BUS_SATA,
                           .boot_order = 9};
    const PosadaInterface interface = {
        .passt = TRUE, .mac = (char *) "52:54:00:12:34:56", .model = (char *) "virtio"};
    const PosadaGraphics graphics = {.listen = POSADA_LISTEN_NONE, .port = -1, .tls_port = -1};

    if (posada_definition_get_n_disks (self)) {
        g_autoptr (PosadaDisk) disk = posada_definition_get_disk (self, 0);

        g_free (disk->path);
        disk->path = g_strdup ("/elsewhere/disk.qcow2");
        disk->source = POSADA_SOURCE_FILE;
        disk->format = POSADA_FORMAT_QCOW2;
        disk->boot_order = 4;
        CHECK (posada_definition_set_disk (self, 0, disk, NULL));
    }
    CHECK (posada_definition_add_disk (self, &cd, NULL));
    if (posada_definition_get_n_interfaces (self) > 1)
        CHECK (posada_definition_remove_interface (self, 1, NULL));
    CHECK (posada_definition_add_interface (self, &interface, NULL));
    CHECK (posada_definition_set_graphics (self, 0, &graphics, NULL));
    CHECK (posada_definition_set_video_model (self, "virtio", NULL));
    posada_definition_set_input (self, "tablet", "virtio", TRUE);
    posada_definition_set_input (self, "tablet", "usb", FALSE);
    posada_definition_set_rng (self, TRUE);
    CHECK (posada_definition_set_balloon (self, "virtio", NULL));
    posada_definition_set_serial (self, TRUE);
    posada_definition_set_virtio_console (self, TRUE);
}

static void
check_file (const char *name)
{
    g_autoptr (PosadaDefinition) definition = load (name), again = NULL, edited = NULL;
    g_autoptr (GString) model = g_string_new (NULL), model_again = g_string_new (NULL);
    g_autofree char *kept = NULL, *kept_again = NULL, *changed = NULL;

    say_machine (model, definition);
    say_devices (model, definition);
    check_golden (name, "model", model->str);
    kept = posada_definition_to_xml (definition);
    check_golden (name, "kept", kept);

    again = posada_definition_new_from_xml (kept, -1, NULL);
    CHECK (again);
    kept_again = posada_definition_to_xml (again);
    CHECK_STRING (kept_again, kept);
    say_machine (model_again, again);
    say_devices (model_again, again);
    CHECK_STRING (model_again->str, model->str);

    edit_machine (definition);
    edit_devices (definition);
    changed = posada_definition_to_xml (definition);
    check_golden (name, "edited", changed);
    /* Setters leave what a file may be. */
    edited = posada_definition_new_from_xml (changed, -1, NULL);
    CHECK (edited);
}

TEST (an_installed_linux)
{
    check_file ("installed-linux");
}

TEST (an_installed_windows)
{
    check_file ("installed-windows");
}

TEST (a_server_with_passt)
{
    check_file ("passt");
}

TEST (a_kernel)
{
    check_file ("kernel");
}

TEST (foreign_elements_comments_and_namespaces)
{
    check_file ("foreign");
}

TEST (next_to_nothing)
{
    check_file ("minimal");
}

TAP_MAIN ()
