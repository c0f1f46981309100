/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The device contract. A device is one constant class in one file: its configuration keys, its
 * hooks and the table of its state. The machine calls the hooks; the device calls the services at
 * the end of this header.
 *
 * Locking: every device has one lock. Hooks (but init and fini, which run alone), region handlers,
 * source and timer callbacks that name &device->lock run with it held. A device never calls into
 * another device, and holds no other device's lock; vmm_irq_*, vmm_msi_*, vmm_bus_*, vmm_slot_*,
 * timers and log may be called with the lock held (they are leaves). Requests to the machine
 * (vmm_device_request_*) are posted, and may be made with the lock held.
 *
 * Threads: region handlers run on vCPU threads, everything else on the machine's I/O thread, but
 * init and fini on the thread that creates and destroys the machine.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/state.h"
#include "engine/bus.h"
#include "engine/guest-memory.h"
#include "engine/irq.h"

struct blk;
struct fw_cfg_store;
struct pci_bus;
struct vmm_device;
struct vmm_machine;

enum vmm_key_type {
    VMM_KEY_U64,
    VMM_KEY_BOOL,
    VMM_KEY_STRING,
    VMM_KEY_POINTER, /* a back end (struct blk *, struct display *, …), borrowed: must outlive the
                        machine */
};

/* One configuration key that a class accepts. */
struct vmm_key {
    const char *name;
    enum vmm_key_type type;
    bool required;
    uint64_t fallback; /* U64 and BOOL when absent */
    uint64_t minimum;  /* U64: checked before init; maximum 0 means no limit */
    uint64_t maximum;
    const char *help; /* what it is, with its unit */
};

/* One configured value. */
struct vmm_value {
    const char *name;
    enum vmm_key_type type;
    uint64_t number;    /* U64, BOOL */
    const char *string; /* STRING */
    void *pointer;      /* POINTER */
};

#define VMM_NUMBER(name_, value_)  {.name = (name_), .type = VMM_KEY_U64, .number = (value_)}
#define VMM_BOOL(name_, value_)    {.name = (name_), .type = VMM_KEY_BOOL, .number = (value_)}
#define VMM_STRING(name_, value_)  {.name = (name_), .type = VMM_KEY_STRING, .string = (value_)}
#define VMM_POINTER(name_, value_) {.name = (name_), .type = VMM_KEY_POINTER, .pointer = (value_)}

struct vmm_device_config {
    const char *class_name;
    const char *id; /* unique in the machine; names it in errors, logs and state */
    const struct vmm_value *values;
    size_t n_values;
};

struct vmm_device_class {
    const char *name;
    size_t size; /* of the structure whose first member is struct vmm_device */
    const struct vmm_key *keys;
    size_t n_keys;
    const struct vmm_state_table *state; /* required; applied to the whole structure */

    /* The memory is zeroed, base members are set. On failure the machine calls fini on what there
     * is. */
    int (*init) (struct vmm_device *device, const struct vmm_device_config *config,
                 struct vmm_error *error);
    /* Back to power-on values. vCPUs are stopped and no work is in flight. Called before the first
     * start, too. */
    void (*reset) (struct vmm_device *device);
    /*
     * vCPUs have stopped. Start no new work; what is in flight ends by itself (the machine iterates
     * the loop until vmm_device_is_idle ()). Input from the host stays queued outside.
     */
    void (*pause) (struct vmm_device *device);
    /* The exact reverse; vCPUs start after all devices have resumed. Also after a state was loaded.
     */
    void (*resume) (struct vmm_device *device);
    /* Releases everything init acquired; also called on half-initialised devices. */
    void (*fini) (struct vmm_device *device);

    /*
     * Optional: replaces the medium of drive @index (0 for a device with one drive) by @medium,
     * which is borrowed; NULL: none. -EAGAIN while requests on the old medium are in flight: the
     * machine iterates the loop and calls again with the same arguments until the result is
     * another one. From 0 on the old medium is detached and may be closed.
     */
    int (*set_medium) (struct vmm_device *device, unsigned index, struct blk *medium,
                       struct vmm_error *error);
};

struct vmm_device {
    const struct vmm_device_class *device_class;
    struct vmm_machine *machine;
    char id[64];
    pthread_mutex_t lock;  /* recursive never */
    struct vmm_list link;  /* in the machine's list, in creation order */
    atomic_uint in_flight; /* host requests that must end before the machine counts as paused */
};

/*
 * Configuration. The machine has checked names, types, limits and presence against the class before
 * init, so these cannot fail: they give the value, or the key's fallback (strings and pointers:
 * NULL).
 */
uint64_t vmm_config_number (const struct vmm_device *device, const struct vmm_device_config *config,
                            const char *name);
bool vmm_config_bool (const struct vmm_device *device, const struct vmm_device_config *config,
                      const char *name);
const char *vmm_config_string (const struct vmm_device_config *config, const char *name);
void *vmm_config_pointer (const struct vmm_device_config *config, const char *name);

/* Services of the machine a device sits in. The returned objects live as long as the machine. */
struct vmm_bus *vmm_device_bus (struct vmm_device *device);
struct vmm_memory *vmm_device_memory (struct vmm_device *device);
struct vmm_loop *vmm_device_loop (struct vmm_device *device);
struct vmm_clock *
vmm_device_clock (struct vmm_device *device); /* guest time: stands still while paused */
struct pci_bus *vmm_device_pci (struct vmm_device *device);
struct fw_cfg_store *vmm_device_fw_cfg (struct vmm_device *device);
const struct vmm_log *vmm_device_log (struct vmm_device *device);
unsigned vmm_device_cpu_count (struct vmm_device *device);

/* Logs with the device's id in front. */
#define vmm_device_warn(device, ...) vmm_device_report ((device), VMM_LOG_WARNING, __VA_ARGS__)
void vmm_device_report (struct vmm_device *device, enum vmm_log_level level, const char *format,
                        ...) __attribute__ ((format (printf, 3, 4)));

/* Watches, with the device's lock as the callback's lock. See base/loop.h. */
int vmm_device_watch (struct vmm_device *device, struct vmm_source *source, int fd, uint32_t events,
                      void (*callback) (void *data, uint32_t events), void *data);
/* A timer on guest time, with the device's lock. Init it once in init. */
void vmm_device_timer_init (struct vmm_device *device, struct vmm_timer *timer,
                            void (*callback) (void *data), void *data);

/* Work in flight. begin under the device's lock; end on any thread. */
void vmm_device_begin (struct vmm_device *device);
void vmm_device_end (struct vmm_device *device);
bool vmm_device_is_idle (struct vmm_device *device);

/* What a guest can ask of its machine through a device. Posted to the I/O thread; the vCPU goes on
 * until then. */
void vmm_device_request_reset (struct vmm_device *device);
void vmm_device_request_power_off (struct vmm_device *device);
/* Pauses the machine with an event that carries @reason, e.g. "no space left for disk.raw". */
void vmm_device_request_pause (struct vmm_device *device, const char *reason);

/*
 * Which generation of its machine this is: 16 bytes, as a UUID is written, that are others after
 * the machine went back in time or was copied. Changes only between runs and before a state is
 * loaded.
 */
const uint8_t *vmm_device_generation (struct vmm_device *device);
/* Raises the general-purpose event @event (ACPI), soon, if the machine is on. */
void vmm_device_request_event (struct vmm_device *device, unsigned event);
/* The one device that has those events registers here in init; @raise is called on the I/O thread
 * with the device's lock held. */
void vmm_device_set_events (struct vmm_device *device,
                            void (*raise) (struct vmm_device *device, unsigned event));

/*
 * The power button was pressed (ACPI). The one device that implements it registers here in init;
 * @press is called on the I/O thread with the device's lock held.
 */
void
vmm_device_set_power_button (struct vmm_device *device, void (*press) (struct vmm_device *device));
