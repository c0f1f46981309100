/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "machine/posada-disk-image.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "block/image.h"

static gboolean
fail (GError **error, int number, const char *path)
{
    g_autofree char *name = g_path_get_basename (path);

    /* Translators: the name of a disk image, and what the system says */
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (number),
                 _ ("The disk “%s” could not be made: %s."), name, g_strerror (number));
    return FALSE;
}

static gboolean
create_raw (const char *path, guint64 size, GError **error)
{
    g_autofd int fd = g_open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int number;

    if (fd < 0)
        return fail (error, errno, path);
    if (ftruncate (fd, (off_t) size) == 0 && fsync (fd) == 0)
        return TRUE;
    number = errno;
    g_unlink (path);
    return fail (error, number, path);
}

gboolean
posada_disk_image_create (const char *path, PosadaFormat format, guint64 size, GError **error)
{
    const struct blk_qcow2_options options = {.size = size};
    struct vmm_error from = {0};
    int r;

    g_return_val_if_fail (format == POSADA_FORMAT_RAW || format == POSADA_FORMAT_QCOW2, FALSE);

    if (format == POSADA_FORMAT_RAW)
        return create_raw (path, size, error);
    r = blk_create_qcow2 (path, &options, &from);
    return r == 0 || fail (error, -r, path);
}

guint64
posada_disk_image_get_size (const char *path, PosadaFormat format)
{
    const struct blk_source source = {
        .path = path,
        .format = format == POSADA_FORMAT_QCOW2 ? BLK_FORMAT_QCOW2 : BLK_FORMAT_RAW,
        .flags = BLK_READ_ONLY | BLK_NO_BACKING | BLK_NO_RING | BLK_UNLOCKED,
    };
    struct vmm_error error = {0};
    guint64 size = 0;
    struct blk *blk;

    if (path && blk_open (&source, NULL, &blk, &error) == 0) {
        size = blk_get_info (blk)->size;
        blk_close (blk);
    }
    return size;
}

gboolean
posada_disk_image_check_unused (const char *path, gboolean read_only, GError **error)
{
    g_autofree char *name = g_path_get_basename (path);
    struct vmm_error from = {0};
    struct blk *blk;
    int r = blk_open_raw (path, read_only ? BLK_READ_ONLY : 0, 0, NULL, &blk, &from);

    if (r == 0)
        blk_close (blk);
    /* Anything else that may be wrong is for whoever opens it to say. */
    if (r != -EBUSY)
        return TRUE;
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY,
                 _ ("“%s” is in use by another machine: shut that down first."), name);
    return FALSE;
}
