/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The host bridge, function 00:00.0: where the ECAM window lies, and which parts of the BIOS area
 * are RAM. Firmware tells the machine by these ids: SeaBIOS takes subsystem 1af4:1100 as the sign
 * that fw_cfg is to be trusted, OVMF checks the device id.
 *
 * Source: Intel 3 Series Express Chipset datasheet, 5.1 (PCIEXBAR 5.1.14, PAM 5.1.15 on, SMRAM
 * 5.1.23).
 */
#include "base/util.h"
#include "engine/device.h"
#include "engine/pci/pci.h"

#define PCIEXBAR           0x60 /* 64 bits */
#define PCIEXBAR_ENABLE    0x1u
#define PCIEXBAR_LENGTH    0x6u
#define PCIEXBAR_WRITABLE  UINT64_C (0xFFC000007)
#define PAM0               0x90 /* to PAM6 at 0x96 */
#define PAM_COUNT          7
#define PAM_READ_RAM       0x1u
#define PAM_WRITE_RAM      0x2u
#define SMRAM              0x9D
#define SMRAM_COMPATIBLE   0x02u /* base segment 0xA0000, fixed */
#define SMRAM_LOCKED       0x10u
#define SMRAM_OPEN         0x40u
#define SMRAM_WRITABLE     0x78u
#define ESMRAMC            0x9E
#define ESMRAMC_CACHE_BITS 0x38u /* read as 1 */
#define ESMRAMC_WRITABLE   0x87u

#define PRESET_ECAM        UINT64_C (0xB0000000)

struct q35_host {
    struct pci_device pci;
    uint32_t config_address; /* port 0xCF8, saved with us because the bus has no state of its own */
    bool preset;
    bool warned;
};

static void
host_pre_save (void *object)
{
    struct q35_host *self = object;

    self->config_address = pci_bus_address (self->pci.bus);
}

static void
apply_ecam (struct q35_host *self)
{
    uint64_t value = load_le64 (self->pci.config + PCIEXBAR);
    unsigned length = (value & PCIEXBAR_LENGTH) >> 1;
    uint64_t size = 256 * MIB >> length;

    if ((value & PCIEXBAR_ENABLE) && length < 3)
        pci_bus_set_ecam (self->pci.bus, value & PCIEXBAR_WRITABLE & ~(size - 1), size);
    else
        pci_bus_set_ecam (self->pci.bus, 0, 0);
}

static enum vmm_shadow
shadow_of (unsigned bits)
{
    static const enum vmm_shadow modes[] = {
        [0] = VMM_SHADOW_ROM,
        [PAM_READ_RAM] = VMM_SHADOW_READ_RAM,
        [PAM_WRITE_RAM] = VMM_SHADOW_WRITE_RAM,
        [PAM_READ_RAM | PAM_WRITE_RAM] = VMM_SHADOW_RAM,
    };

    return modes[bits & 3];
}

/* PAM1 to PAM6 hold two 16 KiB segments each from 0xC0000 up, PAM0 all of 0xF0000–0xFFFFF. */
static void
apply_pam (struct q35_host *self)
{
    const uint8_t *pam = self->pci.config + PAM0;
    enum vmm_shadow modes[VMM_SHADOW_SEGMENTS];

    for (unsigned i = 0; i < 12; i++)
        modes[i] = shadow_of (pam[1 + i / 2] >> (4 * (i % 2)));
    for (unsigned i = 12; i < VMM_SHADOW_SEGMENTS; i++)
        modes[i] = shadow_of (pam[0] >> 4);
    if (vmm_memory_set_shadow (vmm_device_memory (&self->pci.device), modes) < 0 && !self->warned) {
        self->warned = true;
        vmm_device_warn (&self->pci.device, "The BIOS area could not be switched.");
    }
}

/* Once locked, the SMRAM registers stay as they are until reset. */
static void
apply_smram (struct q35_host *self)
{
    bool locked = self->pci.config[SMRAM] & SMRAM_LOCKED;

    if (locked)
        self->pci.config[SMRAM] &= (uint8_t) ~SMRAM_OPEN;
    self->pci.write_mask[SMRAM] = locked ? 0 : SMRAM_WRITABLE;
    self->pci.write_mask[ESMRAMC] = locked ? 0 : ESMRAMC_WRITABLE;
}

static void
host_config_written (struct pci_device *pci, unsigned offset, unsigned size)
{
    struct q35_host *self = CONTAINER_OF (pci, struct q35_host, pci);

    if (offset < PCIEXBAR + 8 && offset + size > PCIEXBAR)
        apply_ecam (self);
    if (offset < PAM0 + PAM_COUNT && offset + size > PAM0)
        apply_pam (self);
    if (offset <= ESMRAMC && offset + size > SMRAM)
        apply_smram (self);
}

static int
host_post_load (void *object, struct vmm_error *error)
{
    struct q35_host *self = object;

    pci_bus_set_address (self->pci.bus, self->config_address);
    apply_smram (self);
    apply_ecam (self);
    apply_pam (self);
    return 0;
}

static const struct vmm_key host_keys[] = {
    {.name = "preset",
     .type = VMM_KEY_BOOL,
     .help = "power on as firmware would leave it, for kernels that boot without one"},
};

static const struct vmm_state_field host_fields[] = {
    VMM_STATE_NESTED (struct q35_host, pci, pci_device_state),
    VMM_STATE (struct q35_host, config_address),
};

static const struct vmm_state_table host_state = {
    .name = "q35-host",
    .version = 1,
    .fields = host_fields,
    .n_fields = ARRAY_LENGTH (host_fields),
    .pre_save = host_pre_save,
    .post_load = host_post_load,
};

static int
host_init (struct vmm_device *device, const struct vmm_device_config *config,
           struct vmm_error *error)
{
    static const struct pci_identity identity = {
        .vendor = 0x8086,
        .device = 0x29C0,
        .subsystem_vendor = 0x1AF4,
        .subsystem = 0x1100,
        .class_code = 0x060000,
    };
    struct q35_host *self = CONTAINER_OF (device, struct q35_host, pci.device);
    int r;

    self->preset = vmm_config_bool (device, config, "preset");
    r = pci_device_init (&self->pci, &identity, PCI_DEVFN (0, 0), NULL, error);
    if (r < 0)
        return r;
    self->pci.config_written = host_config_written;
    store_le64 (self->pci.write_mask + PCIEXBAR, PCIEXBAR_WRITABLE);
    for (unsigned i = 0; i < PAM_COUNT; i++)
        self->pci.write_mask[PAM0 + i] = i == 0 ? 0x30 : 0x33;
    return 0;
}

static void
host_reset (struct vmm_device *device)
{
    struct q35_host *self = CONTAINER_OF (device, struct q35_host, pci.device);
    uint8_t *config = self->pci.config;

    pci_device_reset (&self->pci);
    pci_bus_set_address (self->pci.bus, 0);
    config[SMRAM] = SMRAM_COMPATIBLE;
    config[ESMRAMC] = ESMRAMC_CACHE_BITS;
    if (self->preset) {
        store_le64 (config + PCIEXBAR, PRESET_ECAM | PCIEXBAR_ENABLE);
        memcpy (config + PAM0, self->pci.write_mask + PAM0, PAM_COUNT);
    }
    apply_smram (self);
    apply_ecam (self);
    apply_pam (self);
}

static void
host_pause (struct vmm_device *device)
{
}

static void
host_resume (struct vmm_device *device)
{
}

static void
host_fini (struct vmm_device *device)
{
    pci_device_fini (&CONTAINER_OF (device, struct q35_host, pci.device)->pci);
}

const struct vmm_device_class q35_host_class = {
    .name = "q35-host",
    .size = sizeof (struct q35_host),
    .keys = host_keys,
    .n_keys = ARRAY_LENGTH (host_keys),
    .state = &host_state,
    .init = host_init,
    .reset = host_reset,
    .pause = host_pause,
    .resume = host_resume,
    .fini = host_fini,
};
