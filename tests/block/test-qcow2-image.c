/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images as a whole: those of others, chains, sizes, damage and what is refused.
 */
#include "qcow2-storm.h"

#define MUST(rig, call)                                                           \
    do {                                                                          \
        if ((call) < 0)                                                           \
            tap_fail (__FILE__, __LINE__, "%s: %s", #call, (rig)->error.message); \
    } while (0)

/* Fills the model with something that compresses, and some that does not. */
static void
fill_model (struct qrig *rig)
{
    for (uint64_t i = 0; i < rig->size; i += 512)
        if (qrig_random (rig, 3))
            memset (rig->model + i, (int) qrig_random (rig, 5), 512);
        else
            for (uint64_t j = 0; j < 512; j += 8)
                store_le64 (rig->model + i + j, rig->seed * (j + 1));
}

static void
store_model (struct qrig *rig, const char *path)
{
    FILE *stream = fopen (path, "w");

    CHECK (stream);
    CHECK_EQUAL (fwrite (rig->model, 1, rig->size, stream), rig->size);
    fclose (stream);
}

/* An image that QEMU made of the model with @options, to be read, written, judged. */
static void
check_options (const char *options, const char *compress)
{
    char raw[128];
    struct qrig rig;

    qrig_init (&rig);
    new_model (&rig, 3 * MIB);
    rig.seed = strlen (options) + 1;
    fill_model (&rig);
    store_model (&rig, qrig_name (&rig, raw, "source.raw"));
    if (compress)
        QRIG_RUN (&rig, "qemu-img", "convert", compress, "-f", "raw", "-O", "qcow2", "-o", options,
                  raw, rig.path);
    else
        QRIG_RUN (&rig, "qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-o", options, raw,
                  rig.path);
    qrig_open (&rig, BLK_READ_ONLY);
    qrig_compare (&rig);
    qrig_close (&rig);
    qrig_open (&rig, 0);
    qrig_compare (&rig);
    run_storm (&rig, 80);
    reopen_and_judge (&rig, 0);
    qrig_fini (&rig);
}

TEST (images_of_version_2_work)
{
    check_options ("compat=0.10", NULL);
}

TEST (images_compressed_by_zlib_work)
{
    check_options ("compression_type=zlib", "-c");
    check_options ("cluster_size=4k", "-c");
    check_options ("cluster_size=2M", "-c");
    check_options ("compat=0.10", "-c");
}

TEST (images_compressed_by_zstd_work)
{
    check_options ("compression_type=zstd", "-c");
    check_options ("compression_type=zstd,cluster_size=512", "-c");
}

TEST (images_with_reference_counts_of_all_widths_work)
{
    check_options ("refcount_bits=1", NULL);
    check_options ("refcount_bits=2,cluster_size=512", NULL);
    check_options ("refcount_bits=4,cluster_size=1k", NULL);
    check_options ("refcount_bits=8", NULL);
    check_options ("refcount_bits=32", NULL);
    check_options ("refcount_bits=64,cluster_size=4k", NULL);
}

TEST (preallocated_images_work)
{
    check_options ("preallocation=metadata", NULL);
    check_options ("preallocation=falloc,cluster_size=2M", NULL);
    check_options ("preallocation=full,lazy_refcounts=on", NULL);
}

static void
check_refused (struct qrig *rig, const char *part)
{
    CHECK (qrig_try_open (rig, 0) < 0);
    if (!strstr (rig->error.message, part) || !strstr (rig->error.message, rig->path))
        tap_fail (__FILE__, __LINE__, "“%s” lacks “%s”", rig->error.message, part);
    unlink (rig->path);
}

TEST (what_is_not_supported_is_refused_by_name)
{
    char data[128], option[256];
    struct qrig rig;

    qrig_init (&rig);
    QRIG_RUN (&rig, "qemu-img", "create", "-f", "qcow2", "-o", "extended_l2=on", rig.path, "4M");
    check_refused (&rig, "extended L2");
    snprintf (option, sizeof option, "data_file=%s", qrig_name (&rig, data, "data.raw"));
    QRIG_RUN (&rig, "qemu-img", "create", "-f", "qcow2", "-o", option, rig.path, "4M");
    check_refused (&rig, "external data file");
    QRIG_RUN (&rig, "qemu-img", "create", "-f", "qcow2", "--object", "secret,id=s,data=abc", "-o",
              "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10", rig.path, "4M");
    check_refused (&rig, "LUKS");
    qrig_fini (&rig);
}

/* Two images over a raw file, the upper ones longer. */
static void
make_chain (struct qrig *rig, const char *version)
{
    char base[128], middle[128], option[32];

    new_model (rig, 3 * MIB + 512);
    rig->size = MIB + 1536;
    fill_model (rig);
    store_model (rig, qrig_name (rig, base, "base.raw"));
    rig->size = 2 * MIB;
    snprintf (option, sizeof option, "compat=%s", version);
    QRIG_RUN (rig, "qemu-img", "create", "-f", "qcow2", "-o", option, "-b", "base.raw", "-F", "raw",
              qrig_name (rig, middle, "middle.qcow2"), "2M");
    memcpy (middle, rig->path, sizeof middle);
    qrig_name (rig, rig->path, "middle.qcow2");
    qrig_open (rig, 0);
    qrig_compare (rig);
    run_storm (rig, 60);
    qrig_compare (rig);
    qrig_close (rig);
    qrig_judge (rig, false);
    qrig_name (rig, rig->path, "disk.qcow2");
    rig->size = 3 * MIB + 512;
    snprintf (option, sizeof option, "%" PRIu64, rig->size);
    QRIG_RUN (rig, "qemu-img", "create", "-f", "qcow2", "-o", "cluster_size=4k", "-b",
              "middle.qcow2", "-F", "qcow2", rig->path, option);
}

static void
check_chain (const char *version, unsigned flags)
{
    struct qrig rig;

    qrig_init (&rig);
    make_chain (&rig, version);
    qrig_open (&rig, flags);
    qrig_compare (&rig);
    for (int i = 0; i < 3; i++) {
        run_storm (&rig, 100);
        reopen_and_judge (&rig, flags);
    }
    qrig_fini (&rig);
}

TEST (chains_of_images_work)
{
    check_chain ("1.1", 0);
    check_chain ("0.10", 0);
    check_chain ("1.1", BLK_NO_RING);
}

TEST (only_allowed_files_are_opened_and_for_reading)
{
    struct qrig rig;

    qrig_init (&rig);
    make_chain (&rig, "1.1");
    rig.allowed = "middle.qcow2";
    CHECK_EQUAL (qrig_try_open (&rig, 0), -EPERM);
    CHECK (strstr (rig.error.message, "base.raw"));
    rig.allowed = NULL;
    qrig_open (&rig, 0);
    qrig_fini (&rig);
}

TEST (our_own_overlay_is_what_qemu_reads)
{
    struct blk_qcow2_options options = {
        .size = 2 * MIB, .cluster_size = 8192, .backing = "base.raw"};
    struct qrig rig;
    char base[128];

    qrig_init (&rig);
    new_model (&rig, 2 * MIB);
    fill_model (&rig);
    store_model (&rig, qrig_name (&rig, base, "base.raw"));
    MUST (&rig, blk_create_qcow2 (rig.path, &options, &rig.error));
    CHECK_EQUAL (blk_create_qcow2 (rig.path, &options, &rig.error), -EEXIST);
    qrig_open (&rig, 0);
    run_storm (&rig, 100);
    reopen_and_judge (&rig, 0);
    qrig_fini (&rig);
}

TEST (disks_grow_and_shrink)
{
    struct qrig rig;
    struct blk_check check;

    qrig_init (&rig);
    new_model (&rig, 48 * MIB);
    rig.size = 3 * MIB + 512;
    qrig_create (&rig, rig.size, 4 * KIB);
    qrig_open (&rig, 0);
    run_storm (&rig, 100);
    MUST (&rig, blk_resize (rig.blk, 48 * MIB, &rig.error));
    rig.size = 48 * MIB;
    CHECK_EQUAL (blk_get_info (rig.blk)->size, rig.size);
    reopen_and_judge (&rig, 0);
    memset (rig.model + 47 * MIB, 7, 512);
    CHECK_EQUAL (qrig_do (&rig, BLK_WRITE, 47 * MIB, rig.model + 47 * MIB, 512, false), 0);
    CHECK_EQUAL (blk_resize (rig.blk, 46 * MIB, &rig.error), -ENOTEMPTY);
    CHECK (strstr (rig.error.message, "data behind its new end"));
    CHECK_EQUAL (blk_resize (rig.blk, 46 * MIB + 5, &rig.error), -EINVAL);
    qrig_compare (&rig);
    MUST (&rig, blk_resize (rig.blk, 47 * MIB + 512, &rig.error));
    rig.size = 47 * MIB + 512;
    reopen_and_judge (&rig, 0);
    MUST (&rig, blk_check (rig.blk, &check, &rig.error));
    CHECK (check.errors == 0 && check.leaks == 0 && check.used > 0);
    qrig_fini (&rig);
}

/* Overwrites bytes of the image's file. */
static void
poke (struct qrig *rig, uint64_t offset, uint64_t value, unsigned bytes)
{
    unsigned char be[8];
    int fd = open (rig->path, O_RDWR | O_CLOEXEC);

    store_be64 (be, value);
    CHECK (fd >= 0);
    CHECK_EQUAL (pwrite (fd, be + 8 - bytes, bytes, (off_t) offset), bytes);
    close (fd);
}

static uint64_t
peek (struct qrig *rig, uint64_t offset)
{
    unsigned char be[8];
    int fd = open (rig->path, O_RDONLY | O_CLOEXEC);

    CHECK (fd >= 0);
    CHECK_EQUAL (pread (fd, be, 8, (off_t) offset), 8);
    close (fd);
    return load_be64 (be);
}

/* The refcount table that QEMU makes for such an image covers 8 MiB. */
TEST (writing_goes_on_where_the_refcount_table_is_full)
{
    struct qrig rig;

    qrig_init (&rig);
    new_model (&rig, 20 * MIB);
    fill_model (&rig);
    QRIG_RUN (&rig, "qemu-img", "create", "-f", "qcow2", "-o", "cluster_size=512", rig.path, "20M");
    qrig_open (&rig, 0);
    for (uint64_t at = 0; at < rig.size; at += MIB)
        CHECK_EQUAL (qrig_do (&rig, BLK_WRITE, at, rig.model + at, MIB, false), 0);
    CHECK (peek (&rig, 56) >> 32 > 1); /* clusters of the table */
    reopen_and_judge (&rig, 0);
    qrig_fini (&rig);
}

TEST (an_image_that_was_not_closed_gets_true_counts)
{
    struct qrig rig;
    uint64_t block;

    qrig_init (&rig);
    new_model (&rig, 4 * MIB);
    qrig_create (&rig, rig.size, 0);
    qrig_open (&rig, 0);
    run_storm (&rig, 200);
    qrig_close (&rig);
    /* All counts behind the header's are lost. */
    block = peek (&rig, peek (&rig, 48));
    for (int i = 1; i < 200; i++)
        poke (&rig, block + 2 * (uint64_t) i, 0, 2);
    poke (&rig, 72, QCOW2_DIRTY, 8);
    qrig_open (&rig, 0);
    reopen_and_judge (&rig, 0);
    CHECK_EQUAL (peek (&rig, 72), 0);
    qrig_fini (&rig);
}

TEST (leaks_of_version_2_go_when_it_is_opened)
{
    struct blk_check check;
    struct qrig rig;
    uint64_t block;

    qrig_init (&rig);
    new_model (&rig, 4 * MIB);
    QRIG_RUN (&rig, "qemu-img", "create", "-f", "qcow2", "-o", "compat=0.10", rig.path, "4M");
    qrig_open (&rig, 0);
    run_storm (&rig, 100);
    qrig_close (&rig);
    qrig_judge (&rig, false);
    block = peek (&rig, peek (&rig, 48));
    poke (&rig, block + 2 * 1000, 1, 2);
    for (unsigned i = 0; i < 3; i++) {
        qrig_open (&rig, i < 2 ? BLK_READ_ONLY : 0);
        MUST (&rig, blk_check (rig.blk, &check, &rig.error));
        CHECK_EQUAL (check.leaks, i < 2);
        qrig_close (&rig);
    }
    qrig_open (&rig, 0);
    reopen_and_judge (&rig, 0);
    qrig_fini (&rig);
}

TEST (leaks_are_found_and_repaired)
{
    struct blk_check check;
    struct qrig rig;
    uint64_t block;

    qrig_init (&rig);
    new_model (&rig, 4 * MIB);
    qrig_create (&rig, rig.size, 0);
    qrig_open (&rig, 0);
    run_storm (&rig, 100);
    qrig_close (&rig);
    block = peek (&rig, peek (&rig, 48));
    poke (&rig, block + 2 * 1000, 1, 2);
    poke (&rig, block + 2 * 3, 5, 2);
    qrig_open (&rig, 0);
    MUST (&rig, blk_check (rig.blk, &check, &rig.error));
    CHECK_EQUAL (check.leaks, 2);
    MUST (&rig, blk_repair (rig.blk, &rig.error));
    MUST (&rig, blk_check (rig.blk, &check, &rig.error));
    CHECK (check.leaks == 0 && check.errors == 0);
    reopen_and_judge (&rig, 0);
    qrig_fini (&rig);
}

struct watcher {
    unsigned left;
    double percent;
};

static bool
watch_cb (void *data, double percent)
{
    struct watcher *self = data;

    CHECK (percent >= self->percent && percent <= 100);
    self->percent = percent;
    return self->left-- > 0;
}

/* After each of the calls that ask, up to where there are no more. */
TEST (checks_and_repairs_are_cancelled_and_change_nothing)
{
    struct watcher watcher;
    const struct blk_watch watch = {.progress = watch_cb, .data = &watcher};
    struct blk_check check;
    struct qrig rig;
    int r = -ECANCELED;

    qrig_init (&rig);
    new_model (&rig, 4 * MIB);
    qrig_create (&rig, rig.size, 4096);
    qrig_open (&rig, 0);
    run_storm (&rig, 100);
    MUST (&rig, blk_snapshot_take (rig.blk, &(struct blk_snapshot) {.id = "one"}, &rig.error));
    run_storm (&rig, 50);
    qrig_close (&rig);
    poke (&rig, peek (&rig, peek (&rig, 48)) + 2 * 2047, 1, 2); /* leaks */
    qrig_open (&rig, 0);
    for (unsigned i = 0; r == -ECANCELED; i++) {
        CHECK (i < 1000);
        watcher = (struct watcher) {.left = i};
        r = blk_check_watched (rig.blk, &watch, &check, &rig.error);
        CHECK (r == 0 || (r == -ECANCELED && strstr (rig.error.message, "cancelled")));
    }
    CHECK_EQUAL (check.leaks, 1);
    CHECK (!check.damaged && watcher.percent > 50);
    r = -ECANCELED;
    for (unsigned i = 0; r == -ECANCELED; i++) {
        CHECK (i < 1000);
        MUST (&rig, blk_check (rig.blk, &check, &rig.error));
        CHECK_EQUAL (check.leaks, 1);
        watcher = (struct watcher) {.left = i};
        r = blk_repair_watched (rig.blk, &watch, &rig.error);
        CHECK (r == 0 || (r == -ECANCELED && strstr (rig.error.message, "cancelled")));
        run_storm (&rig, 5);
    }
    MUST (&rig, blk_check (rig.blk, &check, &rig.error));
    CHECK (check.leaks == 0 && check.errors == 0);
    reopen_and_judge (&rig, 0);
    qrig_fini (&rig);
}

TEST (a_corrupt_image_is_only_read_until_it_is_repaired)
{
    struct qrig rig;

    qrig_init (&rig);
    new_model (&rig, MIB);
    qrig_create (&rig, rig.size, 0);
    qrig_open (&rig, 0);
    run_storm (&rig, 50);
    qrig_close (&rig);
    poke (&rig, 72, QCOW2_CORRUPT, 8);
    CHECK_EQUAL (qrig_try_open (&rig, 0), -EUCLEAN);
    CHECK (strstr (rig.error.message, "corrupt"));
    qrig_open (&rig, BLK_READ_ONLY);
    qrig_compare (&rig);
    qrig_close (&rig);
    qrig_open (&rig, BLK_FOR_REPAIR);
    MUST (&rig, blk_repair (rig.blk, &rig.error));
    reopen_and_judge (&rig, 0);
    qrig_fini (&rig);
}

TEST (damage_is_an_error_and_nothing_worse)
{
    unsigned char buffer[512];
    struct blk_check check;
    struct qrig rig;
    uint64_t l1;

    qrig_init (&rig);
    new_model (&rig, 64 * MIB);
    qrig_create (&rig, rig.size, 512);
    l1 = 0;
    qrig_open (&rig, 0);
    CHECK_EQUAL (qrig_do (&rig, BLK_WRITE, 0, buffer, 512, false), 0);
    qrig_close (&rig);
    l1 = peek (&rig, 40);
    poke (&rig, l1, QCOW2_COPIED | (UINT64_C (1) << 50), 8);
    poke (&rig, l1 + 8, QCOW2_COPIED | 0x200000001ff, 8);
    qrig_open (&rig, 0);
    CHECK_EQUAL (qrig_do (&rig, BLK_READ, 0, buffer, 512, false), -EIO);
    CHECK_EQUAL (qrig_do (&rig, BLK_WRITE, 512 * 64, buffer, 512, false), -EIO);
    CHECK_EQUAL (qrig_do (&rig, BLK_WRITE, 512 * 128, buffer, 512, false), 0);
    MUST (&rig, blk_check (rig.blk, &check, &rig.error));
    CHECK (check.damaged && check.errors);
    CHECK_EQUAL (blk_repair (rig.blk, &rig.error), -EUCLEAN);
    qrig_fini (&rig);
}

/* As if nothing were used, so that the header would seem free. */
TEST (an_image_without_refcount_blocks_is_not_written)
{
    unsigned char buffer[512] = {1};
    struct qrig rig;

    qrig_init (&rig);
    new_model (&rig, MIB);
    qrig_create (&rig, rig.size, 0);
    poke (&rig, peek (&rig, 48), 0, 8);
    qrig_open (&rig, 0);
    CHECK_EQUAL (qrig_do (&rig, BLK_WRITE, 0, buffer, 512, false), -EIO);
    qrig_close (&rig);
    CHECK_EQUAL (peek (&rig, 0) >> 32, QCOW2_MAGIC);
    qrig_fini (&rig);
}

TEST (what_is_unknown_but_harmless_stays)
{
    unsigned char before[512], after[512];
    struct qrig rig;
    FILE *stream;

    qrig_init (&rig);
    new_model (&rig, MIB);
    qrig_create (&rig, rig.size, 0);
    poke (&rig, 80, UINT64_C (1) << 33, 8); /* a compatible feature */
    poke (&rig, 88, UINT64_C (1) << 40, 8); /* one that says it must be cleared */
    poke (&rig, 112, UINT64_C (0x1234567800000008), 8);
    poke (&rig, 120, UINT64_C (0x6b65657020746869), 8);
    stream = fopen (rig.path, "r");
    CHECK (stream && fread (before, 1, 512, stream) == 512);
    fclose (stream);
    qrig_open (&rig, 0);
    run_storm (&rig, 50);
    qrig_close (&rig);
    stream = fopen (rig.path, "r");
    CHECK (stream && fread (after, 1, 512, stream) == 512);
    fclose (stream);
    memset (before + 88, 0, 8);
    CHECK (memcmp (before, after, 512) == 0);
    qrig_fini (&rig);
}

TEST (a_format_is_guessed_of_a_new_file_only)
{
    enum blk_format format;
    struct qrig rig;

    qrig_init (&rig);
    qrig_create (&rig, MIB, 0);
    MUST (&rig, blk_guess_format (rig.path, &format, &rig.error));
    CHECK_EQUAL (format, BLK_FORMAT_QCOW2);
    poke (&rig, 0, 0, 1);
    MUST (&rig, blk_guess_format (rig.path, &format, &rig.error));
    CHECK_EQUAL (format, BLK_FORMAT_RAW);
    CHECK_EQUAL (blk_guess_format ("/nowhere", &format, &rig.error), -ENOENT);
    qrig_fini (&rig);
}

TEST (a_writer_excludes_everybody_else)
{
    struct qrig rig;
    struct blk *first;

    qrig_init (&rig);
    qrig_create (&rig, MIB, 0);
    qrig_open (&rig, 0);
    first = rig.blk;
    CHECK_EQUAL (qrig_try_open (&rig, 0), -EBUSY);
    CHECK_EQUAL (qrig_try_open (&rig, BLK_READ_ONLY), -EBUSY);
    CHECK (qrig_run (&rig, "qemu-img", "info", "-f", "qcow2", rig.path, NULL) != 0);
    rig.blk = first;
    qrig_fini (&rig);
}

TAP_MAIN ()
