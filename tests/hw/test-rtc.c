/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <time.h>

#include "test-chipset.h"

static uint8_t
cmos (struct testbed *bed, uint8_t index)
{
    testbed_out (bed, 0x70, 1, index);
    return (uint8_t) testbed_in (bed, 0x71, 1);
}

static void
set_cmos (struct testbed *bed, uint8_t index, uint8_t value)
{
    testbed_out (bed, 0x70, 1, index);
    testbed_out (bed, 0x71, 1, value);
}

static unsigned
bcd (uint8_t value)
{
    return (value >> 4) * 10u + (value & 15);
}

/* The clock as seconds since 1970, read as an operating system does: until two readings agree. */
static time_t
read_clock (struct testbed *bed)
{
    struct tm tm = {0};

    do {
        tm.tm_sec = (int) bcd (cmos (bed, 0));
        tm.tm_min = (int) bcd (cmos (bed, 2));
        tm.tm_hour = (int) bcd (cmos (bed, 4));
        tm.tm_mday = (int) bcd (cmos (bed, 7));
        tm.tm_mon = (int) bcd (cmos (bed, 8)) - 1;
        tm.tm_year = (int) (bcd (cmos (bed, 0x32)) * 100 + bcd (cmos (bed, 9))) - 1900;
    } while (tm.tm_sec != (int) bcd (cmos (bed, 0)));
    return timegm (&tm);
}

static void
set_clock (struct testbed *bed, const uint8_t values[7])
{
    static const uint8_t registers[] = {0x00, 0x02, 0x04, 0x07, 0x08, 0x09, 0x32};

    set_cmos (bed, 0x0B, cmos (bed, 0x0B) | 0x80);
    for (unsigned i = 0; i < ARRAY_LENGTH (registers); i++)
        set_cmos (bed, registers[i], values[i]);
    set_cmos (bed, 0x0B, cmos (bed, 0x0B) & 0x7F);
}

TEST (starts_with_the_hosts_utc)
{
    struct testbed *bed = new_platform (false);
    time_t before = time (NULL), guest = read_clock (bed);

    CHECK (guest >= before - 1 && guest <= time (NULL) + 1);
    CHECK_EQUAL (cmos (bed, 0x0D), 0x80);
    CHECK_EQUAL (cmos (bed, 0x0B), 0x02);
    CHECK_EQUAL (cmos (bed, 0x0A) & 0x7F, 0x26);
    testbed_free (bed);
}

TEST (setting_the_clock_lasts)
{
    struct testbed *bed = new_platform (false);
    static const uint8_t date[] = {0x56, 0x34, 0x12, 0x28, 0x02, 0x00, 0x20};
    time_t guest;

    set_clock (bed, date);
    guest = read_clock (bed);
    CHECK (guest >= 951741296 && guest <= 951741298);
    CHECK_EQUAL (cmos (bed, 6), 2); /* a Monday */
    testbed_reset (bed);
    CHECK (read_clock (bed) - guest <= 2);
    testbed_free (bed);
}

TEST (stands_still_while_set)
{
    struct testbed *bed = new_platform (false);

    set_cmos (bed, 0x0B, 0x82);
    set_cmos (bed, 0x00, 0x99);
    CHECK_EQUAL (cmos (bed, 0x00), 0x99);
    CHECK_EQUAL (cmos (bed, 0x0A) & 0x80, 0);
    testbed_free (bed);
}

TEST (binary_and_12_hour_modes)
{
    struct testbed *bed = new_platform (false);
    static const uint8_t afternoon[] = {0, 30, 0x80 | 3, 31, 12, 24, 20};

    set_cmos (bed, 0x0B, 0x84);
    set_clock (bed, afternoon);
    CHECK_EQUAL (cmos (bed, 4), 0x83);
    CHECK_EQUAL (cmos (bed, 8), 12);
    set_cmos (bed, 0x0B, 0x02);
    CHECK_EQUAL (cmos (bed, 4), 0x15);
    CHECK_EQUAL (cmos (bed, 8), 0x12);
    testbed_free (bed);
}

static bool
irq_8 (void *data)
{
    return testbed_irq_level (data, 8);
}

TEST (update_interrupt_every_second)
{
    struct testbed *bed = new_platform (false);

    cmos (bed, 0x0C);
    set_cmos (bed, 0x0B, 0x12);
    CHECK (testbed_wait (bed, irq_8, bed, 3000));
    CHECK_EQUAL (cmos (bed, 0x0C) & 0x90, 0x90);
    CHECK (!testbed_irq_level (bed, 8));
    CHECK (testbed_wait (bed, irq_8, bed, 3000));
    testbed_free (bed);
}

TEST (alarm_interrupt_at_its_time)
{
    struct testbed *bed = new_platform (false);
    static const uint8_t date[] = {0x58, 0x59, 0x23, 0x31, 0x12, 0x99, 0x19};

    set_cmos (bed, 0x01, 0x00);
    set_cmos (bed, 0x03, 0x00);
    set_cmos (bed, 0x05, 0xFF);
    set_clock (bed, date);
    cmos (bed, 0x0C);
    set_cmos (bed, 0x0B, 0x22);
    CHECK (testbed_wait (bed, irq_8, bed, 4000));
    CHECK_EQUAL (cmos (bed, 0x0C) & 0xA0, 0xA0);
    CHECK_EQUAL (cmos (bed, 0x32), 0x20);
    testbed_free (bed);
}

TEST (periodic_interrupt_at_its_rate)
{
    struct testbed *bed = new_platform (false);
    struct vmm_clock *clock = vmm_device_clock (testbed_device (bed, "rtc"));
    uint64_t start;
    unsigned count = 0;

    set_cmos (bed, 0x0A, 0x2A); /* 64 Hz */
    set_cmos (bed, 0x0B, 0x42);
    cmos (bed, 0x0C);
    start = vmm_clock_now (clock);
    while (vmm_clock_now (clock) - start < 500000000) {
        vmm_loop_iterate (vmm_device_loop (testbed_device (bed, "rtc")), 5);
        if (testbed_irq_level (bed, 8)) {
            CHECK_EQUAL (cmos (bed, 0x0C) & 0xC0, 0xC0);
            count++;
        }
    }
    /* 32 on an idle host; a busy one merges some. */
    CHECK (count >= 8 && count <= 33);
    testbed_free (bed);
}

TEST (periodic_flag_can_be_polled)
{
    struct testbed *bed = new_platform (false);
    struct vmm_clock *clock = vmm_device_clock (testbed_device (bed, "rtc"));

    cmos (bed, 0x0C);
    CHECK_EQUAL (cmos (bed, 0x0C) & 0x80, 0);
    vmm_clock_set (clock, vmm_clock_now (clock) + 10000000);
    CHECK_EQUAL (cmos (bed, 0x0C) & 0xC0, 0x40);
    CHECK (!testbed_irq_level (bed, 8));
    testbed_free (bed);
}

TEST (memory_sizes_agree_with_the_ram)
{
    struct testbed *bed = new_platform (false);
    unsigned above_16m = (unsigned) ((TESTBED_RAM - 16 * MIB) / (64 * KIB));

    CHECK_EQUAL (cmos (bed, 0x15) | cmos (bed, 0x16) << 8, 640);
    CHECK_EQUAL (cmos (bed, 0x17) | cmos (bed, 0x18) << 8, (TESTBED_RAM - MIB) / KIB);
    CHECK_EQUAL (cmos (bed, 0x30) | cmos (bed, 0x31) << 8, (TESTBED_RAM - MIB) / KIB);
    CHECK_EQUAL (cmos (bed, 0x34) | cmos (bed, 0x35) << 8, above_16m);
    CHECK_EQUAL (cmos (bed, 0x5B) | cmos (bed, 0x5C) | cmos (bed, 0x5D), 0);
    CHECK_EQUAL (cmos (bed, 0x5F), 1);
    CHECK_EQUAL (cmos (bed, 0x3D), 0x23);
    testbed_free (bed);
}

TEST (memory_keeps_its_bytes_over_a_reset)
{
    struct testbed *bed = new_platform (false);

    set_cmos (bed, 0x0F, 0x0A);
    set_cmos (bed, 0x80 | 0x40, 0x5A); /* bit 7 is the NMI mask, not part of the index */
    testbed_reset (bed);
    CHECK_EQUAL (cmos (bed, 0x0F), 0x0A);
    CHECK_EQUAL (cmos (bed, 0x40), 0x5A);
    testbed_free (bed);
}

TEST (survives_nonsense_in_the_time_registers)
{
    struct testbed *bed = new_platform (false);
    uint64_t seed = 5;

    for (unsigned i = 0; i < 20000; i++) {
        uint64_t random = next_random (&seed);

        set_cmos (bed, random & 0x3F, (uint8_t) (random >> 32));
        cmos (bed, random >> 8 & 0x3F);
    }
    hammer_ports (bed, 0x70, 2, 20000, 6);
    testbed_settle (bed);
    testbed_free (bed);
}

TEST (saves_and_restores)
{
    struct testbed *bed = new_platform (false);
    static const uint8_t date[] = {0x56, 0x34, 0x12, 0x28, 0x02, 0x00, 0x20};

    set_clock (bed, date);
    set_cmos (bed, 0x40, 0x77);
    testbed_check_round_trip (bed);
    CHECK_EQUAL (cmos (bed, 0x40), 0x77);
    CHECK_EQUAL (cmos (bed, 4), 0x12);
    CHECK_EQUAL (cmos (bed, 0x32), 0x20);
    testbed_free (bed);
}

TEST (a_saved_time_that_is_refused_leaves_nothing_behind)
{
    struct testbed *bed = new_platform (false);
    struct vmm_device *device = testbed_device (bed, "rtc");
    struct vmm_state_writer stream = {0};
    struct vmm_state_reader reader;
    struct vmm_error error = {0};
    uint8_t *offset;

    CHECK_EQUAL (vmm_state_save (&stream, "rtc", device->device_class->state, device), 0);
    offset = memmem (stream.data, stream.length, "offset", 6);
    CHECK (offset);
    store_le64 (offset + 10, UINT64_C (1) << 62);
    reader = (struct vmm_state_reader) {.data = stream.data, .length = stream.length};
    CHECK_EQUAL (vmm_state_load (&reader, "rtc", device->device_class->state, device, &error),
                 -EINVAL);
    CHECK_CONTAINS (error.message, "makes no sense");
    testbed_reset (bed);
    CHECK (llabs ((long long) (read_clock (bed) - time (NULL))) <= 1);
    testbed_check_round_trip (bed);
    vmm_state_writer_fini (&stream);
    testbed_free (bed);
}

TAP_MAIN ()
