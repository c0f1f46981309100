/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A machine with one device of every class there is, but of the two VGAs one, and back ends for
 * them. A class with required keys needs a line in every_device_values ().
 */
#pragma once

#include <string.h>

#include "backends.h"
#include "base/util.h"
#include "display/input.h"
#include "hw/device-table.h"
#include "hw/platform.h"
#include "testbed.h"

#define EVERY_DEVICE_MAX   64
#define EVERY_DEVICE_IMAGE (1 * MIB)

struct every_device {
    struct blk *disk, *cd, *drive;
    struct chardev *serial, *console;
    struct input *keys;
    struct net *net;
    int hosts[3];
    struct testbed *bed;
};

/* What a class needs or should get; @values has room for four. */
static inline size_t
every_device_values (struct every_device *self, const char *class_name, struct vmm_value *values)
{
    if (strcmp (class_name, "virtio-blk") == 0) {
        values[0] = (struct vmm_value) VMM_POINTER ("blk", self->disk);
        return 1;
    }
    if (strcmp (class_name, "virtio-console") == 0) {
        values[0] = (struct vmm_value) VMM_POINTER ("chardev", self->console);
        return 1;
    }
    if (strcmp (class_name, "virtio-net") == 0) {
        values[0] = (struct vmm_value) VMM_POINTER ("net", self->net);
        values[1] = (struct vmm_value) VMM_STRING ("mac", "52:54:00:12:34:56");
        return 2;
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

static inline void
every_device_create (struct every_device *self, const char *other_vga)
{
    struct vmm_device_config devices[EVERY_DEVICE_MAX];
    struct vmm_value values[EVERY_DEVICE_MAX][4];
    size_t n, n_platform;
    const struct vmm_device_config *platform = posada_platform_devices (false, &n_platform);

    memcpy (devices, platform, n_platform * sizeof *devices);
    n = n_platform;
    for (size_t i = 0; posada_device_classes[i] && n < EVERY_DEVICE_MAX; i++) {
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
            .n_values = every_device_values (self, name, values[n]),
        };
        n++;
    }
    self->bed = testbed_new (devices, n);
}

/* False: try again another time. */
static inline bool
every_device_open (struct every_device *self, bool with_virtio_vga)
{
    *self = (struct every_device) {0};
    if (input_create (&self->keys) < 0)
        return false;
    self->disk = fuzz_open_image (EVERY_DEVICE_IMAGE);
    self->cd = fuzz_open_image (EVERY_DEVICE_IMAGE);
    self->drive = fuzz_open_image (EVERY_DEVICE_IMAGE);
    self->serial = fuzz_open_chardev (&self->hosts[0]);
    self->console = fuzz_open_chardev (&self->hosts[1]);
    self->net = fuzz_open_net (&self->hosts[2]);
    every_device_create (self, with_virtio_vga ? "vga" : "virtio-vga");
    return true;
}

static inline void
every_device_close (struct every_device *self)
{
    testbed_free (self->bed);
    input_destroy (self->keys);
    blk_close (self->disk);
    blk_close (self->cd);
    blk_close (self->drive);
    chardev_close (self->serial);
    chardev_close (self->console);
    net_close (self->net);
    for (unsigned i = 0; i < ARRAY_LENGTH (self->hosts); i++)
        close (self->hosts[i]);
}
