/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disk (VIRTIO 1.3, 5.2), class "virtio-blk". A request is a 16-byte header that we read, data,
 * and a last byte that we write the status into; where buffers begin and end means nothing.
 *
 * A kick takes every waiting request, hands each to the block layer and lets that start them
 * together. Completions of one turn of the loop share an interrupt: each gives its request back,
 * and a timer that is due at once, so runs after all of them, signals.
 *
 * When the host is out of space, nothing may be lost: the request is kept, by its head only, the
 * machine is asked to pause, and on resume the request is read from the guest's ring once more.
 * This makes kept requests saved state like any other.
 *
 * A driver that did not negotiate flushing expects a completed write to be safe (5.2.6.2), so its
 * writes are followed by a flush.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "block/block.h"
#include "hw/virtio/virtio.h"

#define SECTOR           512
#define MAX_QUEUES       16
#define DEFAULT_QUEUES   4
#define SERIAL_SIZE      20
#define HEADER_SIZE      16
#define RANGE_SIZE       16
#define MAX_RANGES       16
#define MAX_RANGE_SECTOR (2 * GIB / SECTOR) /* in one range of a discard or write-zeroes */
#define MAX_KEPT         (MAX_QUEUES * VIRTIO_DEFAULT_QUEUE_SIZE)

/* Feature bits (5.2.3). */
enum {
    FEATURE_SEG_MAX = 1 << 2,
    FEATURE_RO = 1 << 5,
    FEATURE_BLK_SIZE = 1 << 6,
    FEATURE_FLUSH = 1 << 9,
    FEATURE_TOPOLOGY = 1 << 10,
    FEATURE_MQ = 1 << 12,
    FEATURE_DISCARD = 1 << 13,
    FEATURE_WRITE_ZEROES = 1 << 14,
};

/* Configuration (5.2.4). */
enum {
    CONFIG_CAPACITY = 0,
    CONFIG_SEG_MAX = 12,
    CONFIG_BLK_SIZE = 20,
    CONFIG_PHYSICAL_EXPONENT = 24,
    CONFIG_MIN_IO_SIZE = 26,
    CONFIG_OPT_IO_SIZE = 28,
    CONFIG_NUM_QUEUES = 34,
    CONFIG_MAX_DISCARD_SECTORS = 36,
    CONFIG_MAX_DISCARD_SEG = 40,
    CONFIG_DISCARD_ALIGNMENT = 44,
    CONFIG_MAX_WRITE_ZEROES_SECTORS = 48,
    CONFIG_MAX_WRITE_ZEROES_SEG = 52,
    CONFIG_WRITE_ZEROES_MAY_UNMAP = 56,
    CONFIG_SIZE = 60,
};

/* Requests (5.2.6). */
enum {
    TYPE_IN = 0,
    TYPE_OUT = 1,
    TYPE_FLUSH = 4,
    TYPE_GET_ID = 8,
    TYPE_DISCARD = 11,
    TYPE_WRITE_ZEROES = 13,
};
enum {
    STATUS_OK = 0,
    STATUS_IOERR = 1,
    STATUS_UNSUPP = 2,
};
enum {
    RANGE_UNMAP = 1 << 0,
};

struct virtio_blk {
    struct virtio virtio; /* first */
    struct blk *blk;
    bool attached;
    unsigned n_queues;
    char serial[SERIAL_SIZE + 1];
    struct vmm_timer signal_timer;
    uint32_t to_signal;      /* bit for each queue with completions that nobody was told of */
    uint32_t kept[MAX_KEPT]; /* queue << 16 | head */
    uint32_t n_kept;
};

struct range {
    uint64_t offset, length; /* bytes */
    bool may_unmap;
};

/* One request at the block layer. */
struct job {
    struct virtio_blk *disk;
    struct blk_request request;
    uint16_t queue, head;
    uint8_t *status; /* where the status byte goes, in guest memory */
    uint32_t type;
    uint32_t written; /* bytes of data that a success leaves in guest memory */
    bool flushing;    /* the write is done, the flush that makes it safe is not */
    unsigned n_ranges, next_range;
    struct range ranges[MAX_RANGES];
    struct iovec iov[]; /* n_iov */
};

/* What the parts of a request are, once it was taken apart. */
struct parts {
    uint32_t type;
    uint64_t sector;
    struct iovec *out, *in; /* data to and from the disk: without header and status */
    unsigned n_out, n_in;
    uint64_t out_size, in_size;
    uint8_t *status;
};

static struct virtio_blk *
from_virtio (struct virtio *virtio)
{
    return CONTAINER_OF (virtio, struct virtio_blk, virtio);
}

/* False if there is no room for header and status: such a request cannot even be answered. */
static bool
take_apart (struct virtq_chain *chain, struct parts *parts)
{
    uint8_t header[HEADER_SIZE];
    struct iovec *last;

    if (chain->readable_size < HEADER_SIZE || !chain->n_writable)
        return false;
    virtq_copy_from (chain->readable, chain->n_readable, 0, header, sizeof header);
    parts->type = load_le32 (header);
    parts->sector = load_le64 (header + 8);

    parts->out = chain->readable;
    parts->n_out = chain->n_readable;
    parts->out_size = chain->readable_size - HEADER_SIZE;
    virtq_trim_front (&parts->out, &parts->n_out, HEADER_SIZE);

    last = &chain->writable[chain->n_writable - 1];
    parts->status = (uint8_t *) last->iov_base + last->iov_len - 1;
    parts->in = chain->writable;
    parts->n_in = chain->n_writable;
    parts->in_size = chain->writable_size - 1;
    virtq_trim_back (parts->in, &parts->n_in, 1);
    return true;
}

static void
answer (struct virtio_blk *self, unsigned queue, uint16_t head, uint8_t *status, uint8_t value,
        uint32_t written)
{
    __atomic_store_n (status, value, __ATOMIC_RELAXED);
    virtio_push (&self->virtio, queue, head, written + 1);
}

static void
keep (struct virtio_blk *self, unsigned queue, uint16_t head)
{
    char reason[400];

    /* The queues cannot hold more requests than there is room for; the first one asks for all. */
    if (self->n_kept == MAX_KEPT)
        return;
    self->kept[self->n_kept++] = (uint32_t) queue << 16 | head;
    if (self->n_kept > 1)
        return;
    snprintf (reason, sizeof reason, "no space left for %s", blk_get_path (self->blk));
    vmm_device_request_pause (&self->virtio.pci.device, reason);
}

static void
signal_timer_cb (void *data)
{
    struct virtio_blk *self = data;
    uint32_t queues = self->to_signal;

    self->to_signal = 0;
    for (unsigned i = 0; i < self->n_queues; i++)
        if (queues >> i & 1)
            virtio_signal (&self->virtio, i);
}

/*
 * Signals together with what else completes in this turn of the loop; the last request under way
 * signals at once, because nobody may be left waiting when the device counts as idle and is saved.
 */
static void
signal_soon (struct virtio_blk *self, unsigned queue)
{
    bool is_last = self->virtio.in_flight == 1;

    if (!self->to_signal && !is_last)
        vmm_timer_arm (&self->signal_timer, 0);
    self->to_signal |= 1u << queue;
    if (is_last) {
        vmm_timer_disarm (&self->signal_timer);
        signal_timer_cb (self);
    }
}

/* What is left to do of @job goes to the block layer; false if nothing is left. */
static bool
submit_rest (struct job *job)
{
    struct virtio_blk *self = job->disk;

    if (job->next_range < job->n_ranges) {
        const struct range *range = &job->ranges[job->next_range++];

        job->request.offset = range->offset;
        job->request.length = range->length;
        job->request.may_unmap = range->may_unmap;
    } else if (job->type == TYPE_OUT && !job->flushing &&
               !virtio_has_feature (&self->virtio, FEATURE_FLUSH)) {
        job->flushing = true;
        job->request.operation = BLK_FLUSH;
        job->request.offset = job->request.length = 0;
        job->request.iov = NULL;
        job->request.n_iov = 0;
    } else {
        return false;
    }
    blk_submit (self->blk, &job->request);
    return true;
}

static void
finish (struct job *job, int result)
{
    struct virtio_blk *self = job->disk;
    struct virtio *virtio = &self->virtio;

    if (result == -ENOSPC && !virtio->resetting) {
        keep (self, job->queue, job->head);
    } else {
        /* The block layer has logged it. */
        answer (self, job->queue, job->head, job->status, result < 0 ? STATUS_IOERR : STATUS_OK,
                result < 0 ? 0 : job->written);
        signal_soon (self, job->queue);
    }
    free (job);
    virtio_end (virtio);
}

static void
complete_cb (struct blk_request *request, int result)
{
    struct job *job = request->data;
    struct virtio_blk *self = job->disk;
    pthread_mutex_t *lock = &self->virtio.pci.device.lock;

    pthread_mutex_lock (lock);
    if (result >= 0 && submit_rest (job))
        blk_kick (self->blk);
    else
        finish (job, result);
    pthread_mutex_unlock (lock);
}

static struct job *
new_job (struct virtio_blk *self, unsigned queue, uint16_t head, const struct parts *parts,
         const struct iovec *iov, unsigned n_iov)
{
    struct job *job = calloc (1, sizeof *job + n_iov * sizeof *iov);

    if (!job)
        return NULL;
    job->disk = self;
    job->queue = (uint16_t) queue;
    job->head = head;
    job->status = parts->status;
    job->type = parts->type;
    if (n_iov)
        memcpy (job->iov, iov, n_iov * sizeof *iov);
    job->request.iov = n_iov ? job->iov : NULL;
    job->request.n_iov = n_iov;
    job->request.complete = complete_cb;
    job->request.data = job;
    return job;
}

static void
submit (struct job *job)
{
    virtio_begin (&job->disk->virtio);
    blk_submit (job->disk->blk, &job->request);
}

/* Everything below that takes a request apart returns the status to answer at once with, or
 * SUBMITTED. */
#define SUBMITTED (-1)

static int
start_transfer (struct virtio_blk *self, unsigned queue, uint16_t head, const struct parts *parts)
{
    bool is_write = parts->type == TYPE_OUT;
    uint64_t size = is_write ? parts->out_size : parts->in_size;
    uint64_t capacity = blk_get_info (self->blk)->size / SECTOR;
    struct job *job;

    if (is_write && blk_get_info (self->blk)->read_only)
        return STATUS_IOERR;
    if (!size || size % SECTOR || !range_fits (parts->sector, size / SECTOR, capacity))
        return STATUS_IOERR;
    job = is_write ? new_job (self, queue, head, parts, parts->out, parts->n_out)
                   : new_job (self, queue, head, parts, parts->in, parts->n_in);
    if (!job)
        return STATUS_IOERR;
    job->request.operation = is_write ? BLK_WRITE : BLK_READ;
    job->request.offset = parts->sector * SECTOR;
    job->request.length = size;
    job->written = is_write ? 0 : (uint32_t) size;
    submit (job);
    return SUBMITTED;
}

static int
start_flush (struct virtio_blk *self, unsigned queue, uint16_t head, const struct parts *parts)
{
    struct job *job = new_job (self, queue, head, parts, NULL, 0);

    if (!job)
        return STATUS_IOERR;
    job->request.operation = BLK_FLUSH;
    submit (job);
    return SUBMITTED;
}

/* One range (5.2.6: u64 sector, u32 count, u32 flags). */
static int
parse_range (struct virtio_blk *self, const struct parts *parts, unsigned index,
             struct range *range)
{
    uint64_t capacity = blk_get_info (self->blk)->size / SECTOR, sector;
    uint32_t allowed = parts->type == TYPE_WRITE_ZEROES ? RANGE_UNMAP : 0, n_sectors, flags;
    uint8_t raw[RANGE_SIZE];

    virtq_copy_from (parts->out, parts->n_out, (uint64_t) index * RANGE_SIZE, raw, sizeof raw);
    sector = load_le64 (raw);
    n_sectors = load_le32 (raw + 8);
    flags = load_le32 (raw + 12);
    if (flags & ~allowed)
        return STATUS_UNSUPP;
    if (n_sectors > MAX_RANGE_SECTOR || !range_fits (sector, n_sectors, capacity))
        return STATUS_IOERR;
    range->offset = sector * SECTOR;
    range->length = (uint64_t) n_sectors * SECTOR;
    range->may_unmap = parts->type == TYPE_DISCARD || (flags & RANGE_UNMAP);
    return STATUS_OK;
}

static int
start_ranges (struct virtio_blk *self, unsigned queue, uint16_t head, const struct parts *parts)
{
    struct job *job;

    if (blk_get_info (self->blk)->read_only)
        return STATUS_IOERR;
    if (!parts->out_size || parts->out_size % RANGE_SIZE ||
        parts->out_size > MAX_RANGES * RANGE_SIZE)
        return STATUS_IOERR;
    job = new_job (self, queue, head, parts, NULL, 0);
    if (!job)
        return STATUS_IOERR;
    for (unsigned i = 0; i < parts->out_size / RANGE_SIZE; i++) {
        int status = parse_range (self, parts, i, &job->ranges[job->n_ranges]);

        if (status != STATUS_OK) {
            free (job);
            return status;
        }
        if (job->ranges[job->n_ranges].length)
            job->n_ranges++;
    }
    job->request.operation = parts->type == TYPE_DISCARD ? BLK_DISCARD : BLK_WRITE_ZEROES;
    if (!job->n_ranges) {
        free (job);
        return STATUS_OK;
    }
    virtio_begin (&self->virtio);
    submit_rest (job);
    return SUBMITTED;
}

static int
start (struct virtio_blk *self, unsigned queue, uint16_t head, const struct parts *parts,
       uint32_t *ret_written)
{
    switch (parts->type) {
    case TYPE_IN:
    case TYPE_OUT: return start_transfer (self, queue, head, parts);
    case TYPE_FLUSH: return start_flush (self, queue, head, parts);
    case TYPE_DISCARD:
    case TYPE_WRITE_ZEROES: return start_ranges (self, queue, head, parts);
    case TYPE_GET_ID:
        *ret_written =
            (uint32_t) virtq_copy_to (parts->in, parts->n_in, 0, self->serial, SERIAL_SIZE);
        return STATUS_OK;
    default: return STATUS_UNSUPP;
    }
}

static bool
serve (struct virtio *virtio, unsigned queue, struct virtq_chain *chain)
{
    struct virtio_blk *self = from_virtio (virtio);
    struct parts parts;
    uint32_t written = 0;
    int status;

    if (!take_apart (chain, &parts)) {
        virtio_break (virtio, "sent a request without header or status byte");
        return false;
    }
    status = start (self, queue, chain->head, &parts, &written);
    if (status != SUBMITTED)
        answer (self, queue, chain->head, parts.status, (uint8_t) status, written);
    return true;
}

static void
notify (struct virtio *virtio, unsigned queue)
{
    virtio_serve (virtio, queue, serve);
    blk_kick (from_virtio (virtio)->blk);
}

static void
fill_configuration (struct virtio_blk *self)
{
    const struct blk_info *info = blk_get_info (self->blk);
    uint8_t *config = self->virtio.config;
    uint32_t granularity = MAX_OF (info->discard_granularity, SECTOR);
    uint32_t seg_max = MIN_OF (info->max_iov, VIRTIO_DEFAULT_QUEUE_SIZE - 2);

    memset (config, 0, CONFIG_SIZE);
    store_le64 (config + CONFIG_CAPACITY, info->size / SECTOR);
    store_le32 (config + CONFIG_SEG_MAX, MAX_OF (seg_max, 1));
    /* SeaBIOS refuses anything else. */
    store_le32 (config + CONFIG_BLK_SIZE, SECTOR);
    config[CONFIG_PHYSICAL_EXPONENT] = info->physical_block == 4096 ? 3 : 0;
    store_le16 (config + CONFIG_MIN_IO_SIZE, (uint16_t) (info->physical_block / SECTOR));
    store_le16 (config + CONFIG_NUM_QUEUES, (uint16_t) self->n_queues);
    store_le32 (config + CONFIG_MAX_DISCARD_SECTORS, MAX_RANGE_SECTOR);
    store_le32 (config + CONFIG_MAX_DISCARD_SEG, MAX_RANGES);
    store_le32 (config + CONFIG_DISCARD_ALIGNMENT, granularity / SECTOR);
    store_le32 (config + CONFIG_MAX_WRITE_ZEROES_SECTORS, MAX_RANGE_SECTOR);
    store_le32 (config + CONFIG_MAX_WRITE_ZEROES_SEG, MAX_RANGES);
    config[CONFIG_WRITE_ZEROES_MAY_UNMAP] = info->can_discard;
}

static void
type_reset (struct virtio *virtio)
{
    struct virtio_blk *self = from_virtio (virtio);

    vmm_timer_disarm (&self->signal_timer);
    self->to_signal = 0;
    self->n_kept = 0;
    fill_configuration (self);
}

static const struct virtio_type blk_type = {
    .id = 2,
    .class_code = 0x010000,
    .notify = notify,
    .reset = type_reset,
};

static int
init_hook (struct vmm_device *device, const struct vmm_device_config *config,
           struct vmm_error *error)
{
    struct virtio_blk *self = CONTAINER_OF (device, struct virtio_blk, virtio.pci.device);
    const char *serial = vmm_config_string (config, "serial");
    uint64_t features = FEATURE_SEG_MAX | FEATURE_BLK_SIZE | FEATURE_FLUSH | FEATURE_TOPOLOGY |
                        FEATURE_MQ | FEATURE_WRITE_ZEROES;
    const struct blk_info *info;
    int r;

    self->blk = vmm_config_pointer (config, "blk");
    self->n_queues = (unsigned) vmm_config_number (device, config, "queues");
    if (!self->n_queues)
        self->n_queues = MIN_OF (vmm_device_cpu_count (device), DEFAULT_QUEUES);
    if (serial && strlen (serial) > SERIAL_SIZE)
        return vmm_error_set (error, -EINVAL, "%s: the serial number “%s” is longer than %d bytes",
                              device->id, serial, SERIAL_SIZE);
    snprintf (self->serial, sizeof self->serial, "%s", serial ? serial : "");
    vmm_timer_init (&self->signal_timer, vmm_device_loop (device), NULL, &device->lock,
                    signal_timer_cb, self);

    info = blk_get_info (self->blk);
    if (info->read_only)
        features = (features | FEATURE_RO) & ~(uint64_t) FEATURE_WRITE_ZEROES;
    else if (info->can_discard)
        features |= FEATURE_DISCARD;
    r = blk_attach (self->blk, vmm_device_loop (device));
    if (r < 0)
        return vmm_error_set_errno (error, r, "%s: cannot attach %s", device->id,
                                    blk_get_path (self->blk));
    self->attached = true;
    return virtio_init (&self->virtio, &blk_type, features, self->n_queues, CONFIG_SIZE, config,
                        error);
}

/* Requests that the host had no space for get another try. */
static void
resume_hook (struct vmm_device *device)
{
    struct virtio_blk *self = CONTAINER_OF (device, struct virtio_blk, virtio.pci.device);
    uint32_t n_kept = self->n_kept;

    virtio_resume (device);
    /* What this does cannot keep anything: completions only come from the loop. */
    self->n_kept = 0;
    for (uint32_t i = 0; i < n_kept; i++) {
        unsigned queue = self->kept[i] >> 16;
        struct virtq_chain *chain = virtio_parse (&self->virtio, queue, (uint16_t) self->kept[i]);

        if (!chain || !serve (&self->virtio, queue, chain))
            break;
        virtio_signal (&self->virtio, queue);
    }
    blk_kick (self->blk);
}

static void
fini_hook (struct vmm_device *device)
{
    struct virtio_blk *self = CONTAINER_OF (device, struct virtio_blk, virtio.pci.device);

    vmm_timer_disarm (&self->signal_timer);
    virtio_fini (device);
    if (self->attached)
        blk_detach (self->blk);
}

static int
state_post_load (void *object, struct vmm_error *error)
{
    struct virtio_blk *self = object;

    for (uint32_t i = 0; i < self->n_kept; i++)
        if (self->kept[i] >> 16 >= self->n_queues)
            return vmm_error_set (error, -EPROTO, "%s: a kept request names no queue of ours",
                                  self->virtio.pci.device.id);
    return 0;
}

static const struct vmm_state_field state_fields[] = {
    VMM_STATE_NESTED (struct virtio_blk, virtio, virtio_state),
    {
        .name = "kept",
        .type = VMM_FIELD_U32,
        .offset = offsetof (struct virtio_blk, kept),
        .count = MAX_KEPT,
        .size = sizeof (uint32_t),
        .variable = true,
        .count_offset = offsetof (struct virtio_blk, n_kept),
    },
};

static const struct vmm_state_table state = {
    .name = "virtio-blk",
    .version = 1,
    .fields = state_fields,
    .n_fields = ARRAY_LENGTH (state_fields),
    .post_load = state_post_load,
};

static const struct vmm_key keys[] = {
    PCI_KEY_SLOT,
    {.name = "blk", .type = VMM_KEY_POINTER, .required = true, .help = "the image (struct blk *)"},
    {.name = "serial",
     .type = VMM_KEY_STRING,
     .help = "serial number, at most 20 bytes; empty if absent"},
    {.name = "queues",
     .type = VMM_KEY_U64,
     .maximum = MAX_QUEUES,
     .help = "request queues; 0: one for each vCPU up to 4"},
};

const struct vmm_device_class virtio_blk_class = {
    .name = "virtio-blk",
    .size = sizeof (struct virtio_blk),
    .keys = keys,
    .n_keys = ARRAY_LENGTH (keys),
    .state = &state,
    .init = init_hook,
    .reset = virtio_reset,
    .pause = virtio_pause,
    .resume = resume_hook,
    .fini = fini_hook,
};
