/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A guest that reads and writes anything anywhere: ports, memory-mapped registers, configuration
 * space, RAM, on a machine with one device of every class there is (but of the two VGAs one). A
 * class with required keys needs a line in every-device.h.
 */
#include "base/util.h"
#include "engine/pci/pci.h"
#include "every-device.h"
#include "fuzz.h"

#define MAX_OPERATIONS 2000
#define MAX_WINDOWS    (32 * PCI_BAR_COUNT)

/* Where something may answer. */
struct window {
    uint64_t base;
    uint64_t size;
};

struct target {
    struct fuzz_input input;
    struct every_device all;
    struct testbed *bed;
    struct vmm_loop *loop;
    struct window ports[MAX_WINDOWS], memory[MAX_WINDOWS];
    unsigned n_ports, n_memory;
};

static uint64_t
take (struct target *self, unsigned bytes)
{
    return fuzz_take (&self->input, bytes);
}

static void
find_windows (struct target *self)
{
    static const struct window fixed_ports[] = {{0, 0x100},    {0x1CE, 4},    {0x3B0, 0x30},
                                                {0x3F8, 8},    {0x402, 1},    {0x4D0, 2},
                                                {0x510, 0x10}, {0x600, 0x80}, {0xCF8, 8}};

    for (unsigned i = 0; i < ARRAY_LENGTH (fixed_ports); i++)
        self->ports[self->n_ports++] = fixed_ports[i];
    self->memory[self->n_memory++] = (struct window) {0xA0000, 0x60000};
    for (unsigned devfn = 0; devfn < 256; devfn++) {
        if (testbed_pci_read (self->bed, devfn, 0, 2) == 0xFFFF)
            continue;
        for (unsigned bar = 0; bar < PCI_BAR_COUNT; bar++) {
            uint64_t base = testbed_pci_bar (self->bed, devfn, bar);
            bool is_io = testbed_pci_read (self->bed, devfn, 0x10 + 4 * bar, 4) & 1;

            if (base && is_io && self->n_ports < MAX_WINDOWS)
                self->ports[self->n_ports++] = (struct window) {base, 0x40};
            else if (base && self->n_memory < MAX_WINDOWS)
                self->memory[self->n_memory++] = (struct window) {base, 0x4000};
        }
    }
}

/* Small offsets more often than large ones: that is where registers are. */
static uint64_t
take_place (struct target *self, const struct window *windows, unsigned n)
{
    const struct window *window = &windows[take (self, 1) % n];
    unsigned choice = (unsigned) take (self, 1);
    uint64_t offset = choice % 4 ? choice * 4 % 0x100 + take (self, 1) % 4 : take (self, 2);

    return window->base + offset % window->size;
}

static void
send_input (struct target *self)
{
    unsigned a = (unsigned) take (self, 2), b = (unsigned) take (self, 2);

    switch (a % 5) {
    case 0: input_key (self->all.keys, a / 4 % 0x300, b & 1); break;
    case 1: input_relative (self->all.keys, (int16_t) a, (int16_t) b, (int8_t) a, b & 0x3F); break;
    case 2: input_absolute (self->all.keys, a, b, (int8_t) b, a >> 8); break;
    case 3: input_release_all (self->all.keys); break;
    case 4: input_touch (self->all.keys, a / 5 % 12, b & 1, a, b); break;
    }
}

static void
operate (struct target *self)
{
    unsigned size = 1u << take (self, 1) % 4;
    uint64_t place;

    switch (take (self, 1) % 16) {
    case 0:
    case 1:
    case 2:
        place = take_place (self, self->ports, self->n_ports);
        testbed_out (self->bed, (uint16_t) place, MIN_OF (size, 4), take (self, 4));
        break;
    case 3:
        place = take_place (self, self->ports, self->n_ports);
        testbed_in (self->bed, (uint16_t) place, MIN_OF (size, 4));
        break;
    case 4:
        testbed_out (self->bed, (uint16_t) take (self, 2), MIN_OF (size, 4), take (self, 4));
        break;
    case 5:
    case 6:
    case 7:
    case 8:
        place = take_place (self, self->memory, self->n_memory);
        testbed_write (self->bed, place, size, take (self, size));
        break;
    case 9: testbed_read (self->bed, take_place (self, self->memory, self->n_memory), size); break;
    case 10: testbed_write (self->bed, take (self, 4), size, take (self, 8)); break;
    case 11:
    case 12:
        place = take (self, 1) % 64 * 4;
        testbed_pci_write (self->bed, (unsigned) take (self, 1), (unsigned) place, 4,
                           (uint32_t) take (self, 4));
        break;
    case 13: vmm_loop_iterate (self->loop, 0); break;
    case 14:
        send_input (self);
        if (write (self->all.hosts[size & 1], self->input.data, MIN_OF (self->input.size, 50)) < 0)
            break;
        break;
    case 15:
        if (take (self, 1) % 32 == 0)
            testbed_reset (self->bed);
        break;
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct target target = {.input = {data, size}};

    if (!every_device_open (&target.all, take (&target, 1) & 1))
        return 0;
    target.bed = target.all.bed;
    target.loop = vmm_device_loop (testbed_device (target.bed, "virtio-blk"));
    testbed_pci_enable (target.bed);
    find_windows (&target);
    for (unsigned i = 0; i < MAX_OPERATIONS && target.input.size; i++)
        operate (&target);
    for (int i = 0; i < 4; i++)
        vmm_loop_iterate (target.loop, 0);
    every_device_close (&target.all);
    return 0;
}
