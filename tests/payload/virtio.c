/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "virtio.h"

#define FIRST_BAR   0xd0000000u
#define VERSION_1   (UINT64_C (1) << 32)
#define WAIT_CYCLES UINT64_C (40000000000) /* ten seconds or more */

struct ring rings[MAX_QUEUES];

static char complaints[400];
static unsigned n_complaints;
static uint32_t next_bar, n_asked;

static void
note (const char *text)
{
    while (*text && n_complaints < sizeof complaints - 1)
        complaints[n_complaints++] = *text++;
}

static void
note_hex (uint64_t value)
{
    char text[19] = "0x";
    unsigned n = 2;

    for (int shift = 60; shift >= 0; shift -= 4)
        if (shift == 0 || value >> shift)
            text[n++] = "0123456789abcdef"[value >> shift & 15];
    text[n] = 0;
    note (text);
}

bool
complain (const char *what, uint64_t actual, uint64_t expected)
{
    note (" ");
    note (what);
    note (" is ");
    note_hex (actual);
    note (", expected ");
    note_hex (expected);
    note (";");
    return false;
}

void
blame (unsigned queue)
{
    note (" queue ");
    note_hex (queue);
}

void
end_case (const struct virtio *self, const char *name)
{
    complaints[n_complaints] = 0;
    say (self->name);
    say (" ");
    say (name);
    say (":");
    say (n_complaints ? complaints : " ok");
    say ("\n");
    n_complaints = 0;
}

void
ask (const char *what, uint32_t number)
{
    say (">");
    say (what);
    say (" ");
    say_hex (number);
    say ("\n");
    n_asked++;
    while (read32 (VIRTIO_PAYLOAD_ANSWERS) != n_asked)
        __asm__ volatile ("pause");
}

/* Sized by writing ones and laid out one behind the other; ports are left where they are. */
static void
place_bars (unsigned devfn)
{
    for (unsigned bar = 0x10; bar < 0x28; bar += 4) {
        uint32_t mask, size;

        pci_write (devfn, bar, 4, 0xffffffff);
        mask = pci_read (devfn, bar, 4);
        if (!mask || mask & 1)
            continue;
        size = ~(mask & ~15u) + 1;
        next_bar = (next_bar + size - 1) & ~(size - 1);
        pci_write (devfn, bar, 4, next_bar);
        next_bar += size;
        if ((mask & 6) == 4) {
            bar += 4;
            pci_write (devfn, bar, 4, 0);
        }
    }
    pci_write (devfn, 4, 2, 6);
}

static void
find_registers (struct virtio *self)
{
    unsigned devfn = self->devfn;

    for (unsigned at = pci_read (devfn, 0x34, 1); at; at = pci_read (devfn, at + 1, 1)) {
        uint64_t address;

        if (pci_read (devfn, at, 1) != 9)
            continue;
        address = pci_read (devfn, 0x10 + 4 * pci_read (devfn, at + 4, 1), 4) & ~15u;
        address += pci_read (devfn, at + 8, 4);
        switch (pci_read (devfn, at + 3, 1)) {
        case 1: self->common = address; break;
        case 2:
            self->notify = address;
            self->multiplier = pci_read (devfn, at + 16, 4);
            break;
        case 3: self->isr = address; break;
        case 4: self->config = address; break;
        }
    }
}

bool
virtio_open (struct virtio *self, unsigned devfn)
{
    static const char *const inputs[] = {"keyboard", "mouse", "tablet", "touch"};
    uint32_t identity = pci_read (devfn, 0, 4);

    if ((identity & 0xffff) != 0x1af4 || identity >> 16 < 0x1040)
        return false;
    memset (self, 0, sizeof *self);
    self->devfn = devfn;
    self->type = (identity >> 16) - 0x1040;
    if (!next_bar)
        next_bar = FIRST_BAR;
    place_bars (devfn);
    find_registers (self);
    self->n_queues = read16 (self->common + COMMON_N_QUEUES);
    switch (self->type) {
    case TYPE_NET: self->name = "net"; break;
    case TYPE_BLK: self->name = "blk"; break;
    case TYPE_CONSOLE: self->name = "console"; break;
    case TYPE_RNG: self->name = "rng"; break;
    case TYPE_BALLOON: self->name = "balloon"; break;
    case TYPE_GPU: self->name = "gpu"; break;
    case TYPE_INPUT:
        write8 (self->config, 3); /* which device? */
        write8 (self->config + 1, 0);
        self->product = read16 (self->config + 8 + 4);
        EXPECT (self->product >= 1 && self->product <= 4, 1);
        self->name = inputs[self->product - 1];
        break;
    default: fail ("virtio type", self->type, 0);
    }
    EXPECT (self->common && self->notify && self->isr, 1);
    EXPECT (self->n_queues >= 1 && self->n_queues <= MAX_QUEUES, 1);
    return true;
}

uint8_t
virtio_status (const struct virtio *self)
{
    return read8 (self->common + COMMON_STATUS);
}

/* False when it has been waited for long enough. */
static bool
go_on (uint64_t since)
{
    for (unsigned i = 0; i < 64; i++)
        __asm__ volatile ("pause");
    return read_tsc () - since < WAIT_CYCLES;
}

bool
virtio_reset (const struct virtio *self)
{
    uint64_t since = read_tsc ();

    write8 (self->common + COMMON_STATUS, 0);
    while (virtio_status (self))
        if (!go_on (since))
            return complain ("status after a reset", virtio_status (self), 0);
    return true;
}

bool
virtio_wait_broken (const struct virtio *self)
{
    uint64_t since = read_tsc ();

    while (!(virtio_status (self) & STATUS_NEEDS_RESET))
        if (!go_on (since))
            return complain ("status", virtio_status (self), STATUS_LIVE | STATUS_NEEDS_RESET);
    return true;
}

bool
virtio_wait_taken (unsigned queue)
{
    const struct ring *ring = &rings[queue];
    uint64_t since = read_tsc ();

    while (*(volatile uint16_t *) &ring->used.available_event != ring->available.index)
        if (!go_on (since))
            return complain ("requests taken", ring->used.available_event, ring->available.index);
    return true;
}

/* Takes all that is on offer. */
bool
virtio_negotiate (struct virtio *self)
{
    const uint8_t before = STATUS_ACKNOWLEDGE | STATUS_DRIVER;

    if (!virtio_reset (self))
        return false;
    write8 (self->common + COMMON_STATUS, before);
    self->features = 0;
    for (unsigned i = 0; i < 2; i++) {
        uint32_t offered;

        write32 (self->common + COMMON_OFFERED_SELECT, i);
        offered = read32 (self->common + COMMON_OFFERED);
        write32 (self->common + COMMON_WANTED_SELECT, i);
        write32 (self->common + COMMON_WANTED, offered);
        self->features |= (uint64_t) offered << 32 * i;
    }
    if (!(self->features & VERSION_1))
        return complain ("features", self->features, self->features | VERSION_1);
    write8 (self->common + COMMON_STATUS, before | STATUS_FEATURES_OK);
    if (virtio_status (self) != (before | STATUS_FEATURES_OK))
        return complain ("status", virtio_status (self), before | STATUS_FEATURES_OK);
    return true;
}

void
virtio_select (const struct virtio *self, unsigned queue)
{
    write16 (self->common + COMMON_QUEUE_SELECT, (uint16_t) queue);
}

void
virtio_place (const struct virtio *self, unsigned queue, uint16_t size, uint64_t descriptors,
              uint64_t available, uint64_t used)
{
    virtio_select (self, queue);
    write16 (self->common + COMMON_QUEUE_SIZE, size);
    write64 (self->common + COMMON_DESCRIPTORS, descriptors);
    write64 (self->common + COMMON_AVAILABLE, available);
    write64 (self->common + COMMON_USED, used);
    write16 (self->common + COMMON_QUEUE_ENABLE, 1);
}

bool
virtio_start_without (struct virtio *self, unsigned except)
{
    if (!virtio_negotiate (self))
        return false;
    for (unsigned i = 0; i < self->n_queues; i++) {
        struct ring *ring = &rings[i];

        memset (ring, 0, offsetof (struct ring, table));
        self->last_used[i] = 0;
        virtio_select (self, i);
        self->kick_at[i] =
            self->notify + read16 (self->common + COMMON_QUEUE_NOTIFY) * self->multiplier;
        if (i == except)
            continue;
        virtio_place (self, i, QUEUE_SIZE, (uintptr_t) ring->descriptors,
                      (uintptr_t) &ring->available, (uintptr_t) &ring->used);
        if (read16 (self->common + COMMON_QUEUE_ENABLE) != 1)
            return complain ("queue_enable", 0, 1);
    }
    write8 (self->common + COMMON_STATUS, STATUS_LIVE);
    if (virtio_status (self) != STATUS_LIVE)
        return complain ("status at the start", virtio_status (self), STATUS_LIVE);
    self->fresh = true;
    self->indirect = !self->indirect;
    return true;
}

bool
virtio_start (struct virtio *self)
{
    return virtio_start_without (self, MAX_QUEUES);
}

void
virtio_offer (const struct virtio *self, unsigned queue, uint16_t head)
{
    struct ring *ring = &rings[queue];
    uint16_t index = ring->available.index;

    (void) self;
    ring->available.heads[index % QUEUE_SIZE] = head;
    __asm__ volatile ("" : : : "memory");
    *(volatile uint16_t *) &ring->available.index = (uint16_t) (index + 1);
}

void
virtio_kick (const struct virtio *self, unsigned queue)
{
    __asm__ volatile ("" : : : "memory");
    write16 (self->kick_at[queue], (uint16_t) queue);
}

bool
virtio_wait (struct virtio *self, unsigned queue, uint32_t *ret_length)
{
    struct ring *ring = &rings[queue];
    uint16_t last = self->last_used[queue];
    uint64_t since = read_tsc ();

    while (*(volatile uint16_t *) &ring->used.index == last)
        if (!go_on (since)) {
            blame (queue);
            return complain ("gave no answer and status", virtio_status (self), STATUS_LIVE);
        }
    __asm__ volatile ("" : : : "memory");
    if (ring->used.index != (uint16_t) (last + 1))
        return complain ("used index", ring->used.index, (uint16_t) (last + 1));
    if (ring->used.entries[last % QUEUE_SIZE].head != 0)
        return complain ("used head", ring->used.entries[last % QUEUE_SIZE].head, 0);
    *ret_length = ring->used.entries[last % QUEUE_SIZE].length;
    self->last_used[queue]++;
    return true;
}

void
virtio_submit (struct virtio *self, unsigned queue, const struct buffer *buffers, unsigned n)
{
    struct ring *ring = &rings[queue];
    struct descriptor *table = self->indirect ? ring->table : ring->descriptors;

    for (unsigned i = 0; i < n; i++)
        table[i] = (struct descriptor) {
            .address = (uintptr_t) buffers[i].at,
            .length = buffers[i].length,
            .flags = (uint16_t) ((buffers[i].write ? DESCRIPTOR_WRITE : 0) |
                                 (i + 1 < n ? DESCRIPTOR_NEXT : 0)),
            .next = (uint16_t) (i + 1),
        };
    if (self->indirect)
        ring->descriptors[0] = (struct descriptor) {
            .address = (uintptr_t) table,
            .length = n * sizeof *table,
            .flags = DESCRIPTOR_INDIRECT,
        };
    virtio_offer (self, queue, 0);
    virtio_kick (self, queue);
}

bool
virtio_request (struct virtio *self, unsigned queue, const struct buffer *buffers, unsigned n,
                uint32_t length)
{
    uint32_t actual;

    virtio_submit (self, queue, buffers, n);
    if (!virtio_wait (self, queue, &actual))
        return false;
    return actual == length || complain ("length of an answer", actual, length);
}
