/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A 16550A serial port. Output goes to the host at once, so the transmitter is always empty and its
 * interrupt comes right after each byte. Input arrives as fast as the host sends: the line then
 * counts as idle, and what has not reached the FIFO's trigger level raises the timeout interrupt
 * without waiting for four character times.
 *
 * DSR and DCD show whether somebody is connected; CTS is always on, because output never waits.
 * The interrupt is gated by OUT2, as on every PC.
 *
 * Source: National Semiconductor PC16550D datasheet.
 */
#include <errno.h>

#include "base/chardev.h"
#include "base/util.h"
#include "engine/device.h"

#define FIFO_SIZE          16

#define REGISTER_DATA      0 /* with DLAB: divisor low */
#define REGISTER_IER       1 /* with DLAB: divisor high */
#define REGISTER_IIR_FCR   2
#define REGISTER_LCR       3
#define REGISTER_MCR       4
#define REGISTER_LSR       5
#define REGISTER_MSR       6
#define REGISTER_SCRATCH   7

#define IER_RECEIVED       0x01u
#define IER_TRANSMITTED    0x02u
#define IER_LINE           0x04u
#define IER_MODEM          0x08u
#define IIR_NONE           0x01u
#define IIR_MODEM          0x00u
#define IIR_TRANSMITTED    0x02u
#define IIR_RECEIVED       0x04u
#define IIR_LINE           0x06u
#define IIR_TIMEOUT        0x0Cu
#define IIR_FIFO           0xC0u
#define FCR_ENABLE         0x01u
#define FCR_CLEAR_RECEIVED 0x02u
#define FCR_KEPT           0xC9u
#define LCR_DLAB           0x80u
#define MCR_DTR            0x01u
#define MCR_RTS            0x02u
#define MCR_OUT1           0x04u
#define MCR_OUT2           0x08u
#define MCR_LOOP           0x10u
#define LSR_DATA           0x01u
#define LSR_OVERRUN        0x02u
#define LSR_EMPTY          0x60u /* holding and shift register */
#define MSR_DELTA_RI       0x04u /* only its trailing edge counts */
#define MSR_CTS            0x10u
#define MSR_DSR            0x20u
#define MSR_RI             0x40u
#define MSR_DCD            0x80u

struct serial {
    struct vmm_device device;
    struct chardev *chardev;
    bool attached;
    struct vmm_region region;
    uint32_t irq;
    bool irq_level;
    bool connected;
    bool paused;

    uint8_t ier, fcr, lcr, mcr, scratch;
    uint8_t divisor[2];
    uint8_t lines;  /* MSR's upper half as the guest last could see it */
    uint8_t deltas; /* MSR's lower half */
    bool overrun;
    bool transmitted; /* the transmitter's interrupt waits */
    uint8_t fifo[FIFO_SIZE];
    uint8_t fifo_first, fifo_length;
};

static unsigned
capacity (const struct serial *self)
{
    return self->fcr & FCR_ENABLE ? FIFO_SIZE : 1;
}

static unsigned
trigger_level (const struct serial *self)
{
    static const uint8_t levels[] = {1, 4, 8, 14};

    return self->fcr & FCR_ENABLE ? levels[self->fcr >> 6] : 1;
}

/* The interrupt of the highest priority (table 4 of the datasheet). */
static uint8_t
interrupt_id (const struct serial *self)
{
    if ((self->ier & IER_LINE) && self->overrun)
        return IIR_LINE;
    if ((self->ier & IER_RECEIVED) && self->fifo_length > 0)
        return self->fifo_length >= trigger_level (self) ? IIR_RECEIVED : IIR_TIMEOUT;
    if ((self->ier & IER_TRANSMITTED) && self->transmitted)
        return IIR_TRANSMITTED;
    if ((self->ier & IER_MODEM) && self->deltas)
        return IIR_MODEM;
    return IIR_NONE;
}

static void
update_irq (struct serial *self)
{
    bool gate = (self->mcr & MCR_OUT2) && !(self->mcr & MCR_LOOP);
    bool level = gate && interrupt_id (self) != IIR_NONE;

    if (level != self->irq_level)
        vmm_irq_set (self->device.machine, self->irq, level);
    self->irq_level = level;
}

static uint8_t
current_lines (const struct serial *self)
{
    uint8_t mcr = self->mcr;

    if (mcr & MCR_LOOP)
        return (uint8_t) ((mcr & MCR_RTS ? MSR_CTS : 0) | (mcr & MCR_DTR ? MSR_DSR : 0) |
                          (mcr & MCR_OUT1 ? MSR_RI : 0) | (mcr & MCR_OUT2 ? MSR_DCD : 0));
    return (uint8_t) (MSR_CTS | (self->connected ? MSR_DSR | MSR_DCD : 0));
}

static void
update_lines (struct serial *self)
{
    uint8_t lines = current_lines (self), changed = lines ^ self->lines;

    /* The ring indicator counts when it goes off. */
    if (lines & MSR_RI)
        changed &= (uint8_t) ~MSR_RI;
    self->deltas |= changed >> 4;
    self->lines = lines;
    update_irq (self);
}

static void
receive (struct serial *self, uint8_t byte)
{
    if (self->fifo_length >= capacity (self)) {
        self->overrun = true;
        return;
    }
    self->fifo[(self->fifo_first + self->fifo_length) % FIFO_SIZE] = byte;
    self->fifo_length++;
}

static size_t
input_cb (void *data, const unsigned char *bytes, size_t length)
{
    struct serial *self = data;
    size_t taken = 0;

    if (self->paused || (self->mcr & MCR_LOOP))
        return 0;
    while (taken < length && self->fifo_length < capacity (self))
        receive (self, bytes[taken++]);
    update_irq (self);
    return taken;
}

static void
connected_cb (void *data, int connected)
{
    struct serial *self = data;

    self->connected = connected;
    if (!self->paused)
        update_lines (self);
}

static const struct chardev_user chardev_user = {
    .input = input_cb,
    .connected = connected_cb,
};

static void
want_input (struct serial *self)
{
    if (self->attached)
        chardev_resume_input (self->chardev);
}

static uint8_t
read_data (struct serial *self)
{
    uint8_t byte;

    if (self->fifo_length == 0)
        return 0;
    byte = self->fifo[self->fifo_first];
    self->fifo_first = (self->fifo_first + 1) % FIFO_SIZE;
    self->fifo_length--;
    /* Asked for when empty only: a whole FIFO comes at once then. */
    if (self->fifo_length == 0)
        want_input (self);
    return byte;
}

static uint8_t
read_iir (struct serial *self)
{
    uint8_t id = interrupt_id (self);

    if (id == IIR_TRANSMITTED)
        self->transmitted = false;
    return id | (self->fcr & FCR_ENABLE ? IIR_FIFO : 0);
}

static uint8_t
read_lsr (struct serial *self)
{
    uint8_t value = (uint8_t) (LSR_EMPTY | (self->fifo_length ? LSR_DATA : 0) |
                               (self->overrun ? LSR_OVERRUN : 0));

    self->overrun = false;
    return value;
}

static uint8_t
read_msr (struct serial *self)
{
    uint8_t value = self->lines | self->deltas;

    self->deltas = 0;
    return value;
}

static uint64_t
serial_read (void *opaque, uint64_t offset, unsigned size)
{
    struct serial *self = opaque;
    bool dlab = self->lcr & LCR_DLAB;
    uint8_t value = 0;

    switch (offset) {
    case REGISTER_DATA: value = dlab ? self->divisor[0] : read_data (self); break;
    case REGISTER_IER: value = dlab ? self->divisor[1] : self->ier; break;
    case REGISTER_IIR_FCR: value = read_iir (self); break;
    case REGISTER_LCR: value = self->lcr; break;
    case REGISTER_MCR: value = self->mcr; break;
    case REGISTER_LSR: value = read_lsr (self); break;
    case REGISTER_MSR: value = read_msr (self); break;
    case REGISTER_SCRATCH: value = self->scratch; break;
    }
    update_irq (self);
    return value;
}

static void
transmit (struct serial *self, uint8_t byte)
{
    self->transmitted = true;
    if (self->mcr & MCR_LOOP)
        receive (self, byte);
    else if (self->attached)
        chardev_write (self->chardev, &byte, 1);
}

static void
write_fcr (struct serial *self, uint8_t value)
{
    /* Switching FIFOs on or off empties them. */
    if ((value & FCR_CLEAR_RECEIVED) || ((value ^ self->fcr) & FCR_ENABLE)) {
        self->fifo_length = 0;
        want_input (self);
    }
    self->fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;
}

static void
write_ier (struct serial *self, uint8_t value)
{
    /* Drivers rely on an interrupt at once when they enable that of the empty transmitter. */
    if ((value & ~self->ier) & IER_TRANSMITTED)
        self->transmitted = true;
    self->ier = value & 0x0F;
}

static void
write_mcr (struct serial *self, uint8_t value)
{
    bool left_loop = (self->mcr & MCR_LOOP) && !(value & MCR_LOOP);

    self->mcr = value & 0x1F;
    update_lines (self);
    if (left_loop)
        want_input (self);
}

static void
serial_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct serial *self = opaque;
    bool dlab = self->lcr & LCR_DLAB;
    uint8_t byte = (uint8_t) value;

    switch (offset) {
    case REGISTER_DATA:
        if (dlab)
            self->divisor[0] = byte;
        else
            transmit (self, byte);
        break;
    case REGISTER_IER:
        if (dlab)
            self->divisor[1] = byte;
        else
            write_ier (self, byte);
        break;
    case REGISTER_IIR_FCR: write_fcr (self, byte); break;
    case REGISTER_LCR: self->lcr = byte; break;
    case REGISTER_MCR: write_mcr (self, byte); break;
    case REGISTER_SCRATCH: self->scratch = byte; break;
    }
    update_irq (self);
}

static int
serial_post_load (void *object, struct vmm_error *error)
{
    struct serial *self = object;

    if (self->fifo_first >= FIFO_SIZE || self->fifo_length > FIFO_SIZE)
        return vmm_error_set (error, -EINVAL, "%s: the saved FIFO makes no sense", self->device.id);
    self->ier &= 0x0F;
    self->mcr &= 0x1F;
    self->deltas &= 0x0F;
    self->lines &= 0xF0;
    update_irq (self);
    return 0;
}

static const struct vmm_key serial_keys[] = {
    {.name = "chardev",
     .type = VMM_KEY_POINTER,
     .help = "where the line leads (struct chardev *); absent: nowhere"},
    {.name = "port",
     .type = VMM_KEY_U64,
     .fallback = 0x3F8,
     .minimum = 0x100,
     .maximum = 0xFFF8,
     .help = "first of eight ports"},
    {.name = "irq",
     .type = VMM_KEY_U64,
     .fallback = 4,
     .minimum = 3,
     .maximum = 15,
     .help = "ISA interrupt"},
};

static const struct vmm_state_field serial_fields[] = {
    VMM_STATE (struct serial, ier),         VMM_STATE (struct serial, fcr),
    VMM_STATE (struct serial, lcr),         VMM_STATE (struct serial, mcr),
    VMM_STATE (struct serial, scratch),     VMM_STATE_ARRAY (struct serial, divisor),
    VMM_STATE (struct serial, lines),       VMM_STATE (struct serial, deltas),
    VMM_STATE (struct serial, overrun),     VMM_STATE (struct serial, transmitted),
    VMM_STATE_ARRAY (struct serial, fifo),  VMM_STATE (struct serial, fifo_first),
    VMM_STATE (struct serial, fifo_length),
};

static const struct vmm_state_table serial_state = {
    .name = "serial",
    .version = 1,
    .fields = serial_fields,
    .n_fields = ARRAY_LENGTH (serial_fields),
    .post_load = serial_post_load,
};

static int
serial_init (struct vmm_device *device, const struct vmm_device_config *config,
             struct vmm_error *error)
{
    struct serial *self = CONTAINER_OF (device, struct serial, device);
    uint16_t port = (uint16_t) vmm_config_number (device, config, "port");
    int r;

    self->paused = true;
    self->irq = (uint32_t) vmm_config_number (device, config, "irq");
    self->chardev = vmm_config_pointer (config, "chardev");
    self->region = (struct vmm_region) {
        .name = "serial",
        .space = VMM_SPACE_PIO,
        .size = 8,
        .max_size = 1,
        .read = serial_read,
        .write = serial_write,
        .opaque = self,
        .lock = &device->lock,
    };
    r = vmm_bus_map (vmm_device_bus (device), &self->region, port);
    if (r < 0)
        return vmm_error_set_errno (error, r, "%s: port %#x cannot be used", device->id, port);
    if (!self->chardev)
        return 0;
    r = chardev_attach (self->chardev, vmm_device_loop (device), &device->lock, &chardev_user,
                        self);
    if (r < 0)
        return vmm_error_set_errno (error, r, "%s: the line's host end cannot be used", device->id);
    self->attached = true;
    return 0;
}

static void
serial_reset (struct vmm_device *device)
{
    struct serial *self = CONTAINER_OF (device, struct serial, device);

    self->ier = self->fcr = self->lcr = self->mcr = self->scratch = 0;
    self->divisor[0] = 12; /* 9600 baud */
    self->divisor[1] = 0;
    self->overrun = self->transmitted = false;
    self->fifo_first = self->fifo_length = 0;
    self->lines = current_lines (self);
    self->deltas = 0;
    update_irq (self);
}

static void
serial_pause (struct vmm_device *device)
{
    CONTAINER_OF (device, struct serial, device)->paused = true;
}

static void
serial_resume (struct vmm_device *device)
{
    struct serial *self = CONTAINER_OF (device, struct serial, device);

    self->paused = false;
    update_lines (self);
    want_input (self);
}

static void
serial_fini (struct vmm_device *device)
{
    struct serial *self = CONTAINER_OF (device, struct serial, device);

    if (self->attached)
        chardev_detach (self->chardev);
    vmm_bus_unmap (vmm_device_bus (device), &self->region);
}

const struct vmm_device_class serial_class = {
    .name = "serial",
    .size = sizeof (struct serial),
    .keys = serial_keys,
    .n_keys = ARRAY_LENGTH (serial_keys),
    .state = &serial_state,
    .init = serial_init,
    .reset = serial_reset,
    .pause = serial_pause,
    .resume = serial_resume,
    .fini = serial_fini,
};
