/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A CD/DVD-ROM drive behind ATAPI: the few ATA commands of a packet drive, and PACKET with its
 * command blocks. A command that fails leaves sense data (key, code, qualifier) for REQUEST SENSE;
 * events that no command caused wait as "unit attention" and fail the next command. Answers that
 * only describe something are built in atapi-inform.c. Sources: ACS-3, 7.18 (PACKET) and 9.12;
 * SPC-3, 4.5 and 6; MMC-5, 6.
 *
 * The tray: START STOP UNIT opens it, unless the guest has locked it; the medium stays in it and
 * comes back when it closes. Changes from outside come through set_medium, close the tray, and win
 * over the lock, as the pin hole of a real drive does.
 */
#include <errno.h>

#include "hw/ata.h"

enum ata_packet_opcode {
    DEVICE_RESET = 0x08,
    PACKET = 0xA0,
    IDENTIFY_PACKET_DEVICE = 0xA1,
    /* Refused with the signature, so that drivers see that this is no disk. */
    READ_SECTORS = 0x20,
    IDENTIFY_DEVICE = 0xEC,
};

enum packet_opcode {
    TEST_UNIT_READY = 0x00,
    REQUEST_SENSE = 0x03,
    INQUIRY = 0x12,
    MODE_SENSE_6 = 0x1A,
    START_STOP_UNIT = 0x1B,
    PREVENT_ALLOW = 0x1E,
    READ_CAPACITY = 0x25,
    READ_10 = 0x28,
    SEEK_10 = 0x2B,
    VERIFY_10 = 0x2F,
    SYNCHRONIZE_CACHE = 0x35,
    READ_TOC = 0x43,
    GET_CONFIGURATION = 0x46,
    GET_EVENT_STATUS = 0x4A,
    READ_DISC_INFORMATION = 0x51,
    READ_TRACK_INFORMATION = 0x52,
    MODE_SENSE_10 = 0x5A,
    REPORT_LUNS = 0xA0,
    SET_READ_AHEAD = 0xA7,
    READ_12 = 0xA8,
    READ_DVD_STRUCTURE = 0xAD,
    SET_CD_SPEED = 0xBB,
    MECHANISM_STATUS = 0xBD,
    READ_CD = 0xBE,
};

enum sense_key {
    NOT_READY = 0x2,
    MEDIUM_ERROR = 0x3,
    ILLEGAL_REQUEST = 0x5,
    UNIT_ATTENTION = 0x6,
    ABORTED_COMMAND = 0xB,
};

/* Additional sense code and qualifier. */
enum sense_code {
    UNRECOVERED_READ_ERROR = 0x1100,
    INVALID_OPCODE = 0x2000,
    LBA_OUT_OF_RANGE = 0x2100,
    INVALID_FIELD = 0x2400,
    MEDIUM_MAY_HAVE_CHANGED = 0x2800,
    POWER_ON_OR_RESET = 0x2900,
    NO_MEDIUM_TRAY_CLOSED = 0x3A01,
    NO_MEDIUM_TRAY_OPEN = 0x3A02,
    DATA_TRANSFER_FAILED = 0x4B00,
    REMOVAL_PREVENTED = 0x5302,
};

#define MEDIUM_EVENT_NEW     2
#define MEDIUM_EVENT_REMOVED 3
#define EVENT_CLASS_MEDIUM   4

uint32_t
atapi_sectors (const struct ahci_drive *drive)
{
    uint64_t sectors = 0;

    if (drive->blk && !drive->tray_open)
        sectors = blk_get_info (drive->blk)->size / CD_SECTOR;
    return (uint32_t) MIN_OF (sectors, UINT32_MAX);
}

void
atapi_medium_changed (struct ahci_drive *drive, bool present)
{
    drive->tray_open = false;
    drive->medium_attention = present;
    drive->medium_event = present ? MEDIUM_EVENT_NEW : MEDIUM_EVENT_REMOVED;
}

/* The interrupt reason in the count: no more data, this is the status. */
static void
finish_good (struct ahci_command *command)
{
    command->out.status = ATA_STATUS_GOOD;
    command->out.error = 0;
    ahci_finish (command);
}

static void
check (struct ahci_command *command, enum sense_key key, enum sense_code code)
{
    struct ahci_drive *drive = &command->port->drive;

    drive->sense_key = (uint8_t) key;
    drive->sense_code = (uint8_t) (code >> 8);
    drive->sense_qualifier = (uint8_t) code;
    ata_fail (command, (uint8_t) (key << 4 | ATA_ABORTED));
}

static void
check_transfer (struct ahci_command *command, int result)
{
    if (result == -EFAULT)
        ahci_bus_error (command);
    else
        check (command, ABORTED_COMMAND, DATA_TRANSFER_FAILED);
}

static void
not_ready (struct ahci_command *command)
{
    check (command, NOT_READY,
           command->port->drive.tray_open ? NO_MEDIUM_TRAY_OPEN : NO_MEDIUM_TRAY_CLOSED);
}

/* Ends the command with the first @allocation bytes of its answer. */
static void
reply (struct ahci_command *command, const void *data, size_t length, size_t allocation)
{
    int r;

    length = MIN_OF (length, allocation);
    r = ahci_put (command, data, length);
    if (r < 0) {
        check_transfer (command, r);
        return;
    }
    command->out.lba = (uint64_t) length << 8;
    finish_good (command);
}

static void
read_done (struct ahci_command *command, int result)
{
    if (result < 0) {
        check (command, MEDIUM_ERROR, UNRECOVERED_READ_ERROR);
        return;
    }
    command->transferred = (uint32_t) command->request.length;
    finish_good (command);
}

static bool
check_range (struct ahci_command *command, uint32_t lba, uint32_t count)
{
    if (range_fits (lba, count, atapi_sectors (&command->port->drive)))
        return true;
    check (command, ILLEGAL_REQUEST, LBA_OUT_OF_RANGE);
    return false;
}

static void
read_sectors (struct ahci_command *command, uint32_t lba, uint32_t count)
{
    struct blk *blk = command->port->drive.blk;
    uint64_t length = (uint64_t) count * CD_SECTOR;
    int r;

    if (!check_range (command, lba, count))
        return;
    if (length > AHCI_MAX_TRANSFER) {
        check (command, ILLEGAL_REQUEST, INVALID_FIELD);
        return;
    }
    if (!length) {
        finish_good (command);
        return;
    }
    r = ahci_map (command, length);
    if (r >= 0 && (command->mapped < length || command->n_pieces > blk_get_info (blk)->max_iov))
        r = -EMSGSIZE;
    if (r < 0)
        check_transfer (command, r);
    else
        ahci_submit (command, BLK_READ, (uint64_t) lba * CD_SECTOR, length, read_done);
}

/* Only user data: neither headers nor error correction nor subchannels are in an image. */
static void
read_cd (struct ahci_command *command)
{
    const uint8_t *packet = command->packet;
    uint32_t count = load_be32 (packet + 5) & 0xFFFFFF;
    unsigned sector_type = packet[1] >> 2 & 7; /* any, CD-DA, mode 1, … */

    if ((sector_type != 0 && sector_type != 2) || (packet[9] & ~0x10u) || packet[10]) {
        check (command, ILLEGAL_REQUEST, INVALID_FIELD);
        return;
    }
    if (packet[9])
        read_sectors (command, load_be32 (packet + 2), count);
    else if (check_range (command, load_be32 (packet + 2), count))
        finish_good (command);
}

static void
read_capacity (struct ahci_command *command)
{
    uint8_t data[8];

    store_be32 (data, atapi_sectors (&command->port->drive) - 1);
    store_be32 (data + 4, CD_SECTOR);
    reply (command, data, sizeof data, sizeof data);
}

/* True, with the sense of it, if a unit attention was pending, which it is no more then. */
static bool
take_attention (struct ahci_drive *drive, enum sense_code *ret_code)
{
    if (drive->power_on_attention) {
        /* Whatever medium is there is new to a host that was not there before. */
        drive->power_on_attention = drive->medium_attention = false;
        *ret_code = POWER_ON_OR_RESET;
        return true;
    }
    if (drive->medium_attention) {
        drive->medium_attention = false;
        *ret_code = MEDIUM_MAY_HAVE_CHANGED;
        return true;
    }
    return false;
}

static void
request_sense (struct ahci_command *command)
{
    struct ahci_drive *drive = &command->port->drive;
    uint8_t data[18] = {0x70};
    enum sense_code code;

    if (!drive->sense_key && take_attention (drive, &code)) {
        drive->sense_key = UNIT_ATTENTION;
        drive->sense_code = (uint8_t) (code >> 8);
        drive->sense_qualifier = (uint8_t) code;
    }
    data[2] = drive->sense_key;
    data[7] = sizeof data - 8;
    data[12] = drive->sense_code;
    data[13] = drive->sense_qualifier;
    drive->sense_key = drive->sense_code = drive->sense_qualifier = 0;
    reply (command, data, sizeof data, command->packet[4]);
}

/* Polled only, and of the event classes only media. */
static void
get_event_status (struct ahci_command *command)
{
    struct ahci_drive *drive = &command->port->drive;
    uint8_t data[8] = {0, 2, 0x80, 1 << EVENT_CLASS_MEDIUM};
    size_t length = 4;

    if (!(command->packet[1] & 1)) {
        check (command, ILLEGAL_REQUEST, INVALID_FIELD);
        return;
    }
    if (command->packet[4] & 1 << EVENT_CLASS_MEDIUM) {
        length = 8;
        data[1] = 6;
        data[2] = EVENT_CLASS_MEDIUM;
        data[4] = drive->medium_event;
        data[5] = (atapi_sectors (drive) ? 2 : 0) | (drive->tray_open ? 1 : 0);
        drive->medium_event = 0;
    }
    reply (command, data, length, load_be16 (command->packet + 7));
}

static void
start_stop_unit (struct ahci_command *command)
{
    struct ahci_drive *drive = &command->port->drive;
    uint8_t what = command->packet[4];
    bool start = what & 1, load_or_eject = what & 2, power = what & 0xF0;

    if (power || !load_or_eject || start == !drive->tray_open) {
        finish_good (command);
        return;
    }
    if (!start && drive->locked) {
        check (command, ILLEGAL_REQUEST, REMOVAL_PREVENTED);
        return;
    }
    drive->tray_open = !start;
    if (drive->blk && start)
        atapi_medium_changed (drive, true);
    else if (drive->blk)
        drive->medium_event = MEDIUM_EVENT_REMOVED;
    finish_good (command);
}

static void
prevent_allow (struct ahci_command *command)
{
    command->port->drive.locked = command->packet[4] & 1;
    finish_good (command);
}

static void
report_luns (struct ahci_command *command)
{
    static const uint8_t data[16] = {0, 0, 0, 8};

    reply (command, data, sizeof data, load_be32 (command->packet + 6));
}

static void
read_10 (struct ahci_command *command)
{
    read_sectors (command, load_be32 (command->packet + 2), load_be16 (command->packet + 7));
}

static void
read_12 (struct ahci_command *command)
{
    read_sectors (command, load_be32 (command->packet + 2), load_be32 (command->packet + 6));
}

static void
seek (struct ahci_command *command)
{
    if (check_range (command, load_be32 (command->packet + 2), 1))
        finish_good (command);
}

static void
verify (struct ahci_command *command)
{
    if (check_range (command, load_be32 (command->packet + 2), load_be16 (command->packet + 7)))
        finish_good (command);
}

enum packet_flags {
    NEEDS_MEDIUM = 1 << 0,
    BEFORE_ATTENTION = 1 << 1, /* works while a unit attention is pending, and leaves it */
    /* Where the command block gives the room for the answer. */
    LENGTH_AT_3 = 1 << 2, /* 16 bits */
    LENGTH_AT_4 = 1 << 3, /* 8 bits */
    LENGTH_AT_7 = 1 << 4, /* 16 bits */
    LENGTH_AT_8 = 1 << 5, /* 16 bits */
};

static const struct packet_command {
    uint8_t opcode;
    uint8_t flags;
    void (*run) (struct ahci_command *command);
    size_t (*answer) (const struct ahci_drive *drive, const uint8_t *packet, uint8_t *data);
} packet_commands[] = {
    {TEST_UNIT_READY, NEEDS_MEDIUM, finish_good, NULL},
    {REQUEST_SENSE, BEFORE_ATTENTION, request_sense, NULL},
    {INQUIRY, BEFORE_ATTENTION | LENGTH_AT_3, NULL, atapi_inquiry},
    {MODE_SENSE_6, LENGTH_AT_4, NULL, atapi_mode_sense},
    {START_STOP_UNIT, 0, start_stop_unit, NULL},
    {PREVENT_ALLOW, 0, prevent_allow, NULL},
    {READ_CAPACITY, NEEDS_MEDIUM, read_capacity, NULL},
    {READ_10, NEEDS_MEDIUM, read_10, NULL},
    {SEEK_10, NEEDS_MEDIUM, seek, NULL},
    {VERIFY_10, NEEDS_MEDIUM, verify, NULL},
    {SYNCHRONIZE_CACHE, 0, finish_good, NULL},
    {READ_TOC, NEEDS_MEDIUM | LENGTH_AT_7, NULL, atapi_read_toc},
    {GET_CONFIGURATION, BEFORE_ATTENTION | LENGTH_AT_7, NULL, atapi_get_configuration},
    {GET_EVENT_STATUS, BEFORE_ATTENTION, get_event_status, NULL},
    {READ_DISC_INFORMATION, NEEDS_MEDIUM | LENGTH_AT_7, NULL, atapi_disc_information},
    {READ_TRACK_INFORMATION, NEEDS_MEDIUM | LENGTH_AT_7, NULL, atapi_track_information},
    {MODE_SENSE_10, LENGTH_AT_7, NULL, atapi_mode_sense},
    {REPORT_LUNS, BEFORE_ATTENTION, report_luns, NULL},
    {SET_READ_AHEAD, 0, finish_good, NULL},
    {READ_12, NEEDS_MEDIUM, read_12, NULL},
    {READ_DVD_STRUCTURE, NEEDS_MEDIUM | LENGTH_AT_8, NULL, atapi_dvd_structure},
    {SET_CD_SPEED, 0, finish_good, NULL},
    {MECHANISM_STATUS, LENGTH_AT_8, NULL, atapi_mechanism_status},
    {READ_CD, NEEDS_MEDIUM, read_cd, NULL},
};

static size_t
allocation_length (const struct packet_command *entry, const uint8_t *packet)
{
    if (entry->flags & LENGTH_AT_3)
        return load_be16 (packet + 3);
    if (entry->flags & LENGTH_AT_4)
        return packet[4];
    return load_be16 (packet + (entry->flags & LENGTH_AT_8 ? 8 : 7));
}

static void
run_packet (struct ahci_command *command, const struct packet_command *entry)
{
    uint8_t data[ATAPI_ANSWER_SIZE];
    size_t length;

    if (entry->run) {
        entry->run (command);
        return;
    }
    memset (data, 0, sizeof data);
    length = entry->answer (&command->port->drive, command->packet, data);
    if (length)
        reply (command, data, length, allocation_length (entry, command->packet));
    else
        check (command, ILLEGAL_REQUEST, INVALID_FIELD);
}

static void
start_packet (struct ahci_command *command)
{
    struct ahci_drive *drive = &command->port->drive;
    const struct packet_command *entry = NULL;
    enum sense_code code;

    command->out.count = 3; /* interrupt reason: status phase */
    for (size_t i = 0; i < ARRAY_LENGTH (packet_commands); i++)
        if (packet_commands[i].opcode == command->packet[0])
            entry = &packet_commands[i];
    if (command->packet[0] != REQUEST_SENSE)
        drive->sense_key = drive->sense_code = drive->sense_qualifier = 0;
    if (!(entry && (entry->flags & BEFORE_ATTENTION)) && take_attention (drive, &code))
        check (command, UNIT_ATTENTION, code);
    else if (!entry)
        check (command, ILLEGAL_REQUEST, INVALID_OPCODE);
    else if ((entry->flags & NEEDS_MEDIUM) && !atapi_sectors (drive))
        not_ready (command);
    else
        run_packet (command, entry);
}

static void
identify (struct ahci_command *command)
{
    uint8_t data[ATA_IDENTIFY_SIZE];

    ata_identify_cd (&command->port->drive, data);
    ata_answer (command, AHCI_END_PIO_IN, data, sizeof data);
}

void
atapi_start (struct ahci_command *command)
{
    command->ending = AHCI_END_REGISTERS;
    command->out = (struct ata_registers) {.device = command->fis[7]};
    switch (command->fis[2]) {
    case PACKET: start_packet (command); break;
    case IDENTIFY_PACKET_DEVICE: identify (command); break;
    case DEVICE_RESET:
        command->out = ata_signature (AHCI_CD);
        ahci_finish (command);
        break;
    case READ_SECTORS:
    case IDENTIFY_DEVICE:
        command->out = ata_signature (AHCI_CD);
        ata_fail (command, ATA_ABORTED);
        break;
    default:
        if (!ata_start_common (command))
            ata_fail (command, ATA_ABORTED);
        break;
    }
}
