/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The LPC bridge, function 00:1f.0: interrupt routes, resets and the A20 gate in configuration
 * space and ports; ACPI's fixed hardware is in ich9-pm.c.
 *
 * Firmware knows the function by its place and ids, puts the power management block at 0x600 and
 * the root complex registers at 0xFED1C000.
 *
 * Source: Intel ICH9 family datasheet, 13.1 (configuration space), 13.7 (ports 0x92, 0xB2, 0xB3,
 * 0xCF9), 10.1.75 (GCS).
 */
#include "base/util.h"
#include "hw/ich9-lpc.h"

#define PMBASE          0x40
#define PMBASE_IO       0x0001u /* reads as 1 */
#define PMBASE_WRITABLE 0xFF80u
#define ACPI_CNTL       0x44
#define ACPI_CNTL_EN    0x80u /* the SCI's number beside it is fixed: IRQ 9 */
#define PIRQ_A          0x60  /* to D at 0x63 */
#define PIRQ_E          0x68  /* to H at 0x6B */
#define PIRQ_WRITABLE   0x8Fu
#define PIRQ_NONE       0x80u
#define GEN_PMCON_1     0xA0
#define RCBA            0xF0
#define RCBA_ENABLE     0x1u
#define RCBA_WRITABLE   0xFFFFC001u
#define RCBA_SIZE       0x4000
/*
 * The watchdog's "no reboot" strap in the root complex registers. It reads as 1 and stays so, which
 * tells drivers that there is no watchdog to be used.
 */
#define RCBA_GCS         0x3410
#define GCS_NO_REBOOT    0x20u

#define PORT_92          0x92
#define PORT_92_RESET    0x01u
#define PORT_92_A20      0x02u
#define PORT_APM         0xB2
#define APM_ACPI_ENABLE  2
#define APM_ACPI_DISABLE 3
#define RESET_CPU        0x04u
#define RESET_KEPT       0x0Au /* SYS_RST and FULL_RST; RST_CPU acts and reads as 0 */

#define PRESET_PMBASE    0x600

static uint64_t
rcba_read (void *opaque, uint64_t offset, unsigned size)
{
    uint64_t gcs = GCS_NO_REBOOT;

    return (offset & ~3u) == RCBA_GCS ? gcs >> (8 * (offset & 3)) : 0;
}

static uint64_t
port_92_read (void *opaque, uint64_t offset, unsigned size)
{
    struct ich9_lpc *self = opaque;

    return self->port_92 | PORT_92_A20;
}

/* The A20 gate stands open whatever is written: nothing that boots here needs it closed. */
static void
port_92_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct ich9_lpc *self = opaque;

    self->port_92 = (uint8_t) value & (uint8_t) ~PORT_92_RESET;
    if (value & PORT_92_RESET)
        vmm_device_request_reset (&self->pci.device);
}

static uint64_t
apm_read (void *opaque, uint64_t offset, unsigned size)
{
    struct ich9_lpc *self = opaque;

    return self->apm[offset];
}

/* Writing the command port raises an SMI whose handler would switch ACPI mode: we are that handler.
 */
static void
apm_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct ich9_lpc *self = opaque;

    self->apm[offset] = (uint8_t) value;
    if (offset == 0 && self->apm[0] == APM_ACPI_ENABLE)
        ich9_pm_set_acpi (self, true);
    else if (offset == 0 && self->apm[0] == APM_ACPI_DISABLE)
        ich9_pm_set_acpi (self, false);
}

static uint64_t
reset_read (void *opaque, uint64_t offset, unsigned size)
{
    struct ich9_lpc *self = opaque;

    return self->reset_control;
}

static void
reset_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct ich9_lpc *self = opaque;

    self->reset_control = (uint8_t) value & RESET_KEPT;
    if (value & RESET_CPU)
        vmm_device_request_reset (&self->pci.device);
}

static void
apply_pm (struct ich9_lpc *self)
{
    uint16_t base = load_le16 (self->pci.config + PMBASE) & PMBASE_WRITABLE;

    if (base && (self->pci.config[ACPI_CNTL] & ACPI_CNTL_EN))
        vmm_bus_map (vmm_device_bus (&self->pci.device), &self->pm_region, base);
    else
        vmm_bus_unmap (vmm_device_bus (&self->pci.device), &self->pm_region);
}

static void
apply_rcba (struct ich9_lpc *self)
{
    uint32_t rcba = load_le32 (self->pci.config + RCBA);

    if ((rcba & RCBA_ENABLE) && (rcba & ~RCBA_ENABLE))
        vmm_bus_map (vmm_device_bus (&self->pci.device), &self->rcba_region, rcba & ~RCBA_ENABLE);
    else
        vmm_bus_unmap (vmm_device_bus (&self->pci.device), &self->rcba_region);
}

static void
apply_pirqs (struct ich9_lpc *self)
{
    for (unsigned i = 0; i < 4; i++) {
        pci_bus_set_pirq (self->pci.bus, i, self->pci.config[PIRQ_A + i]);
        pci_bus_set_pirq (self->pci.bus, 4 + i, self->pci.config[PIRQ_E + i]);
    }
}

static void
lpc_config_written (struct pci_device *pci, unsigned offset, unsigned size)
{
    struct ich9_lpc *self = CONTAINER_OF (pci, struct ich9_lpc, pci);

    if (offset <= ACPI_CNTL && offset + size > PMBASE)
        apply_pm (self);
    if (offset < PIRQ_E + 4 && offset + size > PIRQ_A)
        apply_pirqs (self);
    if (offset + size > RCBA && offset < RCBA + 4)
        apply_rcba (self);
}

static int
lpc_post_load (void *object, struct vmm_error *error)
{
    struct ich9_lpc *self = object;

    apply_pm (self);
    apply_pirqs (self);
    apply_rcba (self);
    self->reset_control &= RESET_KEPT;
    ich9_pm_loaded (self);
    return 0;
}

static const struct vmm_key lpc_keys[] = {
    {.name = "preset",
     .type = VMM_KEY_BOOL,
     .help = "power on as firmware would leave it, for kernels that boot without one"},
};

static const struct vmm_state_field lpc_fields[] = {
    VMM_STATE_NESTED (struct ich9_lpc, pci, pci_device_state),
    VMM_STATE_NESTED (struct ich9_lpc, pm, ich9_pm_state),
    VMM_STATE (struct ich9_lpc, port_92),
    VMM_STATE_ARRAY (struct ich9_lpc, apm),
    VMM_STATE (struct ich9_lpc, reset_control),
};

static const struct vmm_state_table lpc_state = {
    .name = "ich9-lpc",
    .version = 1,
    .fields = lpc_fields,
    .n_fields = ARRAY_LENGTH (lpc_fields),
    .post_load = lpc_post_load,
};

static struct vmm_region
port_region (struct ich9_lpc *self, const char *name, uint64_t size,
             uint64_t (*read) (void *opaque, uint64_t offset, unsigned size),
             void (*write) (void *opaque, uint64_t offset, unsigned size, uint64_t value))
{
    return (struct vmm_region) {
        .name = name,
        .space = VMM_SPACE_PIO,
        .size = size,
        .max_size = 1,
        .read = read,
        .write = write,
        .opaque = self,
        .lock = &self->pci.device.lock,
    };
}

static int
map_ports (struct ich9_lpc *self, struct vmm_error *error)
{
    struct vmm_bus *bus = vmm_device_bus (&self->pci.device);
    int r;

    self->port_92_region = port_region (self, "port-92", 1, port_92_read, port_92_write);
    self->apm_region = port_region (self, "apm", 2, apm_read, apm_write);
    self->reset_region = port_region (self, "reset", 1, reset_read, reset_write);
    r = vmm_bus_map (bus, &self->port_92_region, PORT_92);
    if (r >= 0)
        r = vmm_bus_map (bus, &self->apm_region, PORT_APM);
    if (r < 0)
        return vmm_error_set_errno (error, r, "%s: its ports cannot be used", self->pci.device.id);
    pci_bus_set_reset_port (self->pci.bus, &self->reset_region);
    return 0;
}

static int
lpc_init (struct vmm_device *device, const struct vmm_device_config *config,
          struct vmm_error *error)
{
    static const struct pci_identity identity = {
        .vendor = 0x8086,
        .device = 0x2918,
        .subsystem_vendor = 0x1AF4,
        .subsystem = 0x1100,
        .class_code = 0x060100,
        .revision = 2,
        .multifunction = true,
    };
    struct ich9_lpc *self = CONTAINER_OF (device, struct ich9_lpc, pci.device);
    uint8_t *mask = self->pci.write_mask;
    int r;

    self->preset = vmm_config_bool (device, config, "preset");
    r = pci_device_init (&self->pci, &identity, PCI_DEVFN (0x1F, 0), NULL, error);
    if (r < 0)
        return r;
    self->pci.config_written = lpc_config_written;
    store_le16 (self->pci.config + PMBASE, PMBASE_IO);
    store_le16 (mask + PMBASE, PMBASE_WRITABLE);
    mask[ACPI_CNTL] = ACPI_CNTL_EN;
    memset (mask + PIRQ_A, PIRQ_WRITABLE, 4);
    memset (mask + PIRQ_E, PIRQ_WRITABLE, 4);
    store_le16 (mask + GEN_PMCON_1, 0x0010);
    store_le32 (mask + RCBA, RCBA_WRITABLE);

    self->rcba_region = (struct vmm_region) {
        .name = "rcba",
        .space = VMM_SPACE_MMIO,
        .size = RCBA_SIZE,
        .max_size = 4,
        .read = rcba_read,
        .opaque = self,
    };
    ich9_pm_init (self);
    return map_ports (self, error);
}

static void
lpc_reset (struct vmm_device *device)
{
    struct ich9_lpc *self = CONTAINER_OF (device, struct ich9_lpc, pci.device);
    /* What SeaBIOS programs, too: A and B, E and F to IRQ 10, the others to 11. */
    static const uint8_t preset_pirqs[4] = {10, 10, 11, 11};
    uint8_t *config = self->pci.config;

    pci_device_reset (&self->pci);
    memset (config + PIRQ_A, PIRQ_NONE, 4);
    memset (config + PIRQ_E, PIRQ_NONE, 4);
    self->port_92 = 0;
    self->apm[0] = self->apm[1] = 0;
    self->reset_control = 0;
    if (self->preset) {
        store_le16 (config + PMBASE, PRESET_PMBASE | PMBASE_IO);
        config[ACPI_CNTL] = ACPI_CNTL_EN;
        memcpy (config + PIRQ_A, preset_pirqs, 4);
        memcpy (config + PIRQ_E, preset_pirqs, 4);
    }
    apply_pm (self);
    apply_pirqs (self);
    apply_rcba (self);
    ich9_pm_reset (self);
    if (self->preset)
        ich9_pm_set_acpi (self, true);
}

static void
lpc_pause (struct vmm_device *device)
{
}

static void
lpc_resume (struct vmm_device *device)
{
}

static void
lpc_fini (struct vmm_device *device)
{
    struct ich9_lpc *self = CONTAINER_OF (device, struct ich9_lpc, pci.device);
    struct vmm_bus *bus = vmm_device_bus (device);

    ich9_pm_fini (self);
    vmm_bus_unmap (bus, &self->pm_region);
    vmm_bus_unmap (bus, &self->rcba_region);
    vmm_bus_unmap (bus, &self->port_92_region);
    vmm_bus_unmap (bus, &self->apm_region);
    if (self->pci.bus)
        pci_bus_set_reset_port (self->pci.bus, NULL);
    pci_device_fini (&self->pci);
}

const struct vmm_device_class ich9_lpc_class = {
    .name = "ich9-lpc",
    .size = sizeof (struct ich9_lpc),
    .keys = lpc_keys,
    .n_keys = ARRAY_LENGTH (lpc_keys),
    .state = &lpc_state,
    .init = lpc_init,
    .reset = lpc_reset,
    .pause = lpc_pause,
    .resume = lpc_resume,
    .fini = lpc_fini,
};
