/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What posada run was asked for: the command line, read and checked for everything that can be
 * told without looking at a file. Owns copies of nothing but the paths of drives and what viewers
 * need; the rest points into argv.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "block/image.h"
#include "cli/network.h"
#include "cli/viewing.h"
#include "engine/posada-engine.h"
#include "machine/machine-config.h"

#define OPTIONS_MAX_CDS     MACHINE_MAX_CDS
#define OPTIONS_MAX_DISKS   MACHINE_MAX_DISKS
#define OPTIONS_MAX_CARDS   MACHINE_MAX_CARDS
#define OPTIONS_MAX_BACKING 31

struct disk_option {
    char *path;
    uint64_t create_size; /* bytes; 0: the file is there already */
    bool read_only;
    enum blk_format format;
    const char *backing[OPTIONS_MAX_BACKING + 1]; /* files it may be based on, up to NULL; owned */
    size_t n_backing;
};

enum boot_kind {
    BOOT_CDROM,
    BOOT_DISK,
    BOOT_KINDS,
};

/* Where a serial line leads to. */
enum line_kind {
    LINE_NONE,
    LINE_STDIO,
    LINE_FILE,
    LINE_UNIX,
};

struct line_option {
    enum line_kind kind;
    const char *path; /* of a file or socket */
};

struct run_options {
    const char *name;
    uint8_t uuid[16]; /* all zeroes: none */
    uint64_t memory;  /* bytes */
    unsigned cpus, sockets, cores, threads;
    const char *cds[OPTIONS_MAX_CDS]; /* NULL: an empty drive */
    size_t n_cds;
    struct disk_option disks[OPTIONS_MAX_DISKS];
    size_t n_disks;
    struct network_option cards[OPTIONS_MAX_CARDS];
    size_t n_cards;
    const char *kernel, *initrd, *cmdline;
    enum vmm_firmware firmware;
    bool firmware_given;
    const char *firmware_file;
    enum boot_kind boot[BOOT_KINDS];
    size_t n_boot;
    bool boot_menu;
    bool disposable; /* what is written to disks is gone with the machine */
    enum screen_kind screen;
    struct line_option serial;
    struct line_option console; /* virtio */
    struct viewing_option viewing;
    const char *log_path;
    const char *control_path;
    const char *snapshots_path; /* the folder that snapshots are kept in */
    const char *restore_path;   /* the snapshot to be, instead of a machine that boots */
};

enum {
    OPTIONS_HELP = 1, /* --help was reached, everything before it is fine */
};

/*
 * Reads @argv[1] onwards. 0, OPTIONS_HELP, or a negative errno with a sentence that names the
 * option and value. @options is to be cleared in each case.
 */
int options_parse (int argc, char **argv, struct run_options *options, struct vmm_error *error);
void options_clear (struct run_options *options);

void options_print_help (FILE *stream);
