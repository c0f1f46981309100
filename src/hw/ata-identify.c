/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What drives say of themselves: IDENTIFY DEVICE and IDENTIFY PACKET DEVICE, 256 little-endian
 * words whose strings are stored byte-swapped. Source: ACS-3, 7.12.7 and 7.13.6.
 */
#include "hw/ata.h"

#define REVISION   "1.0"
#define DISK_MODEL "Posada disk"
#define CD_MODEL   "Posada CD/DVD-ROM"
/* ATA8-ACS, ATA/ATAPI-4 to -7. */
#define MAJOR_VERSIONS 0x01F0

static void
put_word (uint8_t *data, unsigned word, unsigned value)
{
    store_le16 (data + 2 * word, (uint16_t) value);
}

static void
put_string (uint8_t *data, unsigned word, unsigned n_words, const char *string)
{
    uint8_t *field = data + 2 * word;
    size_t length = strlen (string);

    for (unsigned i = 0; i < 2 * n_words; i++)
        field[i ^ 1] = i < length ? (uint8_t) string[i] : ' ';
}

void
ata_checksum (uint8_t *data)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < ATA_IDENTIFY_SIZE - 1; i++)
        sum += data[i];
    data[ATA_IDENTIFY_SIZE - 1] = (uint8_t) -sum;
}

/* Words 63 and 88: which DMA modes there are, and which one is chosen. */
static void
put_transfer_modes (uint8_t *data, uint8_t mode)
{
    unsigned multiword = 0x0007, ultra = 0x003F;

    if (mode >> 3 == 4 && (mode & 7) < 3)
        multiword |= 0x100u << (mode & 7);
    if (mode >> 3 == 8 && (mode & 7) < 6)
        ultra |= 0x100u << (mode & 7);
    put_word (data, 63, multiword);
    put_word (data, 88, ultra);
}

static void
put_common (const struct ahci_drive *drive, uint8_t *data, const char *model)
{
    memset (data, 0, ATA_IDENTIFY_SIZE);
    put_string (data, 10, 10, drive->serial);
    put_string (data, 23, 4, REVISION);
    put_string (data, 27, 20, model);
    put_word (data, 53, 0x0006); /* words 64–70 and 88 are valid */
    put_transfer_modes (data, drive->transfer_mode);
    put_word (data, 64, 0x0003); /* PIO modes 3 and 4 */
    for (unsigned word = 65; word <= 68; word++)
        put_word (data, word, 120); /* ns per word */
    put_word (data, 76, 0x000E);    /* 1.5, 3 and 6 Gbit/s */
    put_word (data, 78, 0x0040);    /* settings survive a link reset, */
    put_word (data, 79, 0x0040);    /* always */
    put_word (data, 80, MAJOR_VERSIONS);
    put_word (data, 222, 0x1020); /* serial; SATA revision 2.6 */
    put_word (data, 255, 0x00A5);
}

/* The geometry that old software sees: 16 heads, 63 sectors, at most 16,383 cylinders. */
static void
put_geometry (uint8_t *data, uint64_t sectors)
{
    uint32_t cylinders = (uint32_t) MIN_OF (sectors / (16 * 63), 16383);

    put_word (data, 1, cylinders);
    put_word (data, 3, 16);
    put_word (data, 6, 63);
    put_word (data, 53, 0x0007); /* words 54–58, too */
    put_word (data, 54, cylinders);
    put_word (data, 55, 16);
    put_word (data, 56, 63);
    store_le32 (data + 2 * 57, cylinders * 16 * 63);
}

void
ata_identify_disk (const struct ahci_drive *drive, uint8_t *data)
{
    const struct blk_info *info = blk_get_info (drive->blk);
    uint64_t sectors = info->size / 512;
    /* Bits of words 85–87 are those of 82–84 that are switched on. */
    unsigned cache = (drive->write_cache ? 0x20 : 0) | (drive->look_ahead ? 0x40 : 0);

    put_common (drive, data, DISK_MODEL);
    put_geometry (data, sectors);
    put_word (data, 0, 0x0040);
    put_word (data, 47, 0x8000 | ATA_MAX_MULTIPLE);
    put_word (data, 48, 0x4000);
    put_word (data, 49, 0x2F00); /* LBA, DMA, standard timers */
    put_word (data, 50, 0x4000);
    put_word (data, 59, drive->multiple ? 0x0100 | drive->multiple : 0);
    store_le32 (data + 2 * 60, (uint32_t) MIN_OF (sectors, 0x0FFFFFFF));
    put_word (data, 75, AHCI_SLOTS - 1);
    put_word (data, 76, 0x010E); /* native queuing, too */
    put_word (data, 82, 0x0068); /* power management, write cache, look-ahead */
    put_word (data, 83, 0x7400); /* 48 bits, both flushes */
    put_word (data, 84, 0x4060); /* logs, forced unit access */
    put_word (data, 85, 0x0008 | cache);
    put_word (data, 86, 0x3400);
    put_word (data, 87, 0x4060);
    store_le64 (data + 2 * 100, sectors);
    if (info->physical_block > 512)
        put_word (data, 106, 0x6000 | (unsigned) __builtin_ctz (info->physical_block / 512));
    put_word (data, 209, 0x4000); /* logical sector 0 begins a physical one */
    put_word (data, 217, 0x0001); /* does not rotate */
    if (info->can_discard) {
        put_word (data, 105, ATA_MAX_TRIM_BLOCKS);
        put_word (data, 169, 0x0001);
    }
    ata_checksum (data);
}

void
ata_identify_cd (const struct ahci_drive *drive, uint8_t *data)
{
    put_common (drive, data, CD_MODEL);
    put_word (data, 0, 0x85C0);  /* ATAPI, CD-ROM, removable, 50 µs to DRQ, 12-byte packets */
    put_word (data, 49, 0x0F00); /* DMA, LBA, IORDY */
    put_word (data, 82, 0x0210); /* DEVICE RESET, PACKET */
    put_word (data, 83, 0x4000);
    put_word (data, 84, 0x4000);
    put_word (data, 85, 0x0210);
    put_word (data, 87, 0x4000);
    ata_checksum (data);
}
