/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From options and opened back ends to the configuration that the engine takes: which devices a
 * machine of posada run consists of. Pure; what it makes points into its arguments.
 */
#pragma once

#include "cli/options.h"
#include "engine/device.h"

struct blk;
struct chardev;
struct display;
struct input;

/* The CD-ROM drives are the ports of this device. */
#define MACHINE_CD_DEVICE "ahci0"

struct machine_backends {
    struct display *display;
    struct input *input;
    struct chardev *console;          /* NULL: no virtio console */
    struct chardev *serial;           /* NULL: no serial port */
    struct blk *cds[OPTIONS_MAX_CDS]; /* NULL: empty drive */
    struct blk *disks[OPTIONS_MAX_DISKS];
    const char *vgabios; /* NULL: none */
};

#define MACHINE_MAX_DEVICES (32 + OPTIONS_MAX_DISKS)
#define MACHINE_MAX_VALUES  128

struct machine_config {
    struct vmm_config config; /* what all this is for; .log is the caller's to fill */
    struct vmm_device_config devices[MACHINE_MAX_DEVICES];
    struct vmm_value values[MACHINE_MAX_VALUES];
    size_t n_values;
    char ids[OPTIONS_MAX_DISKS][32];
    char cd_names[OPTIONS_MAX_CDS][32];
    const char *boot_order[OPTIONS_MAX_DISKS + OPTIONS_MAX_CDS];
};

void machine_config_fill (struct machine_config *machine, const struct run_options *options,
                          const struct machine_backends *backends);
