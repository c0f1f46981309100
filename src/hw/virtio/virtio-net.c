/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Network cards (VIRTIO 1.3, 5.1), class "virtio-net": frames between two queues and a net, each
 * behind a header of 12 bytes that says nothing, as no offloads are on offer: the net's stream has
 * no place for them, and frames of 64 KiB, which the MTU allows, make up for it.
 *
 * To the guest: a frame is copied into as many buffers as it takes, and these are given back
 * together. If there are not enough yet, they are put back and the net keeps the frame. A frame
 * that the whole queue could not take is dropped. So is everything while no driver listens, as a
 * card does, but not while the machine is paused.
 *
 * From the guest: requests are taken as long as the net has room for the longest frame, copied, and
 * given back at once, so that none is ever in flight.
 *
 * A guest that goes on from a saved state may be in another network than it was. So it sees its
 * cable out for a moment, as which systems ask for an address and resolvers again; frames pass
 * meanwhile.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "hw/virtio/virtio.h"
#include "net/net.h"

enum {
    QUEUE_RX,
    QUEUE_TX,
    N_QUEUES,
};

/* Feature bits (5.1.3). */
#define FEATURE_MTU       (UINT64_C (1) << 3)
#define FEATURE_MAC       (UINT64_C (1) << 5)
#define FEATURE_MRG_RXBUF (UINT64_C (1) << 15)
#define FEATURE_STATUS    (UINT64_C (1) << 16)

/* Configuration (5.1.4). */
enum {
    CONFIG_MAC = 0,
    CONFIG_STATUS = 6,
    CONFIG_MTU = 10,
    CONFIG_SIZE = 12,
};
#define STATUS_LINK_UP 1

/* The header (5.1.6); all but the count of buffers is zero. */
#define HEADER_SIZE    12
#define HEADER_BUFFERS 10

#define MAC_SIZE       6
/* Shorter interruptions are not always seen: Linux tells of links once a second. */
#define UNPLUGGED_NS UINT64_C (2000000000)

struct virtio_net {
    struct virtio virtio; /* first */
    struct net *net;      /* NULL: no cable */
    bool attached;
    bool connected;
    bool told_up; /* what the driver can read of the link */
    bool loaded;  /* a state was, since the machine ran */
    bool pulled;  /* until plug_timer */
    struct vmm_timer plug_timer;
    uint8_t mac[MAC_SIZE];
};

/* The buffers of a frame in the making. */
struct delivery {
    struct virtq_used used[VIRTIO_DEFAULT_QUEUE_SIZE];
    unsigned n;
    uint8_t *count[2]; /* where the header's count of buffers is */
};

static struct virtio_net *
from_virtio (struct virtio *virtio)
{
    return CONTAINER_OF (virtio, struct virtio_net, virtio);
}

/* The link. */

static bool
link_is_up (const struct virtio_net *self)
{
    return self->net && self->connected && net_is_up (self->net);
}

static void
write_link (struct virtio_net *self)
{
    store_le16 (self->virtio.config + CONFIG_STATUS, self->told_up ? STATUS_LINK_UP : 0);
}

static void
update_link (struct virtio_net *self)
{
    bool up = link_is_up (self) && !self->pulled, changed = up != self->told_up;

    self->told_up = up;
    write_link (self);
    if (changed)
        virtio_config_changed (&self->virtio);
}

static void
plug_cb (void *data)
{
    struct virtio_net *self = data;

    self->pulled = false;
    update_link (self);
}

/* To the guest. */

static struct virtq_chain *
next_buffer (struct virtio *virtio)
{
    struct virtq_chain *chain = virtio_pop (virtio, QUEUE_RX);

    if (!chain && virtqueue_allow_kicks (&virtio->queues[QUEUE_RX]))
        chain = virtio_pop (virtio, QUEUE_RX);
    return chain;
}

static uint8_t *
byte_at (const struct virtq_chain *chain, size_t offset)
{
    unsigned i = 0;

    while (offset >= chain->writable[i].iov_len)
        offset -= chain->writable[i++].iov_len;
    return (uint8_t *) chain->writable[i].iov_base + offset;
}

/* Puts the first buffer to use, which has the header in front; returns how much of the frame it
 * took. */
static size_t
fill_first (struct delivery *delivery, const struct virtq_chain *chain, const uint8_t *frame,
            size_t length)
{
    static const uint8_t header[HEADER_SIZE];
    size_t n;

    virtq_copy_to (chain->writable, chain->n_writable, 0, header, HEADER_SIZE);
    n = virtq_copy_to (chain->writable, chain->n_writable, HEADER_SIZE, frame, length);
    for (unsigned i = 0; i < 2; i++)
        delivery->count[i] = byte_at (chain, HEADER_BUFFERS + i);
    delivery->used[delivery->n++] = (struct virtq_used) {chain->head, (uint32_t) (HEADER_SIZE + n)};
    return n;
}

static size_t
fill_next (struct delivery *delivery, const struct virtq_chain *chain, const uint8_t *frame,
           size_t length)
{
    size_t n = virtq_copy_to (chain->writable, chain->n_writable, 0, frame, length);

    delivery->used[delivery->n++] = (struct virtq_used) {chain->head, (uint32_t) n};
    return n;
}

/* Finds room for all of the frame, or gives back what was found. */
static enum net_verdict
fill (struct virtio *virtio, struct delivery *delivery, const uint8_t *frame, size_t length)
{
    struct virtqueue *queue = &virtio->queues[QUEUE_RX];
    bool mergeable = virtio_has_feature (virtio, FEATURE_MRG_RXBUF);
    enum net_verdict verdict = NET_TAKEN;
    size_t done = 0;

    while (verdict == NET_TAKEN && (delivery->n == 0 || done < length)) {
        /* What the whole queue does not take never fits. */
        bool is_full = delivery->n == queue->size || delivery->n == VIRTIO_DEFAULT_QUEUE_SIZE ||
                       (!mergeable && delivery->n > 0);
        struct virtq_chain *chain = is_full ? NULL : next_buffer (virtio);

        if (!chain) {
            verdict = is_full || !virtio_is_live (virtio) ? NET_DROPPED : NET_LATER;
        } else if (chain->writable_size < (delivery->n ? 1 : HEADER_SIZE)) {
            virtio_break (virtio, "offered a receive buffer without room");
            verdict = NET_DROPPED;
        } else if (delivery->n == 0) {
            done = fill_first (delivery, chain, frame, length);
        } else {
            done += fill_next (delivery, chain, frame + done, length - done);
        }
    }
    if (verdict != NET_TAKEN && virtio_is_live (virtio))
        virtqueue_unpop (queue, delivery->n);
    return verdict;
}

static enum net_verdict
receive_cb (void *data, const uint8_t *frame, size_t length)
{
    struct virtio_net *self = data;
    struct virtio *virtio = &self->virtio;
    struct delivery delivery;
    enum net_verdict verdict;
    uint8_t count[2];

    if (!self->connected)
        return NET_DROPPED;
    if (!virtio_is_live (virtio) || !virtio->queues[QUEUE_RX].enabled)
        return virtio->paused ? NET_LATER : NET_DROPPED;
    delivery.n = 0;
    verdict = fill (virtio, &delivery, frame, length);
    if (verdict != NET_TAKEN)
        return verdict;
    store_le16 (count, (uint16_t) delivery.n);
    *delivery.count[0] = count[0];
    *delivery.count[1] = count[1];
    virtio_push_all (virtio, QUEUE_RX, delivery.used, delivery.n);
    return NET_TAKEN;
}

static void
received_cb (void *data)
{
    struct virtio_net *self = data;

    virtio_signal (&self->virtio, QUEUE_RX);
}

/* From the guest. */

static bool
serve_send (struct virtio *virtio, unsigned queue, struct virtq_chain *chain)
{
    struct virtio_net *self = from_virtio (virtio);

    if (link_is_up (self)) {
        virtq_trim_front (&chain->readable, &chain->n_readable, HEADER_SIZE);
        net_send (self->net, chain->readable, chain->n_readable);
    }
    virtio_push (virtio, queue, chain->head, 0);
    return !self->net || net_can_send (self->net);
}

static void
serve_queue (struct virtio_net *self)
{
    if (self->net && !net_can_send (self->net))
        return;
    virtio_serve (&self->virtio, QUEUE_TX, serve_send);
    if (self->net)
        net_flush (self->net);
}

static void
writable_cb (void *data)
{
    struct virtio_net *self = data;

    if (virtio_is_live (&self->virtio) && self->virtio.queues[QUEUE_TX].enabled)
        serve_queue (self);
}

static void
ended_cb (void *data, const char *why)
{
    struct virtio_net *self = data;
    struct virtio *virtio = &self->virtio;

    vmm_device_warn (&virtio->pci.device,
                     "%s; the machine runs on without this network until it is started again", why);
    /* Paused, it learns that on its way back. */
    if (virtio->paused)
        return;
    update_link (self);
    writable_cb (self);
}

static const struct net_user net_user = {
    .receive = receive_cb,
    .received = received_cb,
    .writable = writable_cb,
    .ended = ended_cb,
};

static void
notify (struct virtio *virtio, unsigned queue)
{
    struct virtio_net *self = from_virtio (virtio);

    if (queue == QUEUE_TX) {
        serve_queue (self);
    } else if (self->net) {
        virtqueue_suppress_kicks (&virtio->queues[queue]);
        net_resume (self->net);
    }
}

static void
type_reset (struct virtio *virtio)
{
    struct virtio_net *self = from_virtio (virtio);

    memcpy (virtio->config + CONFIG_MAC, self->mac, MAC_SIZE);
    store_le16 (virtio->config + CONFIG_MTU, NET_MTU);
    self->loaded = self->pulled = false;
    vmm_timer_disarm (&self->plug_timer);
    self->told_up = link_is_up (self);
    write_link (self);
    /* What waited for buffers of the last driver is dropped. */
    if (self->net && !virtio->paused)
        net_resume (self->net);
}

static const struct virtio_type net_type = {
    .id = 1,
    .class_code = 0x020000,
    .notify = notify,
    .reset = type_reset,
};

/* The class's hooks. */

static int
parse_mac (const struct vmm_device *device, const char *text, uint8_t mac[MAC_SIZE],
           struct vmm_error *error)
{
    bool good = strlen (text) == 3 * MAC_SIZE - 1;
    unsigned any = 0;

    for (unsigned i = 0; good && i < MAC_SIZE; i++) {
        const char *digits = text + (size_t) 3 * i;

        good = isxdigit ((unsigned char) digits[0]) && isxdigit ((unsigned char) digits[1]) &&
               (digits[2] == ':' || !digits[2]) && sscanf (digits, "%2hhx", &mac[i]) == 1;
        any |= good ? mac[i] : 0;
    }
    if (!good || !any || mac[0] & 1)
        return vmm_error_set (error, -EINVAL,
                              "%s: “%.32s” is not the MAC address of a network card, such as "
                              "52:54:00:12:34:56",
                              device->id, text);
    return 0;
}

static int
init_hook (struct vmm_device *device, const struct vmm_device_config *config,
           struct vmm_error *error)
{
    struct virtio_net *self = CONTAINER_OF (device, struct virtio_net, virtio.pci.device);
    int r;

    self->net = vmm_config_pointer (config, "net");
    self->connected = vmm_config_bool (device, config, "connected");
    vmm_device_timer_init (device, &self->plug_timer, plug_cb, self);
    r = parse_mac (device, vmm_config_string (config, "mac"), self->mac, error);
    if (r < 0)
        return r;
    if (self->net) {
        r = net_attach (self->net, vmm_device_loop (device), &device->lock, &net_user, self);
        if (r < 0)
            return vmm_error_set_errno (error, r, "%s: cannot attach the network", device->id);
        self->attached = true;
    }
    return virtio_init (&self->virtio, &net_type,
                        FEATURE_MTU | FEATURE_MAC | FEATURE_MRG_RXBUF | FEATURE_STATUS, N_QUEUES,
                        CONFIG_SIZE, config, error);
}

static void
resume_hook (struct vmm_device *device)
{
    struct virtio_net *self = CONTAINER_OF (device, struct virtio_net, virtio.pci.device);

    virtio_resume (device);
    if (self->loaded && link_is_up (self)) {
        self->pulled = true;
        vmm_timer_arm (&self->plug_timer, vmm_clock_now (vmm_device_clock (device)) + UNPLUGGED_NS);
    }
    self->loaded = false;
    update_link (self);
    if (self->net)
        net_resume (self->net);
}

static void
fini_hook (struct vmm_device *device)
{
    struct virtio_net *self = CONTAINER_OF (device, struct virtio_net, virtio.pci.device);

    vmm_timer_disarm (&self->plug_timer);
    if (self->attached)
        net_detach (self->net);
    virtio_fini (device);
}

static int
state_post_load (void *object, struct vmm_error *error)
{
    struct virtio_net *self = object;

    self->loaded = true;
    return 0;
}

static const struct vmm_state_field state_fields[] = {
    VMM_STATE_NESTED (struct virtio_net, virtio, virtio_state),
    VMM_STATE (struct virtio_net, told_up),
};

static const struct vmm_state_table state = {
    .name = "virtio-net",
    .version = 1,
    .fields = state_fields,
    .n_fields = ARRAY_LENGTH (state_fields),
    .post_load = state_post_load,
};

static const struct vmm_key keys[] = {
    PCI_KEY_SLOT,
    {.name = "net",
     .type = VMM_KEY_POINTER,
     .help = "where the cable leads (struct net *); absent: nowhere"},
    {.name = "mac",
     .type = VMM_KEY_STRING,
     .required = true,
     .help = "the card's address, as 52:54:00:12:34:56"},
    {.name = "connected", .type = VMM_KEY_BOOL, .fallback = true, .help = "the cable is in"},
};

const struct vmm_device_class virtio_net_class = {
    .name = "virtio-net",
    .size = sizeof (struct virtio_net),
    .keys = keys,
    .n_keys = ARRAY_LENGTH (keys),
    .state = &state,
    .init = init_hook,
    .reset = virtio_reset,
    .pause = virtio_pause,
    .resume = resume_hook,
    .fini = fini_hook,
};
