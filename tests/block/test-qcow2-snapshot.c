/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Internal snapshots under random work: whatever is taken, gone back to and deleted in whatever
 * order, by us and by QEMU, every snapshot keeps its contents, and QEMU finds nothing wrong.
 */
#include "qcow2-storm.h"

#define MAX_SNAPSHOTS 6

struct kept {
    char id[16];
    unsigned char *model;
};

static int
take (struct qrig *rig, const char *id)
{
    struct blk_snapshot wish = {.seconds = 1700000000, .nanoseconds = 5};

    snprintf (wish.id, sizeof wish.id, "%s", id);
    snprintf (wish.name, sizeof wish.name, "Nächster %s", id);
    return blk_snapshot_take (rig->blk, &wish, &rig->error);
}

#define MUST(rig, call)                                                           \
    do {                                                                          \
        if ((call) < 0)                                                           \
            tap_fail (__FILE__, __LINE__, "%s: %s", #call, (rig)->error.message); \
    } while (0)

static unsigned char *
copy_model (const struct qrig *rig)
{
    unsigned char *copy = malloc (rig->size);

    CHECK (copy);
    return memcpy (copy, rig->model, rig->size);
}

/* QEMU reads the snapshot's contents as they were. */
static void
check_with_qemu (struct qrig *rig, const struct kept *kept)
{
    char raw[128], option[64];
    unsigned char *contents = malloc (rig->size);
    FILE *stream;

    snprintf (option, sizeof option, "snapshot.id=%.15s", kept->id);
    QRIG_RUN (rig, "qemu-img", "convert", "-f", "qcow2", "-l", option, "-O", "raw", rig->path,
              qrig_name (rig, raw, "snapshot.raw"));
    stream = fopen (raw, "r");
    CHECK (stream && contents);
    CHECK_EQUAL (fread (contents, 1, rig->size, stream), rig->size);
    CHECK (memcmp (contents, kept->model, rig->size) == 0);
    fclose (stream);
    free (contents);
}

static void
act (struct qrig *rig, struct kept *kept, unsigned *n_kept, unsigned *number)
{
    uint64_t what = qrig_random (rig, 10);
    unsigned which = *n_kept ? (unsigned) qrig_random (rig, *n_kept) : 0;

    if (*n_kept == 0 || (what < 5 && *n_kept < MAX_SNAPSHOTS)) {
        snprintf (kept[*n_kept].id, sizeof kept->id, "s%u", (*number)++);
        MUST (rig, take (rig, kept[*n_kept].id));
        kept[(*n_kept)++].model = copy_model (rig);
    } else if (what < 8) {
        MUST (rig, blk_snapshot_delete (rig->blk, kept[which].id, &rig->error));
        free (kept[which].model);
        kept[which] = kept[--*n_kept];
    } else {
        MUST (rig, blk_snapshot_apply (rig->blk, kept[which].id, &rig->error));
        memcpy (rig->model, kept[which].model, rig->size);
    }
}

static void
check_work (uint32_t cluster_size, unsigned flags, unsigned rounds, unsigned n)
{
    struct kept kept[MAX_SNAPSHOTS];
    unsigned n_kept = 0, number = 0;
    struct qrig rig;

    qrig_init (&rig);
    rig.seed = cluster_size;
    new_model (&rig, 5 * MIB + 512);
    qrig_create (&rig, rig.size, cluster_size);
    qrig_open (&rig, flags);
    for (unsigned i = 0; i < rounds; i++) {
        struct blk_snapshot *list;
        size_t n_list;

        run_storm (&rig, n);
        act (&rig, kept, &n_kept, &number);
        qrig_compare (&rig);
        MUST (&rig, blk_snapshot_list (rig.blk, true, &list, &n_list, &rig.error));
        CHECK_EQUAL (n_list, n_kept);
        free (list);
        if (i % 4 == 3) {
            reopen_and_judge (&rig, flags);
            qrig_close (&rig);
            for (unsigned j = 0; j < n_kept; j++)
                check_with_qemu (&rig, &kept[j]);
            qrig_open (&rig, flags);
        }
    }
    while (n_kept > 0)
        free (kept[--n_kept].model);
    qrig_fini (&rig);
}

TEST (snapshots_keep_their_contents_with_clusters_of_64_kib)
{
    check_work (64 * KIB, 0, 24, 100);
}

TEST (snapshots_keep_their_contents_with_clusters_of_512_bytes)
{
    check_work (512, 0, 8, 60);
}

TEST (snapshots_keep_their_contents_with_clusters_of_2_mib)
{
    check_work (2 * MIB, 0, 12, 60);
}

TEST (snapshots_keep_their_contents_without_a_ring)
{
    check_work (8 * KIB, BLK_NO_RING, 16, 80);
}

TEST (qemus_snapshots_are_ours_and_ours_are_qemus)
{
    unsigned char *before, *between;
    struct qrig rig;

    qrig_init (&rig);
    new_model (&rig, 4 * MIB);
    QRIG_RUN (&rig, "qemu-img", "create", "-f", "qcow2", "-o", "lazy_refcounts=on", rig.path, "4M");
    qrig_open (&rig, 0);
    run_storm (&rig, 100);
    before = copy_model (&rig);
    qrig_close (&rig);
    QRIG_RUN (&rig, "qemu-img", "snapshot", "-c", "theirs", rig.path);
    qrig_open (&rig, 0);
    run_storm (&rig, 100);
    between = copy_model (&rig);
    MUST (&rig, take (&rig, "ours"));
    run_storm (&rig, 100);
    reopen_and_judge (&rig, 0);
    MUST (&rig, blk_snapshot_apply (rig.blk, "1", &rig.error));
    memcpy (rig.model, before, rig.size);
    reopen_and_judge (&rig, 0);
    MUST (&rig, blk_snapshot_delete (rig.blk, "1", &rig.error));
    run_storm (&rig, 50);
    reopen_and_judge (&rig, 0);
    qrig_close (&rig);
    QRIG_RUN (&rig, "qemu-img", "snapshot", "-a", "ours", rig.path);
    memcpy (rig.model, between, rig.size);
    qrig_open (&rig, 0);
    reopen_and_judge (&rig, 0);
    qrig_close (&rig);
    QRIG_RUN (&rig, "qemu-img", "snapshot", "-d", "Nächster ours", rig.path);
    qrig_open (&rig, 0);
    reopen_and_judge (&rig, 0);
    free (before);
    free (between);
    qrig_fini (&rig);
}

TEST (deleting_gives_back_what_only_the_snapshot_had)
{
    struct blk_snapshot *list;
    struct qrig rig;
    size_t n;

    qrig_init (&rig);
    new_model (&rig, 16 * MIB);
    qrig_create (&rig, rig.size, 0);
    qrig_open (&rig, 0);
    memset (rig.model, 1, rig.size);
    CHECK_EQUAL (qrig_do (&rig, BLK_WRITE, 0, rig.model, rig.size, false), 0);
    MUST (&rig, take (&rig, "full"));
    MUST (&rig, blk_snapshot_list (rig.blk, true, &list, &n, &rig.error));
    CHECK_EQUAL (n, 1);
    CHECK (list[0].own_bytes <= 128 * KIB);
    CHECK (strcmp (list[0].name, "Nächster full") == 0);
    CHECK_EQUAL (list[0].seconds, 1700000000);
    CHECK_EQUAL (list[0].disk_size, rig.size);
    free (list);
    CHECK_EQUAL (qrig_do (&rig, BLK_DISCARD, 0, NULL, 8 * MIB, false), 0);
    MUST (&rig, blk_snapshot_list (rig.blk, true, &list, &n, &rig.error));
    CHECK (list[0].own_bytes >= 8 * MIB && list[0].own_bytes <= 8 * MIB + 256 * KIB);
    free (list);
    MUST (&rig, blk_snapshot_delete (rig.blk, "full", &rig.error));
    memset (rig.model, 0, 8 * MIB);
    reopen_and_judge (&rig, 0);
    qrig_fini (&rig);
}

TEST (snapshots_that_cannot_be_are_refused_by_name)
{
    struct qrig rig;

    qrig_init (&rig);
    new_model (&rig, MIB);
    qrig_create (&rig, rig.size, 0);
    qrig_open (&rig, 0);
    CHECK_EQUAL (blk_snapshot_delete (rig.blk, "none", &rig.error), -ENOENT);
    CHECK (strstr (rig.error.message, "“none”"));
    CHECK_EQUAL (blk_snapshot_apply (rig.blk, "none", &rig.error), -ENOENT);
    CHECK_EQUAL (take (&rig, ""), -EINVAL);
    MUST (&rig, take (&rig, "a"));
    CHECK_EQUAL (take (&rig, "a"), -EEXIST);
    qrig_close (&rig);
    qrig_open (&rig, BLK_READ_ONLY);
    CHECK_EQUAL (take (&rig, "b"), -EROFS);
    qrig_fini (&rig);
}

TAP_MAIN ()
