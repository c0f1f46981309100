/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The identifier of the machine's generation: 16 bytes in guest RAM that a guest compares with
 * those it remembers. When a state of another generation is loaded, the new identifier is written
 * there and the guest is told by a general-purpose event; what it does about it (new random
 * numbers, a new identity among domain controllers) is its own.
 *
 * Firmware loads the page by the ACPI loader script and writes its address to a file of ours; in a
 * machine that boots without firmware it is at a fixed place. A guest that never looks loses
 * nothing: nobody else uses the page.
 *
 * Source: Microsoft, “Virtual Machine Generation ID”, August 2012.
 */
#include <stdatomic.h>
#include <string.h>

#include "base/util.h"
#include "engine/device.h"
#include "engine/firmware/fw-cfg.h"

#define SIZE 16

struct vmgenid {
    struct vmm_device device;
    bool preset;
    atomic_uint_fast64_t place; /* of the page; 0: nobody has put it anywhere yet. fw-cfg's too. */
    uint8_t shown[SIZE];        /* what the guest has been told last */
    uint64_t saved_place;
};

/* As guests keep it: the first three fields of a UUID are little-endian. */
static void
get_identifier (struct vmgenid *self, uint8_t ret_bytes[SIZE])
{
    const uint8_t *uuid = vmm_device_generation (&self->device);

    store_le32 (ret_bytes, load_be32 (uuid));
    store_le16 (ret_bytes + 4, load_be16 (uuid + 4));
    store_le16 (ret_bytes + 6, load_be16 (uuid + 6));
    memcpy (ret_bytes + 8, uuid + 8, 8);
}

/* A guest that gave us an address outside its RAM has no identifier. */
static void
show (struct vmgenid *self)
{
    uint64_t place = atomic_load (&self->place);

    get_identifier (self, self->shown);
    if (place && place <= UINT64_MAX - ACPI_GENERATION_PAGE)
        vmm_memory_write (vmm_device_memory (&self->device), place + ACPI_GENERATION_OFFSET,
                          self->shown, SIZE);
}

/* With the lock of fw-cfg's device, therefore not with ours. */
static void
rebuild_cb (void *data)
{
    struct vmgenid *self = data;
    uint8_t start[ACPI_GENERATION_OFFSET + SIZE] = {0};

    get_identifier (self, start + ACPI_GENERATION_OFFSET);
    fw_cfg_set_contents (vmm_device_fw_cfg (&self->device), ACPI_GENERATION_FILE, start,
                         sizeof start);
}

static void
written_cb (void *data, const uint8_t *contents, size_t length)
{
    struct vmgenid *self = data;

    atomic_store (&self->place, load_le64 (contents));
}

static const struct vmm_key vmgenid_keys[] = {
    {.name = "preset",
     .type = VMM_KEY_BOOL,
     .help = "in its place from the start, for kernels that boot without firmware"},
};

static void
vmgenid_pre_save (void *object)
{
    struct vmgenid *self = object;

    self->saved_place = atomic_load (&self->place);
}

/* RAM is the saved one by now. */
static int
vmgenid_post_load (void *object, struct vmm_error *error)
{
    struct vmgenid *self = object;
    uint8_t present[SIZE];

    atomic_store (&self->place, self->saved_place);
    get_identifier (self, present);
    if (memcmp (present, self->shown, SIZE) != 0) {
        show (self);
        vmm_device_request_event (&self->device, ACPI_GENERATION_EVENT);
    }
    return 0;
}

static const struct vmm_state_field vmgenid_fields[] = {
    {.name = "place",
     .type = VMM_FIELD_U64,
     .offset = offsetof (struct vmgenid, saved_place),
     .count = 1,
     .size = sizeof (uint64_t)},
    VMM_STATE_ARRAY (struct vmgenid, shown),
};

static const struct vmm_state_table vmgenid_state = {
    .name = "vmgenid",
    .version = 1,
    .fields = vmgenid_fields,
    .n_fields = ARRAY_LENGTH (vmgenid_fields),
    .pre_save = vmgenid_pre_save,
    .post_load = vmgenid_post_load,
};

static int
vmgenid_init (struct vmm_device *device, const struct vmm_device_config *config,
              struct vmm_error *error)
{
    struct vmgenid *self = CONTAINER_OF (device, struct vmgenid, device);
    struct fw_cfg_store *store = vmm_device_fw_cfg (device);
    int r;

    self->preset = vmm_config_bool (device, config, "preset");
    r = fw_cfg_add_dynamic (store, ACPI_GENERATION_FILE, ACPI_GENERATION_PAGE, rebuild_cb, self,
                            error);
    if (r == 0)
        r = fw_cfg_add_writable (store, ACPI_GENERATION_ADDRESS, 8, written_cb, self, error);
    return r;
}

static void
vmgenid_reset (struct vmm_device *device)
{
    struct vmgenid *self = CONTAINER_OF (device, struct vmgenid, device);

    atomic_store (&self->place, self->preset ? ACPI_GENERATION_AT : 0);
    show (self);
}

static void
vmgenid_pause (struct vmm_device *device)
{
}

static void
vmgenid_resume (struct vmm_device *device)
{
}

static void
vmgenid_fini (struct vmm_device *device)
{
}

const struct vmm_device_class vmgenid_class = {
    .name = "vmgenid",
    .size = sizeof (struct vmgenid),
    .keys = vmgenid_keys,
    .n_keys = ARRAY_LENGTH (vmgenid_keys),
    .state = &vmgenid_state,
    .init = vmgenid_init,
    .reset = vmgenid_reset,
    .pause = vmgenid_pause,
    .resume = vmgenid_resume,
    .fini = vmgenid_fini,
};
