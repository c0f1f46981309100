/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The PCI transport of virtio devices (VIRTIO 1.3, 4.1): capabilities, the registers in BAR 4,
 * doorbells, interrupts. Only virtio.c calls this, and is called back for what the registers mean;
 * device types use virtio.h. With the device's lock held.
 */
#pragma once

#include "hw/virtio/virtio.h"

/* ISR status bits (VIRTIO 1.3, 4.1.4.5). */
enum {
    VIRTIO_ISR_QUEUE = 1,
    VIRTIO_ISR_CONFIG = 2,
};

int virtio_pci_init (struct virtio *virtio, const struct vmm_device_config *config,
                     struct vmm_error *error);
void virtio_pci_fini (struct virtio *virtio);
/* Brings doorbells and the interrupt pin in line with BAR, MSI-X and ISR. Cheap when nothing
 * changed. */
void virtio_pci_update (struct virtio *virtio);
/* Interrupts by MSI-X vector @vector, or by pin with @reason in the ISR status. */
void virtio_pci_interrupt (struct virtio *virtio, uint8_t reason, uint16_t vector);
/* @vector, or VIRTIO_NO_VECTOR if there is no such one. */
uint16_t virtio_pci_checked_vector (const struct virtio *virtio, uint64_t vector);

/* In virtio.c. The driver writes the device status: it only ever adds bits, or resets with 0 (2.1).
 */
void virtio_write_status (struct virtio *virtio, uint8_t value);
/* In virtio.c. The driver enables @queue, which is not enabled yet. */
void virtio_enable_queue (struct virtio *virtio, unsigned queue);
