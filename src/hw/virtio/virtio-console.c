/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Consoles and other byte streams (VIRTIO 1.3, 5.3), class "virtio-console": port 0 is a console,
 * up to three more are whatever their names say (guest agents).
 *
 * Queues: port 0 has 0 (to the guest) and 1 (from it), control messages 2 and 3, port n ≥ 1 has 2 n
 * + 2 and 2 n + 3. A driver without MULTIPORT has port 0 and no control messages.
 *
 * What the driver is to be told of a port is not queued but derived: each port knows what should be
 * so and what the driver was told, and whenever there is a buffer for it, the difference is sent.
 * That bounds itself and needs nothing saved but what was told. Window sizes after the start are
 * not told: drivers and specification disagree about the order of that message's fields.
 *
 * Bytes for the guest stay in the chardev until there is a buffer; chardev_resume_input () asks for
 * them again.
 */
#include <errno.h>

#include "base/chardev.h"
#include "base/util.h"
#include "hw/virtio/virtio.h"

#define MAX_PORTS        4
#define QUEUE_CONTROL_RX 2
#define QUEUE_CONTROL_TX 3
#define CONTROL_SIZE     8
#define NAME_SIZE        64
/* What is taken from one request, which is far more than drivers send. */
#define MAX_WRITE MIB
/* Requests tried for one piece of input: a driver could offer empty ones for ever. */
#define MAX_TRIES 256

/* Feature bits (5.3.3). */
enum {
    FEATURE_SIZE = 1 << 0,
    FEATURE_MULTIPORT = 1 << 1,
};

/* Configuration (5.3.4). */
enum {
    CONFIG_COLUMNS = 0,
    CONFIG_ROWS = 2,
    CONFIG_MAX_PORTS = 4,
    CONFIG_SIZE = 8,
};

/* Control messages (5.3.6.2): u32 port, u16 event, u16 value. */
enum {
    CONTROL_DEVICE_READY = 0,
    CONTROL_PORT_ADD = 1,
    CONTROL_PORT_READY = 3,
    CONTROL_CONSOLE_PORT = 4,
    CONTROL_PORT_OPEN = 6,
    CONTROL_PORT_NAME = 7,
};

struct virtio_console;

struct port {
    struct virtio_console *console;
    struct chardev *chardev; /* NULL: no such port */
    bool attached;
    char name[NAME_SIZE];
    bool host_open; /* somebody is at the host's end; a console always counts as open */
    bool guest_open, ready;
    bool told_add, told_console, told_name, told_open; /* what the driver knows */
};

struct virtio_console {
    struct virtio virtio; /* first */
    unsigned n_ports;
    uint16_t columns, rows;
    bool device_ready;
    struct port ports[MAX_PORTS];
};

static struct virtio_console *
from_virtio (struct virtio *virtio)
{
    return CONTAINER_OF (virtio, struct virtio_console, virtio);
}

static unsigned
port_number (const struct port *port)
{
    return (unsigned) (port - port->console->ports);
}

static unsigned
receive_queue (unsigned port)
{
    return port ? 2 * port + 2 : 0;
}

/* The port of a data queue; NULL for those of the control messages. */
static struct port *
port_of_queue (struct virtio_console *self, unsigned queue)
{
    if (queue == QUEUE_CONTROL_RX || queue == QUEUE_CONTROL_TX)
        return NULL;
    return &self->ports[queue < 2 ? 0 : queue / 2 - 1];
}

/* Control messages. */

/* False if the driver has left no buffer: tried again when it does. */
static bool
send_control (struct virtio_console *self, unsigned port, uint16_t event, uint16_t value,
              const char *text)
{
    struct virtqueue *queue = &self->virtio.queues[QUEUE_CONTROL_RX];
    struct virtq_chain *chain = virtio_pop (&self->virtio, QUEUE_CONTROL_RX);
    uint8_t message[CONTROL_SIZE + NAME_SIZE];
    size_t length = CONTROL_SIZE;

    if (!chain && virtqueue_allow_kicks (queue))
        chain = virtio_pop (&self->virtio, QUEUE_CONTROL_RX);
    if (!chain)
        return false;
    store_le32 (message, port);
    store_le16 (message + 4, event);
    store_le16 (message + 6, value);
    if (text) {
        memcpy (message + length, text, strlen (text));
        length += strlen (text);
    }
    length = virtq_copy_to (chain->writable, chain->n_writable, 0, message, length);
    virtio_push (&self->virtio, QUEUE_CONTROL_RX, chain->head, (uint32_t) length);
    return true;
}

/* Sends the first thing that the driver should know of @port and does not; false if it knows all,
 * or has no buffer. */
static bool
tell_one (struct virtio_console *self, struct port *port)
{
    unsigned number = port_number (port);
    bool *told;

    if (!port->chardev || (port->told_add && !port->ready))
        return false;
    if (!port->told_add) {
        told = &port->told_add;
        if (!send_control (self, number, CONTROL_PORT_ADD, 1, NULL))
            return false;
    } else if (number == 0 && !port->told_console) {
        told = &port->told_console;
        if (!send_control (self, number, CONTROL_CONSOLE_PORT, 1, NULL))
            return false;
    } else if (*port->name && !port->told_name) {
        told = &port->told_name;
        if (!send_control (self, number, CONTROL_PORT_NAME, 1, port->name))
            return false;
    } else if (port->told_open != port->host_open) {
        if (!send_control (self, number, CONTROL_PORT_OPEN, port->host_open, NULL))
            return false;
        port->told_open = port->host_open;
        return true;
    } else {
        return false;
    }
    *told = true;
    return true;
}

static void
tell_driver (struct virtio_console *self)
{
    if (!self->device_ready || !virtio_has_feature (&self->virtio, FEATURE_MULTIPORT))
        return;
    for (unsigned i = 0; i < self->n_ports; i++)
        while (tell_one (self, &self->ports[i]))
            ;
    virtio_signal (&self->virtio, QUEUE_CONTROL_RX);
}

static bool
serve_control (struct virtio *virtio, unsigned queue, struct virtq_chain *chain)
{
    struct virtio_console *self = from_virtio (virtio);
    uint8_t message[CONTROL_SIZE] = {0};
    bool is_whole = virtq_copy_from (chain->readable, chain->n_readable, 0, message,
                                     sizeof message) == sizeof message;
    uint32_t number = load_le32 (message);
    uint16_t value = load_le16 (message + 6);

    virtio_push (virtio, queue, chain->head, 0);
    if (!is_whole)
        return true;
    switch (load_le16 (message + 4)) {
    case CONTROL_DEVICE_READY: self->device_ready = value == 1; break;
    case CONTROL_PORT_READY:
        if (number < self->n_ports)
            self->ports[number].ready = value == 1;
        break;
    case CONTROL_PORT_OPEN:
        if (number < self->n_ports && self->ports[number].chardev) {
            self->ports[number].guest_open = value == 1;
            chardev_resume_input (self->ports[number].chardev);
        }
        break;
    }
    return true;
}

/* Data. */

static bool
serve_output (struct virtio *virtio, unsigned queue, struct virtq_chain *chain)
{
    struct port *port = port_of_queue (from_virtio (virtio), queue);
    uint64_t left = MAX_WRITE;

    for (unsigned i = 0; i < chain->n_readable && left && port->chardev; i++) {
        size_t length = MIN_OF (chain->readable[i].iov_len, left);

        chardev_write (port->chardev, chain->readable[i].iov_base, length);
        left -= length;
    }
    virtio_push (virtio, queue, chain->head, 0);
    return true;
}

static bool
takes_input (const struct port *port)
{
    const struct virtio *virtio = &port->console->virtio;

    return virtio_is_live (virtio) && (port_number (port) == 0 || port->guest_open);
}

static size_t
input_cb (void *data, const unsigned char *bytes, size_t length)
{
    struct port *port = data;
    struct virtio *virtio = &port->console->virtio;
    unsigned queue = receive_queue (port_number (port));
    size_t taken = 0;

    if (!takes_input (port))
        return 0;
    for (unsigned tries = 0; taken < length && tries < MAX_TRIES; tries++) {
        struct virtq_chain *chain = virtio_pop (virtio, queue);
        size_t n;

        if (!chain && virtqueue_allow_kicks (&virtio->queues[queue]))
            chain = virtio_pop (virtio, queue);
        if (!chain)
            break;
        n = virtq_copy_to (chain->writable, chain->n_writable, 0, bytes + taken, length - taken);
        virtio_push (virtio, queue, chain->head, (uint32_t) n);
        taken += n;
    }
    virtio_signal (virtio, queue);
    return taken;
}

static void
connected_cb (void *data, int connected)
{
    struct port *port = data;

    if (port_number (port) == 0)
        return;
    port->host_open = connected;
    if (virtio_is_live (&port->console->virtio))
        tell_driver (port->console);
}

static const struct chardev_user chardev_user = {
    .input = input_cb,
    .connected = connected_cb,
};

static void
notify (struct virtio *virtio, unsigned queue)
{
    struct virtio_console *self = from_virtio (virtio);
    struct port *port = port_of_queue (self, queue);

    if (queue == QUEUE_CONTROL_TX) {
        virtio_serve (virtio, queue, serve_control);
        tell_driver (self);
    } else if (queue == QUEUE_CONTROL_RX) {
        tell_driver (self);
    } else if (queue % 2) {
        virtio_serve (virtio, queue, serve_output);
    } else if (port->chardev) {
        chardev_resume_input (port->chardev);
    }
}

static void
type_reset (struct virtio *virtio)
{
    struct virtio_console *self = from_virtio (virtio);

    self->device_ready = false;
    for (unsigned i = 0; i < MAX_PORTS; i++) {
        struct port *port = &self->ports[i];

        port->guest_open = port->ready = false;
        port->told_add = port->told_console = port->told_name = port->told_open = false;
    }
    store_le16 (virtio->config + CONFIG_COLUMNS, self->columns);
    store_le16 (virtio->config + CONFIG_ROWS, self->rows);
    store_le32 (virtio->config + CONFIG_MAX_PORTS, self->n_ports);
}

static const struct virtio_type console_type = {
    .id = 3,
    .class_code = 0x078000,
    .notify = notify,
    .reset = type_reset,
};

/* The class's hooks. */

static const struct {
    const char *chardev, *name;
} port_keys[MAX_PORTS] = {
    {"chardev", "name"},
    {"port1", "port1-name"},
    {"port2", "port2-name"},
    {"port3", "port3-name"},
};

static int
init_port (struct virtio_console *self, unsigned number, const struct vmm_device_config *config,
           struct vmm_error *error)
{
    struct vmm_device *device = &self->virtio.pci.device;
    struct port *port = &self->ports[number];
    const char *name = vmm_config_string (config, port_keys[number].name);
    int r;

    port->console = self;
    port->chardev = vmm_config_pointer (config, port_keys[number].chardev);
    port->host_open = number == 0;
    if (!port->chardev)
        return 0;
    if (name && strlen (name) >= sizeof port->name)
        return vmm_error_set (error, -EINVAL, "%s: the port name “%s” is longer than %zu bytes",
                              device->id, name, sizeof port->name - 1);
    if (name)
        memcpy (port->name, name, strlen (name) + 1);
    r = chardev_attach (port->chardev, vmm_device_loop (device), &device->lock, &chardev_user,
                        port);
    if (r < 0)
        return vmm_error_set_errno (error, r, "%s: cannot attach the host's end of port %u",
                                    device->id, number);
    port->attached = true;
    self->n_ports = number + 1;
    return 0;
}

static int
init_hook (struct vmm_device *device, const struct vmm_device_config *config,
           struct vmm_error *error)
{
    struct virtio_console *self = CONTAINER_OF (device, struct virtio_console, virtio.pci.device);

    self->columns = (uint16_t) vmm_config_number (device, config, "columns");
    self->rows = (uint16_t) vmm_config_number (device, config, "rows");
    for (unsigned i = 0; i < MAX_PORTS; i++) {
        int r = init_port (self, i, config, error);

        if (r < 0)
            return r;
    }
    return virtio_init (&self->virtio, &console_type, FEATURE_SIZE | FEATURE_MULTIPORT,
                        2 * self->n_ports + 2, CONFIG_SIZE, config, error);
}

static void
resume_hook (struct vmm_device *device)
{
    struct virtio_console *self = CONTAINER_OF (device, struct virtio_console, virtio.pci.device);

    virtio_resume (device);
    if (virtio_is_live (&self->virtio))
        tell_driver (self);
    for (unsigned i = 0; i < self->n_ports; i++)
        if (self->ports[i].chardev)
            chardev_resume_input (self->ports[i].chardev);
}

static void
fini_hook (struct vmm_device *device)
{
    struct virtio_console *self = CONTAINER_OF (device, struct virtio_console, virtio.pci.device);

    for (unsigned i = 0; i < MAX_PORTS; i++)
        if (self->ports[i].attached)
            chardev_detach (self->ports[i].chardev);
    virtio_fini (device);
}

static const struct vmm_state_field port_fields[] = {
    VMM_STATE (struct port, guest_open), VMM_STATE (struct port, ready),
    VMM_STATE (struct port, told_add),   VMM_STATE (struct port, told_console),
    VMM_STATE (struct port, told_name),  VMM_STATE (struct port, told_open),
};

static const struct vmm_state_table port_state = {
    .name = "port",
    .version = 1,
    .fields = port_fields,
    .n_fields = ARRAY_LENGTH (port_fields),
};

static const struct vmm_state_field state_fields[] = {
    VMM_STATE_NESTED (struct virtio_console, virtio, virtio_state),
    VMM_STATE (struct virtio_console, device_ready),
    VMM_STATE_NESTED_ARRAY (struct virtio_console, ports, port_state),
};

static const struct vmm_state_table state = {
    .name = "virtio-console",
    .version = 1,
    .fields = state_fields,
    .n_fields = ARRAY_LENGTH (state_fields),
};

static const struct vmm_key keys[] = {
    PCI_KEY_SLOT,
    {.name = "chardev",
     .type = VMM_KEY_POINTER,
     .required = true,
     .help = "the console's host end (struct chardev *)"},
    {.name = "name", .type = VMM_KEY_STRING, .help = "the console's name, at most 63 bytes"},
    {.name = "columns",
     .type = VMM_KEY_U64,
     .fallback = 80,
     .maximum = UINT16_MAX,
     .help = "width of the console in characters"},
    {.name = "rows",
     .type = VMM_KEY_U64,
     .fallback = 25,
     .maximum = UINT16_MAX,
     .help = "height of the console in characters"},
    {.name = "port1", .type = VMM_KEY_POINTER, .help = "host end of port 1 (struct chardev *)"},
    {.name = "port1-name", .type = VMM_KEY_STRING, .help = "name of port 1"},
    {.name = "port2", .type = VMM_KEY_POINTER, .help = "host end of port 2 (struct chardev *)"},
    {.name = "port2-name", .type = VMM_KEY_STRING, .help = "name of port 2"},
    {.name = "port3", .type = VMM_KEY_POINTER, .help = "host end of port 3 (struct chardev *)"},
    {.name = "port3-name", .type = VMM_KEY_STRING, .help = "name of port 3"},
};

const struct vmm_device_class virtio_console_class = {
    .name = "virtio-console",
    .size = sizeof (struct virtio_console),
    .keys = keys,
    .n_keys = ARRAY_LENGTH (keys),
    .state = &state,
    .init = init_hook,
    .reset = virtio_reset,
    .pause = virtio_pause,
    .resume = resume_hook,
    .fini = fini_hook,
};
