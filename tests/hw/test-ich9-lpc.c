/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/pci/pci.h"
#include "test-chipset.h"

#define PM  0x600
#define SCI 9

static struct testbed *
new_with_pm (void)
{
    struct testbed *bed = new_platform (false);

    testbed_pci_write (bed, LPC, 0x40, 4, PM | 1);
    testbed_pci_write (bed, LPC, 0x44, 1, 0x80);
    return bed;
}

TEST (tells_firmware_what_it_is)
{
    struct testbed *bed = new_platform (false);

    CHECK_EQUAL (testbed_pci_read (bed, LPC, 0x00, 4), 0x29188086);
    CHECK_EQUAL (testbed_pci_read (bed, LPC, 0x0A, 2), 0x0601);
    CHECK_EQUAL (testbed_pci_read (bed, LPC, 0x0E, 1), 0x80);
    CHECK_EQUAL (testbed_pci_read (bed, LPC, 0x40, 4), 1);
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQUAL (testbed_pci_read (bed, LPC, 0x60 + i, 1), 0x80);
        CHECK_EQUAL (testbed_pci_read (bed, LPC, 0x68 + i, 1), 0x80);
    }
    testbed_free (bed);
}

TEST (pm_block_appears_where_and_when_enabled)
{
    struct testbed *bed = new_platform (false);

    CHECK_EQUAL (testbed_in (bed, PM + 4, 2), 0xFFFF);
    testbed_pci_write (bed, LPC, 0x40, 4, PM | 1);
    CHECK_EQUAL (testbed_in (bed, PM + 4, 2), 0xFFFF);
    testbed_pci_write (bed, LPC, 0x44, 1, 0x80);
    CHECK_EQUAL (testbed_in (bed, PM + 4, 2), 0);
    testbed_pci_write (bed, LPC, 0x40, 4, 0xB001);
    CHECK_EQUAL (testbed_in (bed, PM + 4, 2), 0xFFFF);
    CHECK_EQUAL (testbed_in (bed, 0xB004, 2), 0);
    testbed_free (bed);
}

TEST (preset_enables_pm_block_and_sci)
{
    struct testbed *bed = new_platform (true);

    CHECK_EQUAL (testbed_in (bed, PM + 4, 2), 1);
    CHECK_EQUAL (testbed_pci_read (bed, LPC, 0x60, 4), 0x0B0B0A0A);
    testbed_free (bed);
}

TEST (timer_counts_24_bits)
{
    struct testbed *bed = new_with_pm ();
    uint32_t first = (uint32_t) testbed_in (bed, PM + 8, 4), second;

    do
        second = (uint32_t) testbed_in (bed, PM + 8, 4);
    while (second == first);
    CHECK (first <= 0xFFFFFF && second <= 0xFFFFFF);
    CHECK (((second - first) & 0xFFFFFF) < 3579545);
    testbed_free (bed);
}

TEST (timer_status_follows_bit_23)
{
    struct testbed *bed = new_with_pm ();
    struct vmm_clock *clock = vmm_device_clock (testbed_device (bed, "lpc"));

    testbed_out (bed, PM, 2, 0xFFFF);
    CHECK_EQUAL (testbed_in (bed, PM, 2) & 1, 0);
    /* 2^23 ticks last 2.343 s. */
    vmm_clock_set (clock, UINT64_C (2400000000));
    CHECK_EQUAL (testbed_in (bed, PM, 2) & 1, 1);
    testbed_out (bed, PM, 2, 1);
    CHECK_EQUAL (testbed_in (bed, PM, 2) & 1, 0);
    testbed_free (bed);
}

static bool
sci_is_up (void *data)
{
    return testbed_irq_level (data, SCI);
}

TEST (timer_overflow_raises_the_sci)
{
    struct testbed *bed = new_with_pm ();
    struct vmm_clock *clock = vmm_device_clock (testbed_device (bed, "lpc"));

    testbed_out (bed, 0xB2, 1, 2);
    testbed_out (bed, PM + 2, 2, 1);
    CHECK (!testbed_irq_level (bed, SCI));
    vmm_clock_set (clock, UINT64_C (2343000000));
    CHECK (testbed_wait (bed, sci_is_up, bed, 5000));
    testbed_out (bed, PM, 2, 1);
    CHECK (!testbed_irq_level (bed, SCI));
    testbed_free (bed);
}

TEST (apm_command_switches_acpi_mode)
{
    struct testbed *bed = new_with_pm ();

    testbed_out (bed, 0xB2, 1, 2);
    CHECK_EQUAL (testbed_in (bed, PM + 4, 2), 1);
    CHECK_EQUAL (testbed_in (bed, 0xB2, 1), 2);
    testbed_out (bed, 0xB2, 1, 3);
    CHECK_EQUAL (testbed_in (bed, PM + 4, 2), 0);
    testbed_out (bed, 0xB3, 1, 0xAB);
    CHECK_EQUAL (testbed_in (bed, 0xB3, 1), 0xAB);
    CHECK_EQUAL (testbed_in (bed, PM + 4, 2), 0);
    testbed_free (bed);
}

TEST (power_button_raises_the_sci_until_acknowledged)
{
    struct testbed *bed = new_with_pm ();

    testbed_out (bed, PM + 2, 2, 0x100);
    testbed_press_power_button (bed);
    CHECK_EQUAL (testbed_in (bed, PM, 2) & 0x100, 0x100);
    CHECK (!testbed_irq_level (bed, SCI));
    testbed_out (bed, 0xB2, 1, 2);
    CHECK (testbed_irq_level (bed, SCI));
    /* A byte write clears only what it carries. */
    testbed_out (bed, PM, 1, 0xFF);
    CHECK (testbed_irq_level (bed, SCI));
    testbed_out (bed, PM + 1, 1, 0x01);
    CHECK (!testbed_irq_level (bed, SCI));
    testbed_free (bed);
}

TEST (sleep_type_0_powers_off_and_others_do_nothing)
{
    struct testbed *bed = new_with_pm ();

    testbed_out (bed, PM + 4, 2, 1 << 10 | 1 << 13);
    CHECK (!testbed_took_power_off (bed));
    testbed_out (bed, PM + 4, 2, 0);
    CHECK (!testbed_took_power_off (bed));
    testbed_out (bed, PM + 4, 2, 1 << 13);
    CHECK (testbed_took_power_off (bed));
    CHECK_EQUAL (testbed_in (bed, PM + 4, 2) & 1 << 13, 0);
    testbed_free (bed);
}

TEST (smi_enable_says_that_smm_is_set_up)
{
    struct testbed *bed = new_with_pm ();

    CHECK_EQUAL (testbed_in (bed, PM + 0x30, 4), 0x20);
    testbed_out (bed, PM + 0x30, 4, 0);
    CHECK_EQUAL (testbed_in (bed, PM + 0x30, 4), 0x20);
    testbed_out (bed, PM + 0x30, 4, 0x21);
    CHECK_EQUAL (testbed_in (bed, PM + 0x30, 4), 0x21);
    testbed_free (bed);
}

TEST (gpe0_enables_are_kept_and_status_is_not_writable)
{
    struct testbed *bed = new_with_pm ();

    for (unsigned i = 0; i < 8; i++) {
        testbed_out (bed, (uint16_t) (PM + 0x28 + i), 1, 0x10 + i);
        testbed_out (bed, (uint16_t) (PM + 0x20 + i), 1, 0xFF);
    }
    for (unsigned i = 0; i < 8; i++) {
        CHECK_EQUAL (testbed_in (bed, (uint16_t) (PM + 0x28 + i), 1), 0x10 + i);
        CHECK_EQUAL (testbed_in (bed, (uint16_t) (PM + 0x20 + i), 1), 0);
    }
    testbed_free (bed);
}

TEST (reset_register_resets_on_bit_2)
{
    struct testbed *bed = new_platform (false);

    testbed_out (bed, 0xCF9, 1, 2);
    CHECK (!testbed_took_reset (bed));
    CHECK_EQUAL (testbed_in (bed, 0xCF9, 1), 2);
    testbed_out (bed, 0xCF9, 1, 6);
    CHECK (testbed_took_reset (bed));
    testbed_free (bed);
}

TEST (a_reset_asked_for_many_times_is_one)
{
    struct testbed *bed = new_platform (false);

    for (unsigned i = 0; i < 1000; i++) {
        testbed_out (bed, 0xCF9, 1, 6);
        testbed_out (bed, 0x92, 1, 1);
    }
    CHECK (testbed_took_reset (bed)); /* fails if there are several */
    testbed_out (bed, 0xCF9, 1, 6);
    CHECK (testbed_took_reset (bed));
    testbed_free (bed);
}

TEST (configuration_address_and_reset_register_share_a_dword)
{
    struct testbed *bed = new_platform (false);

    testbed_out (bed, 0xCF8, 4, 0x80000600);
    CHECK (!testbed_took_reset (bed));
    CHECK_EQUAL (testbed_in (bed, 0xCF8, 4), 0x80000600);
    testbed_out (bed, 0xCF9, 1, 2);
    CHECK_EQUAL (testbed_in (bed, 0xCF8, 4), 0x80000600);
    testbed_free (bed);
}

TEST (port_92_resets_and_shows_a20_open)
{
    struct testbed *bed = new_platform (false);

    CHECK_EQUAL (testbed_in (bed, 0x92, 1), 2);
    testbed_out (bed, 0x92, 1, 0);
    CHECK_EQUAL (testbed_in (bed, 0x92, 1), 2);
    CHECK (!testbed_took_reset (bed));
    testbed_out (bed, 0x92, 1, 3);
    CHECK (testbed_took_reset (bed));
    testbed_free (bed);
}

TEST (rcba_says_that_there_is_no_watchdog)
{
    struct testbed *bed = new_platform (false);

    testbed_pci_write (bed, LPC, 0xF0, 4, 0xFED1C001);
    CHECK_EQUAL (testbed_read (bed, 0xFED1C000 + 0x3410, 4), 0x20);
    testbed_write (bed, 0xFED1C000 + 0x3410, 4, 0);
    CHECK_EQUAL (testbed_read (bed, 0xFED1C000 + 0x3410, 1), 0x20);
    CHECK_EQUAL (testbed_read (bed, 0xFED1C000, 4), 0);
    testbed_pci_write (bed, LPC, 0xF0, 4, 0);
    CHECK_EQUAL (testbed_read (bed, 0xFED1C000, 4), 0xFFFFFFFF);
    testbed_free (bed);
}

TEST (reset_brings_back_power_on_values)
{
    struct testbed *bed = new_with_pm ();

    testbed_out (bed, 0xB2, 1, 2);
    testbed_out (bed, PM + 2, 2, 0x100);
    testbed_press_power_button (bed);
    CHECK (testbed_irq_level (bed, SCI));
    testbed_reset (bed);
    CHECK (!testbed_irq_level (bed, SCI));
    CHECK_EQUAL (testbed_in (bed, PM, 2), 0xFFFF);
    CHECK_EQUAL (testbed_pci_read (bed, LPC, 0x40, 2), 1);
    testbed_free (bed);
}

TEST (dma_controllers_keep_what_was_written)
{
    struct testbed *bed = new_platform (false);

    CHECK_EQUAL (testbed_in (bed, 0x08, 1), 0);
    CHECK_EQUAL (testbed_in (bed, 0xD0, 1), 0);
    testbed_out (bed, 0x0C, 1, 0);
    testbed_out (bed, 0x02, 1, 0x34);
    testbed_out (bed, 0x02, 1, 0x12);
    testbed_out (bed, 0x0C, 1, 0);
    CHECK_EQUAL (testbed_in (bed, 0x02, 1), 0x34);
    CHECK_EQUAL (testbed_in (bed, 0x02, 1), 0x12);
    testbed_out (bed, 0xDA, 1, 0);
    CHECK_EQUAL (testbed_in (bed, 0xDE, 1), 0x0F);
    testbed_out (bed, 0xD4, 1, 0);
    CHECK_EQUAL (testbed_in (bed, 0xDE, 1), 0x0E);
    testbed_out (bed, 0x81, 1, 0x77);
    CHECK_EQUAL (testbed_in (bed, 0x81, 1), 0x77);
    testbed_free (bed);
}

TEST (survives_random_port_accesses)
{
    struct testbed *bed = new_with_pm ();

    hammer_ports (bed, PM, 128, 20000, 2);
    hammer_ports (bed, 0x80, 0x60, 20000, 3);
    hammer_ports (bed, 0x00, 0x10, 5000, 4);
    testbed_took_reset (bed);
    testbed_took_power_off (bed);
    testbed_free (bed);
}

TEST (saves_and_restores)
{
    struct testbed *bed = new_with_pm ();

    testbed_out (bed, 0xB2, 1, 2);
    testbed_out (bed, PM + 2, 2, 0x100);
    testbed_press_power_button (bed);
    testbed_pci_write (bed, LPC, 0x60, 4, 0x0B0B0A0A);
    testbed_check_round_trip (bed);
    CHECK (testbed_irq_level (bed, SCI));
    CHECK_EQUAL (testbed_in (bed, PM, 2) & 0x100, 0x100);
    CHECK_EQUAL (testbed_pci_read (bed, LPC, 0x60, 4), 0x0B0B0A0A);
    testbed_free (bed);
}

TAP_MAIN ()
