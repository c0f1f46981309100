/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/firmware/fw-cfg.h"

#include "base/util.h"
#include "engine/machine.h"
#include "tap.h"
#include "testbed.h"

#define SELECTOR   0x510
#define DATA       0x511
#define DMA_HIGH   0x514
#define DMA_LOW    0x518

#define DMA_ERROR  1u
#define DMA_READ   2u
#define DMA_SKIP   4u
#define DMA_SELECT 8u
#define DMA_WRITE  16u

#define DESCRIPTOR 0x5000
#define BUFFER     0x6000

static struct testbed *
new_bed (void)
{
    static const struct vmm_device_config device = {.class_name = "fw-cfg", .id = "fw-cfg"};

    return testbed_new (&device, 1);
}

static struct fw_cfg_store *
store_of (struct testbed *bed)
{
    return vmm_machine_fw_cfg (testbed_machine (bed));
}

/* Carries out one DMA command and returns what the device left in the control word. */
static uint32_t
dma (struct testbed *bed, uint32_t control, uint32_t length, uint64_t address)
{
    uint8_t *descriptor = testbed_ram (bed, DESCRIPTOR, 16);

    store_be32 (descriptor, control);
    store_be32 (descriptor + 4, length);
    store_be64 (descriptor + 8, address);
    testbed_out (bed, DMA_LOW, 4, htobe32 (DESCRIPTOR));
    return load_be32 (descriptor);
}

TEST (signature_and_id_are_read_byte_by_byte)
{
    struct testbed *bed = new_bed ();

    testbed_out (bed, SELECTOR, 2, FW_CFG_SIGNATURE);
    CHECK_EQUAL (testbed_in (bed, DATA, 1), 'Q');
    CHECK_EQUAL (testbed_in (bed, DATA, 1), 'E');
    CHECK_EQUAL (testbed_in (bed, DATA, 1), 'M');
    CHECK_EQUAL (testbed_in (bed, DATA, 1), 'U');
    CHECK_EQUAL (testbed_in (bed, DATA, 1), 0);
    testbed_out (bed, SELECTOR, 2, FW_CFG_ID);
    CHECK_EQUAL (testbed_in (bed, DATA, 1), 3);
    testbed_out (bed, SELECTOR, 2, 0x7777);
    CHECK_EQUAL (testbed_in (bed, DATA, 1), 0);
    testbed_free (bed);
}

TEST (dma_is_announced)
{
    struct testbed *bed = new_bed ();

    CHECK_EQUAL (testbed_in (bed, DMA_HIGH, 4), load_le32 ("QEMU"));
    CHECK_EQUAL (testbed_in (bed, DMA_LOW, 4), load_le32 (" CFG"));
    testbed_free (bed);
}

TEST (dma_selects_skips_and_reads_past_the_end_as_zeroes)
{
    struct testbed *bed = new_bed ();
    uint8_t *buffer = testbed_ram (bed, BUFFER, 8);

    CHECK_EQUAL (fw_cfg_add_file (store_of (bed), "file", "abcdef", 6, NULL), 0);
    memset (buffer, 0xEE, 8);
    CHECK_EQUAL (dma (bed, 0x20u << 16 | DMA_SELECT | DMA_READ, 2, BUFFER), 0);
    CHECK (memcmp (buffer, "ab\xEE", 3) == 0);
    CHECK_EQUAL (dma (bed, DMA_SKIP, 2, 0), 0);
    CHECK_EQUAL (dma (bed, DMA_READ, 4, BUFFER), 0);
    CHECK (memcmp (buffer, "ef\0\0\xEE", 5) == 0);
    CHECK_EQUAL (dma (bed, DMA_READ, 1, BUFFER), 0);
    CHECK_EQUAL (buffer[0], 0);
    CHECK_EQUAL (dma (bed, 0x5555u << 16 | DMA_SELECT | DMA_READ, 4, BUFFER), 0);
    CHECK_EQUAL (load_le32 (buffer), 0);
    testbed_free (bed);
}

TEST (high_half_of_the_address_is_used_once)
{
    struct testbed *bed = new_bed ();
    uint8_t *descriptor = testbed_ram (bed, DESCRIPTOR, 16);

    store_be32 (descriptor, DMA_SKIP);
    testbed_out (bed, DMA_HIGH, 4, htobe32 (1));
    testbed_out (bed, DMA_LOW, 4, htobe32 (DESCRIPTOR));
    CHECK_EQUAL (load_be32 (descriptor), DMA_SKIP);
    testbed_out (bed, DMA_LOW, 4, htobe32 (DESCRIPTOR));
    CHECK_EQUAL (load_be32 (descriptor), 0);
    testbed_free (bed);
}

TEST (hostile_dma_is_an_error_and_changes_nothing)
{
    struct testbed *bed = new_bed ();
    uint8_t *end = testbed_ram (bed, TESTBED_RAM - 4, 4);

    memset (end, 0x55, 4);
    CHECK_EQUAL (dma (bed, DMA_SELECT | DMA_READ, 8, TESTBED_RAM - 4), DMA_ERROR);
    CHECK_EQUAL (load_le32 (end), 0x55555555);
    CHECK_EQUAL (dma (bed, DMA_SELECT | DMA_READ, 0xFFFFFFFF, 0), DMA_ERROR);
    CHECK_EQUAL (dma (bed, DMA_SELECT | DMA_READ, FW_CFG_MAX_LENGTH + 1, BUFFER), DMA_ERROR);
    CHECK_EQUAL (dma (bed, DMA_READ, 16, UINT64_MAX - 8), DMA_ERROR);
    CHECK_EQUAL (dma (bed, DMA_SELECT | DMA_WRITE, 4, BUFFER), DMA_ERROR);
    CHECK_EQUAL (dma (bed, DMA_SELECT | DMA_WRITE, 0xFFFFFFFF, BUFFER), DMA_ERROR);
    /* Skipping as far as it goes, and further, must not wrap around to the beginning. */
    CHECK_EQUAL (dma (bed, DMA_SELECT | DMA_SKIP, 0xFFFFFFFF, 0), 0);
    CHECK_EQUAL (dma (bed, DMA_SKIP, 0xFFFFFFFF, 0), 0);
    CHECK_EQUAL (testbed_in (bed, DATA, 1), 0);
    /* Descriptors that are no memory. */
    testbed_out (bed, DMA_LOW, 4, htobe32 (0xFFFFFFF8));
    testbed_out (bed, DMA_LOW, 4, htobe32 (TESTBED_RAM - 8));
    testbed_free (bed);
}

static void
written_cb (void *data, const uint8_t *contents, size_t length)
{
    memcpy (data, contents, length);
}

TEST (writable_files_are_written_by_dma_only)
{
    struct testbed *bed = new_bed ();
    uint8_t seen[8] = {0};

    CHECK_EQUAL (fw_cfg_add_writable (store_of (bed), "pointer", 8, written_cb, seen, NULL), 0);
    memcpy (testbed_ram (bed, BUFFER, 8), "12345678", 8);
    testbed_out (bed, SELECTOR, 2, 0x20);
    testbed_out (bed, DATA, 1, 0xFF);
    CHECK_EQUAL (testbed_in (bed, DATA, 1), 0);
    CHECK_EQUAL (dma (bed, 0x20u << 16 | DMA_SELECT | DMA_WRITE, 8, BUFFER), 0);
    CHECK (memcmp (seen, "12345678", 8) == 0);
    CHECK_EQUAL (dma (bed, 0x20u << 16 | DMA_SELECT | DMA_SKIP, 6, 0), 0);
    CHECK_EQUAL (dma (bed, DMA_WRITE, 4, BUFFER), DMA_ERROR);
    CHECK_EQUAL (dma (bed, DMA_WRITE, 2, BUFFER), 0);
    CHECK (memcmp (seen, "12345612", 8) == 0);
    testbed_free (bed);
}

TEST (state_makes_the_round_trip)
{
    struct testbed *bed = new_bed ();

    testbed_out (bed, SELECTOR, 2, FW_CFG_SIGNATURE);
    testbed_in (bed, DATA, 1);
    testbed_out (bed, DMA_HIGH, 4, 0x12345678);
    testbed_check_round_trip (bed);
    testbed_free (bed);
}

TAP_MAIN ()
