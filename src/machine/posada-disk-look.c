/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looking at disks takes no locks, so that it is in nobody's way: not in that of a machine that is
 * started at that moment, and not in that of one that runs.
 */
#define G_LOG_DOMAIN "posada-machine"

#include <errno.h>
#include <glib/gi18n.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "block/convert.h"
#include "machine/posada-disk-job.h"
#include "machine/posada-machine.h"

gboolean
posada_disk_fail (GError **error, const char *format, ...)
{
    va_list arguments;

    va_start (arguments, format);
    if (error)
        *error = g_error_new_valist (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_FAILED, format,
                                     arguments);
    va_end (arguments);
    return FALSE;
}

gboolean
posada_disk_fail_block (GError **error, int result, const char *path, const char *message)
{
    g_autofree char *name = g_filename_display_basename (path);

    switch (result) {
    case -ECANCELED:
        g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("It was cancelled."));
        return FALSE;
    case -ENOSPC:
        return posada_disk_fail (
            error, _ ("There was not enough room for “%s”: free some and try again."), name);
    case -EBUSY:
        return posada_disk_fail (
            error, _ ("“%s” is in use by another machine: shut that down first."), name);
    default: return posada_disk_fail (error, "%s.", message);
    }
}

guint64
posada_disk_measure (const char *path)
{
    struct stat status;

    return path && stat (path, &status) == 0 ? (guint64) status.st_blocks * 512 : 0;
}

guint64
posada_disk_find_room (const char *folder)
{
    struct statvfs system;

    /* What cannot be found out is no reason to refuse anything. */
    return statvfs (folder, &system) == 0 ? (guint64) system.f_bavail * system.f_frsize
                                          : G_MAXUINT64;
}

gboolean
posada_disk_is_own (const PosadaDiskJob *job, const char *path)
{
    g_autofree char *folder = path ? g_path_get_dirname (path) : NULL;
    struct stat ours, its;

    return folder && stat (job->folder, &ours) == 0 && stat (folder, &its) == 0 &&
           ours.st_dev == its.st_dev && ours.st_ino == its.st_ino;
}

char *
posada_disk_explain_fixed (const PosadaDiskJob *job, const PosadaDisk *disk, guint n_inside)
{
    g_autofree char *name = disk->path ? g_filename_display_basename (disk->path) : NULL;

    if (n_inside > 0 ||
        (job->has_snapshots && disk->format == POSADA_FORMAT_RAW && !disk->read_only))
        return g_strdup_printf (
            _ ("Snapshots need “%s” as it is: delete them before it is resized, compacted or "
               "converted."),
            name);
    return NULL;
}

/* --- a look --- */

static void
take_shares (PosadaDiskJob *job, struct blk *blk, PosadaDiskData *data)
{
    struct blk_snapshot *snapshots = NULL;
    size_t n = 0;

    /* Sums over tables that change meanwhile would be wrong. */
    if (blk_snapshot_list (blk, !job->is_on, &snapshots, &n, NULL) < 0)
        return;
    data->shares = g_new0 (PosadaDiskShare, n + 1);
    data->n_shares = (guint) n;
    for (size_t i = 0; i < n; i++) {
        const char *title = job->titles ? g_hash_table_lookup (job->titles, snapshots[i].id) : NULL;

        data->shares[i] = (PosadaDiskShare) {
            .id = g_strdup (snapshots[i].id),
            .name = g_utf8_make_valid (title ? title : snapshots[i].name, -1),
            .bytes = job->is_on ? G_MAXUINT64 : snapshots[i].own_bytes,
        };
    }
    free (snapshots);
}

static void
look_inside (PosadaDiskJob *job, const PosadaDisk *disk, PosadaDiskData *data)
{
    struct blk_source source = {
        .path = disk->path,
        .format = disk->format == POSADA_FORMAT_QCOW2 ? BLK_FORMAT_QCOW2 : BLK_FORMAT_RAW,
        .flags = BLK_READ_ONLY | BLK_NO_BACKING | BLK_NO_RING | BLK_UNLOCKED,
    };
    struct blk_description description;
    struct vmm_error error = {0};
    struct blk *blk;
    int r = blk_open (&source, NULL, &blk, &error);

    if (r < 0) {
        g_autoptr (GError) sentence = NULL;

        posada_disk_fail_block (&sentence, r, disk->path, error.message);
        data->problem = g_strdup (sentence->message);
        return;
    }
    blk_describe (blk, &description);
    data->size = description.size;
    data->on_disk = description.on_disk;
    if (description.backing[0])
        data->base = g_filename_display_name (description.backing);
    if (description.n_snapshots)
        take_shares (job, blk, data);
    blk_close (blk);
}

static PosadaDiskInfo *
look_at (PosadaDiskJob *job, const PosadaDisk *disk)
{
    PosadaDiskData data = {
        .target = g_strdup (disk->target),
        .path = g_strdup (disk->path),
        .is_drive = disk->kind == POSADA_DISK_CDROM,
        .is_file = disk->source == POSADA_SOURCE_FILE,
        .own = posada_disk_is_own (job, disk->path),
        .format = disk->format,
        .read_only = disk->read_only,
    };

    if (disk->path && disk->format == POSADA_FORMAT_OTHER)
        data.problem = g_strdup (
            _ ("It is neither raw nor qcow2: remove it, and add its file as a new disk."));
    else if (disk->path)
        look_inside (job, disk, &data);
    data.fixed = posada_disk_explain_fixed (job, disk, data.n_shares);
    return posada_disk_info_new (&data);
}

gboolean
posada_disk_job_look (PosadaDiskJob *job, GError **error)
{
    unsigned n = posada_definition_get_n_disks (job->definition);

    job->infos = g_ptr_array_new_with_free_func (g_object_unref);
    for (unsigned i = 0; i < n; i++) {
        g_autoptr (PosadaDisk) disk = posada_definition_get_disk (job->definition, i);

        if (disk->kind == POSADA_DISK_DISK || disk->kind == POSADA_DISK_CDROM)
            g_ptr_array_add (job->infos, look_at (job, disk));
    }
    return TRUE;
}

/* --- new files --- */

gboolean
posada_disk_job_recognize (PosadaDiskJob *job, GError **error)
{
    const char *name = blk_format_of_name (job->path);
    g_autofree char *shown = g_filename_display_basename (job->path);
    struct vmm_error from = {0};
    enum blk_format guess;
    int r = blk_guess_format (job->path, &guess, &from);
    enum blk_format own;

    if (r < 0)
        return posada_disk_fail_block (error, r, job->path, from.message);
    if (name && (blk_format_from_name (name, &own) < 0 || own == guess)) {
        job->format_name = g_strdup (name);
        return TRUE;
    }
    g_set_error (error, POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_WRONG_STATE,
                 _ ("The name of “%s” and what is in it do not tell its format: choose it."),
                 shown);
    return FALSE;
}

gboolean
posada_disk_job_find_space (PosadaDiskJob *job, GError **error)
{
    job->size = posada_disk_find_room (job->folder);
    return TRUE;
}
