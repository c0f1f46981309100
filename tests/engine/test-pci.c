/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The root bus and its functions, with a device made for it: every kind of BAR, MSI, MSI-X, INTx.
 */
#include "engine/pci/pci.h"

#include <sys/mman.h>

#include "base/util.h"
#include "tap.h"
#include "testbed.h"

#define VRAM_SIZE (64 * KIB)
#define VECTORS   5
#define COMMAND   0x04
#define STATUS    0x06

struct probe {
    struct pci_device pci;
    struct vmm_region memory, io;
    struct vmm_slot slot;
    void *vram;
    uint32_t registers[4];
    unsigned config_writes;
};

static uint64_t
probe_read (void *opaque, uint64_t offset, unsigned size)
{
    struct probe *probe = opaque;

    return probe->registers[offset / 4 % 4] >> (8 * (offset % 4));
}

static void
probe_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    ((struct probe *) opaque)->registers[offset / 4 % 4] = (uint32_t) value;
}

static void
probe_config_written (struct pci_device *pci, unsigned offset, unsigned size)
{
    CONTAINER_OF (pci, struct probe, pci)->config_writes++;
}

static int
probe_init (struct vmm_device *device, const struct vmm_device_config *config,
            struct vmm_error *error)
{
    static const struct pci_identity identity = {
        .vendor = 0x1AF4,
        .device = 0x10FF,
        .class_code = 0xFF0000,
        .interrupt_pin = 1,
    };
    struct probe *probe = CONTAINER_OF (device, struct probe, pci.device);
    int r = pci_device_init (&probe->pci, &identity, PCI_DEVFN_AUTO, config, error);

    if (r < 0)
        return r;
    probe->pci.config_written = probe_config_written;
    probe->memory = (struct vmm_region) {
        .name = "probe",
        .space = VMM_SPACE_MMIO,
        .size = 0x100,
        .max_size = 4,
        .read = probe_read,
        .write = probe_write,
        .opaque = probe,
        .lock = &device->lock,
    };
    probe->io = probe->memory;
    probe->io.space = VMM_SPACE_PIO;
    probe->io.size = 0x20;
    probe->vram =
        mmap (NULL, VRAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    vmm_slot_init (&probe->slot, vmm_device_memory (device), probe->vram, VRAM_SIZE, 0);

    pci_bar_declare (&probe->pci, 0, 0x4000, PCI_BAR_64BIT | PCI_BAR_PREFETCHABLE);
    pci_bar_add_region (&probe->pci, 0, 0x1000, &probe->memory);
    pci_bar_declare (&probe->pci, 2, 0x20, PCI_BAR_IO);
    pci_bar_add_region (&probe->pci, 2, 0, &probe->io);
    pci_bar_declare (&probe->pci, 3, VRAM_SIZE, 0);
    pci_bar_add_slot (&probe->pci, 3, 0, &probe->slot);
    pci_add_msi (&probe->pci);
    return pci_add_msix (&probe->pci, 0, 0x2000, VECTORS, error);
}

static void
probe_reset (struct vmm_device *device)
{
    struct probe *probe = CONTAINER_OF (device, struct probe, pci.device);

    pci_device_reset (&probe->pci);
    memset (probe->registers, 0, sizeof probe->registers);
}

static void
probe_nothing (struct vmm_device *device)
{
}

static void
probe_fini (struct vmm_device *device)
{
    struct probe *probe = CONTAINER_OF (device, struct probe, pci.device);

    pci_device_fini (&probe->pci);
    if (probe->vram)
        munmap (probe->vram, VRAM_SIZE);
}

static const struct vmm_key probe_keys[] = {PCI_KEY_SLOT};

static const struct vmm_state_field probe_fields[] = {
    VMM_STATE_NESTED (struct probe, pci, pci_device_state),
    VMM_STATE_ARRAY (struct probe, registers),
};

static const struct vmm_state_table probe_state = {
    .name = "probe",
    .version = 1,
    .fields = probe_fields,
    .n_fields = ARRAY_LENGTH (probe_fields),
};

static const struct vmm_device_class probe_class = {
    .name = "probe",
    .size = sizeof (struct probe),
    .keys = probe_keys,
    .n_keys = ARRAY_LENGTH (probe_keys),
    .state = &probe_state,
    .init = probe_init,
    .reset = probe_reset,
    .pause = probe_nothing,
    .resume = probe_nothing,
    .fini = probe_fini,
};

static const struct vmm_device_class *const classes[] = {&probe_class, NULL};

#define FIRST  PCI_DEVFN (2, 0)
#define SECOND PCI_DEVFN (3, 0)

static struct testbed *
new_bed (void)
{
    static const struct vmm_device_config devices[] = {
        {.class_name = "probe", .id = "first"},
        {.class_name = "probe", .id = "second"},
    };

    struct testbed *bed = testbed_try_new_classes (classes, devices, ARRAY_LENGTH (devices), NULL);

    if (!bed)
        tap_fail (__FILE__, __LINE__, "no testbed");
    return bed;
}

static struct probe *
probe_of (struct testbed *bed, const char *id)
{
    return CONTAINER_OF (testbed_device (bed, id), struct probe, pci.device);
}

TEST (functions_get_the_next_free_slot)
{
    struct testbed *bed = new_bed ();

    CHECK_EQUAL (testbed_pci_read (bed, FIRST, 0, 4), 0x10FF1AF4);
    CHECK_EQUAL (testbed_pci_read (bed, SECOND, 0, 4), 0x10FF1AF4);
    CHECK_EQUAL (testbed_pci_read (bed, PCI_DEVFN (4, 0), 0, 4), 0xFFFFFFFF);
    CHECK_EQUAL (testbed_pci_read (bed, FIRST + 1, 0, 2), 0xFFFF);
    testbed_free (bed);
}

TEST (a_slot_can_be_chosen_once)
{
    static const struct vmm_value slot[] = {VMM_NUMBER ("slot", 9)};
    static const struct vmm_device_config devices[] = {
        {.class_name = "probe", .id = "first", .values = slot, .n_values = 1},
        {.class_name = "probe", .id = "second", .values = slot, .n_values = 1},
    };
    struct testbed *bed = testbed_try_new_classes (classes, devices, 1, NULL);
    struct vmm_error error = {0};

    CHECK (bed != NULL);
    CHECK_EQUAL (testbed_pci_read (bed, PCI_DEVFN (9, 0), 0, 2), 0x1AF4);
    testbed_free (bed);
    CHECK (!testbed_try_new_classes (classes, devices, 2, &error));
    CHECK_CONTAINS (error.message, "second");
}

TEST (only_dwords_reach_the_address_register)
{
    struct testbed *bed = new_bed ();

    testbed_out (bed, 0xCF8, 4, 0xFFFFFFFF);
    CHECK_EQUAL (testbed_in (bed, 0xCF8, 4), 0x80FFFFFC);
    testbed_out (bed, 0xCF8, 2, 0x1234);
    testbed_out (bed, 0xCFA, 1, 0x12);
    CHECK_EQUAL (testbed_in (bed, 0xCF8, 4), 0x80FFFFFC);
    CHECK_EQUAL (testbed_in (bed, 0xCF8, 1), 0xFF);
    testbed_out (bed, 0xCF8, 4, FIRST << 8);
    CHECK_EQUAL (testbed_in (bed, 0xCFC, 4), 0xFFFFFFFF);
    testbed_out (bed, 0xCF8, 4, 0x80010000 | FIRST << 8);
    CHECK_EQUAL (testbed_in (bed, 0xCFC, 4), 0xFFFFFFFF);
    testbed_free (bed);
}

TEST (bytes_and_words_of_the_data_port)
{
    struct testbed *bed = new_bed ();

    testbed_out (bed, 0xCF8, 4, 0x80000000 | FIRST << 8);
    CHECK_EQUAL (testbed_in (bed, 0xCFC, 1), 0xF4);
    CHECK_EQUAL (testbed_in (bed, 0xCFD, 1), 0x1A);
    CHECK_EQUAL (testbed_in (bed, 0xCFE, 2), 0x10FF);
    CHECK_EQUAL (testbed_in (bed, 0xCFF, 1), 0x10);
    CHECK_EQUAL (testbed_in (bed, 0xCFD, 2), 0xFF1A);
    testbed_free (bed);
}

TEST (read_only_bits_stay)
{
    struct testbed *bed = new_bed ();
    uint32_t capability = testbed_pci_read (bed, FIRST, 0x34, 1);

    for (unsigned offset = 0; offset < 0x100; offset += 4) {
        if (offset != COMMAND)
            testbed_pci_write (bed, FIRST, offset, 4, 0);
    }
    CHECK_EQUAL (testbed_pci_read (bed, FIRST, 0, 4), 0x10FF1AF4);
    CHECK_EQUAL (testbed_pci_read (bed, FIRST, 0x34, 1), capability);
    CHECK_EQUAL (testbed_pci_read (bed, FIRST, STATUS, 2), 0x0010);
    CHECK_EQUAL (testbed_pci_read (bed, FIRST, 0x3D, 1), 1);
    CHECK (probe_of (bed, "first")->config_writes > 0);
    testbed_free (bed);
}

TEST (sizing_shows_size_and_kind_and_restoring_works)
{
    struct testbed *bed = new_bed ();

    testbed_pci_write (bed, FIRST, 0x10, 4, 0xFFFFFFFF);
    testbed_pci_write (bed, FIRST, 0x14, 4, 0xFFFFFFFF);
    CHECK_EQUAL (testbed_pci_read (bed, FIRST, 0x10, 4), 0xFFFFC00C);
    CHECK_EQUAL (testbed_pci_read (bed, FIRST, 0x14, 4), 0xFFFFFFFF);
    testbed_pci_write (bed, FIRST, 0x18, 4, 0xFFFFFFFF);
    CHECK_EQUAL (testbed_pci_read (bed, FIRST, 0x18, 4), 0xFFFFFFE1);
    testbed_pci_write (bed, FIRST, 0x1C, 4, 0xFFFFFFFF);
    CHECK_EQUAL (testbed_pci_read (bed, FIRST, 0x1C, 4), 0xFFFF0000);
    testbed_pci_write (bed, FIRST, 0x20, 4, 0xFFFFFFFF);
    CHECK_EQUAL (testbed_pci_read (bed, FIRST, 0x20, 4), 0);
    testbed_pci_write (bed, FIRST, 0x30, 4, 0xFFFFFFFF);
    CHECK_EQUAL (testbed_pci_read (bed, FIRST, 0x30, 4), 0);
    testbed_pci_write (bed, FIRST, 0x10, 4, 0);
    CHECK_EQUAL (testbed_pci_read (bed, FIRST, 0x10, 4), 0x0000000C);
    testbed_free (bed);
}

TEST (sizing_while_enabled_does_not_lose_the_mapping)
{
    struct testbed *bed = new_bed ();
    uint64_t bar;

    testbed_pci_enable (bed);
    bar = testbed_pci_bar (bed, FIRST, 3);
    testbed_write (bed, bar + 8, 4, 0x1234);
    testbed_pci_write (bed, FIRST, 0x1C, 4, 0xFFFFFFFF);
    CHECK_EQUAL (testbed_read (bed, bar + 8, 4), 0xFFFFFFFF);
    testbed_pci_write (bed, FIRST, 0x1C, 4, (uint32_t) bar);
    CHECK_EQUAL (testbed_read (bed, bar + 8, 4), 0x1234);
    testbed_free (bed);
}

TEST (bars_move_and_follow_the_command_register)
{
    struct testbed *bed = new_bed ();

    testbed_pci_write (bed, FIRST, 0x10, 4, 0xC0000000);
    testbed_pci_write (bed, FIRST, 0x18, 4, 0xC100);
    CHECK_EQUAL (testbed_read (bed, 0xC0001000, 4), 0xFFFFFFFF);
    testbed_pci_write (bed, FIRST, COMMAND, 2, 2);
    testbed_write (bed, 0xC0001000, 4, 0xABCD);
    CHECK_EQUAL (testbed_read (bed, 0xC0001000, 4), 0xABCD);
    CHECK_EQUAL (testbed_in (bed, 0xC100, 4), 0xFFFFFFFF);
    testbed_pci_write (bed, FIRST, COMMAND, 2, 3);
    CHECK_EQUAL (testbed_in (bed, 0xC100, 4), 0xABCD);

    /* Above 4 GiB. */
    testbed_pci_write (bed, FIRST, 0x14, 4, 0x10);
    CHECK_EQUAL (testbed_read (bed, 0xC0001000, 4), 0xFFFFFFFF);
    CHECK_EQUAL (testbed_read (bed, UINT64_C (0x10C0001000), 4), 0xABCD);
    testbed_pci_write (bed, FIRST, COMMAND, 2, 1);
    CHECK_EQUAL (testbed_read (bed, UINT64_C (0x10C0001000), 4), 0xFFFFFFFF);
    CHECK_EQUAL (testbed_in (bed, 0xC100, 4), 0xABCD);
    testbed_free (bed);
}

TEST (impossible_places_leave_a_bar_unmapped)
{
    static const uint32_t io[] = {0, 0xFFFFFFE0, 0x10000}, memory[] = {0, 0x100000, 0xFFFF0000};
    struct testbed *bed = new_bed ();
    struct probe *probe = probe_of (bed, "first");

    testbed_pci_write (bed, FIRST, COMMAND, 2, 3);
    for (unsigned i = 0; i < 3; i++) {
        testbed_pci_write (bed, FIRST, 0x18, 4, io[i]);
        CHECK (!probe->pci.bars[2].mapped);
        /* 1 MiB is RAM, which a slot may not cover. */
        testbed_pci_write (bed, FIRST, 0x1C, 4, memory[i]);
        CHECK (!probe->pci.bars[3].mapped);
    }
    testbed_pci_write (bed, FIRST, 0x10, 4, 0xC0000000);
    testbed_pci_write (bed, FIRST, 0x14, 4, 0x80000000);
    CHECK (!probe->pci.bars[0].mapped);
    testbed_pci_write (bed, FIRST, 0x14, 4, 0);
    CHECK (probe->pci.bars[0].mapped);
    testbed_pci_write (bed, FIRST, 0x1C, 4, 0xD0000000);
    CHECK (probe->pci.bars[3].mapped);
    testbed_free (bed);
}

TEST (slots_of_two_functions_may_not_overlap_and_recover)
{
    struct testbed *bed = new_bed ();

    testbed_pci_write (bed, FIRST, 0x1C, 4, 0xD0000000);
    testbed_pci_write (bed, SECOND, 0x1C, 4, 0xD0000000);
    testbed_pci_write (bed, FIRST, COMMAND, 2, 2);
    testbed_pci_write (bed, SECOND, COMMAND, 2, 2);
    CHECK (probe_of (bed, "first")->pci.bars[3].mapped);
    CHECK (!probe_of (bed, "second")->pci.bars[3].mapped);
    testbed_pci_write (bed, SECOND, 0x1C, 4, 0xD0010000);
    testbed_write (bed, 0xD0010000, 4, 7);
    CHECK_EQUAL (testbed_read (bed, 0xD0010000, 4), 7);
    CHECK_EQUAL (testbed_read (bed, 0xD0000000, 4), 0);
    testbed_free (bed);
}

TEST (assignment_places_everything_apart)
{
    struct testbed *bed = new_bed ();
    uint64_t a, b;

    testbed_pci_enable (bed);
    for (unsigned bar = 0; bar < 4; bar += bar == 0 ? 2 : 1) {
        a = testbed_pci_bar (bed, FIRST, bar);
        b = testbed_pci_bar (bed, SECOND, bar);
        CHECK (a != b);
        if (bar == 2)
            CHECK (a >= 0xC000 && b >= 0xC000 && a <= 0xFFE0 && b <= 0xFFE0);
        else
            CHECK (a >= 0xC0000000 && b >= 0xC0000000 && a < 0xFEC00000 && b < 0xFEC00000);
    }
    CHECK_EQUAL (testbed_pci_read (bed, FIRST, 0x3C, 1), 11);
    CHECK (probe_of (bed, "first")->pci.bars[0].mapped);
    CHECK (probe_of (bed, "second")->pci.bars[3].mapped);
    testbed_free (bed);
}

static void
set_intx (struct testbed *bed, const char *id, bool level)
{
    struct probe *probe = probe_of (bed, id);

    pthread_mutex_lock (&probe->pci.device.lock);
    pci_irq_set (&probe->pci, level);
    pthread_mutex_unlock (&probe->pci.device.lock);
}

TEST (intx_reaches_its_gsi_status_and_mask)
{
    struct testbed *bed = new_bed ();

    /* Slot 2, INTA: PIRQG, GSI 22. */
    set_intx (bed, "first", true);
    CHECK (testbed_irq_level (bed, 22));
    CHECK_EQUAL (testbed_pci_read (bed, FIRST, STATUS, 2) & 8, 8);
    testbed_pci_write (bed, FIRST, COMMAND, 2, 0x400);
    CHECK (!testbed_irq_level (bed, 22));
    CHECK_EQUAL (testbed_pci_read (bed, FIRST, STATUS, 2) & 8, 8);
    testbed_pci_write (bed, FIRST, COMMAND, 2, 0);
    CHECK (testbed_irq_level (bed, 22));
    set_intx (bed, "first", false);
    CHECK (!testbed_irq_level (bed, 22));
    CHECK_EQUAL (testbed_pci_read (bed, FIRST, STATUS, 2) & 8, 0);
    testbed_free (bed);
}

TEST (isa_interrupts_are_shared_by_counting)
{
    struct testbed *bed = new_bed ();
    struct pci_bus *bus = vmm_device_pci (testbed_device (bed, "first"));

    pci_bus_set_pirq (bus, 6, 10);
    pci_bus_set_pirq (bus, 7, 10);
    set_intx (bed, "first", true);
    set_intx (bed, "second", true);
    CHECK (testbed_irq_level (bed, 10) && testbed_irq_level (bed, 22) &&
           testbed_irq_level (bed, 23));
    set_intx (bed, "first", false);
    CHECK (testbed_irq_level (bed, 10) && !testbed_irq_level (bed, 22));
    pci_bus_set_pirq (bus, 7, 0x80 | 10);
    CHECK (!testbed_irq_level (bed, 10));
    pci_bus_set_pirq (bus, 7, 9);
    pci_bus_set_sci (bus, true);
    set_intx (bed, "second", false);
    CHECK (testbed_irq_level (bed, 9));
    pci_bus_set_sci (bus, false);
    CHECK (!testbed_irq_level (bed, 9));
    pci_bus_set_pirq (bus, 7, 8);
    set_intx (bed, "second", true);
    CHECK (!testbed_irq_level (bed, 8));
    testbed_free (bed);
}

TEST (msi_sends_what_was_programmed_once_enabled)
{
    struct testbed *bed = new_bed ();
    struct probe *probe = probe_of (bed, "first");
    unsigned msi = testbed_pci_capability (bed, FIRST, 5, 0);
    uint64_t address;
    uint32_t data;

    CHECK (msi != 0);
    testbed_pci_write (bed, FIRST, msi + 4, 4, 0xFEE01003);
    testbed_pci_write (bed, FIRST, msi + 12, 2, 0x41);
    pci_msi_notify (&probe->pci);
    CHECK (!testbed_pop_msi (bed, &address, &data));
    testbed_pci_write (bed, FIRST, msi + 2, 2, 1);
    pci_msi_notify (&probe->pci);
    CHECK (testbed_pop_msi (bed, &address, &data));
    CHECK_EQUAL (address, 0xFEE01000);
    CHECK_EQUAL (data, 0x41);
    testbed_free (bed);
}

struct vectors {
    struct testbed *bed;
    struct probe *probe;
    unsigned capability;
    uint64_t table, pending;
};

static void
vectors_init (struct vectors *vectors)
{
    struct testbed *bed = new_bed ();
    uint32_t table;

    testbed_pci_enable (bed);
    vectors->bed = bed;
    vectors->probe = probe_of (bed, "first");
    vectors->capability = testbed_pci_capability (bed, FIRST, 0x11, 0);
    CHECK (vectors->capability != 0);
    CHECK_EQUAL (testbed_pci_read (bed, FIRST, vectors->capability + 2, 2), VECTORS - 1);
    table = testbed_pci_read (bed, FIRST, vectors->capability + 4, 4);
    CHECK_EQUAL (table & 7, 0);
    vectors->table = testbed_pci_bar (bed, FIRST, 0) + (table & ~7u);
    vectors->pending = testbed_pci_bar (bed, FIRST, 0) +
                       (testbed_pci_read (bed, FIRST, vectors->capability + 8, 4) & ~7u);
    for (unsigned i = 0; i < VECTORS; i++) {
        CHECK_EQUAL (testbed_read (bed, vectors->table + 16 * i + 12, 4), 1);
        testbed_write (bed, vectors->table + 16 * i, 4, 0xFEE00000);
        testbed_write (bed, vectors->table + 16 * i + 4, 4, 0);
        testbed_write (bed, vectors->table + 16 * i + 8, 4, 0x40 + i);
    }
}

static bool
sent (struct vectors *vectors, uint32_t expected)
{
    uint64_t address;
    uint32_t data;

    return testbed_pop_msi (vectors->bed, &address, &data) && address == 0xFEE00000 &&
           data == expected && !testbed_pop_msi (vectors->bed, &address, &data);
}

static bool
nothing_sent (struct vectors *vectors)
{
    uint64_t address;
    uint32_t data;

    return !testbed_pop_msi (vectors->bed, &address, &data);
}

TEST (msix_vectors_wait_while_masked)
{
    struct vectors vectors;

    vectors_init (&vectors);
    pci_msix_notify (&vectors.probe->pci, 1);
    testbed_pci_write (vectors.bed, FIRST, vectors.capability + 2, 2, 0x8000);
    CHECK (pci_msix_is_enabled (&vectors.probe->pci));
    CHECK (nothing_sent (&vectors));

    testbed_write (vectors.bed, vectors.table + 16 + 12, 4, 0);
    CHECK (nothing_sent (&vectors));
    pci_msix_notify (&vectors.probe->pci, 1);
    CHECK (sent (&vectors, 0x41));

    pci_msix_notify (&vectors.probe->pci, 4);
    pci_msix_notify (&vectors.probe->pci, 4);
    CHECK (nothing_sent (&vectors));
    CHECK_EQUAL (testbed_read (vectors.bed, vectors.pending, 8), 1 << 4);
    testbed_write (vectors.bed, vectors.table + 64 + 12, 4, 0);
    CHECK (sent (&vectors, 0x44));
    CHECK_EQUAL (testbed_read (vectors.bed, vectors.pending, 8), 0);
    testbed_free (vectors.bed);
}

TEST (msix_function_mask_holds_back_all)
{
    struct vectors vectors;

    vectors_init (&vectors);
    testbed_write (vectors.bed, vectors.table + 12, 4, 0);
    testbed_pci_write (vectors.bed, FIRST, vectors.capability + 2, 2, 0xC000);
    pci_msix_notify (&vectors.probe->pci, 0);
    CHECK (nothing_sent (&vectors));
    testbed_pci_write (vectors.bed, FIRST, vectors.capability + 2, 2, 0x8000);
    CHECK (sent (&vectors, 0x40));
    testbed_free (vectors.bed);
}

TEST (msix_follows_changes_of_an_entry)
{
    struct vectors vectors;

    vectors_init (&vectors);
    testbed_pci_write (vectors.bed, FIRST, vectors.capability + 2, 2, 0x8000);
    testbed_write (vectors.bed, vectors.table + 12, 4, 0);
    pci_msix_notify (&vectors.probe->pci, 0);
    CHECK (sent (&vectors, 0x40));
    testbed_write (vectors.bed, vectors.table + 8, 4, 0x99);
    pci_msix_notify (&vectors.probe->pci, 0);
    CHECK (sent (&vectors, 0x99));
    testbed_write (vectors.bed, vectors.table, 8, 0xFEE00000);
    CHECK_EQUAL (testbed_read (vectors.bed, vectors.table, 8), 0xFEE00000);
    testbed_free (vectors.bed);
}

TEST (msix_ignores_vectors_out_of_range)
{
    struct vectors vectors;

    vectors_init (&vectors);
    testbed_pci_write (vectors.bed, FIRST, vectors.capability + 2, 2, 0x8000);
    pci_msix_notify (&vectors.probe->pci, VECTORS);
    pci_msix_notify (&vectors.probe->pci, 0xFFFF);
    CHECK (nothing_sent (&vectors));
    testbed_free (vectors.bed);
}

TEST (reset_unmaps_masks_and_lowers)
{
    struct vectors vectors;

    vectors_init (&vectors);
    testbed_write (vectors.bed, vectors.table + 12, 4, 0);
    testbed_pci_write (vectors.bed, FIRST, vectors.capability + 2, 2, 0x8000);
    set_intx (vectors.bed, "first", true);
    testbed_reset (vectors.bed);
    CHECK (!testbed_irq_level (vectors.bed, 22));
    CHECK_EQUAL (testbed_pci_read (vectors.bed, FIRST, COMMAND, 2), 0);
    CHECK_EQUAL (testbed_pci_read (vectors.bed, FIRST, 0x10, 4), 0xC);
    CHECK_EQUAL (testbed_read (vectors.bed, vectors.table, 4), 0xFFFFFFFF);
    CHECK (!pci_msix_is_enabled (&vectors.probe->pci));
    testbed_pci_enable (vectors.bed);
    CHECK_EQUAL (testbed_read (vectors.bed, vectors.table + 12, 4), 1);
    testbed_free (vectors.bed);
}

TEST (survives_random_configuration_writes)
{
    struct testbed *bed = new_bed ();
    uint64_t state = 88172645463325252;

    for (unsigned i = 0; i < 30000; i++) {
        unsigned size;

        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        size = 1u << (state >> 8 & 3) % 3;
        testbed_pci_write (bed, state >> 20 & 1 ? FIRST : SECOND, state & 0xFF & ~(size - 1), size,
                           (uint32_t) (state >> 32));
        if (state >> 21 & 1)
            testbed_pci_write (bed, FIRST, COMMAND, 2, 3);
        pci_msix_notify (&probe_of (bed, "first")->pci, state >> 24 & 7);
    }
    testbed_free (bed);
}

TEST (saves_and_restores)
{
    struct vectors vectors;

    vectors_init (&vectors);
    testbed_pci_write (vectors.bed, FIRST, vectors.capability + 2, 2, 0x8000);
    pci_msix_notify (&vectors.probe->pci, 2);
    set_intx (vectors.bed, "first", true);
    testbed_check_round_trip (vectors.bed);
    CHECK (testbed_irq_level (vectors.bed, 22));
    CHECK_EQUAL (testbed_read (vectors.bed, vectors.pending, 8), 1 << 2);
    testbed_write (vectors.bed, vectors.table + 32 + 12, 4, 0);
    CHECK (sent (&vectors, 0x42));
    testbed_free (vectors.bed);
}

TAP_MAIN ()
