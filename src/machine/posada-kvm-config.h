/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a machine of our own engine is made of. Plain values; a copy is handed to the thread that
 * opens it all.
 */
#pragma once

#include "machine/posada-kvm-network.h"
#include "machine/posada-remote.h"
#include "store/posada-definition.h"

G_BEGIN_DECLS

typedef struct {
    char *path;         /* NULL: an empty CD-ROM drive */
    gboolean qcow2;     /* else raw */
    char **backing;     /* files that a qcow2 image may be based on; NULL: none */
    gboolean read_only; /* CDs are anyway */
    guint boot;         /* place in the boot order, from 1; 0: not tried */
} PosadaKvmDrive;

typedef struct {
    char *name;
    char *uuid; /* NULL: a fresh one */
    char *os_name;
    guint64 memory; /* bytes */
    guint cpus;
    guint sockets, cores, threads; /* all 0: the engine's choice */
    char *firmware;                /* NULL: the distribution's SeaBIOS */
    char *kernel, *initrd, *cmdline;
    const PosadaKvmDrive *cds, *disks;
    guint n_cds, n_disks;
    gboolean boot_menu;
    gboolean disposable;       /* for the next start: nothing that it writes is kept */
    gboolean serial;           /* a serial port, for a terminal */
    gboolean virtio_screen;    /* for drivers, with a VGA in it; else a plain VGA */
    PosadaKvmNetwork *network; /* NULL: no card */
    PosadaRemote *remote;      /* viewers outside; NULL: none */
    char *folder;              /* of the machine; NULL: it needs none */
    char *obstacle;            /* a sentence: why our engine cannot run it; NULL: it can */
} PosadaKvmConfig;

/* What our engine makes of a definition. What it has no device for but can do without is
 * left out, or not connected; what it cannot do without is the obstacle. */
PosadaKvmConfig *posada_kvm_config_new_for_definition (PosadaDefinition *definition);

PosadaKvmConfig *posada_kvm_config_copy (const PosadaKvmConfig *self);
void posada_kvm_config_free (PosadaKvmConfig *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PosadaKvmConfig, posada_kvm_config_free)

G_END_DECLS
