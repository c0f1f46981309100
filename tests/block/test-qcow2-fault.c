/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The Nth read, write, flush, change of size or allocation fails, for every N, once, while a fixed
 * sequence of operations goes on. What fails says so; what says that it is done is done; and when
 * all is over, the image has no errors but leaks, and nothing is lost.
 */
#include <stdatomic.h>
#include <stddef.h>

void *__real_malloc (size_t size);
void *__real_calloc (size_t n, size_t size);
void *__real_realloc (void *old, size_t size);
#define MEM_MALLOC  __real_malloc
#define MEM_CALLOC  __real_calloc
#define MEM_REALLOC __real_realloc

#include "mem-file.h"
#include "qcow2-rig.h"

#define DISK         (768 * KIB)
#define SECTORS      (DISK / 512)
#define N_OPERATIONS 36

/* Allocations of the driver: the linker sends them here. */
static atomic_bool armed;
static atomic_long left;

void *__wrap_malloc (size_t size);
void *__wrap_calloc (size_t n, size_t size);
void *__wrap_realloc (void *old, size_t size);

static bool
meet (void)
{
    return atomic_load (&armed) && atomic_fetch_sub (&left, 1) == 1;
}

void *
__wrap_malloc (size_t size)
{
    return meet () ? NULL : __real_malloc (size);
}

void *
__wrap_calloc (size_t n, size_t size)
{
    return meet () ? NULL : __real_calloc (n, size);
}

void *
__wrap_realloc (void *old, size_t size)
{
    return meet () ? NULL : __real_realloc (old, size);
}

struct failing {
    struct qrig rig;
    struct mem_file file;
    uint32_t model[SECTORS];
    uint32_t kept[SECTORS]; /* of the snapshot */
    bool has_snapshot;
    bool flush_failed;
    unsigned n_failures;
};

static struct qcow2 *
open_file (struct failing *failing, unsigned flags)
{
    struct blk_source source = {failing->rig.path, BLK_FORMAT_QCOW2, BLK_NO_RING | flags, NULL,
                                NULL};
    struct qcow2 *image;

    if (qcow2_open_file (&failing->file.file, &source, 0, NULL, &image, &failing->rig.error) < 0)
        tap_fail (__FILE__, __LINE__, "open: %s", failing->rig.error.message);
    CHECK_EQUAL (blk_attach (&image->blk, failing->rig.loop), 0);
    return image;
}

static int
carry_out (struct failing *failing, enum blk_operation operation, uint64_t first, uint64_t n,
           void *buffer, bool may_unmap)
{
    int r = qrig_do (&failing->rig, operation, first * 512, buffer, n * 512, may_unmap);

    failing->n_failures += r < 0;
    if (r < 0)
        CHECK (r == -EIO || r == -ENOSPC || r == -ENOMEM);
    return r;
}

/* After a failure, each sector is what it was or what it was to be; which, is read. The fault has
 * been by then. */
static void
settle_model (struct failing *failing, uint64_t first, uint64_t n, uint32_t wanted)
{
    unsigned char sector[512];

    for (uint64_t i = first; i < first + n; i++) {
        uint32_t value;

        if (qrig_do (&failing->rig, BLK_READ, i * 512, sector, 512, false) < 0)
            CHECK_EQUAL (qrig_do (&failing->rig, BLK_READ, i * 512, sector, 512, false), 0);
        value = load_le32 (sector);
        if (value != wanted && value != failing->model[i])
            tap_fail (__FILE__, __LINE__, "sector %" PRIu64 " is %u, not %u or %u", i, value,
                      failing->model[i], wanted);
        failing->model[i] = value;
    }
}

static void
write_or_clear (struct failing *failing, uint64_t first, uint64_t n, uint32_t number, unsigned kind)
{
    uint32_t *buffer = __real_malloc (n * 512);
    uint32_t wanted = kind < 5 ? number : 0;
    int r;

    for (uint64_t i = 0; i < n * 128; i++)
        buffer[i] = number;
    if (kind < 5)
        r = carry_out (failing, BLK_WRITE, first, n, buffer, false);
    else
        r = carry_out (failing, kind < 7 ? BLK_WRITE_ZEROES : BLK_DISCARD, first, n, NULL,
                       kind & 1);
    if (r < 0 || kind == 7)
        settle_model (failing, first, n, wanted);
    else
        for (uint64_t i = first; i < first + n; i++)
            failing->model[i] = wanted;
    free (buffer);
}

static int
take_in_steps (struct blk *blk, const struct blk_snapshot *wish, struct vmm_error *error)
{
    int r = blk_snapshot_prepare (blk, error);

    if (r == 0)
        r = blk_snapshot_begin (blk, wish, error);
    return r == 0 ? blk_snapshot_finish (blk, error) : r;
}

static void
use_snapshots (struct failing *failing, unsigned kind)
{
    struct blk_snapshot wish = {.id = "one"};
    struct blk *blk = failing->rig.blk;
    struct vmm_error *error = &failing->rig.error;
    int r;

    if (!failing->has_snapshot) {
        if (kind == 10)
            r = blk_snapshot_take (blk, &wish, error);
        else
            r = take_in_steps (blk, &wish, error);
        failing->has_snapshot = r == 0;
        if (r == 0)
            memcpy (failing->kept, failing->model, sizeof failing->kept);
    } else if (kind == 9) {
        r = blk_snapshot_apply (blk, "one", error);
        if (r == 0)
            memcpy (failing->model, failing->kept, sizeof failing->kept);
    } else {
        r = blk_snapshot_delete (blk, "one", error);
        failing->has_snapshot = r < 0;
    }
    failing->n_failures += r < 0;
    if (r < 0)
        CHECK (*error->message);
}

static void
operate (struct failing *failing, uint32_t number)
{
    struct qrig *rig = &failing->rig;
    unsigned kind = (unsigned) qrig_random (rig, 11);
    uint64_t first = qrig_random (rig, SECTORS), n = 1 + qrig_random (rig, 200);

    n = MIN_OF (n, SECTORS - first);
    if (kind < 8)
        write_or_clear (failing, first, n, number, kind);
    else if (kind == 8)
        failing->flush_failed |= carry_out (failing, BLK_FLUSH, 0, 0, NULL, false) < 0;
    else
        use_snapshots (failing, kind);
}

static void
check_contents (struct failing *failing)
{
    unsigned char *contents = __real_malloc (DISK);

    CHECK_EQUAL (qrig_do (&failing->rig, BLK_READ, 0, contents, DISK, false), 0);
    for (uint64_t i = 0; i < SECTORS; i++)
        if (load_le32 (contents + 512 * i) != failing->model[i])
            tap_fail (__FILE__, __LINE__, "sector %" PRIu64 " is %u, not %u", i,
                      load_le32 (contents + 512 * i), failing->model[i]);
    free (contents);
}

/* Opens what is left and looks at all of it, as it is or repaired. */
static void
check_state (struct failing *failing, bool lost_flush, bool repair)
{
    struct qcow2 *image = open_file (failing, repair ? 0 : BLK_FOR_REPAIR);
    struct blk_check check;

    failing->rig.blk = &image->blk;
    CHECK_EQUAL (blk_check (&image->blk, &check, &failing->rig.error), 0);
    CHECK_EQUAL (check.errors, 0);
    if (repair || !(image->header.incompatible & QCOW2_DIRTY))
        CHECK_EQUAL (check.leaks, 0);
    if (!lost_flush)
        check_contents (failing);
    qrig_close (&failing->rig);
}

static void
check_afterwards (struct failing *failing, bool lost_flush, bool qemu)
{
    failing->file.flush_failed = false;
    check_state (failing, lost_flush, false);
    if (qemu) {
        mem_store (&failing->file, failing->rig.path);
        qrig_judge (&failing->rig, true);
        check_state (failing, lost_flush, true);
    }
}

enum fault {
    FAULT_READ = MEM_READ,
    FAULT_WRITE = MEM_WRITE,
    FAULT_FLUSH = MEM_FLUSH,
    FAULT_SIZE = MEM_SIZE,
    FAULT_MEMORY,
};

/* From here on the @n'th of @fault fails. The workers are there already. */
static void
arm (struct failing *failing, enum fault fault, uint64_t n, int fail_with)
{
    struct mem_file *file = &failing->file;

    if (fault == FAULT_MEMORY) {
        atomic_store (&left, (long) n);
        atomic_store (&armed, n > 0);
        return;
    }
    pthread_mutex_lock (&file->mutex);
    memset (file->count, 0, sizeof file->count);
    file->fail_kind = (enum mem_kind) fault;
    file->fail_with = fail_with;
    file->fail_at = n;
    pthread_mutex_unlock (&file->mutex);
}

/* The fault is over; whether it ever was. */
static bool
disarm (struct failing *failing, enum fault fault)
{
    struct mem_file *file = &failing->file;
    bool met;

    atomic_store (&armed, false);
    if (fault == FAULT_MEMORY)
        return atomic_load (&left) <= 0;
    pthread_mutex_lock (&file->mutex);
    met = file->count[fault] >= file->fail_at;
    file->fail_at = 0;
    pthread_mutex_unlock (&file->mutex);
    return met;
}

/* One run in which the @n'th goes wrong; false if it never came to that. */
static bool
run_once (const struct mem_file *fresh, enum fault fault, uint64_t n, int fail_with)
{
    struct failing *failing = __real_calloc (1, sizeof *failing);
    struct qcow2 *image;
    bool met;

    qrig_init (&failing->rig);
    failing->rig.seed = 12;
    mem_init (&failing->file);
    mem_copy (&failing->file, fresh);
    image = open_file (failing, 0);
    failing->rig.blk = &image->blk;
    arm (failing, fault, n, fail_with);
    for (uint32_t i = 1; i <= N_OPERATIONS; i++)
        operate (failing, i);
    met = disarm (failing, fault);
    if (fault == FAULT_FLUSH && failing->flush_failed)
        CHECK_EQUAL (qrig_do (&failing->rig, BLK_FLUSH, 0, NULL, 0, false), -EIO);
    if (fault != FAULT_FLUSH) {
        check_contents (failing);
        CHECK_EQUAL (qrig_do (&failing->rig, BLK_FLUSH, 0, NULL, 0, false), 0);
    }
    qrig_close (&failing->rig);
    check_afterwards (failing, fault == FAULT_FLUSH, n % 40 == 1);
    mem_fini (&failing->file);
    qrig_fini (&failing->rig);
    free (failing);
    return met;
}

static void
check_fault (enum fault fault, int fail_with)
{
    struct mem_file fresh;
    struct qrig rig;
    uint64_t n = 1;

    qrig_init (&rig);
    mem_init (&fresh);
    qrig_create (&rig, DISK, 2 * KIB);
    mem_load (&fresh, rig.path);
    while (run_once (&fresh, fault, n, fail_with))
        n++;
    printf ("# failed %" PRIu64 " in turn\n", n - 1);
    CHECK (n > 3);
    mem_fini (&fresh);
    qrig_fini (&rig);
}

TEST (every_read_may_fail)
{
    check_fault (FAULT_READ, -EIO);
}

TEST (every_write_may_fail)
{
    check_fault (FAULT_WRITE, -EIO);
}

TEST (the_host_may_be_full_at_every_write)
{
    check_fault (FAULT_WRITE, -ENOSPC);
}

TEST (every_flush_may_fail)
{
    check_fault (FAULT_FLUSH, -EIO);
}

TEST (every_change_of_size_may_fail)
{
    check_fault (FAULT_SIZE, -ENOSPC);
}

TEST (every_allocation_may_fail)
{
    check_fault (FAULT_MEMORY, 0);
}

TAP_MAIN ()
