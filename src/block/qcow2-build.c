/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/qcow2-build.h"

#include <errno.h>
#include <stdlib.h>

#define COUNT_BITS 16
#define COUNT_MAX  UINT16_MAX

static uint64_t
divide_up (uint64_t value, uint64_t by)
{
    return value / by + (value % by != 0);
}

/* One more for each cluster of the file that the bytes are in. -EMLINK: there are too many of one,
 * and none was counted. */
static int
count (struct qcow2_build *self, uint64_t offset, uint64_t length)
{
    uint64_t first = offset >> self->header.cluster_bits;
    uint64_t last = (offset + length - 1) >> self->header.cluster_bits;

    if (last >= self->room) {
        uint64_t room = MAX_OF (last + 1024, 2 * self->room);
        uint16_t *counts = realloc (self->counts, room * sizeof *counts);

        if (!counts)
            return -ENOMEM;
        memset (counts + self->room, 0, (room - self->room) * sizeof *counts);
        self->counts = counts;
        self->room = room;
    }
    for (uint64_t i = first; i <= last; i++)
        if (self->counts[i] == COUNT_MAX)
            return -EMLINK;
    for (uint64_t i = first; i <= last; i++)
        self->counts[i]++;
    return 0;
}

/* Puts @length bytes, to which zeroes are added up to whole clusters, into clusters of their own.
 */
static int
append (struct qcow2_build *self, const void *bytes, uint64_t length, uint64_t *ret_offset)
{
    uint64_t offset = align_up (self->cursor, self->cluster_size);
    uint64_t whole = align_up (length, self->cluster_size);
    int r;

    if (offset + whole > QCOW2_MAX_OFFSET)
        return -EFBIG;
    r = count (self, offset, whole);
    if (r == 0)
        r = blk_file_write (self->file, offset, bytes, length);
    if (r == 0 && whole > length)
        r = self->file->ops->set_size (self->file, offset + whole);
    self->cursor = offset + whole;
    *ret_offset = offset;
    return r;
}

/* Compressed data follow each other byte by byte, and may begin in one cluster and end in the next;
 * they are counted in sectors from that in which they begin. */
static int
append_packed (struct qcow2_build *self, uint64_t length, uint64_t *ret_entry)
{
    unsigned shift = 62 - (self->header.cluster_bits - 8);
    uint64_t offset = self->cursor, sectors;
    int r = count (self, offset, length);

    if (r == -EMLINK) {
        offset = align_up (offset, self->cluster_size);
        r = count (self, offset, length);
    }
    if (r == 0 && offset + length >= UINT64_C (1) << shift)
        r = -EFBIG;
    if (r == 0)
        r = blk_file_write (self->file, offset, self->packed, length);
    sectors = ((offset + length - 1) >> 9) - (offset >> 9);
    self->cursor = offset + length;
    *ret_entry = QCOW2_COMPRESSED | sectors << shift | offset;
    return r;
}

static int
end_table (struct qcow2_build *self)
{
    uint64_t offset = 0;
    int r;

    if (!self->l2_used)
        return 0;
    r = append (self, self->l2, self->cluster_size, &offset);
    if (r < 0)
        return r;
    self->l1[self->l1_index] = offset | QCOW2_COPIED;
    memset (self->l2, 0, self->cluster_size);
    self->l2_used = false;
    return r;
}

static int
set_entry (struct qcow2_build *self, uint64_t number, uint64_t entry)
{
    store_be64 (self->l2 + 8 * (number & (self->cluster_size / 8 - 1)), entry);
    self->l2_used = true;
    return 0;
}

/* The table of @number is the one under way. */
static int
begin_entry (struct qcow2_build *self, uint64_t number)
{
    uint32_t index = (uint32_t) (number / (self->cluster_size / 8));
    int r = index == self->l1_index ? 0 : end_table (self);

    self->l1_index = index;
    return r;
}

int
qcow2_build_init (struct qcow2_build *self, struct blk_file *file,
                  const struct qcow2_header *header, bool compress)
{
    uint64_t n_l1;

    *self = (struct qcow2_build) {.file = file, .header = *header, .compress = compress};
    self->cluster_size = UINT64_C (1) << header->cluster_bits;
    self->cursor = self->cluster_size;
    n_l1 = divide_up (header->size, self->cluster_size * self->cluster_size / 8);
    if (n_l1 > QCOW2_MAX_L1_BYTES / 8)
        return -EFBIG;
    self->header.l1_size = (uint32_t) n_l1;
    self->l1 = calloc (n_l1, sizeof *self->l1);
    self->l2 = calloc (1, self->cluster_size);
    self->packed = malloc (self->cluster_size);
    return self->l1 && self->l2 && self->packed ? count (self, 0, 1) : -ENOMEM;
}

void
qcow2_build_fini (struct qcow2_build *self)
{
    free (self->l1);
    free (self->l2);
    free (self->counts);
    free (self->packed);
}

int
qcow2_build_put (struct qcow2_build *self, uint64_t number, const void *cluster)
{
    uint64_t entry = 0;
    size_t length;
    int r = begin_entry (self, number);

    if (r == 0 && self->compress) {
        r = qcow2_deflate (self->header.compression, cluster, self->cluster_size, self->packed,
                           &length);
        if (r == 0)
            r = append_packed (self, length, &entry);
        if (r <= 0)
            return r < 0 ? r : set_entry (self, number, entry);
        r = 0;
    }
    if (r == 0)
        r = append (self, cluster, self->cluster_size, &entry);
    return r < 0 ? r : set_entry (self, number, entry | QCOW2_COPIED);
}

int
qcow2_build_put_zeroes (struct qcow2_build *self, uint64_t number)
{
    int r = begin_entry (self, number);

    return r < 0 ? r : set_entry (self, number, QCOW2_ZERO);
}

static int
write_l1 (struct qcow2_build *self)
{
    for (uint32_t i = 0; i < self->header.l1_size; i++)
        store_be64 (&self->l1[i], self->l1[i]);
    return append (self, self->l1, UINT64_C (8) * self->header.l1_size, &self->header.l1_offset);
}

/* The table has room for a disk that is full, as in new images; then come the blocks, which count
 * themselves, too. */
static int
write_counts (struct qcow2_build *self)
{
    uint64_t size = self->cluster_size, per_block = size * 8 / COUNT_BITS, n_blocks = 0;
    uint64_t full = divide_up (self->header.size, size) * 2 + self->cursor / size;
    uint64_t n_table = divide_up (divide_up (full, per_block - 1) * 8, size), used;
    unsigned char *table;
    int r = 0;

    n_table = MIN_OF (n_table, QCOW2_MAX_RT_BYTES / size);
    self->cursor = align_up (self->cursor, size);
    do
        used = self->cursor / size + n_table + ++n_blocks;
    while (n_blocks * per_block < used);
    if (n_blocks * 8 > n_table * size)
        return -EFBIG;
    table = calloc (n_table, size);
    if (!table)
        return -ENOMEM;
    for (uint64_t i = 0; i < n_blocks; i++)
        store_be64 (table + 8 * i, self->cursor + (n_table + i) * size);
    r = append (self, table, n_table * size, &self->header.rt_offset);
    self->header.rt_clusters = (uint32_t) n_table;
    free (table);
    if (r == 0)
        r = count (self, self->cursor, n_blocks * size);
    /* From here on nothing is counted any more. */
    for (uint64_t i = 0; r == 0 && i < n_blocks; i++) {
        memset (self->l2, 0, size);
        for (uint64_t j = 0; j < per_block && i * per_block + j < MIN_OF (used, self->room); j++)
            store_be16 (self->l2 + 2 * j, self->counts[i * per_block + j]);
        r = blk_file_write (self->file, self->cursor, self->l2, size);
        self->cursor += size;
    }
    return r;
}

int
qcow2_build_finish (struct qcow2_build *self)
{
    int r = end_table (self);

    if (r == 0)
        r = write_l1 (self);
    if (r == 0)
        r = write_counts (self);
    if (r == 0) {
        memset (self->l2, 0, self->cluster_size);
        r = qcow2_compose_header (&self->header, self->l2);
    }
    return r == 0 ? blk_file_write (self->file, 0, self->l2, self->cluster_size) : r;
}
