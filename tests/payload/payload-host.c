/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "payload-host.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/util.h"
#include "guest.h"
#include "hw/device-table.h"
#include "tap.h"

/* The test port: a device of its own, so that it comes and goes with its machine. */
struct test_port {
    struct vmm_device device;
    struct vmm_region text, exit;
    struct payload *payload;
    unsigned length;
};

static void
text_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct test_port *port = opaque;

    pthread_mutex_lock (&port->payload->mutex);
    if (port->length < sizeof port->payload->report - 1)
        port->payload->report[port->length++] = (char) value;
    pthread_mutex_unlock (&port->payload->mutex);
    if (value == '\n')
        eventfd_write (port->payload->report_fd, 1);
}

static void
exit_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct test_port *port = opaque;

    /* The guest repeats it until the pause takes effect. */
    if (atomic_load (&port->payload->code) < 0) {
        atomic_store (&port->payload->code, (long) (uint32_t) value);
        vmm_device_request_pause (&port->device, "the payload finished");
    }
}

static int
port_init (struct vmm_device *device, const struct vmm_device_config *config,
           struct vmm_error *error)
{
    struct test_port *port = CONTAINER_OF (device, struct test_port, device);
    int r;

    port->payload = vmm_config_pointer (config, "payload");
    port->text = (struct vmm_region) {.name = "test-text",
                                      .space = VMM_SPACE_PIO,
                                      .size = 1,
                                      .write = text_write,
                                      .opaque = port,
                                      .lock = &device->lock};
    port->exit = (struct vmm_region) {.name = "test-exit",
                                      .space = VMM_SPACE_PIO,
                                      .size = 4,
                                      .write = exit_write,
                                      .opaque = port,
                                      .lock = &device->lock};
    r = vmm_bus_map (vmm_device_bus (device), &port->text, PAYLOAD_TEXT_PORT);
    return r < 0 ? r : vmm_bus_map (vmm_device_bus (device), &port->exit, PAYLOAD_EXIT_PORT);
}

static void
port_fini (struct vmm_device *device)
{
    struct test_port *port = CONTAINER_OF (device, struct test_port, device);

    vmm_bus_unmap (vmm_device_bus (device), &port->text);
    vmm_bus_unmap (vmm_device_bus (device), &port->exit);
}

static void
port_nothing (struct vmm_device *device)
{
}

static const struct vmm_key port_keys[] = {
    {.name = "payload", .type = VMM_KEY_POINTER, .required = true, .help = "who listens"},
};

static const struct vmm_state_table port_state = {.name = "test-port", .version = 1};

static const struct vmm_device_class port_class = {
    .name = "test-port",
    .size = sizeof (struct test_port),
    .keys = port_keys,
    .n_keys = ARRAY_LENGTH (port_keys),
    .state = &port_state,
    .init = port_init,
    .reset = port_nothing,
    .pause = port_nothing,
    .resume = port_nothing,
    .fini = port_fini,
};

static void
print_log (void *data, enum vmm_log_level level, const char *message)
{
    printf ("# %s\n", message);
}

struct payload *
payload_new (const struct payload_options *options)
{
    const struct vmm_device_class *classes[64] = {&port_class};
    struct vmm_device_config devices[32];
    struct payload *payload = calloc (1, sizeof *payload);
    struct vmm_value value = VMM_POINTER ("payload", payload);
    struct vmm_error error = {0};
    char path[512], reason[600];
    struct vmm_config config = {
        .name = "payload",
        .memory = options->memory ? options->memory : 32 * MIB,
        .cpus = options->cpus ? options->cpus : 1,
        .firmware = VMM_FIRMWARE_BIOS,
        .firmware_path = path,
        .kernel = options->kernel,
        .initrd = options->initrd,
        .cmdline = options->cmdline,
        .triple_fault = options->triple_fault,
        .classes = classes,
        .devices = devices,
        .n_devices = options->n_devices + 1,
        .log = {.write = print_log, .level = VMM_LOG_WARNING},
    };
    int r;

    for (size_t i = 0; posada_device_classes[i]; i++)
        classes[i + 1] = posada_device_classes[i];
    devices[0] = (struct vmm_device_config) {"test-port", "test-port", &value, 1};
    for (size_t i = 0; i < options->n_devices; i++)
        devices[i + 1] = options->devices[i];
    snprintf (path, sizeof path, "%s/%s", getenv ("POSADA_PAYLOADS"),
              options->rom ? options->rom : "");
    atomic_store (&payload->code, -1);
    pthread_mutex_init (&payload->mutex, NULL);
    payload->report_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);

    r = vmm_create (&config, &payload->machine, &error);
    if (r == -ENOENT || r == -EACCES || r == -ENODEV) {
        snprintf (reason, sizeof reason, "no KVM: %s", error.message);
        close (payload->report_fd);
        free (payload);
        SKIP (reason);
    }
    if (r < 0)
        tap_fail (__FILE__, __LINE__, "vmm_create: %s", error.message);
    return payload;
}

void
payload_free (struct payload *payload)
{
    vmm_destroy (payload->machine);
    close (payload->report_fd);
    pthread_mutex_destroy (&payload->mutex);
    free (payload);
}

void
payload_copy_report (struct payload *payload, char ret_report[PAYLOAD_REPORT])
{
    pthread_mutex_lock (&payload->mutex);
    memcpy (ret_report, payload->report, PAYLOAD_REPORT);
    pthread_mutex_unlock (&payload->mutex);
}

bool
payload_has_finished (struct payload *payload)
{
    return (atomic_load (&payload->code) >= 0 && payload->last_state.state == VMM_PAUSED) ||
           payload->last_state.state == VMM_CRASHED;
}

static void
take_event (struct payload *payload, const struct vmm_event *event)
{
    struct vmm_stats stats;

    switch (event->type) {
    case VMM_EVENT_STATE:
        payload->last_state = *event;
        payload->n_states++;
        if (event->state == VMM_CRASHED) {
            vmm_get_stats (payload->machine, &stats);
            printf ("# crashed after %llu port and %llu memory exits: %s\n",
                    (unsigned long long) stats.exits_io, (unsigned long long) stats.exits_mmio,
                    event->reason);
        }
        break;
    case VMM_EVENT_RESET: payload->resets++; break;
    case VMM_EVENT_SAVED:
        payload->last_saved = *event;
        payload->saves++;
        break;
    case VMM_EVENT_RESTORED:
        payload->last_restored = *event;
        payload->restores++;
        break;
    case VMM_EVENT_REFUSED: printf ("# refused: %s\n", event->reason); break;
    }
}

/* One round, which ends with a line, too, if that is wanted; false when time is up. */
static bool
handle_events_or_line (struct payload *payload, uint64_t deadline, bool line)
{
    struct pollfd fds[] = {{.fd = vmm_event_fd (payload->machine), .events = POLLIN},
                           {.fd = line ? payload->report_fd : -1, .events = POLLIN}};
    struct vmm_event event;
    uint64_t now = vmm_monotonic_now ();

    if (now >= deadline)
        return false;
    poll (fds, ARRAY_LENGTH (fds), (int) ((deadline - now) / 1000000) + 1);
    while (vmm_next_event (payload->machine, &event))
        take_event (payload, &event);
    return true;
}

static bool
handle_events (struct payload *payload, uint64_t deadline)
{
    return handle_events_or_line (payload, deadline, false);
}

bool
payload_wait (struct payload *payload, int timeout_ms)
{
    uint64_t deadline = vmm_monotonic_now () + (uint64_t) timeout_ms * 1000000u;

    while (!payload_has_finished (payload) && handle_events (payload, deadline))
        continue;
    return payload_has_finished (payload);
}

bool
payload_wait_line (struct payload *payload, int timeout_ms)
{
    uint64_t deadline = vmm_monotonic_now () + (uint64_t) timeout_ms * 1000000u;
    eventfd_t lines;

    while (eventfd_read (payload->report_fd, &lines) < 0 && !payload_has_finished (payload)) {
        if (!handle_events_or_line (payload, deadline, true))
            return false;
    }
    return true;
}

bool
payload_wait_state (struct payload *payload, enum vmm_state state, int timeout_ms)
{
    uint64_t deadline = vmm_monotonic_now () + (uint64_t) timeout_ms * 1000000u;

    while (!(payload->n_states > 0 && payload->last_state.state == state)) {
        if (!handle_events (payload, deadline))
            return false;
    }
    return true;
}

bool
payload_wait_count (struct payload *payload, const unsigned *count, unsigned wanted, int timeout_ms)
{
    uint64_t deadline = vmm_monotonic_now () + (uint64_t) timeout_ms * 1000000u;

    while (*count < wanted) {
        if (!handle_events (payload, deadline))
            return false;
    }
    return true;
}

void
payload_run (const struct payload_options *options)
{
    struct payload *payload = payload_new (options);
    char report[PAYLOAD_REPORT];
    bool passed;

    vmm_start (payload->machine);
    passed = payload_wait (payload, 20000) && atomic_load (&payload->code) == 0;
    payload_copy_report (payload, report);
    payload_free (payload);
    if (!passed)
        tap_fail (__FILE__, __LINE__, "%s: %s", options->rom,
                  report[0] ? report : "the guest said nothing and did not finish");
}
