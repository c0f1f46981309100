/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/device.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/machine-internal.h"

static const struct vmm_key *
find_key (const struct vmm_device_class *device_class, const char *name)
{
    for (size_t i = 0; i < device_class->n_keys; i++) {
        if (strcmp (device_class->keys[i].name, name) == 0)
            return &device_class->keys[i];
    }
    return NULL;
}

static const struct vmm_value *
find_value (const struct vmm_device_config *config, const char *name)
{
    for (size_t i = 0; config && i < config->n_values; i++) {
        if (strcmp (config->values[i].name, name) == 0)
            return &config->values[i];
    }
    return NULL;
}

static int
check_value (const struct vmm_device_config *config, const struct vmm_key *key,
             const struct vmm_value *value, struct vmm_error *error)
{
    if (value->type != key->type)
        return vmm_error_set (error, -EINVAL, "device “%s”: “%s” has the wrong type", config->id,
                              key->name);
    if (key->type == VMM_KEY_U64 &&
        (value->number < key->minimum || (key->maximum && value->number > key->maximum)))
        return vmm_error_set (error, -EINVAL, "device “%s”: “%s” is %llu, outside %llu to %llu",
                              config->id, key->name, (unsigned long long) value->number,
                              (unsigned long long) key->minimum, (unsigned long long) key->maximum);
    return 0;
}

static int
check_config (const struct vmm_device_class *device_class, const struct vmm_device_config *config,
              struct vmm_error *error)
{
    for (size_t i = 0; i < config->n_values; i++) {
        const struct vmm_key *key = find_key (device_class, config->values[i].name);
        int r;

        if (!key)
            return vmm_error_set (error, -EINVAL, "device “%s”: “%s” takes no “%s”", config->id,
                                  device_class->name, config->values[i].name);
        r = check_value (config, key, &config->values[i], error);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < device_class->n_keys; i++) {
        const struct vmm_key *key = &device_class->keys[i];

        if (key->required && !find_value (config, key->name))
            return vmm_error_set (error, -EINVAL, "device “%s”: “%s” is missing", config->id,
                                  key->name);
    }
    return 0;
}

int
vmm_device_create (struct vmm_machine *machine, const struct vmm_device_class *const *classes,
                   const struct vmm_device_config *config, struct vmm_error *error)
{
    const struct vmm_device_class *device_class = NULL;
    struct vmm_device *device;
    int r;

    for (; *classes && !device_class; classes++) {
        if (strcmp ((*classes)->name, config->class_name) == 0)
            device_class = *classes;
    }
    if (!device_class)
        return vmm_error_set (error, -ENOENT, "there is no device class “%s”", config->class_name);
    if (!config->id || !*config->id || strlen (config->id) >= sizeof device->id)
        return vmm_error_set (error, -EINVAL, "a device of class “%s” has a bad id",
                              config->class_name);
    if (vmm_machine_find_device (machine, config->id))
        return vmm_error_set (error, -EEXIST, "there are two devices called “%s”", config->id);
    r = check_config (device_class, config, error);
    if (r < 0)
        return r;

    device = calloc (1, device_class->size);
    if (!device)
        return vmm_error_set (error, -ENOMEM, "out of memory for device “%s”", config->id);
    device->device_class = device_class;
    device->machine = machine;
    memcpy (device->id, config->id, strlen (config->id) + 1);
    pthread_mutex_init (&device->lock, NULL);
    list_append (&machine->devices, &device->link);
    /* A failed init leaves a half-built device that vmm_devices_destroy () finishes. */
    return device_class->init (device, config, error);
}

void
vmm_devices_destroy (struct vmm_machine *machine)
{
    while (machine->devices.next && !list_is_empty (&machine->devices)) {
        struct vmm_device *device = list_entry (machine->devices.previous, struct vmm_device, link);

        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what was freed is not in the list any more */
        device->device_class->fini (device);
        list_remove (&device->link);
        pthread_mutex_destroy (&device->lock);
        free (device);
    }
}

void
vmm_devices_reset (struct vmm_machine *machine)
{
    struct vmm_device *device;

    list_for_each (device, &machine->devices, link) {
        pthread_mutex_lock (&device->lock);
        device->device_class->reset (device);
        pthread_mutex_unlock (&device->lock);
    }
}

void
vmm_devices_pause (struct vmm_machine *machine)
{
    struct vmm_device *device;

    list_for_each (device, &machine->devices, link) {
        pthread_mutex_lock (&device->lock);
        device->device_class->pause (device);
        pthread_mutex_unlock (&device->lock);
    }
}

void
vmm_devices_resume (struct vmm_machine *machine)
{
    struct vmm_list *link;

    for (link = machine->devices.previous; link != &machine->devices; link = link->previous) {
        struct vmm_device *device = list_entry (link, struct vmm_device, link);

        pthread_mutex_lock (&device->lock);
        device->device_class->resume (device);
        pthread_mutex_unlock (&device->lock);
    }
}

bool
vmm_devices_are_idle (struct vmm_machine *machine)
{
    struct vmm_device *device;

    list_for_each (device, &machine->devices, link) {
        if (!vmm_device_is_idle (device))
            return false;
    }
    return true;
}

uint64_t
vmm_config_number (const struct vmm_device *device, const struct vmm_device_config *config,
                   const char *name)
{
    const struct vmm_value *value = find_value (config, name);
    const struct vmm_key *key = find_key (device->device_class, name);

    assert (key);
    return value ? value->number : key->fallback;
}

bool
vmm_config_bool (const struct vmm_device *device, const struct vmm_device_config *config,
                 const char *name)
{
    return vmm_config_number (device, config, name) != 0;
}

const char *
vmm_config_string (const struct vmm_device_config *config, const char *name)
{
    const struct vmm_value *value = find_value (config, name);

    return value ? value->string : NULL;
}

void *
vmm_config_pointer (const struct vmm_device_config *config, const char *name)
{
    const struct vmm_value *value = find_value (config, name);

    return value ? value->pointer : NULL;
}

struct vmm_bus *
vmm_device_bus (struct vmm_device *device)
{
    return device->machine->bus;
}

struct vmm_memory *
vmm_device_memory (struct vmm_device *device)
{
    return device->machine->memory;
}

struct vmm_loop *
vmm_device_loop (struct vmm_device *device)
{
    return device->machine->loop;
}

struct vmm_clock *
vmm_device_clock (struct vmm_device *device)
{
    return &device->machine->clock;
}

struct pci_bus *
vmm_device_pci (struct vmm_device *device)
{
    return device->machine->pci;
}

struct fw_cfg_store *
vmm_device_fw_cfg (struct vmm_device *device)
{
    return device->machine->fw_cfg;
}

const struct vmm_log *
vmm_device_log (struct vmm_device *device)
{
    return &device->machine->log;
}

unsigned
vmm_device_cpu_count (struct vmm_device *device)
{
    return device->machine->n_vcpus;
}

void
vmm_device_report (struct vmm_device *device, enum vmm_log_level level, const char *format, ...)
{
    va_list arguments;
    char message[900];

    if (level > device->machine->log.level)
        return;
    va_start (arguments, format);
    vsnprintf (message, sizeof message, format, arguments);
    va_end (arguments);
    vmm_log (&device->machine->log, level, "%s: %s", device->id, message);
}

int
vmm_device_watch (struct vmm_device *device, struct vmm_source *source, int fd, uint32_t events,
                  void (*callback) (void *data, uint32_t events), void *data)
{
    return vmm_loop_add (device->machine->loop, source, fd, events, &device->lock, callback, data);
}

void
vmm_device_timer_init (struct vmm_device *device, struct vmm_timer *timer,
                       void (*callback) (void *data), void *data)
{
    vmm_timer_init (timer, device->machine->loop, &device->machine->clock, &device->lock, callback,
                    data);
}

void
vmm_device_begin (struct vmm_device *device)
{
    atomic_fetch_add (&device->in_flight, 1);
}

void
vmm_device_end (struct vmm_device *device)
{
    /* Whoever waits for the last one sits in the loop. */
    if (atomic_fetch_sub (&device->in_flight, 1) == 1)
        vmm_loop_wake (device->machine->loop);
}

bool
vmm_device_is_idle (struct vmm_device *device)
{
    return atomic_load (&device->in_flight) == 0;
}

void
vmm_device_request_reset (struct vmm_device *device)
{
    vmm_post (device->machine, VMM_COMMAND_RESET, true, "the guest asked for it");
}

void
vmm_device_request_power_off (struct vmm_device *device)
{
    vmm_post (device->machine, VMM_COMMAND_POWER_OFF, true, "the guest powered off");
}

void
vmm_device_request_pause (struct vmm_device *device, const char *reason)
{
    vmm_post (device->machine, VMM_COMMAND_PAUSE, false, reason);
}

const uint8_t *
vmm_device_generation (struct vmm_device *device)
{
    return device->machine->generation;
}

void
vmm_device_request_event (struct vmm_device *device, unsigned event)
{
    vmm_post_copy (device->machine,
                   &(struct vmm_command) {.type = VMM_COMMAND_EVENT, .index = event});
}

void
vmm_device_set_events (struct vmm_device *device,
                       void (*raise) (struct vmm_device *device, unsigned event))
{
    device->machine->event_device = device;
    device->machine->event_raise = raise;
}

void
vmm_device_set_power_button (struct vmm_device *device, void (*press) (struct vmm_device *device))
{
    device->machine->power_button_device = device;
    device->machine->power_button_press = press;
}

int
vmm_machine_save_devices (struct vmm_machine *machine, struct vmm_state_writer *writer)
{
    struct vmm_device *device;

    list_for_each (device, &machine->devices, link) {
        int r;

        pthread_mutex_lock (&device->lock);
        r = vmm_state_save (writer, device->id, device->device_class->state, device);
        pthread_mutex_unlock (&device->lock);
        if (r < 0)
            return r;
    }
    return 0;
}

int
vmm_machine_load_devices (struct vmm_machine *machine, struct vmm_state_reader *reader,
                          struct vmm_error *error)
{
    struct vmm_device *device;

    list_for_each (device, &machine->devices, link) {
        int r;

        pthread_mutex_lock (&device->lock);
        r = vmm_state_load (reader, device->id, device->device_class->state, device, error);
        pthread_mutex_unlock (&device->lock);
        if (r < 0)
            return r;
    }
    return 0;
}
