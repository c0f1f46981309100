/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How often the file is flushed, and before what: read off the log of what was done to it.
 */
#include "mem-file.h"
#include "qcow2-rig.h"

struct ordered {
    struct qrig rig;
    struct mem_file file;
    struct qcow2 *image;
};

static void
init_ordered (struct ordered *ordered)
{
    struct blk_source source = {.format = BLK_FORMAT_QCOW2, .flags = BLK_NO_RING};

    *ordered = (struct ordered) {0};
    qrig_init (&ordered->rig);
    qrig_create (&ordered->rig, GIB, 64 * KIB);
    mem_init (&ordered->file);
    mem_load (&ordered->file, ordered->rig.path);
    source.path = ordered->rig.path;
    CHECK_EQUAL (qcow2_open_file (&ordered->file.file, &source, 0, NULL, &ordered->image,
                                  &ordered->rig.error),
                 0);
    CHECK_EQUAL (blk_attach (&ordered->image->blk, ordered->rig.loop), 0);
    ordered->rig.blk = &ordered->image->blk;
    ordered->file.logging = true;
}

static void
fini_ordered (struct ordered *ordered)
{
    qrig_close (&ordered->rig);
    mem_fini (&ordered->file);
    qrig_fini (&ordered->rig);
}

/* Writes a sector and flushes; how many flushes of the file that took, and where the log begins. */
static unsigned
write_and_flush (struct ordered *ordered, uint64_t offset, size_t *ret_from)
{
    unsigned char sector[512] = {1};
    struct mem_file *file = &ordered->file;
    unsigned n = 0;

    pthread_mutex_lock (&file->mutex);
    *ret_from = file->n_log;
    pthread_mutex_unlock (&file->mutex);
    CHECK_EQUAL (qrig_do (&ordered->rig, BLK_WRITE, offset, sector, sizeof sector, false), 0);
    CHECK_EQUAL (qrig_do (&ordered->rig, BLK_FLUSH, 0, NULL, 0, false), 0);
    pthread_mutex_lock (&file->mutex);
    for (size_t i = *ret_from; i < file->n_log; i++)
        n += file->log[i].kind == MEM_FLUSH;
    pthread_mutex_unlock (&file->mutex);
    return n;
}

TEST (a_flush_after_writes_to_new_clusters_flushes_the_file_once)
{
    struct ordered ordered;
    unsigned n = 0;
    size_t from;

    init_ordered (&ordered);
    /* Finds clusters, and makes the table. */
    CHECK (write_and_flush (&ordered, 0, &from) > 1);
    for (unsigned i = 1; i < 20; i++)
        n += write_and_flush (&ordered, 64 * KIB * i, &from);
    /* Clusters for later were found meanwhile. */
    CHECK (n <= 20);
    fini_ordered (&ordered);
}

TEST (a_copied_table_is_stable_before_anything_refers_to_it)
{
    struct blk_snapshot wish = {.id = "one"};
    struct ordered ordered;
    const struct mem_entry *log;
    bool copied = false, flushed = false, linked = false;
    size_t from;

    init_ordered (&ordered);
    write_and_flush (&ordered, 0, &from);
    write_and_flush (&ordered, 512 * MIB, &from);
    /* The second one shares tables with the disk, for they need no change. */
    CHECK_EQUAL (blk_snapshot_take (ordered.rig.blk, &wish, &ordered.rig.error), 0);
    wish.id[0] = 't';
    CHECK_EQUAL (blk_snapshot_take (ordered.rig.blk, &wish, &ordered.rig.error), 0);
    /* Until clusters are found again, and all is stable. */
    for (unsigned i = 0, n = 2; n > 1; i++) {
        n = write_and_flush (&ordered, 64 * KIB * i, &from);
        pthread_mutex_lock (&ordered.image->lock);
        if (ordered.image->reserve[1].n == 0 || !qcow2_is_clean (ordered.image))
            n = 2;
        pthread_mutex_unlock (&ordered.image->lock);
    }
    write_and_flush (&ordered, 513 * MIB, &from);
    pthread_mutex_lock (&ordered.file.mutex);
    log = ordered.file.log;
    for (size_t i = from; i < ordered.file.n_log; i++) {
        copied |= log[i].kind == MEM_WRITE && log[i].length == 64 * KIB;
        flushed |= copied && log[i].kind == MEM_FLUSH;
        linked |= log[i].kind == MEM_WRITE && log[i].offset == ordered.image->l1.offset;
        CHECK (!linked || flushed);
    }
    pthread_mutex_unlock (&ordered.file.mutex);
    CHECK (copied && linked);
    fini_ordered (&ordered);
}

TAP_MAIN ()
