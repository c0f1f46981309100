/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * <os>: what runs before the guest's own system, and from where that comes.
 */
#include <string.h>

#include "store/posada-definition-internal.h"
#include "store/posada-store-error.h"
#include "store/posada-units.h"

const char *const posada_os_order[] = {
    "type", "firmware", "loader", "nvram",    "kernel", "initrd", "cmdline",
    "dtb",  "acpi",     "boot",   "bootmenu", "bios",   "smbios", NULL,
};

static const char *const boot_names[POSADA_BOOT_N_DEVICES] = {
    [POSADA_BOOT_DISK] = "hd",
    [POSADA_BOOT_CDROM] = "cdrom",
    [POSADA_BOOT_NETWORK] = "network",
    [POSADA_BOOT_FLOPPY] = "fd",
};

static xmlNode *
os_of (PosadaDefinition *self)
{
    return posada_definition_section (self, "os");
}

gboolean
posada_definition_check_boot (PosadaDefinition *self, GError **error)
{
    static const char *const files[] = {"loader", "nvram", "kernel", "initrd"};
    g_autofree char *type = posada_xml_child_text (os_of (self), "type");
    unsigned seen = 0;

    if (!type) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "<os> does not say its <type>");
        return FALSE;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS (files); i++) {
        g_autofree char *path = posada_xml_child_text (os_of (self), files[i]);

        if (!posada_check_path (path, files[i], error))
            return FALSE;
    }
    for (xmlNode *boot = posada_xml_child (os_of (self), "boot"); boot;
         boot = posada_xml_next (boot, "boot")) {
        g_autofree char *name = posada_xml_attribute (boot, "dev");
        unsigned device = 0;

        while (device < POSADA_BOOT_N_DEVICES && g_strcmp0 (name, boot_names[device]) != 0)
            device++;
        if (device == POSADA_BOOT_N_DEVICES || seen & (1u << device)) {
            g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                         "<boot dev> “%.64s” is %s", name ? name : "",
                         device == POSADA_BOOT_N_DEVICES ? "none of hd, cdrom, network and fd"
                                                         : "there twice");
            return FALSE;
        }
        seen |= 1u << device;
    }
    return TRUE;
}

char *
posada_definition_get_os_type (PosadaDefinition *self)
{
    return posada_xml_child_text (os_of (self), "type");
}

char *
posada_definition_get_arch (PosadaDefinition *self)
{
    return posada_xml_attribute (posada_xml_child (os_of (self), "type"), "arch");
}

char *
posada_definition_get_machine (PosadaDefinition *self)
{
    return posada_xml_attribute (posada_xml_child (os_of (self), "type"), "machine");
}

gboolean
posada_definition_set_machine (PosadaDefinition *self, const char *machine, GError **error)
{
    if (!posada_check_text (machine, 64, "os type machine", error))
        return FALSE;
    posada_xml_set_attribute (posada_xml_child (os_of (self), "type"), "machine", machine);
    posada_definition_changed (self);
    return TRUE;
}

PosadaFirmware
posada_definition_get_firmware (PosadaDefinition *self)
{
    return posada_xml_attribute_is (os_of (self), "firmware", "efi") ||
                   posada_xml_attribute_is (posada_xml_child (os_of (self), "loader"), "type",
                                            "pflash")
               ? POSADA_FIRMWARE_EFI
               : POSADA_FIRMWARE_BIOS;
}

void
posada_definition_set_firmware (PosadaDefinition *self, PosadaFirmware firmware)
{
    if (posada_definition_get_firmware (self) == firmware)
        return;
    if (firmware == POSADA_FIRMWARE_EFI) {
        posada_xml_set_attribute (os_of (self), "firmware", "efi");
    } else {
        posada_xml_set_attribute (os_of (self), "firmware", NULL);
        /* Features of EFI, such as secure boot. */
        posada_xml_remove (os_of (self), "firmware");
    }
    posada_xml_remove (os_of (self), "loader");
    posada_xml_remove (os_of (self), "nvram");
    posada_definition_changed (self);
}

char *
posada_definition_get_loader (PosadaDefinition *self)
{
    return posada_xml_child_text (os_of (self), "loader");
}

char *
posada_definition_get_nvram (PosadaDefinition *self)
{
    return posada_xml_child_text (os_of (self), "nvram");
}

gboolean
posada_definition_set_nvram (PosadaDefinition *self, const char *path, GError **error)
{
    if (!posada_check_path (path, "nvram", error))
        return FALSE;
    posada_xml_set_child_text (os_of (self), "nvram", posada_os_order, path);
    posada_definition_changed (self);
    return TRUE;
}

char *
posada_definition_get_kernel (PosadaDefinition *self)
{
    return posada_xml_child_text (os_of (self), "kernel");
}

char *
posada_definition_get_initrd (PosadaDefinition *self)
{
    return posada_xml_child_text (os_of (self), "initrd");
}

char *
posada_definition_get_cmdline (PosadaDefinition *self)
{
    return posada_xml_child_text (os_of (self), "cmdline");
}

gboolean
posada_definition_set_kernel (PosadaDefinition *self, const char *kernel, const char *initrd,
                              const char *cmdline, GError **error)
{
    if (!kernel && (initrd || cmdline)) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID, "<%s> needs a <kernel>",
                     initrd ? "initrd" : "cmdline");
        return FALSE;
    }
    if (!posada_check_path (kernel, "kernel", error) ||
        !posada_check_path (initrd, "initrd", error) ||
        !posada_check_text (cmdline, POSADA_TEXT_MAX, "cmdline", error))
        return FALSE;
    posada_xml_set_child_text (os_of (self), "kernel", posada_os_order, kernel);
    posada_xml_set_child_text (os_of (self), "initrd", posada_os_order, initrd);
    posada_xml_set_child_text (os_of (self), "cmdline", posada_os_order, cmdline);
    posada_definition_changed (self);
    return TRUE;
}

unsigned
posada_definition_get_boot_devices (PosadaDefinition *self,
                                    PosadaBootDevice ret_devices[POSADA_BOOT_N_DEVICES])
{
    unsigned n = 0;

    for (xmlNode *boot = posada_xml_child (os_of (self), "boot"); boot && n < POSADA_BOOT_N_DEVICES;
         boot = posada_xml_next (boot, "boot"))
        for (unsigned device = 0; device < POSADA_BOOT_N_DEVICES; device++)
            if (posada_xml_attribute_is (boot, "dev", boot_names[device])) {
                ret_devices[n++] = (PosadaBootDevice) device;
                break;
            }
    return n;
}

gboolean
posada_definition_set_boot_devices (PosadaDefinition *self, const PosadaBootDevice *devices,
                                    unsigned n_devices, GError **error)
{
    unsigned seen = 0;

    for (unsigned i = 0; i < n_devices; i++) {
        if (devices[i] >= POSADA_BOOT_N_DEVICES || seen & (1u << devices[i])) {
            g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                         "A <boot dev> is there twice, or is none");
            return FALSE;
        }
        seen |= 1u << devices[i];
    }
    if (n_devices)
        posada_definition_drop_boot_orders (self);
    posada_xml_remove (os_of (self), "boot");
    for (unsigned i = 0; i < n_devices; i++)
        posada_xml_set_attribute (posada_xml_add (os_of (self), "boot", posada_os_order), "dev",
                                  boot_names[devices[i]]);
    posada_definition_changed (self);
    return TRUE;
}

gboolean
posada_definition_get_boot_menu (PosadaDefinition *self)
{
    return posada_xml_attribute_is (posada_xml_child (os_of (self), "bootmenu"), "enable", "yes");
}

void
posada_definition_set_boot_menu (PosadaDefinition *self, gboolean enabled)
{
    if (enabled == posada_definition_get_boot_menu (self))
        return;
    posada_xml_set_attribute (posada_xml_ensure (os_of (self), "bootmenu", posada_os_order),
                              "enable", enabled ? "yes" : "no");
    posada_definition_changed (self);
}
