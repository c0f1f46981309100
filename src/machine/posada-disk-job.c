/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * New files are complete before the definition names them, and old ones go after it names them no
 * more; so whenever this ends, the definition names files that are whole.
 */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-disk-job.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "block/convert.h"
#include "machine/posada-disk-image.h"
#include "machine/posada-machine.h"
#include "snapshot/snapshot.h"
#include "store/posada-store-error.h"

#define SPARE (G_GUINT64_CONSTANT (16) << 20) /* room that is left to others */

void
posada_disk_job_clear (gpointer data)
{
    PosadaDiskJob *job = data;

    g_clear_object (&job->store);
    g_clear_object (&job->definition);
    g_clear_pointer (&job->titles, g_hash_table_unref);
    g_clear_pointer (&job->infos, g_ptr_array_unref);
    g_clear_error (&job->error);
    g_free (job->folder);
    g_free (job->target);
    g_free (job->path);
    g_free (job->format_name);
}

/* --- the definition --- */

static PosadaDisk *
find_disk (PosadaDiskJob *job, unsigned *ret_index, GError **error)
{
    unsigned n = posada_definition_get_n_disks (job->definition);

    for (unsigned i = 0; i < n; i++) {
        g_autoptr (PosadaDisk) disk = posada_definition_get_disk (job->definition, i);

        if (g_strcmp0 (disk->target, job->target) != 0)
            continue;
        *ret_index = i;
        return g_steal_pointer (&disk);
    }
    posada_disk_fail (error, _ ("The machine has no disk “%s” any more."), job->target);
    return NULL;
}

/* One that is an image of ours. */
static PosadaDisk *
find_image (PosadaDiskJob *job, unsigned *ret_index, GError **error)
{
    g_autoptr (PosadaDisk) disk = find_disk (job, ret_index, error);

    if (disk && disk->path && disk->kind == POSADA_DISK_DISK && disk->format != POSADA_FORMAT_OTHER)
        return g_steal_pointer (&disk);
    if (disk)
        posada_disk_fail (error, _ ("“%s” is no raw or qcow2 image: it can only be removed."),
                          job->target);
    return NULL;
}

static gboolean
save (PosadaDiskJob *job, GError **error)
{
    if (job->store && !posada_store_save (job->store, job->definition, error))
        return FALSE;
    job->edited = TRUE;
    return TRUE;
}

static gboolean
is_same_file (const char *first, const char *second)
{
    struct stat a, b;

    return first && second &&
           (g_str_equal (first, second) || (stat (first, &a) == 0 && stat (second, &b) == 0 &&
                                            a.st_dev == b.st_dev && a.st_ino == b.st_ino));
}

static gboolean
uses (PosadaDefinition *definition, const char *path, const char *except)
{
    unsigned n = definition ? posada_definition_get_n_disks (definition) : 0;

    for (unsigned i = 0; i < n; i++) {
        g_autoptr (PosadaDisk) disk = posada_definition_get_disk (definition, i);

        if (except && g_strcmp0 (disk->target, except) == 0)
            continue;
        if (is_same_file (disk->path, path))
            return TRUE;
        for (char **backing = disk->backing; backing && *backing; backing++)
            if (is_same_file (*backing, path))
                return TRUE;
    }
    return FALSE;
}

/* Whether no other machine, and no other disk of this one, is of that file or based on it. */
static gboolean
check_unshared (PosadaDiskJob *job, const char *path, GError **error)
{
    g_autofree char *uuid = posada_definition_get_uuid (job->definition);
    g_autofree char *name = g_filename_display_basename (path);
    g_autoptr (GPtrArray) entries = NULL;

    if (uses (job->definition, path, job->target))
        return posada_disk_fail (error, _ ("“%s” is another disk of this machine, too."), name);
    if (!job->store)
        return TRUE;
    entries = posada_store_list (job->store, error);
    for (guint i = 0; entries && i < entries->len; i++) {
        const PosadaStoreEntry *entry = g_ptr_array_index (entries, i);

        if (g_strcmp0 (entry->id, uuid) != 0 && uses (entry->definition, path, NULL))
            return posada_disk_fail (error, _ ("The machine “%s” needs “%s” as it is."),
                                     entry->name, name);
    }
    return entries != NULL;
}

/* --- files --- */

/* A name in @folder that nobody has: @stem with @suffix, or with a number between them. */
static char *
find_name (const char *folder, const char *stem, const char *suffix)
{
    for (unsigned i = 1;; i++) {
        g_autofree char *name =
            i > 1 ? g_strdup_printf ("%s-%u%s", stem, i, suffix) : g_strconcat (stem, suffix, NULL);
        g_autofree char *path = g_build_filename (folder, name, NULL);

        if (!g_file_test (path, G_FILE_TEST_EXISTS) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
            return g_steal_pointer (&path);
    }
}

static const char *
get_suffix (PosadaFormat format)
{
    return format == POSADA_FORMAT_QCOW2 ? ".qcow2" : ".img";
}

/* The name of @path without what follows its last dot. */
static char *
get_stem (const char *path)
{
    char *stem = g_path_get_basename (path);
    char *dot = strrchr (stem, '.');

    if (dot && dot != stem)
        *dot = 0;
    return stem;
}

/* Bytes that a copy of @disk may take, with all that it is based on. */
static guint64
measure_whole (const PosadaDisk *disk)
{
    guint64 bytes = posada_disk_measure (disk->path);

    for (char **backing = disk->backing; backing && *backing; backing++)
        bytes += posada_disk_measure (*backing);
    return bytes;
}

/* Whether @needed bytes fit into @folder. Compressed images may need more still, which is found out
 * on the way. */
static gboolean
check_room (guint64 needed, const char *folder, GError **error)
{
    guint64 room = posada_disk_find_room (folder);
    g_autofree char *needed_text = NULL, *room_text = NULL, *name = NULL;

    if (room > needed && room - needed >= SPARE)
        return TRUE;
    needed_text = g_format_size_full (needed + SPARE, G_FORMAT_SIZE_IEC_UNITS);
    room_text = g_format_size_full (room, G_FORMAT_SIZE_IEC_UNITS);
    name = g_filename_display_name (folder);
    return posada_disk_fail (error,
                             /* Translators: two sizes, and a folder */
                             _ ("This needs %s of room, and only %s are free in “%s”: free some "
                                "first."),
                             needed_text, room_text, name);
}

static void
expect (PosadaDiskJob *job, guint64 bytes)
{
    job->step = bytes;
    atomic_store (&job->total, bytes);
}

static bool
progress_cb (void *data, double percent)
{
    PosadaDiskJob *job = data;

    atomic_store (&job->done, job->before + (guint64) ((double) job->step * percent / 100));
    return !atomic_load (&job->cancelled);
}

static enum blk_format
get_block_format (PosadaFormat format)
{
    return format == POSADA_FORMAT_QCOW2 ? BLK_FORMAT_QCOW2 : BLK_FORMAT_RAW;
}

static gboolean
open_image (const PosadaDisk *disk, unsigned flags, struct blk **ret_blk, GError **error)
{
    char *none[] = {NULL};
    struct blk_source source = {
        .path = disk->path,
        .format = get_block_format (disk->format),
        .flags = flags | BLK_NO_RING,
        .allow_backing = blk_allow_listed,
        .data = disk->backing ? disk->backing : none,
    };
    struct vmm_error from = {0};
    int r = blk_open (&source, NULL, ret_blk, &from);

    return r == 0 || posada_disk_fail_block (error, r, disk->path, from.message);
}

/* Snapshots inside of an image that is open, and of the machine. */
static gboolean
check_free (PosadaDiskJob *job, const PosadaDisk *disk, struct blk *blk, GError **error)
{
    struct blk_description description;
    g_autofree char *fixed = NULL;

    blk_describe (blk, &description);
    fixed = posada_disk_explain_fixed (job, disk, description.n_snapshots);
    return !fixed || posada_disk_fail (error, "%s", fixed);
}

static gboolean
look_whether_free (PosadaDiskJob *job, const PosadaDisk *disk, GError **error)
{
    struct blk *blk;
    gboolean is_free;

    if (!open_image (disk, 0, &blk, error))
        return FALSE;
    is_free = check_free (job, disk, blk, error);
    blk_close (blk);
    return is_free;
}

void
posada_disk_remove_remains (const char *folder)
{
    g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name (dir))) {
        const char *part = g_strrstr (name, ".part-");

        if (part && strlen (part) == strlen (".part-XXXXXX")) {
            g_autofree char *path = g_build_filename (folder, name, NULL);

            g_unlink (path);
        }
    }
}

/* --- adding and removing --- */

/* The disk at @path; a file that is new goes again if that fails. */
static gboolean
add (PosadaDiskJob *job, const char *path, PosadaFormat format, gboolean is_new, GError **error)
{
    const PosadaDisk disk = {.path = (char *) path, .format = format, .bus = POSADA_BUS_VIRTIO};

    if (posada_definition_add_disk (job->definition, &disk, error) && save (job, error))
        return TRUE;
    if (is_new)
        g_unlink (path);
    return FALSE;
}

gboolean
posada_disk_job_create (PosadaDiskJob *job, GError **error)
{
    g_autofree char *path = find_name (job->folder, "disk", get_suffix (POSADA_FORMAT_QCOW2));

    return posada_disk_image_create (path, POSADA_FORMAT_QCOW2, job->size, error) &&
           add (job, path, POSADA_FORMAT_QCOW2, TRUE, error);
}

gboolean
posada_disk_job_attach (PosadaDiskJob *job, GError **error)
{
    const PosadaDisk disk = {.path = job->path, .format = job->format};
    struct blk_description description;
    struct blk *blk;

    if (!check_unshared (job, job->path, error) ||
        !open_image (&disk, BLK_NO_BACKING | BLK_READ_ONLY, &blk, error))
        return FALSE;
    blk_describe (blk, &description);
    blk_close (blk);
    if (description.backing[0]) {
        g_autofree char *name = g_filename_display_basename (job->path);

        return posada_disk_fail (
            error, _ ("“%s” is based on another image: convert that and this to one first."), name);
    }
    /* Writable, too. */
    if (!open_image (&disk, 0, &blk, error))
        return FALSE;
    blk_close (blk);
    return add (job, job->path, job->format, FALSE, error);
}

gboolean
posada_disk_job_import (PosadaDiskJob *job, GError **error)
{
    g_autofree char *stem = get_stem (job->path);
    g_autofree char *path = find_name (job->folder, stem, get_suffix (POSADA_FORMAT_QCOW2));
    struct blk_conversion conversion = {
        .from = job->path,
        .from_format = job->format_name,
        .to = path,
        .to_format = BLK_FORMAT_QCOW2,
        .progress = progress_cb,
        .data = job,
    };
    struct vmm_error from = {0};
    int r;

    expect (job, posada_disk_measure (job->path));
    if (!posada_disk_image_check_unused (job->path, TRUE, error) ||
        !check_room (posada_disk_measure (job->path), job->folder, error))
        return FALSE;
    r = blk_convert (&conversion, &from);
    if (r < 0)
        return posada_disk_fail_block (error, r, job->path, from.message);
    return add (job, path, POSADA_FORMAT_QCOW2, TRUE, error);
}

gboolean
posada_disk_job_remove (PosadaDiskJob *job, GError **error)
{
    unsigned index;
    g_autoptr (PosadaDisk) disk = find_disk (job, &index, error);
    g_autoptr (GFile) file = disk && disk->path ? g_file_new_for_path (disk->path) : NULL;
    g_autoptr (GError) from = NULL;

    if (!disk || (job->flag && file && !check_unshared (job, disk->path, error)) ||
        !posada_definition_remove_disk (job->definition, index, error) || !save (job, error))
        return FALSE;
    if (!job->flag || !file || g_file_trash (file, NULL, &from))
        return TRUE;
    return posada_disk_fail (error, _ ("The disk was removed, but “%s” stays where it is: %s."),
                             g_file_peek_path (file), from->message);
}

/* --- changing --- */

gboolean
posada_disk_job_resize (PosadaDiskJob *job, GError **error)
{
    unsigned index;
    g_autoptr (PosadaDisk) disk = find_image (job, &index, error);
    struct vmm_error from = {0};
    struct blk *blk;
    gboolean done;
    int r;

    if (!disk || !check_unshared (job, disk->path, error) || !open_image (disk, 0, &blk, error))
        return FALSE;
    done = check_free (job, disk, blk, error);
    if (done) {
        r = blk_resize (blk, job->size, &from);
        done = r == 0 || posada_disk_fail_block (error, r, disk->path, from.message);
    }
    blk_close (blk);
    job->edited = done;
    return done;
}

gboolean
posada_disk_job_compact (PosadaDiskJob *job, GError **error)
{
    unsigned index;
    g_autoptr (PosadaDisk) disk = find_image (job, &index, error);
    g_autofree char *folder = disk ? g_path_get_dirname (disk->path) : NULL;
    struct blk_compaction compaction = {
        .compress = job->flag, .progress = progress_cb, .data = job};
    struct vmm_error from = {0};
    int r;

    if (!disk || !look_whether_free (job, disk, error) ||
        (disk->format == POSADA_FORMAT_QCOW2 &&
         !check_room (posada_disk_measure (disk->path), folder, error)))
        return FALSE;
    compaction.path = disk->path;
    compaction.format = get_block_format (disk->format);
    compaction.backing = (const char *const *) disk->backing;
    expect (job, posada_disk_measure (disk->path));
    r = blk_compact (&compaction, &from);
    return r == 0 || posada_disk_fail_block (error, r, disk->path, from.message);
}

/* If no disk is based on another machine's snapshot any more, the definition does not say so
 * either: its folder of snapshots, and which it was; else NULL. */
static char *
leave_origin (PosadaDiskJob *job, char **ret_snapshot)
{
    g_autofree char *uuid = posada_definition_get_origin (job->definition, ret_snapshot);
    g_autofree char *folder = NULL;
    unsigned n = posada_definition_get_n_disks (job->definition);

    for (unsigned i = 0; uuid && i < n; i++) {
        g_autoptr (PosadaDisk) disk = posada_definition_get_disk (job->definition, i);

        if (disk->backing && *disk->backing)
            return NULL;
    }
    if (!uuid || !job->store || !posada_definition_set_origin (job->definition, NULL, NULL, NULL))
        return NULL;
    folder = posada_store_get_machine_folder (job->store, uuid);
    return g_build_filename (folder, "snapshots", NULL);
}

/* The definition has @disk at @index. What nobody is based on any more may be deleted. */
static gboolean
save_whole (PosadaDiskJob *job, unsigned index, const PosadaDisk *disk, GError **error)
{
    g_autofree char *uuid = posada_definition_get_uuid (job->definition);
    g_autofree char *snapshot = NULL, *folder = NULL;

    if (!posada_definition_set_disk (job->definition, index, disk, error))
        return FALSE;
    folder = leave_origin (job, &snapshot);
    if (!save (job, error))
        return FALSE;
    if (folder)
        snapshot_unpin (folder, snapshot, uuid);
    return TRUE;
}

/* @disk, at @index. */
static gboolean
convert (PosadaDiskJob *job, unsigned index, PosadaDisk *disk, PosadaFormat format, GError **error)
{
    g_autofree char *folder = g_path_get_dirname (disk->path);
    g_autofree char *stem = get_stem (disk->path);
    g_autofree char *path = find_name (folder, stem, get_suffix (format));
    g_autofree char *old = g_strdup (disk->path);
    gboolean own = posada_disk_is_own (job, disk->path);
    struct blk_conversion conversion = {
        .from = old,
        .from_format = blk_format_name (get_block_format (disk->format)),
        .backing = (const char *const *) disk->backing,
        .to = path,
        .to_format = get_block_format (format),
        .progress = progress_cb,
        .data = job,
    };
    struct vmm_error from = {0};
    int r;

    if (!look_whether_free (job, disk, error) ||
        !check_room (measure_whole (disk), folder, error) ||
        (own && !check_unshared (job, old, error)))
        return FALSE;
    r = blk_convert (&conversion, &from);
    if (r < 0)
        return posada_disk_fail_block (error, r, old, from.message);
    g_set_str (&disk->path, path);
    disk->format = format;
    if (!save_whole (job, index, disk, error)) {
        g_unlink (path);
        return FALSE;
    }
    if (own)
        g_unlink (old);
    return TRUE;
}

gboolean
posada_disk_job_convert (PosadaDiskJob *job, GError **error)
{
    unsigned index;
    g_autoptr (PosadaDisk) disk = find_image (job, &index, error);

    if (!disk)
        return FALSE;
    expect (job, measure_whole (disk));
    return disk->format == job->format || convert (job, index, disk, job->format, error);
}

/* Those disks that @is_meant, one after the other, all to qcow2. */
static gboolean
convert_some (PosadaDiskJob *job, gboolean (*is_meant) (PosadaDiskJob *, const PosadaDisk *),
              GError **error)
{
    unsigned n = posada_definition_get_n_disks (job->definition);
    guint64 total = 0;

    for (unsigned i = 0; i < n; i++) {
        g_autoptr (PosadaDisk) disk = posada_definition_get_disk (job->definition, i);

        if (is_meant (job, disk))
            total += measure_whole (disk);
    }
    expect (job, total);
    for (unsigned i = 0; i < n; i++) {
        g_autoptr (PosadaDisk) disk = posada_definition_get_disk (job->definition, i);

        if (!is_meant (job, disk))
            continue;
        /* What is no other disk of the machine is checked by the name of this one. */
        g_set_str (&job->target, disk->target);
        job->step = measure_whole (disk);
        if (!convert (job, i, disk, POSADA_FORMAT_QCOW2, error))
            return FALSE;
        job->before += job->step;
    }
    return TRUE;
}

static gboolean
is_raw (PosadaDiskJob *job, const PosadaDisk *disk)
{
    return disk->kind == POSADA_DISK_DISK && disk->path && !disk->read_only &&
           disk->format == POSADA_FORMAT_RAW;
}

gboolean
posada_disk_job_convert_raw (PosadaDiskJob *job, GError **error)
{
    return convert_some (job, is_raw, error);
}

static gboolean
is_based (PosadaDiskJob *job, const PosadaDisk *disk)
{
    return disk->kind == POSADA_DISK_DISK && disk->path && disk->format == POSADA_FORMAT_QCOW2 &&
           disk->backing && *disk->backing &&
           (!job->format_name || g_strcmp0 (disk->target, job->format_name) == 0);
}

gboolean
posada_disk_job_make_independent (PosadaDiskJob *job, GError **error)
{
    /* .target changes from disk to disk. */
    g_set_str (&job->format_name, job->target);
    return convert_some (job, is_based, error);
}

gboolean
posada_disk_job_check (PosadaDiskJob *job, GError **error)
{
    unsigned index, flags = BLK_NO_BACKING | (job->flag ? BLK_FOR_REPAIR : BLK_READ_ONLY);
    g_autoptr (PosadaDisk) disk = find_image (job, &index, error);
    struct vmm_error from = {0};
    const struct blk_watch watch = {.progress = progress_cb, .data = job};
    struct blk_check check = {0};
    struct blk *blk;
    int r;

    if (!disk || (job->flag && !check_unshared (job, disk->path, error)) ||
        !open_image (disk, flags, &blk, error))
        return FALSE;
    expect (job, posada_disk_measure (disk->path));
    if (job->flag)
        job->step /= 2;
    r = blk_check_watched (blk, &watch, &check, &from);
    job->before = job->step;
    if (r == 0 && job->flag && (check.errors || check.leaks))
        r = blk_repair_watched (blk, &watch, &from);
    blk_close (blk);
    job->found = (check.leaks ? 1u : 0) | (check.errors ? 2u : 0) | (check.damaged ? 4u : 0);
    return r == 0 || posada_disk_fail_block (error, r, disk->path, from.message);
}

gboolean
posada_disk_job_set_medium (PosadaDiskJob *job, GError **error)
{
    unsigned index;
    g_autoptr (PosadaDisk) disk = find_disk (job, &index, error);

    if (!disk)
        return FALSE;
    g_set_str (&disk->path, job->path);
    disk->source = POSADA_SOURCE_FILE;
    disk->format = POSADA_FORMAT_RAW;
    return posada_definition_set_disk (job->definition, index, disk, error) && save (job, error);
}

/* --- all of it --- */

static gboolean
work (PosadaDiskJob *job, PosadaLock **lock, GError **error)
{
    g_autofree char *uuid = posada_definition_get_uuid (job->definition);

    if (job->store && job->is_task) {
        PosadaDefinition *definition;

        if (job->needs_lock && !(*lock = posada_store_lock (job->store, uuid, error)))
            return FALSE;
        definition = posada_store_load (job->store, uuid, error);
        if (!definition)
            return FALSE;
        g_object_unref (job->definition);
        job->definition = definition;
        if (*lock)
            posada_disk_remove_remains (job->folder);
    }
    return job->work (job, error);
}

void
posada_disk_job_run (PosadaDiskJob *job)
{
    g_autoptr (PosadaLock) lock = NULL;

    if (work (job, &lock, &job->error) ||
        g_error_matches (job->error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ||
        job->error->domain == POSADA_MACHINE_ERROR)
        return;
    /* The future's error is one of a machine, whatever it was before. */
    if (job->error->domain == POSADA_STORE_ERROR && job->error->code == POSADA_STORE_ERROR_BUSY)
        job->error->code = POSADA_MACHINE_ERROR_BUSY;
    else
        job->error->code = POSADA_MACHINE_ERROR_FAILED;
    job->error->domain = POSADA_MACHINE_ERROR;
}
