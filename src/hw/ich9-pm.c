/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ACPI's fixed hardware inside the LPC bridge: PM1 events and control, the power management timer,
 * GPE0 and the SMI registers, 128 ports from PMBASE on. Its interrupt, the SCI, is GSI 9, level.
 *
 * Sleeping: writing PM1_CNT with SLP_EN and SLP_TYP 0 powers off. The value is ours to choose (the
 * DSDT's \_S5 names it) and 0 is what stock OVMF writes without reading tables. Other types are not
 * offered and do nothing.
 *
 * The timer counts 3.579545 MHz on guest time; its status bit is set whenever bit 23 changes (ACPI
 * 6.5, 4.8.2.1). Status is judged when somebody looks, and by a timer while its interrupt is on.
 *
 * Source: Intel ICH9 family datasheet, 13.8.3; ACPI 6.5, 4.8.
 */
#include "base/util.h"
#include "hw/ich9-lpc.h"

#define PM_SIZE         128
#define PM1_STATUS      0x00 /* status and enable share a dword */
#define PM1_CONTROL     0x04
#define PM1_TIMER       0x08
#define GPE_STATUS      0x20
#define GPE_ENABLE      0x28
#define SMI_ENABLE      0x30

#define PM1_TIMER_EVENT 0x0001u
#define PM1_GLOBAL      0x0020u
#define PM1_POWER       0x0100u
#define PM1_RTC         0x0400u
#define PM1_STATUS_BITS 0x8F31u
#define PM1_ENABLE_BITS 0x0521u

#define CONTROL_SCI     0x0001u
#define CONTROL_KEPT    0x1C03u /* SLP_TYP, BM_RLD, SCI_EN; SLP_EN and GBL_RLS act and read as 0 */
#define CONTROL_TYPE    0x1C00u
#define CONTROL_SLEEP   0x2000u

/*
 * APMC_EN reads as 1: SeaBIOS takes that as "SMM was set up before" and would else wait for a
 * system management interrupt that never comes.
 */
#define SMI_APMC_EN     0x00000020u
#define SMI_KEPT        0x00000001u

#define TIMER_HZ        UINT64_C (3579545)
#define TIMER_MASK      0xFFFFFFu
#define TIMER_HALF_BITS 23
#define NS_PER_SECOND   UINT64_C (1000000000)

static const struct vmm_state_field pm_fields[] = {
    VMM_STATE (struct ich9_pm, pm1_status),       VMM_STATE (struct ich9_pm, pm1_enable),
    VMM_STATE (struct ich9_pm, pm1_control),      VMM_STATE_ARRAY (struct ich9_pm, gpe_status),
    VMM_STATE_ARRAY (struct ich9_pm, gpe_enable), VMM_STATE (struct ich9_pm, smi_enable),
    VMM_STATE (struct ich9_pm, timer_half),
};

const struct vmm_state_table ich9_pm_state = {
    .name = "ich9-pm",
    .version = 1,
    .fields = pm_fields,
    .n_fields = ARRAY_LENGTH (pm_fields),
};

static uint64_t
timer_ticks (struct ich9_lpc *lpc)
{
    uint64_t now = vmm_clock_now (vmm_device_clock (&lpc->pci.device));

    return now / NS_PER_SECOND * TIMER_HZ + now % NS_PER_SECOND * TIMER_HZ / NS_PER_SECOND;
}

/* The first nanosecond at which that many ticks have passed. */
static uint64_t
time_of_ticks (uint64_t ticks)
{
    return ticks / TIMER_HZ * NS_PER_SECOND +
           (ticks % TIMER_HZ * NS_PER_SECOND + TIMER_HZ - 1) / TIMER_HZ;
}

static void
judge_timer (struct ich9_lpc *lpc)
{
    uint64_t half = timer_ticks (lpc) >> TIMER_HALF_BITS;

    if (half != lpc->pm.timer_half)
        lpc->pm.pm1_status |= PM1_TIMER_EVENT;
    lpc->pm.timer_half = half;
}

static void
update (struct ich9_lpc *lpc)
{
    struct ich9_pm *pm = &lpc->pm;
    bool pending = pm->pm1_status & pm->pm1_enable & PM1_ENABLE_BITS;

    for (unsigned i = 0; i < ARRAY_LENGTH (pm->gpe_status); i++)
        pending |= (pm->gpe_status[i] & pm->gpe_enable[i]) != 0;
    pci_bus_set_sci (lpc->pci.bus, pending && (pm->pm1_control & CONTROL_SCI));

    if ((pm->pm1_enable & PM1_TIMER_EVENT) && !(pm->pm1_status & PM1_TIMER_EVENT))
        vmm_timer_arm (&pm->overflow, time_of_ticks ((pm->timer_half + 1) << TIMER_HALF_BITS));
    else
        vmm_timer_disarm (&pm->overflow);
}

static void
overflow_cb (void *data)
{
    struct ich9_lpc *lpc = data;

    judge_timer (lpc);
    update (lpc);
}

static void
power_button_pressed (struct vmm_device *device)
{
    struct ich9_lpc *lpc = CONTAINER_OF (device, struct ich9_lpc, pci.device);

    lpc->pm.pm1_status |= PM1_POWER;
    update (lpc);
}

static void
event_raised (struct vmm_device *device, unsigned event)
{
    struct ich9_lpc *lpc = CONTAINER_OF (device, struct ich9_lpc, pci.device);

    if (event / 8 < ARRAY_LENGTH (lpc->pm.gpe_status))
        lpc->pm.gpe_status[event / 8] |= (uint8_t) (1u << event % 8);
    update (lpc);
}

static uint32_t
read_dword (struct ich9_lpc *lpc, unsigned offset)
{
    struct ich9_pm *pm = &lpc->pm;

    switch (offset) {
    case PM1_STATUS:
        judge_timer (lpc);
        update (lpc);
        return (uint32_t) pm->pm1_enable << 16 | pm->pm1_status;
    case PM1_CONTROL: return pm->pm1_control;
    case PM1_TIMER: return timer_ticks (lpc) & TIMER_MASK;
    case GPE_STATUS:
    case GPE_STATUS + 4: return load_le32 (&pm->gpe_status[offset - GPE_STATUS]);
    case GPE_ENABLE:
    case GPE_ENABLE + 4: return load_le32 (&pm->gpe_enable[offset - GPE_ENABLE]);
    case SMI_ENABLE: return pm->smi_enable | SMI_APMC_EN;
    default: return 0;
    }
}

static void
write_control (struct ich9_lpc *lpc, uint32_t value)
{
    lpc->pm.pm1_control = (uint16_t) (value & CONTROL_KEPT);
    if ((value & CONTROL_SLEEP) && (value & CONTROL_TYPE) == 0)
        vmm_device_request_power_off (&lpc->pci.device);
}

/* @value has @mask's bits of the register, all others are to stay (or not to be cleared). */
static void
write_dword (struct ich9_lpc *lpc, unsigned offset, uint32_t value, uint32_t mask)
{
    struct ich9_pm *pm = &lpc->pm;
    uint8_t *gpe;

    switch (offset) {
    case PM1_STATUS:
        judge_timer (lpc);
        pm->pm1_status &= (uint16_t) ~(value & PM1_STATUS_BITS);
        pm->pm1_enable =
            (uint16_t) (((pm->pm1_enable & ~(mask >> 16)) | value >> 16) & PM1_ENABLE_BITS);
        break;
    case PM1_CONTROL: write_control (lpc, (pm->pm1_control & ~mask) | value); break;
    case GPE_STATUS:
    case GPE_STATUS + 4:
        gpe = &pm->gpe_status[offset - GPE_STATUS];
        store_le32 (gpe, load_le32 (gpe) & ~value);
        break;
    case GPE_ENABLE:
    case GPE_ENABLE + 4:
        gpe = &pm->gpe_enable[offset - GPE_ENABLE];
        store_le32 (gpe, (load_le32 (gpe) & ~mask) | value);
        break;
    case SMI_ENABLE: pm->smi_enable = ((pm->smi_enable & ~mask) | value) & SMI_KEPT; break;
    default: return;
    }
    update (lpc);
}

static uint64_t
pm_read (void *opaque, uint64_t offset, unsigned size)
{
    uint64_t value = read_dword (opaque, (unsigned) offset & ~3u);
    unsigned shift = 8 * (offset & 3);

    /* A misaligned access runs into the next register. */
    if ((offset & 3) + size > 4 && (offset | 3) + 1 < PM_SIZE)
        value |= (uint64_t) read_dword (opaque, ((unsigned) offset | 3) + 1) << 32;
    return value >> shift;
}

static void
pm_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    unsigned shift = 8 * (offset & 3), first = (unsigned) offset & ~3u;
    uint64_t mask = ((UINT64_C (1) << 8 * size) - 1) << shift;

    value = value << shift & mask;
    write_dword (opaque, first, (uint32_t) value, (uint32_t) mask);
    if (mask >> 32 && first + 4 < PM_SIZE)
        write_dword (opaque, first + 4, (uint32_t) (value >> 32), (uint32_t) (mask >> 32));
}

void
ich9_pm_init (struct ich9_lpc *lpc)
{
    lpc->pm_region = (struct vmm_region) {
        .name = "acpi-pm",
        .space = VMM_SPACE_PIO,
        .size = PM_SIZE,
        .max_size = 4,
        .read = pm_read,
        .write = pm_write,
        .opaque = lpc,
        .lock = &lpc->pci.device.lock,
    };
    vmm_device_timer_init (&lpc->pci.device, &lpc->pm.overflow, overflow_cb, lpc);
    vmm_device_set_power_button (&lpc->pci.device, power_button_pressed);
    vmm_device_set_events (&lpc->pci.device, event_raised);
}

void
ich9_pm_reset (struct ich9_lpc *lpc)
{
    struct ich9_pm *pm = &lpc->pm;

    pm->pm1_status = pm->pm1_enable = pm->pm1_control = 0;
    memset (pm->gpe_status, 0, sizeof pm->gpe_status);
    memset (pm->gpe_enable, 0, sizeof pm->gpe_enable);
    pm->smi_enable = 0;
    pm->timer_half = timer_ticks (lpc) >> TIMER_HALF_BITS;
    update (lpc);
}

void
ich9_pm_loaded (struct ich9_lpc *lpc)
{
    struct ich9_pm *pm = &lpc->pm;

    pm->pm1_status &= PM1_STATUS_BITS;
    pm->pm1_enable &= PM1_ENABLE_BITS;
    pm->pm1_control &= CONTROL_KEPT;
    pm->smi_enable &= SMI_KEPT;
    judge_timer (lpc);
    update (lpc);
}

void
ich9_pm_fini (struct ich9_lpc *lpc)
{
    vmm_timer_disarm (&lpc->pm.overflow);
    if (lpc->pci.bus)
        pci_bus_set_sci (lpc->pci.bus, false);
}

void
ich9_pm_set_acpi (struct ich9_lpc *lpc, bool enabled)
{
    if (enabled)
        lpc->pm.pm1_control |= CONTROL_SCI;
    else
        lpc->pm.pm1_control &= (uint16_t) ~CONTROL_SCI;
    update (lpc);
}
