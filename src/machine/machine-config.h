/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a plan, with its back ends opened, to the configuration that the engine takes: which devices
 * our machines consist of. Plain C, shared with the command. Pure; what it makes points into the
 * plan.
 */
#pragma once

#include "engine/device.h"
#include "engine/posada-engine.h"

struct blk;
struct chardev;
struct display;
struct input;
struct net;

#define MACHINE_MAX_CDS   6
#define MACHINE_MAX_DISKS 16
#define MACHINE_MAX_CARDS 8

/* The CD-ROM drives are the ports of this device. */
#define MACHINE_CD_DEVICE      "ahci0"
#define MACHINE_BALLOON_DEVICE "balloon0"
/* Network cards are devices of this name and their numbers, from 0 on. */
#define MACHINE_CARD_DEVICE "net"

enum screen_kind {
    SCREEN_VGA,
    SCREEN_VIRTIO, /* with a VGA in it */
};

/* A network card. */
struct machine_card {
    struct net *net; /* NULL: its cable leads nowhere */
    const char *mac; /* as 52:54:00:12:34:56 */
    bool unplugged;  /* the cable is out */
};

struct machine_plan {
    const char *name;
    uint8_t uuid[16], generation[16]; /* as in struct vmm_config */
    uint64_t memory;                  /* bytes */
    unsigned cpus;
    unsigned sockets, cores, threads; /* product = cpus; all 0: the engine's choice */

    enum vmm_firmware firmware;
    const char *firmware_path; /* NULL: the distribution's */
    const char *vgabios;       /* that of .screen; NULL: none */
    const char *kernel, *initrd, *cmdline;
    bool boot_menu;

    struct display *display;
    struct input *input;
    enum screen_kind screen;
    struct chardev *console;          /* NULL: no virtio console */
    struct chardev *serial;           /* NULL: no serial port */
    struct blk *cds[MACHINE_MAX_CDS]; /* NULL: empty drive */
    struct blk *disks[MACHINE_MAX_DISKS];
    struct machine_card cards[MACHINE_MAX_CARDS];
    size_t n_cds, n_disks, n_cards;
    /* Places in the boot order from 1, lowest first; 0: not tried. */
    unsigned cd_boot[MACHINE_MAX_CDS], disk_boot[MACHINE_MAX_DISKS];
};

#define MACHINE_MAX_DEVICES (32 + MACHINE_MAX_DISKS + MACHINE_MAX_CARDS)
#define MACHINE_MAX_VALUES  160

struct machine_config {
    struct vmm_config config; /* what all this is for; .classes and .log are the caller's to fill */
    struct vmm_device_config devices[MACHINE_MAX_DEVICES];
    struct vmm_value values[MACHINE_MAX_VALUES];
    size_t n_values;
    char ids[MACHINE_MAX_DISKS][32];
    char cd_names[MACHINE_MAX_CDS][32];
    char card_names[MACHINE_MAX_CARDS][32];
    const char *boot_order[MACHINE_MAX_DISKS + MACHINE_MAX_CDS];
    unsigned boot_places[MACHINE_MAX_DISKS + MACHINE_MAX_CDS];
};

void machine_config_fill (struct machine_config *machine, const struct machine_plan *plan);
