/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The fw-cfg device: how firmware asks what machine it runs on. Contents are the store's
 * (engine/firmware/fw-cfg.h); here is the hardware: a selector (port 0x510), a data port that gives
 * one byte after the other (0x511), and DMA (0x514, 0x518), whose descriptor lies in guest memory:
 * be32 control, be32 length, be64 address. Writing the low half of the descriptor's address carries
 * it out and clears the high half, so that firmware below 4 GiB never touches the latter.
 *
 * Source: QEMU's docs/specs/fw_cfg.rst.
 */
#include <errno.h>

#include "base/util.h"
#include "engine/device.h"
#include "engine/firmware/fw-cfg.h"

#define PORT_SELECTOR  0x510 /* 16 bits; the data port is its upper half */
#define PORT_DMA       0x514

#define KEY_ABSENT     0xFFFF
#define KEY_WRITE      0x4000 /* an old way to ask for writing; not part of the key */

#define ID_TRADITIONAL 1u
#define ID_DMA         2u

enum dma_control {
    DMA_ERROR = 1 << 0,
    DMA_READ = 1 << 1,
    DMA_SKIP = 1 << 2,
    DMA_SELECT = 1 << 3, /* bits 16–31 are the key */
    DMA_WRITE = 1 << 4,
};

/* No item is longer, so nothing honest asks for more at once. */
#define DMA_MAX_LENGTH FW_CFG_MAX_LENGTH

struct fw_cfg {
    struct vmm_device device;
    struct fw_cfg_store *store;
    struct vmm_region selector_region;
    struct vmm_region dma_region;

    uint16_t key;
    uint32_t offset;
    uint32_t dma_high;
};

static const struct vmm_state_field state_fields[] = {
    VMM_STATE (struct fw_cfg, key),
    VMM_STATE (struct fw_cfg, offset),
    VMM_STATE (struct fw_cfg, dma_high),
};

static const struct vmm_state_table state_table = {
    .name = "fw-cfg",
    .version = 1,
    .fields = state_fields,
    .n_fields = ARRAY_LENGTH (state_fields),
};

static void
select_key (struct fw_cfg *self, uint16_t key)
{
    const uint8_t *data;
    size_t length;

    self->key = key & (uint16_t) ~KEY_WRITE;
    self->offset = 0;
    /* Absent keys are not an error: they read as zeroes. */
    fw_cfg_select (self->store, self->key, &data, &length);
}

/* What is left of the selected item: nothing, for absent ones. */
static void
remaining (struct fw_cfg *self, const uint8_t **ret_data, size_t *ret_length)
{
    const uint8_t *data;
    size_t length;

    if (fw_cfg_peek (self->store, self->key, &data, &length) < 0 || self->offset >= length) {
        *ret_data = NULL;
        *ret_length = 0;
        return;
    }
    *ret_data = data + self->offset;
    *ret_length = length - self->offset;
}

static void
advance (struct fw_cfg *self, uint32_t count)
{
    self->offset = self->offset > UINT32_MAX - count ? UINT32_MAX : self->offset + count;
}

static uint64_t
selector_read (void *opaque, uint64_t offset, unsigned size)
{
    struct fw_cfg *self = opaque;
    const uint8_t *data;
    size_t length;
    uint8_t value;

    if (offset != 1)
        return UINT64_MAX;
    remaining (self, &data, &length);
    value = length ? *data : 0;
    advance (self, 1);
    return value;
}

static void
selector_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    if (offset == 0 && size == 2)
        select_key (opaque, (uint16_t) value);
}

static int
dma_read_item (struct fw_cfg *self, uint64_t address, uint32_t length)
{
    struct vmm_memory *memory = vmm_device_memory (&self->device);
    const uint8_t *data;
    size_t available;
    uint8_t *target;

    if (!length)
        return 0;
    target = vmm_memory_pointer (memory, address, length);
    if (!target)
        return -EFAULT;
    remaining (self, &data, &available);
    available = MIN_OF (available, length);
    if (available)
        memcpy (target, data, available);
    memset (target + available, 0, length - available);
    return 0;
}

static int
dma_write_item (struct fw_cfg *self, uint64_t address, uint32_t length)
{
    struct vmm_memory *memory = vmm_device_memory (&self->device);
    const uint8_t *source;

    if (!length)
        return 0;
    source = vmm_memory_pointer (memory, address, length);
    if (!source)
        return -EFAULT;
    return fw_cfg_write (self->store, self->key, self->offset, source, length);
}

static void
dma_run (struct fw_cfg *self, uint64_t descriptor)
{
    struct vmm_memory *memory = vmm_device_memory (&self->device);
    uint8_t raw[16], answer[4];
    uint32_t control, length;
    uint64_t address;
    int result = 0;

    /* A descriptor outside RAM leaves nowhere to report that. */
    if (vmm_memory_read (memory, descriptor, raw, sizeof raw) < 0)
        return;
    control = load_be32 (raw);
    length = load_be32 (raw + 4);
    address = load_be64 (raw + 8);

    if (control & DMA_SELECT)
        select_key (self, (uint16_t) (control >> 16));
    if (control & DMA_READ)
        result = length > DMA_MAX_LENGTH ? -E2BIG : dma_read_item (self, address, length);
    else if (control & DMA_WRITE)
        result = length > DMA_MAX_LENGTH ? -E2BIG : dma_write_item (self, address, length);
    if (result == 0 && (control & (DMA_READ | DMA_WRITE | DMA_SKIP)))
        advance (self, length);

    store_be32 (answer, result < 0 ? DMA_ERROR : 0);
    vmm_memory_write (memory, descriptor, answer, sizeof answer);
}

/* Reading tells that DMA is there: "QEMU CFG" in port order. */
static uint64_t
dma_read (void *opaque, uint64_t offset, unsigned size)
{
    static const char signature[8] = "QEMU CFG";
    uint64_t value = 0;

    for (unsigned i = 0; i < size && offset + i < sizeof signature; i++)
        value |= (uint64_t) (uint8_t) signature[offset + i] << (8 * i);
    return value;
}

static void
dma_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct fw_cfg *self = opaque;
    uint64_t high = self->dma_high;

    if (size != 4)
        return;
    if (offset == 0) {
        self->dma_high = be32toh ((uint32_t) value);
    } else if (offset == 4) {
        self->dma_high = 0;
        dma_run (self, high << 32 | be32toh ((uint32_t) value));
    }
}

static int
fw_cfg_init (struct vmm_device *device, const struct vmm_device_config *config,
             struct vmm_error *error)
{
    struct fw_cfg *self = CONTAINER_OF (device, struct fw_cfg, device);
    struct vmm_bus *bus = vmm_device_bus (device);
    uint8_t id[4];
    int result;

    self->store = vmm_device_fw_cfg (device);
    store_le32 (id, ID_TRADITIONAL | ID_DMA);
    result = fw_cfg_add_item (self->store, FW_CFG_SIGNATURE, "QEMU", 4, error);
    if (result == 0)
        result = fw_cfg_add_item (self->store, FW_CFG_ID, id, sizeof id, error);
    if (result < 0)
        return result;

    self->selector_region = (struct vmm_region) {
        .name = "fw-cfg",
        .space = VMM_SPACE_PIO,
        .size = 2,
        .max_size = 2,
        .read = selector_read,
        .write = selector_write,
        .opaque = self,
        .lock = &device->lock,
    };
    self->dma_region = (struct vmm_region) {
        .name = "fw-cfg-dma",
        .space = VMM_SPACE_PIO,
        .size = 8,
        .max_size = 4,
        .read = dma_read,
        .write = dma_write,
        .opaque = self,
        .lock = &device->lock,
    };
    result = vmm_bus_map (bus, &self->selector_region, PORT_SELECTOR);
    if (result == 0)
        result = vmm_bus_map (bus, &self->dma_region, PORT_DMA);
    if (result < 0)
        return vmm_error_set_errno (error, result, "the ports of “%s” cannot be mapped",
                                    device->id);
    return 0;
}

static void
fw_cfg_reset (struct vmm_device *device)
{
    struct fw_cfg *self = CONTAINER_OF (device, struct fw_cfg, device);

    self->key = KEY_ABSENT;
    self->offset = 0;
    self->dma_high = 0;
}

static void
fw_cfg_pause (struct vmm_device *device)
{
}

static void
fw_cfg_resume (struct vmm_device *device)
{
}

static void
fw_cfg_fini (struct vmm_device *device)
{
    struct fw_cfg *self = CONTAINER_OF (device, struct fw_cfg, device);

    vmm_bus_unmap (vmm_device_bus (device), &self->selector_region);
    vmm_bus_unmap (vmm_device_bus (device), &self->dma_region);
}

const struct vmm_device_class fw_cfg_class = {
    .name = "fw-cfg",
    .size = sizeof (struct fw_cfg),
    .state = &state_table,
    .init = fw_cfg_init,
    .reset = fw_cfg_reset,
    .pause = fw_cfg_pause,
    .resume = fw_cfg_resume,
    .fini = fw_cfg_fini,
};
