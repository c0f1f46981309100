/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The class "virtio-vga". BARs: 0 video memory and 2 registers of the VGA, 1 MSI-X, 4 virtio. That
 * is where firmware looks that knows such a function (SeaBIOS's VGA BIOS for it, OVMF's QemuVideo
 * driver), while virtio drivers go by capabilities.
 */
#include "hw/virtio/virtio-gpu.h"

#include <errno.h>

#include "base/util.h"

#define TYPE_GPU      16
#define N_QUEUES      2 /* control, cursor */
#define CLASS_VGA     0x030000
#define FEATURE_EDID  (UINT64_C (1) << 1)

#define ROM_FILE_NAME "pci1af4,1050.rom" /* see vga-pci.c */

/* Configuration (5.7.4). */
enum {
    CONFIG_EVENTS_READ = 0,
    CONFIG_EVENTS_CLEAR = 4,
    CONFIG_SCANOUTS = 8,
    CONFIG_CAPSETS = 12,
    CONFIG_SIZE = 16,
};

static struct gpu *
from_device (struct vmm_device *device)
{
    return CONTAINER_OF (device, struct gpu, virtio.pci.device);
}

void
gpu_update_config (struct gpu *gpu)
{
    uint8_t *config = gpu->virtio.config;

    memset (config, 0, CONFIG_SIZE);
    store_le32 (config + CONFIG_EVENTS_READ, gpu->events);
    store_le32 (config + CONFIG_SCANOUTS, gpu->n_scanouts);
}

static void
config_write (struct virtio *virtio, unsigned offset, unsigned size, uint32_t value)
{
    struct gpu *gpu = CONTAINER_OF (virtio, struct gpu, virtio);

    if (offset != CONFIG_EVENTS_CLEAR || size != 4)
        return;
    gpu->events &= ~value;
    gpu_update_config (gpu);
}

static void
type_reset (struct virtio *virtio)
{
    struct gpu *gpu = CONTAINER_OF (virtio, struct gpu, virtio);

    gpu_reset_scanouts (gpu);
    gpu_destroy_all_resources (gpu);
    gpu->events = 0;
    gpu_update_config (gpu);
}

static const struct virtio_type gpu_type = {
    .id = TYPE_GPU,
    .class_code = CLASS_VGA,
    .notify = gpu_notify,
    .config_write = config_write,
    .reset = type_reset,
};

/* The class's hooks. */

static void
config_written_cb (struct pci_device *pci, unsigned offset, unsigned size)
{
    struct gpu *gpu = CONTAINER_OF (pci, struct gpu, virtio.pci);

    vga_config_written (&gpu->vga, offset);
    gpu->transport_written (pci, offset, size);
}

static int
init_hook (struct vmm_device *device, const struct vmm_device_config *config,
           struct vmm_error *error)
{
    struct gpu *gpu = from_device (device);
    struct gpu_scanout *first = &gpu->scanouts[0];
    struct pci_device *pci = &gpu->virtio.pci;
    int r;

    for (unsigned i = 0; i < GPU_MAX_RESOURCES; i++)
        gpu->resources[i].gpu = gpu;
    for (unsigned i = 0; i < GPU_MAX_SCANOUTS; i++)
        gpu->scanouts[i].gpu = gpu;
    gpu->n_scanouts = 1;
    r = virtio_init (&gpu->virtio, &gpu_type, FEATURE_EDID, N_QUEUES, CONFIG_SIZE, config, error);
    if (r < 0)
        return r;
    gpu->transport_written = pci->config_written;
    pci->config_written = config_written_cb;
    r = vga_init (&gpu->vga, pci, config, ROM_FILE_NAME, error);
    if (r < 0)
        return r;
    first->wanted_width = (uint32_t) vmm_config_number (device, config, "xres");
    first->wanted_height = (uint32_t) vmm_config_number (device, config, "yres");
    first->display = gpu->vga.display;
    if (first->display)
        display_set_source (first->display, &gpu_source_ops, first, &device->lock);
    return 0;
}

static void
reset_hook (struct vmm_device *device)
{
    virtio_reset (device);
    vga_reset (&from_device (device)->vga);
}

static void
fini_hook (struct vmm_device *device)
{
    struct gpu *gpu = from_device (device);

    for (unsigned i = 0; i < GPU_MAX_SCANOUTS; i++)
        if (gpu->scanouts[i].display)
            display_clear_source (gpu->scanouts[i].display, &gpu->scanouts[i]);
    virtio_fini (device);
    vga_fini (&gpu->vga);
    gpu_destroy_all_resources (gpu);
}

static int
state_post_load (void *object, struct vmm_error *error)
{
    struct gpu *gpu = object;

    gpu_blank (gpu);
    if (!gpu_check_resources (gpu) || !gpu_check_scanouts (gpu))
        return vmm_error_set (error, -EPROTO, "the saved state of “%s” makes no sense",
                              gpu->virtio.pci.device.id);
    gpu_update_config (gpu);
    gpu_show_all (gpu);
    return 0;
}

static const struct vmm_state_field state_fields[] = {
    VMM_STATE_NESTED (struct gpu, virtio, virtio_state),
    VMM_STATE_NESTED (struct gpu, vga, vga_state),
    VMM_STATE (struct gpu, events),
    VMM_STATE (struct gpu, has_taken_over),
    {
        .name = "resources",
        .type = VMM_FIELD_TABLE,
        .offset = offsetof (struct gpu, resources),
        .count = GPU_MAX_RESOURCES,
        .size = sizeof (struct gpu_resource),
        .table = &gpu_resource_state,
        .variable = true,
        .count_offset = offsetof (struct gpu, n_resources),
    },
    VMM_STATE_NESTED_ARRAY (struct gpu, scanouts, gpu_scanout_state),
};

static const struct vmm_state_table state = {
    .name = "virtio-vga",
    .version = 2,
    .fields = state_fields,
    .n_fields = ARRAY_LENGTH (state_fields),
    .post_load = state_post_load,
};

static const struct vmm_key keys[] = {
    PCI_KEY_SLOT,
    VGA_KEYS,
};

const struct vmm_device_class virtio_vga_class = {
    .name = "virtio-vga",
    .size = sizeof (struct gpu),
    .keys = keys,
    .n_keys = ARRAY_LENGTH (keys),
    .state = &state,
    .init = init_hook,
    .reset = reset_hook,
    .pause = virtio_pause,
    .resume = virtio_resume,
    .fini = fini_hook,
};
