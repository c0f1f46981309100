/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/firmware/fw-cfg.h"
#include "engine/machine-internal.h"
#include "engine/machine.h"
#include "engine/pci/pci.h"
#include "test-chipset.h"

#define GPE_STATUS 0x620
#define GPE_ENABLE 0x628
#define EVENT      (1u << ACPI_GENERATION_EVENT)
#define PLACE      0x200000u /* where the tests' firmware puts the page */

static const uint8_t first[16] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                  0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF};
/* The same as a GUID in memory. */
static const uint8_t first_in_memory[16] = {0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66,
                                            0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF};
static const uint8_t second[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
static const uint8_t second_in_memory[16] = {4, 3, 2, 1, 6, 5, 8, 7, 9, 10, 11, 12, 13, 14, 15, 16};

static struct testbed *
new_bed (bool direct_boot)
{
    struct testbed *bed = new_platform (direct_boot);

    testbed_set_generation (bed, first);
    testbed_reset (bed);
    testbed_raise_events (bed);
    return bed;
}

static bool
is_shown (struct testbed *bed, uint64_t place, const uint8_t bytes[16])
{
    return memcmp (testbed_ram (bed, place + ACPI_GENERATION_OFFSET, 16), bytes, 16) == 0;
}

/* As firmware does after following the loader script. */
static void
tell_place (struct testbed *bed, uint64_t place)
{
    struct fw_cfg_store *store = vmm_device_fw_cfg (testbed_device (bed, "vmgenid"));
    uint8_t bytes[8];
    uint16_t key;

    store_le64 (bytes, place);
    CHECK_EQUAL (fw_cfg_find (store, ACPI_GENERATION_ADDRESS, &key), 0);
    CHECK_EQUAL (fw_cfg_write (store, key, 0, bytes, sizeof bytes), 0);
}

static void
save (struct testbed *bed, struct vmm_state_writer *state)
{
    *state = (struct vmm_state_writer) {0};
    CHECK (vmm_machine_save_devices (testbed_machine (bed), state) >= 0);
}

/* Into another generation if @generation is given; frees @state. */
static void
load (struct testbed *bed, struct vmm_state_writer *state, const uint8_t *generation)
{
    struct vmm_state_reader reader = {.data = state->data, .length = state->length};
    struct vmm_error error = {0};

    if (generation)
        testbed_set_generation (bed, generation);
    vmm_devices_pause (testbed_machine (bed));
    vmm_devices_reset (testbed_machine (bed));
    CHECK_EQUAL (vmm_machine_load_devices (testbed_machine (bed), &reader, &error), 0);
    vmm_devices_resume (testbed_machine (bed));
    vmm_state_writer_fini (state);
}

TEST (kernels_without_firmware_find_it_in_its_place)
{
    struct testbed *bed = new_bed (true);

    CHECK (is_shown (bed, ACPI_GENERATION_AT, first_in_memory));
    testbed_free (bed);
}

TEST (firmware_loads_it_as_a_page)
{
    struct testbed *bed = new_bed (false);
    struct fw_cfg_store *store = vmm_device_fw_cfg (testbed_device (bed, "vmgenid"));
    const uint8_t *data;
    size_t length;
    uint16_t key;

    CHECK_EQUAL (fw_cfg_find (store, ACPI_GENERATION_FILE, &key), 0);
    CHECK_EQUAL (fw_cfg_select (store, key, &data, &length), 0);
    CHECK_EQUAL (length, ACPI_GENERATION_PAGE);
    CHECK (memcmp (data + ACPI_GENERATION_OFFSET, first_in_memory, 16) == 0);
    testbed_free (bed);
}

TEST (another_generation_is_shown_and_told)
{
    struct testbed *bed = new_bed (false);
    struct vmm_state_writer state;

    /* PMBASE at 0x600, decoded. */
    testbed_pci_write (bed, LPC, 0x40, 4, 0x600);
    testbed_pci_write (bed, LPC, 0x44, 1, 0x80);
    testbed_out (bed, 0xB2, 1, 2);
    testbed_out (bed, GPE_ENABLE, 1, EVENT);
    tell_place (bed, PLACE);
    save (bed, &state);
    load (bed, &state, second);
    CHECK (is_shown (bed, PLACE, second_in_memory));
    CHECK_EQUAL (testbed_in (bed, GPE_STATUS, 1), 0);
    CHECK_EQUAL (testbed_raise_events (bed), 1);
    CHECK_EQUAL (testbed_in (bed, GPE_STATUS, 1), EVENT);
    CHECK (testbed_irq_level (bed, 9));
    testbed_out (bed, GPE_STATUS, 1, EVENT);
    CHECK (!testbed_irq_level (bed, 9));
    testbed_free (bed);
}

TEST (the_same_generation_is_not_mentioned)
{
    struct testbed *bed = new_bed (true);
    struct vmm_state_writer state;

    save (bed, &state);
    load (bed, &state, NULL);
    CHECK_EQUAL (testbed_raise_events (bed), 0);
    CHECK (is_shown (bed, ACPI_GENERATION_AT, first_in_memory));
    testbed_free (bed);
}

TEST (a_reset_forgets_where_firmware_put_it)
{
    struct testbed *bed = new_bed (false);
    struct vmm_state_writer state;

    tell_place (bed, PLACE);
    testbed_reset (bed);
    memset (testbed_ram (bed, PLACE, 4096), 0, 4096);
    save (bed, &state);
    load (bed, &state, second);
    CHECK_EQUAL (*(uint8_t *) testbed_ram (bed, PLACE + ACPI_GENERATION_OFFSET, 1), 0);
    testbed_free (bed);
}

TEST (a_place_outside_ram_is_left_alone)
{
    static const uint64_t places[] = {TESTBED_RAM - 41, TESTBED_RAM, UINT64_MAX, UINT64_MAX - 4095};

    for (size_t i = 0; i < ARRAY_LENGTH (places); i++) {
        struct testbed *bed = new_bed (false);
        struct vmm_state_writer state;

        tell_place (bed, places[i]);
        save (bed, &state);
        load (bed, &state, second);
        CHECK_EQUAL (testbed_raise_events (bed), 1);
        testbed_free (bed);
    }
}

TEST (saves_and_restores)
{
    struct testbed *bed = new_bed (true);

    testbed_check_round_trip (bed);
    testbed_free (bed);
}

TAP_MAIN ()
