/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * New images: header, refcount table, refcount blocks, L1 table, in this order and back to back.
 * The refcount table is made for a disk that is full, so that it need not grow for a long time. The
 * header comes last: without it the file is no image.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "block/qcow2.h"

#define MAX_BACKING 1023

struct layout {
    unsigned cluster_bits;
    uint64_t cluster_size;
    uint64_t rt_clusters, n_blocks, l1_entries, l1_clusters;
    uint64_t total; /* clusters */
};

static uint64_t
divide_up (uint64_t value, uint64_t by)
{
    return value / by + (value % by != 0);
}

static int
plan_layout (const char *path, const struct blk_qcow2_options *options, uint64_t size,
             struct layout *layout, struct vmm_error *error)
{
    uint32_t cluster_size = options->cluster_size ? options->cluster_size : 64 * KIB;
    uint64_t per_block, data;

    if (!is_power_of_two (cluster_size) || cluster_size < 512 || cluster_size > 2 * MIB)
        return vmm_error_set (error, -EINVAL,
                              "%s cannot have clusters of %" PRIu32
                              " bytes: it must be a power of two from 512 to 2097152",
                              path, cluster_size);
    if (size == 0 || size % 512 || size > INT64_MAX)
        return vmm_error_set (error, -EINVAL,
                              "%s cannot be %" PRIu64
                              " bytes large: a disk's size is a multiple of 512, and not 0",
                              path, size);
    layout->cluster_size = cluster_size;
    layout->cluster_bits = (unsigned) __builtin_ctz (cluster_size);
    layout->l1_entries = divide_up (size, (uint64_t) cluster_size * cluster_size / 8);
    if (layout->l1_entries > QCOW2_MAX_L1_BYTES / 8)
        return vmm_error_set (
            error, -EFBIG, "%s cannot be %" PRIu64 " MiB large with clusters of %" PRIu32 " bytes",
            path, size / MIB, cluster_size);
    layout->l1_clusters = divide_up (layout->l1_entries * 8, cluster_size);
    per_block = cluster_size * UINT64_C (8) / 16;
    data = divide_up (size, cluster_size);
    data += divide_up (data * 8, cluster_size) + layout->l1_clusters + 1;
    layout->rt_clusters = divide_up (divide_up (data, per_block - 1) * 8, cluster_size);
    layout->rt_clusters = MIN_OF (layout->rt_clusters, QCOW2_MAX_RT_BYTES / cluster_size);
    layout->n_blocks = 0;
    do {
        layout->n_blocks++;
        layout->total = 1 + layout->rt_clusters + layout->n_blocks + layout->l1_clusters;
    } while (layout->n_blocks * per_block < layout->total);
    if (layout->n_blocks * 8 > layout->rt_clusters * cluster_size)
        return vmm_error_set (
            error, -EFBIG, "%s cannot be %" PRIu64 " MiB large with clusters of %" PRIu32 " bytes",
            path, size / MIB, cluster_size);
    return 0;
}

static int
write_refcounts (struct blk_file *file, const struct layout *layout)
{
    uint64_t blocks_at = (1 + layout->rt_clusters) * layout->cluster_size;
    AUTO_FREE unsigned char *table = calloc (layout->n_blocks, 8);
    AUTO_FREE unsigned char *counts = calloc (layout->total, 2);
    int r;

    if (!table || !counts)
        return -ENOMEM;
    for (uint64_t i = 0; i < layout->n_blocks; i++)
        store_be64 (table + 8 * i, blocks_at + i * layout->cluster_size);
    for (uint64_t i = 0; i < layout->total; i++)
        store_be16 (counts + 2 * i, 1);
    r = blk_file_write (file, layout->cluster_size, table, layout->n_blocks * 8);
    return r == 0 ? blk_file_write (file, blocks_at, counts, layout->total * 2) : r;
}

/* What the feature is called, for those who do not know it, and which snapshot it is. */
static unsigned char *
append_snapshot (unsigned char *to, const unsigned char *end, const char *id)
{
    static const char feature[] = "based on a snapshot of the backing file";
    size_t length = strlen (id);

    if ((size_t) (end - to) < 16 + QCOW2_FEATURE_NAME_BYTES + align_up (length, 8))
        return NULL;
    store_be32 (to, QCOW2_EXT_FEATURE_NAMES);
    store_be32 (to + 4, QCOW2_FEATURE_NAME_BYTES);
    to[9] = 63;
    memcpy (to + 10, feature, sizeof feature - 1);
    to += 8 + QCOW2_FEATURE_NAME_BYTES;
    store_be32 (to, QCOW2_EXT_BACKING_SNAPSHOT);
    store_be32 (to + 4, (uint32_t) length);
    memcpy (to + 8, id, length);
    return to + 8 + align_up (length, 8);
}

int
qcow2_compose_header (const struct qcow2_header *header, unsigned char *cluster)
{
    size_t length = strlen (header->backing_format), size = (size_t) 1 << header->cluster_bits;
    uint64_t incompatible = 0;
    unsigned char *to = cluster;

    store_be32 (to, QCOW2_MAGIC);
    store_be32 (to + 4, 3);
    store_be32 (to + 20, header->cluster_bits);
    store_be64 (to + 24, header->size);
    store_be32 (to + 36, header->l1_size);
    store_be64 (to + 40, header->l1_offset);
    store_be64 (to + 48, header->rt_offset);
    store_be32 (to + 56, header->rt_clusters);
    store_be32 (to + 96, 4);
    store_be32 (to + 100, QCOW2_HEADER_V3 + 8);
    to[104] = header->compression;
    if (header->compression)
        incompatible |= QCOW2_COMPRESSION_TYPE;
    to += QCOW2_HEADER_V3 + 8;
    if (*header->backing) {
        store_be32 (to, UINT32_C (0xe2792aca));
        store_be32 (to + 4, (uint32_t) length);
        memcpy (to + 8, header->backing_format, length);
        to += 8 + align_up (length, 8);
        if (*header->backing_snapshot) {
            incompatible |= QCOW2_BACKING_SNAPSHOT;
            to = append_snapshot (to, cluster + size, header->backing_snapshot);
            if (!to)
                return -ENAMETOOLONG;
        }
        to += 8; /* the end of the extensions is eight zeroes */
        length = strlen (header->backing);
        if (to + length > cluster + size)
            return -ENAMETOOLONG;
        store_be64 (cluster + 8, (uint64_t) (to - cluster));
        store_be32 (cluster + 16, (uint32_t) length);
        memcpy (to, header->backing, length);
    }
    store_be64 (cluster + 72, incompatible);
    return 0;
}

static int
write_header (struct blk_file *file, const struct layout *layout,
              const struct blk_qcow2_options *options, uint64_t size)
{
    AUTO_FREE unsigned char *cluster = calloc (1, layout->cluster_size);
    AUTO_FREE struct qcow2_header *header = calloc (1, sizeof *header);
    int r;

    if (!cluster || !header)
        return -ENOMEM;
    header->cluster_bits = layout->cluster_bits;
    header->size = size;
    header->l1_size = (uint32_t) layout->l1_entries;
    header->l1_offset = (1 + layout->rt_clusters + layout->n_blocks) * layout->cluster_size;
    header->rt_offset = layout->cluster_size;
    header->rt_clusters = (uint32_t) layout->rt_clusters;
    if (options->backing) {
        const char *format = blk_format_name (options->backing_format);

        memcpy (header->backing, options->backing, strlen (options->backing) + 1);
        memcpy (header->backing_format, format, strlen (format) + 1);
        if (options->backing_snapshot)
            memcpy (header->backing_snapshot, options->backing_snapshot,
                    strlen (options->backing_snapshot) + 1);
    }
    r = qcow2_compose_header (header, cluster);
    return r == 0 ? blk_file_write (file, 0, cluster, layout->cluster_size) : r;
}

static int
fill (struct blk_file *file, const struct layout *layout, const struct blk_qcow2_options *options,
      uint64_t size)
{
    int r = file->ops->set_size (file, layout->total * layout->cluster_size);

    if (r == 0)
        r = write_refcounts (file, layout);
    if (r == 0)
        r = blk_file_flush (file);
    if (r == 0)
        r = write_header (file, layout, options, size);
    return r == 0 ? blk_file_flush (file) : r;
}

int
blk_create_qcow2 (const char *path, const struct blk_qcow2_options *options,
                  struct vmm_error *error)
{
    struct layout layout = {0};
    struct blk_file *file;
    int r = plan_layout (path, options, options->size, &layout, error);

    if (r < 0)
        return r;
    if (options->backing && (!*options->backing || strlen (options->backing) > MAX_BACKING))
        return vmm_error_set (error, -ENAMETOOLONG,
                              "the name of the backing file of %s must have 1 to %d bytes", path,
                              MAX_BACKING);
    if (options->backing_snapshot &&
        (!options->backing || options->backing_format != BLK_FORMAT_QCOW2 ||
         !*options->backing_snapshot || strlen (options->backing_snapshot) > BLK_SNAPSHOT_ID_MAX))
        return vmm_error_set (error, -EINVAL,
                              "%s cannot be based on a snapshot: that needs a qcow2 image", path);
    r = blk_file_create (path, &file, error);
    if (r < 0)
        return r;
    r = fill (file, &layout, options, options->size);
    if (r < 0)
        unlink (path);
    blk_file_close (file);
    if (r == -ENOSPC)
        return vmm_error_set (error, r, "there is no room for %s: its file system is full", path);
    return r < 0 ? vmm_error_set_errno (error, r, "%s cannot be created", path) : 0;
}
