/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ATA commands, those of disks and those that CD drives share. All data commands come down to one
 * request on the image straight to or from the guest's memory: AHCI moves PIO data by DMA as well,
 * so PIO and DMA differ in the FIS at the end only. Sources: ATA8-ACS, ACS-3 (chapter 7; 9.16
 * logs).
 *
 * Layout of a Register FIS from the host (Serial ATA 2.6, 10.3.4): 2 command, 3 features, 4–6 LBA
 * low, 7 device, 8–10 LBA high, 11 features high, 12–13 count.
 */
#include <errno.h>
#include <stdlib.h>

#include "hw/ata.h"

#define SECTOR            512u
#define LBA_MODE          0x40u /* of the device register; without: cylinders, heads, sectors */
#define HEADS             16u
#define SECTORS_PER_TRACK 63u
#define FORCE_UNIT_ACCESS 0x80u /* of the device register of queued writes */

#define LOG_DIRECTORY     0x00
#define LOG_QUEUED_ERROR  0x10

/* ACS-3, table 206 and 7.x; names as there. */
enum ata_opcode {
    NOP = 0x00,
    DATA_SET_MANAGEMENT = 0x06,
    RECALIBRATE = 0x10,
    READ_SECTORS = 0x20,
    READ_SECTORS_NO_RETRY = 0x21,
    READ_SECTORS_EXT = 0x24,
    READ_DMA_EXT = 0x25,
    READ_NATIVE_MAX_EXT = 0x27,
    READ_MULTIPLE_EXT = 0x29,
    READ_LOG_EXT = 0x2F,
    WRITE_SECTORS = 0x30,
    WRITE_SECTORS_NO_RETRY = 0x31,
    WRITE_SECTORS_EXT = 0x34,
    WRITE_DMA_EXT = 0x35,
    WRITE_MULTIPLE_EXT = 0x39,
    WRITE_DMA_FUA_EXT = 0x3D,
    READ_VERIFY = 0x40,
    READ_VERIFY_NO_RETRY = 0x41,
    READ_VERIFY_EXT = 0x42,
    READ_LOG_DMA_EXT = 0x47,
    READ_FPDMA_QUEUED = 0x60,
    WRITE_FPDMA_QUEUED = 0x61,
    SEEK = 0x70,
    EXECUTE_DEVICE_DIAGNOSTIC = 0x90,
    INITIALIZE_DEVICE_PARAMETERS = 0x91,
    READ_MULTIPLE = 0xC4,
    WRITE_MULTIPLE = 0xC5,
    SET_MULTIPLE_MODE = 0xC6,
    READ_DMA = 0xC8,
    READ_DMA_NO_RETRY = 0xC9,
    WRITE_DMA = 0xCA,
    WRITE_DMA_NO_RETRY = 0xCB,
    WRITE_MULTIPLE_FUA_EXT = 0xCE,
    STANDBY_IMMEDIATE = 0xE0,
    IDLE_IMMEDIATE = 0xE1,
    STANDBY = 0xE2,
    IDLE = 0xE3,
    CHECK_POWER_MODE = 0xE5,
    SLEEP = 0xE6,
    FLUSH_CACHE = 0xE7,
    FLUSH_CACHE_EXT = 0xEA,
    IDENTIFY_DEVICE = 0xEC,
    SET_FEATURES = 0xEF,
};

enum set_features {
    ENABLE_WRITE_CACHE = 0x02,
    SET_TRANSFER_MODE = 0x03,
    DISABLE_LOOK_AHEAD = 0x55,
    DISABLE_REVERTING = 0x66,
    DISABLE_WRITE_CACHE = 0x82,
    ENABLE_LOOK_AHEAD = 0xAA,
    ENABLE_REVERTING = 0xCC,
};

struct span {
    uint64_t lba;
    uint32_t count;
};

bool
ata_is_queued (const uint8_t *fis)
{
    return fis[2] == READ_FPDMA_QUEUED || fis[2] == WRITE_FPDMA_QUEUED;
}

struct ata_registers
ata_signature (enum ahci_kind kind)
{
    if (kind == AHCI_CD)
        return (struct ata_registers) {.error = 1, .count = 1, .lba = 0xEB1401};
    return (struct ata_registers) {
        .status = ATA_STATUS_GOOD, .error = 1, .count = 1, .lba = 0x000001};
}

void
ata_reset_drive (struct ahci_drive *drive, enum ahci_kind kind)
{
    drive->transfer_mode = 0x45; /* Ultra DMA mode 5 */
    drive->multiple = kind == AHCI_DISK ? ATA_MAX_MULTIPLE : 0;
    drive->write_cache = drive->look_ahead = kind == AHCI_DISK;
    drive->standby = false;
    memset (drive->queue_log, 0, sizeof drive->queue_log);
    drive->locked = false;
    drive->power_on_attention = kind == AHCI_CD;
    drive->medium_attention = false;
    drive->medium_event = 0;
    drive->sense_key = drive->sense_code = drive->sense_qualifier = 0;
}

uint64_t
ata_fis_lba28 (const uint8_t *fis)
{
    return fis[4] | (uint32_t) fis[5] << 8 | (uint32_t) fis[6] << 16 |
           (uint32_t) (fis[7] & 0xF) << 24;
}

uint64_t
ata_fis_lba48 (const uint8_t *fis)
{
    return fis[4] | (uint64_t) fis[5] << 8 | (uint64_t) fis[6] << 16 | (uint64_t) fis[8] << 24 |
           (uint64_t) fis[9] << 32 | (uint64_t) fis[10] << 40;
}

uint16_t
ata_fis_count (const uint8_t *fis)
{
    return load_le16 (fis + 12);
}

static void
finish_good (struct ahci_command *command)
{
    command->out.status = ATA_STATUS_GOOD;
    command->out.error = 0;
    ahci_finish (command);
}

void
ata_fail (struct ahci_command *command, uint8_t error)
{
    command->out.status = ATA_STATUS_GOOD | ATA_ERROR;
    command->out.error = error;
    ahci_finish (command);
}

void
ata_fail_transfer (struct ahci_command *command, int result)
{
    if (result == -EFAULT)
        ahci_bus_error (command);
    else
        ata_fail (command, ATA_ABORTED);
}

void
ata_answer (struct ahci_command *command, enum ahci_ending ending, const void *data, size_t length)
{
    int r = ahci_put (command, data, length);

    command->ending = ending;
    if (r < 0)
        ata_fail_transfer (command, r);
    else
        finish_good (command);
}

static void
set_features (struct ahci_command *command)
{
    struct ahci_drive *drive = &command->port->drive;
    bool disk = command->port->kind == AHCI_DISK;

    switch (command->fis[3]) {
    case SET_TRANSFER_MODE: drive->transfer_mode = command->fis[12]; break;
    case DISABLE_REVERTING:
    case ENABLE_REVERTING: break;
    case ENABLE_WRITE_CACHE:
    case DISABLE_WRITE_CACHE:
        if (!disk) {
            ata_fail (command, ATA_ABORTED);
            return;
        }
        drive->write_cache = command->fis[3] == ENABLE_WRITE_CACHE;
        break;
    case ENABLE_LOOK_AHEAD:
    case DISABLE_LOOK_AHEAD:
        if (!disk) {
            ata_fail (command, ATA_ABORTED);
            return;
        }
        drive->look_ahead = command->fis[3] == ENABLE_LOOK_AHEAD;
        break;
    default: ata_fail (command, ATA_ABORTED); return;
    }
    finish_good (command);
}

bool
ata_start_common (struct ahci_command *command)
{
    struct ahci_drive *drive = &command->port->drive;

    switch (command->fis[2]) {
    case EXECUTE_DEVICE_DIAGNOSTIC:
        command->out = ata_signature (command->port->kind);
        ahci_finish (command);
        return true;
    case STANDBY_IMMEDIATE:
    case STANDBY:
    case SLEEP:
        drive->standby = true;
        finish_good (command);
        return true;
    case IDLE_IMMEDIATE:
    case IDLE:
        drive->standby = false;
        finish_good (command);
        return true;
    case CHECK_POWER_MODE:
        command->out.count = drive->standby ? 0x00 : 0xFF;
        finish_good (command);
        return true;
    case SET_FEATURES: set_features (command); return true;
    default: return false;
    }
}

static void
fail_at (struct ahci_command *command, uint8_t error, uint64_t lba)
{
    command->out.lba = lba;
    ata_fail (command, error);
}

static void
flushed (struct ahci_command *command, int result)
{
    if (result < 0)
        ata_fail (command, ATA_ABORTED);
    else
        finish_good (command);
}

static void
flush (struct ahci_command *command)
{
    ahci_submit (command, BLK_FLUSH, 0, 0, flushed);
}

static void
transferred (struct ahci_command *command, int result)
{
    bool write = command->request.operation == BLK_WRITE;

    if (result < 0) {
        uint8_t error = !write             ? ATA_UNREADABLE
                        : result == -EROFS ? ATA_PROTECTED | ATA_ABORTED
                                           : ATA_ABORTED;

        fail_at (command, error, command->request.offset / SECTOR);
        return;
    }
    command->transferred = (uint32_t) command->request.length;
    if (command->flush_after)
        flush (command);
    else
        finish_good (command);
}

static bool
check_span (struct ahci_command *command, const struct span *span)
{
    const struct blk_info *info = blk_get_info (command->port->drive.blk);

    if (range_fits (span->lba, span->count, info->size / SECTOR))
        return true;
    fail_at (command, ATA_NOT_FOUND, span->lba);
    return false;
}

static void
transfer (struct ahci_command *command, enum blk_operation operation, const struct span *span)
{
    uint64_t length = (uint64_t) span->count * SECTOR;
    int r;

    command->port->drive.standby = false;
    if (!check_span (command, span))
        return;
    r = ahci_map (command, length);
    if (r < 0) {
        ata_fail_transfer (command, r);
        return;
    }
    /* A table that is too short would leave a real drive waiting for ever. */
    if (command->mapped < length ||
        command->n_pieces > blk_get_info (command->port->drive.blk)->max_iov) {
        ata_fail (command, ATA_ABORTED);
        return;
    }
    ahci_submit (command, operation, span->lba * SECTOR, length, transferred);
}

/* 28-bit commands, also in cylinders, heads and sectors; a count of 0 means 256. */
static bool
short_span (struct ahci_command *command, struct span *ret_span)
{
    const uint8_t *fis = command->fis;
    uint32_t cylinder = fis[5] | (uint32_t) fis[6] << 8, head = fis[7] & 0xF;

    ret_span->count = fis[12] ? fis[12] : 256;
    ret_span->lba = ata_fis_lba28 (fis);
    if (fis[7] & LBA_MODE)
        return true;
    if (fis[4] < 1 || fis[4] > SECTORS_PER_TRACK) {
        ata_fail (command, ATA_NOT_FOUND);
        return false;
    }
    ret_span->lba = ((uint64_t) cylinder * HEADS + head) * SECTORS_PER_TRACK + fis[4] - 1;
    return true;
}

static struct span
long_span (const uint8_t *fis)
{
    uint32_t count = ata_fis_count (fis);

    return (struct span) {ata_fis_lba48 (fis), count ? count : 65536};
}

static void
read_write (struct ahci_command *command, enum blk_operation operation, bool is_long)
{
    struct span span;

    if (is_long)
        span = long_span (command->fis);
    else if (!short_span (command, &span))
        return;
    if (operation == BLK_WRITE && !command->port->drive.write_cache)
        command->flush_after = true;
    transfer (command, operation, &span);
}

/* Queued commands have their count in the features, and their slot in the count. */
static void
read_write_queued (struct ahci_command *command, enum blk_operation operation)
{
    const uint8_t *fis = command->fis;
    uint32_t count = fis[3] | (uint32_t) fis[11] << 8;
    struct span span = {ata_fis_lba48 (fis), count ? count : 65536};

    command->ending = AHCI_END_QUEUED;
    if (fis[12] >> 3 != command->slot) {
        ata_fail (command, ATA_ABORTED);
        return;
    }
    if (operation == BLK_WRITE)
        command->flush_after = !command->port->drive.write_cache || (fis[7] & FORCE_UNIT_ACCESS);
    transfer (command, operation, &span);
}

static void
verify (struct ahci_command *command, bool is_long)
{
    struct span span;

    if (is_long)
        span = long_span (command->fis);
    else if (!short_span (command, &span))
        return;
    if (check_span (command, &span))
        finish_good (command);
}

static void
set_multiple (struct ahci_command *command)
{
    uint8_t count = command->fis[12];

    if (count > ATA_MAX_MULTIPLE || (count && !is_power_of_two (count))) {
        ata_fail (command, ATA_ABORTED);
        return;
    }
    command->port->drive.multiple = count;
    finish_good (command);
}

static void
read_write_multiple (struct ahci_command *command, enum blk_operation operation, bool is_long)
{
    if (!command->port->drive.multiple)
        ata_fail (command, ATA_ABORTED);
    else
        read_write (command, operation, is_long);
}

/* A range is 8 bytes: 48 bits of LBA, 16 of length; length 0 is padding. */
static void
trim_next (struct ahci_command *command, int result)
{
    if (result < 0) {
        ata_fail (command, ATA_ABORTED);
        return;
    }
    while (command->next_range < command->n_ranges) {
        uint64_t range = load_le64 (command->ranges + 8 * command->next_range++);
        uint64_t lba = range & 0xFFFFFFFFFFFF, count = range >> 48;

        if (count) {
            ahci_submit (command, BLK_DISCARD, lba * SECTOR, count * SECTOR, trim_next);
            return;
        }
    }
    finish_good (command);
}

static void
trim (struct ahci_command *command)
{
    uint16_t blocks = ata_fis_count (command->fis);
    size_t length = blocks * (size_t) SECTOR;
    int r;

    if (command->fis[3] != 1 || !blocks || blocks > ATA_MAX_TRIM_BLOCKS ||
        !blk_get_info (command->port->drive.blk)->can_discard) {
        ata_fail (command, ATA_ABORTED);
        return;
    }
    command->ranges = malloc (length);
    r = command->ranges ? ahci_get (command, command->ranges, length) : -ENOMEM;
    if (r < 0) {
        ata_fail_transfer (command, r);
        return;
    }
    command->n_ranges = (unsigned) (length / 8);
    for (unsigned i = 0; i < command->n_ranges; i++) {
        uint64_t range = load_le64 (command->ranges + 8 * i);
        struct span span = {range & 0xFFFFFFFFFFFF, (uint32_t) (range >> 48)};

        if (span.count && !check_span (command, &span))
            return;
    }
    trim_next (command, 0);
}

static void
read_log (struct ahci_command *command, enum ahci_ending ending)
{
    uint8_t data[SECTOR] = {0};
    uint64_t lba = ata_fis_lba48 (command->fis);
    uint16_t page = (uint16_t) ((lba >> 8 & 0xFF) | (lba >> 24 & 0xFF00));

    if (page || ata_fis_count (command->fis) != 1) {
        ata_fail (command, ATA_ABORTED);
        return;
    }
    switch (lba & 0xFF) {
    case LOG_DIRECTORY:
        store_le16 (data, 1);
        store_le16 (data + 2 * LOG_QUEUED_ERROR, 1);
        break;
    case LOG_QUEUED_ERROR:
        memcpy (data, command->port->drive.queue_log, sizeof command->port->drive.queue_log);
        ata_checksum (data);
        break;
    default: ata_fail (command, ATA_ABORTED); return;
    }
    ata_answer (command, ending, data, sizeof data);
}

static void
identify (struct ahci_command *command)
{
    uint8_t data[ATA_IDENTIFY_SIZE];

    ata_identify_disk (&command->port->drive, data);
    ata_answer (command, AHCI_END_PIO_IN, data, sizeof data);
}

static void
seek (struct ahci_command *command)
{
    command->fis[12] = 1;
    verify (command, false);
}

static void
start_rest (struct ahci_command *command)
{
    switch (command->fis[2]) {
    case IDENTIFY_DEVICE: identify (command); break;
    case READ_LOG_EXT: read_log (command, AHCI_END_PIO_IN); break;
    case READ_LOG_DMA_EXT: read_log (command, AHCI_END_REGISTERS); break;
    case DATA_SET_MANAGEMENT: trim (command); break;
    case FLUSH_CACHE:
    case FLUSH_CACHE_EXT: flush (command); break;
    case READ_VERIFY:
    case READ_VERIFY_NO_RETRY: verify (command, false); break;
    case READ_VERIFY_EXT: verify (command, true); break;
    case SEEK: seek (command); break;
    case SET_MULTIPLE_MODE: set_multiple (command); break;
    case RECALIBRATE:
    case INITIALIZE_DEVICE_PARAMETERS: finish_good (command); break;
    default:
        if (!ata_start_common (command))
            ata_fail (command, ATA_ABORTED);
        break;
    }
}

void
ata_start (struct ahci_command *command)
{
    const uint8_t *fis = command->fis;

    command->ending = AHCI_END_REGISTERS;
    command->out = (struct ata_registers) {
        .device = fis[7], .count = ata_fis_count (fis), .lba = ata_fis_lba48 (fis)};
    switch (fis[2]) {
    case READ_SECTORS:
    case READ_SECTORS_NO_RETRY:
        command->ending = AHCI_END_PIO_IN;
        read_write (command, BLK_READ, false);
        break;
    case READ_SECTORS_EXT:
        command->ending = AHCI_END_PIO_IN;
        read_write (command, BLK_READ, true);
        break;
    case READ_MULTIPLE:
        command->ending = AHCI_END_PIO_IN;
        read_write_multiple (command, BLK_READ, false);
        break;
    case READ_MULTIPLE_EXT:
        command->ending = AHCI_END_PIO_IN;
        read_write_multiple (command, BLK_READ, true);
        break;
    case READ_DMA:
    case READ_DMA_NO_RETRY: read_write (command, BLK_READ, false); break;
    case READ_DMA_EXT: read_write (command, BLK_READ, true); break;
    case WRITE_SECTORS:
    case WRITE_SECTORS_NO_RETRY:
    case WRITE_DMA:
    case WRITE_DMA_NO_RETRY: read_write (command, BLK_WRITE, false); break;
    case WRITE_SECTORS_EXT:
    case WRITE_DMA_EXT: read_write (command, BLK_WRITE, true); break;
    case WRITE_MULTIPLE: read_write_multiple (command, BLK_WRITE, false); break;
    case WRITE_MULTIPLE_EXT: read_write_multiple (command, BLK_WRITE, true); break;
    case WRITE_DMA_FUA_EXT:
        command->flush_after = true;
        read_write (command, BLK_WRITE, true);
        break;
    case WRITE_MULTIPLE_FUA_EXT:
        command->flush_after = true;
        read_write_multiple (command, BLK_WRITE, true);
        break;
    case READ_FPDMA_QUEUED: read_write_queued (command, BLK_READ); break;
    case WRITE_FPDMA_QUEUED: read_write_queued (command, BLK_WRITE); break;
    default: start_rest (command); break;
    }
}
