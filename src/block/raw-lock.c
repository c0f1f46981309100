/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Locks are OFD locks (fcntl_locking(2)): they belong to the open file and so also work between two
 * users in one process. Our rule alone would be a read lock for readers and a write lock for
 * writers on the whole file. QEMU, which libvirt's machines run on, locks single bytes instead,
 * only ever with read locks, and then asks whether others hold the opposite ones (QEMU,
 * block/file-posix.c, RAW_LOCK_PERM_BASE and RAW_LOCK_SHARED_BASE; the permissions' bit numbers are
 * those of BLK_PERM_* in block/block-common.h):
 *
 *   byte 100 + N   somebody uses permission N     N = 0 consistent read, 1 write, 2 write
 * unchanged, byte 200 + N   somebody does not share N          3 resize
 *
 * So a writer here takes a write lock on everything, which no user of either kind survives. A
 * reader takes byte 0 against our writers, bytes 100, 201 and 203 as QEMU's readers do, and looks
 * for QEMU's writers at 101 and 103 and for one that wants to be alone at 200.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/util.h"
#include "block/raw.h"

static int
take_lock (int fd, short type, off_t start, off_t length)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};

    if (fcntl (fd, F_OFD_SETLK, &lock) == 0)
        return 0;
    return errno == EAGAIN || errno == EACCES ? -EBUSY : 1;
}

static bool
is_locked (int fd, off_t byte)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

    return fcntl (fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

int
raw_lock (int fd, bool read_only)
{
    static const off_t taken[] = {0, 100, 201, 203}, watched[] = {101, 103, 200};
    int r;

    if (!read_only)
        return take_lock (fd, F_WRLCK, 0, 0);
    for (size_t i = 0; i < ARRAY_LENGTH (taken); i++) {
        r = take_lock (fd, F_RDLCK, taken[i], 1);
        if (r != 0)
            return r;
    }
    for (size_t i = 0; i < ARRAY_LENGTH (watched); i++) {
        if (is_locked (fd, watched[i]))
            return -EBUSY;
    }
    return 0;
}
