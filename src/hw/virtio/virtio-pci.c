/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * BAR 4 holds everything a driver touches, a page for each structure (VIRTIO 1.3, 4.1.4):
 *
 *   0x0000  common configuration     0x2000  device configuration
 *   0x1000  ISR status               0x3000  notifications, 4 bytes for each queue
 *
 * BAR 1 holds the MSI-X table. A firmware may place BAR 4 above 4 GiB and then reach it through the
 * configuration access capability, so that is here, too.
 *
 * Doorbells: each queue's notification address is bound to an eventfd that the I/O loop watches, so
 * a kick never enters a handler. Where the binding is not in place, the region's write handler
 * signals the same eventfd; there is one path behind both.
 */
#include "hw/virtio/virtio-pci.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"

#define BAR_MSIX              1
#define BAR_MODERN            4
#define BAR_SIZE              0x4000
#define PAGE_COMMON           0
#define PAGE_ISR              1
#define PAGE_DEVICE           2
#define PAGE_NOTIFY           3
#define NOTIFY_STRIDE         4

#define PCI_VENDOR_VIRTIO     0x1AF4
#define PCI_DEVICE_BASE       0x1040
#define PCI_CAPABILITY_VENDOR 0x09
#define PCI_SUBSYSTEM         0x1100
#define PCI_MSIX_SIZE         0x1000

/* Vendor capabilities (4.1.4): what follows the two-byte PCI header. */
enum {
    CAPABILITY_COMMON = 1,
    CAPABILITY_NOTIFY = 2,
    CAPABILITY_ISR = 3,
    CAPABILITY_DEVICE = 4,
    CAPABILITY_ACCESS = 5,
};
enum {
    CAPABILITY_LENGTH_AT = 2,
    CAPABILITY_TYPE_AT = 3,
    CAPABILITY_BAR_AT = 4,
    CAPABILITY_OFFSET_AT = 8,
    CAPABILITY_SIZE_AT = 12,
    CAPABILITY_EXTRA_AT = 16,
};

/* The common configuration (4.1.4.3). */
enum {
    COMMON_DEVICE_FEATURE_SELECT = 0x00,
    COMMON_DEVICE_FEATURE = 0x04,
    COMMON_DRIVER_FEATURE_SELECT = 0x08,
    COMMON_DRIVER_FEATURE = 0x0C,
    COMMON_CONFIG_VECTOR = 0x10,
    COMMON_NUM_QUEUES = 0x12,
    COMMON_STATUS = 0x14,
    COMMON_CONFIG_GENERATION = 0x15,
    COMMON_QUEUE_SELECT = 0x16,
    COMMON_QUEUE_SIZE = 0x18,
    COMMON_QUEUE_VECTOR = 0x1A,
    COMMON_QUEUE_ENABLE = 0x1C,
    COMMON_QUEUE_NOTIFY_OFFSET = 0x1E,
    COMMON_QUEUE_DESCRIPTORS = 0x20,
    COMMON_QUEUE_DRIVER = 0x28,
    COMMON_QUEUE_DEVICE = 0x30,
    COMMON_SIZE = 0x38,
};

/* Interrupts. */

static void
update_line (struct virtio *virtio)
{
    pci_irq_set (&virtio->pci, virtio->isr && !pci_msix_is_enabled (&virtio->pci));
}

void
virtio_pci_interrupt (struct virtio *virtio, uint8_t reason, uint16_t vector)
{
    if (pci_msix_is_enabled (&virtio->pci)) {
        if (vector != VIRTIO_NO_VECTOR)
            pci_msix_notify (&virtio->pci, vector);
        return;
    }
    virtio->isr |= reason;
    update_line (virtio);
}

/* Doorbells. */

static void
doorbell_cb (void *data, uint32_t events)
{
    struct virtio_doorbell *self = data;
    struct virtio *virtio = self->virtio;
    unsigned queue = (unsigned) (self - virtio->doorbells);

    /* While paused nothing is lost: virtio_resume () looks into every queue. */
    if (virtio->queues[queue].enabled && virtio_is_live (virtio))
        virtio->type->notify (virtio, queue);
}

static uint64_t
doorbell_address (const struct virtio *virtio, unsigned queue)
{
    const struct pci_bar *bar = &virtio->pci.bars[BAR_MODERN];

    return bar->mapped ? bar->address + PAGE_NOTIFY * 0x1000 + queue * NOTIFY_STRIDE : 0;
}

/* Makes the doorbells follow the BAR. Cheap when nothing moved. */
static void
update_doorbells (struct virtio *virtio)
{
    struct vmm_bus *bus = vmm_device_bus (&virtio->pci.device);

    for (unsigned i = 0; i < virtio->n_queues; i++) {
        struct virtio_doorbell *self = &virtio->doorbells[i];
        uint64_t address = doorbell_address (virtio, i);

        if (address == self->address)
            continue;
        if (self->address)
            vmm_bus_remove_doorbell (bus, VMM_SPACE_MMIO, self->address, 0, self->fd);
        self->address = 0;
        if (address && vmm_bus_add_doorbell (bus, VMM_SPACE_MMIO, address, 0, self->fd) >= 0)
            self->address = address;
    }
}

void
virtio_pci_update (struct virtio *virtio)
{
    update_doorbells (virtio);
    update_line (virtio);
}

uint16_t
virtio_pci_checked_vector (const struct virtio *virtio, uint64_t vector)
{
    return vector < virtio->pci.msix.n_vectors ? (uint16_t) vector : VIRTIO_NO_VECTOR;
}

/* The common configuration. */

static struct virtqueue *
selected_queue (struct virtio *virtio)
{
    return virtio->queue_select < virtio->n_queues ? &virtio->queues[virtio->queue_select] : NULL;
}

/* The whole of it as bytes, so that accesses of any width read alike. */
static void
render_common (struct virtio *virtio, uint8_t image[static COMMON_SIZE])
{
    const struct virtqueue *queue = selected_queue (virtio);
    uint32_t select = virtio->device_feature_select;

    memset (image, 0, COMMON_SIZE);
    store_le32 (image + COMMON_DEVICE_FEATURE_SELECT, select);
    if (select < 2)
        store_le32 (image + COMMON_DEVICE_FEATURE,
                    (uint32_t) (virtio->device_features >> 32 * select));
    select = virtio->driver_feature_select;
    store_le32 (image + COMMON_DRIVER_FEATURE_SELECT, select);
    if (select < 2)
        store_le32 (image + COMMON_DRIVER_FEATURE,
                    (uint32_t) (virtio->driver_features >> 32 * select));
    store_le16 (image + COMMON_CONFIG_VECTOR, virtio->config_vector);
    store_le16 (image + COMMON_NUM_QUEUES, (uint16_t) virtio->n_queues);
    image[COMMON_STATUS] = virtio->status;
    image[COMMON_CONFIG_GENERATION] = virtio->config_generation;
    store_le16 (image + COMMON_QUEUE_SELECT, virtio->queue_select);
    if (!queue)
        return;
    store_le16 (image + COMMON_QUEUE_SIZE, queue->size);
    store_le16 (image + COMMON_QUEUE_VECTOR, queue->vector);
    store_le16 (image + COMMON_QUEUE_ENABLE, queue->enabled);
    store_le16 (image + COMMON_QUEUE_NOTIFY_OFFSET, virtio->queue_select);
    store_le64 (image + COMMON_QUEUE_DESCRIPTORS, queue->descriptors);
    store_le64 (image + COMMON_QUEUE_DRIVER, queue->driver);
    store_le64 (image + COMMON_QUEUE_DEVICE, queue->device);
}

static uint64_t
load_bytes (const uint8_t *from, unsigned size)
{
    uint8_t bytes[8] = {0};

    memcpy (bytes, from, MIN_OF (size, sizeof bytes));
    return load_le64 (bytes);
}

static uint64_t
read_common (struct virtio *virtio, uint64_t offset, unsigned size)
{
    uint8_t image[COMMON_SIZE];

    if (!range_fits (offset, size, COMMON_SIZE))
        return 0;
    render_common (virtio, image);
    return load_bytes (image + offset, size);
}

/* Half of a 64-bit address; @offset is that of the half. */
static void
write_half (uint64_t *address, uint64_t offset, uint64_t value)
{
    if (offset & 4)
        *address = (*address & UINT32_MAX) | value << 32;
    else
        *address = (*address & ~(uint64_t) UINT32_MAX) | (uint32_t) value;
}

/* Frozen once the queue is enabled or the driver ready: requests could be on their way. */
static void
write_queue (struct virtio *virtio, uint64_t offset, uint64_t value)
{
    struct virtqueue *queue = selected_queue (virtio);

    if (!queue)
        return;
    if (offset == COMMON_QUEUE_VECTOR) {
        queue->vector = virtio_pci_checked_vector (virtio, value);
        return;
    }
    if (queue->enabled || virtio->status & VIRTIO_STATUS_DRIVER_OK)
        return;
    switch (offset) {
    case COMMON_QUEUE_SIZE: queue->size = (uint16_t) value; break;
    case COMMON_QUEUE_ENABLE:
        if (value == 1)
            virtio_enable_queue (virtio, virtio->queue_select);
        break;
    case COMMON_QUEUE_DESCRIPTORS:
    case COMMON_QUEUE_DESCRIPTORS + 4: write_half (&queue->descriptors, offset, value); break;
    case COMMON_QUEUE_DRIVER:
    case COMMON_QUEUE_DRIVER + 4: write_half (&queue->driver, offset, value); break;
    case COMMON_QUEUE_DEVICE:
    case COMMON_QUEUE_DEVICE + 4: write_half (&queue->device, offset, value); break;
    }
}

static void
write_driver_feature (struct virtio *virtio, uint32_t value)
{
    unsigned shift = 32 * virtio->driver_feature_select;

    if (virtio->status & VIRTIO_STATUS_FEATURES_OK || virtio->driver_feature_select >= 2)
        return;
    virtio->driver_features &= ~(UINT64_C (0xFFFFFFFF) << shift);
    virtio->driver_features |= (uint64_t) value << shift;
}

static void
write_common (struct virtio *virtio, uint64_t offset, unsigned size, uint64_t value)
{
    if (offset == COMMON_STATUS) {
        virtio_write_status (virtio, (uint8_t) value);
        return;
    }
    /* Every other writable field is two bytes at least, and a narrower write means nothing. */
    if (size < 2 || virtio->resetting)
        return;
    switch (offset) {
    case COMMON_DEVICE_FEATURE_SELECT: virtio->device_feature_select = (uint32_t) value; break;
    case COMMON_DRIVER_FEATURE_SELECT: virtio->driver_feature_select = (uint32_t) value; break;
    case COMMON_DRIVER_FEATURE: write_driver_feature (virtio, (uint32_t) value); break;
    case COMMON_CONFIG_VECTOR:
        virtio->config_vector = virtio_pci_checked_vector (virtio, value);
        break;
    case COMMON_QUEUE_SELECT: virtio->queue_select = (uint16_t) value; break;
    default: write_queue (virtio, offset, value); break;
    }
}

/* BAR 4. */

static uint64_t
read_isr (struct virtio *virtio)
{
    uint8_t isr = virtio->isr;

    virtio->isr = 0;
    update_line (virtio);
    return isr;
}

static uint64_t
modern_read (void *opaque, uint64_t offset, unsigned size)
{
    struct virtio *virtio = opaque;
    uint64_t inside = offset & 0xFFF;

    switch (offset >> 12) {
    case PAGE_COMMON: return read_common (virtio, inside, size);
    case PAGE_ISR: return inside == 0 ? read_isr (virtio) : 0;
    case PAGE_DEVICE:
        return range_fits (inside, size, virtio->config_size)
                   ? load_bytes (virtio->config + inside, size)
                   : 0;
    default: return 0;
    }
}

static void
modern_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct virtio *virtio = opaque;
    uint64_t inside = offset & 0xFFF;

    switch (offset >> 12) {
    case PAGE_COMMON: write_common (virtio, inside, size, value); break;
    case PAGE_DEVICE:
        if (virtio->type->config_write && !virtio->resetting &&
            range_fits (inside, size, virtio->config_size))
            virtio->type->config_write (virtio, (unsigned) inside, size, (uint32_t) value);
        break;
    case PAGE_NOTIFY:
        if (inside / NOTIFY_STRIDE < virtio->n_queues)
            virtio_kick (virtio, (unsigned) inside / NOTIFY_STRIDE);
        break;
    }
}

/*
 * The configuration access capability (4.1.4.9): an access to its data field is one to the place in
 * a BAR that its other fields name. True if they name a place we have.
 */
static bool
access_target (const struct virtio *virtio, uint64_t *ret_offset, unsigned *ret_size)
{
    const uint8_t *capability = virtio->pci.config + virtio->access_capability;
    uint32_t offset = load_le32 (capability + CAPABILITY_OFFSET_AT);
    uint32_t size = load_le32 (capability + CAPABILITY_SIZE_AT);

    if (capability[CAPABILITY_BAR_AT] != BAR_MODERN || (size != 1 && size != 2 && size != 4))
        return false;
    if (offset % size || !range_fits (offset, size, BAR_SIZE))
        return false;
    *ret_offset = offset;
    *ret_size = size;
    return true;
}

static bool
touches_access_data (const struct virtio *virtio, unsigned offset, unsigned size)
{
    unsigned data = virtio->access_capability + CAPABILITY_EXTRA_AT;

    return offset < data + 4 && offset + size > data;
}

static void
config_read_cb (struct pci_device *pci, unsigned offset, unsigned size)
{
    struct virtio *virtio = CONTAINER_OF (pci, struct virtio, pci);
    uint8_t *data = pci->config + virtio->access_capability + CAPABILITY_EXTRA_AT;
    uint64_t target;
    unsigned width;

    if (!touches_access_data (virtio, offset, size) || !access_target (virtio, &target, &width))
        return;
    store_le32 (data, (uint32_t) modern_read (virtio, target, width));
}

static void
config_written_cb (struct pci_device *pci, unsigned offset, unsigned size)
{
    struct virtio *virtio = CONTAINER_OF (pci, struct virtio, pci);
    const uint8_t *data = pci->config + virtio->access_capability + CAPABILITY_EXTRA_AT;
    uint64_t target;
    unsigned width;

    virtio_pci_update (virtio); /* the BAR may have moved, MSI-X been switched on or off */
    if (touches_access_data (virtio, offset, size) && access_target (virtio, &target, &width))
        modern_write (virtio, target, width, load_bytes (data, width));
}

/* The class's hooks. */

static unsigned
add_capability (struct virtio *virtio, uint8_t type, unsigned page, unsigned size, unsigned extra)
{
    struct pci_device *pci = &virtio->pci;
    unsigned offset = pci_add_capability (pci, PCI_CAPABILITY_VENDOR, CAPABILITY_EXTRA_AT + extra);
    uint8_t *capability = pci->config + offset;

    capability[CAPABILITY_LENGTH_AT] = (uint8_t) (CAPABILITY_EXTRA_AT + extra);
    capability[CAPABILITY_TYPE_AT] = type;
    capability[CAPABILITY_BAR_AT] = BAR_MODERN;
    store_le32 (capability + CAPABILITY_OFFSET_AT, page * 0x1000);
    store_le32 (capability + CAPABILITY_SIZE_AT, size);
    return offset;
}

static void
add_capabilities (struct virtio *virtio)
{
    struct pci_device *pci = &virtio->pci;
    unsigned offset;

    add_capability (virtio, CAPABILITY_COMMON, PAGE_COMMON, COMMON_SIZE, 0);
    add_capability (virtio, CAPABILITY_ISR, PAGE_ISR, 1, 0);
    if (virtio->config_size)
        add_capability (virtio, CAPABILITY_DEVICE, PAGE_DEVICE, virtio->config_size, 0);
    offset = add_capability (virtio, CAPABILITY_NOTIFY, PAGE_NOTIFY,
                             virtio->n_queues * NOTIFY_STRIDE, 4);
    store_le32 (pci->config + offset + CAPABILITY_EXTRA_AT, NOTIFY_STRIDE);

    offset = add_capability (virtio, CAPABILITY_ACCESS, 0, 0, 4);
    virtio->access_capability = offset;
    pci->config[offset + CAPABILITY_BAR_AT] = 0;
    pci->write_mask[offset + CAPABILITY_BAR_AT] = 0xFF;
    memset (pci->write_mask + offset + CAPABILITY_OFFSET_AT, 0xFF, 4);
    memset (pci->write_mask + offset + CAPABILITY_SIZE_AT, 0xFF, 4);
    memset (pci->write_mask + offset + CAPABILITY_EXTRA_AT, 0xFF, 4);
}

static int
init_doorbells (struct virtio *virtio, struct vmm_error *error)
{
    for (unsigned i = 0; i < virtio->n_queues; i++) {
        struct virtio_doorbell *self = &virtio->doorbells[i];
        int r;

        self->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (self->fd < 0)
            return vmm_error_set_errno (error, -errno, "%s: cannot create an eventfd",
                                        virtio->pci.device.id);
        /* Edge-triggered: each kick is an event of its own, so that nobody needs to read it. */
        r = vmm_device_watch (&virtio->pci.device, &self->source, self->fd, EPOLLIN | EPOLLET,
                              doorbell_cb, self);
        if (r < 0)
            return vmm_error_set_errno (error, r, "%s: cannot watch an eventfd",
                                        virtio->pci.device.id);
    }
    return 0;
}

int
virtio_pci_init (struct virtio *virtio, const struct vmm_device_config *config,
                 struct vmm_error *error)
{
    const struct pci_identity identity = {
        .vendor = PCI_VENDOR_VIRTIO,
        .device = (uint16_t) (PCI_DEVICE_BASE + virtio->type->id),
        .subsystem_vendor = PCI_VENDOR_VIRTIO,
        .subsystem = PCI_SUBSYSTEM,
        .class_code = virtio->type->class_code,
        .revision = 1,
        .interrupt_pin = 1,
    };
    struct pci_device *pci = &virtio->pci;
    int r;

    for (unsigned i = 0; i < VIRTIO_MAX_QUEUES; i++) {
        virtio->doorbells[i].virtio = virtio;
        virtio->doorbells[i].fd = -1;
    }
    r = pci_device_init (pci, &identity, PCI_DEVFN_AUTO, config, error);
    if (r < 0)
        return r;
    virtio->region = (struct vmm_region) {
        .name = "virtio",
        .space = VMM_SPACE_MMIO,
        .size = BAR_SIZE,
        .max_size = 4,
        .read = modern_read,
        .write = modern_write,
        .opaque = virtio,
        .lock = &pci->device.lock,
    };
    pci_bar_declare (pci, BAR_MODERN, BAR_SIZE, PCI_BAR_64BIT | PCI_BAR_PREFETCHABLE);
    pci_bar_add_region (pci, BAR_MODERN, 0, &virtio->region);
    pci_bar_declare (pci, BAR_MSIX, PCI_MSIX_SIZE, 0);
    r = pci_add_msix (pci, BAR_MSIX, 0, virtio->n_queues + 1, error);
    if (r < 0)
        return r;
    add_capabilities (virtio);
    pci->config_read = config_read_cb;
    pci->config_written = config_written_cb;
    return init_doorbells (virtio, error);
}

void
virtio_pci_fini (struct virtio *virtio)
{
    struct vmm_bus *bus = vmm_device_bus (&virtio->pci.device);

    /* Before virtio_pci_init () there is nothing to release, and descriptor 0 is not ours. */
    for (unsigned i = 0; i < VIRTIO_MAX_QUEUES && virtio->doorbells[i].virtio; i++) {
        struct virtio_doorbell *self = &virtio->doorbells[i];

        if (self->address)
            vmm_bus_remove_doorbell (bus, VMM_SPACE_MMIO, self->address, 0, self->fd);
        vmm_source_remove (&self->source);
        self->fd = close_fd (self->fd);
    }
    pci_device_fini (&virtio->pci);
}
