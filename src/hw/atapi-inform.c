/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a CD/DVD-ROM drive tells of itself and its medium: one data track in one session, from
 * sector 0 to the end of the image. An image that no CD could hold is a DVD. Sources: SPC-3, 6.4
 * and 7.6 (INQUIRY); MMC-5: 5.3 (features), 6.26 (TOC), 6.22 (disc information), 6.27 (track
 * information), 6.24 (DVD structures), 7 (mode pages).
 *
 * All numbers are big-endian. Nearly every answer starts with its own length, which does not count
 * the length field itself and is not shortened when the host leaves less room.
 */
#include "hw/ata.h"

#define VENDOR          "Posada  "
#define PRODUCT         "CD/DVD-ROM      "
#define REVISION        "1.0 "

#define CD_MAX_SECTORS  (80u * 60 * 75)
#define LEAD_IN         150u /* sectors before sector 0 in time addresses */
#define LEAD_OUT        0xAAu
#define DATA_TRACK      0x14u /* ADR 1, control: data */

#define PROFILE_CD_ROM  0x0008u
#define PROFILE_DVD_ROM 0x0010u

#define MODE_SENSE_6    0x1A
#define READ_SPEED      8467u /* kB/s: a CD at 48 × */

static bool
is_dvd (const struct ahci_drive *drive)
{
    return atapi_sectors (drive) > CD_MAX_SECTORS;
}

static size_t
vital_product_data (const struct ahci_drive *drive, uint8_t page, uint8_t *data)
{
    size_t serial = strlen (drive->serial);

    data[0] = 5;
    data[1] = page;
    switch (page) {
    case 0x00: /* which pages there are */
        data[3] = 3;
        data[5] = 0x80;
        data[6] = 0x83;
        return 7;
    case 0x80: /* serial number */
        data[3] = (uint8_t) serial;
        memcpy (data + 4, drive->serial, serial);
        return 4 + serial;
    case 0x83: /* identification: vendor and serial number, in ASCII */
        data[3] = (uint8_t) (4 + 8 + serial);
        data[4] = 2;
        data[5] = 1;
        data[7] = (uint8_t) (8 + serial);
        memcpy (data + 8, VENDOR, 8);
        memcpy (data + 16, drive->serial, serial);
        return 16 + serial;
    default: return 0;
    }
}

size_t
atapi_inquiry (const struct ahci_drive *drive, const uint8_t *packet, uint8_t *data)
{
    if (packet[1] & 1)
        return vital_product_data (drive, packet[2], data);
    if (packet[2])
        return 0;
    data[0] = 5;    /* CD/DVD */
    data[1] = 0x80; /* removable medium */
    data[2] = 5;    /* SPC-3 */
    data[3] = 2;
    data[4] = 36 - 5;
    memcpy (data + 8, VENDOR, 8);
    memcpy (data + 16, PRODUCT, 16);
    memcpy (data + 32, REVISION, 4);
    return 36;
}

/* One mode page at @data; 0 if there is no such page. */
static size_t
mode_page (const struct ahci_drive *drive, uint8_t page, uint8_t *data)
{
    data[0] = page;
    switch (page) {
    case 0x01: /* read error recovery */
        data[1] = 10;
        data[3] = 5; /* retries */
        break;
    case 0x0D: /* CD device parameters */
        data[1] = 6;
        data[5] = 60; /* seconds in a minute */
        data[7] = 75; /* sectors in a second */
        break;
    case 0x1A: /* power condition: no timers */ data[1] = 10; break;
    case 0x2A: /* capabilities */
        data[1] = 20;
        data[2] = 0x3B;                           /* reads CD-R, CD-RW, DVD-ROM, DVD-R, DVD-RAM */
        data[4] = 0x70;                           /* mode 2 form 1 and 2, multisession */
        data[6] = 0x29 | (drive->locked ? 2 : 0); /* tray; ejects, locks */
        store_be16 (data + 8, READ_SPEED);
        store_be16 (data + 12, 512); /* buffer, KiB */
        store_be16 (data + 14, READ_SPEED);
        break;
    default: return 0;
    }
    return data[1] + 2u;
}

size_t
atapi_mode_sense (const struct ahci_drive *drive, const uint8_t *packet, uint8_t *data)
{
    static const uint8_t pages[] = {0x01, 0x0D, 0x1A, 0x2A};
    bool is_short = packet[0] == MODE_SENSE_6;
    unsigned control = packet[2] >> 6, wanted = packet[2] & 0x3F;
    size_t header = is_short ? 4 : 8, length = header;

    if (control == 3 || packet[3]) /* saved values and subpages */
        return 0;
    for (size_t i = 0; i < ARRAY_LENGTH (pages); i++) {
        size_t added;

        if (wanted != 0x3F && wanted != pages[i])
            continue;
        added = mode_page (drive, pages[i], data + length);
        if (control == 1) /* nothing can be changed */
            memset (data + length + 2, 0, added - 2);
        length += added;
    }
    if (length == header)
        return 0;
    if (is_short)
        data[0] = (uint8_t) (length - 1);
    else
        store_be16 (data, (uint16_t) (length - 2));
    return length;
}

/* 4 bytes: a sector's number, or its time as 0, minute, second, frame. */
static void
put_address (uint8_t *data, uint32_t sector, bool as_time)
{
    uint64_t frames = (uint64_t) sector + LEAD_IN;

    if (!as_time) {
        store_be32 (data, sector);
        return;
    }
    data[1] = (uint8_t) MIN_OF (frames / (60 * 75), 255);
    data[2] = (uint8_t) (frames / 75 % 60);
    data[3] = (uint8_t) (frames % 75);
}

static size_t
put_track (uint8_t *data, size_t length, uint8_t track, uint32_t sector, bool as_time)
{
    data[length + 1] = DATA_TRACK;
    data[length + 2] = track;
    put_address (data + length + 4, sector, as_time);
    return length + 8;
}

/* An entry of the raw TOC; @value is what its PMIN, PSEC, PFRAME say. */
static size_t
put_raw_entry (uint8_t *data, size_t length, uint8_t point, const uint8_t *value)
{
    data[length] = 1; /* session */
    data[length + 1] = DATA_TRACK;
    data[length + 3] = point;
    memcpy (data + length + 8, value, 3);
    return length + 11;
}

static size_t
raw_toc (const struct ahci_drive *drive, uint8_t *data)
{
    uint8_t time[4] = {0};
    size_t length = 4;

    length = put_raw_entry (data, length, 0xA0, (const uint8_t[]) {1, 0, 0}); /* first track */
    length = put_raw_entry (data, length, 0xA1, (const uint8_t[]) {1, 0, 0}); /* last track */
    put_address (time, atapi_sectors (drive), true);
    length = put_raw_entry (data, length, 0xA2, time + 1); /* lead-out */
    put_address (time, 0, true);
    return put_raw_entry (data, length, 1, time + 1);
}

size_t
atapi_read_toc (const struct ahci_drive *drive, const uint8_t *packet, uint8_t *data)
{
    bool as_time = packet[1] & 2;
    unsigned format = packet[2] & 0xF;
    uint8_t start = packet[6];
    size_t length = 4;

    if (!format) /* where ATAPI drives of old had it */
        format = packet[9] >> 6;
    data[2] = data[3] = 1; /* first and last track, or session */
    switch (format) {
    case 0:
        if (start > 1 && start != LEAD_OUT)
            return 0;
        if (start <= 1)
            length = put_track (data, length, 1, 0, as_time);
        length = put_track (data, length, LEAD_OUT, atapi_sectors (drive), as_time);
        break;
    case 1: length = put_track (data, length, 1, 0, as_time); break;
    case 2: length = raw_toc (drive, data); break;
    default: return 0;
    }
    store_be16 (data, (uint16_t) (length - 2));
    return length;
}

struct feature {
    uint16_t code;
    uint8_t flags; /* version << 2, bit 1 persistent, bit 0 current */
    uint8_t length;
    uint8_t data[8];
};

static size_t
put_feature (uint8_t *data, size_t length, const uint8_t *packet, const struct feature *feature)
{
    unsigned which = packet[1] & 3; /* all, current ones, one */
    uint16_t first = load_be16 (packet + 2);

    if (feature->code < first || (which == 1 && !(feature->flags & 1)) ||
        (which == 2 && feature->code != first))
        return length;
    store_be16 (data + length, feature->code);
    data[length + 2] = feature->flags;
    data[length + 3] = feature->length;
    memcpy (data + length + 4, feature->data, feature->length);
    return length + 4 + feature->length;
}

size_t
atapi_get_configuration (const struct ahci_drive *drive, const uint8_t *packet, uint8_t *data)
{
    bool medium = atapi_sectors (drive), dvd = is_dvd (drive), cd = medium && !dvd;
    const struct feature features[] = {
        /* Profiles: DVD-ROM, CD-ROM */
        {0x0000, 0x03, 8, {0, PROFILE_DVD_ROM, dvd, 0, 0, PROFILE_CD_ROM, cd, 0}},
        /* Core: by Serial ATA */
        {0x0001, 2 << 2 | 0x03, 8, {0, 0, 0, 7}},
        /* Removable medium: tray, ejects, locks */
        {0x0003, 0x03, 4, {0x29}},
        /* Random readable: blocks of 2048 bytes */
        {0x0010, medium, 8, {0, 0, CD_SECTOR >> 8, 0, 0, dvd ? 16 : 1, 0, 0}},
        /* CD read */
        {0x001E, (uint8_t) (2 << 2 | cd), 4, {0}},
        /* DVD read */
        {0x001F, (uint8_t) (1 << 2 | dvd), 4, {0}},
        /* Power management, timeouts */
        {0x0100, 0x03, 0, {0}},
        {0x0105, 0x03, 0, {0}},
    };
    size_t length = 8;

    if ((packet[1] & 3) == 3)
        return 0;
    for (size_t i = 0; i < ARRAY_LENGTH (features); i++)
        length = put_feature (data, length, packet, &features[i]);
    store_be32 (data, (uint32_t) (length - 4));
    if (medium)
        store_be16 (data + 6, dvd ? PROFILE_DVD_ROM : PROFILE_CD_ROM);
    return length;
}

size_t
atapi_disc_information (const struct ahci_drive *drive, const uint8_t *packet, uint8_t *data)
{
    if (packet[1] & 7)
        return 0;
    store_be16 (data, 32);
    data[2] = 0x0E; /* complete disc, complete session */
    data[3] = 1;    /* first track */
    data[4] = 1;    /* sessions */
    data[5] = 1;    /* first and last track of the last session */
    data[6] = 1;
    data[7] = 0x20; /* unrestricted use */
    memset (data + 16, 0xFF, 8);
    return 34;
}

size_t
atapi_track_information (const struct ahci_drive *drive, const uint8_t *packet, uint8_t *data)
{
    uint32_t number = load_be32 (packet + 2);
    unsigned type = packet[1] & 3; /* by sector, by track, by session */

    if (type == 3 || (type == 0 && number >= atapi_sectors (drive)) || (type && number != 1))
        return 0;
    store_be16 (data, 34);
    data[2] = 1; /* track */
    data[3] = 1; /* session */
    data[5] = DATA_TRACK & 0xF;
    data[6] = 1; /* mode 1 */
    store_be32 (data + 24, atapi_sectors (drive));
    return 36;
}

static const struct dvd_format {
    uint8_t code;
    uint16_t length; /* with the header */
} dvd_formats[] = {
    {0x00, 2052}, /* physical */
    {0x01, 8},    /* copyright: none, all regions */
    {0x04, 2052}, /* manufacturer: nothing */
};

static size_t
list_dvd_formats (uint8_t *data)
{
    size_t length = 4;

    for (size_t i = 0; i < ARRAY_LENGTH (dvd_formats); i++) {
        data[length] = dvd_formats[i].code;
        data[length + 1] = 0x40; /* can be read */
        store_be16 (data + length + 2, dvd_formats[i].length);
        length += 4;
    }
    return length;
}

size_t
atapi_dvd_structure (const struct ahci_drive *drive, const uint8_t *packet, uint8_t *data)
{
    const uint32_t first = 0x030000;
    size_t length = 0;

    if ((packet[1] & 0xF) || packet[6] || !is_dvd (drive))
        return 0;
    if (packet[7] == 0xFF)
        length = list_dvd_formats (data);
    for (size_t i = 0; i < ARRAY_LENGTH (dvd_formats); i++)
        if (packet[7] == dvd_formats[i].code)
            length = dvd_formats[i].length;
    if (!length)
        return 0;
    if (packet[7] == 0x00) {
        data[4] = 0x01; /* DVD-ROM, version 1 */
        data[5] = 0x0F; /* 120 mm */
        data[6] = 0x01; /* one embossed layer */
        store_be32 (data + 8, first);
        store_be32 (data + 12, first + atapi_sectors (drive) - 1);
    }
    store_be16 (data, (uint16_t) (length - 2));
    return length;
}

size_t
atapi_mechanism_status (const struct ahci_drive *drive, const uint8_t *packet, uint8_t *data)
{
    if (drive->tray_open)
        data[1] = 0x10;
    return 8;
}
