/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block/image.h"
#include "machine/posada-disk-image.h"

#include "tap.h"

struct place {
    char *folder, *source, *copies, *target;
};

static struct place
place_new (void)
{
    struct place self = {.folder = g_dir_make_tmp ("posada-disk-XXXXXX", NULL)};

    self.source = g_build_filename (self.folder, "source.img", NULL);
    self.copies = g_build_filename (self.folder, "copies", NULL);
    self.target = g_build_filename (self.copies, "disk.img", NULL);
    return self;
}

/* How many files are where the copies go. */
static guint
count (const struct place *self)
{
    g_autoptr (GDir) dir = g_dir_open (self->copies, 0, NULL);
    guint n = 0;

    while (dir && g_dir_read_name (dir))
        n++;
    return n;
}

static void
place_free (struct place *self)
{
    g_unlink (self->target);
    CHECK_EQUAL (count (self), 0);
    g_rmdir (self->copies);
    g_unlink (self->source);
    CHECK_EQUAL (g_rmdir (self->folder), 0);
    g_free (self->folder);
    g_free (self->source);
    g_free (self->copies);
    g_free (self->target);
}

/* Sparse: a piece at the start, one behind a gap, and nothing at the end. */
static void
write_source (const struct place *self, guint64 size, guint64 gap)
{
    int fd = g_open (self->source, O_RDWR | O_CREAT | O_TRUNC, 0600);
    g_autofree char *piece = g_malloc (MIB);

    CHECK (fd >= 0);
    memset (piece, 0x5a, MIB);
    CHECK_EQUAL (pwrite (fd, piece, MIB, 0), MIB);
    memset (piece, 0xa5, MIB);
    CHECK_EQUAL (pwrite (fd, piece, MIB, (off_t) gap), MIB);
    CHECK_EQUAL (ftruncate (fd, (off_t) size), 0);
    close (fd);
}

static gboolean
settle (DexFuture *future, GError **error)
{
    gboolean done;

    while (dex_future_is_pending (future))
        g_usleep (1000);
    done = dex_future_get_value (future, error) != NULL;
    dex_unref (future);
    return done;
}

TEST (new_image_takes_no_space_and_is_private)
{
    struct place place = place_new ();
    struct stat stat_buffer;

    CHECK (posada_disk_image_create (place.source, POSADA_FORMAT_RAW, 64 * MIB, NULL));
    CHECK_EQUAL (stat (place.source, &stat_buffer), 0);
    CHECK_EQUAL (stat_buffer.st_size, 64 * MIB);
    CHECK (stat_buffer.st_blocks < 64);
    CHECK_EQUAL (stat_buffer.st_mode & 0777, 0600);
    place_free (&place);
}

TEST (new_qcow2_image_opens_and_is_of_its_size)
{
    struct place place = place_new ();
    const struct blk_source source = {.path = place.source, .format = BLK_FORMAT_QCOW2};
    g_autoptr (GError) error = NULL;
    struct stat stat_buffer;
    struct blk *blk;

    CHECK (posada_disk_image_create (place.source, POSADA_FORMAT_QCOW2, 20480 * MIB, NULL));
    CHECK_EQUAL (stat (place.source, &stat_buffer), 0);
    CHECK (stat_buffer.st_blocks * 512 < 4 * (off_t) MIB);
    CHECK_EQUAL (blk_open (&source, NULL, &blk, NULL), 0);
    CHECK_EQUAL (blk_get_info (blk)->size, 20480 * MIB);
    blk_close (blk);
    CHECK (!posada_disk_image_create (place.source, POSADA_FORMAT_QCOW2, 64 * MIB, &error));
    CHECK (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_EXISTS));
    place_free (&place);
}

TEST (new_image_replaces_nothing)
{
    struct place place = place_new ();
    g_autoptr (GError) error = NULL;

    CHECK (g_file_set_contents (place.source, "mine", -1, NULL));
    CHECK (!posada_disk_image_create (place.source, POSADA_FORMAT_RAW, 64 * MIB, &error));
    CHECK (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_EXISTS));
    CHECK_CONTAINS (error->message, "source.img");
    place_free (&place);
}

TEST (copy_is_equal_and_as_sparse)
{
    struct place place = place_new ();
    g_autoptr (PosadaDiskCopy) copy = NULL;
    g_autofree char *command = NULL;
    struct stat stat_buffer;
    int status = -1;

    write_source (&place, 200 * MIB, 100 * MIB);
    copy = posada_disk_copy_new (place.source, place.copies);
    CHECK (settle (posada_disk_copy_run (copy, NULL), NULL));
    CHECK_EQUAL (count (&place), 0);
    CHECK (posada_disk_copy_get_progress (copy) > 0.99);
    CHECK (posada_disk_copy_link (copy, place.target, NULL));
    CHECK_EQUAL (stat (place.target, &stat_buffer), 0);
    CHECK (stat_buffer.st_blocks * 512 < 8 * (off_t) MIB);
    command = g_strdup_printf ("cmp %s %s", place.source, place.target);
    CHECK (g_spawn_command_line_sync (command, NULL, NULL, &status, NULL));
    CHECK_EQUAL (status, 0);
    place_free (&place);
}

TEST (cancelled_copy_leaves_nothing)
{
    struct place place = place_new ();
    g_autoptr (PosadaDiskCopy) copy = NULL;
    g_autoptr (GCancellable) cancellable = g_cancellable_new ();
    g_autoptr (GError) error = NULL;

    write_source (&place, 2 * MIB, MIB);
    copy = posada_disk_copy_new (place.source, place.copies);
    g_cancellable_cancel (cancellable);
    CHECK (!settle (posada_disk_copy_run (copy, cancellable), &error));
    CHECK (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
    CHECK_EQUAL (count (&place), 0);
    place_free (&place);
}

TEST (image_in_use_is_not_copied)
{
    struct place place = place_new ();
    g_autoptr (PosadaDiskCopy) copy = NULL;
    g_autoptr (GError) error = NULL;
    struct blk *user;

    write_source (&place, 2 * MIB, MIB);
    CHECK_EQUAL (blk_open_raw (place.source, 0, 0, NULL, &user, NULL), 0);
    copy = posada_disk_copy_new (place.source, place.copies);
    CHECK (!settle (posada_disk_copy_run (copy, NULL), &error));
    CHECK (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BUSY));
    CHECK_CONTAINS (error->message, "source.img");
    blk_close (user);
    CHECK (posada_disk_image_check_unused (place.source, FALSE, NULL));
    place_free (&place);
}

/* Whether the file system lets files share their bytes. */
static gboolean
can_share (struct place *place)
{
    g_autofree char *path = g_build_filename (place->folder, "shared", NULL);
    g_autofd int from = open (place->source, O_RDONLY | O_CLOEXEC);
    g_autofd int to = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    gboolean shares = ioctl (to, FICLONE, from) == 0;

    g_unlink (path);
    return shares;
}

TEST (copies_that_do_not_fit_together_do_not_begin)
{
    struct place place = place_new ();
    g_autoptr (PosadaDiskCopy) copy = NULL;
    g_autoptr (GError) error = NULL;

    write_source (&place, 2 * MIB, MIB);
    CHECK (posada_disk_copy_find_size (place.source) >= MIB);
    CHECK (posada_disk_copy_find_size (place.source) <= 2 * MIB);
    copy = posada_disk_copy_new (place.source, place.copies);
    posada_disk_copy_leave_room (copy, G_GUINT64_CONSTANT (1) << 60);
    if (can_share (&place))
        CHECK (settle (posada_disk_copy_run (copy, NULL), NULL));
    else {
        CHECK (!settle (posada_disk_copy_run (copy, NULL), &error));
        CHECK (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE));
        CHECK_CONTAINS (error->message, "source.img");
        CHECK_EQUAL (posada_disk_copy_get_progress (copy) * 100, 0);
    }
    place_free (&place);
}

TEST (missing_image_is_named)
{
    struct place place = place_new ();
    g_autoptr (PosadaDiskCopy) copy = posada_disk_copy_new (place.source, place.copies);
    g_autoptr (GError) error = NULL;

    CHECK (!settle (posada_disk_copy_run (copy, NULL), &error));
    CHECK_CONTAINS (error->message, "source.img");
    place_free (&place);
}

int
main (int argc, char **argv)
{
    dex_init ();
    return tap_main (argc, argv);
}
