/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "virtio-driver.h"

#include "base/util.h"
#include "engine/pci/pci.h"
#include "tap.h"

#define CAPABILITY_VENDOR 0x09
#define CAPABILITY_MSIX   0x11
#define MSIX_BAR          1
#define MSI_ADDRESS       0xFEE00000u
#define MSI_DATA          0x40u

uint64_t
vd_read (struct vd *vd, unsigned offset, unsigned size)
{
    return testbed_read (vd->bed, vd->common + offset, size);
}

void
vd_write (struct vd *vd, unsigned offset, unsigned size, uint64_t value)
{
    testbed_write (vd->bed, vd->common + offset, size, value);
}

uint64_t
vd_read_config (struct vd *vd, unsigned offset, unsigned size)
{
    return testbed_read (vd->bed, vd->config + offset, size);
}

void
vd_write_config (struct vd *vd, unsigned offset, unsigned size, uint64_t value)
{
    testbed_write (vd->bed, vd->config + offset, size, value);
}

static void
find_structures (struct vd *vd)
{
    unsigned at;

    for (unsigned i = 0;
         (at = testbed_pci_capability (vd->bed, vd->devfn, CAPABILITY_VENDOR, i)) != 0; i++) {
        unsigned type = testbed_pci_read (vd->bed, vd->devfn, at + 3, 1);
        unsigned bar = testbed_pci_read (vd->bed, vd->devfn, at + 4, 1);
        uint32_t offset = testbed_pci_read (vd->bed, vd->devfn, at + 8, 4);
        uint64_t address;

        if (type == 5)
            continue;
        address = testbed_pci_bar (vd->bed, vd->devfn, bar) + offset;
        switch (type) {
        case 1: vd->common = address; break;
        case 2:
            vd->notify = address;
            vd->notify_multiplier = testbed_pci_read (vd->bed, vd->devfn, at + 16, 4);
            break;
        case 3: vd->isr = address; break;
        case 4: vd->config = address; break;
        }
    }
}

void
vd_open (struct vd *vd, struct testbed *bed, unsigned type)
{
    int devfn = testbed_pci_find (bed, 0x1AF4, (uint16_t) (0x1040 + type));

    CHECK (devfn >= 0);
    *vd = (struct vd) {.bed = bed, .devfn = (unsigned) devfn, .heap = 1 * MIB};
    if (!testbed_pci_bar (bed, vd->devfn, MSIX_BAR))
        testbed_pci_enable (bed);
    find_structures (vd);
    CHECK (vd->common && vd->notify && vd->isr);
}

uint8_t
vd_status (struct vd *vd)
{
    return (uint8_t) vd_read (vd, VD_STATUS, 1);
}

void
vd_set_status (struct vd *vd, uint8_t status)
{
    vd_write (vd, VD_STATUS, 1, status);
}

uint64_t
vd_offered (struct vd *vd)
{
    uint64_t features;

    vd_write (vd, VD_FEATURE_SELECT, 4, 0);
    features = vd_read (vd, VD_FEATURE, 4);
    vd_write (vd, VD_FEATURE_SELECT, 4, 1);
    return features | vd_read (vd, VD_FEATURE, 4) << 32;
}

bool
vd_negotiate (struct vd *vd, uint64_t features)
{
    vd_set_status (vd, VD_ACKNOWLEDGE);
    vd_set_status (vd, VD_ACKNOWLEDGE | VD_DRIVER);
    vd_write (vd, VD_WANT_SELECT, 4, 0);
    vd_write (vd, VD_WANT, 4, (uint32_t) features);
    vd_write (vd, VD_WANT_SELECT, 4, 1);
    vd_write (vd, VD_WANT, 4, features >> 32);
    vd_set_status (vd, VD_ACKNOWLEDGE | VD_DRIVER | VD_FEATURES_OK);
    vd->features = features;
    return vd_status (vd) & VD_FEATURES_OK;
}

void
vd_enable_msix (struct vd *vd)
{
    unsigned at = testbed_pci_capability (vd->bed, vd->devfn, CAPABILITY_MSIX, 0);
    uint64_t table = testbed_pci_bar (vd->bed, vd->devfn, MSIX_BAR);
    unsigned n_vectors;

    CHECK (at);
    n_vectors = (testbed_pci_read (vd->bed, vd->devfn, at + 2, 2) & 0x7FF) + 1;
    for (unsigned i = 0; i < n_vectors; i++) {
        testbed_write (vd->bed, table + 16 * i, 4, MSI_ADDRESS);
        testbed_write (vd->bed, table + 16 * i + 4, 4, 0);
        testbed_write (vd->bed, table + 16 * i + 8, 4, MSI_DATA + i);
        testbed_write (vd->bed, table + 16 * i + 12, 4, 0);
    }
    testbed_pci_write (vd->bed, vd->devfn, at + 2, 2, 0x8000);
    vd_write (vd, VD_CONFIG_VECTOR, 2, 0);
    vd->msix = true;
}

uint64_t
vd_alloc (struct vd *vd, size_t size, size_t alignment)
{
    uint64_t address = align_up (vd->heap, alignment);

    vd->heap = address + size;
    memset (vd_ram (vd, address, size), 0, size);
    return address;
}

void *
vd_ram (struct vd *vd, uint64_t address, size_t size)
{
    return testbed_ram (vd->bed, address, size);
}

void
vd_enable_queue (struct vd *vd, unsigned number, uint16_t size)
{
    struct vd_queue *queue = &vd->queues[number];

    *queue = (struct vd_queue) {.size = size};
    queue->descriptors = vd_alloc (vd, 16 * (size_t) size, 16);
    queue->available = vd_alloc (vd, 6 + 2 * (size_t) size, 2);
    queue->used = vd_alloc (vd, 6 + 8 * (size_t) size, 4);
    vd_write (vd, VD_QUEUE_SELECT, 2, number);
    vd_write (vd, VD_QUEUE_SIZE, 2, size);
    vd_write (vd, VD_QUEUE_DESC, 8, queue->descriptors);
    vd_write (vd, VD_QUEUE_DRIVER, 8, queue->available);
    vd_write (vd, VD_QUEUE_DEVICE, 8, queue->used);
    if (vd->msix)
        vd_write (vd, VD_QUEUE_VECTOR, 2, number + 1);
    vd_write (vd, VD_QUEUE_ENABLE, 2, 1);
}

void
vd_start (struct vd *vd, uint64_t features, unsigned n_queues, uint16_t size, bool msix)
{
    vd_set_status (vd, 0);
    CHECK_EQUAL (vd_status (vd), 0);
    CHECK (vd_negotiate (vd, features | VD_F_VERSION_1));
    if (msix)
        vd_enable_msix (vd);
    for (unsigned i = 0; i < n_queues; i++) {
        vd_enable_queue (vd, i, size);
        CHECK_EQUAL (vd_read (vd, VD_QUEUE_ENABLE, 2), 1);
    }
    vd_set_status (vd, VD_ACKNOWLEDGE | VD_DRIVER | VD_FEATURES_OK | VD_DRIVER_OK);
    CHECK (vd_status (vd) & VD_DRIVER_OK);
}

void
vd_put (struct vd *vd, uint64_t table, unsigned index, uint64_t address, uint32_t length,
        uint16_t flags, uint16_t next)
{
    uint8_t *raw = vd_ram (vd, table + 16 * (uint64_t) index, 16);

    store_le64 (raw, address);
    store_le32 (raw + 8, length);
    store_le16 (raw + 12, flags);
    store_le16 (raw + 14, next);
}

void
vd_offer (struct vd *vd, unsigned number, uint16_t head)
{
    struct vd_queue *queue = &vd->queues[number];

    store_le16 (vd_ram (vd, queue->available + 4 + 2 * (queue->next_available % queue->size), 2),
                head);
    queue->next_available++;
    __atomic_store_n ((uint16_t *) vd_ram (vd, queue->available + 2, 2),
                      htole16 (queue->next_available), __ATOMIC_RELEASE);
}

static uint16_t
buffer_flags (const struct vd_buffer *buffer, bool is_last)
{
    return (uint16_t) ((buffer->write ? VD_WRITE : 0) | (is_last ? 0 : VD_NEXT));
}

uint16_t
vd_add (struct vd *vd, unsigned number, const struct vd_buffer *buffers, unsigned n)
{
    struct vd_queue *queue = &vd->queues[number];
    uint16_t head = queue->next_descriptor;

    for (unsigned i = 0; i < n; i++) {
        uint16_t index = queue->next_descriptor;

        queue->next_descriptor = (uint16_t) ((index + 1) % queue->size);
        vd_put (vd, queue->descriptors, index, buffers[i].address, buffers[i].length,
                buffer_flags (&buffers[i], i + 1 == n), queue->next_descriptor);
    }
    vd_offer (vd, number, head);
    return head;
}

uint16_t
vd_add_indirect (struct vd *vd, unsigned number, const struct vd_buffer *buffers, unsigned n)
{
    struct vd_queue *queue = &vd->queues[number];
    uint64_t table = vd_alloc (vd, 16 * (size_t) n, 16);
    uint16_t head = queue->next_descriptor;

    for (unsigned i = 0; i < n; i++)
        vd_put (vd, table, i, buffers[i].address, buffers[i].length,
                buffer_flags (&buffers[i], i + 1 == n), (uint16_t) (i + 1));
    vd_put (vd, queue->descriptors, head, table, 16 * n, VD_INDIRECT, 0);
    queue->next_descriptor = (uint16_t) ((head + 1) % queue->size);
    vd_offer (vd, number, head);
    return head;
}

void
vd_kick (struct vd *vd, unsigned number)
{
    uint64_t offset;

    vd_write (vd, VD_QUEUE_SELECT, 2, number);
    offset = vd_read (vd, VD_QUEUE_NOTIFY, 2) * vd->notify_multiplier;
    testbed_write (vd->bed, vd->notify + offset, 2, number);
}

bool
vd_pop (struct vd *vd, unsigned number, uint16_t *ret_head, uint32_t *ret_length)
{
    struct vd_queue *queue = &vd->queues[number];
    const uint16_t *index = vd_ram (vd, queue->used + 2, 2);
    const uint8_t *entry;

    if (le16toh (__atomic_load_n (index, __ATOMIC_ACQUIRE)) == queue->last_used)
        return false;
    entry = vd_ram (vd, queue->used + 4 + 8 * (uint64_t) (queue->last_used % queue->size), 8);
    queue->last_used++;
    *ret_head = (uint16_t) load_le32 (entry);
    *ret_length = load_le32 (entry + 4);
    return true;
}

struct wait {
    struct vd *vd;
    unsigned queue;
};

static bool
has_used (void *data)
{
    const struct wait *wait = data;
    const struct vd_queue *queue = &wait->vd->queues[wait->queue];

    return load_le16 (vd_ram (wait->vd, queue->used + 2, 2)) != queue->last_used;
}

bool
vd_wait (struct vd *vd, unsigned queue, uint16_t *ret_head, uint32_t *ret_length)
{
    struct wait wait = {vd, queue};

    testbed_wait (vd->bed, has_used, &wait, 2000);
    return vd_pop (vd, queue, ret_head, ret_length);
}

uint32_t
vd_run (struct vd *vd, unsigned queue)
{
    uint16_t head;
    uint32_t length;

    vd_kick (vd, queue);
    CHECK (vd_wait (vd, queue, &head, &length));
    return length;
}

unsigned
vd_count_msi (struct vd *vd, unsigned vector)
{
    unsigned count = 0;
    uint64_t address;
    uint32_t data;

    while (testbed_pop_msi (vd->bed, &address, &data))
        if (address == MSI_ADDRESS && data == MSI_DATA + vector)
            count++;
    return count;
}

bool
vd_pin (struct vd *vd)
{
    unsigned pin = testbed_pci_read (vd->bed, vd->devfn, 0x3D, 1);

    return testbed_irq_level (vd->bed, 16 + pci_bus_pirq_of (vd->devfn >> 3, pin));
}
