/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "block/qcow2.h"

unsigned
qcow2_slice (const struct iovec *iov, unsigned n_iov, size_t at, size_t length,
             struct iovec *pieces)
{
    unsigned n = 0;

    for (unsigned i = 0; i < n_iov && length > 0; i++) {
        size_t part;

        if (at >= iov[i].iov_len) {
            at -= iov[i].iov_len;
            continue;
        }
        part = MIN_OF (length, iov[i].iov_len - at);
        pieces[n++] = (struct iovec) {(char *) iov[i].iov_base + at, part};
        length -= part;
        at = 0;
    }
    return n;
}

void
qcow2_zero_iov (const struct iovec *iov, unsigned n_iov, size_t at, size_t length)
{
    for (unsigned i = 0; i < n_iov && length > 0; i++) {
        size_t part;

        if (at >= iov[i].iov_len) {
            at -= iov[i].iov_len;
            continue;
        }
        part = MIN_OF (length, iov[i].iov_len - at);
        memset ((char *) iov[i].iov_base + at, 0, part);
        length -= part;
        at = 0;
    }
}

static void
copy_to_iov (const struct iovec *iov, unsigned n_iov, size_t at, const unsigned char *from,
             size_t length)
{
    for (unsigned i = 0; i < n_iov && length > 0; i++) {
        size_t part;

        if (at >= iov[i].iov_len) {
            at -= iov[i].iov_len;
            continue;
        }
        part = MIN_OF (length, iov[i].iov_len - at);
        memcpy ((char *) iov[i].iov_base + at, from, part);
        from += part;
        length -= part;
        at = 0;
    }
}

void
qcow2_compressed_range (const struct qcow2 *self, uint64_t entry, uint64_t *ret_offset,
                        uint64_t *ret_length)
{
    unsigned shift = 62 - (self->cluster_bits - 8);
    uint64_t sectors = (entry >> shift & ((UINT64_C (1) << (self->cluster_bits - 8)) - 1)) + 1;

    *ret_offset = entry & ((UINT64_C (1) << shift) - 1);
    *ret_length = sectors * 512 - (*ret_offset & 511);
}

/* With the lock: whether the cluster of @entry is at hand, and then copies from it. */
static bool
copy_inflated (struct qcow2 *self, uint64_t entry, uint64_t in_cluster, size_t length,
               const struct iovec *iov, unsigned n_iov, size_t at)
{
    if (!self->inflated || self->inflated_entry != entry)
        return false;
    copy_to_iov (iov, n_iov, at, self->inflated + in_cluster, length);
    return true;
}

static int
inflate_cluster (struct qcow2 *self, uint64_t entry, unsigned char *to)
{
    uint64_t offset, length;
    unsigned char *from;
    int r;

    qcow2_compressed_range (self, entry, &offset, &length);
    from = malloc (length); /* twice a cluster at most */
    if (!from)
        return -ENOMEM;
    r = blk_file_read (self->file, offset, from, length);
    if (r == 0)
        r = qcow2_inflate (self->header.compression, from, length, to, self->cluster_size);
    free (from);
    return r;
}

static int
read_compressed (struct qcow2 *self, uint64_t entry, uint64_t in_cluster, size_t length,
                 const struct iovec *iov, unsigned n_iov, size_t at)
{
    unsigned char *cluster, *before;
    bool done;
    int r;

    pthread_mutex_lock (&self->lock);
    done = copy_inflated (self, entry, in_cluster, length, iov, n_iov, at);
    pthread_mutex_unlock (&self->lock);
    if (done)
        return 0;
    cluster = malloc (self->cluster_size);
    if (!cluster)
        return -ENOMEM;
    r = inflate_cluster (self, entry, cluster);
    if (r < 0) {
        free (cluster);
        pthread_mutex_lock (&self->lock);
        if (r == -EIO)
            qcow2_damaged (self, "compressed data cannot be read, entry", entry);
        pthread_mutex_unlock (&self->lock);
        return r;
    }
    copy_to_iov (iov, n_iov, at, cluster + in_cluster, length);
    pthread_mutex_lock (&self->lock);
    before = self->inflated;
    self->inflated = cluster;
    self->inflated_entry = entry;
    pthread_mutex_unlock (&self->lock);
    free (before);
    return 0;
}

static int
read_file (struct blk_file *file, uint64_t offset, size_t length, const struct iovec *iov,
           unsigned n_iov, size_t at)
{
    AUTO_FREE struct iovec *pieces = malloc ((n_iov + 1) * sizeof *pieces);

    if (!pieces)
        return -ENOMEM;
    return file->ops->read (file, offset, pieces, qcow2_slice (iov, n_iov, at, length, pieces));
}

static int
read_backing (struct qcow2 *self, uint64_t offset, size_t length, const struct iovec *iov,
              unsigned n_iov, size_t at)
{
    struct qcow2_layer *layer = &self->backing;

    if (offset >= layer->size) {
        qcow2_zero_iov (iov, n_iov, at, length);
        return 0;
    }
    return layer->image ? qcow2_read (layer->image, offset, length, iov, n_iov, at)
                        : read_file (layer->raw, offset, length, iov, n_iov, at);
}

int
qcow2_read (struct qcow2 *self, uint64_t offset, uint64_t length, const struct iovec *iov,
            unsigned n_iov, size_t at)
{
    while (length > 0) {
        uint64_t in_cluster = offset & (self->cluster_size - 1);
        struct qcow2_mapping mapping;
        int r;

        pthread_mutex_lock (&self->lock);
        r = qcow2_map (self, offset, length, true, &mapping);
        pthread_mutex_unlock (&self->lock);
        if (r < 0)
            return r;
        switch (mapping.kind) {
        case QCOW2_KIND_NONE:
            r = read_backing (self, offset, mapping.length, iov, n_iov, at);
            break;
        case QCOW2_KIND_ZERO:
        case QCOW2_KIND_ZERO_DATA: qcow2_zero_iov (iov, n_iov, at, mapping.length); break;
        case QCOW2_KIND_DATA:
            r = read_file (self->file, mapping.host, mapping.length, iov, n_iov, at);
            break;
        case QCOW2_KIND_COMPRESSED:
            r = read_compressed (self, mapping.entry, in_cluster, mapping.length, iov, n_iov, at);
            break;
        }
        if (r < 0)
            return r;
        offset += mapping.length;
        at += mapping.length;
        length -= mapping.length;
    }
    return 0;
}
