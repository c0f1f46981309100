/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each space keeps the list of mapped regions and, derived from it on every change, a flat array of
 * disjoint ranges in address order, each owned by the region that wins there. Lookups search the
 * array under a read lock and leave the lock before they call the handler, so that a handler may
 * itself change the map.
 */
#include "engine/bus-internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/util.h"
#include "engine/kvm.h"

struct range {
    uint64_t first, last; /* inclusive */
    struct vmm_region *region;
    uint64_t base;
};

struct doorbell {
    enum vmm_space space;
    uint64_t address;
    unsigned size;
    int fd;
    bool in_kernel;
    struct vmm_list link;
};

struct space {
    struct vmm_list regions;
    struct range *ranges;
    size_t n_ranges;
    size_t capacity;
};

struct vmm_bus {
    struct kvm_vm *vm; /* NULL without KVM */
    pthread_rwlock_t lock;
    struct space spaces[2];
    struct vmm_list doorbells;
    uint64_t sequence;
};

int
vmm_bus_create (struct kvm_vm *vm, struct vmm_bus **ret_bus)
{
    struct vmm_bus *bus = calloc (1, sizeof *bus);

    if (!bus)
        return -ENOMEM;
    bus->vm = vm;
    pthread_rwlock_init (&bus->lock, NULL);
    list_init (&bus->spaces[0].regions);
    list_init (&bus->spaces[1].regions);
    list_init (&bus->doorbells);
    *ret_bus = bus;
    return 0;
}

void
vmm_bus_destroy (struct vmm_bus *bus)
{
    struct doorbell *doorbell, *after;

    if (!bus)
        return;
    list_for_each_safe (doorbell, after, &bus->doorbells, link) {
        list_remove (&doorbell->link);
        free (doorbell);
    }
    free (bus->spaces[0].ranges);
    free (bus->spaces[1].ranges);
    pthread_rwlock_destroy (&bus->lock);
    free (bus);
}

/* The region that owns @address, and in @ret_last the last address for which that stays so. */
static struct vmm_region *
winner_at (const struct space *space, uint64_t address, uint64_t *ret_last)
{
    struct vmm_region *region, *best = NULL;
    uint64_t last = UINT64_MAX;

    list_for_each (region, &space->regions, link) {
        uint64_t end = region->base + (region->size - 1);

        if (region->base > address)
            last = MIN_OF (last, region->base - 1);
        else if (address <= end) {
            last = MIN_OF (last, end);
            if (!best || region->priority > best->priority ||
                (region->priority == best->priority && region->sequence > best->sequence))
                best = region;
        }
    }
    *ret_last = last;
    return best;
}

static size_t
count_regions (const struct space *space)
{
    struct vmm_region *region;
    size_t count = 0;

    list_for_each (region, &space->regions, link)
        count++;
    return count;
}

/* Room for the ranges of @n_regions: each one adds at most a start and an end. */
static int
reserve (struct space *space, size_t n_regions)
{
    size_t capacity = 2 * n_regions + 2;
    struct range *ranges;

    if (capacity <= space->capacity)
        return 0;
    ranges = realloc (space->ranges, capacity * sizeof *ranges);
    if (!ranges)
        return -ENOMEM;
    space->ranges = ranges;
    space->capacity = capacity;
    return 0;
}

/* Never fails: reserve () made the room. */
static void
rebuild (struct space *space)
{
    uint64_t address = 0, last;

    space->n_ranges = 0;
    do {
        struct vmm_region *region = winner_at (space, address, &last);

        if (region)
            space->ranges[space->n_ranges++] = (struct range) {address, last, region, region->base};
        address = last + 1;
    } while (last != UINT64_MAX);
}

int
vmm_bus_map (struct vmm_bus *bus, struct vmm_region *region, uint64_t base)
{
    struct space *space = &bus->spaces[region->space];
    uint64_t limit = region->space == VMM_SPACE_PIO ? 0x10000 : UINT64_MAX;
    int r;

    if (region->size == 0 || !range_fits (base, region->size, limit))
        return -ERANGE;

    pthread_rwlock_wrlock (&bus->lock);
    r = reserve (space, count_regions (space) + 1);
    if (r == 0) {
        if (!region->mapped)
            list_append (&space->regions, &region->link);
        region->mapped = true;
        region->base = base;
        region->sequence = ++bus->sequence;
        rebuild (space);
    }
    pthread_rwlock_unlock (&bus->lock);
    return r;
}

void
vmm_bus_unmap (struct vmm_bus *bus, struct vmm_region *region)
{
    pthread_rwlock_wrlock (&bus->lock);
    if (region->mapped) {
        region->mapped = false;
        list_remove (&region->link);
        rebuild (&bus->spaces[region->space]);
    }
    pthread_rwlock_unlock (&bus->lock);
}

/* The range that holds @address; a copy, valid without the lock. False if there is none. */
static bool
look_up (struct vmm_bus *bus, enum vmm_space which, uint64_t address, struct range *ret_range)
{
    const struct space *space = &bus->spaces[which];
    size_t low = 0, high;
    bool found = false;

    pthread_rwlock_rdlock (&bus->lock);
    high = space->n_ranges;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct range *range = &space->ranges[middle];

        if (address < range->first)
            high = middle;
        else if (address > range->last)
            low = middle + 1;
        else {
            *ret_range = *range;
            found = true;
            break;
        }
    }
    pthread_rwlock_unlock (&bus->lock);
    return found;
}

static uint64_t
ones (unsigned size)
{
    return size >= 8 ? UINT64_MAX : (UINT64_C (1) << (8 * size)) - 1;
}

/* How many of @size bytes go out in one call: a power of two that the range and its region take. */
static unsigned
piece_size (const struct range *range, uint64_t address, unsigned size)
{
    unsigned widest = range->region->max_size ? range->region->max_size : 8;

    while (size > widest || size - 1 > range->last - address)
        size /= 2;
    return size;
}

uint64_t
vmm_bus_read (struct vmm_bus *bus, enum vmm_space space, uint64_t address, unsigned size)
{
    uint64_t value = 0;

    assert (size <= 8);
    for (unsigned done = 0; done < size;) {
        uint64_t at = address + done, piece;
        unsigned length = size - done;
        struct range range;

        if (!look_up (bus, space, at, &range)) {
            length = 1;
            piece = 0xff;
        } else {
            length = piece_size (&range, at, 1u << (31 - __builtin_clz (length)));
            if (!range.region->read)
                piece = ones (length);
            else {
                if (range.region->lock)
                    pthread_mutex_lock (range.region->lock);
                piece = range.region->read (range.region->opaque, at - range.base, length);
                if (range.region->lock)
                    pthread_mutex_unlock (range.region->lock);
            }
        }
        value |= (piece & ones (length)) << (8 * done);
        done += length;
    }
    return value;
}

/* Whether a doorbell that KVM does not watch took the write. */
static bool
ring_doorbell (struct vmm_bus *bus, enum vmm_space space, uint64_t address, unsigned size)
{
    struct doorbell *doorbell;
    uint64_t one = 1;
    bool rung = false;

    pthread_rwlock_rdlock (&bus->lock);
    list_for_each (doorbell, &bus->doorbells, link) {
        if (doorbell->space == space && doorbell->address == address &&
            (doorbell->size == 0 || doorbell->size == size)) {
            /* A full counter means that it has been rung already. */
            rung = write (doorbell->fd, &one, sizeof one) == sizeof one || errno == EAGAIN;
            break;
        }
    }
    pthread_rwlock_unlock (&bus->lock);
    return rung;
}

void
vmm_bus_write (struct vmm_bus *bus, enum vmm_space space, uint64_t address, unsigned size,
               uint64_t value)
{
    assert (size <= 8);
    if (ring_doorbell (bus, space, address, size))
        return;
    for (unsigned done = 0; done < size;) {
        uint64_t at = address + done;
        unsigned length = size - done;
        struct range range;

        if (!look_up (bus, space, at, &range)) {
            done++;
            continue;
        }
        length = piece_size (&range, at, 1u << (31 - __builtin_clz (length)));
        if (range.region->write) {
            if (range.region->lock)
                pthread_mutex_lock (range.region->lock);
            range.region->write (range.region->opaque, at - range.base, length,
                                 (value >> (8 * done)) & ones (length));
            if (range.region->lock)
                pthread_mutex_unlock (range.region->lock);
        }
        done += length;
    }
}

static struct doorbell *
find_doorbell (struct vmm_bus *bus, enum vmm_space space, uint64_t address, unsigned size)
{
    struct doorbell *doorbell;

    list_for_each (doorbell, &bus->doorbells, link) {
        if (doorbell->space == space && doorbell->address == address && doorbell->size == size)
            return doorbell;
    }
    return NULL;
}

int
vmm_bus_add_doorbell (struct vmm_bus *bus, enum vmm_space space, uint64_t address, unsigned size,
                      int fd)
{
    struct doorbell *doorbell = calloc (1, sizeof *doorbell);
    int r = 0;

    if (!doorbell)
        return -ENOMEM;
    *doorbell = (struct doorbell) {.space = space, .address = address, .size = size, .fd = fd};
    list_init (&doorbell->link);

    pthread_rwlock_wrlock (&bus->lock);
    if (find_doorbell (bus, space, address, size))
        r = -EEXIST;
    else {
        /* Where KVM cannot, the write exits and ring_doorbell () does the same, slower. */
        if (bus->vm)
            doorbell->in_kernel =
                kvm_vm_ioeventfd (bus->vm, space == VMM_SPACE_PIO, address, size, fd, true) == 0;
        list_append (&bus->doorbells, &doorbell->link);
        doorbell = NULL;
    }
    pthread_rwlock_unlock (&bus->lock);
    free (doorbell);
    return r;
}

void
vmm_bus_remove_doorbell (struct vmm_bus *bus, enum vmm_space space, uint64_t address, unsigned size,
                         int fd)
{
    struct doorbell *doorbell;

    pthread_rwlock_wrlock (&bus->lock);
    doorbell = find_doorbell (bus, space, address, size);
    if (doorbell && doorbell->fd == fd) {
        list_remove (&doorbell->link);
        if (doorbell->in_kernel)
            kvm_vm_ioeventfd (bus->vm, space == VMM_SPACE_PIO, address, size, fd, false);
    } else
        doorbell = NULL;
    pthread_rwlock_unlock (&bus->lock);
    free (doorbell);
}
