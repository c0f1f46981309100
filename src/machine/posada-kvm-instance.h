/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One life of a machine on our own engine, from power-on to power-off: the engine's machine and the
 * back ends it borrows. Opening and closing block; both may happen on any thread, one at a time.
 */
#pragma once

#include "machine/machine-config.h"
#include "machine/posada-kvm-config.h"
#include "machine/posada-kvm-remote.h"
#include "machine/posada-kvm-screen.h"

typedef struct {
    struct machine_plan plan;
    struct vmm_machine *engine;
    PosadaKvmScreen *screen;
    PosadaKvmRemote *remote;
    PosadaRemote *remote_state; /* how it was made when it opened; NULL: off */
    PosadaNetwork network;
    guint networks_up;
    char *network_problem; /* a sentence, or NULL */
    gboolean disposable;   /* its disks are overlays that go with it */
    int serial_fd; /* the host's end of the serial line, whoever takes it sets it to -1; -1: none */
    char *bios, *vgabios;
    struct vmm_log log;
} PosadaKvmInstance;

/* The machine is built, and off. NULL with a POSADA_MACHINE_ERROR that names what is wrong. */
PosadaKvmInstance *posada_kvm_instance_open (const PosadaKvmConfig *config, GError **error);
/* Pulls the plug, if it is on. NULL is fine. */
void posada_kvm_instance_close (PosadaKvmInstance *self);

/* Whether a network has ended since this was last asked, which .network and .network_problem then
 * tell. Main thread. */
gboolean posada_kvm_instance_check_network (PosadaKvmInstance *self);
/* Bytes that the guest has received and sent so far, by all cards. Any thread. */
void posada_kvm_instance_get_network_traffic (PosadaKvmInstance *self, guint64 *ret_received,
                                              guint64 *ret_sent);
/* Bytes of its memory that the guest uses, as it says itself; all of it if it does not. Caches that
 * it would give up are not in use. Any thread. */
guint64 posada_kvm_instance_get_memory_in_use (PosadaKvmInstance *self);
/* Bytes read and written so far, of all disks. Any thread. */
void posada_kvm_instance_get_disk_traffic (PosadaKvmInstance *self, guint64 *ret_read,
                                           guint64 *ret_written);
