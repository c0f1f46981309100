/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads and writes on a virtio disk, 4 KiB at random and 1 MiB in sequence, with one and with 32
 * requests under way. A byte on the serial port begins every series. The guest waits by looking, so
 * that what is measured is the host's part: doorbell, queue, file.
 *
 * With ONCE defined it only writes, each series to a part of the disk of its own, and never twice
 * to the same 64 KiB: every request meets what nobody has written to.
 */
#include "guest.h"
#include "virtio.h"

#define SERIAL    0x3f8
#define MAX_DEPTH 32
#define BUFFERS   0x4000000u /* 1 MiB for each request, from 64 MiB on */
#define DISK_SIZE UINT64_C (0x40000000)
#define CLUSTER   UINT64_C (0x10000)

/* VIRTIO 1.3, 5.2.5: without it every write would have to reach the disk before it completes. */
#define FEATURE_FLUSH (1u << 9)

struct series {
    char name;
    bool is_write, is_random;
    uint32_t size;
    unsigned depth, count; /* bench/disk and bench/qcow2 know the count */
    uint64_t start;
    bool flushes; /* after each one, at depth 1 */
};

static const struct series all_series[] = {
#ifdef ONCE
    /* First, for a flush waits for all that others left behind. */
    {'a', true, true, 4096, 1, 512, 7680 * CLUSTER, true},
    {'b', true, true, 4096, 1, 2048, 0, false},
    {'c', true, true, 4096, 32, 5632, 2048 * CLUSTER, false},
    {'d', true, false, 1 << 20, 1, 256, 8192 * CLUSTER, false},
    {'e', true, false, 1 << 20, 32, 256, 12288 * CLUSTER, false},
#else
    {'a', false, true, 4096, 1, 20000, 0, false},
    {'b', false, true, 4096, 32, 200000, 0, false},
    {'c', true, true, 4096, 1, 20000, 0, false},
    {'d', true, true, 4096, 32, 40000, 0, false},
    {'e', false, false, 1 << 20, 1, 4096, 0, false},
    {'f', false, false, 1 << 20, 32, 4096, 0, false},
    {'g', true, false, 1 << 20, 1, 2048, 0, false},
    {'h', true, false, 1 << 20, 32, 2048, 0, false},
#endif
};

/* VIRTIO 1.3, 5.2.6. */
struct header {
    uint32_t type, reserved;
    uint64_t sector;
};

#ifdef ONCE
#define START 0
#else
#define START 1 /* of random numbers */
#endif

static struct virtio_queue queue;
static struct header headers[MAX_DEPTH];
static volatile uint8_t status[MAX_DEPTH];
static uint16_t next_available;
static uint64_t state;

static uint64_t
next_offset (const struct series *series)
{
    uint64_t blocks = DISK_SIZE / series->size;

#ifdef ONCE
    /* An odd number that no count shares a factor with meets each of them once. */
    if (series->is_random)
        return series->start + state++ * 2654435761u % series->count * CLUSTER;
    return series->start + state++ * series->size;
#endif
    if (!series->is_random)
        return state++ % blocks * series->size;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 20) % blocks * series->size;
}

/* Puts request @slot into the ring; the device learns of it by publish (). */
static void
add (const struct series *series, unsigned slot)
{
    struct virtio_descriptor *chain = &queue.descriptors[3 * slot];

    headers[slot] = (struct header) {series->is_write, 0, next_offset (series) / 512};
    status[slot] = 0xff;
    chain[0] = (struct virtio_descriptor) {(uintptr_t) &headers[slot], sizeof headers[slot],
                                           VIRTIO_NEXT, (uint16_t) (3 * slot + 1)};
    chain[1] = (struct virtio_descriptor) {
        BUFFERS + ((uint64_t) slot << 20), series->size,
        (uint16_t) (VIRTIO_NEXT | (series->is_write ? 0 : VIRTIO_WRITE)),
        (uint16_t) (3 * slot + 2)};
    chain[2] = (struct virtio_descriptor) {(uintptr_t) &status[slot], 1, VIRTIO_WRITE, 0};
    queue.available->ring[next_available++ % VIRTIO_QUEUE_SIZE] = (uint16_t) (3 * slot);
}

/* The same for a flush, VIRTIO 1.3, 5.2.6. */
static void
add_flush (unsigned slot)
{
    struct virtio_descriptor *chain = &queue.descriptors[3 * slot];

    headers[slot] = (struct header) {4, 0, 0};
    status[slot] = 0xff;
    chain[0].next = (uint16_t) (3 * slot + 2);
    queue.available->ring[next_available++ % VIRTIO_QUEUE_SIZE] = (uint16_t) (3 * slot);
}

static void
publish (void)
{
    __asm__ volatile ("" : : : "memory");
    queue.available->index = next_available;
    __asm__ volatile ("mfence" : : : "memory");
    if (!(queue.used->flags & 1))
        write16 (queue.doorbell, 0);
}

static void
run (const struct series *series)
{
    uint16_t seen = queue.used->index;
    unsigned begun = 0, done = 0;
    bool flushing = false;

    out8 (SERIAL, (uint8_t) series->name);
    state = START;
    for (; begun < series->depth; begun++)
        add (series, begun);
    publish ();
    while (done < series->count) {
        uint16_t before = next_available, used = queue.used->index;

        for (; seen != used; seen++) {
            unsigned slot = queue.used->ring[seen % VIRTIO_QUEUE_SIZE].id / 3;

            EXPECT (status[slot], 0);
            flushing = series->flushes && !flushing;
            if (flushing) {
                add_flush (slot);
                continue;
            }
            done++;
            if (begun++ < series->count)
                add (series, slot);
        }
        if (next_available != before)
            publish ();
        else
            __asm__ volatile ("pause");
    }
}

void
payload_main (void)
{
    if (!virtio_start (0x1042, FEATURE_FLUSH, &queue))
        out8 (SERIAL, '-');
    queue.available->flags = 1;
    for (unsigned i = 0; i < sizeof all_series / sizeof all_series[0]; i++)
        run (&all_series[i]);
    out8 (SERIAL, '.');
    /* Somebody looks at what we used. */
    for (unsigned i = 0; i < 100000; i++)
        __asm__ volatile ("pause");
    pci_write (0xf8, 0x40, 4, 0x601);
    pci_write (0xf8, 0x44, 1, 0x80);
    out16 (0x604, 1 << 13);
    for (;;)
        __asm__ volatile ("pause");
}
