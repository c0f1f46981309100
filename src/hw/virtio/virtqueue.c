/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Layout (VIRTIO 1.3, 2.7; all little-endian), for a queue of n entries:
 *
 *   descriptor table, 16-aligned, 16 n bytes: { u64 address, u32 length, u16 flags, u16 next }
 *   available ring, 2-aligned, 6 + 2 n bytes:  u16 flags, u16 index, u16 heads[n], u16 used_event
 *   used ring, 4-aligned, 6 + 8 n bytes:       u16 flags, u16 index, { u32 head, u32 length }[n],
 *                                              u16 avail_event
 *
 * Ordering. The driver publishes heads by its index, we read that with acquire; we publish used
 * entries by ours, with release. Whether to interrupt (or, for the driver, to kick) is a
 * store-then-load question on both sides: each stores its index, then looks at what the other asked
 * for, so a full fence stands between the two.
 *
 * Trust. Ring fields are read with single atomic loads into locals, so that a value cannot change
 * between check and use. Chains end at max_size descriptors, which also ends every loop; a driver
 * that publishes more than the queue holds, or the same head over and over while we work on it, is
 * found by the two counts checked in virtqueue_pop ().
 */
#include "hw/virtio/virtqueue.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "base/util.h"

#define DESCRIPTOR_SIZE 16

enum {
    DESCRIPTOR_NEXT = 1 << 0,
    DESCRIPTOR_WRITE = 1 << 1,
    DESCRIPTOR_INDIRECT = 1 << 2,
};

enum {
    AVAILABLE_NO_INTERRUPT = 1 << 0,
    USED_NO_KICK = 1 << 0,
};

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

/* A descriptor table: the queue's own or an indirect one. */
struct table {
    const uint8_t *base;
    uint32_t n_entries;
};

static uint16_t
load16 (const uint8_t *from)
{
    return le16toh (__atomic_load_n ((const uint16_t *) (const void *) from, __ATOMIC_RELAXED));
}

static uint16_t
load16_acquire (const uint8_t *from)
{
    return le16toh (__atomic_load_n ((const uint16_t *) (const void *) from, __ATOMIC_ACQUIRE));
}

static void
store16 (uint8_t *to, uint16_t value)
{
    __atomic_store_n ((uint16_t *) (void *) to, htole16 (value), __ATOMIC_RELAXED);
}

static void
store16_release (uint8_t *to, uint16_t value)
{
    __atomic_store_n ((uint16_t *) (void *) to, htole16 (value), __ATOMIC_RELEASE);
}

static void
store32 (uint8_t *to, uint32_t value)
{
    __atomic_store_n ((uint32_t *) (void *) to, htole32 (value), __ATOMIC_RELAXED);
}

/* Indirect tables need no alignment, so a descriptor is copied as bytes; the fence keeps the
 * compiler from reading guest memory a second time. */
static struct descriptor
load_descriptor (const struct table *table, uint32_t index)
{
    uint8_t raw[DESCRIPTOR_SIZE];

    memcpy (raw, table->base + (size_t) index * DESCRIPTOR_SIZE, sizeof raw);
    __asm__ __volatile__ ("" : : "r"(raw) : "memory");
    return (struct descriptor) {
        .address = load_le64 (raw),
        .length = load_le32 (raw + 8),
        .flags = load_le16 (raw + 12),
        .next = load_le16 (raw + 14),
    };
}

static uint8_t *
available_index (const struct virtqueue *queue)
{
    return queue->available_ring + 2;
}

static uint8_t *
used_event (const struct virtqueue *queue)
{
    return queue->available_ring + 4 + 2 * (size_t) queue->size;
}

static uint8_t *
available_event (const struct virtqueue *queue)
{
    return queue->used_ring + 4 + 8 * (size_t) queue->size;
}

/* Adds one buffer to @chain, whose readable ones must all come first (VIRTIO 1.3, 2.7.4.2). */
static int
add_buffer (const struct virtqueue *queue, struct virtq_chain *chain,
            const struct descriptor *descriptor)
{
    unsigned n = chain->n_readable + chain->n_writable;
    void *pointer;

    if (chain->readable_size + chain->writable_size + descriptor->length > UINT32_MAX)
        return -EMSGSIZE;
    if (!(descriptor->flags & DESCRIPTOR_WRITE) && chain->n_writable)
        return -EPROTO;
    if (!descriptor->length)
        return 0;
    pointer = vmm_memory_pointer (queue->memory, descriptor->address, descriptor->length);
    if (!pointer)
        return -EFAULT;
    chain->iov[n] = (struct iovec) {.iov_base = pointer, .iov_len = descriptor->length};
    chain->address[n] = descriptor->address;
    if (descriptor->flags & DESCRIPTOR_WRITE) {
        chain->n_writable++;
        chain->writable_size += descriptor->length;
    } else {
        chain->n_readable++;
        chain->readable_size += descriptor->length;
    }
    return 0;
}

/* Turns to the table that @descriptor points at; nothing may follow it (2.7.5.3.1). */
static int
enter_indirect (const struct virtqueue *queue, const struct descriptor *descriptor,
                struct table *table)
{
    if (descriptor->flags & DESCRIPTOR_NEXT)
        return -EPROTO;
    if (!descriptor->length || descriptor->length % DESCRIPTOR_SIZE)
        return -EPROTO;
    table->n_entries = descriptor->length / DESCRIPTOR_SIZE;
    table->base = vmm_memory_pointer (queue->memory, descriptor->address, descriptor->length);
    return table->base ? 0 : -EFAULT;
}

int
virtqueue_parse (struct virtqueue *queue, uint16_t head, struct virtq_chain *chain)
{
    struct table table = {queue->descriptor_table, queue->size};
    uint32_t index = head;
    bool indirect = false;
    unsigned n = 0;
    int r;

    if (!queue->enabled)
        return -ERANGE;
    chain->head = head;
    chain->n_readable = chain->n_writable = 0;
    chain->readable_size = chain->writable_size = 0;
    for (;;) {
        struct descriptor descriptor;

        if (index >= table.n_entries)
            return -ERANGE;
        descriptor = load_descriptor (&table, index);
        if (descriptor.flags & DESCRIPTOR_INDIRECT) {
            r = indirect ? -EPROTO : enter_indirect (queue, &descriptor, &table);
            if (r < 0)
                return r;
            indirect = true;
            index = 0;
            continue;
        }
        /* The descriptor that names the indirect table does not count: drivers fill it up. */
        if (n++ == queue->max_size)
            return -ELOOP;
        r = add_buffer (queue, chain, &descriptor);
        if (r < 0)
            return r;
        if (!(descriptor.flags & DESCRIPTOR_NEXT)) {
            chain->readable = chain->iov;
            chain->writable = chain->iov + chain->n_readable;
            return 1;
        }
        index = descriptor.next;
    }
}

int
virtqueue_pop (struct virtqueue *queue, struct virtq_chain *chain)
{
    uint16_t index, waiting, head;
    int r;

    if (!queue->enabled)
        return 0;
    index = load16_acquire (available_index (queue));
    waiting = (uint16_t) (index - queue->next_available);
    if (!waiting)
        return 0;
    if (waiting > queue->size || queue->in_flight >= queue->size)
        return -EOVERFLOW;
    head = load16 (queue->available_ring + 4 +
                   2 * (size_t) (queue->next_available & (queue->size - 1)));
    if (head >= queue->size)
        return -ERANGE;
    r = virtqueue_parse (queue, head, chain);
    if (r < 0)
        return r;
    queue->next_available++;
    queue->in_flight++;
    return 1;
}

void
virtqueue_push_all (struct virtqueue *queue, const struct virtq_used *used, unsigned n)
{
    if (!queue->enabled)
        return;
    for (unsigned i = 0; i < n; i++) {
        size_t position = queue->next_used++ & (queue->size - 1);
        uint8_t *entry = queue->used_ring + 4 + 8 * position;

        store32 (entry, used[i].head);
        store32 (entry + 4, used[i].length);
        if (queue->in_flight)
            queue->in_flight--;
    }
    store16_release (queue->used_ring + 2, queue->next_used);
}

void
virtqueue_push (struct virtqueue *queue, uint16_t head, uint32_t length)
{
    virtqueue_push_all (queue, &(struct virtq_used) {head, length}, 1);
}

void
virtqueue_unpop (struct virtqueue *queue, unsigned n)
{
    queue->next_available = (uint16_t) (queue->next_available - n);
    queue->in_flight = (uint16_t) (queue->in_flight - n);
}

bool
virtqueue_should_signal (struct virtqueue *queue)
{
    uint16_t last = queue->last_signalled;
    uint16_t event;

    if (!queue->enabled)
        return false;
    __atomic_thread_fence (__ATOMIC_SEQ_CST);
    queue->last_signalled = queue->next_used;
    if (last == queue->next_used)
        return false;
    if (!queue->event_index)
        return !(load16 (queue->available_ring) & AVAILABLE_NO_INTERRUPT);
    /* 2.7.7: signal if used_event lies in [last, next_used). */
    event = load16 (used_event (queue));
    return (uint16_t) (queue->next_used - event - 1) < (uint16_t) (queue->next_used - last);
}

void
virtqueue_suppress_kicks (struct virtqueue *queue)
{
    /* With event indices an avail_event left behind already says that none is wanted. */
    if (queue->enabled && !queue->event_index)
        store16 (queue->used_ring, USED_NO_KICK);
}

bool
virtqueue_allow_kicks (struct virtqueue *queue)
{
    if (!queue->enabled)
        return false;
    if (queue->event_index)
        store16 (available_event (queue), queue->next_available);
    else
        store16 (queue->used_ring, 0);
    __atomic_thread_fence (__ATOMIC_SEQ_CST);
    return load16_acquire (available_index (queue)) != queue->next_available;
}

void
virtqueue_reset (struct virtqueue *queue)
{
    uint16_t max_size = queue->max_size;

    *queue = (struct virtqueue) {.max_size = max_size, .size = max_size, .vector = 0xFFFF};
}

int
virtqueue_enable (struct virtqueue *queue, struct vmm_memory *memory)
{
    size_t size = queue->size;

    if (!is_power_of_two (size) || size > queue->max_size)
        return -EINVAL;
    if (queue->descriptors % 16 || queue->driver % 2 || queue->device % 4)
        return -EINVAL;
    queue->memory = memory;
    queue->descriptor_table =
        vmm_memory_pointer (memory, queue->descriptors, DESCRIPTOR_SIZE * size);
    queue->available_ring = vmm_memory_pointer (memory, queue->driver, 6 + 2 * size);
    queue->used_ring = vmm_memory_pointer (memory, queue->device, 6 + 8 * size);
    if (!queue->descriptor_table || !queue->available_ring || !queue->used_ring)
        return -EFAULT;
    queue->last_signalled = queue->next_used;
    queue->enabled = true;
    return 0;
}

static size_t
copy (const struct iovec *iov, unsigned n, uint64_t offset, void *out, const void *in,
      size_t length)
{
    size_t done = 0;

    for (unsigned i = 0; i < n && done < length; i++) {
        size_t part;

        if (offset >= iov[i].iov_len) {
            offset -= iov[i].iov_len;
            continue;
        }
        part = MIN_OF (iov[i].iov_len - offset, length - done);
        if (out)
            memcpy ((uint8_t *) out + done, (const uint8_t *) iov[i].iov_base + offset, part);
        else
            memcpy ((uint8_t *) iov[i].iov_base + offset, (const uint8_t *) in + done, part);
        done += part;
        offset = 0;
    }
    return done;
}

size_t
virtq_copy_from (const struct iovec *iov, unsigned n, uint64_t offset, void *buffer, size_t length)
{
    return copy (iov, n, offset, buffer, NULL, length);
}

size_t
virtq_copy_to (const struct iovec *iov, unsigned n, uint64_t offset, const void *buffer,
               size_t length)
{
    return copy (iov, n, offset, NULL, buffer, length);
}

void
virtq_trim_front (struct iovec **iov, unsigned *n, uint64_t length)
{
    while (*n && length >= (*iov)->iov_len) {
        length -= (*iov)->iov_len;
        (*iov)++;
        (*n)--;
    }
    if (*n && length) {
        (*iov)->iov_base = (uint8_t *) (*iov)->iov_base + length;
        (*iov)->iov_len -= length;
    }
}

void
virtq_trim_back (struct iovec *iov, unsigned *n, uint64_t length)
{
    while (*n && length >= iov[*n - 1].iov_len) {
        length -= iov[*n - 1].iov_len;
        (*n)--;
    }
    if (*n)
        iov[*n - 1].iov_len -= length;
}

static const struct vmm_state_field virtqueue_fields[] = {
    VMM_STATE (struct virtqueue, size),           VMM_STATE (struct virtqueue, vector),
    VMM_STATE (struct virtqueue, descriptors),    VMM_STATE (struct virtqueue, driver),
    VMM_STATE (struct virtqueue, device),         VMM_STATE (struct virtqueue, enabled),
    VMM_STATE (struct virtqueue, next_available), VMM_STATE (struct virtqueue, next_used),
    VMM_STATE (struct virtqueue, in_flight),
};

const struct vmm_state_table virtqueue_state = {
    .name = "virtqueue",
    .version = 1,
    .fields = virtqueue_fields,
    .n_fields = ARRAY_LENGTH (virtqueue_fields),
};
