/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The data of AHCI commands: the PRDT (physical region descriptor table) as a list of pieces of
 * guest memory, copies to and from it, and requests on the drive's image that use it without a
 * copy. Source: AHCI 1.3.1, 4.2.3.3.
 *
 * A PRDT entry is 16 bytes: address (8), reserved (4), then bits 0–21 length - 1 with bit 0 always
 * 1, and bit 31 to ask for an interrupt.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "hw/ahci.h"

#define ENTRY_SIZE      16
#define ENTRY_CONTROL   12
#define ENTRY_LENGTH    0x3FFFFFu
#define ENTRY_INTERRUPT (1u << 31)
#define BATCH           32

void
ahci_release (struct ahci_command *command)
{
    if (command->pieces != command->few)
        free (command->pieces);
    command->pieces = NULL;
    command->n_pieces = 0;
    command->mapped = 0;
    free (command->ranges);
    command->ranges = NULL;
}

static int
add_piece (struct ahci_command *command, unsigned capacity, void *memory, size_t length)
{
    struct iovec *last;

    if (command->n_pieces) {
        last = &command->pieces[command->n_pieces - 1];
        if ((char *) last->iov_base + last->iov_len == (char *) memory) {
            last->iov_len += length;
            return 0;
        }
    }
    if (command->n_pieces == capacity)
        return -E2BIG;
    command->pieces[command->n_pieces++] = (struct iovec) {memory, length};
    return 0;
}

static int
map_entry (struct ahci_command *command, unsigned capacity, const uint8_t *entry, uint64_t left)
{
    struct vmm_memory *memory = vmm_device_memory (&command->port->ahci->pci.device);
    uint32_t control = load_le32 (entry + ENTRY_CONTROL);
    uint64_t address = load_le64 (entry) & ~UINT64_C (1);
    uint64_t length = MIN_OF ((uint64_t) (control & ENTRY_LENGTH & ~1u) + 2, left);
    void *pointer = vmm_memory_pointer (memory, address, length);
    int r;

    if (!pointer)
        return -EFAULT;
    r = add_piece (command, capacity, pointer, length);
    if (r < 0)
        return r;
    command->mapped += length;
    if (control & ENTRY_INTERRUPT)
        command->interrupt_on_data = true;
    return 0;
}

int
ahci_map (struct ahci_command *command, uint64_t length)
{
    struct vmm_memory *memory = vmm_device_memory (&command->port->ahci->pci.device);
    unsigned capacity = MIN_OF (command->n_entries, AHCI_MAX_PIECES);
    uint8_t batch[BATCH * ENTRY_SIZE];

    assert (!command->n_pieces && !command->mapped);
    command->pieces = command->few;
    if (capacity <= AHCI_FEW_PIECES)
        capacity = AHCI_FEW_PIECES;
    else
        command->pieces = malloc (capacity * sizeof *command->pieces);
    if (!command->pieces)
        return -ENOMEM;
    for (uint32_t i = 0; i < command->n_entries && command->mapped < length; i += BATCH) {
        uint32_t n = MIN_OF (command->n_entries - i, BATCH);
        int r = vmm_memory_read (memory, command->table + (uint64_t) i * ENTRY_SIZE, batch,
                                 n * ENTRY_SIZE);

        for (uint32_t j = 0; r >= 0 && j < n && command->mapped < length; j++)
            r = map_entry (command, capacity, batch + j * ENTRY_SIZE, length - command->mapped);
        if (r < 0)
            return r;
    }
    return 0;
}

int
ahci_put (struct ahci_command *command, const void *data, size_t length)
{
    const uint8_t *from = data;
    int r = ahci_map (command, length);

    if (r < 0)
        return r;
    for (unsigned i = 0; i < command->n_pieces; i++) {
        memcpy (command->pieces[i].iov_base, from, command->pieces[i].iov_len);
        from += command->pieces[i].iov_len;
    }
    command->transferred = (uint32_t) command->mapped;
    return 0;
}

int
ahci_get (struct ahci_command *command, void *data, size_t length)
{
    uint8_t *to = data;
    int r = ahci_map (command, length);

    if (r < 0)
        return r;
    if (command->mapped < length)
        return -EMSGSIZE;
    for (unsigned i = 0; i < command->n_pieces; i++) {
        memcpy (to, command->pieces[i].iov_base, command->pieces[i].iov_len);
        to += command->pieces[i].iov_len;
    }
    command->transferred = (uint32_t) length;
    return 0;
}

static void
hold_for_space (struct ahci_command *command)
{
    struct vmm_device *device = &command->port->ahci->pci.device;
    bool first = !command->port->stalled;
    char reason[400];

    snprintf (reason, sizeof reason, "no space left for “%s”",
              blk_get_path (command->port->drive.blk));
    ahci_hold (command);
    if (first)
        vmm_device_request_pause (device, reason);
}

/* On the I/O thread, without locks. */
static void
completed_cb (struct blk_request *request, int result)
{
    struct ahci_command *command = request->data;
    struct ahci_port *port = command->port;
    struct vmm_device *device = &port->ahci->pci.device;

    pthread_mutex_lock (&device->lock);
    if (command->cancelled)
        ahci_finish (command);
    else if (result == -ENOSPC)
        hold_for_space (command);
    else
        command->step (command, result);
    ahci_port_run (port);
    ahci_update_interrupt (port->ahci, false);
    pthread_mutex_unlock (&device->lock);
    vmm_device_end (device);
}

void
ahci_submit (struct ahci_command *command, enum blk_operation operation, uint64_t offset,
             uint64_t length, void (*step) (struct ahci_command *command, int result))
{
    bool data = operation == BLK_READ || operation == BLK_WRITE;

    command->step = step;
    command->request = (struct blk_request) {
        .operation = operation,
        .offset = offset,
        .length = length,
        .iov = data ? command->pieces : NULL,
        .n_iov = data ? command->n_pieces : 0,
        .complete = completed_cb,
        .data = command,
    };
    vmm_device_begin (&command->port->ahci->pci.device);
    blk_submit (command->port->drive.blk, &command->request);
}
