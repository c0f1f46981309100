/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The memory balloon (VIRTIO 1.3, 5.5), class "virtio-balloon": pages that the guest puts into it,
 * or reports as free, go back to the host and read as zeroes when they are touched again.
 *
 * Queues. The specification numbers them 0 inflate, 1 deflate, 2 statistics, 3 free page hints, 4
 * free page reports, but drivers that do not use one move those behind it up. Hints are not
 * offered, so both 3 and 4 take reports, and 2 if statistics were declined.
 *
 * Statistics travel the other way round: the driver leaves a filled buffer with us, and fills it
 * anew when it gets it back.
 */
#include "hw/virtio/virtio-balloon.h"

#include <errno.h>

#include "base/util.h"
#include "hw/virtio/virtio.h"

#define PAGE          4096
#define PFNS_PER_READ 256
#define MAX_PFNS      16384 /* in one request: 64 MiB */
#define STAT_SIZE     10
#define MAX_STATS     64 /* in one buffer */
#define KNOWN_STATS   10

/* Feature bits (5.5.3). */
enum {
    FEATURE_STATS = 1 << 1,
    FEATURE_DEFLATE_ON_OOM = 1 << 2,
    FEATURE_REPORTING = 1 << 5,
};

enum {
    QUEUE_INFLATE,
    QUEUE_DEFLATE,
    QUEUE_STATS,
    QUEUES = 5,
};

/* Configuration (5.5.4). */
enum {
    CONFIG_TARGET = 0, /* pages */
    CONFIG_ACTUAL = 4,
    CONFIG_SIZE = 16,
};

struct virtio_balloon {
    struct virtio virtio;    /* first */
    uint32_t target, actual; /* pages */
    bool has_stats_buffer;
    uint16_t stats_head; /* of the request that is the buffer */
    uint64_t stats[KNOWN_STATS];
    uint64_t stats_updated_at;
};

extern const struct vmm_device_class virtio_balloon_class;

static struct virtio_balloon *
from_virtio (struct virtio *virtio)
{
    return CONTAINER_OF (virtio, struct virtio_balloon, virtio);
}

static void
fill_configuration (struct virtio_balloon *self)
{
    store_le32 (self->virtio.config + CONFIG_TARGET, self->target);
    store_le32 (self->virtio.config + CONFIG_ACTUAL, self->actual);
}

static void
give_back (struct virtio *virtio, uint64_t address, uint64_t length)
{
    struct vmm_memory *memory = vmm_device_memory (&virtio->pci.device);
    int r = vmm_memory_discard (memory, address, length);

    if (r < 0 && virtio_may_warn (virtio))
        vmm_device_warn (&virtio->pci.device, "cannot give back %llu bytes at %#llx (error %d)",
                         (unsigned long long) length, (unsigned long long) address, -r);
}

/* Gives back @n pages, neighbours together: drivers hand them out in runs, up or down. */
static void
give_back_pages (struct virtio *virtio, const uint8_t *pfns, size_t n)
{
    uint64_t start = 0, length = 0;

    for (size_t i = 0; i < n; i++) {
        uint64_t pfn = load_le32 (pfns + 4 * i);

        if (length && pfn == start + length) {
            length++;
        } else if (length && pfn + 1 == start) {
            start = pfn;
            length++;
        } else {
            if (length)
                give_back (virtio, start * PAGE, length * PAGE);
            start = pfn;
            length = 1;
        }
    }
    if (length)
        give_back (virtio, start * PAGE, length * PAGE);
}

static bool
serve_inflate (struct virtio *virtio, unsigned queue, struct virtq_chain *chain)
{
    uint8_t pfns[4 * PFNS_PER_READ];
    uint64_t offset = 0;

    if (chain->readable_size > 4 * MAX_PFNS) {
        virtio_break (virtio, "put more pages into one request than any driver does");
        return false;
    }
    while (offset < chain->readable_size) {
        size_t length =
            virtq_copy_from (chain->readable, chain->n_readable, offset, pfns, sizeof pfns);

        give_back_pages (virtio, pfns, length / 4);
        offset += sizeof pfns;
    }
    virtio_push (virtio, queue, chain->head, 0);
    return true;
}

/* Pages come back by themselves when the guest touches them. */
static bool
serve_deflate (struct virtio *virtio, unsigned queue, struct virtq_chain *chain)
{
    virtio_push (virtio, queue, chain->head, 0);
    return true;
}

static bool
serve_report (struct virtio *virtio, unsigned queue, struct virtq_chain *chain)
{
    const uint64_t *addresses = chain->address + chain->n_readable;

    for (unsigned i = 0; i < chain->n_writable; i++) {
        uint64_t start = align_up (addresses[i], PAGE);
        uint64_t end = align_down (addresses[i] + chain->writable[i].iov_len, PAGE);

        if (start < end)
            give_back (virtio, start, end - start);
    }
    virtio_push (virtio, queue, chain->head, 0);
    return true;
}

/* Statistics (5.5.6.3): packed u16 tag, u64 value. */
static void
read_stats (struct virtio_balloon *self, const struct virtq_chain *chain)
{
    for (unsigned i = 0; i < MAX_STATS; i++) {
        uint8_t raw[STAT_SIZE];
        uint16_t tag;

        if (virtq_copy_from (chain->readable, chain->n_readable, (uint64_t) i * STAT_SIZE, raw,
                             sizeof raw) < sizeof raw)
            break;
        tag = load_le16 (raw);
        if (tag < KNOWN_STATS)
            self->stats[tag] = load_le64 (raw + 2);
    }
    self->stats_updated_at =
        MAX_OF (vmm_clock_now (vmm_device_clock (&self->virtio.pci.device)), UINT64_C (1));
}

static void
return_stats_buffer (struct virtio_balloon *self)
{
    if (!self->has_stats_buffer || !virtio_is_live (&self->virtio))
        return;
    self->has_stats_buffer = false;
    virtio_push (&self->virtio, QUEUE_STATS, self->stats_head, 0);
    virtio_signal (&self->virtio, QUEUE_STATS);
}

static bool
serve_stats (struct virtio *virtio, unsigned queue, struct virtq_chain *chain)
{
    struct virtio_balloon *self = from_virtio (virtio);

    read_stats (self, chain);
    /* One buffer is all there should be; should there be more, the older goes back. */
    if (self->has_stats_buffer)
        virtio_push (virtio, queue, self->stats_head, 0);
    self->has_stats_buffer = true;
    self->stats_head = chain->head;
    return true;
}

static void
notify (struct virtio *virtio, unsigned queue)
{
    switch (queue) {
    case QUEUE_INFLATE: virtio_serve (virtio, queue, serve_inflate); break;
    case QUEUE_DEFLATE: virtio_serve (virtio, queue, serve_deflate); break;
    case QUEUE_STATS:
        if (virtio_has_feature (virtio, FEATURE_STATS)) {
            virtio_serve (virtio, queue, serve_stats);
            break;
        }
        /* fall through */
    default:
        if (virtio_has_feature (virtio, FEATURE_REPORTING))
            virtio_serve (virtio, queue, serve_report);
        break;
    }
}

/* The only field that a driver writes: how many pages it has given. */
static void
config_write (struct virtio *virtio, unsigned offset, unsigned size, uint32_t value)
{
    struct virtio_balloon *self = from_virtio (virtio);

    if (offset != CONFIG_ACTUAL || size != 4)
        return;
    self->actual = value;
    fill_configuration (self);
}

static void
type_reset (struct virtio *virtio)
{
    struct virtio_balloon *self = from_virtio (virtio);

    /* The target is the host's, and holds for the next driver, too. */
    self->actual = 0;
    self->has_stats_buffer = false;
    self->stats_head = 0;
    self->stats_updated_at = 0;
    for (unsigned i = 0; i < KNOWN_STATS; i++)
        self->stats[i] = UINT64_MAX;
    fill_configuration (self);
}

static const struct virtio_type balloon_type = {
    .id = 5,
    .class_code = 0x00FF00,
    .notify = notify,
    .config_write = config_write,
    .reset = type_reset,
};

int
virtio_balloon_set_target (struct vmm_device *device, uint64_t bytes)
{
    struct virtio_balloon *self = CONTAINER_OF (device, struct virtio_balloon, virtio.pci.device);
    struct vmm_memory *memory;
    uint64_t all;

    if (device->device_class != &virtio_balloon_class)
        return -EINVAL;
    memory = vmm_device_memory (device);
    all = vmm_memory_low_size (memory) + vmm_memory_high_size (memory);
    pthread_mutex_lock (&device->lock);
    self->target = (uint32_t) (MIN_OF (bytes, all) / PAGE);
    fill_configuration (self);
    virtio_config_changed (&self->virtio);
    pthread_mutex_unlock (&device->lock);
    return 0;
}

int
virtio_balloon_get_stats (struct vmm_device *device, struct virtio_balloon_stats *ret_stats)
{
    struct virtio_balloon *self = CONTAINER_OF (device, struct virtio_balloon, virtio.pci.device);

    if (device->device_class != &virtio_balloon_class)
        return -EINVAL;
    pthread_mutex_lock (&device->lock);
    *ret_stats = (struct virtio_balloon_stats) {
        .target = (uint64_t) self->target * PAGE,
        .actual = (uint64_t) self->actual * PAGE,
        .swap_in = self->stats[0],
        .swap_out = self->stats[1],
        .major_faults = self->stats[2],
        .minor_faults = self->stats[3],
        .free = self->stats[4],
        .total = self->stats[5],
        .available = self->stats[6],
        .disk_caches = self->stats[7],
        .huge_page_allocations = self->stats[8],
        .huge_page_failures = self->stats[9],
        .updated_at = self->stats_updated_at,
    };
    return_stats_buffer (self);
    pthread_mutex_unlock (&device->lock);
    return 0;
}

static int
init_hook (struct vmm_device *device, const struct vmm_device_config *config,
           struct vmm_error *error)
{
    struct virtio_balloon *self = CONTAINER_OF (device, struct virtio_balloon, virtio.pci.device);

    return virtio_init (&self->virtio, &balloon_type,
                        FEATURE_STATS | FEATURE_DEFLATE_ON_OOM | FEATURE_REPORTING, QUEUES,
                        CONFIG_SIZE, config, error);
}

static int
state_post_load (void *object, struct vmm_error *error)
{
    struct virtio_balloon *self = object;

    fill_configuration (self);
    return 0;
}

static const struct vmm_state_field state_fields[] = {
    VMM_STATE_NESTED (struct virtio_balloon, virtio, virtio_state),
    VMM_STATE (struct virtio_balloon, target),
    VMM_STATE (struct virtio_balloon, actual),
    VMM_STATE (struct virtio_balloon, has_stats_buffer),
    VMM_STATE (struct virtio_balloon, stats_head),
};

static const struct vmm_state_table state = {
    .name = "virtio-balloon",
    .version = 1,
    .fields = state_fields,
    .n_fields = ARRAY_LENGTH (state_fields),
    .post_load = state_post_load,
};

static const struct vmm_key keys[] = {
    PCI_KEY_SLOT,
};

const struct vmm_device_class virtio_balloon_class = {
    .name = "virtio-balloon",
    .size = sizeof (struct virtio_balloon),
    .keys = keys,
    .n_keys = ARRAY_LENGTH (keys),
    .state = &state,
    .init = init_hook,
    .reset = virtio_reset,
    .pause = virtio_pause,
    .resume = virtio_resume,
    .fini = virtio_fini,
};
