/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The copy is a file without a name (O_TMPFILE) until it is linked: whatever happens before, even
 * to this process, nothing is left behind. File systems that have no such files get a named one,
 * which is removed on every way out but a crash.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <linux/fs.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "block/block.h"
#include "machine/posada-disk-image.h"

#define PIECE (G_GUINT64_CONSTANT (8) << 20)

struct _PosadaDiskCopy {
    GObject parent_instance;

    char *path;
    char *folder;
    char *temporary; /* NULL: it has no name */
    int fd;
    guint64 left;                /* of room, in bytes, for others */
    _Atomic guint64 done, total; /* bytes */
};

G_DEFINE_FINAL_TYPE (PosadaDiskCopy, posada_disk_copy, G_TYPE_OBJECT)

struct job {
    PosadaDiskCopy *copy;
    GCancellable *cancellable;
    DexPromise *promise;
};

static gboolean
fail (PosadaDiskCopy *self, GError **error, int number)
{
    g_autofree char *name = g_path_get_basename (self->path);

    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (number),
                 _ ("“%s” could not be copied: %s."), name, g_strerror (number));
    return FALSE;
}

static gboolean
open_copy (PosadaDiskCopy *self, GError **error)
{
    if (g_mkdir_with_parents (self->folder, 0700) < 0)
        return fail (self, error, errno);
    self->fd = open (self->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (self->fd < 0) {
        self->temporary = g_build_filename (self->folder, ".copy-XXXXXX", NULL);
        self->fd = g_mkstemp_full (self->temporary, O_RDWR | O_CLOEXEC, 0600);
        if (self->fd < 0) {
            int number = errno;

            g_clear_pointer (&self->temporary, g_free);
            return fail (self, error, number);
        }
    }
    return TRUE;
}

static gboolean
copy_piece (PosadaDiskCopy *self, int from, off_t offset, gsize length, char *buffer)
{
    ssize_t n;

    do
        n = pread (from, buffer, length, offset);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t) length) {
        if (n >= 0)
            errno = EIO; /* somebody cuts it off */
        return FALSE;
    }
    for (gsize done = 0; done < length; done += (gsize) n) {
        n = pwrite (self->fd, buffer + done, length - done, offset + (off_t) done);
        if (n < 0 && errno == EINTR)
            n = 0;
        if (n < 0)
            return FALSE;
    }
    /* Written in passing, the last sync does not take minutes that nobody can cancel. */
    sync_file_range (self->fd, offset, (off_t) length, SYNC_FILE_RANGE_WRITE);
    return TRUE;
}

/* Up to the next hole, from @offset on; returns where that is, or -1. */
static off_t
copy_data (PosadaDiskCopy *self, int from, off_t offset, off_t end, char *buffer,
           GCancellable *cancellable, GError **error)
{
    while (offset < end) {
        gsize length = (gsize) MIN ((off_t) PIECE, end - offset);

        if (g_cancellable_set_error_if_cancelled (cancellable, error))
            return -1;
        if (!copy_piece (self, from, offset, length, buffer)) {
            fail (self, error, errno);
            return -1;
        }
        offset += (off_t) length;
        atomic_fetch_add (&self->done, length);
    }
    return offset;
}

static gboolean
copy_bytes (PosadaDiskCopy *self, int from, off_t size, GCancellable *cancellable, GError **error)
{
    g_autofree char *buffer = g_malloc (PIECE);
    off_t offset = 0;

    while (offset < size) {
        off_t data = lseek (from, offset, SEEK_DATA);
        off_t hole;

        if (data < 0 && errno == ENXIO)
            break;
        if (data < 0)
            data = offset;
        hole = lseek (from, data, SEEK_HOLE);
        if (hole < 0 || hole > size)
            hole = size;
        offset = copy_data (self, from, data, hole, buffer, cancellable, error);
        if (offset < 0)
            return FALSE;
    }
    return TRUE;
}

static guint64
size_of (const struct stat *stat)
{
    return MIN ((guint64) stat->st_blocks * 512, (guint64) stat->st_size);
}

/* Before minutes are spent on finding out. */
static gboolean
check_room (PosadaDiskCopy *self, GError **error)
{
    guint64 bytes = atomic_load (&self->total) + self->left;
    g_autofree char *name = g_path_get_basename (self->path), *has = NULL, *needs = NULL;
    struct statvfs status;
    guint64 room;

    if (fstatvfs (self->fd, &status) < 0)
        return TRUE; /* the writing will tell */
    room = (guint64) status.f_bavail * status.f_frsize;
    if (room >= bytes)
        return TRUE;
    has = g_format_size_full (room, G_FORMAT_SIZE_IEC_UNITS);
    needs = g_format_size_full (bytes, G_FORMAT_SIZE_IEC_UNITS);
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                 self->left ? _ ("Copies of “%s” and more take %s, but only %s are free: make room "
                                 "first.")
                            : _ ("A copy of “%s” takes %s, but only %s are free: make room first."),
                 name, needs, has);
    return FALSE;
}

gboolean
posada_disk_copy_run_now (PosadaDiskCopy *self, GCancellable *cancellable, GError **error)
{
    struct vmm_error from_error = {0};
    g_autofd int from = -1;
    struct blk *lock = NULL;
    struct stat stat;
    gboolean done;

    if (!posada_disk_image_check_unused (self->path, TRUE, error))
        return FALSE;
    /* Open for as long as it takes, it keeps writers away; what is no whole number of sectors, as
     * packed images are, no machine writes. */
    blk_open_raw (self->path, BLK_READ_ONLY, 0, NULL, &lock, &from_error);
    from = open (self->path, O_RDONLY | O_CLOEXEC);
    done = from >= 0 && fstat (from, &stat) == 0;
    if (!done)
        fail (self, error, errno);
    else
        done = open_copy (self, error);
    if (done) {
        atomic_store (&self->total, size_of (&stat));
        if (ioctl (self->fd, FICLONE, from) < 0) {
            done = check_room (self, error);
            done = done && (ftruncate (self->fd, stat.st_size) == 0 || fail (self, error, errno));
            done = done && copy_bytes (self, from, stat.st_size, cancellable, error);
        }
        done = done && (fsync (self->fd) == 0 || fail (self, error, errno));
    }
    blk_close (lock);
    return done;
}

static gpointer
thread_cb (gpointer data)
{
    struct job *job = data;
    GError *error = NULL;

    if (posada_disk_copy_run_now (job->copy, job->cancellable, &error))
        dex_promise_resolve_boolean (job->promise, TRUE);
    else
        dex_promise_reject (job->promise, error);
    g_object_unref (job->copy);
    g_clear_object (&job->cancellable);
    dex_unref (job->promise);
    g_free (job);
    return NULL;
}

static void
posada_disk_copy_finalize (GObject *object)
{
    PosadaDiskCopy *self = POSADA_DISK_COPY (object);

    if (self->temporary)
        g_unlink (self->temporary);
    g_clear_fd (&self->fd, NULL);
    g_free (self->temporary);
    g_free (self->path);
    g_free (self->folder);
    G_OBJECT_CLASS (posada_disk_copy_parent_class)->finalize (object);
}

static void
posada_disk_copy_class_init (PosadaDiskCopyClass *klass)
{
    G_OBJECT_CLASS (klass)->finalize = posada_disk_copy_finalize;
}

static void
posada_disk_copy_init (PosadaDiskCopy *self)
{
    self->fd = -1;
}

PosadaDiskCopy *
posada_disk_copy_new (const char *path, const char *folder)
{
    PosadaDiskCopy *self = g_object_new (POSADA_TYPE_DISK_COPY, NULL);

    self->path = g_strdup (path);
    self->folder = g_strdup (folder);
    return self;
}

void
posada_disk_copy_leave_room (PosadaDiskCopy *self, guint64 bytes)
{
    g_return_if_fail (POSADA_IS_DISK_COPY (self) && self->fd < 0);
    self->left = bytes;
}

guint64
posada_disk_copy_find_size (const char *path)
{
    struct stat status;

    return stat (path, &status) == 0 ? size_of (&status) : 0;
}

/* A thread of its own: the pool's few are for what is done soon. */
DexFuture *
posada_disk_copy_run (PosadaDiskCopy *self, GCancellable *cancellable)
{
    struct job *job;
    DexPromise *promise;

    g_return_val_if_fail (POSADA_IS_DISK_COPY (self) && self->fd < 0, NULL);

    promise = dex_promise_new ();
    job = g_new0 (struct job, 1);
    job->copy = g_object_ref (self);
    g_set_object (&job->cancellable, cancellable);
    job->promise = dex_ref (promise);
    g_thread_unref (g_thread_new ("disk-copy", thread_cb, job));
    return DEX_FUTURE (promise);
}

double
posada_disk_copy_get_progress (PosadaDiskCopy *self)
{
    guint64 done, total;

    g_return_val_if_fail (POSADA_IS_DISK_COPY (self), 0);

    done = atomic_load (&self->done);
    total = atomic_load (&self->total);
    return total ? MIN ((double) done / (double) total, 1) : 0;
}

gboolean
posada_disk_copy_link (PosadaDiskCopy *self, const char *path, GError **error)
{
    g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", self->fd);

    g_return_val_if_fail (POSADA_IS_DISK_COPY (self) && self->fd >= 0, FALSE);

    if (self->temporary ? g_rename (self->temporary, path) < 0
                        : linkat (AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0)
        return fail (self, error, errno);
    g_clear_pointer (&self->temporary, g_free);
    return TRUE;
}
