/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The SATA controller of the ICH9 in AHCI mode, 00:1f.2: PCI function, the controller's own
 * registers, interrupts, configuration and state. Sources: AHCI 1.3.1 (chapter 3 registers, 10.4.3
 * controller reset, 10.7 interrupts); Intel ICH9 datasheet, 15 (configuration space).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "hw/ahci.h"
#include "hw/ata.h"

#define DEVFN     PCI_DEVFN (0x1f, 2)
#define ABAR      5
#define ABAR_SIZE 0x1000
/* ICH9, 15.1.28, Address Map: bit 6 tells that the ports are in AHCI mode. */
#define CONFIG_MAP        0x90
#define CONFIG_MAP_AHCI   0x40

#define REGISTER_CAP      0x00
#define REGISTER_GHC      0x04
#define REGISTER_IS       0x08
#define REGISTER_PI       0x0C
#define REGISTER_VS       0x10
#define REGISTER_PORTS    0x100
#define PORT_SIZE         0x80

#define PORT_IS           0x10
#define PORT_SERR         0x30
#define PORT_SACT         0x34
#define PORT_CI           0x38

#define CAP_PIO_MULTIPLE  (1u << 15)
#define CAP_AHCI_ONLY     (1u << 18)
#define CAP_SPEED_6G      (3u << 20)
#define CAP_LIST_OVERRIDE (1u << 24)
#define CAP_QUEUING       (1u << 30)
#define CAP_64BIT         (1u << 31)
#define GHC_RESET         (1u << 0)
#define GHC_INTERRUPTS    (1u << 1)
#define GHC_AHCI          (1u << 31)
#define VERSION_1_3_1     0x00010301u

static uint32_t
implemented_ports (const struct ahci *self)
{
    uint32_t mask = 0;

    for (unsigned i = 0; i < AHCI_PORTS; i++)
        if (self->ports[i].kind != AHCI_NOTHING)
            mask |= 1u << i;
    return mask;
}

/*
 * PxIS and PxIE make bits of IS, IS and GHC.IE the interrupt. A message goes out when a bit of IS
 * rises, and when software, having cleared some of IS, leaves others (10.7.2.1); the pin is a
 * level.
 */
void
ahci_update_interrupt (struct ahci *self, bool again)
{
    uint32_t before = self->is;
    bool level;

    for (unsigned i = 0; i < AHCI_PORTS; i++)
        if (self->ports[i].is & self->ports[i].ie)
            self->is |= 1u << i;
    level = self->is && (self->ghc & GHC_INTERRUPTS);
    if (!pci_msi_is_enabled (&self->pci)) {
        pci_irq_set (&self->pci, level);
        return;
    }
    pci_irq_set (&self->pci, false);
    if (level && (again || (self->is & ~before)))
        pci_msi_notify (&self->pci);
}

/* 10.4.3: everything but the addresses that software gave each port. */
static void
reset_controller (struct ahci *self)
{
    self->resetting = false;
    self->ghc = GHC_AHCI;
    self->is = 0;
    for (unsigned i = 0; i < AHCI_PORTS; i++)
        if (self->ports[i].kind != AHCI_NOTHING)
            ahci_port_reset (&self->ports[i]);
    ahci_update_interrupt (self, false);
}

void
ahci_check_reset (struct ahci *self)
{
    if (!self->resetting)
        return;
    for (unsigned i = 0; i < AHCI_PORTS; i++)
        if (self->ports[i].active)
            return;
    reset_controller (self);
}

static void
write_ghc (struct ahci *self, uint32_t value)
{
    bool enabled = self->ghc & GHC_INTERRUPTS;

    self->ghc = GHC_AHCI | (value & GHC_INTERRUPTS);
    if (value & GHC_RESET) {
        self->ghc |= GHC_RESET;
        self->resetting = true;
        for (unsigned i = 0; i < AHCI_PORTS; i++)
            ahci_port_cancel (&self->ports[i]);
        ahci_check_reset (self);
    } else {
        ahci_update_interrupt (self, !enabled);
    }
}

static uint32_t
read_register (struct ahci *self, unsigned offset)
{
    if (offset >= REGISTER_PORTS) {
        unsigned port = (offset - REGISTER_PORTS) / PORT_SIZE;

        if (port >= AHCI_PORTS || self->ports[port].kind == AHCI_NOTHING)
            return 0;
        return ahci_port_read (&self->ports[port], (offset - REGISTER_PORTS) % PORT_SIZE);
    }
    switch (offset) {
    case REGISTER_CAP:
        return CAP_64BIT | CAP_QUEUING | CAP_LIST_OVERRIDE | CAP_SPEED_6G | CAP_AHCI_ONLY |
               CAP_PIO_MULTIPLE | (AHCI_SLOTS - 1) << 8 | (AHCI_PORTS - 1);
    case REGISTER_GHC: return self->ghc;
    case REGISTER_IS: return self->is;
    case REGISTER_PI: return implemented_ports (self);
    case REGISTER_VS: return VERSION_1_3_1;
    default: return 0;
    }
}

static void
write_register (struct ahci *self, unsigned offset, uint32_t value)
{
    if (self->resetting)
        return;
    if (offset >= REGISTER_PORTS) {
        unsigned port = (offset - REGISTER_PORTS) / PORT_SIZE;

        if (port < AHCI_PORTS && self->ports[port].kind != AHCI_NOTHING)
            ahci_port_write (&self->ports[port], (offset - REGISTER_PORTS) % PORT_SIZE, value);
        ahci_update_interrupt (self, false);
    } else if (offset == REGISTER_GHC) {
        write_ghc (self, value);
    } else if (offset == REGISTER_IS) {
        self->is &= ~value;
        ahci_update_interrupt (self, true);
    }
}

static uint64_t
region_read (void *opaque, uint64_t offset, unsigned size)
{
    return read_register (opaque, (unsigned) offset & ~3u) >> (8 * (offset & 3));
}

/* Registers in which a 1 does something and a 0 nothing. */
static bool
acts_on_ones (unsigned offset)
{
    unsigned port_offset = offset % PORT_SIZE;

    if (offset < REGISTER_PORTS)
        return offset == REGISTER_IS;
    return port_offset == PORT_IS || port_offset == PORT_SERR || port_offset == PORT_SACT ||
           port_offset == PORT_CI;
}

static void
region_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    unsigned base = (unsigned) offset & ~3u, shift = 8 * (offset & 3);
    uint32_t word = (uint32_t) value;

    /* Narrow writes, which the specification allows, keep the other bytes. */
    if (size < 4) {
        uint32_t mask = ((1u << 8 * size) - 1) << shift;

        word = (word << shift) & mask;
        if (!acts_on_ones (base))
            word |= read_register (opaque, base) & ~mask;
    }
    write_register (opaque, base, word);
}

/* Enabling or disabling messages moves a pending interrupt from one way to the other. */
static void
config_written (struct pci_device *pci, unsigned offset, unsigned size)
{
    ahci_update_interrupt ((struct ahci *) pci, false);
}

static int
configure_port (struct ahci *self, unsigned index, const struct vmm_device_config *config,
                struct vmm_error *error)
{
    struct ahci_port *port = &self->ports[index];
    char kind_key[8], blk_key[8], serial_key[8];
    const char *kind, *serial;
    struct blk *blk;
    int r;

    snprintf (kind_key, sizeof kind_key, "port%u", index);
    snprintf (blk_key, sizeof blk_key, "blk%u", index);
    snprintf (serial_key, sizeof serial_key, "serial%u", index);
    kind = vmm_config_string (config, kind_key);
    blk = vmm_config_pointer (config, blk_key);
    serial = vmm_config_string (config, serial_key);
    if (!kind && blk)
        return vmm_error_set (error, -EINVAL, "%s: %s is given, but not %s", config->id, blk_key,
                              kind_key);
    if (!kind)
        return 0;
    if (strcmp (kind, "cd") != 0 && strcmp (kind, "disk") != 0)
        return vmm_error_set (error, -EINVAL, "%s: %s is “%s”, but must be “cd” or “disk”",
                              config->id, kind_key, kind);
    if (!blk && strcmp (kind, "disk") == 0)
        return vmm_error_set (error, -EINVAL, "%s: the disk at %s has no image", config->id,
                              kind_key);
    port->commands = calloc (AHCI_SLOTS, sizeof *port->commands);
    if (!port->commands)
        return vmm_error_set_errno (error, -ENOMEM, "%s: cannot set up %s", config->id, kind_key);
    if (blk) {
        r = blk_attach (blk, vmm_device_loop (&self->pci.device));
        if (r < 0)
            return vmm_error_set_errno (error, r, "%s: cannot use “%s”", config->id,
                                        blk_get_path (blk));
        port->drive.blk = blk;
    }
    if (serial)
        snprintf (port->drive.serial, sizeof port->drive.serial, "%s", serial);
    else
        snprintf (port->drive.serial, sizeof port->drive.serial, "POSADA%04u", index);
    port->kind = strcmp (kind, "cd") == 0 ? AHCI_CD : AHCI_DISK;
    return 0;
}

static int
init (struct vmm_device *device, const struct vmm_device_config *config, struct vmm_error *error)
{
    static const struct pci_identity identity = {
        .vendor = 0x8086,
        .device = 0x2922,
        .subsystem_vendor = 0x1af4,
        .subsystem = 0x1100,
        .class_code = 0x010601,
        .revision = 2,
        .interrupt_pin = 1,
        .multifunction = true,
    };
    struct ahci *self = (struct ahci *) device;
    int r;

    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        self->ports[i].ahci = self;
        self->ports[i].index = i;
    }
    r = pci_device_init (&self->pci, &identity, DEVFN, NULL, error);
    if (r < 0)
        return r;
    self->pci.config[CONFIG_MAP] = CONFIG_MAP_AHCI;
    self->pci.config_written = config_written;
    pci_add_msi (&self->pci);
    self->region = (struct vmm_region) {
        .name = "ahci",
        .space = VMM_SPACE_MMIO,
        .size = ABAR_SIZE,
        .max_size = 4,
        .read = region_read,
        .write = region_write,
        .opaque = self,
        .lock = &device->lock,
    };
    pci_bar_declare (&self->pci, ABAR, ABAR_SIZE, 0);
    pci_bar_add_region (&self->pci, ABAR, 0, &self->region);
    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        r = configure_port (self, i, config, error);
        if (r < 0)
            return r;
    }
    return 0;
}

/* A tray that the guest left open stays open: what an installer ejects does not boot again. */
static void
reset (struct vmm_device *device)
{
    struct ahci *self = (struct ahci *) device;

    pci_device_reset (&self->pci);
    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        struct ahci_port *port = &self->ports[i];

        ahci_port_cancel (port);
        port->clb = port->clbu = port->fb = port->fbu = 0;
        ata_reset_drive (&port->drive, port->kind);
    }
    reset_controller (self);
}

static void
pause (struct vmm_device *device)
{
    ((struct ahci *) device)->paused = true;
}

static void
resume (struct vmm_device *device)
{
    struct ahci *self = (struct ahci *) device;

    self->paused = false;
    for (unsigned i = 0; i < AHCI_PORTS; i++)
        if (self->ports[i].kind != AHCI_NOTHING)
            ahci_port_resume (&self->ports[i]);
    ahci_update_interrupt (self, false);
}

static void
fini (struct vmm_device *device)
{
    struct ahci *self = (struct ahci *) device;

    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        struct ahci_port *port = &self->ports[i];

        if (port->drive.blk)
            blk_detach (port->drive.blk);
        port->drive.blk = NULL;
        free (port->commands);
        port->commands = NULL;
    }
    pci_device_fini (&self->pci);
}

static int
set_medium (struct vmm_device *device, unsigned index, struct blk *medium, struct vmm_error *error)
{
    struct ahci *self = (struct ahci *) device;
    struct ahci_port *port;
    int r;

    if (index >= AHCI_PORTS || self->ports[index].kind != AHCI_CD)
        return vmm_error_set (error, -ENOENT, "%s has no CD drive at port %u", device->id, index);
    port = &self->ports[index];
    port->changing_medium = true;
    if (port->active)
        return -EAGAIN;
    port->changing_medium = false;
    if (medium != port->drive.blk) {
        r = medium ? blk_attach (medium, vmm_device_loop (device)) : 0;
        if (r < 0)
            return vmm_error_set_errno (error, r, "%s: cannot use “%s”", device->id,
                                        blk_get_path (medium));
        if (port->drive.blk)
            blk_detach (port->drive.blk);
        port->drive.blk = medium;
    }
    atapi_medium_changed (&port->drive, medium);
    ahci_port_run (port);
    ahci_update_interrupt (self, false);
    return 0;
}

static void
pre_save (void *object)
{
    struct ahci *self = object;

    for (unsigned i = 0; i < AHCI_PORTS; i++)
        self->ports[i].saved_kind = (uint8_t) self->ports[i].kind;
}

/* What the registers' write handlers would have let in is all that may come in by a stream. */
static int
post_load (void *object, struct vmm_error *error)
{
    struct ahci *self = object;

    self->ghc = GHC_AHCI | (self->ghc & GHC_INTERRUPTS);
    self->is &= implemented_ports (self);
    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        struct ahci_port *port = &self->ports[i];
        struct ahci_drive *drive = &port->drive;

        if (port->saved_kind != port->kind)
            return vmm_error_set (error, -EPROTO, "port %u of %s has another drive", i,
                                  self->pci.device.id);
        port->clb &= ~0x3FFu;
        port->fb &= ~0xFFu;
        ahci_port_sanitize (port);
        if (drive->multiple > ATA_MAX_MULTIPLE ||
            (drive->multiple && !is_power_of_two (drive->multiple)))
            return vmm_error_set (error, -EPROTO, "port %u of %s has a bad block size", i,
                                  self->pci.device.id);
    }
    return 0;
}

static const struct vmm_state_field drive_fields[] = {
    VMM_STATE (struct ahci_drive, transfer_mode),
    VMM_STATE (struct ahci_drive, multiple),
    VMM_STATE (struct ahci_drive, write_cache),
    VMM_STATE (struct ahci_drive, look_ahead),
    VMM_STATE (struct ahci_drive, standby),
    VMM_STATE_ARRAY (struct ahci_drive, queue_log),
    VMM_STATE (struct ahci_drive, tray_open),
    VMM_STATE (struct ahci_drive, locked),
    VMM_STATE (struct ahci_drive, power_on_attention),
    VMM_STATE (struct ahci_drive, medium_attention),
    VMM_STATE (struct ahci_drive, medium_event),
    VMM_STATE (struct ahci_drive, sense_key),
    VMM_STATE (struct ahci_drive, sense_code),
    VMM_STATE (struct ahci_drive, sense_qualifier),
};

static const struct vmm_state_table drive_state = {
    .name = "ahci-drive",
    .version = 1,
    .fields = drive_fields,
    .n_fields = ARRAY_LENGTH (drive_fields),
};

static const struct vmm_state_field port_fields[] = {
    VMM_STATE (struct ahci_port, saved_kind),
    VMM_STATE (struct ahci_port, clb),
    VMM_STATE (struct ahci_port, clbu),
    VMM_STATE (struct ahci_port, fb),
    VMM_STATE (struct ahci_port, fbu),
    VMM_STATE (struct ahci_port, is),
    VMM_STATE (struct ahci_port, ie),
    VMM_STATE (struct ahci_port, cmd),
    VMM_STATE (struct ahci_port, tfd),
    VMM_STATE (struct ahci_port, sig),
    VMM_STATE (struct ahci_port, sctl),
    VMM_STATE (struct ahci_port, sact),
    VMM_STATE (struct ahci_port, ci),
    VMM_STATE (struct ahci_port, retry),
    VMM_STATE (struct ahci_port, halted),
    VMM_STATE (struct ahci_port, soft_reset),
    VMM_STATE (struct ahci_port, signature_unsent),
    VMM_STATE_NESTED (struct ahci_port, drive, drive_state),
};

static const struct vmm_state_table port_state = {
    .name = "ahci-port",
    .version = 1,
    .fields = port_fields,
    .n_fields = ARRAY_LENGTH (port_fields),
};

static const struct vmm_state_field fields[] = {
    VMM_STATE_NESTED (struct ahci, pci, pci_device_state),
    VMM_STATE (struct ahci, ghc),
    VMM_STATE (struct ahci, is),
    VMM_STATE_NESTED_ARRAY (struct ahci, ports, port_state),
};

static const struct vmm_state_table state = {
    .name = "ahci",
    .version = 1,
    .fields = fields,
    .n_fields = ARRAY_LENGTH (fields),
    .pre_save = pre_save,
    .post_load = post_load,
};

#define PORT_KEYS(n)                                                     \
    {.name = "port" #n,                                                  \
     .type = VMM_KEY_STRING,                                             \
     .help = "drive at port " #n ": “cd” or “disk”; absent: none"},      \
        {.name = "blk" #n,                                               \
         .type = VMM_KEY_POINTER,                                        \
         .help = "struct blk * of that drive; a CD drive may be empty"}, \
        {.name = "serial" #n,                                            \
         .type = VMM_KEY_STRING,                                         \
         .help = "serial number of that drive, up to 20 characters"}

static const struct vmm_key keys[] = {
    PORT_KEYS (0), PORT_KEYS (1), PORT_KEYS (2), PORT_KEYS (3), PORT_KEYS (4), PORT_KEYS (5),
};

const struct vmm_device_class ahci_class = {
    .name = "ahci",
    .size = sizeof (struct ahci),
    .keys = keys,
    .n_keys = ARRAY_LENGTH (keys),
    .state = &state,
    .init = init,
    .reset = reset,
    .pause = pause,
    .resume = resume,
    .fini = fini,
    .set_medium = set_medium,
};
