/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of the AHCI controller, for its own files only: ahci.c is the PCI function and the
 * controller's registers, ahci-port.c a port's registers and its command list, ahci-data.c the way
 * between guest memory, commands and images, ata.c and atapi.c the drives. Everything runs with the
 * controller's lock held, on a vCPU thread (register writes) or the I/O thread (completions,
 * resume, change of medium). Source: Serial ATA AHCI 1.3.1.
 *
 * A command is read from guest memory when it is issued, once, into a struct ahci_command; nothing
 * of it is state that outlives a pause: commands waiting for their turn are still in PxCI, those
 * that wait for room on the host in ahci_port.retry, and both are read anew when they start.
 *
 * A host request cannot be called back. What the guest starts to reset meanwhile (the command
 * engine, the link, the controller) therefore stays "busy", as a real one does, until the last
 * request has ended, so that no data lands in memory that the guest has begun to use otherwise.
 */
#pragma once

#include "block/block.h"
#include "engine/pci/pci.h"

#define AHCI_PORTS 6
#define AHCI_SLOTS 32
/* Most pieces of memory in one command. Linux uses up to 168, others up to some 260. */
#define AHCI_MAX_PIECES 1024
#define AHCI_FEW_PIECES 16
/* 65,536 sectors of 512 bytes, the most that an ATA command transfers. */
#define AHCI_MAX_TRANSFER (32 * MIB)

/* Bits of the ATA status and error registers (ACS-3, 6.2 and 6.3). */
#define ATA_BUSY        0x80u
#define ATA_READY       0x40u
#define ATA_FAULT       0x20u
#define ATA_SEEK_DONE   0x10u
#define ATA_DATA        0x08u
#define ATA_ERROR       0x01u
#define ATA_ABORTED     0x04u
#define ATA_NOT_FOUND   0x10u
#define ATA_UNREADABLE  0x40u
#define ATA_PROTECTED   0x40u
#define ATA_STATUS_GOOD (ATA_READY | ATA_SEEK_DONE)

enum ahci_kind {
    AHCI_NOTHING,
    AHCI_DISK,
    AHCI_CD,
};

/* How a command reports that it ended: which FISes the drive sends, which interrupt comes. */
enum ahci_ending {
    AHCI_END_REGISTERS, /* Register FIS: no data, DMA, PIO out, packet */
    AHCI_END_PIO_IN,    /* PIO Setup FIS */
    AHCI_END_QUEUED,    /* Set Device Bits FIS */
    AHCI_END_QUIETLY,   /* none: first half of a software reset */
};

/* The drive's registers, as a Register FIS carries them to the host. */
struct ata_registers {
    uint8_t status, error, device;
    uint16_t count;
    uint64_t lba; /* 48 bits */
};

struct ahci_port;

struct ahci_command {
    struct ahci_port *port;
    unsigned slot;
    bool cancelled; /* reset while in flight: ends without a trace */
    /* As read from the guest. */
    uint64_t table;     /* address of the command table */
    uint32_t n_entries; /* in its PRDT */
    uint8_t fis[20];    /* Register FIS, host to device */
    uint8_t packet[16]; /* ATAPI command block */
    /* The guest's memory, by ahci_map (). */
    struct iovec *pieces;
    struct iovec few[AHCI_FEW_PIECES];
    unsigned n_pieces;
    uint64_t mapped;
    bool interrupt_on_data; /* a PRDT entry asks for an interrupt */
    /* The answer. */
    enum ahci_ending ending;
    struct ata_registers out;
    uint32_t transferred; /* bytes, for the command header */
    /* The host's side. */
    struct blk_request request;
    void (*step) (struct ahci_command *command, int result);
    uint8_t *ranges; /* DATA SET MANAGEMENT: what to trim, owned */
    unsigned n_ranges, next_range;
    bool flush_after;
};

struct ahci_drive {
    struct blk *blk; /* borrowed, attached; NULL: no medium */
    char serial[21];
    /* ATA, also of the packet drive. */
    uint8_t transfer_mode; /* as SET FEATURES 03h gives it */
    uint8_t multiple;      /* sectors per block, 0: off */
    bool write_cache, look_ahead, standby;
    uint8_t queue_log[16]; /* first bytes of log 10h: the queued command that failed */
    /* ATAPI. */
    bool tray_open, locked;
    bool power_on_attention, medium_attention;
    uint8_t medium_event; /* for GET EVENT STATUS NOTIFICATION: 0 none, 2 new, 3 removed */
    uint8_t sense_key, sense_code, sense_qualifier;
};

struct ahci_port {
    struct ahci *ahci;
    unsigned index;
    enum ahci_kind kind; /* configured */
    uint8_t saved_kind;
    /* Registers. */
    uint32_t clb, clbu, fb, fbu, is, ie, cmd, tfd, sig, sctl, sact, ci;
    uint32_t retry;  /* commands that have begun, but must begin again once the host has room */
    bool halted;     /* an error stopped the command list until PxCMD.ST is cleared */
    bool soft_reset; /* SRST is set in the drive's control register */
    bool signature_unsent; /* the first Register FIS waits for PxCMD.FRE */
    struct ahci_drive drive;
    /* Not state: all at rest while paused. */
    struct ahci_command *commands; /* AHCI_SLOTS, owned; NULL without a drive */
    uint32_t active;               /* slots whose command is in flight */
    bool active_queued;            /* and those are native queued ones */
    bool resetting;                /* the link comes up again when nothing is in flight any more */
    bool stalled;                  /* the host was full: nothing starts until resume */
    bool changing_medium;
    bool warned;
};

struct ahci {
    struct pci_device pci; /* first */
    struct vmm_region region;
    uint32_t ghc, is;
    bool paused;
    bool resetting; /* GHC.HR: done when nothing is in flight any more */
    struct ahci_port ports[AHCI_PORTS];
};

/* ahci.c */

/* After a change of PxIS, PxIE, IS or GHC; @again: send a message even if nothing new is there. */
void ahci_update_interrupt (struct ahci *self, bool again);
/* After a command ended: finishes a controller reset that waited for it. */
void ahci_check_reset (struct ahci *self);

/* ahci-port.c */

uint32_t ahci_port_read (struct ahci_port *self, unsigned offset);
void ahci_port_write (struct ahci_port *self, unsigned offset, uint32_t value);
/* All registers to power-on values but those of the command list and FIS addresses, then the link
 * comes up. Nothing is in flight. */
void ahci_port_reset (struct ahci_port *self);
/* Commands in flight end without a trace; those waiting are forgotten. */
void ahci_port_cancel (struct ahci_port *self);
/* Starts what can start. */
void ahci_port_run (struct ahci_port *self);
/* Ends a command with what its .ending and .out say. The command is gone then. */
void ahci_finish (struct ahci_command *command);
/* Ends a command because the guest's structures lie outside its memory. */
void ahci_bus_error (struct ahci_command *command);
/* The host is full: the command begins anew when the machine resumes. */
void ahci_hold (struct ahci_command *command);
/* Bits that no write handler would have let in, out of a loaded state. */
void ahci_port_sanitize (struct ahci_port *self);
/* Back from pause. */
void ahci_port_resume (struct ahci_port *self);

/* ahci-data.c */

/*
 * Collects the memory of the command's first @length bytes. 0, also if the PRDT describes less
 * (.mapped tells); -EFAULT outside RAM; -E2BIG for more than AHCI_MAX_PIECES; -ENOMEM.
 */
int ahci_map (struct ahci_command *command, uint64_t length);
/* To the guest: what fits of @length bytes. As ahci_map (). */
int ahci_put (struct ahci_command *command, const void *data, size_t length);
/* From the guest: exactly @length bytes, else -EMSGSIZE. */
int ahci_get (struct ahci_command *command, void *data, size_t length);
/*
 * Starts a request on the drive's image; reads and writes use the mapped memory. @step is called
 * with its result, unless the command was cancelled or held meanwhile.
 */
void ahci_submit (struct ahci_command *command, enum blk_operation operation, uint64_t offset,
                  uint64_t length, void (*step) (struct ahci_command *command, int result));
void ahci_release (struct ahci_command *command);
