/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Snapshots that are read while the image that has them is written: by themselves, and below an
 * image that is based on one.
 */
#include "qcow2-storm.h"

static void
take (struct qrig *rig, const char *id)
{
    struct blk_snapshot wish = {.seconds = 1700000000};

    snprintf (wish.id, sizeof wish.id, "%s", id);
    if (blk_snapshot_take (rig->blk, &wish, &rig->error) < 0)
        tap_fail (__FILE__, __LINE__, "%s", rig->error.message);
}

static int
open_view (struct qrig *rig, const char *id, struct blk **ret_blk)
{
    struct blk_source source = {
        .path = rig->path, .format = BLK_FORMAT_QCOW2, .data = rig, .snapshot = id};

    return blk_open (&source, NULL, ret_blk, &rig->error);
}

static void
check_contents (struct qrig *rig, struct blk *blk, const unsigned char *expected)
{
    unsigned char *contents = malloc (rig->size);
    struct iovec iov = {contents, rig->size};
    struct blk_request request = {
        .operation = BLK_READ, .length = rig->size, .iov = &iov, .n_iov = 1};

    CHECK (contents);
    CHECK_EQUAL (blk_attach (blk, rig->loop), 0);
    CHECK_EQUAL (blk_run (blk, rig->loop, &request), 0);
    CHECK (memcmp (contents, expected, rig->size) == 0);
    blk_detach (blk);
    free (contents);
}

static unsigned char *
copy_model (const struct qrig *rig)
{
    unsigned char *copy = malloc (rig->size);

    CHECK (copy);
    return memcpy (copy, rig->model, rig->size);
}

static void
begin (struct qrig *rig, uint32_t cluster_size)
{
    qrig_init (rig);
    rig->seed = cluster_size;
    new_model (rig, 5 * MIB + 512);
    qrig_create (rig, rig->size, cluster_size);
    qrig_open (rig, 0);
}

static void
check_while_written (uint32_t cluster_size)
{
    struct blk *early, *late;
    unsigned char *then;
    struct qrig rig;

    begin (&rig, cluster_size);
    take (&rig, "before");
    run_storm (&rig, 150);
    take (&rig, "that");
    then = copy_model (&rig);
    CHECK_EQUAL (open_view (&rig, "that", &early), 0);
    check_contents (&rig, early, then);
    for (unsigned i = 0; i < 6; i++) {
        char id[16];

        run_storm (&rig, 100);
        snprintf (id, sizeof id, "s%u", i);
        take (&rig, id);
        if (i == 2)
            CHECK_EQUAL (blk_snapshot_delete (rig.blk, "before", &rig.error), 0);
        if (i == 4)
            CHECK_EQUAL (blk_snapshot_delete (rig.blk, "s1", &rig.error), 0);
        check_contents (&rig, early, then);
        CHECK_EQUAL (open_view (&rig, "that", &late), 0);
        CHECK (blk_get_info (late)->read_only);
        check_contents (&rig, late, then);
        blk_close (late);
    }
    blk_close (early);
    qrig_compare (&rig);
    free (then);
    qrig_fini (&rig);
}

TEST (snapshots_are_read_while_the_image_is_written)
{
    check_while_written (64 * KIB);
}

TEST (snapshots_are_read_while_the_image_is_written_with_small_clusters)
{
    check_while_written (512);
}

/* The image above, which is based on the snapshot "that" of the rig's own. */
static void
create_above (struct qrig *rig, struct qrig *above, uint32_t cluster_size, const char *snapshot)
{
    struct blk_qcow2_options options = {
        .size = rig->size,
        .cluster_size = cluster_size,
        .backing = rig->path,
        .backing_format = BLK_FORMAT_QCOW2,
        .backing_snapshot = snapshot,
    };

    qrig_init (above);
    above->seed = 7;
    above->size = rig->size;
    above->model = copy_model (rig);
    if (blk_create_qcow2 (above->path, &options, &above->error) < 0)
        tap_fail (__FILE__, __LINE__, "%s", above->error.message);
}

TEST (an_image_is_based_on_a_snapshot_while_that_of_it_goes_on)
{
    struct qrig rig, above, higher;

    begin (&rig, 4096);
    run_storm (&rig, 200);
    take (&rig, "that");
    create_above (&rig, &above, 4096, "that");
    qrig_open (&above, 0);
    for (unsigned i = 0; i < 4; i++) {
        run_storm (&rig, 60);
        run_storm (&above, 60);
        qrig_compare (&rig);
        qrig_compare (&above);
    }
    /* And once more on top of that one. */
    take (&above, "again");
    create_above (&above, &higher, 64 * KIB, "again");
    qrig_open (&higher, 0);
    for (unsigned i = 0; i < 4; i++) {
        run_storm (&above, 60);
        run_storm (&higher, 60);
        qrig_compare (&above);
        qrig_compare (&higher);
    }
    qrig_close (&higher);
    qrig_open (&higher, 0);
    qrig_compare (&higher);
    qrig_fini (&higher);
    qrig_fini (&above);
    qrig_close (&rig);
    qrig_judge (&rig, false);
    qrig_fini (&rig);
}

static void
read_output (struct qrig *rig, char *line, size_t size)
{
    char path[128];
    FILE *stream = fopen (qrig_name (rig, path, "output"), "r");
    size_t n;

    CHECK (stream);
    n = fread (line, 1, size - 1, stream);
    line[n] = 0;
    fclose (stream);
}

/* It would read what the file below is now, and give it for true. */
TEST (qemu_keeps_away_from_such_an_image)
{
    struct qrig rig, above;
    char line[512];

    begin (&rig, 64 * KIB);
    take (&rig, "that");
    create_above (&rig, &above, 64 * KIB, "that");
    CHECK (qrig_run (&above, "qemu-img", "info", "-f", "qcow2", "-U", above.path, NULL) != 0);
    read_output (&above, line, sizeof line);
    CHECK_CONTAINS (line, "based on a snapshot of the backing file");
    qrig_fini (&above);
    qrig_fini (&rig);
}

/* Raw below, then qcow2: what is written is there until the image is closed, and nowhere else. */
TEST (nothing_is_left_of_what_is_disposable)
{
    for (unsigned i = 0; i < 2; i++) {
        char before[256], after[256];
        struct blk_source source = {.format = i ? BLK_FORMAT_QCOW2 : BLK_FORMAT_RAW};
        unsigned char *then;
        struct qrig rig;

        qrig_init (&rig);
        new_model (&rig, MIB);
        if (i) {
            qrig_create (&rig, rig.size, 4096);
            qrig_open (&rig, 0);
            run_storm (&rig, 50);
            qrig_close (&rig);
        } else
            QRIG_RUN (&rig, "truncate", "-s", "1M", rig.path);
        then = copy_model (&rig);
        source.path = rig.path;
        QRIG_RUN (&rig, "md5sum", rig.path);
        read_output (&rig, before, sizeof before);
        CHECK_EQUAL (blk_open_disposable (&source, rig.folder, NULL, &rig.blk, &rig.error), 0);
        CHECK_EQUAL (blk_attach (rig.blk, rig.loop), 0);
        qrig_compare (&rig);
        run_storm (&rig, 100);
        /* The storm may have ended as it began, all zeroes. */
        memset (rig.model, 0x5a, 512);
        CHECK_EQUAL (qrig_do (&rig, BLK_WRITE, 0, rig.model, 512, false), 0);
        qrig_compare (&rig);
        CHECK (memcmp (rig.model, then, rig.size) != 0);
        qrig_close (&rig);
        QRIG_RUN (&rig, "md5sum", rig.path);
        read_output (&rig, after, sizeof after);
        CHECK_STRING (after, before);
        CHECK (qrig_run (&rig, "sh", "-c", "ls $0 | grep -q disposable", rig.folder, NULL) != 0);
        free (then);
        qrig_fini (&rig);
    }
}

TEST (what_is_not_there_is_named)
{
    struct blk_qcow2_options raw = {.size = MIB,
                                    .backing = "/tmp/disk.raw",
                                    .backing_format = BLK_FORMAT_RAW,
                                    .backing_snapshot = "that"};
    struct qrig rig, above;
    struct blk *blk;
    char path[128];

    begin (&rig, 64 * KIB);
    take (&rig, "that");
    CHECK_EQUAL (open_view (&rig, "this", &blk), -ENOENT);
    CHECK_CONTAINS (rig.error.message, "this");
    CHECK_EQUAL (blk_create_qcow2 (qrig_name (&rig, path, "new"), &raw, &rig.error), -EINVAL);
    create_above (&rig, &above, 64 * KIB, "this");
    CHECK_EQUAL (qrig_try_open (&above, 0), -ENOENT);
    CHECK_CONTAINS (above.error.message, "this");
    above.allowed = "another";
    CHECK_EQUAL (qrig_try_open (&above, 0), -EPERM);
    qrig_fini (&above);
    qrig_fini (&rig);
}

TAP_MAIN ()
