/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two ISA DMA controllers as far as firmware and probes look at them: registers that hold what
 * was written and never a transfer, for there is no device that would ask for one.
 *
 * Ports 0x00–0x0F are controller 1 with a register per port, 0xC0–0xDF controller 2 with one per
 * two ports, 0x80–0x8F the page registers (0x80 is the diagnostic port, too).
 *
 * Source: Intel 8237A datasheet; Intel ICH9 family datasheet, 13.2.
 */
#include "base/util.h"
#include "engine/device.h"

#define REGISTER_COMMAND     8 /* reads as status */
#define REGISTER_SINGLE_MASK 10
#define REGISTER_FLIP_FLOP   12
#define REGISTER_CLEAR       13
#define REGISTER_CLEAR_MASKS 14
#define REGISTER_MASKS       15 /* every mask bit */

struct channel_registers {
    uint8_t bytes[16]; /* four channels: address low, high, count low, high */
    uint8_t mask;
    bool high; /* the flip-flop: which byte comes next */
};

struct i8237 {
    struct vmm_device device;
    struct channel_registers controllers[2];
    uint8_t pages[16];
    struct vmm_region regions[3];
};

static uint64_t
controller_read (struct channel_registers *controller, unsigned number)
{
    unsigned byte;

    if (number == REGISTER_MASKS)
        return controller->mask;
    if (number >= REGISTER_COMMAND)
        return 0;
    byte = 2 * number + controller->high;
    controller->high = !controller->high;
    return controller->bytes[byte];
}

static void
controller_write (struct channel_registers *controller, unsigned number, uint8_t value)
{
    switch (number) {
    case REGISTER_SINGLE_MASK:
        if (value & 4)
            controller->mask |= (uint8_t) (1 << (value & 3));
        else
            controller->mask &= (uint8_t) ~(1 << (value & 3));
        break;
    case REGISTER_FLIP_FLOP: controller->high = false; break;
    case REGISTER_CLEAR:
        controller->high = false;
        controller->mask = 0x0F;
        break;
    case REGISTER_CLEAR_MASKS: controller->mask = 0; break;
    case REGISTER_MASKS: controller->mask = value & 0x0F; break;
    default:
        if (number >= REGISTER_COMMAND)
            break;
        controller->bytes[2 * number + controller->high] = value;
        controller->high = !controller->high;
        break;
    }
}

static uint64_t
first_read (void *opaque, uint64_t offset, unsigned size)
{
    struct i8237 *self = opaque;

    return controller_read (&self->controllers[0], (unsigned) offset);
}

static void
first_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct i8237 *self = opaque;

    controller_write (&self->controllers[0], (unsigned) offset, (uint8_t) value);
}

static uint64_t
second_read (void *opaque, uint64_t offset, unsigned size)
{
    struct i8237 *self = opaque;

    return controller_read (&self->controllers[1], (unsigned) offset / 2);
}

static void
second_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct i8237 *self = opaque;

    controller_write (&self->controllers[1], (unsigned) offset / 2, (uint8_t) value);
}

static uint64_t
page_read (void *opaque, uint64_t offset, unsigned size)
{
    struct i8237 *self = opaque;

    return self->pages[offset];
}

static void
page_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct i8237 *self = opaque;

    self->pages[offset] = (uint8_t) value;
}

static const struct vmm_state_field controller_fields[] = {
    VMM_STATE_ARRAY (struct channel_registers, bytes),
    VMM_STATE (struct channel_registers, mask),
    VMM_STATE (struct channel_registers, high),
};

static const struct vmm_state_table controller_state = {
    .name = "i8237-controller",
    .version = 1,
    .fields = controller_fields,
    .n_fields = ARRAY_LENGTH (controller_fields),
};

static const struct vmm_state_field i8237_fields[] = {
    VMM_STATE_NESTED_ARRAY (struct i8237, controllers, controller_state),
    VMM_STATE_ARRAY (struct i8237, pages),
};

static const struct vmm_state_table i8237_state = {
    .name = "i8237",
    .version = 1,
    .fields = i8237_fields,
    .n_fields = ARRAY_LENGTH (i8237_fields),
};

static int
i8237_init (struct vmm_device *device, const struct vmm_device_config *config,
            struct vmm_error *error)
{
    static const struct {
        uint16_t port, size;
        uint64_t (*read) (void *opaque, uint64_t offset, unsigned size);
        void (*write) (void *opaque, uint64_t offset, unsigned size, uint64_t value);
    } layout[] = {
        {0x00, 0x10, first_read, first_write},
        {0x80, 0x10, page_read, page_write},
        {0xC0, 0x20, second_read, second_write},
    };
    struct i8237 *self = CONTAINER_OF (device, struct i8237, device);

    for (unsigned i = 0; i < ARRAY_LENGTH (layout); i++) {
        int r;

        self->regions[i] = (struct vmm_region) {
            .name = "dma",
            .space = VMM_SPACE_PIO,
            .size = layout[i].size,
            .max_size = 1,
            .read = layout[i].read,
            .write = layout[i].write,
            .opaque = self,
            .lock = &device->lock,
        };
        r = vmm_bus_map (vmm_device_bus (device), &self->regions[i], layout[i].port);
        if (r < 0)
            return vmm_error_set_errno (error, r, "%s: port %#x cannot be used", device->id,
                                        layout[i].port);
    }
    return 0;
}

static void
i8237_reset (struct vmm_device *device)
{
    struct i8237 *self = CONTAINER_OF (device, struct i8237, device);

    memset (self->controllers, 0, sizeof self->controllers);
    memset (self->pages, 0, sizeof self->pages);
    self->controllers[0].mask = self->controllers[1].mask = 0x0F;
}

static void
i8237_pause (struct vmm_device *device)
{
}

static void
i8237_resume (struct vmm_device *device)
{
}

static void
i8237_fini (struct vmm_device *device)
{
    struct i8237 *self = CONTAINER_OF (device, struct i8237, device);

    for (unsigned i = 0; i < ARRAY_LENGTH (self->regions); i++)
        vmm_bus_unmap (vmm_device_bus (device), &self->regions[i]);
}

const struct vmm_device_class i8237_class = {
    .name = "i8237",
    .size = sizeof (struct i8237),
    .state = &i8237_state,
    .init = i8237_init,
    .reset = i8237_reset,
    .pause = i8237_pause,
    .resume = i8237_resume,
    .fini = i8237_fini,
};
