/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "engine/irq-internal.h"
#include "engine/machine-internal.h"
#include "engine/pci/pci.h"
#include "hw/device-table.h"
#include "tap.h"

#define MAX_MESSAGES 4096
#define LOG_KEPT     64

struct message {
    uint64_t address;
    uint32_t data;
};

struct testbed {
    struct vmm_machine *machine;
    bool levels[24];
    unsigned raises[24];
    pthread_mutex_t mutex; /* the message queue: triggers may come from workers */
    struct message messages[MAX_MESSAGES];
    unsigned first_message, n_messages;
    char log[LOG_KEPT][200];
    unsigned n_log;
};

__attribute__ ((noreturn, format (printf, 1, 2))) static void
die (const char *format, ...)
{
    va_list arguments;

    printf ("Bail out! ");
    va_start (arguments, format);
    vprintf (format, arguments);
    va_end (arguments);
    putchar ('\n');
    fflush (stdout);
    abort ();
}

static void
observe_line (void *data, unsigned gsi, bool level)
{
    struct testbed *bed = data;

    if (gsi >= ARRAY_LENGTH (bed->levels))
        die ("interrupt on GSI %u", gsi);
    pthread_mutex_lock (&bed->mutex);
    bed->raises[gsi] += level && !bed->levels[gsi];
    bed->levels[gsi] = level;
    pthread_mutex_unlock (&bed->mutex);
}

static void
observe_message (void *data, uint64_t address, uint32_t message)
{
    struct testbed *bed = data;

    pthread_mutex_lock (&bed->mutex);
    if (bed->n_messages < MAX_MESSAGES) {
        bed->messages[(bed->first_message + bed->n_messages) % MAX_MESSAGES] =
            (struct message) {address, message};
        bed->n_messages++;
    }
    pthread_mutex_unlock (&bed->mutex);
}

static void
keep_log (void *data, enum vmm_log_level level, const char *message)
{
    struct testbed *bed = data;

    snprintf (bed->log[bed->n_log++ % LOG_KEPT], sizeof bed->log[0], "%s", message);
}

struct testbed *
testbed_try_new_classes (const struct vmm_device_class *const *classes,
                         const struct vmm_device_config *devices, size_t n_devices,
                         struct vmm_error *error)
{
    struct testbed *bed = calloc (1, sizeof *bed);
    struct vmm_config config = {
        .name = "testbed",
        .memory = TESTBED_RAM,
        .cpus = 2,
        .accelerator = VMM_ACCELERATOR_NONE,
        .firmware = VMM_FIRMWARE_NONE,
        .classes = classes,
        .devices = devices,
        .n_devices = n_devices,
        .log = {.write = keep_log, .data = bed, .level = VMM_LOG_DEBUG},
    };
    const struct vmm_irq_observer observer = {observe_line, observe_message, bed};

    if (!bed)
        die ("out of memory");
    pthread_mutex_init (&bed->mutex, NULL);
    if (vmm_create (&config, &bed->machine, error) < 0) {
        testbed_free (bed);
        return NULL;
    }
    vmm_irq_observe (bed->machine->irq, &observer);
    vmm_clock_start (&bed->machine->clock);
    vmm_devices_resume (bed->machine);
    atomic_store (&bed->machine->state, VMM_RUNNING);
    return bed;
}

struct testbed *
testbed_try_new (const struct vmm_device_config *devices, size_t n_devices, struct vmm_error *error)
{
    return testbed_try_new_classes (posada_device_classes, devices, n_devices, error);
}

struct testbed *
testbed_new (const struct vmm_device_config *devices, size_t n_devices)
{
    struct vmm_error error = {0};
    struct testbed *bed = testbed_try_new (devices, n_devices, &error);

    if (!bed)
        die ("no testbed: %s", error.message);
    return bed;
}

static void
bring_to_rest (struct testbed *bed)
{
    vmm_devices_pause (bed->machine);
    while (!vmm_devices_are_idle (bed->machine))
        vmm_loop_iterate (bed->machine->loop, 100);
    vmm_clock_stop (&bed->machine->clock);
}

static void
run_on (struct testbed *bed)
{
    vmm_clock_start (&bed->machine->clock);
    vmm_devices_resume (bed->machine);
}

void
testbed_free (struct testbed *bed)
{
    if (!bed)
        return;
    if (bed->machine) {
        bring_to_rest (bed);
        vmm_destroy (bed->machine);
    }
    pthread_mutex_destroy (&bed->mutex);
    free (bed);
}

struct vmm_machine *
testbed_machine (struct testbed *bed)
{
    return bed->machine;
}

struct vmm_device *
testbed_device (struct testbed *bed, const char *id)
{
    struct vmm_device *device = vmm_machine_find_device (bed->machine, id);

    if (!device)
        die ("no device %s", id);
    return device;
}

uint64_t
testbed_in (struct testbed *bed, uint16_t port, unsigned size)
{
    return vmm_bus_read (bed->machine->bus, VMM_SPACE_PIO, port, size);
}

void
testbed_out (struct testbed *bed, uint16_t port, unsigned size, uint64_t value)
{
    vmm_bus_write (bed->machine->bus, VMM_SPACE_PIO, port, size, value);
}

uint64_t
testbed_read (struct testbed *bed, uint64_t address, unsigned size)
{
    const void *at = vmm_memory_guest_pointer (bed->machine->memory, address, size, false);
    uint64_t value = 0;

    if (!at)
        return vmm_bus_read (bed->machine->bus, VMM_SPACE_MMIO, address, size);
    memcpy (&value, at, size);
    return value;
}

void
testbed_write (struct testbed *bed, uint64_t address, unsigned size, uint64_t value)
{
    void *at = vmm_memory_guest_pointer (bed->machine->memory, address, size, true);

    if (at)
        memcpy (at, &value, size);
    else
        vmm_bus_write (bed->machine->bus, VMM_SPACE_MMIO, address, size, value);
}

void *
testbed_ram (struct testbed *bed, uint64_t address, size_t length)
{
    void *at = vmm_memory_pointer (bed->machine->memory, address, length);

    if (!at)
        die ("%#llx is not RAM", (unsigned long long) address);
    return at;
}

bool
testbed_irq_level (struct testbed *bed, unsigned gsi)
{
    return bed->levels[gsi];
}

unsigned
testbed_irq_raises (struct testbed *bed, unsigned gsi)
{
    return bed->raises[gsi];
}

bool
testbed_pop_msi (struct testbed *bed, uint64_t *ret_address, uint32_t *ret_data)
{
    bool found;

    pthread_mutex_lock (&bed->mutex);
    found = bed->n_messages > 0;
    if (found) {
        *ret_address = bed->messages[bed->first_message].address;
        *ret_data = bed->messages[bed->first_message].data;
        bed->first_message = (bed->first_message + 1) % MAX_MESSAGES;
        bed->n_messages--;
    }
    pthread_mutex_unlock (&bed->mutex);
    return found;
}

void
testbed_settle (struct testbed *bed)
{
    int quiet = 0;

    while (quiet < 2) {
        if (vmm_loop_iterate (bed->machine->loop, vmm_devices_are_idle (bed->machine) ? 2 : 100) >
            0)
            quiet = 0;
        else if (vmm_devices_are_idle (bed->machine))
            quiet++;
    }
}

bool
testbed_wait (struct testbed *bed, bool (*condition) (void *data), void *data, int timeout_ms)
{
    uint64_t deadline = vmm_monotonic_now () + (uint64_t) timeout_ms * 1000000u;

    while (!condition (data)) {
        if (vmm_monotonic_now () >= deadline)
            return false;
        vmm_loop_iterate (bed->machine->loop, 5);
    }
    return true;
}

/* Whether a command of @type was posted; takes all of them, of which a guest never has two. */
static bool
took (struct testbed *bed, enum vmm_command_type type)
{
    struct vmm_command *command, *after;
    bool found = false;

    pthread_mutex_lock (&bed->machine->command_mutex);
    list_for_each_safe (command, after, &bed->machine->commands, link) {
        if (command->type != type)
            continue;
        CHECK (!found || !command->by_guest);
        found = true;
        list_remove (&command->link);
        free (command);
    }
    pthread_mutex_unlock (&bed->machine->command_mutex);
    return found;
}

bool
testbed_took_reset (struct testbed *bed)
{
    return took (bed, VMM_COMMAND_RESET);
}

bool
testbed_took_power_off (struct testbed *bed)
{
    return took (bed, VMM_COMMAND_POWER_OFF);
}

bool
testbed_took_pause (struct testbed *bed)
{
    return took (bed, VMM_COMMAND_PAUSE);
}

unsigned
testbed_raise_events (struct testbed *bed)
{
    struct vmm_device *device = bed->machine->event_device;
    struct vmm_command *command, *after;
    unsigned n = 0;

    list_for_each_safe (command, after, &bed->machine->commands, link) {
        if (command->type != VMM_COMMAND_EVENT)
            continue;
        n++;
        list_remove (&command->link);
        pthread_mutex_lock (&device->lock);
        bed->machine->event_raise (device, command->index);
        pthread_mutex_unlock (&device->lock);
        free (command);
    }
    return n;
}

void
testbed_set_generation (struct testbed *bed, const uint8_t generation[16])
{
    memcpy (bed->machine->generation, generation, sizeof bed->machine->generation);
}

void
testbed_press_power_button (struct testbed *bed)
{
    struct vmm_device *device = bed->machine->power_button_device;

    if (!device)
        die ("no power button");
    pthread_mutex_lock (&device->lock);
    bed->machine->power_button_press (device);
    pthread_mutex_unlock (&device->lock);
}

void
testbed_reset (struct testbed *bed)
{
    bring_to_rest (bed);
    vmm_devices_reset (bed->machine);
    run_on (bed);
}

uint32_t
testbed_pci_read (struct testbed *bed, unsigned devfn, unsigned offset, unsigned size)
{
    testbed_out (bed, 0xcf8, 4, 0x80000000u | devfn << 8 | (offset & 0xfc));
    return (uint32_t) testbed_in (bed, (uint16_t) (0xcfc + offset % 4), size);
}

void
testbed_pci_write (struct testbed *bed, unsigned devfn, unsigned offset, unsigned size,
                   uint32_t value)
{
    testbed_out (bed, 0xcf8, 4, 0x80000000u | devfn << 8 | (offset & 0xfc));
    testbed_out (bed, (uint16_t) (0xcfc + offset % 4), size, value);
}

int
testbed_pci_find (struct testbed *bed, uint16_t vendor, uint16_t device)
{
    for (unsigned devfn = 0; devfn < 256; devfn++) {
        if (testbed_pci_read (bed, devfn, 0, 4) == ((uint32_t) device << 16 | vendor))
            return (int) devfn;
    }
    return -1;
}

void
testbed_pci_enable (struct testbed *bed)
{
    struct vmm_error error = {0};

    if (pci_bus_assign (bed->machine->pci, &error) < 0)
        die ("PCI: %s", error.message);
    for (unsigned devfn = 0; devfn < 256; devfn++) {
        if (testbed_pci_read (bed, devfn, 0, 2) != 0xffff)
            testbed_pci_write (bed, devfn, 4, 2, testbed_pci_read (bed, devfn, 4, 2) | 7);
    }
}

uint64_t
testbed_pci_bar (struct testbed *bed, unsigned devfn, unsigned bar)
{
    uint32_t low = testbed_pci_read (bed, devfn, 0x10 + 4 * bar, 4);
    uint64_t address = low & ~0xfull;

    if (low & 1)
        return low & ~3ull;
    if ((low & 6) == 4)
        address |= (uint64_t) testbed_pci_read (bed, devfn, 0x14 + 4 * bar, 4) << 32;
    return address;
}

unsigned
testbed_pci_capability (struct testbed *bed, unsigned devfn, uint8_t id, unsigned nth)
{
    unsigned offset = testbed_pci_read (bed, devfn, 0x34, 1);

    for (unsigned guard = 0; offset && guard < 64; guard++) {
        if (testbed_pci_read (bed, devfn, offset, 1) == id && nth-- == 0)
            return offset;
        offset = testbed_pci_read (bed, devfn, offset + 1, 1);
    }
    return 0;
}

static void
save (struct testbed *bed, struct vmm_state_writer *writer)
{
    if (vmm_machine_save_devices (bed->machine, writer) < 0)
        die ("the devices cannot be saved");
}

static int
load (struct testbed *bed, const uint8_t *data, size_t length, struct vmm_error *error)
{
    struct vmm_state_reader reader = {.data = data, .length = length};

    vmm_devices_reset (bed->machine);
    return vmm_machine_load_devices (bed->machine, &reader, error);
}

/* What devices are after a state was refused and they were reset can be saved and loaded. */
static void
check_recovers (struct testbed *bed)
{
    struct vmm_state_writer writer = {0};
    struct vmm_error error = {0};

    vmm_devices_reset (bed->machine);
    save (bed, &writer);
    if (load (bed, writer.data, writer.length, &error) < 0)
        die ("after a state that was refused: %s", error.message);
    vmm_state_writer_fini (&writer);
}

/* Every truncation of a short stream, about 200 of a long one; and about 500 single changes. */
static void
load_damaged (struct testbed *bed, const struct vmm_state_writer *good)
{
    size_t step = MAX_OF (good->length / 200, (size_t) 1);
    struct vmm_error error = {0};
    uint8_t *copy;

    for (size_t length = 0; length < good->length; length += step) {
        /* An exact allocation, so that sanitizers see a read past the end. */
        copy = malloc (MAX_OF (length, (size_t) 1));
        memcpy (copy, good->data, length);
        if (load (bed, copy, length, &error) == 0)
            die ("a state cut to %zu of %zu bytes was accepted", length, good->length);
        free (copy);
    }
    step = MAX_OF (good->length / 500, (size_t) 1);
    copy = malloc (good->length);
    memcpy (copy, good->data, good->length);
    for (size_t i = 0; i < good->length; i += step) {
        copy[i] ^= (uint8_t) (1u << (i % 8));
        if (load (bed, copy, good->length, &error) < 0)
            check_recovers (bed);
        copy[i] = good->data[i];
    }
    free (copy);
}

void
testbed_check_round_trip (struct testbed *bed)
{
    struct vmm_state_writer first = {0}, second = {0};
    struct vmm_error error = {0};

    bring_to_rest (bed);
    save (bed, &first);
    if (load (bed, first.data, first.length, &error) < 0)
        die ("the state does not load: %s", error.message);
    save (bed, &second);
    if (first.length != second.length)
        die ("the state changed its length: %zu, then %zu", first.length, second.length);
    for (size_t i = 0; i < first.length; i++) {
        if (first.data[i] != second.data[i])
            die ("the state differs after a round trip at byte %zu of %zu", i, first.length);
    }
    load_damaged (bed, &first);
    if (load (bed, first.data, first.length, &error) < 0)
        die ("the state does not load again: %s", error.message);
    run_on (bed);
    vmm_state_writer_fini (&first);
    vmm_state_writer_fini (&second);
}
