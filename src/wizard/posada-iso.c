/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An image is a row of sectors. From the 16th on there are volume descriptors: the primary one says
 * how long the volume is, the boot record where the catalogue of El Torito is, whose entries of 32
 * bytes say by what firmware the medium starts (ECMA-119, 8.4; El Torito 1.0, 2.0 to 2.5).
 */
#include "wizard/posada-iso.h"

#include <gio/gio.h>
#include <glib/gi18n.h>
#include <string.h>
#include <unistd.h>

#define SECTOR          2048
#define MAX_DESCRIPTORS 32
#define ENTRY           32
#define PLATFORM_PC     0x00
#define PLATFORM_EFI    0xef
#define BOOTABLE        0x88
/* Some makers count sectors in that they never write: 300 KiB of padding. */
#define PADDING (150 * SECTOR)

struct volume {
    guint64 size;    /* bytes; 0: no primary descriptor */
    guint32 catalog; /* sector; 0: none */
};

static guint32
get_le32 (const guint8 *from)
{
    return (guint32) from[0] | (guint32) from[1] << 8 | (guint32) from[2] << 16 |
           (guint32) from[3] << 24;
}

static gboolean
read_sector (int fd, guint64 number, guint8 *sector)
{
    return pread (fd, sector, SECTOR, (off_t) (number * SECTOR)) == SECTOR;
}

static void
read_descriptors (int fd, struct volume *volume)
{
    guint8 sector[SECTOR];

    for (guint i = 0; i < MAX_DESCRIPTORS; i++) {
        if (!read_sector (fd, 16 + i, sector) || memcmp (sector + 1, "CD001", 5) != 0 ||
            sector[0] == 255)
            return;
        if (sector[0] == 1)
            volume->size = (guint64) get_le32 (sector + 80) * SECTOR;
        else if (sector[0] == 0 && memcmp (sector + 7, "EL TORITO SPECIFICATION", 23) == 0)
            volume->catalog = get_le32 (sector + 0x47);
    }
}

/* Sections follow each other: a header that says the platform, and its entries. */
static void
read_catalog (const guint8 *catalog, gboolean *ret_bios, gboolean *ret_efi)
{
    guint8 platform = catalog[1];

    if (catalog[0] != 1 || catalog[30] != 0x55 || catalog[31] != 0xaa)
        return;
    for (guint at = ENTRY; at < SECTOR; at += ENTRY) {
        const guint8 *entry = catalog + at;

        if (entry[0] == 0x90 || entry[0] == 0x91)
            platform = entry[1];
        else if (entry[0] == BOOTABLE && platform == PLATFORM_PC)
            *ret_bios = TRUE;
        else if (entry[0] == BOOTABLE && platform == PLATFORM_EFI)
            *ret_efi = TRUE;
    }
}

static gboolean
check_length (int fd, const struct volume *volume, GError **error)
{
    off_t length = lseek (fd, 0, SEEK_END);
    g_autofree char *there = NULL, *whole = NULL;

    if (length < 0 || (guint64) length + PADDING >= volume->size)
        return TRUE;
    there = g_format_size ((guint64) length);
    whole = g_format_size (volume->size);
    /* Translators: two sizes, such as “12 MB” and “630 MB” */
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT,
                 _ ("This file is not complete, only %s of %s are there: get it once more."), there,
                 whole);
    return FALSE;
}

gboolean
posada_iso_check (int fd, gboolean *ret_bios, gboolean *ret_efi, GError **error)
{
    struct volume volume = {0};
    guint8 sector[SECTOR];
    gboolean bios = FALSE, efi = FALSE;

    read_descriptors (fd, &volume);
    if (!volume.size) {
        g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                             _ ("No machine can start from this file: it is no installation "
                                "image."));
        return FALSE;
    }
    if (!check_length (fd, &volume, error))
        return FALSE;
    if (volume.catalog && read_sector (fd, volume.catalog, sector))
        read_catalog (sector, &bios, &efi);
    if (!bios && !efi) {
        g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                             _ ("No machine can start from this image: it holds files only."));
        return FALSE;
    }
    *ret_bios = bios;
    *ret_efi = efi;
    return TRUE;
}
