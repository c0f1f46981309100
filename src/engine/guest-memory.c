/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RAM is one anonymous mapping: the low part first, then the high part. The guest sees it through
 * KVM memory slots: [0, 0xA0000), the BIOS shadow window 0xC0000–0xFFFFF in as many pieces as its
 * sixteen segments have runs of equal mode, [1 MiB, low) and [4 GiB, …). The VGA window between is
 * nobody's RAM.
 */
#include "engine/memory-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/bus.h"
#include "engine/kvm.h"

#define VGA_START       UINT64_C (0xa0000)
#define SHADOW_START    UINT64_C (0xc0000)
#define SHADOW_END      UINT64_C (0x100000)
#define SEGMENT_SIZE    UINT64_C (0x4000)
#define LOW_LIMIT       UINT64_C (0xb0000000)
#define LOW_WHEN_SPLIT  UINT64_C (0x80000000)
#define PAGE_SIZE_4K    UINT64_C (4096)
#define ISA_ROM_SIZE    UINT64_C (0x20000)
#define MAX_SLOTS       512
#define WORTH_A_MAPPING (2 * MIB)

/* One KVM slot of the shadow window; size 0: unused. */
struct piece {
    uint64_t base, size;
    void *host;
    bool read_only;
    int number;
};

struct vmm_memory {
    struct kvm_vm *vm;
    struct vmm_bus *bus;
    uint8_t *ram;
    uint64_t low, high;
    int base_fd;           /* the file that RAM is a private copy of; −1: none */
    pthread_mutex_t mutex; /* slots, pieces and modes */
    bool used_numbers[MAX_SLOTS];
    unsigned n_numbers;
    struct vmm_list slots;
    uint8_t *rom; /* page-aligned, NULL: none */
    size_t rom_size;
    struct vmm_slot rom_slot;
    enum vmm_shadow modes[VMM_SHADOW_SEGMENTS];
    bool held, changed; /* the window waits for vmm_memory_release (); it has something to do */
    struct piece pieces[VMM_SHADOW_SEGMENTS];
    struct vmm_region shadow_region;
};

static int
take_number (struct vmm_memory *memory)
{
    for (unsigned i = 0; i < memory->n_numbers; i++) {
        if (!memory->used_numbers[i]) {
            memory->used_numbers[i] = true;
            return (int) i;
        }
    }
    return -ENOSPC;
}

/* Shows host memory to the guest; returns the slot number. Without KVM only the number is taken. */
static int
show (struct vmm_memory *memory, uint64_t base, void *host, uint64_t size, unsigned flags)
{
    int number = take_number (memory), r = 0;

    if (number < 0)
        return number;
    if (memory->vm)
        r = kvm_vm_set_memory (memory->vm, (unsigned) number, base, host, size, flags);
    if (r < 0) {
        memory->used_numbers[number] = false;
        return r;
    }
    return number;
}

static void
hide (struct vmm_memory *memory, int number, uint64_t base, void *host)
{
    if (memory->vm)
        kvm_vm_set_memory (memory->vm, (unsigned) number, base, host, 0, 0);
    memory->used_numbers[number] = false;
}

/* The ROM byte range seen at @address of the shadow window, NULL where there is none. */
static uint8_t *
shadow_rom (struct vmm_memory *memory, uint64_t address)
{
    uint64_t shown = MIN_OF (ISA_ROM_SIZE, memory->rom_size);

    if (!memory->rom || address < SHADOW_END - shown)
        return NULL;
    return memory->rom + memory->rom_size - (SHADOW_END - address);
}

static uint64_t
shadow_read (void *opaque, uint64_t offset, unsigned size)
{
    struct vmm_memory *memory = opaque;
    uint64_t address = SHADOW_START + offset, value = 0;
    enum vmm_shadow mode = memory->modes[offset / SEGMENT_SIZE];
    const uint8_t *from;

    if (mode == VMM_SHADOW_RAM || mode == VMM_SHADOW_READ_RAM)
        from = memory->ram + address;
    else
        from = shadow_rom (memory, address);
    if (!from)
        return UINT64_MAX;
    memcpy (&value, from, size);
    return value;
}

static void
shadow_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct vmm_memory *memory = opaque;
    enum vmm_shadow mode = memory->modes[offset / SEGMENT_SIZE];

    if (mode == VMM_SHADOW_RAM || mode == VMM_SHADOW_WRITE_RAM)
        memcpy (memory->ram + SHADOW_START + offset, &value, size);
}

/* What the guest should see of segment @i, as a piece of one segment; size 0: the bus answers. */
static struct piece
wanted_segment (struct vmm_memory *memory, unsigned i)
{
    uint64_t base = SHADOW_START + i * SEGMENT_SIZE;
    struct piece piece = {.base = base, .size = SEGMENT_SIZE, .number = -1};

    switch (memory->modes[i]) {
    case VMM_SHADOW_RAM: piece.host = memory->ram + base; break;
    case VMM_SHADOW_READ_RAM:
        piece.host = memory->ram + base;
        piece.read_only = true;
        break;
    case VMM_SHADOW_ROM:
    case VMM_SHADOW_WRITE_RAM:
        piece.host = shadow_rom (memory, base);
        piece.read_only = true;
        break;
    }
    if (!piece.host)
        piece.size = 0;
    return piece;
}

static bool
same_piece (const struct piece *a, const struct piece *b)
{
    return a->base == b->base && a->size == b->size && a->host == b->host &&
           a->read_only == b->read_only;
}

/* Brings the window's slots in line with its modes, leaving unchanged ones alone. Locked. */
static int
update_shadow (struct vmm_memory *memory)
{
    struct piece wanted[VMM_SHADOW_SEGMENTS] = {{0}};
    unsigned n = 0;
    int r = 0;

    memory->changed = memory->held;
    if (memory->held)
        return 0;
    for (unsigned i = 0; i < VMM_SHADOW_SEGMENTS; i++) {
        struct piece piece = wanted_segment (memory, i);
        struct piece *last = n > 0 ? &wanted[n - 1] : NULL;

        if (piece.size == 0)
            continue;
        if (last && last->base + last->size == piece.base && last->read_only == piece.read_only &&
            (uint8_t *) last->host + last->size == (uint8_t *) piece.host)
            last->size += piece.size;
        else
            wanted[n++] = piece;
    }
    for (unsigned i = 0; i < VMM_SHADOW_SEGMENTS; i++) {
        struct piece *piece = &memory->pieces[i];
        bool keep = false;

        for (unsigned j = 0; j < n && piece->size > 0; j++) {
            if (same_piece (piece, &wanted[j])) {
                wanted[j].number = piece->number;
                keep = true;
            }
        }
        if (piece->size > 0 && !keep)
            hide (memory, piece->number, piece->base, piece->host);
        piece->size = 0;
    }
    for (unsigned j = 0; j < n; j++) {
        if (wanted[j].number < 0)
            wanted[j].number = show (memory, wanted[j].base, wanted[j].host, wanted[j].size,
                                     wanted[j].read_only ? KVM_MEMORY_READ_ONLY : 0);
        if (wanted[j].number < 0)
            r = wanted[j].number;
        else
            memory->pieces[j] = wanted[j];
    }
    return r;
}

int
vmm_memory_set_shadow (struct vmm_memory *memory, const enum vmm_shadow modes[VMM_SHADOW_SEGMENTS])
{
    int r = 0;

    pthread_mutex_lock (&memory->mutex);
    if (memcmp (memory->modes, modes, sizeof memory->modes) != 0) {
        memcpy (memory->modes, modes, sizeof memory->modes);
        r = update_shadow (memory);
    }
    pthread_mutex_unlock (&memory->mutex);
    return r;
}

void
vmm_memory_hold (struct vmm_memory *memory)
{
    pthread_mutex_lock (&memory->mutex);
    memory->held = true;
    pthread_mutex_unlock (&memory->mutex);
}

int
vmm_memory_release (struct vmm_memory *memory)
{
    int r = 0;

    pthread_mutex_lock (&memory->mutex);
    memory->held = false;
    if (memory->changed)
        r = update_shadow (memory);
    pthread_mutex_unlock (&memory->mutex);
    return r;
}

static void
advise (void *at, uint64_t size)
{
    madvise (at, size, MADV_HUGEPAGE);
    madvise (at, size, MADV_DONTFORK);
    madvise (at, size, MADV_DONTDUMP);
}

int
vmm_memory_create (struct kvm_vm *vm, struct vmm_bus *bus, uint64_t size,
                   struct vmm_memory **ret_memory, struct vmm_error *error)
{
    struct vmm_memory *memory = calloc (1, sizeof *memory);
    int r;

    if (!memory)
        return vmm_error_set (error, -ENOMEM, "out of memory");
    memory->vm = vm;
    memory->bus = bus;
    memory->base_fd = -1;
    memory->low = size >= LOW_LIMIT ? LOW_WHEN_SPLIT : size;
    memory->high = size - memory->low;
    memory->n_numbers = vm ? MIN_OF (kvm_vm_max_slots (vm), MAX_SLOTS) : MAX_SLOTS;
    pthread_mutex_init (&memory->mutex, NULL);
    list_init (&memory->slots);
    memory->ram = mmap (NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory->ram == MAP_FAILED) {
        r = -errno;
        memory->ram = NULL;
        vmm_memory_destroy (memory);
        return vmm_error_set_errno (error, r, "%llu MiB of guest memory cannot be mapped",
                                    (unsigned long long) (size / MIB));
    }
    advise (memory->ram, size);

    memory->shadow_region = (struct vmm_region) {
        .name = "bios-shadow",
        .space = VMM_SPACE_MMIO,
        .size = SHADOW_END - SHADOW_START,
        .priority = -1,
        .read = shadow_read,
        .write = shadow_write,
        .opaque = memory,
    };
    r = vmm_bus_map (bus, &memory->shadow_region, SHADOW_START);
    if (r >= 0)
        r = show (memory, 0, memory->ram, VGA_START, 0);
    if (r >= 0)
        r = show (memory, SHADOW_END, memory->ram + SHADOW_END, memory->low - SHADOW_END, 0);
    if (r >= 0 && memory->high)
        r = show (memory, 4 * GIB, memory->ram + memory->low, memory->high, 0);
    if (r < 0) {
        vmm_memory_destroy (memory);
        return vmm_error_set_errno (error, r, "KVM refuses %llu MiB of guest memory",
                                    (unsigned long long) (size / MIB));
    }
    *ret_memory = memory;
    return 0;
}

void
vmm_memory_destroy (struct vmm_memory *memory)
{
    if (!memory)
        return;
    if (memory->ram)
        munmap (memory->ram, memory->low + memory->high);
    close_fd (memory->base_fd);
    if (memory->rom)
        munmap (memory->rom, memory->rom_size);
    pthread_mutex_destroy (&memory->mutex);
    free (memory);
}

int
vmm_memory_set_rom (struct vmm_memory *memory, const void *rom, size_t size,
                    struct vmm_error *error)
{
    int r;

    if (memory->rom || size == 0 || size > 16 * MIB || size % SEGMENT_SIZE != 0)
        return vmm_error_set (error, -EINVAL, "a firmware image of %zu bytes cannot be mapped",
                              size);
    memory->rom = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory->rom == MAP_FAILED) {
        memory->rom = NULL;
        return vmm_error_set (error, -ENOMEM, "out of memory for the firmware image");
    }
    memory->rom_size = size;
    memcpy (memory->rom, rom, size);
    vmm_slot_init (&memory->rom_slot, memory, memory->rom, size, VMM_SLOT_READ_ONLY);
    r = vmm_slot_map (&memory->rom_slot, 4 * GIB - size);
    if (r >= 0) {
        pthread_mutex_lock (&memory->mutex);
        r = update_shadow (memory);
        pthread_mutex_unlock (&memory->mutex);
    }
    return r < 0 ? vmm_error_set_errno (error, r, "KVM cannot map the firmware image") : 0;
}

bool
vmm_memory_shadow_rom (struct vmm_memory *memory)
{
    if (!memory->rom || memory->rom_size != SHADOW_END - SHADOW_START)
        return false;
    memcpy (memory->ram + SHADOW_START, memory->rom, memory->rom_size);
    return true;
}

/* Zeroes in new pages of nobody's, in one step for who is looking on. */
static int
renew (void *at, uint64_t size)
{
    if (mmap (at, size, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
        return -errno;
    advise (at, size);
    return 0;
}

/* Back to what it is without a file. */
static void
leave_file (struct vmm_memory *memory)
{
    memory->base_fd = close_fd (memory->base_fd);
}

void
vmm_memory_clear (struct vmm_memory *memory)
{
    uint64_t size = memory->low + memory->high;

    if (memory->base_fd < 0)
        madvise (memory->ram, size, MADV_DONTNEED);
    else if (renew (memory->ram, size) == 0)
        leave_file (memory);
    else
        memset (memory->ram, 0, size);
}

const void *
vmm_memory_begin_fork (struct vmm_memory *memory, uint64_t *ret_size, int *ret_base)
{
    *ret_size = memory->low + memory->high;
    *ret_base = memory->base_fd;
    madvise (memory->ram, *ret_size, MADV_DOFORK);
    return memory->ram;
}

void
vmm_memory_end_fork (struct vmm_memory *memory)
{
    madvise (memory->ram, memory->low + memory->high, MADV_DONTFORK);
}

int
vmm_memory_take_file (struct vmm_memory *memory, int fd, void **ret_before, int *ret_base,
                      struct vmm_error *error)
{
    uint64_t size = memory->low + memory->high;
    AUTO_FD base = -1;
    struct stat status;
    void *before;
    int r;

    if (fstat (fd, &status) < 0 || !S_ISREG (status.st_mode) || (uint64_t) status.st_size != size)
        return vmm_error_set (error, -EINVAL,
                              "the file with the saved memory is not %llu MiB long: it is damaged",
                              (unsigned long long) (size / MIB));
    base = fcntl (fd, F_DUPFD_CLOEXEC, 0);
    if (base < 0)
        return vmm_error_set_errno (error, -errno, "the saved memory cannot be kept open");
    /* Moves the pages and leaves the range taken, or another thread's mapping might get it. */
    before = mremap (memory->ram, size, size, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
    if (before == MAP_FAILED)
        before = NULL;
    if (mmap (memory->ram, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED,
              fd, 0) == MAP_FAILED) {
        r = -errno;
        if (before)
            vmm_memory_put_back (memory, before, memory->base_fd);
        return vmm_error_set_errno (error, r, "the saved memory cannot be mapped");
    }
    advise (memory->ram, size);
    *ret_before = before;
    *ret_base = memory->base_fd;
    memory->base_fd = STEAL_FD (base);
    return 0;
}

void
vmm_memory_put_back (struct vmm_memory *memory, void *before, int base)
{
    uint64_t size = memory->low + memory->high;

    /* Cannot fail for want of memory: as many mappings are there already. */
    mremap (before, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, memory->ram);
    if (memory->base_fd != base)
        close_fd (memory->base_fd);
    memory->base_fd = base;
}

void
vmm_memory_forget (struct vmm_memory *memory, void *before, int base)
{
    if (before)
        munmap (before, memory->low + memory->high);
    close_fd (base);
}

uint64_t
vmm_memory_low_size (const struct vmm_memory *memory)
{
    return memory->low;
}

uint64_t
vmm_memory_high_size (const struct vmm_memory *memory)
{
    return memory->high;
}

void *
vmm_memory_pointer (struct vmm_memory *memory, uint64_t address, size_t length)
{
    if (range_fits (address, length, VGA_START))
        return memory->ram + address;
    if (address >= SHADOW_START && range_fits (address, length, memory->low))
        return memory->ram + address;
    if (address >= 4 * GIB && range_fits (address - 4 * GIB, length, memory->high))
        return memory->ram + memory->low + (address - 4 * GIB);
    return NULL;
}

int
vmm_memory_read (struct vmm_memory *memory, uint64_t address, void *buffer, size_t length)
{
    const void *from = vmm_memory_pointer (memory, address, length);

    if (!from)
        return -EFAULT;
    memcpy (buffer, from, length);
    return 0;
}

int
vmm_memory_write (struct vmm_memory *memory, uint64_t address, const void *buffer, size_t length)
{
    void *to = vmm_memory_pointer (memory, address, length);

    if (!to)
        return -EFAULT;
    memcpy (to, buffer, length);
    return 0;
}

int
vmm_memory_discard (struct vmm_memory *memory, uint64_t address, uint64_t length)
{
    uint64_t first = align_up (address, PAGE_SIZE_4K), last;
    void *at;

    if (first < address || length > memory->low + memory->high)
        return -EFAULT;
    last = align_down (address + length, PAGE_SIZE_4K);
    if (last <= first)
        return 0;
    at = vmm_memory_pointer (memory, first, last - first);
    if (!at)
        return -EFAULT;
    if (memory->base_fd < 0)
        return madvise (at, last - first, MADV_DONTNEED) < 0 ? -errno : 0;
    /* Where the file's bytes would come back instead; not for little, as each makes a mapping. */
    if (last - first < WORTH_A_MAPPING || renew (at, last - first) < 0)
        memset (at, 0, last - first);
    return 0;
}

void
vmm_slot_init (struct vmm_slot *slot, struct vmm_memory *memory, void *host, uint64_t size,
               unsigned flags)
{
    *slot = (struct vmm_slot) {
        .memory = memory,
        .host = host,
        .size = size,
        .read_only = flags & VMM_SLOT_READ_ONLY,
        .log_dirty = flags & VMM_SLOT_LOG_DIRTY,
        .number = -1,
    };
    list_init (&slot->link);
}

static bool
overlaps (uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

/* Whether [base, base + size) is free of RAM, the shadow window and other slots. Locked. */
static bool
is_free (struct vmm_memory *memory, const struct vmm_slot *self, uint64_t base, uint64_t size)
{
    struct vmm_slot *slot;

    if (size == 0 || base + size < base || overlaps (base, size, 0, VGA_START) ||
        overlaps (base, size, SHADOW_START, memory->low - SHADOW_START))
        return false;
    if (memory->high && overlaps (base, size, 4 * GIB, memory->high))
        return false;
    list_for_each (slot, &memory->slots, link) {
        if (slot != self && overlaps (base, size, slot->base, slot->size))
            return false;
    }
    return true;
}

static void
unmap_locked (struct vmm_slot *slot)
{
    if (!slot->mapped)
        return;
    hide (slot->memory, slot->number, slot->base, slot->host);
    list_remove (&slot->link);
    slot->mapped = false;
    slot->number = -1;
}

int
vmm_slot_map (struct vmm_slot *slot, uint64_t base)
{
    struct vmm_memory *memory = slot->memory;
    int r = 0;

    pthread_mutex_lock (&memory->mutex);
    if (!slot->mapped || slot->base != base) {
        unmap_locked (slot);
        if (base % PAGE_SIZE_4K != 0 || !is_free (memory, slot, base, slot->size))
            r = -EEXIST;
        else
            r = show (memory, base, slot->host, slot->size,
                      (slot->read_only ? KVM_MEMORY_READ_ONLY : 0) |
                          (slot->log_dirty ? KVM_MEMORY_LOG_DIRTY : 0));
        if (r >= 0) {
            slot->number = r;
            slot->base = base;
            slot->mapped = true;
            list_append (&memory->slots, &slot->link);
            r = 0;
        }
    }
    pthread_mutex_unlock (&memory->mutex);
    return r;
}

void
vmm_slot_unmap (struct vmm_slot *slot)
{
    if (!slot->memory)
        return;
    pthread_mutex_lock (&slot->memory->mutex);
    unmap_locked (slot);
    pthread_mutex_unlock (&slot->memory->mutex);
}

int
vmm_slot_fetch_dirty (struct vmm_slot *slot, uint64_t *bitmap)
{
    size_t words = (slot->size / PAGE_SIZE_4K + 63) / 64;
    int r = 1;

    pthread_mutex_lock (&slot->memory->mutex);
    if (!slot->memory->vm)
        memset (bitmap, 0xff, words * 8);
    else if (!slot->mapped || !slot->log_dirty) {
        memset (bitmap, 0, words * 8);
        r = 0;
    } else {
        r = kvm_vm_get_dirty (slot->memory->vm, (unsigned) slot->number, bitmap);
        for (size_t i = 0; r == 0 && i < words; i++)
            r = bitmap[i] != 0;
    }
    pthread_mutex_unlock (&slot->memory->mutex);
    return r;
}

void *
vmm_memory_guest_pointer (struct vmm_memory *memory, uint64_t address, size_t length,
                          bool for_write)
{
    struct vmm_slot *slot;
    void *found = NULL;

    if (address < SHADOW_START || address >= SHADOW_END)
        found = vmm_memory_pointer (memory, address, length);
    pthread_mutex_lock (&memory->mutex);
    list_for_each (slot, &memory->slots, link) {
        if (address >= slot->base && range_fits (address - slot->base, length, slot->size) &&
            !(for_write && slot->read_only))
            found = (uint8_t *) slot->host + (address - slot->base);
    }
    pthread_mutex_unlock (&memory->mutex);
    return found;
}
