/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The debug console of firmware: bytes written to one port, by default 0x402, are gathered into
 * lines for the log. Reading the port gives 0xE9, by which firmware knows that somebody listens.
 *
 * A guest may write as much as it likes, so lines beyond a budget are counted instead of logged.
 */
#include "base/util.h"
#include "engine/device.h"

#define PRESENCE     0xE9
#define LINE_SIZE    200
#define BUDGET       2000 /* lines at once, more as time goes by */
#define NS_PER_LINE  UINT64_C (10000000)
#define NS_OF_BUDGET (BUDGET * NS_PER_LINE)

struct debugcon {
    struct vmm_device device;
    struct vmm_region region;
    char line[LINE_SIZE + 1];
    uint32_t length;
    uint64_t spent;   /* on the host's clock: the time at which the budget is whole again */
    uint64_t dropped; /* lines since the last one that was logged */
};

static void
log_line (struct debugcon *self)
{
    uint64_t now = vmm_monotonic_now ();

    self->line[self->length] = '\0';
    self->length = 0;
    self->spent = MAX_OF (self->spent, now);
    if (self->spent - now > NS_OF_BUDGET) {
        self->dropped++;
        return;
    }
    self->spent += NS_PER_LINE;
    if (self->dropped > 0)
        vmm_device_report (&self->device, VMM_LOG_INFO, "%llu lines were left out",
                           (unsigned long long) self->dropped);
    self->dropped = 0;
    vmm_device_report (&self->device, VMM_LOG_INFO, "%s", self->line);
}

static uint64_t
debugcon_read (void *opaque, uint64_t offset, unsigned size)
{
    return PRESENCE;
}

static void
debugcon_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct debugcon *self = opaque;
    char byte = (char) value;

    if (byte == '\n') {
        log_line (self);
        return;
    }
    if (byte == '\r' || byte == '\0')
        return;
    if (self->length == LINE_SIZE)
        log_line (self);
    /* Terminals read logs. */
    self->line[self->length++] = byte == '\t' || (byte >= ' ' && byte <= '~') ? byte : '?';
}

static const struct vmm_key debugcon_keys[] = {
    {.name = "port", .type = VMM_KEY_U64, .fallback = 0x402, .maximum = 0xFFFF, .help = "its port"},
};

/* The port has no registers. A line half written is lost with its machine. */
static const struct vmm_state_table debugcon_state = {
    .name = "debugcon",
    .version = 1,
};

static int
debugcon_init (struct vmm_device *device, const struct vmm_device_config *config,
               struct vmm_error *error)
{
    struct debugcon *self = CONTAINER_OF (device, struct debugcon, device);
    uint16_t port = (uint16_t) vmm_config_number (device, config, "port");
    int r;

    self->region = (struct vmm_region) {
        .name = "debugcon",
        .space = VMM_SPACE_PIO,
        .size = 1,
        .max_size = 1,
        .read = debugcon_read,
        .write = debugcon_write,
        .opaque = self,
        .lock = &device->lock,
    };
    r = vmm_bus_map (vmm_device_bus (device), &self->region, port);
    if (r < 0)
        return vmm_error_set_errno (error, r, "%s: port %#x cannot be used", device->id, port);
    return 0;
}

static void
debugcon_reset (struct vmm_device *device)
{
    struct debugcon *self = CONTAINER_OF (device, struct debugcon, device);

    if (self->length > 0)
        log_line (self);
}

static void
debugcon_pause (struct vmm_device *device)
{
}

static void
debugcon_resume (struct vmm_device *device)
{
}

static void
debugcon_fini (struct vmm_device *device)
{
    struct debugcon *self = CONTAINER_OF (device, struct debugcon, device);

    vmm_bus_unmap (vmm_device_bus (device), &self->region);
}

const struct vmm_device_class debugcon_class = {
    .name = "debugcon",
    .size = sizeof (struct debugcon),
    .keys = debugcon_keys,
    .n_keys = ARRAY_LENGTH (debugcon_keys),
    .state = &debugcon_state,
    .init = debugcon_init,
    .reset = debugcon_reset,
    .pause = debugcon_pause,
    .resume = debugcon_resume,
    .fini = debugcon_fini,
};
