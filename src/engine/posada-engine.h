/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine's public interface: one struct vmm_machine is one virtual machine on KVM, with its own
 * threads (one per vCPU, one for I/O). Any number live in one process. The engine installs no
 * signal handler but an empty one for the real-time signal that kicks vCPUs, keeps no state outside
 * the machine, and never prints or exits.
 *
 * Threads: create and destroy on one owner's thread; every other function on any thread. Lifecycle
 * calls are commands: they return at once and what came of them arrives as events, behind one
 * descriptor that the owner polls.
 *
 *            start            pause             resume           reset           power off
 *   OFF      → RUNNING        refused           refused          refused         done already
 *   RUNNING  done already     → PAUSED          done already     → RUNNING       → OFF
 *   PAUSED   refused          done already      → RUNNING        → PAUSED        → OFF
 *   CRASHED  refused          refused           refused          → RUNNING       → OFF
 * Saving wants RUNNING or PAUSED; restoring works in every state.
 * The power button is ignored unless RUNNING. After OFF a machine starts again from power-on
 * values.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"

struct blk;
struct vmm_device;
struct vmm_device_class;
struct vmm_device_config;
struct vmm_machine;

#define VMM_MAX_CPUS   64
#define VMM_MIN_MEMORY (UINT64_C (16) << 20)

enum vmm_firmware {
    VMM_FIRMWARE_BIOS, /* SeaBIOS, or any other image of a BIOS that ends at 4 GiB */
    VMM_FIRMWARE_NONE, /* direct kernel boot only */
};

enum vmm_accelerator {
    VMM_ACCELERATOR_KVM,
    VMM_ACCELERATOR_NONE, /* no vCPUs: devices driven by tests and fuzzers */
};

enum vmm_triple_fault {
    VMM_TRIPLE_FAULT_RESETS,
    VMM_TRIPLE_FAULT_CRASHES,
};

struct vmm_config {
    const char *name;
    uint8_t uuid[16];                 /* all zeroes: none */
    uint8_t generation[16];           /* see struct vmm_restore; all zeroes: a random one */
    uint64_t memory;                  /* bytes, multiple of 1 MiB, ≥ VMM_MIN_MEMORY */
    unsigned cpus;                    /* 1 to VMM_MAX_CPUS */
    unsigned sockets, cores, threads; /* product = cpus; all 0: one socket, cpus cores */
    enum vmm_accelerator accelerator;
    enum vmm_triple_fault triple_fault;

    enum vmm_firmware firmware;
    const char *firmware_path; /* NULL: the distribution's */
    const char *kernel;        /* bzImage or PVH ELF; NULL: boot through firmware */
    const char *initrd;        /* NULL: none */
    const char *cmdline;       /* NULL: empty */
    /* Ids of devices, first tried first; "ID:N" is drive N of a controller. */
    const char *const *boot_order;
    size_t n_boot_order;
    bool boot_menu;

    const struct vmm_device_class *const *classes; /* NULL-terminated table of what can be built */
    const struct vmm_device_config *devices;       /* created in this order */
    size_t n_devices;

    struct vmm_log log;
};

enum vmm_state {
    VMM_OFF,
    VMM_RUNNING,
    VMM_PAUSED,
    VMM_CRASHED,
};

enum vmm_event_type {
    VMM_EVENT_STATE,    /* .state is the new one; .reason says why unless it was asked for */
    VMM_EVENT_RESET,    /* the machine was reset; by its guest if .reason says so */
    VMM_EVENT_REFUSED,  /* a command could not be carried out: .reason */
    VMM_EVENT_SAVED,    /* what vmm_save () began is complete, or failed with .reason */
    VMM_EVENT_RESTORED, /* vmm_restore () is done, or failed with .reason and changed nothing */
};

/* What a guest stood still for, ns. */
struct vmm_pause {
    uint64_t stop;   /* vCPUs park, devices end what is in flight */
    uint64_t state;  /* devices and vCPUs are saved or loaded */
    uint64_t memory; /* RAM is marked to be copied, or mapped */
    uint64_t disks;  /* taken or put back */
    uint64_t go;
};

struct vmm_event {
    enum vmm_event_type type;
    enum vmm_state state;
    bool by_guest;          /* the guest asked for it (ACPI power-off, reset) */
    bool failed;            /* SAVED and RESTORED */
    uint64_t pause_ns;      /* SAVED and RESTORED: how long the guest stood still */
    struct vmm_pause pause; /* which was for this */
    char reason[512]; /* one sentence or empty; a crash names the exit, RIP and the instruction
                         bytes */
};

struct vmm_stats {
    uint64_t run_ns; /* guest clock */
    uint64_t cpu_ns; /* host CPU time of all vCPU threads */
    uint64_t exits_io, exits_mmio, exits_halt, exits_signal, exits_other;
};

/* Validates @config and builds the machine, OFF. Nothing of @config is kept but back ends, classes
 * and the log hook. */
int vmm_create (const struct vmm_config *config, struct vmm_machine **ret_machine,
                struct vmm_error *error);
/* Stops it however it stands. Back ends may be closed afterwards. NULL is fine. */
void vmm_destroy (struct vmm_machine *machine);

void vmm_start (struct vmm_machine *machine);
void vmm_pause (struct vmm_machine *machine);
void vmm_resume (struct vmm_machine *machine);
void vmm_reset (struct vmm_machine *machine);
void vmm_power_off (struct vmm_machine *machine);
void vmm_press_power_button (struct vmm_machine *machine);

enum vmm_state vmm_get_state (struct vmm_machine *machine);
/* Waits until every command given so far has been carried out. Not on the I/O thread. */
void vmm_sync (struct vmm_machine *machine);

/*
 * Saving the whole machine while it runs: it stands still for the moment that devices, vCPUs and
 * disks take, then runs on while a child process writes its RAM as it was. For a machine that is
 * RUNNING or PAUSED; one at a time; the end is a SAVED event.
 */
struct vmm_save {
    /* Empty regular files, borrowed until that event: RAM as one sparse image, and all else. Both
     * are on stable storage when it comes. */
    int ram_fd, state_fd;
    bool close;       /* both are the engine's to close when it needs them no more */
    bool stay_paused; /* the machine is PAUSED from then on, whatever it was */
    /*
     * NULL or: takes the disks as they are. I/O thread; the machine stands still, and no request is
     * in flight. A failure is that of the whole.
     */
    int (*instant) (void *data, struct vmm_error *error);
    void *data;
};
void vmm_save (struct vmm_machine *machine, const struct vmm_save *save);
/* Nothing happens if none is under way; the SAVED event has failed otherwise. */
void vmm_cancel_save (struct vmm_machine *machine);
/* Bytes of RAM written or found empty so far, and all there are; false if no save is under way. */
bool vmm_save_progress (struct vmm_machine *machine, uint64_t *ret_done, uint64_t *ret_total);

/*
 * Makes the machine what it was when it was saved, however it stands now but for that it is built
 * from the same configuration. RAM is mapped from its file and read as it is touched. The end is a
 * RESTORED event; a failure leaves the machine as it was. Files are hostile input, but must not
 * change while they are mapped; they may be closed and unlinked after the event.
 */
struct vmm_restore {
    int ram_fd, state_fd;
    bool close;  /* as in struct vmm_save */
    bool paused; /* ends up PAUSED, not RUNNING */
    /*
     * All zeroes: the machine's generation stays what it is; a guest saved in another one is told.
     * Otherwise the new one, by which a guest knows that it went back in time, or is a copy, and
     * makes unique anew what has to be: random numbers, identities.
     */
    uint8_t generation[16];
    /* As in struct vmm_save: puts the disks back, after everything else has succeeded. */
    int (*instant) (void *data, struct vmm_error *error);
    void *data;
};
void vmm_restore (struct vmm_machine *machine, const struct vmm_restore *restore);
/* One for .generation that no other machine has. */
void vmm_random_generation (uint8_t ret_generation[16]);

/*
 * Has @call called on the I/O thread while the machine stands still and no request of its disks is
 * in flight, in whatever state it is; waits for that, and returns what @call does. Not on the I/O
 * thread.
 */
int vmm_stand_still (struct vmm_machine *machine, int (*call) (void *data, struct vmm_error *error),
                     void *data, struct vmm_error *error);

/* Readable while events wait. */
int vmm_event_fd (struct vmm_machine *machine);
/* 1 and an event, or 0 if there is none. Nothing is dropped. */
int vmm_next_event (struct vmm_machine *machine, struct vmm_event *ret_event);

void vmm_get_stats (struct vmm_machine *machine, struct vmm_stats *ret_stats);

/* The device of that id, for what the header of its class offers; NULL: there is none. As long as
 * the machine. */
struct vmm_device *vmm_machine_find_device (struct vmm_machine *machine, const char *id);

/*
 * Replaces the medium in drive @index of the device @id (@medium NULL: ejects). Waits for the
 * device to be done with the old one, which may then be closed. -ENOENT, -EOPNOTSUPP, or what the
 * device says.
 */
int vmm_set_medium (struct vmm_machine *machine, const char *id, unsigned index, struct blk *medium,
                    struct vmm_error *error);

/* The host probe: is this host's KVM any good? Takes under a second; needs no machine. Any thread.
 */
enum vmm_host_verdict {
    VMM_HOST_USABLE,
    VMM_HOST_NO_DEVICE,     /* /dev/kvm is absent */
    VMM_HOST_NO_PERMISSION, /* it may not be opened */
    VMM_HOST_NO_HARDWARE,   /* no or disabled hardware virtualization */
    VMM_HOST_EMULATES,      /* runs firmware, but no normal kernel */
};

struct vmm_host {
    enum vmm_host_verdict verdict;
    const char *id;    /* "usable", "no-device", "no-permission", "no-hardware-virtualization",
                          "only-emulates" */
    char summary[240]; /* what it is, one sentence */
    char advice[480];  /* what to do, one sentence; empty if usable */
    char cpu_model[64];
    unsigned host_cpus;
    uint64_t host_memory; /* bytes */
    int api_version;      /* 12 */
    unsigned max_vcpus;
    bool nested_hint; /* the host itself runs in a virtual machine */
    uint64_t probe_ns;
};
void vmm_probe_host (struct vmm_host *ret_host);
