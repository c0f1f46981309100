/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/machine-config.h"

#include <assert.h>
#include <stdio.h>

#include "base/util.h"
#include "hw/platform.h"

/* A device of its own, whose values follow with add_value () before the next one comes. */
static void
add_device (struct machine_config *self, const char *class_name, const char *id)
{
    assert (self->config.n_devices < MACHINE_MAX_DEVICES);
    self->devices[self->config.n_devices++] = (struct vmm_device_config) {
        .class_name = class_name,
        .id = id,
        .values = &self->values[self->n_values],
    };
}

static void
add_value (struct machine_config *self, struct vmm_value value)
{
    assert (self->n_values < MACHINE_MAX_VALUES);
    self->values[self->n_values++] = value;
    self->devices[self->config.n_devices - 1].n_values++;
}

static void
add_platform (struct machine_config *self, bool direct_boot)
{
    size_t n;
    const struct vmm_device_config *devices = posada_platform_devices (direct_boot, &n);

    for (size_t i = 0; i < n; i++) {
        add_device (self, devices[i].class_name, devices[i].id);
        for (size_t j = 0; j < devices[i].n_values; j++)
            add_value (self, devices[i].values[j]);
    }
}

static void
add_cds (struct machine_config *self, const struct run_options *options,
         const struct machine_backends *backends)
{
    static const struct {
        const char *port, *blk;
    } keys[OPTIONS_MAX_CDS] = {{"port0", "blk0"}, {"port1", "blk1"}, {"port2", "blk2"},
                               {"port3", "blk3"}, {"port4", "blk4"}, {"port5", "blk5"}};

    if (options->n_cds == 0)
        return;
    add_device (self, "ahci", MACHINE_CD_DEVICE);
    for (size_t i = 0; i < options->n_cds; i++) {
        add_value (self, (struct vmm_value) VMM_STRING (keys[i].port, "cd"));
        if (backends->cds[i])
            add_value (self, (struct vmm_value) VMM_POINTER (keys[i].blk, backends->cds[i]));
    }
}

static void
add_boot_order (struct machine_config *self, const struct run_options *options)
{
    for (size_t i = 0; i < options->n_boot; i++) {
        if (options->boot[i] == BOOT_CDROM)
            for (size_t j = 0; j < options->n_cds; j++)
                self->boot_order[self->config.n_boot_order++] = self->cd_names[j];
        else
            for (size_t j = 0; j < options->n_disks; j++)
                self->boot_order[self->config.n_boot_order++] = self->ids[j];
    }
    self->config.boot_order = self->boot_order;
}

void
machine_config_fill (struct machine_config *self, const struct run_options *options,
                     const struct machine_backends *backends)
{
    bool direct_boot = options->kernel != NULL;

    *self = (struct machine_config) {
        .config =
            {
                .name = options->name,
                .memory = options->memory,
                .cpus = options->cpus,
                .sockets = options->sockets,
                .cores = options->cores,
                .threads = options->threads,
                .firmware = options->firmware,
                .firmware_path = options->firmware_file,
                .kernel = options->kernel,
                .initrd = options->initrd,
                .cmdline = options->cmdline,
                .boot_menu = options->boot_menu,
            },
    };
    for (size_t i = 0; i < options->n_cds; i++)
        snprintf (self->cd_names[i], sizeof self->cd_names[i], MACHINE_CD_DEVICE ":%zu", i);

    add_platform (self, direct_boot);
    add_device (self, "i8042", "i8042");
    add_value (self, (struct vmm_value) VMM_POINTER ("input", backends->input));
    if (backends->serial) {
        add_device (self, "serial", "serial0");
        add_value (self, (struct vmm_value) VMM_POINTER ("chardev", backends->serial));
    }
    add_device (self, options->screen == SCREEN_VIRTIO ? "virtio-vga" : "vga", "vga");
    add_value (self, (struct vmm_value) VMM_POINTER ("display", backends->display));
    if (backends->vgabios)
        add_value (self, (struct vmm_value) VMM_STRING ("vgabios", backends->vgabios));
    add_cds (self, options, backends);
    for (size_t i = 0; i < options->n_disks; i++) {
        snprintf (self->ids[i], sizeof self->ids[i], "disk%zu", i);
        add_device (self, "virtio-blk", self->ids[i]);
        add_value (self, (struct vmm_value) VMM_POINTER ("blk", backends->disks[i]));
    }
    if (backends->console) {
        add_device (self, "virtio-console", "console0");
        add_value (self, (struct vmm_value) VMM_POINTER ("chardev", backends->console));
    }
    add_device (self, "virtio-rng", "rng0");
    add_device (self, "virtio-balloon", "balloon0");
    /* Behind the PS/2 ones: they get the events as soon as their drivers run. */
    add_device (self, "virtio-keyboard", "keyboard0");
    add_value (self, (struct vmm_value) VMM_POINTER ("input", backends->input));
    add_device (self, "virtio-tablet", "tablet0");
    add_value (self, (struct vmm_value) VMM_POINTER ("input", backends->input));
    add_boot_order (self, options);
    self->config.devices = self->devices;
}
