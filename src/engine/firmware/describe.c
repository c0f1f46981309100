/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/firmware/describe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/firmware/fw-cfg.h"
#include "engine/firmware/memory-map.h"
#include "engine/machine.h"
#include "engine/pci/pci.h"

#define BOOT_MENU_WAIT_MS 5000

/* The tables' size as firmware is told it does not change when the guest moves ECAM. */
#define ACPI_GRANULE  4096

#define PCI_CLASS_VGA 0x0300

static int
add_u16 (struct fw_cfg_store *store, uint16_t key, unsigned value, struct vmm_error *error)
{
    uint8_t bytes[2];

    store_le16 (bytes, (uint16_t) value);
    return fw_cfg_add_item (store, key, bytes, sizeof bytes, error);
}

static bool
has_vga (struct vmm_machine *machine)
{
    for (uint16_t devfn = 0; devfn < 256; devfn++) {
        const struct pci_device *pci = pci_bus_device (vmm_machine_pci (machine), devfn);

        if (pci && load_le16 (pci->config + 0x0A) == PCI_CLASS_VGA)
            return true;
    }
    return false;
}

static int
add_items (struct firmware_platform *self, struct fw_cfg_store *store,
           const struct vmm_config *config, struct vmm_error *error)
{
    /* Without a screen SeaBIOS talks to the first serial port instead. */
    bool is_blind = self->acpi.n_serial > 0 && !has_vga (self->machine);
    uint8_t memory[8], wait[2];
    int r;

    store_le64 (memory, self->smbios.low_memory + self->smbios.high_memory);
    store_le16 (wait, config->boot_menu ? BOOT_MENU_WAIT_MS : 0);
    r = fw_cfg_add_item (store, FW_CFG_UUID, self->uuid, sizeof self->uuid, error);
    if (r == 0)
        r = fw_cfg_add_item (store, FW_CFG_RAM_SIZE, memory, sizeof memory, error);
    if (r == 0)
        r = add_u16 (store, FW_CFG_NOGRAPHIC, is_blind, error);
    if (r == 0)
        r = add_u16 (store, FW_CFG_NB_CPUS, self->acpi.n_cpus, error);
    if (r == 0)
        r = add_u16 (store, FW_CFG_MAX_CPUS, self->acpi.n_cpus, error);
    if (r == 0)
        r = add_u16 (store, FW_CFG_BOOT_MENU, config->boot_menu, error);
    if (r == 0)
        r = fw_cfg_add_file (store, "etc/boot-menu-wait", wait, sizeof wait, error);
    return r;
}

static int
add_memory_map (struct firmware_platform *self, struct fw_cfg_store *store, struct vmm_error *error)
{
    uint8_t e820[MEMORY_MAP_MAX * MEMORY_E820_ENTRY];
    struct memory_map map;

    memory_map_for_firmware (&map, vmm_machine_memory (self->machine));
    return fw_cfg_add_file (store, "etc/e820", e820, memory_map_write_e820 (&map, e820), error);
}

static int
add_boot_order (struct firmware_platform *self, struct fw_cfg_store *store,
                const struct vmm_config *config, struct vmm_error *error)
{
    AUTO_FREE char *text = NULL;
    int r;

    if (config->n_boot_order == 0)
        return 0;
    r = firmware_boot_order (self->machine, config->boot_order, config->n_boot_order, &text, error);
    if (r < 0)
        return r;
    return fw_cfg_add_file (store, "bootorder", text, strlen (text) + 1, error);
}

static int
add_smbios (struct firmware_platform *self, struct fw_cfg_store *store, struct vmm_error *error)
{
    AUTO_FREE struct smbios_tables *tables = malloc (sizeof *tables);
    int r;

    if (!tables)
        return vmm_error_set (error, -ENOMEM, "out of memory for the SMBIOS tables");
    smbios_build (&self->smbios, 0, tables);
    r = fw_cfg_add_file (store, "etc/smbios/smbios-anchor", tables->anchor, sizeof tables->anchor,
                         error);
    if (r == 0)
        r = fw_cfg_add_file (store, "etc/smbios/smbios-tables", tables->data, tables->size, error);
    return r;
}

/*
 * Out of memory leaves the previous contents, zeroes at first: a loader script without commands, so
 * a guest without ACPI rather than one with half of it.
 */
static void
rebuild_cb (void *data)
{
    struct firmware_platform *self = data;
    struct fw_cfg_store *store = vmm_machine_fw_cfg (self->machine);
    uint8_t script[ACPI_LOADER_SIZE];
    struct acpi_tables tables;

    firmware_refresh (self);
    if (acpi_build (&self->acpi, &tables) < 0)
        return;
    acpi_write_loader (&tables, script);
    fw_cfg_set_contents (store, ACPI_LOADER_FILE, script, sizeof script);
    fw_cfg_set_contents (store, ACPI_RSDP_FILE, tables.rsdp, sizeof tables.rsdp);
    fw_cfg_set_contents (store, ACPI_TABLES_FILE, tables.data, tables.size);
    acpi_tables_fini (&tables);
}

static int
add_acpi (struct firmware_platform *self, struct fw_cfg_store *store, struct vmm_error *error)
{
    struct acpi_platform largest = self->acpi;
    struct acpi_tables tables;
    size_t size;
    int r;

    /* An ECAM window in the middle makes the most windows. */
    largest.ecam = 0xE0000000;
    if (acpi_build (&largest, &tables) < 0)
        return vmm_error_set (error, -ENOMEM, "out of memory for the ACPI tables");
    size = align_up (tables.size, ACPI_GRANULE);
    acpi_tables_fini (&tables);

    r = fw_cfg_add_dynamic (store, ACPI_LOADER_FILE, ACPI_LOADER_SIZE, rebuild_cb, self, error);
    if (r == 0)
        r = fw_cfg_add_dynamic (store, ACPI_RSDP_FILE, ACPI_RSDP_SIZE, rebuild_cb, self, error);
    if (r == 0)
        r = fw_cfg_add_dynamic (store, ACPI_TABLES_FILE, size, rebuild_cb, self, error);
    return r;
}

int
firmware_describe (struct firmware_platform *self, const struct vmm_config *config,
                   struct vmm_error *error)
{
    struct fw_cfg_store *store = vmm_machine_fw_cfg (self->machine);
    int r = add_items (self, store, config, error);

    if (r == 0)
        r = add_memory_map (self, store, error);
    if (r == 0)
        r = add_boot_order (self, store, config, error);
    if (r == 0)
        r = add_smbios (self, store, error);
    if (r == 0)
        r = add_acpi (self, store, error);
    return r;
}
