/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hw/vga-pci.h"

#include "base/util.h"

/*
 * SeaBIOS takes the ROM of a PCI function from the file of this name before it looks for a ROM BAR,
 * and then tells the ROM which function it belongs to; it does not for files in vgaroms/, and the
 * VGA BIOS needs to know to find its frame buffer.
 */
#define ROM_FILE_NAME "pci1234,1111.rom"

static void
config_written_cb (struct pci_device *pci, unsigned offset, unsigned size)
{
    vga_config_written (&CONTAINER_OF (pci, struct vga_pci, pci)->vga, offset);
}

static void
refresh_cb (void *data)
{
    vga_refresh (data);
}

static const struct display_source_ops source_ops = {
    .refresh = refresh_cb,
};

static int
init_hook (struct vmm_device *device, const struct vmm_device_config *config,
           struct vmm_error *error)
{
    static const struct pci_identity identity = {
        .vendor = 0x1234,
        .device = 0x1111,
        .subsystem_vendor = 0x1AF4,
        .subsystem = 0x1100,
        .class_code = 0x030000,
        .revision = 2,
    };
    struct vga_pci *self = CONTAINER_OF (device, struct vga_pci, pci.device);
    int r;

    r = pci_device_init (&self->pci, &identity, PCI_DEVFN_AUTO, config, error);
    if (r < 0)
        return r;
    self->pci.config_written = config_written_cb;
    r = vga_init (&self->vga, &self->pci, config, ROM_FILE_NAME, error);
    if (r < 0)
        return r;
    if (self->vga.display)
        display_set_source (self->vga.display, &source_ops, &self->vga, &device->lock);
    return 0;
}

static void
reset_hook (struct vmm_device *device)
{
    struct vga_pci *self = CONTAINER_OF (device, struct vga_pci, pci.device);

    pci_device_reset (&self->pci);
    vga_reset (&self->vga);
}

static void
pause_hook (struct vmm_device *device)
{
}

static void
resume_hook (struct vmm_device *device)
{
}

static void
fini_hook (struct vmm_device *device)
{
    struct vga_pci *self = CONTAINER_OF (device, struct vga_pci, pci.device);

    if (self->vga.display)
        display_clear_source (self->vga.display, &self->vga);
    pci_device_fini (&self->pci);
    vga_fini (&self->vga);
}

static const struct vmm_state_field state_fields[] = {
    VMM_STATE_NESTED (struct vga_pci, pci, pci_device_state),
    VMM_STATE_NESTED (struct vga_pci, vga, vga_state),
};

static const struct vmm_state_table state = {
    .name = "vga-pci",
    .version = 1,
    .fields = state_fields,
    .n_fields = ARRAY_LENGTH (state_fields),
};

static const struct vmm_key keys[] = {
    PCI_KEY_SLOT,
    VGA_KEYS,
};

const struct vmm_device_class vga_class = {
    .name = "vga",
    .size = sizeof (struct vga_pci),
    .keys = keys,
    .n_keys = ARRAY_LENGTH (keys),
    .state = &state,
    .init = init_hook,
    .reset = reset_hook,
    .pause = pause_hook,
    .resume = resume_hook,
    .fini = fini_hook,
};
