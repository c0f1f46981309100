/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/posada-file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void
posada_steps_take (const PosadaSteps *steps, const char *step)
{
    if (steps && steps->step)
        steps->step (step, steps->data);
}

gboolean
posada_file_fail (GError **error, int number, const char *path, const char *verb)
{
    g_autofree char *shown = g_filename_display_name (path);

    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (number), "%s cannot be %s: %s", shown,
                 verb, g_strerror (number));
    return FALSE;
}

char *
posada_file_read (const char *path, gsize max, gsize *ret_length, GError **error)
{
    g_autofd int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    g_autofree char *text = NULL;
    struct stat status;
    gsize length = 0;
    gssize n = 1;

    if (fd < 0 || fstat (fd, &status) < 0) {
        posada_file_fail (error, errno, path, "read");
        return NULL;
    }
    if (!S_ISREG (status.st_mode) || (guint64) status.st_size > max) {
        posada_file_fail (error, S_ISREG (status.st_mode) ? EFBIG : EINVAL, path, "read");
        return NULL;
    }
    /* A byte more than there should be, to see that it is not growing. */
    text = g_malloc ((gsize) status.st_size + 1);
    while (n > 0 && length <= (gsize) status.st_size) {
        n = read (fd, text + length, (gsize) status.st_size + 1 - length);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n > 0)
            length += (gsize) n;
    }
    if (n < 0 || length > (gsize) status.st_size) {
        posada_file_fail (error, n < 0 ? errno : EAGAIN, path, "read");
        return NULL;
    }
    text[length] = 0;
    *ret_length = length;
    return g_steal_pointer (&text);
}

static gboolean
write_all (int fd, const char *text, gsize length)
{
    while (length) {
        gssize n = write (fd, text, length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FALSE;
        text += n;
        length -= (gsize) n;
    }
    return TRUE;
}

gboolean
posada_file_write (const char *path, const char *text, const PosadaSteps *steps, GError **error)
{
    gsize length = strlen (text);
    g_autofd int fd = -1;

    posada_steps_take (steps, "create");
    fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return posada_file_fail (error, errno, path, "written");
    posada_steps_take (steps, "write");
    /* In two halves, so that a test can stop in between. */
    if (!write_all (fd, text, length / 2))
        return posada_file_fail (error, errno, path, "written");
    posada_steps_take (steps, "write more");
    if (!write_all (fd, text + length / 2, length - length / 2))
        return posada_file_fail (error, errno, path, "written");
    posada_steps_take (steps, "sync");
    if (fsync (fd) < 0)
        return posada_file_fail (error, errno, path, "written");
    return TRUE;
}

gboolean
posada_file_sync_folder (const char *folder, GError **error)
{
    g_autofd int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    /* Some file systems do not offer this, and are none the worse for it. */
    if (fd < 0 || (fsync (fd) < 0 && errno != EINVAL && errno != ENOTSUP))
        return posada_file_fail (error, errno, folder, "written");
    return TRUE;
}

gboolean
posada_file_rename (const char *temporary, const char *path, const PosadaSteps *steps,
                    GError **error)
{
    g_autofree char *from = g_path_get_dirname (temporary);
    g_autofree char *to = g_path_get_dirname (path);

    posada_steps_take (steps, "rename");
    if (rename (temporary, path) < 0)
        return posada_file_fail (error, errno, path, "written");
    posada_steps_take (steps, "sync folder");
    if (!posada_file_sync_folder (to, error))
        return FALSE;
    return g_str_equal (from, to) || posada_file_sync_folder (from, error);
}

gboolean
posada_file_make_folder (const char *path, GError **error)
{
    struct stat status;

    if (g_mkdir_with_parents (path, 0700) < 0)
        return posada_file_fail (error, errno, path, "made");
    /* Whoever made it before us. */
    if (stat (path, &status) == 0 && (status.st_mode & 0077) && status.st_uid == geteuid ())
        (void) chmod (path, 0700);
    return TRUE;
}

static int
remove_cb (const char *path, const struct stat *status, int type, struct FTW *place)
{
    return remove (path);
}

gboolean
posada_file_remove_tree (const char *path, GError **error)
{
    if (nftw (path, remove_cb, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0)
        return posada_file_fail (error, errno, path, "removed");
    return TRUE;
}
