/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The machine itself, for the files that make it up: machine, lifecycle, events, vcpu, device. */
#pragma once

#include <semaphore.h>

#include "engine/bus-internal.h"
#include "engine/irq-internal.h"
#include "engine/kvm.h"
#include "engine/machine.h"
#include "engine/memory-internal.h"

struct ram_writer;

struct vmm_event_queue {
    pthread_mutex_t mutex;
    int fd; /* eventfd: readable while the list is not empty */
    struct vmm_list list;
};

struct vmm_vcpu {
    struct vmm_machine *machine;
    unsigned index;
    struct kvm_cpu *kvm;
    pthread_t thread;
    bool has_thread;
    bool parked; /* under machine->vcpu_mutex */
    atomic_uint_fast64_t exits_io, exits_mmio, exits_halt, exits_signal, exits_other;
};

enum vmm_command_type {
    VMM_COMMAND_START,
    VMM_COMMAND_PAUSE,
    VMM_COMMAND_RESUME,
    VMM_COMMAND_RESET,
    VMM_COMMAND_POWER_OFF,
    VMM_COMMAND_POWER_BUTTON,
    VMM_COMMAND_EVENT, /* .index */
    VMM_COMMAND_CRASH,
    VMM_COMMAND_MEDIUM,
    VMM_COMMAND_SAVE,
    VMM_COMMAND_CANCEL_SAVE,
    VMM_COMMAND_RESTORE,
    VMM_COMMAND_CALL,
    VMM_COMMAND_SYNC,
    VMM_COMMAND_QUIT,
};

struct vmm_command {
    enum vmm_command_type type;
    bool by_guest;
    char reason[512];
    struct vmm_list link;
    /* MEDIUM and SYNC: the caller waits on @done; its memory holds the rest. */
    sem_t *done;
    struct vmm_device *device;
    unsigned index;
    struct blk *medium;
    struct vmm_error *error;
    int *result;
    union {
        struct vmm_save save;
        struct vmm_restore restore;
        struct {
            int (*function) (void *data, struct vmm_error *error);
            void *data;
        } call;
    };
};

struct vmm_machine {
    char name[128];
    struct vmm_log log;
    enum vmm_triple_fault triple_fault;

    struct kvm_vm *vm; /* NULL without KVM */
    struct vmm_bus *bus;
    struct vmm_memory *memory;
    struct vmm_irq *irq;
    struct vmm_loop *loop;
    struct vmm_clock clock;
    bool clock_ready;
    struct pci_bus *pci;
    struct fw_cfg_store *fw_cfg;
    struct vmm_boot *boot;
    struct vmm_list devices;

    struct vmm_vcpu *vcpus;
    unsigned n_vcpus;

    /*
     * vCPUs run while .vcpus_go; whoever clears it kicks them and waits on .vcpu_changed until all
     * are parked.
     */
    pthread_mutex_t vcpu_mutex;
    pthread_cond_t vcpu_changed;
    bool vcpus_go;
    bool vcpus_quit;

    pthread_t io_thread;
    bool has_io_thread;
    bool quit; /* I/O thread only */

    pthread_mutex_t command_mutex;
    struct vmm_list commands;

    atomic_int state; /* enum vmm_state; written by the I/O thread */
    struct vmm_event_queue events;

    /* The save under way; I/O thread, but for looking at its progress under the mutex. */
    struct ram_writer *writer;
    struct vmm_source writer_source;
    struct vmm_pause writer_pause;
    uint64_t writer_pause_ns;
    pthread_mutex_t writer_mutex;

    uint8_t generation[16]; /* I/O thread */
    struct vmm_device *event_device;
    void (*event_raise) (struct vmm_device *device, unsigned event);
    struct vmm_device *power_button_device;
    void (*power_button_press) (struct vmm_device *device);
};

/* events.c. Any thread. Runs of RESET events collapse into one. */
int vmm_event_queue_init (struct vmm_event_queue *queue);
void vmm_event_queue_fini (struct vmm_event_queue *queue);
void vmm_event_push (struct vmm_event_queue *queue, const struct vmm_event *event);

/* lifecycle.c. Posts a command to the I/O thread; any thread. */
void vmm_post (struct vmm_machine *machine, enum vmm_command_type type, bool by_guest,
               const char *reason);
void *vmm_io_thread (void *machine);
enum vmm_state vmm_lifecycle_state (struct vmm_machine *machine);
/* vCPUs parked, devices paused and idle, the clock stopped; and the reverse. */
void vmm_lifecycle_stop (struct vmm_machine *machine);
void vmm_lifecycle_go (struct vmm_machine *machine);
void vmm_lifecycle_enter (struct vmm_machine *machine, enum vmm_state state,
                          const struct vmm_command *command);
void vmm_lifecycle_refuse (struct vmm_machine *machine, const char *format, const char *detail);
/* Puts a copy of @command, which is on the stack, into the queue. */
void vmm_post_copy (struct vmm_machine *machine, const struct vmm_command *command);

/* save.c. I/O thread; the last one when it has ended. */
void vmm_save_begin (struct vmm_machine *machine, const struct vmm_save *save);
void vmm_save_cancel (struct vmm_machine *machine);
void vmm_restore_now (struct vmm_machine *machine, const struct vmm_command *command);
void vmm_save_fini (struct vmm_machine *machine);
/* Any command that will not be carried out: closes what it brought. */
void vmm_save_drop (const struct vmm_command *command);

/* vcpu.c. The kick signal's handler is installed on first use. */
int vmm_vcpus_create (struct vmm_machine *machine, const struct vmm_config *config,
                      struct vmm_error *error);
void vmm_vcpus_destroy (struct vmm_machine *machine);
void vmm_vcpus_go (struct vmm_machine *machine);
/* Returns when all are parked with no access pending. */
void vmm_vcpus_stop (struct vmm_machine *machine);

/* device.c */
int vmm_device_create (struct vmm_machine *machine, const struct vmm_device_class *const *classes,
                       const struct vmm_device_config *config, struct vmm_error *error);
void vmm_devices_destroy (struct vmm_machine *machine);
void vmm_devices_reset (struct vmm_machine *machine);
void vmm_devices_pause (struct vmm_machine *machine);
void vmm_devices_resume (struct vmm_machine *machine);
bool vmm_devices_are_idle (struct vmm_machine *machine);

/* cpuid.c */
struct vmm_topology {
    unsigned sockets, cores, threads;
};
/* Turns the leaves KVM offers into those of vCPU @id. @n_leaves in: how many, with @room entries.
 */
void vmm_cpuid_adapt (struct kvm_cpuid_leaf *leaves, size_t *n_leaves, size_t room, unsigned id,
                      const struct vmm_topology *topology, bool tsc_deadline);
