/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Open file description locks: unlike the older kind they belong to the descriptor, so that two
 * stores in one process exclude each other, and another open and close of the file does not drop
 * them.
 */
#include "store/posada-lock.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/posada-file.h"
#include "store/posada-store-error.h"

struct _PosadaLock {
    int fd;
};

static pid_t
read_holder (int fd)
{
    char text[24] = "";
    gssize n = pread (fd, text, sizeof text - 1, 0);
    guint64 pid;

    if (n > 0 && text[n - 1] == '\n')
        text[n - 1] = 0;
    return g_ascii_string_to_unsigned (text, 10, 1, G_MAXINT32, &pid, NULL) ? (pid_t) pid : -1;
}

/* The name of the program that process runs, or NULL. */
static char *
get_program (pid_t pid)
{
    g_autofree char *path = g_strdup_printf ("/proc/%d/comm", (int) pid);
    char *name = NULL;

    return g_file_get_contents (path, &name, NULL, NULL) ? g_strchomp (name) : NULL;
}

static void
set_busy (GError **error, const char *what, pid_t holder)
{
    g_autofree char *program = holder > 0 ? get_program (holder) : NULL;
    g_autofree char *who =
        holder > 0 ? g_strdup_printf ("process %d", (int) holder) : g_strdup ("another process");

    g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_BUSY,
                 program ? "%s is in use by %s (%s); switch it off there first"
                         : "%s is in use by %s; switch it off there first",
                 what, who, program);
}

static void
write_holder (int fd)
{
    char text[24];
    int length = snprintf (text, sizeof text, "%d\n", (int) getpid ());

    /* Only for messages: a lock that nobody can say the holder of is one all the same. */
    if (ftruncate (fd, 0) == 0)
        (void) !pwrite (fd, text, (size_t) length, 0);
}

static int
open_lock (const char *path)
{
    return open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
}

/* Whether @path still leads to @fd: its folder may have been moved away before we had the lock. */
static gboolean
is_there (int fd, const char *path)
{
    struct stat held, named;

    return fstat (fd, &held) == 0 && stat (path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

static PosadaLock *
lock (const char *path, int command, const char *what, GError **error)
{
    for (;;) {
        struct flock request = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        g_autofd int fd = open_lock (path);
        PosadaLock *self;
        int r;

        if (fd < 0) {
            posada_file_fail (error, errno, path, "locked");
            return NULL;
        }
        do
            r = fcntl (fd, command, &request);
        while (r < 0 && errno == EINTR);
        if (r < 0 && (errno == EAGAIN || errno == EACCES)) {
            set_busy (error, what, read_holder (fd));
            return NULL;
        }
        if (r < 0) {
            posada_file_fail (error, errno, path, "locked");
            return NULL;
        }
        if (!is_there (fd, path))
            continue;
        write_holder (fd);
        self = g_new0 (PosadaLock, 1);
        self->fd = g_steal_fd (&fd);
        return self;
    }
}

PosadaLock *
posada_lock_try (const char *path, const char *what, GError **error)
{
    return lock (path, F_OFD_SETLK, what, error);
}

PosadaLock *
posada_lock_wait (const char *path, GError **error)
{
    return lock (path, F_OFD_SETLKW, path, error);
}

void
posada_lock_free (PosadaLock *self)
{
    if (!self)
        return;
    close (self->fd);
    g_free (self);
}

pid_t
posada_lock_get_holder (const char *path)
{
    struct flock request = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    g_autofd int fd = open (path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0 || fcntl (fd, F_OFD_GETLK, &request) < 0 || request.l_type == F_UNLCK)
        return 0;
    return read_holder (fd);
}

int
posada_lock_pass_on (PosadaLock *self)
{
    int flags = fcntl (self->fd, F_GETFD);

    if (flags >= 0)
        (void) fcntl (self->fd, F_SETFD, flags & ~FD_CLOEXEC);
    return self->fd;
}
