/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copies of images that are based on a snapshot of another, which no other program can read: in
 * full, to be judged by QEMU, and compact ones that stay on what they are based on.
 */
#include "block/qcow2-copy.h"
#include "mem-file.h"
#include "qcow2-storm.h"

#define MUST(rig, call)                                                           \
    do {                                                                          \
        if ((call) < 0)                                                           \
            tap_fail (__FILE__, __LINE__, "%s: %s", #call, (rig)->error.message); \
    } while (0)

/* The rig's image gets something compressible, something that is not, and holes. */
static void
fill (struct qrig *rig)
{
    unsigned char *buffer = malloc (MIB);

    CHECK (buffer);
    for (uint64_t at = 0; at + 128 * KIB <= rig->size; at += 128 * KIB) {
        uint64_t kind = qrig_random (rig, 3);

        if (kind == 0)
            continue;
        for (uint64_t i = 0; i < 128 * KIB; i += 8)
            store_le64 (buffer + i, kind == 1 ? at / 7 : qrig_random (rig, UINT64_MAX >> 11));
        CHECK_EQUAL (qrig_do (rig, BLK_WRITE, at, buffer, 128 * KIB, false), 0);
        memcpy (rig->model + at, buffer, 128 * KIB);
    }
    free (buffer);
}

/* base.qcow2 with a snapshot, and changed since; disk.qcow2, the rig's, is based on that. */
static void
begin (struct qrig *rig, uint32_t base_clusters, uint32_t clusters)
{
    const struct blk_snapshot wish = {.id = "that"};
    struct blk_qcow2_options options = {
        .cluster_size = clusters,
        .backing = "base.qcow2",
        .backing_format = BLK_FORMAT_QCOW2,
        .backing_snapshot = "that",
    };
    unsigned char *then;
    char disk[128];

    qrig_init (rig);
    rig->seed = base_clusters + clusters;
    new_model (rig, 5 * MIB + 1536);
    options.size = rig->size;
    snprintf (disk, sizeof disk, "%s", rig->path);
    qrig_name (rig, rig->path, "base.qcow2");
    qrig_create (rig, rig->size, base_clusters);
    qrig_open (rig, 0);
    fill (rig);
    run_storm (rig, 60);
    MUST (rig, blk_snapshot_take (rig->blk, &wish, &rig->error));
    then = malloc (rig->size);
    CHECK (then);
    memcpy (then, rig->model, rig->size);
    run_storm (rig, 60);
    qrig_close (rig);
    memcpy (rig->model, then, rig->size);
    free (then);
    memcpy (rig->path, disk, sizeof disk);
    MUST (rig, blk_create_qcow2 (rig->path, &options, &rig->error));
    qrig_open (rig, 0);
    run_storm (rig, 80);
    qrig_close (rig);
}

static bool
stop_cb (void *data, double percent)
{
    unsigned *left = data;

    CHECK (percent >= 0 && percent <= 100);
    return (*left)-- > 0;
}

static int
convert (struct qrig *rig, const char *name, struct blk_conversion conversion)
{
    char base[128], to[128];
    const char *const backing[] = {qrig_name (rig, base, "base.qcow2"), NULL};

    conversion.from = rig->path;
    conversion.from_format = "qcow2";
    conversion.backing = backing;
    conversion.to = qrig_name (rig, to, name);
    return blk_convert (&conversion, &rig->error);
}

/* The copy called @name is sound and the same, and takes as much as it should. */
static uint64_t
judge_copy (struct qrig *rig, const char *name)
{
    char disk[128];
    struct blk_description description;

    memcpy (disk, rig->path, sizeof disk);
    qrig_name (rig, rig->path, name);
    qrig_judge (rig, false);
    qrig_compare_with_qemu (rig);
    qrig_open (rig, 0);
    blk_describe (rig->blk, &description);
    CHECK (!description.backing[0]);
    run_storm (rig, 60);
    reopen_and_judge (rig, 0);
    qrig_close (rig);
    memcpy (rig->path, disk, sizeof disk);
    return description.on_disk;
}

static void
judge_raw (struct qrig *rig, const char *name)
{
    char path[128];
    unsigned char *contents = malloc (rig->size + 1);
    FILE *stream = fopen (qrig_name (rig, path, name), "r");

    CHECK (contents && stream);
    CHECK_EQUAL (fread (contents, 1, rig->size + 1, stream), rig->size);
    CHECK (memcmp (contents, rig->model, rig->size) == 0);
    fclose (stream);
    free (contents);
}

static void
check_copies (uint32_t base_clusters, uint32_t clusters)
{
    unsigned char *model;
    struct qrig rig;

    begin (&rig, base_clusters, clusters);
    model = malloc (rig.size);
    CHECK (model);
    memcpy (model, rig.model, rig.size);
    for (unsigned i = 0; i < 3; i++) {
        char name[] = "copy-0.qcow2";

        name[5] = (char) ('0' + i);
        MUST (&rig, convert (&rig, name,
                             (struct blk_conversion) {.to_format = BLK_FORMAT_QCOW2,
                                                      .cluster_size = i ? clusters : 0,
                                                      .compress = i == 1,
                                                      .zstd = i == 2}));
        judge_copy (&rig, name);
        memcpy (rig.model, model, rig.size);
    }
    MUST (&rig, convert (&rig, "copy.raw", (struct blk_conversion) {.to_format = BLK_FORMAT_RAW}));
    judge_raw (&rig, "copy.raw");
    free (model);
    qrig_fini (&rig);
}

TEST (full_copies_are_the_same_and_sound)
{
    check_copies (64 * KIB, 64 * KIB);
}

TEST (full_copies_of_small_clusters_are_the_same_and_sound)
{
    check_copies (512, 4 * KIB);
    check_copies (4 * KIB, 512);
}

TEST (full_copies_of_large_clusters_are_the_same_and_sound)
{
    check_copies (4 * KIB, 2 * MIB);
    check_copies (2 * MIB, 64 * KIB);
}

TEST (compression_makes_copies_smaller)
{
    struct qrig rig;
    uint64_t plain, small;

    begin (&rig, 64 * KIB, 64 * KIB);
    MUST (&rig,
          convert (&rig, "plain.qcow2", (struct blk_conversion) {.to_format = BLK_FORMAT_QCOW2}));
    plain = judge_copy (&rig, "plain.qcow2");
    qrig_fini (&rig);
    begin (&rig, 64 * KIB, 64 * KIB);
    MUST (&rig, convert (&rig, "small.qcow2",
                         (struct blk_conversion) {.to_format = BLK_FORMAT_QCOW2, .zstd = true}));
    small = judge_copy (&rig, "small.qcow2");
    CHECK (small < plain * 3 / 4);
    qrig_fini (&rig);
}

static int
compact (struct qrig *rig, bool compress, bool (*progress) (void *, double), void *data)
{
    char base[128];
    const char *const backing[] = {qrig_name (rig, base, "base.qcow2"), NULL};
    const struct blk_compaction compaction = {
        .path = rig->path,
        .format = BLK_FORMAT_QCOW2,
        .backing = backing,
        .compress = compress,
        .progress = progress,
        .data = data,
    };

    return blk_compact (&compaction, &rig->error);
}

static void
check_compact (uint32_t base_clusters, uint32_t clusters, bool compress)
{
    struct blk_description before, after;
    struct blk_check check;
    struct qrig rig;

    begin (&rig, base_clusters, clusters);
    qrig_open (&rig, 0);
    /* What is zeroes without saying so. */
    memset (rig.model, 0, MIB);
    CHECK_EQUAL (qrig_do (&rig, BLK_WRITE, 0, rig.model, MIB, false), 0);
    qrig_close (&rig);
    qrig_open (&rig, 0);
    blk_describe (rig.blk, &before);
    qrig_close (&rig);
    MUST (&rig, compact (&rig, compress, NULL, NULL));
    qrig_open (&rig, 0);
    qrig_compare (&rig);
    MUST (&rig, blk_check (rig.blk, &check, &rig.error));
    CHECK (check.errors == 0 && check.leaks == 0);
    blk_describe (rig.blk, &after);
    CHECK (strcmp (after.backing, "base.qcow2") == 0);
    CHECK_EQUAL (after.cluster_size, before.cluster_size);
    CHECK (after.on_disk + MIB / 2 <= before.on_disk);
    run_storm (&rig, 60);
    qrig_compare (&rig);
    qrig_close (&rig);
    qrig_open (&rig, 0);
    qrig_compare (&rig);
    MUST (&rig, blk_check (rig.blk, &check, &rig.error));
    CHECK (check.errors == 0 && check.leaks == 0);
    qrig_fini (&rig);
}

TEST (compact_images_stay_on_what_they_are_based_on)
{
    check_compact (64 * KIB, 64 * KIB, false);
    check_compact (64 * KIB, 4 * KIB, true);
    check_compact (4 * KIB, 64 * KIB, true);
}

static unsigned
count_files (struct qrig *rig)
{
    char pattern[160];

    snprintf (pattern, sizeof pattern, "test $(ls %s | grep -vc output) = 2", rig->folder);
    return qrig_run (rig, "sh", "-c", pattern, NULL) == 0 ? 2 : 0;
}

TEST (what_is_cancelled_leaves_nothing)
{
    struct qrig rig;
    unsigned left;

    begin (&rig, 64 * KIB, 64 * KIB);
    for (unsigned i = 0; i < 6; i++) {
        struct blk_conversion conversion = {
            .to_format = i & 1 ? BLK_FORMAT_RAW : BLK_FORMAT_QCOW2,
            .progress = stop_cb,
            .data = &left,
        };

        left = i / 2;
        CHECK_EQUAL (convert (&rig, "copy", conversion), -ECANCELED);
        left = i / 2;
        CHECK_EQUAL (compact (&rig, i & 1, stop_cb, &left), -ECANCELED);
        CHECK_EQUAL (count_files (&rig), 2);
    }
    qrig_open (&rig, 0);
    qrig_compare (&rig);
    qrig_fini (&rig);
}

TEST (a_plain_overlay_of_such_an_image_can_be_copied)
{
    struct blk_qcow2_options options = {.backing = "disk.qcow2",
                                        .backing_format = BLK_FORMAT_QCOW2};
    char base[128], disk[128], to[128];
    struct qrig rig;

    begin (&rig, 64 * KIB, 64 * KIB);
    memcpy (disk, rig.path, sizeof disk);
    options.size = rig.size;
    qrig_name (&rig, rig.path, "top.qcow2");
    MUST (&rig, blk_create_qcow2 (rig.path, &options, &rig.error));
    qrig_open (&rig, 0);
    run_storm (&rig, 60);
    qrig_close (&rig);
    MUST (&rig, blk_convert (
                    &(struct blk_conversion) {
                        .from = rig.path,
                        .from_format = "qcow2",
                        .backing = (const char *const[]) {qrig_name (&rig, base, "base.qcow2"),
                                                          disk, NULL},
                        .to = qrig_name (&rig, to, "copy.qcow2"),
                        .to_format = BLK_FORMAT_QCOW2},
                    &rig.error));
    judge_copy (&rig, "copy.qcow2");
    qrig_fini (&rig);
}

/* The Nth write, or read, fails, for every N. */
static void
check_faults (enum mem_kind kind, struct blk_conversion wish)
{
    char base[128];
    const char *const backing[] = {base, NULL};
    struct qrig rig;
    struct blk *blk;
    int r = -EIO;

    begin (&rig, 64 * KIB, 64 * KIB);
    qrig_name (&rig, base, "base.qcow2");
    MUST (&rig, blk_open (&(struct blk_source) {.path = rig.path,
                                                .format = BLK_FORMAT_QCOW2,
                                                .flags = BLK_READ_ONLY,
                                                .allow_backing = blk_allow_listed,
                                                .data = (void *) backing},
                          NULL, &blk, &rig.error));
    for (unsigned i = 1; r < 0; i++) {
        struct mem_file to;

        CHECK (i < 10000);
        mem_init (&to);
        to.fail_kind = kind;
        to.fail_at = i;
        to.fail_with = -ENOSPC;
        r = qcow2_copy (qcow2_from_blk (blk), &wish, &to.file);
        CHECK (r == 0 || r == -ENOSPC);
        /* Without a header nobody takes it for an image. */
        if (r < 0 && wish.to_format == BLK_FORMAT_QCOW2)
            CHECK (to.size < 4 || memcmp (to.bytes, "QFI", 3) != 0);
        mem_fini (&to);
    }
    blk_close (blk);
    qrig_fini (&rig);
}

TEST (writes_that_fail_fail_the_copy)
{
    check_faults (MEM_WRITE, (struct blk_conversion) {.to_format = BLK_FORMAT_QCOW2});
    check_faults (MEM_WRITE,
                  (struct blk_conversion) {.to_format = BLK_FORMAT_QCOW2, .compress = true});
    check_faults (MEM_WRITE, (struct blk_conversion) {.to_format = BLK_FORMAT_RAW});
    check_faults (MEM_SIZE, (struct blk_conversion) {.to_format = BLK_FORMAT_QCOW2});
}

TEST (a_base_that_is_not_allowed_is_not_read)
{
    char to[128];
    struct qrig rig;

    begin (&rig, 64 * KIB, 64 * KIB);
    CHECK_EQUAL (blk_convert (&(struct blk_conversion) {.from = rig.path,
                                                        .from_format = "qcow2",
                                                        .to = qrig_name (&rig, to, "copy.qcow2"),
                                                        .to_format = BLK_FORMAT_QCOW2},
                              &rig.error),
                 -EPERM);
    CHECK (strstr (rig.error.message, "base.qcow2"));
    CHECK_EQUAL (count_files (&rig), 2);
    qrig_fini (&rig);
}

TAP_MAIN ()
