/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "block/qcow2-change.h"
#include "block/raw.h"

#define LOOK_BYTES MIB

static bool
is_zero (const unsigned char *bytes, size_t length)
{
    return length == 0 || (bytes[0] == 0 && memcmp (bytes, bytes + 1, length - 1) == 0);
}

/* Whether all of the guest's bytes from @offset to @end are zeroes: 0, or -ENOTEMPTY. */
static int
look_for_data (struct qcow2 *self, uint64_t offset, uint64_t end)
{
    AUTO_FREE unsigned char *bytes = malloc (LOOK_BYTES);
    int r = bytes ? 0 : -ENOMEM;

    while (r == 0 && offset < end) {
        struct qcow2_mapping mapping;
        struct iovec iov = {bytes, LOOK_BYTES};

        pthread_mutex_lock (&self->lock);
        r = qcow2_map (self, offset, end - offset, true, &mapping);
        pthread_mutex_unlock (&self->lock);
        if (r < 0)
            return r;
        if (mapping.kind != QCOW2_KIND_ZERO && mapping.kind != QCOW2_KIND_ZERO_DATA &&
            !(mapping.kind == QCOW2_KIND_NONE && qcow2_is_bottom (self, offset))) {
            mapping.length = MIN_OF (mapping.length, LOOK_BYTES);
            r = qcow2_read (self, offset, mapping.length, &iov, 1, 0);
            if (r == 0 && !is_zero (bytes, mapping.length))
                r = -ENOTEMPTY;
        }
        offset += mapping.length;
    }
    return r;
}

/* Gives the image the header's new size, with an L1 table that covers it. */
static int
set_size (struct qcow2_change *change, uint64_t size)
{
    struct qcow2 *self = change->self;
    uint64_t needed = ((size - 1) >> (self->cluster_bits + self->l2_bits)) + 1;
    uint32_t n = (uint32_t) MAX_OF (needed, self->l1.n);
    AUTO_FREE uint64_t *l1 = NULL;
    int r;

    if (needed > QCOW2_MAX_L1_BYTES / 8)
        return -EFBIG;
    l1 = calloc (n, sizeof *l1);
    if (!l1)
        return -ENOMEM;
    memcpy (l1, self->l1.entries, UINT64_C (8) * self->l1.n);
    r = qcow2_change_add_range (change, self->l1.offset, UINT64_C (8) * self->l1.n, -1);
    if (r == 0)
        r = qcow2_tree_activate (change, l1, n);
    change->header.size = size;
    if (r == 0)
        r = qcow2_change_commit (change);
    if (r == 0)
        self->blk.info.size = size;
    return r;
}

/* Zeroes what shrinking cuts off or growing uncovers in the disk's last cluster. */
static int
clear_edge (struct qcow2 *self, uint64_t smaller, uint64_t larger)
{
    uint64_t end = MIN_OF (align_up (smaller, self->cluster_size), larger);

    return end > smaller ? qcow2_write_zeroes (self, smaller, end - smaller, true) : 0;
}

static int
resize (struct qcow2 *self, uint64_t size, struct vmm_error *error)
{
    uint64_t before = self->header.size;
    struct qcow2_change change;
    int r = 0;

    if (size < before) {
        r = look_for_data (self, size, before);
        if (r == 0)
            r = qcow2_write_zeroes (self, size, before - size, true);
        if (r == -ENOTEMPTY)
            return vmm_error_set (error, r,
                                  "%s cannot be made smaller: there are data behind its new end; "
                                  "shrink the file systems in the machine first",
                                  self->blk.path);
    } else if (self->backing.size > before) {
        return vmm_error_set (error, -ENOTSUP,
                              "%s cannot be made larger: what it is based on is larger already, "
                              "and its data would show",
                              self->blk.path);
    }
    if (r < 0)
        return vmm_error_set_errno (error, r, "%s cannot be given another size", self->blk.path);
    r = qcow2_change_begin (self, &change, error);
    if (r == 0) {
        r = set_size (&change, size);
        if (r == -EFBIG)
            vmm_error_set (error, r,
                           "%s cannot be that large with its clusters of %" PRIu64 " bytes",
                           self->blk.path, self->cluster_size);
        else if (r < 0)
            vmm_error_set_errno (error, r, "%s cannot be given another size", self->blk.path);
    }
    qcow2_change_end (&change);
    if (r == 0 && size > before) {
        r = clear_edge (self, before, size);
        if (r < 0)
            vmm_error_set_errno (error, r, "%s cannot be zeroed at its former end", self->blk.path);
    }
    return r;
}

static int
resize_raw (struct blk *blk, uint64_t size, struct vmm_error *error)
{
    struct raw *raw = CONTAINER_OF (blk, struct raw, blk);
    uint64_t before = blk->info.size;
    AUTO_FREE unsigned char *bytes = NULL;
    struct stat status;

    if (fstat (raw->fd, &status) < 0 || !S_ISREG (status.st_mode))
        return vmm_error_set (error, -ENOTSUP, "%s is a device, its size is not ours to change",
                              blk->path);
    bytes = malloc (LOOK_BYTES);
    if (!bytes)
        return vmm_error_set_errno (error, -ENOMEM, "%s cannot be given another size", blk->path);
    for (uint64_t at = size; at < before;) {
        off_t data = lseek (raw->fd, (off_t) at, SEEK_DATA);
        ssize_t n;

        if (data < 0)
            break;
        n = pread (raw->fd, bytes, LOOK_BYTES, data);
        if (n <= 0)
            return vmm_error_set_errno (error, n < 0 ? -errno : -EIO, "%s cannot be read",
                                        blk->path);
        if (!is_zero (bytes, (size_t) n))
            return vmm_error_set (error, -ENOTEMPTY,
                                  "%s cannot be made smaller: there are data behind its new end; "
                                  "shrink the file systems in the machine first",
                                  blk->path);
        at = (uint64_t) data + (uint64_t) n;
    }
    if (ftruncate (raw->fd, (off_t) size) < 0 || fdatasync (raw->fd) < 0)
        return vmm_error_set_errno (error, -errno, "%s cannot be given another size", blk->path);
    blk->info.size = size;
    return 0;
}

int
blk_resize (struct blk *blk, uint64_t size, struct vmm_error *error)
{
    struct qcow2 *self = qcow2_from_blk (blk);

    if (size == 0 || size % 512 || size > INT64_MAX)
        return vmm_error_set (error, -EINVAL,
                              "%s cannot be %" PRIu64
                              " bytes large: a disk's size is a multiple of 512, and not 0",
                              blk->path, size);
    if (blk->info.read_only)
        return vmm_error_set (error, -EROFS, "%s is open for reading only", blk->path);
    if (size == blk->info.size)
        return 0;
    if (!self && strcmp (blk->driver->name, "raw") == 0)
        return resize_raw (blk, size, error);
    return self ? resize (self, size, error)
                : vmm_error_set (error, -ENOTSUP, "%s has a size that cannot change", blk->path);
}
