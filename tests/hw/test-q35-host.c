/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/pci/pci.h"
#include "test-chipset.h"

#define ECAM UINT64_C (0xB0000000)

TEST (tells_firmware_what_it_is)
{
    struct testbed *bed = new_platform (false);

    CHECK_EQUAL (testbed_pci_read (bed, HOST, 0x00, 4), 0x29C08086);
    CHECK_EQUAL (testbed_pci_read (bed, HOST, 0x2C, 4), 0x11001AF4);
    CHECK_EQUAL (testbed_pci_read (bed, HOST, 0x0A, 2), 0x0600);
    testbed_free (bed);
}

TEST (powers_on_with_rom_in_the_bios_area)
{
    struct testbed *bed = new_platform (false);

    for (unsigned i = 0; i < 7; i++)
        CHECK_EQUAL (testbed_pci_read (bed, HOST, 0x90 + i, 1), 0);
    testbed_write (bed, 0xF0000, 1, 0x5A);
    CHECK_EQUAL (testbed_read (bed, 0xF0000, 1), 0xFF);
    testbed_free (bed);
}

TEST (pam_switches_segments_between_rom_and_ram)
{
    struct testbed *bed = new_platform (false);

    /* PAM1's upper half is 0xC4000–0xC7FFF. */
    testbed_pci_write (bed, HOST, 0x91, 1, 0x30);
    testbed_write (bed, 0xC4000, 1, 0x11);
    testbed_write (bed, 0xC0000, 1, 0x22);
    CHECK_EQUAL (testbed_read (bed, 0xC4000, 1), 0x11);
    CHECK_EQUAL (testbed_read (bed, 0xC0000, 1), 0xFF);

    testbed_pci_write (bed, HOST, 0x91, 1, 0x10);
    testbed_write (bed, 0xC4000, 1, 0x33);
    CHECK_EQUAL (testbed_read (bed, 0xC4000, 1), 0x11);

    testbed_pci_write (bed, HOST, 0x91, 1, 0x20);
    testbed_write (bed, 0xC4000, 1, 0x44);
    CHECK_EQUAL (testbed_read (bed, 0xC4000, 1), 0xFF);
    CHECK_EQUAL (*(uint8_t *) testbed_ram (bed, 0xC4000, 1), 0x44);

    testbed_pci_write (bed, HOST, 0x90, 1, 0xFF);
    CHECK_EQUAL (testbed_pci_read (bed, HOST, 0x90, 1), 0x30);
    testbed_write (bed, 0xFFFFF, 1, 0x55);
    CHECK_EQUAL (testbed_read (bed, 0xFFFFF, 1), 0x55);
    testbed_free (bed);
}

TEST (pciexbar_places_the_ecam_window)
{
    struct testbed *bed = new_platform (false);

    CHECK_EQUAL (testbed_read (bed, ECAM, 4), 0xFFFFFFFF);
    testbed_pci_write (bed, HOST, 0x64, 4, 0);
    testbed_pci_write (bed, HOST, 0x60, 4, ECAM | 1);
    CHECK_EQUAL (testbed_read (bed, ECAM, 4), 0x29C08086);
    CHECK_EQUAL (testbed_read (bed, ECAM + (LPC << 12), 4), 0x29188086);
    CHECK_EQUAL (testbed_read (bed, ECAM + 0x100, 4), 0);
    CHECK_EQUAL (testbed_read (bed, ECAM + (2 << 15), 4), 0xFFFFFFFF);
    CHECK_EQUAL (testbed_read (bed, ECAM + MIB, 4), 0xFFFFFFFF);
    testbed_write (bed, ECAM + 0x3C, 1, 0x7B);
    CHECK_EQUAL (testbed_pci_read (bed, HOST, 0x3C, 1), 0x7B);

    testbed_pci_write (bed, HOST, 0x60, 4, 0xE0000001);
    CHECK_EQUAL (testbed_read (bed, ECAM, 4), 0xFFFFFFFF);
    CHECK_EQUAL (testbed_read (bed, 0xE0000000, 2), 0x8086);
    testbed_pci_write (bed, HOST, 0x60, 4, 0);
    CHECK_EQUAL (testbed_read (bed, 0xE0000000, 4), 0xFFFFFFFF);
    testbed_free (bed);
}

TEST (preset_powers_on_as_firmware_would_leave_it)
{
    struct testbed *bed = new_platform (true);

    CHECK_EQUAL (testbed_read (bed, ECAM, 4), 0x29C08086);
    testbed_write (bed, 0xE0000, 4, 0x12345678);
    CHECK_EQUAL (testbed_read (bed, 0xE0000, 4), 0x12345678);
    testbed_free (bed);
}

TEST (a_locked_smram_register_stays_until_reset)
{
    struct testbed *bed = new_platform (false);

    testbed_pci_write (bed, HOST, 0x9D, 1, 0x48);
    CHECK_EQUAL (testbed_pci_read (bed, HOST, 0x9D, 1), 0x4A);
    testbed_pci_write (bed, HOST, 0x9D, 1, 0x58);
    CHECK_EQUAL (testbed_pci_read (bed, HOST, 0x9D, 1), 0x1A);
    testbed_pci_write (bed, HOST, 0x9D, 1, 0);
    CHECK_EQUAL (testbed_pci_read (bed, HOST, 0x9D, 1), 0x1A);
    testbed_reset (bed);
    CHECK_EQUAL (testbed_pci_read (bed, HOST, 0x9D, 1), 0x02);
    testbed_free (bed);
}

TEST (survives_random_configuration_writes)
{
    struct testbed *bed = new_platform (false);
    uint64_t seed = 1;

    for (unsigned i = 0; i < 20000; i++) {
        uint64_t random = next_random (&seed);
        unsigned size = 1u << (random >> 8 & 3) % 3;

        testbed_pci_write (bed, random >> 16 & 1 ? HOST : LPC, random & 0xFF & ~(size - 1), size,
                           (uint32_t) (random >> 32));
        if (i % 16 == 0)
            testbed_read (bed, 0xC0000 + (random >> 20 & 0x3FFFF), 1);
    }
    testbed_free (bed);
}

TEST (saves_and_restores)
{
    struct testbed *bed = new_platform (false);

    testbed_pci_write (bed, HOST, 0x60, 4, ECAM | 1);
    testbed_pci_write (bed, HOST, 0x90, 1, 0x30);
    testbed_out (bed, 0xCF8, 4, 0x80000090);
    testbed_check_round_trip (bed);
    CHECK_EQUAL (testbed_in (bed, 0xCF8, 4), 0x80000090);
    CHECK_EQUAL (testbed_read (bed, ECAM, 4), 0x29C08086);
    testbed_write (bed, 0xF0000, 1, 0x66);
    CHECK_EQUAL (testbed_read (bed, 0xF0000, 1), 0x66);
    testbed_free (bed);
}

TAP_MAIN ()
