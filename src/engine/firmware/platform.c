/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <cpuid.h>
#include <string.h>

#include "base/util.h"
#include "engine/firmware/describe.h"
#include "engine/machine.h"
#include "engine/pci/pci.h"

/* Bits of a physical address, by CPUID 8000_0008h; what every processor with KVM has, without it.
 */
static unsigned
physical_bits (void)
{
    unsigned eax, ebx, ecx, edx;

    if (!__get_cpuid (0x80000008, &eax, &ebx, &ecx, &edx) || (eax & 0xFF) < 36)
        return 36;
    return eax & 0xFF;
}

static bool
has_class (struct vmm_machine *machine, const char *name)
{
    const struct vmm_device *device;

    list_for_each (device, vmm_machine_devices (machine), link)
        if (strcmp (device->device_class->name, name) == 0)
            return true;
    return false;
}

/* The value of @name, if the class has such a key, else @fallback. */
static uint64_t
number_of (struct vmm_machine *machine, const struct vmm_device_config *config, const char *name,
           uint64_t fallback)
{
    const struct vmm_device *device = vmm_machine_find_device (machine, config->id);

    for (size_t i = 0; device && i < device->device_class->n_keys; i++)
        if (strcmp (device->device_class->keys[i].name, name) == 0)
            return vmm_config_number (device, config, name);
    return fallback;
}

static void
find_serial (struct acpi_platform *acpi, struct vmm_machine *machine,
             const struct vmm_config *config)
{
    for (size_t i = 0; i < config->n_devices && acpi->n_serial < ACPI_MAX_SERIAL; i++) {
        const struct vmm_device_config *device = &config->devices[i];

        if (strcmp (device->class_name, "serial") == 0)
            acpi->serial[acpi->n_serial++] = (struct acpi_serial) {
                .port = (uint16_t) number_of (machine, device, "port", 0x3F8),
                .irq = (unsigned) number_of (machine, device, "irq", 4) & 0xF,
            };
    }
}

void
firmware_platform_init (struct firmware_platform *self, struct vmm_machine *machine,
                        const struct vmm_config *config)
{
    const struct vmm_memory *memory = vmm_machine_memory (machine);
    struct acpi_platform *acpi = &self->acpi;

    *self = (struct firmware_platform) {.machine = machine};
    memcpy (self->uuid, config->uuid, sizeof self->uuid);

    acpi->n_cpus = MIN_OF (vmm_machine_cpu_count (machine), (unsigned) ACPI_MAX_CPUS);
    for (unsigned i = 0; i < acpi->n_cpus; i++)
        acpi->apic_ids[i] = (uint8_t) i;
    acpi->low_end = vmm_memory_low_size (memory);
    acpi->high_end = 4 * GIB + vmm_memory_high_size (memory);
    acpi->physical_bits = physical_bits ();
    acpi->has_i8042 = has_class (machine, "i8042");
    acpi->has_rtc = has_class (machine, "rtc");
    acpi->has_generation = has_class (machine, "vmgenid");
    find_serial (acpi, machine, config);
    for (unsigned slot = 0; slot < ACPI_PCI_SLOTS; slot++)
        for (unsigned pin = 0; pin < ACPI_PCI_PINS; pin++)
            acpi->pirqs[slot][pin] = (uint8_t) pci_bus_pirq_of (slot, pin + 1);

    self->smbios = (struct smbios_platform) {
        .uuid = self->uuid,
        .sockets = config->sockets ? config->sockets : 1,
        .cores = config->cores ? config->cores : acpi->n_cpus,
        .threads = config->threads ? config->threads : 1,
        .low_memory = vmm_memory_low_size (memory),
        .high_memory = vmm_memory_high_size (memory),
    };
    firmware_refresh (self);
}

void
firmware_refresh (struct firmware_platform *self)
{
    self->acpi.ecam = pci_bus_ecam_base (vmm_machine_pci (self->machine));
}
