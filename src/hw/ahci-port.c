/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One AHCI port: its registers, the command list, the FISes that its drive sends and the ways to
 * reset it. Source: AHCI 1.3.1, 3.3 (registers), 4.2 (structures in memory), 5.5 (command list),
 * 6.2 (errors); FIS layouts: Serial ATA 2.6, 10.3.
 *
 * Commands start in order of their slots, round robin from the last one. Native queued ones go side
 * by side, any other waits until nothing is in flight. An error leaves the failed command in PxCI
 * (or, queued, in PxSACT) and halts the list until software clears PxCMD.ST.
 */
#include <errno.h>

#include "hw/ahci.h"
#include "hw/ata.h"

#define PORT_CLB           0x00
#define PORT_CLBU          0x04
#define PORT_FB            0x08
#define PORT_FBU           0x0C
#define PORT_IS            0x10
#define PORT_IE            0x14
#define PORT_CMD           0x18
#define PORT_TFD           0x20
#define PORT_SIG           0x24
#define PORT_SSTS          0x28
#define PORT_SCTL          0x2C
#define PORT_SACT          0x34
#define PORT_CI            0x38

#define IS_REGISTERS       (1u << 0)
#define IS_PIO_SETUP       (1u << 1)
#define IS_DEVICE_BITS     (1u << 3)
#define IS_DESCRIPTOR      (1u << 5)
#define IS_INTERFACE_FATAL (1u << 27)
#define IS_BUS_FATAL       (1u << 29)
#define IS_TASK_FILE       (1u << 30)
#define IS_ALL             0xFDC000FFu

#define CMD_START          (1u << 0)
#define CMD_SPUN_UP        (1u << 1)
#define CMD_POWERED        (1u << 2)
#define CMD_LIST_OVERRIDE  (1u << 3)
#define CMD_FIS_ENABLE     (1u << 4)
#define CMD_SLOT_SHIFT     8
#define CMD_SLOT           (31u << CMD_SLOT_SHIFT)
#define CMD_FIS_RUNNING    (1u << 14)
#define CMD_LIST_RUNNING   (1u << 15)
#define CMD_ATAPI          (1u << 24)
#define CMD_ATAPI_LED      (1u << 25)
#define CMD_WRITABLE       (CMD_START | CMD_FIS_ENABLE | CMD_ATAPI | CMD_ATAPI_LED)

#define SCTL_DETECT        0x00Fu
#define SCTL_ALL           0xFFFu
#define DETECT_RESET       1u
#define DETECT_OFFLINE     4u
#define SSTS_UP_6G         0x133u
#define SSTS_OFFLINE       0x004u

/* What the task file reads while the link is down, and while the drive comes up. */
#define TFD_NO_LINK        0x7Fu
#define SIG_NONE           0xFFFFFFFFu

#define HEADER_SIZE        32
#define HEADER_PRDBC       4
#define TABLE_PACKET       0x40
#define TABLE_PRDT         0x80

#define FIS_HOST_REGISTERS 0x27
#define FIS_REGISTERS      0x34
#define FIS_PIO_SETUP      0x5F
#define FIS_DEVICE_BITS    0xA1
#define FIS_AT_PIO_SETUP   0x20
#define FIS_AT_REGISTERS   0x40
#define FIS_AT_DEVICE_BITS 0x58
#define FIS_INTERRUPT      0x40
#define FIS_TO_HOST        0x20
#define FIS_IS_COMMAND     0x80 /* byte 1, host to device; else the control register changes */
#define CONTROL_SOFT_RESET 0x04 /* byte 15 */

static void
warn_once (struct ahci_port *self, const char *what)
{
    if (!self->warned)
        vmm_device_warn (&self->ahci->pci.device, "port %u: the guest %s", self->index, what);
    self->warned = true;
}

static void
stop_on_bus_error (struct ahci_port *self)
{
    self->is |= IS_BUS_FATAL;
    self->halted = true;
    warn_once (self, "points the controller at memory that is not there");
}

static void
post (struct ahci_port *self, unsigned offset, const uint8_t *fis, size_t length)
{
    uint64_t base = (uint64_t) self->fbu << 32 | self->fb;

    if ((self->cmd & CMD_FIS_ENABLE) &&
        vmm_memory_write (vmm_device_memory (&self->ahci->pci.device), base + offset, fis, length) <
            0)
        stop_on_bus_error (self);
}

/* The part that Register and PIO Setup FISes have in common. */
static void
fill_registers (uint8_t *fis, const struct ata_registers *registers)
{
    fis[2] = registers->status;
    fis[3] = registers->error;
    for (unsigned i = 0; i < 3; i++) {
        fis[4 + i] = (uint8_t) (registers->lba >> (8 * i));
        fis[8 + i] = (uint8_t) (registers->lba >> (24 + 8 * i));
    }
    fis[7] = registers->device;
    store_le16 (fis + 12, registers->count);
}

static void
set_task_file (struct ahci_port *self, const struct ata_registers *registers)
{
    self->tfd = (uint32_t) registers->error << 8 | registers->status;
}

static void
post_registers (struct ahci_port *self, const struct ata_registers *registers, bool interrupt)
{
    uint8_t fis[20] = {FIS_REGISTERS, interrupt ? FIS_INTERRUPT : 0};

    fill_registers (fis, registers);
    post (self, FIS_AT_REGISTERS, fis, sizeof fis);
    set_task_file (self, registers);
    if (interrupt)
        self->is |= IS_REGISTERS;
}

static void
post_pio_setup (struct ahci_port *self, const struct ata_registers *registers)
{
    uint8_t fis[20] = {FIS_PIO_SETUP, FIS_INTERRUPT | FIS_TO_HOST};

    fill_registers (fis, registers);
    fis[2] |= ATA_DATA;
    fis[15] = registers->status;
    store_le16 (fis + 16, 512);
    post (self, FIS_AT_PIO_SETUP, fis, sizeof fis);
    set_task_file (self, registers);
    self->is |= IS_PIO_SETUP;
}

static void
post_device_bits (struct ahci_port *self, const struct ata_registers *registers, uint32_t done)
{
    uint8_t fis[8] = {FIS_DEVICE_BITS, FIS_INTERRUPT, registers->status & 0x77u, registers->error};

    store_le32 (fis + 4, done);
    post (self, FIS_AT_DEVICE_BITS, fis, sizeof fis);
    set_task_file (self, registers);
    self->sact &= ~done;
    self->is |= IS_DEVICE_BITS;
}

/* The first Register FIS after a reset is kept until there is a place for it. */
static void
send_signature (struct ahci_port *self)
{
    struct ata_registers registers = ata_signature (self->kind);

    if (!self->signature_unsent || !(self->cmd & CMD_FIS_ENABLE))
        return;
    self->signature_unsent = false;
    post_registers (self, &registers, false);
}

static void
take_signature (struct ahci_port *self, const struct ata_registers *registers)
{
    self->sig = (uint32_t) registers->lba << 8 | (registers->count & 0xFFu);
    set_task_file (self, registers);
}

static void
link_up (struct ahci_port *self)
{
    struct ata_registers registers = ata_signature (self->kind);

    self->resetting = false;
    self->soft_reset = false;
    self->drive.standby = false;
    take_signature (self, &registers);
    self->signature_unsent = true;
    send_signature (self);
}

static void
link_down (struct ahci_port *self)
{
    ahci_port_cancel (self);
    self->resetting = false;
    self->signature_unsent = false;
    self->tfd = TFD_NO_LINK;
    self->sig = SIG_NONE;
}

void
ahci_port_cancel (struct ahci_port *self)
{
    for (unsigned slot = 0; slot < AHCI_SLOTS; slot++)
        if (self->active & 1u << slot)
            self->commands[slot].cancelled = true;
    self->ci = self->sact = self->retry = 0;
    self->halted = false;
    self->stalled = false;
    if (!self->active)
        self->tfd &= ~ATA_BUSY;
}

void
ahci_port_reset (struct ahci_port *self)
{
    self->is = self->ie = self->cmd = self->sctl = 0;
    self->ci = self->sact = self->retry = 0;
    self->halted = self->stalled = false;
    link_up (self);
}

void
ahci_port_sanitize (struct ahci_port *self)
{
    self->is &= IS_ALL;
    self->ie &= IS_ALL;
    self->cmd &= CMD_WRITABLE | CMD_SLOT;
    self->tfd &= 0xFFFFu;
    self->sctl &= SCTL_ALL;
    if (!(self->cmd & CMD_START) || self->kind == AHCI_NOTHING)
        self->ci = self->sact = 0;
    self->retry &= self->ci | self->sact;
}

/* A cancelled command is gone: what waited for the last of them can go on. */
static void
after_cancelled (struct ahci_port *self)
{
    if (self->active)
        return;
    if (self->resetting)
        link_up (self);
    else
        self->tfd &= ~ATA_BUSY;
    ahci_check_reset (self->ahci);
}

/* Takes the command off its slot; whether it still matters to anyone. */
static bool
leave_slot (struct ahci_command *command)
{
    struct ahci_port *self = command->port;

    self->active &= ~(1u << command->slot);
    ahci_release (command);
    if (command->cancelled)
        after_cancelled (self);
    return !command->cancelled;
}

static void
write_byte_count (struct ahci_command *command)
{
    struct ahci_port *self = command->port;
    uint64_t list = (uint64_t) self->clbu << 32 | self->clb;
    uint8_t count[4];

    store_le32 (count, command->transferred);
    if (vmm_memory_write (vmm_device_memory (&self->ahci->pci.device),
                          list + command->slot * HEADER_SIZE + HEADER_PRDBC, count,
                          sizeof count) < 0)
        stop_on_bus_error (self);
}

/* A queued command failed: the drive gives up all others, too, and remembers which it was (ACS-3,
 * 9.16, log 10h). */
static void
fail_queue (struct ahci_command *command)
{
    struct ahci_port *self = command->port;
    const struct ata_registers *out = &command->out;
    uint8_t *log = self->drive.queue_log;

    fill_registers (log, out);
    log[0] = (uint8_t) command->slot;
    log[1] = 0;
    for (unsigned slot = 0; slot < AHCI_SLOTS; slot++)
        if (self->active & 1u << slot)
            self->commands[slot].cancelled = true;
}

void
ahci_finish (struct ahci_command *command)
{
    struct ahci_port *self = command->port;
    uint32_t bit = 1u << command->slot;
    bool failed = command->out.status & ATA_ERROR;

    if (!leave_slot (command))
        return;
    if (command->interrupt_on_data && command->transferred)
        self->is |= IS_DESCRIPTOR;
    switch (command->ending) {
    case AHCI_END_REGISTERS:
        write_byte_count (command);
        post_registers (self, &command->out, true);
        break;
    case AHCI_END_PIO_IN:
        write_byte_count (command);
        if (failed)
            post_registers (self, &command->out, true);
        else
            post_pio_setup (self, &command->out);
        break;
    case AHCI_END_QUEUED:
        if (failed)
            fail_queue (command);
        post_device_bits (self, &command->out, failed ? 0 : bit);
        break;
    case AHCI_END_QUIETLY: self->tfd &= ~ATA_BUSY; break;
    }
    if (failed) {
        self->is |= IS_TASK_FILE;
        self->halted = true;
    } else {
        self->ci &= ~bit;
    }
}

void
ahci_bus_error (struct ahci_command *command)
{
    struct ahci_port *self = command->port;

    if (!leave_slot (command))
        return;
    self->tfd &= ~ATA_BUSY;
    stop_on_bus_error (self);
}

void
ahci_hold (struct ahci_command *command)
{
    struct ahci_port *self = command->port;

    if (!leave_slot (command))
        return;
    self->retry |= 1u << command->slot;
    self->stalled = true;
}

static int
read_command (struct ahci_command *command)
{
    struct ahci_port *self = command->port;
    struct vmm_memory *memory = vmm_device_memory (&self->ahci->pci.device);
    uint64_t list = (uint64_t) self->clbu << 32 | self->clb;
    uint8_t header[HEADER_SIZE], table[TABLE_PACKET + sizeof command->packet];
    int r;

    r = vmm_memory_read (memory, list + command->slot * HEADER_SIZE, header, sizeof header);
    if (r < 0)
        return r;
    command->n_entries = load_le16 (header + 2);
    command->table = load_le64 (header + 8) & ~UINT64_C (0x7F);
    r = vmm_memory_read (memory, command->table, table, sizeof table);
    if (r < 0)
        return r;
    memcpy (command->fis, table, sizeof command->fis);
    memcpy (command->packet, table + TABLE_PACKET, sizeof command->packet);
    command->table += TABLE_PRDT;
    return 0;
}

/* SRST in the control register: set, then cleared, is a reset (ACS-3, 9.2). */
static void
start_control (struct ahci_command *command)
{
    struct ahci_port *self = command->port;
    bool reset = command->fis[15] & CONTROL_SOFT_RESET, was = self->soft_reset;

    self->soft_reset = reset;
    command->ending = AHCI_END_QUIETLY;
    if (was && !reset) {
        self->drive.standby = false;
        command->ending = AHCI_END_REGISTERS;
        command->out = ata_signature (self->kind);
        take_signature (self, &command->out);
    }
    ahci_finish (command);
}

/* The drive has taken a queued command and gives its slot's PxCI bit back at once. */
static void
accept_queued (struct ahci_command *command)
{
    struct ata_registers registers = {.status = ATA_STATUS_GOOD};

    post_registers (command->port, &registers, false);
    command->port->ci &= ~(1u << command->slot);
}

/* False if the command has to wait for those in flight. */
static bool
issue (struct ahci_port *self, unsigned slot)
{
    struct ahci_command *command = &self->commands[slot];
    bool is_command, queued;
    int r;

    *command = (struct ahci_command) {.port = self, .slot = slot};
    r = read_command (command);
    is_command = command->fis[1] & FIS_IS_COMMAND;
    queued = r >= 0 && is_command && self->kind == AHCI_DISK && ata_is_queued (command->fis);
    if (self->active && !(queued && self->active_queued))
        return false;
    self->cmd = (self->cmd & ~CMD_SLOT) | slot << CMD_SLOT_SHIFT;
    self->active |= 1u << slot;
    self->active_queued = queued;
    self->retry &= ~(1u << slot);
    if (queued)
        accept_queued (command);
    else
        self->tfd |= ATA_BUSY;
    if (r < 0) {
        ahci_bus_error (command);
    } else if (command->fis[0] != FIS_HOST_REGISTERS) {
        leave_slot (command);
        self->tfd &= ~ATA_BUSY;
        self->is |= IS_INTERFACE_FATAL;
        self->halted = true;
        warn_once (self, "sends a frame that no drive understands");
    } else if (!is_command) {
        start_control (command);
    } else if (self->soft_reset) {
        command->ending = AHCI_END_QUIETLY;
        ahci_finish (command);
    } else if (self->kind == AHCI_CD) {
        atapi_start (command);
    } else {
        ata_start (command);
    }
    return true;
}

static bool
may_issue (const struct ahci_port *self)
{
    if (self->ahci->paused || self->ahci->resetting || !(self->cmd & CMD_START))
        return false;
    if ((self->sctl & SCTL_DETECT) || self->resetting || self->halted)
        return false;
    if (self->stalled || self->changing_medium)
        return false;
    /* Cancelled commands must be gone before their slots are used anew. */
    for (uint32_t rest = self->active; rest; rest &= rest - 1)
        if (self->commands[__builtin_ctz (rest)].cancelled)
            return false;
    return true;
}

void
ahci_port_run (struct ahci_port *self)
{
    while (may_issue (self)) {
        uint32_t waiting = (self->ci | self->retry) & ~self->active;
        unsigned current = (self->cmd & CMD_SLOT) >> CMD_SLOT_SHIFT;
        /* The slots above the current one come first. */
        uint32_t later = waiting & ~(UINT32_MAX >> (31 - current));

        if (!waiting || !issue (self, (unsigned) __builtin_ctz (later ? later : waiting)))
            break;
    }
    if (self->drive.blk)
        blk_kick (self->drive.blk);
}

void
ahci_port_resume (struct ahci_port *self)
{
    self->stalled = false;
    ahci_port_run (self);
}

static uint32_t
read_status (const struct ahci_port *self)
{
    switch (self->sctl & SCTL_DETECT) {
    case 0: return SSTS_UP_6G;
    case DETECT_OFFLINE: return SSTS_OFFLINE;
    default: return 0;
    }
}

static uint32_t
read_cmd (const struct ahci_port *self)
{
    uint32_t value = self->cmd | CMD_SPUN_UP | CMD_POWERED;

    if (self->cmd & CMD_FIS_ENABLE)
        value |= CMD_FIS_RUNNING;
    if ((self->cmd & CMD_START) || self->active)
        value |= CMD_LIST_RUNNING;
    return value;
}

uint32_t
ahci_port_read (struct ahci_port *self, unsigned offset)
{
    switch (offset) {
    case PORT_CLB: return self->clb;
    case PORT_CLBU: return self->clbu;
    case PORT_FB: return self->fb;
    case PORT_FBU: return self->fbu;
    case PORT_IS: return self->is;
    case PORT_IE: return self->ie;
    case PORT_CMD: return read_cmd (self);
    case PORT_TFD: return self->tfd;
    case PORT_SIG: return self->sig;
    case PORT_SSTS: return read_status (self);
    case PORT_SCTL: return self->sctl;
    case PORT_SACT: return self->sact;
    case PORT_CI: return self->ci;
    default: return 0;
    }
}

static void
write_cmd (struct ahci_port *self, uint32_t value)
{
    uint32_t old = self->cmd;

    self->cmd = (old & CMD_SLOT) | (value & CMD_WRITABLE);
    if ((old ^ value) & CMD_START) {
        /* With the last slot current the first one is next. */
        self->cmd |= CMD_SLOT;
        if (!(value & CMD_START)) {
            ahci_port_cancel (self);
            self->cmd &= ~CMD_SLOT;
        }
    }
    if ((value & CMD_LIST_OVERRIDE) && !(old & CMD_START))
        self->tfd &= ~(ATA_BUSY | ATA_DATA);
    send_signature (self);
    ahci_port_run (self);
}

static void
write_sctl (struct ahci_port *self, uint32_t value)
{
    uint32_t old = self->sctl & SCTL_DETECT, detect = value & SCTL_DETECT;

    self->sctl = value & SCTL_ALL;
    if (detect == old)
        return;
    if (detect) {
        link_down (self);
        return;
    }
    self->resetting = true;
    self->tfd = ATA_BUSY;
    if (!self->active)
        link_up (self);
}

void
ahci_port_write (struct ahci_port *self, unsigned offset, uint32_t value)
{
    switch (offset) {
    case PORT_CLB: self->clb = value & ~0x3FFu; break;
    case PORT_CLBU: self->clbu = value; break;
    case PORT_FB: self->fb = value & ~0xFFu; break;
    case PORT_FBU: self->fbu = value; break;
    case PORT_IS: self->is &= ~value; break;
    case PORT_IE: self->ie = value & IS_ALL; break;
    case PORT_CMD: write_cmd (self, value); break;
    case PORT_SCTL: write_sctl (self, value); break;
    case PORT_SACT:
        if (self->cmd & CMD_START)
            self->sact |= value;
        break;
    case PORT_CI:
        if (self->cmd & CMD_START) {
            self->ci |= value;
            ahci_port_run (self);
        }
        break;
    default: break;
    }
}
