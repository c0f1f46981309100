/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A guest that reads and writes anything anywhere: ports, memory-mapped registers, configuration
 * space, RAM, on a machine with one device of every class there is (but of the two VGAs one). A
 * class with required keys needs a line in values_of ().
 */
#include "backends.h"
#include "base/util.h"
#include "display/input.h"
#include "engine/pci/pci.h"
#include "fuzz.h"
#include "hw/device-table.h"
#include "hw/platform.h"
#include "testbed.h"

#define MAX_CLASSES    64
#define MAX_OPERATIONS 2000
#define MAX_WINDOWS    (32 * PCI_BAR_COUNT)
#define IMAGE_SIZE     (1 * MIB)

/* Where something may answer. */
struct window {
    uint64_t base;
    uint64_t size;
};

struct target {
    struct fuzz_input input;
    struct blk *disk, *cd, *drive;
    struct chardev *serial, *console;
    struct input *keys;
    int hosts[2];
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

/* What a class needs or should get; @values has room for four. */
static size_t
values_of (struct target *self, const char *class_name, struct vmm_value *values)
{
    if (strcmp (class_name, "virtio-blk") == 0) {
        values[0] = (struct vmm_value) VMM_POINTER ("blk", self->disk);
        return 1;
    }
    if (strcmp (class_name, "virtio-console") == 0) {
        values[0] = (struct vmm_value) VMM_POINTER ("chardev", self->console);
        return 1;
    }
    if (strcmp (class_name, "serial") == 0) {
        values[0] = (struct vmm_value) VMM_POINTER ("chardev", self->serial);
        return 1;
    }
    if (strcmp (class_name, "ahci") == 0) {
        values[0] = (struct vmm_value) VMM_STRING ("port0", "cd");
        values[1] = (struct vmm_value) VMM_POINTER ("blk0", self->cd);
        values[2] = (struct vmm_value) VMM_STRING ("port1", "disk");
        values[3] = (struct vmm_value) VMM_POINTER ("blk1", self->drive);
        return 4;
    }
    if (strcmp (class_name, "virtio-keyboard") == 0 || strcmp (class_name, "virtio-mouse") == 0 ||
        strcmp (class_name, "virtio-tablet") == 0 || strcmp (class_name, "virtio-touch") == 0 ||
        strcmp (class_name, "i8042") == 0) {
        values[0] = (struct vmm_value) VMM_POINTER ("input", self->keys);
        return 1;
    }
    return 0;
}

static void
create_machine (struct target *self)
{
    struct vmm_device_config devices[MAX_CLASSES];
    struct vmm_value values[MAX_CLASSES][4];
    size_t n, n_platform;
    const char *other_vga = take (self, 1) & 1 ? "vga" : "virtio-vga";
    const struct vmm_device_config *platform = posada_platform_devices (false, &n_platform);

    memcpy (devices, platform, n_platform * sizeof *devices);
    n = n_platform;
    for (size_t i = 0; posada_device_classes[i] && n < MAX_CLASSES; i++) {
        const char *name = posada_device_classes[i]->name;
        bool is_there = strcmp (name, other_vga) == 0;

        for (size_t k = 0; k < n_platform; k++)
            is_there |= strcmp (platform[k].class_name, name) == 0;
        if (is_there)
            continue;
        devices[n] = (struct vmm_device_config) {
            .class_name = name,
            .id = name,
            .values = values[n],
            .n_values = values_of (self, name, values[n]),
        };
        n++;
    }
    self->bed = testbed_new (devices, n);
    self->loop = vmm_device_loop (testbed_device (self->bed, "virtio-blk"));
    testbed_pci_enable (self->bed);
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
    case 0: input_key (self->keys, a / 4 % 0x300, b & 1); break;
    case 1: input_relative (self->keys, (int16_t) a, (int16_t) b, (int8_t) a, b & 0x3F); break;
    case 2: input_absolute (self->keys, a, b, (int8_t) b, a >> 8); break;
    case 3: input_release_all (self->keys); break;
    case 4: input_touch (self->keys, a / 5 % 12, b & 1, a, b); break;
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
        if (write (self->hosts[size & 1], self->input.data, MIN_OF (self->input.size, 50)) < 0)
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

    target.disk = fuzz_open_image (IMAGE_SIZE);
    target.cd = fuzz_open_image (IMAGE_SIZE);
    target.drive = fuzz_open_image (IMAGE_SIZE);
    target.serial = fuzz_open_chardev (&target.hosts[0]);
    target.console = fuzz_open_chardev (&target.hosts[1]);
    if (input_create (&target.keys) < 0)
        return 0;
    create_machine (&target);
    find_windows (&target);
    for (unsigned i = 0; i < MAX_OPERATIONS && target.input.size; i++)
        operate (&target);
    for (int i = 0; i < 4; i++)
        vmm_loop_iterate (target.loop, 0);
    testbed_free (target.bed);
    input_destroy (target.keys);
    blk_close (target.disk);
    blk_close (target.cd);
    blk_close (target.drive);
    chardev_close (target.serial);
    chardev_close (target.console);
    close (target.hosts[0]);
    close (target.hosts[1]);
    return 0;
}
