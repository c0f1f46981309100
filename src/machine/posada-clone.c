/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What may take long, copying, is done first, into files without names; the new machine's folder is
 * filled under the store's lock then, and appears when it is complete.
 *
 * Why writing the original cannot harm what is based on it: an overlay is based on an internal
 * snapshot of the original's image (block/image.h, backing_snapshot), whose clusters the driver
 * copies before it writes them, and which snapshot_delete () refuses to delete while there is a
 * machine that is based on it. A raw image is shared with the snapshot's own file, block by block.
 */
#include "machine/posada-clone.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "block/image.h"
#include "machine/posada-disk-image.h"
#include "snapshot/snapshot.h"
#include "store/posada-store-error.h"

#define SAVED "saved" /* the folder that a machine is saved to, beside its snapshots */

struct _PosadaClone {
    GObject parent_instance;

    PosadaStore *store;
    char *uuid, *snapshot, *name;
    PosadaCloneKind kind;
    char *snapshots; /* the original's folder of them */

    PosadaDefinition *from, *to;
    GCancellable *cancellable; /* of the one who runs it; may be NULL */
    GPtrArray *copies;         /* PosadaDiskCopy, of full clones */
    _Atomic guint done;        /* of these */
    _Atomic guint total;
    GMutex mutex;            /* guards the next */
    PosadaDiskCopy *present; /* the one under way */
};

G_DEFINE_FINAL_TYPE (PosadaClone, posada_clone, G_TYPE_OBJECT)

static void
posada_clone_finalize (GObject *object)
{
    PosadaClone *self = POSADA_CLONE (object);

    g_clear_object (&self->store);
    g_clear_object (&self->from);
    g_clear_object (&self->to);
    g_clear_object (&self->present);
    g_ptr_array_unref (self->copies);
    g_mutex_clear (&self->mutex);
    g_free (self->uuid);
    g_free (self->snapshot);
    g_free (self->name);
    g_free (self->snapshots);
    G_OBJECT_CLASS (posada_clone_parent_class)->finalize (object);
}

static void
posada_clone_class_init (PosadaCloneClass *klass)
{
    G_OBJECT_CLASS (klass)->finalize = posada_clone_finalize;
}

static void
posada_clone_init (PosadaClone *self)
{
    self->copies = g_ptr_array_new_with_free_func (g_object_unref);
    g_mutex_init (&self->mutex);
}

PosadaClone *
posada_clone_new (PosadaStore *store, const char *uuid, PosadaCloneKind kind, const char *snapshot,
                  const char *name)
{
    PosadaClone *self = g_object_new (POSADA_TYPE_CLONE, NULL);
    g_autofree char *folder = posada_store_get_machine_folder (store, uuid);

    self->store = g_object_ref (store);
    self->uuid = g_strdup (uuid);
    self->kind = kind;
    self->snapshot = g_strdup (snapshot);
    self->name = g_strdup (name);
    self->snapshots = g_build_filename (folder, "snapshots", NULL);
    return self;
}

static gboolean
fail (GError **error, const struct vmm_error *from)
{
    g_set_error_literal (error, G_IO_ERROR,
                         from->code == -ENOSPC      ? G_IO_ERROR_NO_SPACE
                         : from->code == -ECANCELED ? G_IO_ERROR_CANCELLED
                                                    : G_IO_ERROR_FAILED,
                         from->message);
    return FALSE;
}

/* Disks that a machine writes are its own; the others are shared with the original. */
static gboolean
is_own (const PosadaDisk *disk)
{
    return disk->kind == POSADA_DISK_DISK && disk->path && !disk->read_only;
}

static char *
file_name (unsigned index, gboolean qcow2)
{
    return g_strdup_printf ("disk-%u.%s", index, qcow2 ? "qcow2" : "raw");
}

/* The same machine but for what makes it another. */
static gboolean
make_definition (PosadaClone *self, GError **error)
{
    g_autofree char *uuid = g_uuid_string_random (), *old = NULL, *wish = NULL;

    self->to = posada_definition_copy (self->from);
    if (!self->name) {
        old = posada_definition_get_name (self->from);
        wish = g_strdup_printf (
            self->kind == POSADA_CLONE_COPY ? _ ("Copy of %s") : _ ("Clone of %s"), old);
        self->name = posada_store_free_name (self->store, wish, error);
    }
    if (!self->name || !posada_definition_set_name (self->to, self->name, error) ||
        !posada_definition_set_uuid (self->to, uuid, error) ||
        !posada_definition_set_created (self->to, g_get_real_time () / G_USEC_PER_SEC, error))
        return FALSE;
    posada_definition_renew_macs (self->to);
    posada_definition_set_role (self->to, self->kind == POSADA_CLONE_COPY ? POSADA_ROLE_COPY
                                                                          : POSADA_ROLE_MACHINE);
    /* A full clone of what is based on something is based on that, too. */
    return !self->snapshot ||
           posada_definition_set_origin (self->to, self->uuid, self->snapshot, error);
}

/* Where the disk will be, in the definition. */
static gboolean
place_disk (PosadaClone *self, unsigned index, const PosadaDisk *disk, GError **error)
{
    g_autofree char *uuid = posada_definition_get_uuid (self->to);
    g_autofree char *folder = posada_store_get_machine_folder (self->store, uuid);
    gboolean qcow2 = disk->format == POSADA_FORMAT_QCOW2;
    g_autofree char *name = file_name (index, qcow2);
    g_autofree char *path = g_build_filename (folder, name, NULL);

    if (disk->source != POSADA_SOURCE_FILE || disk->format == POSADA_FORMAT_OTHER) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     _ ("Disk “%s” is no image of a kind that can be copied: convert it first."),
                     disk->target);
        return FALSE;
    }
    return self->kind != POSADA_CLONE_FULL && qcow2
               ? posada_definition_put_overlay (self->to, index, path, error)
               : posada_definition_move_disk (self->to, index, path, error);
}

static gboolean
place_disks (PosadaClone *self, GError **error)
{
    for (unsigned i = 0; i < posada_definition_get_n_disks (self->from); i++) {
        g_autoptr (PosadaDisk) disk = posada_definition_get_disk (self->from, i);

        if (is_own (disk) && !place_disk (self, i, disk, error))
            return FALSE;
    }
    return TRUE;
}

/* --- full clones --- */

static void
set_present (PosadaClone *self, PosadaDiskCopy *copy)
{
    g_mutex_lock (&self->mutex);
    g_set_object (&self->present, copy);
    g_mutex_unlock (&self->mutex);
}

/* A name that is relative to the image's folder leads elsewhere in another one. */
static gboolean
check_backing (const PosadaDisk *disk, GError **error)
{
    const struct blk_source source = {
        .path = disk->path, .format = BLK_FORMAT_QCOW2, .flags = BLK_READ_ONLY | BLK_NO_BACKING};
    struct blk_description description;
    struct vmm_error from = {0};
    struct blk *blk;

    if (disk->format != POSADA_FORMAT_QCOW2)
        return TRUE;
    if (blk_open (&source, NULL, &blk, &from) < 0)
        return fail (error, &from);
    blk_describe (blk, &description);
    blk_close (blk);
    if (!*description.backing || g_path_is_absolute (description.backing))
        return TRUE;
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                 _ ("%s is based on a file in its own folder, “%s”: convert it first."), disk->path,
                 description.backing);
    return FALSE;
}

static gboolean
copy_disks (PosadaClone *self, GCancellable *cancellable, GError **error)
{
    unsigned n = posada_definition_get_n_disks (self->from);
    guint64 left = 0;
    guint total = 0;

    for (unsigned i = 0; i < n; i++) {
        g_autoptr (PosadaDisk) disk = posada_definition_get_disk (self->from, i);

        if (!is_own (disk))
            continue;
        if (!check_backing (disk, error))
            return FALSE;
        left += posada_disk_copy_find_size (disk->path);
        total++;
    }
    atomic_store (&self->total, total);
    for (unsigned i = 0; i < n; i++) {
        g_autoptr (PosadaDisk) disk = posada_definition_get_disk (self->from, i);
        g_autoptr (PosadaDiskCopy) copy = NULL;

        if (!is_own (disk))
            continue;
        copy = posada_disk_copy_new (disk->path, posada_store_get_folder (self->store));
        left -= MIN (left, posada_disk_copy_find_size (disk->path));
        posada_disk_copy_leave_room (copy, left);
        set_present (self, copy);
        if (!posada_disk_copy_run_now (copy, cancellable, error))
            return FALSE;
        set_present (self, NULL);
        atomic_fetch_add (&self->done, 1);
        g_ptr_array_add (self->copies, g_steal_pointer (&copy));
    }
    return TRUE;
}

/* The snapshots inside are the original's. */
static gboolean
drop_snapshots (const char *path, GError **error)
{
    const struct blk_source source = {
        .path = path, .format = BLK_FORMAT_QCOW2, .flags = BLK_FOR_REPAIR | BLK_NO_BACKING};
    g_autofree struct blk_snapshot *list = NULL;
    struct vmm_error from = {0};
    struct blk *blk;
    size_t n = 0;
    int r = blk_open (&source, NULL, &blk, &from);

    if (r < 0)
        return fail (error, &from);
    r = blk_snapshot_list (blk, false, &list, &n, &from);
    for (size_t i = 0; i < n && r == 0; i++)
        r = blk_snapshot_delete (blk, list[i].id, &from);
    blk_close (blk);
    return r == 0 || fail (error, &from);
}

static gboolean
link_disk (PosadaClone *self, const PosadaDisk *disk, guint *n, const char *path, GError **error)
{
    return posada_disk_copy_link (g_ptr_array_index (self->copies, (*n)++), path, error) &&
           (disk->format != POSADA_FORMAT_QCOW2 || drop_snapshots (path, error));
}

/* --- overlays --- */

static gboolean
make_overlay (PosadaClone *self, const PosadaDisk *disk, const char *path, GError **error)
{
    static const char *const none[] = {NULL};
    g_autofree char *real = realpath (disk->path, NULL);
    const struct blk_source source = {
        .path = disk->path,
        .format = BLK_FORMAT_QCOW2,
        .allow_backing = blk_allow_listed,
        .data = disk->backing ? (void *) disk->backing : (void *) none,
        .snapshot = self->snapshot,
    };
    struct blk_description description;
    struct blk_qcow2_options options;
    struct vmm_error from = {0};
    struct blk *blk;

    if (blk_open (&source, NULL, &blk, &from) < 0)
        return fail (error, &from);
    blk_describe (blk, &description);
    blk_close (blk);
    options = (struct blk_qcow2_options) {
        .size = description.size,
        .cluster_size = description.cluster_size,
        .backing = real ? real : disk->path,
        .backing_format = BLK_FORMAT_QCOW2,
        .backing_snapshot = self->snapshot,
    };
    return blk_create_qcow2 (path, &options, &from) == 0 || fail (error, &from);
}

static gboolean
share_raw (PosadaClone *self, unsigned number, const char *path, GError **error)
{
    g_autofree char *name = g_strdup_printf ("disk-%u", number);
    g_autofree char *file = g_build_filename (self->snapshots, self->snapshot, name, NULL);
    g_autofree char *folder = g_path_get_dirname (path);
    g_autoptr (PosadaDiskCopy) copy = posada_disk_copy_new (file, folder);

    /* Shares its blocks, as the snapshot did with the disk. */
    return posada_disk_copy_run_now (copy, NULL, error) &&
           posada_disk_copy_link (copy, path, error);
}

/* --- the folder --- */

static gboolean
fill_disks (PosadaClone *self, const char *folder, GError **error)
{
    unsigned number = 0;
    guint n = 0;

    for (unsigned i = 0; i < posada_definition_get_n_disks (self->from); i++) {
        g_autoptr (PosadaDisk) disk = posada_definition_get_disk (self->from, i);
        gboolean qcow2 = disk->format == POSADA_FORMAT_QCOW2;
        g_autofree char *name = file_name (i, qcow2);
        g_autofree char *path = g_build_filename (folder, name, NULL);
        gboolean done;

        if (!is_own (disk))
            continue;
        if (self->kind == POSADA_CLONE_FULL)
            done = link_disk (self, disk, &n, path, error);
        else
            done = qcow2 ? make_overlay (self, disk, path, error)
                         : share_raw (self, number, path, error);
        if (!done)
            return FALSE;
        number++;
    }
    return TRUE;
}

/* From where the new machine goes on; NULL: it boots. */
static char *
find_state (PosadaClone *self)
{
    g_autofree char *path = g_build_filename (
        self->snapshots, self->kind == POSADA_CLONE_COPY ? self->snapshot : SAVED, NULL);
    g_autofree char *ram = g_build_filename (path, "ram", NULL);

    return g_file_test (ram, G_FILE_TEST_EXISTS) ? g_steal_pointer (&path) : NULL;
}

static gboolean
fill_state (PosadaClone *self, const char *folder, GError **error)
{
    g_autofree char *state = find_state (self);
    g_autofree char *snapshots = g_build_filename (folder, "snapshots", NULL);
    g_autofree char *saved = g_build_filename (snapshots, SAVED, NULL);
    struct vmm_error from = {0};

    if (!state)
        return TRUE;
    if (g_mkdir_with_parents (snapshots, 0700) < 0) {
        vmm_error_set_errno (&from, -errno, "%s cannot be made", snapshots);
        return fail (error, &from);
    }
    return snapshot_link (state, saved, &from) == 0 || fail (error, &from);
}

/* The folder of snapshots of the machine that @self->to is based on. */
static char *
get_pinned (PosadaClone *self, char **ret_id)
{
    g_autofree char *origin = posada_definition_get_origin (self->to, ret_id);
    g_autofree char *folder = origin ? posada_store_get_machine_folder (self->store, origin) : NULL;

    return folder ? g_build_filename (folder, "snapshots", NULL) : NULL;
}

static gboolean
fill_cb (const char *folder, gpointer data, GError **error)
{
    PosadaClone *self = data;
    g_autofree char *id = NULL, *pinned = get_pinned (self, &id);
    g_autofree char *uuid = posada_definition_get_uuid (self->to);
    struct vmm_error from = {0};

    /* The store may have been somebody else's for a while. */
    if (g_cancellable_set_error_if_cancelled (self->cancellable, error))
        return FALSE;
    if (pinned && snapshot_pin (pinned, id, uuid, self->name, &from) < 0)
        return fail (error, &from);
    if (fill_disks (self, folder, error) && fill_state (self, folder, error))
        return TRUE;
    if (pinned)
        snapshot_unpin (pinned, id, uuid);
    return FALSE;
}

/* --- the whole --- */

/* The original's disks as snapshots want them; valid as long as @owned, which gets them. */
static GArray *
list_disks (PosadaClone *self, GPtrArray *owned)
{
    GArray *disks = g_array_new (TRUE, TRUE, sizeof (struct snapshot_disk));

    for (unsigned i = 0; i < posada_definition_get_n_disks (self->from); i++) {
        PosadaDisk *disk = posada_definition_get_disk (self->from, i);
        const struct snapshot_disk wanted = {
            .path = disk->path,
            .is_raw = disk->format == POSADA_FORMAT_RAW,
            .backing = (const char *const *) disk->backing,
        };

        g_ptr_array_add (owned, disk);
        if (is_own (disk))
            g_array_append_val (disks, wanted);
    }
    return disks;
}

/* Gives the original the snapshot that a linked clone is based on. */
static gboolean
take_base (PosadaClone *self, GError **error)
{
    g_autoptr (GPtrArray) owned =
        g_ptr_array_new_with_free_func ((GDestroyNotify) posada_disk_free);
    g_autoptr (GArray) disks = list_disks (self, owned);
    g_autofree char *shorter =
        g_utf8_substring (self->name, 0, MIN (40, g_utf8_strlen (self->name, -1)));
    g_autofree char *name = g_strdup_printf (_ ("Base of “%s”"), shorter);
    const struct snapshot_wish wish = {
        .folder = self->snapshots,
        .name = name,
        .disks = (const struct snapshot_disk *) (void *) disks->data,
        .n_disks = disks->len,
    };
    struct snapshot_info info;
    struct vmm_error from = {0};

    if (snapshot_take_off (&wish, &info, &from) < 0)
        return fail (error, &from);
    self->snapshot = g_strdup (info.id);
    return TRUE;
}

static void
forget_base (PosadaClone *self)
{
    g_autoptr (GPtrArray) owned =
        g_ptr_array_new_with_free_func ((GDestroyNotify) posada_disk_free);
    g_autoptr (GArray) disks = list_disks (self, owned);

    snapshot_delete (self->snapshots, self->snapshot, NULL,
                     (const struct snapshot_disk *) (void *) disks->data, disks->len, NULL);
}

static gboolean
check_snapshot (PosadaClone *self, GError **error)
{
    struct snapshot_info info;
    struct vmm_error from = {0};

    if (!self->snapshot) {
        g_autofree struct snapshot_info *infos = NULL;
        char current[SNAPSHOT_ID_LENGTH + 1];
        size_t n;

        if (snapshot_list (self->snapshots, &infos, &n, current, &from) < 0)
            return fail (error, &from);
        self->snapshot = g_strdup (current);
    }
    if (snapshot_find (self->snapshots, self->snapshot, &info, &from) < 0)
        return fail (error, &from);
    if (!info.damaged)
        return TRUE;
    vmm_error_set (&from, -EPROTO, "the snapshot “%s” is damaged: delete it", info.id);
    return fail (error, &from);
}

static gboolean
make (PosadaClone *self, GCancellable *cancellable, GError **error)
{
    if (self->kind == POSADA_CLONE_COPY && !check_snapshot (self, error))
        return FALSE;
    if (!make_definition (self, error))
        return FALSE;
    if (self->kind == POSADA_CLONE_FULL && !copy_disks (self, cancellable, error))
        return FALSE;
    if (self->kind == POSADA_CLONE_LINKED &&
        (!take_base (self, error) ||
         !posada_definition_set_origin (self->to, self->uuid, self->snapshot, error)))
        return FALSE;
    self->cancellable = cancellable;
    return place_disks (self, error) &&
           posada_store_create (self->store, self->to, fill_cb, self, error);
}

char *
posada_clone_run_now (PosadaClone *self, GCancellable *cancellable, GError **error)
{
    g_autoptr (PosadaLock) lock = NULL;

    g_return_val_if_fail (POSADA_IS_CLONE (self) && !self->from, NULL);

    self->from = posada_store_load (self->store, self->uuid, error);
    if (!self->from)
        return NULL;
    /* A copy reads nothing that changes. */
    if (self->kind != POSADA_CLONE_COPY) {
        lock = posada_store_lock (self->store, self->uuid, error);
        if (!lock)
            return NULL;
    }
    if (make (self, cancellable, error))
        return posada_definition_get_uuid (self->to);
    if (self->kind == POSADA_CLONE_LINKED && self->snapshot)
        forget_base (self);
    return NULL;
}

struct job {
    PosadaClone *clone;
    GCancellable *cancellable;
    DexPromise *promise;
};

static gpointer
thread_cb (gpointer data)
{
    struct job *job = data;
    GError *error = NULL;
    char *uuid = posada_clone_run_now (job->clone, job->cancellable, &error);

    if (uuid)
        dex_promise_resolve_string (job->promise, uuid);
    else
        dex_promise_reject (job->promise, error);
    g_object_unref (job->clone);
    g_clear_object (&job->cancellable);
    dex_unref (job->promise);
    g_free (job);
    return NULL;
}

DexFuture *
posada_clone_run (PosadaClone *self, GCancellable *cancellable)
{
    DexPromise *promise = dex_promise_new ();
    struct job *job = g_new0 (struct job, 1);

    job->clone = g_object_ref (self);
    g_set_object (&job->cancellable, cancellable);
    job->promise = dex_ref (promise);
    g_thread_unref (g_thread_new ("posada-clone", thread_cb, job));
    return DEX_FUTURE (promise);
}

double
posada_clone_get_progress (PosadaClone *self)
{
    guint done, total;
    double part;

    g_return_val_if_fail (POSADA_IS_CLONE (self), 0);

    g_mutex_lock (&self->mutex);
    part = self->present ? posada_disk_copy_get_progress (self->present) : 0;
    g_mutex_unlock (&self->mutex);
    done = atomic_load (&self->done);
    total = atomic_load (&self->total);
    return total ? MIN ((done + part) / total, 1) : 0;
}
