/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The header of a qcow2 image. Whoever made the file may want us to read or allocate what we should
 * not, so each field is held against the format and our limits before anybody uses it. What is not
 * understood but harmless (compatible features, unknown extensions) is never rewritten, as only the
 * known fields of the first sector ever change.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "block/qcow2.h"

enum {
    EXT_END = 0,
    EXT_BITMAPS = 0x23852875,
};
#define EXT_BACKING_FORMAT UINT32_C (0xe2792aca)

#define FEATURE_NAME_BYTES QCOW2_FEATURE_NAME_BYTES

struct parser {
    const char *path;
    struct vmm_error *error;
    struct qcow2_header *header;
    uint64_t cluster_size;
    uint64_t file_size;
    unsigned char *cluster;           /* the first one */
    char feature[FEATURE_NAME_BYTES]; /* an unknown incompatible feature's name */
};

#define BAD(parser, format, ...)                                                           \
    vmm_error_set ((parser)->error, -EINVAL, "%s cannot be used: " format, (parser)->path, \
                   ##__VA_ARGS__)
#define UNSUPPORTED(parser, format, ...)                                                    \
    vmm_error_set ((parser)->error, -ENOTSUP, "%s cannot be used: " format, (parser)->path, \
                   ##__VA_ARGS__)

static void
load_fields (struct qcow2_header *header, const unsigned char *from)
{
    header->version = load_be32 (from + 4);
    header->backing_offset = load_be64 (from + 8);
    header->backing_length = load_be32 (from + 16);
    header->cluster_bits = load_be32 (from + 20);
    header->size = load_be64 (from + 24);
    header->crypt_method = load_be32 (from + 32);
    header->l1_size = load_be32 (from + 36);
    header->l1_offset = load_be64 (from + 40);
    header->rt_offset = load_be64 (from + 48);
    header->rt_clusters = load_be32 (from + 56);
    header->n_snapshots = load_be32 (from + 60);
    header->snapshots_offset = load_be64 (from + 64);
    header->length = QCOW2_HEADER_V2;
    header->refcount_order = 4;
    if (header->version < 3)
        return;
    header->incompatible = load_be64 (from + 72);
    header->compatible = load_be64 (from + 80);
    header->autoclear = load_be64 (from + 88);
    header->refcount_order = load_be32 (from + 96);
    header->length = load_be32 (from + 100);
    if (header->length > 104)
        header->compression = from[104];
}

static void
store_fields (const struct qcow2_header *header, unsigned char *to)
{
    store_be64 (to + 24, header->size);
    store_be32 (to + 36, header->l1_size);
    store_be64 (to + 40, header->l1_offset);
    store_be64 (to + 48, header->rt_offset);
    store_be32 (to + 56, header->rt_clusters);
    store_be32 (to + 60, header->n_snapshots);
    store_be64 (to + 64, header->snapshots_offset);
    if (header->version < 3)
        return;
    store_be64 (to + 72, header->incompatible);
    store_be64 (to + 80, header->compatible);
    store_be64 (to + 88, header->autoclear);
}

int
qcow2_header_write (struct blk_file *file, struct qcow2_header *header)
{
    store_fields (header, header->sector);
    return blk_file_write (file, 0, header->sector, sizeof header->sector);
}

/* A table of @bytes at @offset: in the file, not over the header, on a cluster. */
static int
check_table (const struct parser *parser, uint64_t offset, uint64_t bytes, const char *what)
{
    if (offset & (parser->cluster_size - 1))
        return BAD (parser, "its %s is not on a cluster", what);
    if (offset == 0 || offset > QCOW2_MAX_OFFSET || !range_fits (offset, bytes, parser->file_size))
        return BAD (parser, "its %s is outside of the file", what);
    return 0;
}

/* What the first sector alone tells. */
static int
check_version (const struct parser *parser)
{
    const struct qcow2_header *header = parser->header;

    if (header->version < 2 || header->version > 3)
        return UNSUPPORTED (parser, "it is of version %" PRIu32 " of qcow2, not 2 or 3",
                            header->version);
    if (header->cluster_bits < QCOW2_MIN_CLUSTER_BITS ||
        header->cluster_bits > QCOW2_MAX_CLUSTER_BITS)
        return BAD (parser, "its clusters are of 2^%" PRIu32 " bytes, not of 2^%d to 2^%d",
                    header->cluster_bits, QCOW2_MIN_CLUSTER_BITS, QCOW2_MAX_CLUSTER_BITS);
    if (header->length < (header->version < 3 ? QCOW2_HEADER_V2 : QCOW2_HEADER_V3) ||
        header->length % 8 || header->length > UINT64_C (1) << header->cluster_bits)
        return BAD (parser, "its header says to be %" PRIu32 " bytes long", header->length);
    return 0;
}

static int
check_features (const struct parser *parser)
{
    const struct qcow2_header *header = parser->header;
    uint64_t known = QCOW2_DIRTY | QCOW2_CORRUPT | QCOW2_COMPRESSION_TYPE | QCOW2_BACKING_SNAPSHOT;

    if (header->crypt_method)
        return UNSUPPORTED (parser,
                            "it is encrypted (%s), which is not supported; convert it to an "
                            "image without encryption with qemu-img",
                            header->crypt_method == 1   ? "AES"
                            : header->crypt_method == 2 ? "LUKS"
                                                        : "in an unknown way");
    if (header->incompatible & QCOW2_DATA_FILE)
        return UNSUPPORTED (parser, "it has an external data file, which is not supported; convert "
                                    "it to an image in one file with qemu-img");
    if (header->incompatible & QCOW2_EXTENDED_L2)
        return UNSUPPORTED (parser, "it has extended L2 entries, which are not supported; convert "
                                    "it to an image without them with qemu-img");
    if (header->incompatible & ~known)
        return UNSUPPORTED (parser, "it needs the feature “%s”, which is not supported",
                            parser->feature);
    if (!!(header->incompatible & QCOW2_BACKING_SNAPSHOT) != !!*header->backing_snapshot ||
        (*header->backing_snapshot && !*header->backing))
        return BAD (parser, "it contradicts itself about the snapshot that it is based on");
    if (!!(header->incompatible & QCOW2_COMPRESSION_TYPE) != !!header->compression)
        return BAD (parser, "it contradicts itself about its compression");
    if (header->compression > QCOW2_ZSTD)
        return UNSUPPORTED (parser, "its compression is of the unknown kind %u",
                            header->compression);
    if (header->refcount_order > 6)
        return BAD (parser, "its reference counts are of 2^%" PRIu32 " bits, not of 1 to 64",
                    header->refcount_order);
    return 0;
}

static int
check_tables (const struct parser *parser)
{
    const struct qcow2_header *header = parser->header;
    unsigned l2_shift = 2 * header->cluster_bits - 3; /* log2 of what an L2 table maps */
    uint64_t needed;
    int r;

    if (header->size % 512)
        return BAD (parser, "its size, %" PRIu64 " bytes, is not a multiple of 512", header->size);
    if (header->size == 0)
        return BAD (parser, "its size is 0");
    needed = ((header->size - 1) >> l2_shift) + 1;
    if (header->size > INT64_MAX || needed > QCOW2_MAX_L1_BYTES / 8)
        return BAD (parser, "its disk of %" PRIu64 " bytes is too large for its clusters",
                    header->size);
    if (header->l1_size < needed)
        return BAD (parser, "its L1 table is too small for its disk");
    if (header->l1_size > QCOW2_MAX_L1_BYTES / 8)
        return BAD (parser, "its L1 table is larger than 32 MiB");
    r = check_table (parser, header->l1_offset, UINT64_C (8) * header->l1_size, "L1 table");
    if (r < 0)
        return r;
    if (header->rt_clusters == 0 ||
        header->rt_clusters > QCOW2_MAX_RT_BYTES >> header->cluster_bits)
        return BAD (parser, "its refcount table is empty or larger than 8 MiB");
    r = check_table (parser, header->rt_offset,
                     (uint64_t) header->rt_clusters << header->cluster_bits, "refcount table");
    if (r < 0)
        return r;
    if (header->n_snapshots > QCOW2_MAX_SNAPSHOTS)
        return BAD (parser, "it has more than %d snapshots", QCOW2_MAX_SNAPSHOTS);
    return header->n_snapshots
               ? check_table (parser, header->snapshots_offset, 40, "snapshot table")
               : 0;
}

/* The name of the lowest incompatible feature that we do not know, if the image tells. */
static void
find_feature_name (struct parser *parser, const unsigned char *names, uint32_t length)
{
    uint64_t unknown = parser->header->incompatible & ~(UINT64_C (0x1f) | QCOW2_BACKING_SNAPSHOT);

    for (uint32_t at = 0; at + FEATURE_NAME_BYTES <= length; at += FEATURE_NAME_BYTES) {
        const unsigned char *name = names + at;

        if (name[0] != 0 || name[1] > 63 || !(unknown >> name[1] & 1))
            continue;
        memcpy (parser->feature, name + 2, FEATURE_NAME_BYTES - 2);
        parser->feature[FEATURE_NAME_BYTES - 2] = 0;
        for (char *c = parser->feature; *c; c++)
            if (*c < ' ' || *c > '~')
                *c = '?';
        return;
    }
}

static int
read_extensions (struct parser *parser)
{
    struct qcow2_header *header = parser->header;
    uint64_t at = header->length;
    uint64_t end = header->backing_offset ? header->backing_offset : parser->cluster_size;

    snprintf (parser->feature, sizeof parser->feature, "bit %d",
              header->incompatible >> 5 ? __builtin_ctzll (header->incompatible >> 5) + 5 : 0);
    while (at + 8 <= end) {
        uint32_t type = load_be32 (parser->cluster + at);
        uint32_t length = load_be32 (parser->cluster + at + 4);

        at += 8;
        if (type == EXT_END)
            return 0;
        if (length > end - at)
            return BAD (parser, "a header extension is longer than the header's cluster");
        if (type == EXT_BACKING_FORMAT) {
            if (length >= sizeof header->backing_format || memchr (parser->cluster + at, 0, length))
                return BAD (parser, "the format of its backing file is not a name");
            memcpy (header->backing_format, parser->cluster + at, length);
            header->backing_format[length] = 0;
        } else if (type == QCOW2_EXT_FEATURE_NAMES) {
            find_feature_name (parser, parser->cluster + at, length);
        } else if (type == QCOW2_EXT_BACKING_SNAPSHOT) {
            if (length >= sizeof header->backing_snapshot ||
                memchr (parser->cluster + at, 0, length))
                return BAD (parser, "the snapshot that it is based on is not named");
            memcpy (header->backing_snapshot, parser->cluster + at, length);
            header->backing_snapshot[length] = 0;
        } else if (type == EXT_BITMAPS) {
            header->has_bitmaps = true;
        }
        at += align_up (length, 8);
    }
    return 0;
}

static int
read_backing_name (struct parser *parser)
{
    struct qcow2_header *header = parser->header;

    if (!header->backing_offset)
        return 0;
    if (header->backing_length >= sizeof header->backing ||
        header->backing_offset < header->length ||
        !range_fits (header->backing_offset, header->backing_length, parser->cluster_size))
        return BAD (parser, "the name of its backing file is too long or not in the header");
    memcpy (header->backing, parser->cluster + header->backing_offset, header->backing_length);
    header->backing[header->backing_length] = 0;
    if (strlen (header->backing) != header->backing_length)
        return BAD (parser, "the name of its backing file is not text");
    return 0;
}

static int
parse (struct blk_file *file, struct parser *parser)
{
    struct qcow2_header *header = parser->header;
    int r = file->ops->get_size (file, &parser->file_size);

    if (r == 0)
        r = blk_file_read (file, 0, header->sector, sizeof header->sector);
    if (r < 0)
        return vmm_error_set_errno (parser->error, r, "%s cannot be read", parser->path);
    if (load_be32 (header->sector) != QCOW2_MAGIC)
        return BAD (parser, "it is not a qcow2 image");
    load_fields (header, header->sector);
    r = check_version (parser);
    if (r < 0)
        return r;
    /* The last cluster need not be all there. */
    parser->cluster_size = UINT64_C (1) << header->cluster_bits;
    if (parser->file_size > INT64_MAX - parser->cluster_size)
        return BAD (parser, "it is larger than any file");
    parser->file_size = align_up (parser->file_size, parser->cluster_size);
    parser->cluster = malloc (parser->cluster_size);
    if (!parser->cluster)
        return vmm_error_set_errno (parser->error, -ENOMEM, "%s cannot be read", parser->path);
    r = blk_file_read (file, 0, parser->cluster, parser->cluster_size);
    if (r < 0)
        return vmm_error_set_errno (parser->error, r, "%s cannot be read", parser->path);
    r = read_backing_name (parser);
    if (r == 0)
        r = read_extensions (parser);
    if (r == 0)
        r = check_features (parser);
    return r == 0 ? check_tables (parser) : r;
}

int
qcow2_header_read (struct blk_file *file, const char *path, struct qcow2_header *ret_header,
                   struct vmm_error *error)
{
    struct parser parser = {.path = path, .error = error};
    AUTO_FREE struct qcow2_header *header = calloc (1, sizeof *header);
    int r;

    if (!header)
        return vmm_error_set_errno (error, -ENOMEM, "%s cannot be read", path);
    parser.header = header;
    r = parse (file, &parser);
    free (parser.cluster);
    if (r == 0)
        *ret_header = *header;
    return r;
}
