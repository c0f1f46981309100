/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/machine.h"
#include "tap.h"
#include "testbed.h"

struct recorder {
    struct vmm_region region;
    uint64_t last_offset, last_value;
    unsigned last_size, calls;
};

static uint64_t
record_read (void *opaque, uint64_t offset, unsigned size)
{
    struct recorder *recorder = opaque;

    recorder->calls++;
    recorder->last_offset = offset;
    recorder->last_size = size;
    return 0x1111111111111111u * (offset + 1);
}

static void
record_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct recorder *recorder = opaque;

    recorder->calls++;
    recorder->last_offset = offset;
    recorder->last_size = size;
    recorder->last_value = value;
}

static struct recorder
recorder_of (enum vmm_space space, uint64_t size, int priority)
{
    return (struct recorder) {.region = {.name = "recorder",
                                         .space = space,
                                         .size = size,
                                         .priority = priority,
                                         .read = record_read,
                                         .write = record_write}};
}

#define MAP(bus, recorder, base)                                      \
    do {                                                              \
        (recorder).region.opaque = &(recorder);                       \
        CHECK_EQUAL (vmm_bus_map (bus, &(recorder).region, base), 0); \
    } while (0)

TEST (nothing_reads_as_all_ones)
{
    struct testbed *bed = testbed_new (NULL, 0);

    CHECK_EQUAL (testbed_in (bed, 0xcd8, 4), 0xffffffff);
    CHECK_EQUAL (testbed_read (bed, 0xd0000000, 8), UINT64_MAX);
    testbed_out (bed, 0xcd8, 4, 1);
    testbed_free (bed);
}

TEST (higher_priority_wins_and_gives_way)
{
    struct testbed *bed = testbed_new (NULL, 0);
    struct vmm_bus *bus = vmm_machine_bus (testbed_machine (bed));
    struct recorder low = recorder_of (VMM_SPACE_PIO, 16, 0);
    struct recorder high = recorder_of (VMM_SPACE_PIO, 4, 1);

    MAP (bus, high, 0x104);
    MAP (bus, low, 0x100);
    testbed_out (bed, 0x104, 1, 7);
    CHECK_EQUAL (high.calls, 1);
    CHECK_EQUAL (low.calls, 0);
    testbed_out (bed, 0x108, 1, 7);
    CHECK_EQUAL (low.last_offset, 8);
    vmm_bus_unmap (bus, &high.region);
    testbed_out (bed, 0x104, 1, 9);
    CHECK_EQUAL (low.last_offset, 4);
    vmm_bus_unmap (bus, &low.region);
    CHECK_EQUAL (testbed_in (bed, 0x104, 1), 0xff);
    testbed_free (bed);
}

TEST (moved_region_answers_at_its_new_place_only)
{
    struct testbed *bed = testbed_new (NULL, 0);
    struct vmm_bus *bus = vmm_machine_bus (testbed_machine (bed));
    struct recorder one = recorder_of (VMM_SPACE_MMIO, 0x1000, 0);

    MAP (bus, one, 0xd0000000);
    MAP (bus, one, 0xe0000000);
    CHECK_EQUAL (testbed_read (bed, 0xd0000010, 4), 0xffffffff);
    CHECK_EQUAL (one.calls, 0);
    testbed_read (bed, 0xe0000010, 4);
    CHECK_EQUAL (one.last_offset, 0x10);
    vmm_bus_unmap (bus, &one.region);
    testbed_free (bed);
}

TEST (wide_access_is_split_where_a_region_ends)
{
    struct testbed *bed = testbed_new (NULL, 0);
    struct vmm_bus *bus = vmm_machine_bus (testbed_machine (bed));
    struct recorder one = recorder_of (VMM_SPACE_PIO, 2, 0);

    MAP (bus, one, 0x200);
    CHECK_EQUAL (testbed_in (bed, 0x200, 4), 0xffff1111);
    CHECK_EQUAL (one.last_size, 2);
    CHECK_EQUAL (testbed_in (bed, 0x1ff, 2), 0x11ff);
    one.region.max_size = 1;
    CHECK_EQUAL (testbed_in (bed, 0x200, 2), 0x2211);
    CHECK_EQUAL (one.last_size, 1);
    vmm_bus_unmap (bus, &one.region);
    testbed_free (bed);
}

TEST (region_past_the_port_space_is_refused)
{
    struct testbed *bed = testbed_new (NULL, 0);
    struct vmm_bus *bus = vmm_machine_bus (testbed_machine (bed));
    struct recorder one = recorder_of (VMM_SPACE_PIO, 0x20, 0);

    CHECK_EQUAL (vmm_bus_map (bus, &one.region, 0xfff0), -ERANGE);
    CHECK_EQUAL (vmm_bus_map (bus, &one.region, UINT64_MAX - 4), -ERANGE);
    testbed_free (bed);
}

TEST (doorbell_takes_the_write_of_its_size)
{
    struct testbed *bed = testbed_new (NULL, 0);
    struct vmm_bus *bus = vmm_machine_bus (testbed_machine (bed));
    struct recorder one = recorder_of (VMM_SPACE_MMIO, 0x1000, 0);
    int fd = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC);
    uint64_t count = 0;

    MAP (bus, one, 0xd0000000);
    CHECK_EQUAL (vmm_bus_add_doorbell (bus, VMM_SPACE_MMIO, 0xd0000010, 2, fd), 0);
    CHECK_EQUAL (vmm_bus_add_doorbell (bus, VMM_SPACE_MMIO, 0xd0000010, 2, fd), -EEXIST);
    testbed_write (bed, 0xd0000010, 2, 1);
    CHECK_EQUAL (one.calls, 0);
    CHECK_EQUAL (read (fd, &count, sizeof count), 8);
    testbed_write (bed, 0xd0000010, 4, 1);
    CHECK_EQUAL (one.calls, 1);
    vmm_bus_remove_doorbell (bus, VMM_SPACE_MMIO, 0xd0000010, 2, fd);
    testbed_write (bed, 0xd0000010, 2, 1);
    CHECK_EQUAL (one.calls, 2);
    vmm_bus_unmap (bus, &one.region);
    close (fd);
    testbed_free (bed);
}

TEST (shadow_window_follows_its_modes)
{
    struct testbed *bed = testbed_new (NULL, 0);
    struct vmm_memory *memory = vmm_machine_memory (testbed_machine (bed));
    enum vmm_shadow modes[VMM_SHADOW_SEGMENTS] = {0};

    CHECK_EQUAL (testbed_read (bed, 0xc0000, 4), 0xffffffff);
    testbed_write (bed, 0xc0000, 4, 0x12345678);
    modes[0] = VMM_SHADOW_RAM;
    CHECK_EQUAL (vmm_memory_set_shadow (memory, modes), 0);
    CHECK_EQUAL (testbed_read (bed, 0xc0000, 4), 0);
    testbed_write (bed, 0xc0000, 4, 0x12345678);
    modes[0] = VMM_SHADOW_READ_RAM;
    CHECK_EQUAL (vmm_memory_set_shadow (memory, modes), 0);
    testbed_write (bed, 0xc0000, 4, 0);
    CHECK_EQUAL (testbed_read (bed, 0xc0000, 4), 0x12345678);
    modes[0] = VMM_SHADOW_WRITE_RAM;
    CHECK_EQUAL (vmm_memory_set_shadow (memory, modes), 0);
    testbed_write (bed, 0xc0000, 4, 5);
    CHECK_EQUAL (testbed_read (bed, 0xc0000, 4), 0xffffffff);
    modes[0] = VMM_SHADOW_RAM;
    CHECK_EQUAL (vmm_memory_set_shadow (memory, modes), 0);
    CHECK_EQUAL (testbed_read (bed, 0xc0000, 4), 5);
    testbed_free (bed);
}

TEST (accessors_refuse_what_is_not_ram)
{
    struct testbed *bed = testbed_new (NULL, 0);
    struct vmm_memory *memory = vmm_machine_memory (testbed_machine (bed));
    char buffer[16];

    CHECK_EQUAL (vmm_memory_read (memory, TESTBED_RAM - 16, buffer, 16), 0);
    CHECK_EQUAL (vmm_memory_read (memory, TESTBED_RAM - 15, buffer, 16), -EFAULT);
    CHECK_EQUAL (vmm_memory_read (memory, UINT64_MAX - 3, buffer, 16), -EFAULT);
    CHECK_EQUAL (vmm_memory_read (memory, 0xa0000, buffer, 1), -EFAULT);
    CHECK_EQUAL (vmm_memory_read (memory, 0x9fff8, buffer, 16), -EFAULT);
    CHECK_EQUAL (vmm_memory_discard (memory, 0x9f000, 0x2000), -EFAULT);
    CHECK_EQUAL (vmm_memory_discard (memory, UINT64_MAX - 3, 16), -EFAULT);
    testbed_free (bed);
}

TAP_MAIN ()
