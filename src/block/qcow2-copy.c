/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/qcow2-copy.h"

#include <errno.h>
#include <stdlib.h>

#include "block/qcow2-build.h"

#define CHUNK_BYTES MIB

/* What a piece of the source is to its copy. */
enum piece {
    PIECE_NOTHING, /* not in the image that stays on what it is based on */
    PIECE_ZEROES,
    PIECE_DATA, /* or zeroes, who knows */
};

struct copy {
    struct qcow2 *from;
    const struct blk_conversion *wish;
    struct blk_file *to;
    struct qcow2_build build; /* of a qcow2 image */
    bool is_qcow2, keeps_base;
    uint64_t cluster_size; /* of the copy; of a raw one, what is a hole or not */
    unsigned char *buffer;
};

bool
qcow2_is_on_snapshot (const struct qcow2 *image)
{
    for (; image; image = image->backing.image)
        if (*image->header.backing_snapshot)
            return true;
    return false;
}

/* What @image begins with at @offset, and how far that goes at least. */
static int
find_piece (struct qcow2 *image, uint64_t offset, uint64_t length, bool alone,
            enum piece *ret_piece, uint64_t *ret_length)
{
    struct qcow2_mapping mapping;
    int r;

    for (;;) {
        pthread_mutex_lock (&image->lock);
        r = qcow2_map (image, offset, length, true, &mapping);
        pthread_mutex_unlock (&image->lock);
        if (r < 0)
            return r;
        length = mapping.length;
        if (mapping.kind != QCOW2_KIND_NONE || alone || qcow2_is_bottom (image, offset) ||
            !image->backing.image)
            break;
        image = image->backing.image;
    }
    *ret_length = length;
    if (mapping.kind == QCOW2_KIND_NONE && alone)
        *ret_piece = PIECE_NOTHING;
    else if (mapping.kind == QCOW2_KIND_ZERO || mapping.kind == QCOW2_KIND_ZERO_DATA ||
             (mapping.kind == QCOW2_KIND_NONE && qcow2_is_bottom (image, offset)))
        *ret_piece = PIECE_ZEROES;
    else
        *ret_piece = PIECE_DATA;
    return 0;
}

static bool
is_zero (const unsigned char *bytes, size_t length)
{
    return bytes[0] == 0 && memcmp (bytes, bytes + 1, length - 1) == 0;
}

/* A cluster of zeroes says so only where something else would show. */
static int
put_zeroes (struct copy *self, uint64_t offset)
{
    if (!self->keeps_base || qcow2_is_bottom (self->from, offset))
        return 0;
    return qcow2_build_put_zeroes (&self->build, offset / self->cluster_size);
}

static int
put (struct copy *self, uint64_t offset, const unsigned char *cluster)
{
    if (is_zero (cluster, self->cluster_size))
        return put_zeroes (self, offset);
    if (self->is_qcow2)
        return qcow2_build_put (&self->build, offset / self->cluster_size, cluster);
    return blk_file_write (self->to, offset, cluster,
                           MIN_OF (self->cluster_size, self->from->header.size - offset));
}

/* Copies @length bytes from @offset, which is on a cluster, as @length is unless the disk ends. */
static int
copy_data (struct copy *self, uint64_t offset, uint64_t length)
{
    struct iovec iov = {self->buffer, length};
    uint64_t whole = align_up (length, self->cluster_size);
    int r = qcow2_read (self->from, offset, length, &iov, 1, 0);

    memset (self->buffer + length, 0, whole - length);
    for (uint64_t at = 0; r == 0 && at < whole; at += self->cluster_size)
        r = put (self, offset + at, self->buffer + at);
    return r;
}

/* Copies what is at @offset; *ret_length is how much that was. */
static int
copy_piece (struct copy *self, uint64_t offset, uint64_t *ret_length)
{
    uint64_t left = self->from->header.size - offset, length;
    enum piece piece;
    int r = find_piece (self->from, offset, left, self->keeps_base, &piece, &length);

    if (r < 0)
        return r;
    /* What stays on its base has the clusters of the source, each of which is of one kind. A copy
     * of all may have others. */
    if (self->keeps_base || piece == PIECE_DATA)
        length = MIN_OF (align_up (length, self->cluster_size), left);
    else if (length < left) {
        length = align_down (length, self->cluster_size);
        if (length == 0) {
            length = MIN_OF (self->cluster_size, left);
            piece = PIECE_DATA;
        }
    }
    if (piece == PIECE_DATA)
        length = MIN_OF (length, MAX_OF (CHUNK_BYTES, self->cluster_size));
    *ret_length = length;
    if (piece == PIECE_DATA)
        return copy_data (self, offset, length);
    for (uint64_t at = 0; r == 0 && piece == PIECE_ZEROES && self->keeps_base && at < length;
         at += self->cluster_size)
        r = put_zeroes (self, offset + at);
    return r;
}

static int
copy_all (struct copy *self)
{
    const struct blk_conversion *wish = self->wish;
    uint64_t size = self->from->header.size, length = 0;
    int r = 0;

    for (uint64_t offset = 0; r == 0 && offset < size; offset += length) {
        if (wish->progress && !wish->progress (wish->data, 100.0 * (double) offset / (double) size))
            return -ECANCELED;
        r = copy_piece (self, offset, &length);
    }
    return r;
}

static int
copy_to_qcow2 (struct copy *self)
{
    const struct blk_conversion *wish = self->wish;
    const struct qcow2_header *source = &self->from->header;
    struct qcow2_header header = {
        .size = source->size,
        .cluster_bits = (unsigned) __builtin_ctzll (self->cluster_size),
        .compression = wish->zstd ? QCOW2_ZSTD : QCOW2_ZLIB,
    };
    int r;

    if (self->keeps_base) {
        memcpy (header.backing, source->backing, sizeof header.backing);
        memcpy (header.backing_format, source->backing_format, sizeof header.backing_format);
        memcpy (header.backing_snapshot, source->backing_snapshot, sizeof header.backing_snapshot);
    }
    r = qcow2_build_init (&self->build, self->to, &header, wish->compress || wish->zstd);
    if (r == 0)
        r = copy_all (self);
    if (r == 0)
        r = qcow2_build_finish (&self->build);
    qcow2_build_fini (&self->build);
    return r;
}

static int
copy_to_raw (struct copy *self)
{
    int r = self->to->ops->set_size (self->to, self->from->header.size);

    return r == 0 ? copy_all (self) : r;
}

int
qcow2_copy (struct qcow2 *from, const struct blk_conversion *wish, struct blk_file *to)
{
    struct copy self = {
        .from = from,
        .wish = wish,
        .to = to,
        .is_qcow2 = wish->to_format == BLK_FORMAT_QCOW2,
        .keeps_base = wish->keep_backing && *from->header.backing,
        .cluster_size = wish->cluster_size ? wish->cluster_size : 64 * KIB,
    };
    int r;

    if (self.keeps_base)
        self.cluster_size = from->cluster_size;
    self.buffer = malloc (MAX_OF (CHUNK_BYTES, self.cluster_size));
    if (!self.buffer)
        return -ENOMEM;
    r = self.is_qcow2 ? copy_to_qcow2 (&self) : copy_to_raw (&self);
    free (self.buffer);
    return r;
}
