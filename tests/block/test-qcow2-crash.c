/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Power cuts. All writes to the file are logged while operations go on; then, for a cut after every
 * entry of the log, an image is made of what was flushed before and a random part, by sectors, of
 * what was not. It has no errors but leaks, to us and (for a sample) to QEMU, and every sector is
 * what it was at the last flush or what was written to it since. Each sector that is written is
 * filled with the number of its operation.
 */
#include "mem-file.h"
#include "qcow2-rig.h"

#define MAX_OPERATIONS 400
#define DISK           (MIB)
#define SECTORS        (DISK / 512)

enum kind {
    OP_WRITE,
    OP_ZEROES,
    OP_DISCARD,
    OP_FLUSH,
    OP_RESIZE, /* larger, and back */
    OP_TAKE,
    OP_APPLY,
    OP_DELETE,
    OP_KINDS,
};

struct operation {
    enum kind kind;
    uint64_t first, n;
    size_t started, ended;   /* of the log */
    uint32_t after[SECTORS]; /* what each sector is then; the flushed state, for a flush */
    unsigned snapshot;
};

struct cutting {
    struct qrig rig;
    struct mem_file file;
    uint32_t model[SECTORS];
    struct operation operations[MAX_OPERATIONS];
    unsigned n_operations;
    struct {
        bool there;
        uint32_t contents[SECTORS];
    } snapshots[MAX_OPERATIONS];
    uint64_t n_cuts, n_leaking, n_judged;
    struct operation *begun; /* the snapshot that a worker takes */
    bool taking;             /* a snapshot was begun and not waited for */
};

static struct qcow2 *
open_file (struct qrig *rig, struct mem_file *file, unsigned flags)
{
    struct blk_source source = {rig->path, BLK_FORMAT_QCOW2, BLK_NO_RING | flags, NULL, NULL};
    struct qcow2 *image;

    if (qcow2_open_file (&file->file, &source, 0, NULL, &image, &rig->error) < 0)
        tap_fail (__FILE__, __LINE__, "open: %s", rig->error.message);
    CHECK_EQUAL (blk_attach (&image->blk, rig->loop), 0);
    return image;
}

/* Workers write to the log, too. */
static size_t
log_length (struct cutting *cutting)
{
    size_t n;

    pthread_mutex_lock (&cutting->file.mutex);
    n = cutting->file.n_log;
    pthread_mutex_unlock (&cutting->file.mutex);
    return n;
}

static void
name_snapshot (unsigned number, struct blk_snapshot *wish)
{
    *wish = (struct blk_snapshot) {0};
    snprintf (wish->id, sizeof wish->id, "%u", number);
}

/* Reads what must not change before the worker is done. */
static int
take_in_steps (struct cutting *cutting, const struct blk_snapshot *wish)
{
    struct qrig *rig = &cutting->rig;
    unsigned char *contents = malloc (DISK);
    int r = blk_snapshot_begin (rig->blk, wish, &rig->error);

    CHECK (contents);
    CHECK_EQUAL (qrig_do (rig, BLK_READ, 0, contents, DISK, false), 0);
    for (uint64_t i = 0; i < SECTORS; i++)
        CHECK_EQUAL (load_le32 (contents + 512 * i), cutting->model[i]);
    free (contents);
    /* The next operation comes while it is taken; only what must have the image at rest waits. */
    cutting->taking = r == 0;
    return r;
}

/* The worker is done: only now what the snapshot has is stable. */
static void
end_taking (struct cutting *cutting)
{
    if (cutting->begun)
        cutting->begun->ended = log_length (cutting);
    cutting->begun = NULL;
}

/* Every other time there is a request in between. */
static void
finish_taking (struct cutting *cutting)
{
    if (cutting->taking && blk_snapshot_finish (cutting->rig.blk, &cutting->rig.error) < 0)
        tap_fail (__FILE__, __LINE__, "snapshot: %s", cutting->rig.error.message);
    cutting->taking = false;
    end_taking (cutting);
}

static void
do_snapshot (struct cutting *cutting, struct operation *operation)
{
    struct qrig *rig = &cutting->rig;
    struct blk_snapshot wish;
    int r;

    name_snapshot (operation->snapshot, &wish);
    finish_taking (cutting);
    if (operation->kind == OP_RESIZE) {
        r = blk_resize (rig->blk, DISK + 700 * KIB, &rig->error);
        if (r == 0)
            r = blk_resize (rig->blk, DISK, &rig->error);
    } else if (operation->kind == OP_TAKE) {
        if (operation->snapshot % 2)
            r = blk_snapshot_take (rig->blk, &wish, &rig->error);
        else
            r = take_in_steps (cutting, &wish);
        cutting->snapshots[operation->snapshot].there = true;
        memcpy (cutting->snapshots[operation->snapshot].contents, cutting->model,
                sizeof cutting->model);
    } else if (operation->kind == OP_APPLY) {
        r = blk_snapshot_apply (rig->blk, wish.id, &rig->error);
        memcpy (cutting->model, cutting->snapshots[operation->snapshot].contents,
                sizeof cutting->model);
    } else {
        r = blk_snapshot_delete (rig->blk, wish.id, &rig->error);
        cutting->snapshots[operation->snapshot].there = false;
    }
    if (r < 0)
        tap_fail (__FILE__, __LINE__, "snapshot: %s", rig->error.message);
}

static void
do_request (struct cutting *cutting, struct operation *operation, uint32_t number)
{
    static const enum blk_operation operations[] = {
        [OP_WRITE] = BLK_WRITE,
        [OP_ZEROES] = BLK_WRITE_ZEROES,
        [OP_DISCARD] = BLK_DISCARD,
        [OP_FLUSH] = BLK_FLUSH,
    };
    uint64_t length = operation->n * 512;
    uint32_t *buffer = malloc (length + 1);

    for (uint64_t i = 0; i < length / 4; i++)
        buffer[i] = number;
    CHECK_EQUAL (qrig_do (&cutting->rig, operations[operation->kind], operation->first * 512,
                          operation->kind == OP_WRITE ? buffer : NULL, length,
                          qrig_random (&cutting->rig, 2)),
                 0);
    for (uint64_t i = operation->first; i < operation->first + operation->n; i++) {
        if (operation->kind == OP_WRITE)
            cutting->model[i] = number;
        else if (operation->kind == OP_ZEROES)
            cutting->model[i] = 0;
        else if (operation->kind == OP_DISCARD) {
            CHECK_EQUAL (qrig_do (&cutting->rig, BLK_READ, i * 512, buffer, 512, false), 0);
            CHECK (buffer[0] == 0 || buffer[0] == cutting->model[i]);
            cutting->model[i] = buffer[0];
        }
    }
    free (buffer);
}

/* The next operation, to be filled in and then run. */
static struct operation *
begin (struct cutting *cutting, enum kind kind)
{
    struct operation *operation = &cutting->operations[cutting->n_operations];

    CHECK (cutting->n_operations < MAX_OPERATIONS);
    operation->kind = kind;
    operation->snapshot = cutting->n_operations++;
    return operation;
}

static void
run (struct cutting *cutting, struct operation *operation)
{
    if (operation->kind >= OP_FLUSH)
        operation->n = 0;
    operation->started = log_length (cutting);
    if (operation->kind <= OP_FLUSH)
        do_request (cutting, operation, (uint32_t) (operation - cutting->operations) + 1);
    else
        do_snapshot (cutting, operation);
    operation->ended = log_length (cutting);
    memcpy (operation->after, cutting->model, sizeof cutting->model);
    /* A request is held until the worker is done. */
    if (operation->kind <= OP_FLUSH)
        end_taking (cutting);
    if (cutting->taking && operation->kind == OP_TAKE) {
        operation->ended = SIZE_MAX;
        cutting->begun = operation;
    }
}

static void
operate_at_random (struct cutting *cutting, bool snapshots)
{
    struct qrig *rig = &cutting->rig;
    uint64_t what = qrig_random (rig, snapshots ? 25 : 21);
    unsigned candidate = (unsigned) qrig_random (rig, cutting->n_operations + 1);
    struct operation *operation = begin (cutting, what < 12   ? OP_WRITE
                                                  : what < 15 ? OP_ZEROES
                                                  : what < 17 ? OP_DISCARD
                                                  : what < 20 ? OP_FLUSH
                                                  : what < 21 ? OP_RESIZE
                                                  : what < 23 ? OP_TAKE
                                                  : what < 24 ? OP_APPLY
                                                              : OP_DELETE);

    while (operation->kind >= OP_APPLY && candidate > 0 && !cutting->snapshots[candidate].there)
        candidate--;
    if (operation->kind >= OP_APPLY) {
        operation->snapshot = candidate;
        if (!cutting->snapshots[candidate].there)
            operation->kind = OP_FLUSH;
    }
    operation->first = qrig_random (rig, SECTORS);
    operation->n = 1 + qrig_random (rig, qrig_random (rig, 3) ? 12 : 300);
    operation->n = MIN_OF (operation->n, SECTORS - operation->first);
    run (cutting, operation);
}

/* Writes go to clusters that nobody has written to, in a table that a snapshot has as well. */
static void
operate_on_shared_tables (struct cutting *cutting, unsigned turn)
{
    struct operation *operation = begin (cutting, OP_WRITE);

    operation->first = 16 * turn;
    operation->n = 1 + turn % 8;
    run (cutting, operation);
    run (cutting, begin (cutting, OP_FLUSH));
    for (unsigned i = 0; i < turn % 3; i++)
        run (cutting, begin (cutting, OP_TAKE));
}

/* Whether sector @i, now @value, can be so after a cut at @cut. */
static bool
is_possible (const struct cutting *cutting, size_t cut, uint64_t i, uint32_t value)
{
    unsigned n = cutting->n_operations;

    while (n-- > 0) {
        const struct operation *operation = &cutting->operations[n];
        bool touches = i >= operation->first && i < operation->first + operation->n;

        if (operation->started >= cut && operation->ended > operation->started)
            continue;
        if (operation->started > cut)
            continue;
        if (operation->kind >= OP_FLUSH && operation->ended <= cut)
            return value == operation->after[i];
        if ((touches || operation->kind == OP_APPLY) && value == operation->after[i])
            return true;
    }
    return value == 0;
}

/* Applies sector by sector, or not. */
static void
apply_torn (struct qrig *rig, struct mem_file *state, const struct mem_entry *entry, bool all)
{
    uint64_t end = entry->offset + entry->length;

    if (entry->kind == MEM_SIZE && (all || qrig_random (rig, 2))) {
        if (entry->length < state->size)
            memset (state->bytes + entry->length, 0, state->size - entry->length);
        mem_grow (state, entry->length);
        state->size = entry->length;
    }
    if (entry->kind != MEM_WRITE)
        return;
    if (all || qrig_random (rig, 2)) {
        mem_put (state, entry->offset, entry->bytes, entry->length);
        return;
    }
    if (qrig_random (rig, 2))
        return;
    for (uint64_t at = entry->offset; at < end;) {
        uint64_t next = MIN_OF (align_down (at, 512) + 512, end);

        if (qrig_random (rig, 2))
            mem_put (state, at, entry->bytes + (at - entry->offset), next - at);
        at = next;
    }
}

static void
check_snapshot (struct cutting *cutting, struct qcow2 *image, size_t cut)
{
    struct qrig *rig = &cutting->rig;
    unsigned char *contents = malloc (DISK);
    struct blk_snapshot *list;
    struct blk_request request = {.operation = BLK_READ, .length = DISK};
    struct iovec iov = {contents, DISK};
    size_t n;

    request.iov = &iov;
    request.n_iov = 1;
    CHECK_EQUAL (blk_snapshot_list (&image->blk, false, &list, &n, &rig->error), 0);
    if (n) {
        const struct blk_snapshot *one = &list[qrig_random (rig, n)];
        const uint32_t *wanted = cutting->snapshots[atoi (one->id)].contents;

        CHECK_EQUAL (blk_snapshot_apply (&image->blk, one->id, &rig->error), 0);
        CHECK_EQUAL (blk_run (&image->blk, rig->loop, &request), 0);
        for (uint64_t i = 0; i < SECTORS; i++)
            if (load_le32 (contents + 512 * i) != wanted[i])
                tap_fail (__FILE__, __LINE__,
                          "cut %zu: snapshot %s, sector %" PRIu64 ": %u, not %u", cut, one->id, i,
                          load_le32 (contents + 512 * i), wanted[i]);
    }
    free (list);
    free (contents);
}

static void
check_contents (struct cutting *cutting, struct qcow2 *image, size_t cut)
{
    unsigned char *contents = malloc (DISK);
    struct iovec iov = {contents, DISK};
    struct blk_request request = {.operation = BLK_READ, .length = DISK, .iov = &iov, .n_iov = 1};

    CHECK_EQUAL (blk_run (&image->blk, cutting->rig.loop, &request), 0);
    for (uint64_t i = 0; i < SECTORS; i++) {
        uint32_t value = load_le32 (contents + 512 * i);

        if (!is_possible (cutting, cut, i, value) || load_le32 (contents + 512 * i + 508) != value)
            tap_fail (__FILE__, __LINE__, "cut %zu: sector %" PRIu64 " is of operation %u", cut, i,
                      value);
    }
    free (contents);
}

/* As the cut left it. */
static void
judge (struct cutting *cutting, struct mem_file *state, size_t cut)
{
    struct qrig *rig = &cutting->rig;
    struct qcow2 *image = open_file (rig, state, BLK_FOR_REPAIR);
    struct blk_check check;

    CHECK_EQUAL (blk_check (&image->blk, &check, &rig->error), 0);
    if (check.errors)
        tap_fail (__FILE__, __LINE__, "cut %zu: %" PRIu64 " errors", cut, check.errors);
    if (check.leaks && !(image->header.incompatible & QCOW2_DIRTY))
        tap_fail (__FILE__, __LINE__, "cut %zu: leaks without a mark", cut);
    cutting->n_leaking += check.leaks > 0;
    check_contents (cutting, image, cut);
    if (qrig_random (rig, 8) == 0)
        check_snapshot (cutting, image, cut);
    blk_close (&image->blk);
    cutting->n_cuts++;
}

/* The same as somebody finds it who opens it for writing. */
static void
judge_repaired (struct cutting *cutting, struct mem_file *state, size_t cut)
{
    struct qrig *rig = &cutting->rig;
    struct qcow2 *image = open_file (rig, state, 0);
    struct blk_check check;

    CHECK_EQUAL (blk_check (&image->blk, &check, &rig->error), 0);
    CHECK_EQUAL (check.errors, 0);
    CHECK_EQUAL (check.leaks, 0);
    check_contents (cutting, image, cut);
    if (qrig_random (rig, 2) == 0)
        check_snapshot (cutting, image, cut);
    blk_close (&image->blk);
}

static void
judge_by_qemu (struct cutting *cutting, const struct mem_file *state)
{
    mem_store (state, cutting->rig.path);
    qrig_judge (&cutting->rig, true);
    unlink (cutting->rig.path);
    cutting->n_judged++;
}

/* Makes the state after a cut before entry @cut, for which @flushed holds all up to the last flush.
 */
static void
cut_here (struct cutting *cutting, const struct mem_file *flushed, size_t since, size_t cut,
          bool qemu)
{
    struct mem_file state;

    mem_init (&state);
    mem_copy (&state, flushed);
    for (size_t i = since; i < cut; i++)
        apply_torn (&cutting->rig, &state, &cutting->file.log[i], false);
    if (qemu)
        judge_by_qemu (cutting, &state);
    if (cut % 4)
        judge (cutting, &state, cut);
    else
        judge_repaired (cutting, &state, cut);
    mem_fini (&state);
}

static void
cut_everywhere (struct cutting *cutting, struct mem_file *flushed, size_t n_qemu)
{
    size_t since = 0, n = cutting->file.n_log, every = n / n_qemu + 1;

    for (size_t cut = 0; cut <= n; cut++) {
        cut_here (cutting, flushed, since, cut, cut % every == 0);
        if (cut < n && cutting->file.log[cut].kind == MEM_FLUSH) {
            while (since <= cut)
                apply_torn (&cutting->rig, flushed, &cutting->file.log[since++], true);
        }
    }
}

enum script {
    SCRIPT_REQUESTS,
    SCRIPT_SNAPSHOTS,
    SCRIPT_SHARED_TABLES,
};

static void
check_cuts (uint32_t cluster_size, unsigned n, enum script script, uint64_t seed)
{
    struct cutting *cutting = calloc (1, sizeof *cutting);
    struct mem_file flushed;
    struct qcow2 *image;

    CHECK (cutting);
    qrig_init (&cutting->rig);
    cutting->rig.seed = seed;
    qrig_create (&cutting->rig, DISK, cluster_size);
    mem_init (&cutting->file);
    mem_init (&flushed);
    mem_load (&cutting->file, cutting->rig.path);
    mem_load (&flushed, cutting->rig.path);
    unlink (cutting->rig.path);
    cutting->file.logging = true;
    image = open_file (&cutting->rig, &cutting->file, 0);
    cutting->rig.blk = &image->blk;
    for (unsigned i = 0; i < n; i++) {
        if (script == SCRIPT_SHARED_TABLES)
            operate_on_shared_tables (cutting, i);
        else
            operate_at_random (cutting, script == SCRIPT_SNAPSHOTS);
    }
    finish_taking (cutting);
    qrig_close (&cutting->rig);
    cutting->file.logging = false;

    cut_everywhere (cutting, &flushed, 12);
    printf ("# %" PRIu64 " cuts, %" PRIu64 " leak, %" PRIu64 " judged by QEMU\n", cutting->n_cuts,
            cutting->n_leaking, cutting->n_judged);
    CHECK (cutting->n_leaking > 0);
    mem_fini (&flushed);
    mem_fini (&cutting->file);
    qrig_fini (&cutting->rig);
    free (cutting);
}

TEST (a_power_cut_while_clusters_are_allocated_and_freed_costs_leaks_at_most)
{
    check_cuts (4 * KIB, 120, SCRIPT_REQUESTS, 1);
}

TEST (the_same_with_small_clusters_and_a_growing_refcount_table)
{
    check_cuts (512, 60, SCRIPT_REQUESTS, 2);
}

TEST (the_same_with_large_clusters)
{
    check_cuts (64 * KIB, 120, SCRIPT_REQUESTS, 3);
}

TEST (a_power_cut_during_snapshots_leaves_the_state_before_or_after)
{
    check_cuts (4 * KIB, 120, SCRIPT_SNAPSHOTS, 4);
}

TEST (the_same_with_small_clusters)
{
    check_cuts (1 * KIB, 50, SCRIPT_SNAPSHOTS, 5);
}

TEST (the_same_while_tables_are_copied_that_a_snapshot_has)
{
    check_cuts (4 * KIB, 40, SCRIPT_SHARED_TABLES, 6);
}

struct waiting {
    struct blk_request request;
    bool done;
    int result;
};

static void
waiting_cb (struct blk_request *request, int result)
{
    struct waiting *waiting = CONTAINER_OF (request, struct waiting, request);

    waiting->done = true;
    waiting->result = result;
}

/* A disk whose file has one cluster with @value in it, and a worker that stands before the flush
 * that makes its snapshot stable. */
static void
stop_while_taken (struct cutting *cutting, unsigned char *block, unsigned char value)
{
    struct blk_snapshot wish = {.id = "7"};
    struct qrig *rig = &cutting->rig;
    struct qcow2 *image;

    qrig_init (rig);
    qrig_create (rig, DISK, 4 * KIB);
    mem_init (&cutting->file);
    mem_load (&cutting->file, rig->path);
    unlink (rig->path);
    image = open_file (rig, &cutting->file, 0);
    rig->blk = &image->blk;
    memset (block, value, 4 * KIB);
    CHECK_EQUAL (qrig_do (rig, BLK_WRITE, 0, block, 4 * KIB, false), 0);
    CHECK_EQUAL (blk_snapshot_prepare (rig->blk, &rig->error), 0);
    mem_shut (&cutting->file, true);
    CHECK_EQUAL (blk_snapshot_begin (rig->blk, &wish, &rig->error), 0);
    CHECK_EQUAL (blk_snapshot_begin (rig->blk, &wish, &rig->error), -EBUSY);
    mem_wait_for_flush (&cutting->file);
}

/* One after the other all that must wait, and does. */
static void
submit_all (struct cutting *cutting, struct waiting waiting[3], struct iovec *iov)
{
    static const enum blk_operation operations[] = {BLK_WRITE, BLK_DISCARD, BLK_FLUSH};

    for (unsigned i = 0; i < 3; i++) {
        waiting[i] = (struct waiting) {.request = {.operation = operations[i],
                                                   .offset = i == 1 ? 8 * KIB : 0,
                                                   .length = i == 2 ? 0 : 4 * KIB,
                                                   .iov = iov,
                                                   .n_iov = i == 0,
                                                   .complete = waiting_cb}};
        blk_submit (cutting->rig.blk, &waiting[i].request);
    }
    blk_kick (cutting->rig.blk);
    for (unsigned i = 0; i < 5; i++)
        vmm_loop_iterate (cutting->rig.loop, 10);
    CHECK (!waiting[0].done && !waiting[1].done && !waiting[2].done);
}

static void
check_after_taking (struct cutting *cutting, unsigned char *block, unsigned char now, bool taken)
{
    struct qrig *rig = &cutting->rig;

    CHECK_EQUAL (qrig_do (rig, BLK_READ, 0, block, 4 * KIB, false), 0);
    CHECK (block[0] == now && block[4095] == now);
    CHECK_EQUAL (blk_snapshot_apply (rig->blk, "7", &rig->error), taken ? 0 : -ENOENT);
    CHECK_EQUAL (qrig_do (rig, BLK_READ, 0, block, 4 * KIB, false), 0);
    CHECK (block[0] == (taken ? 1 : now));
    qrig_close (rig);
    mem_store (&cutting->file, rig->path);
    qrig_judge (rig, !taken);
    mem_fini (&cutting->file);
    qrig_fini (rig);
}

TEST (a_disk_is_read_while_its_snapshot_becomes_stable_and_written_afterwards)
{
    struct cutting *cutting = calloc (1, sizeof *cutting);
    unsigned char block[4 * KIB], other[4 * KIB];
    struct iovec iov = {other, sizeof other};
    struct qrig *rig = &cutting->rig;
    struct waiting waiting[3];

    stop_while_taken (cutting, block, 1);
    memset (block, 0, sizeof block);
    CHECK_EQUAL (qrig_do (rig, BLK_READ, 0, block, sizeof block, false), 0);
    CHECK (block[0] == 1 && block[4095] == 1);
    memset (other, 2, sizeof other);
    submit_all (cutting, waiting, &iov);
    mem_shut (&cutting->file, false);
    CHECK_EQUAL (blk_snapshot_finish (rig->blk, &rig->error), 0);
    CHECK_EQUAL (blk_snapshot_finish (rig->blk, &rig->error), -EINVAL);
    while (!waiting[0].done || !waiting[1].done || !waiting[2].done)
        CHECK (vmm_loop_iterate (rig->loop, -1) >= 0);
    CHECK (waiting[0].result == 0 && waiting[1].result == 0 && waiting[2].result == 0);
    check_after_taking (cutting, block, 2, true);
    free (cutting);
}

TEST (a_snapshot_that_fails_after_its_instant_lets_the_disk_go_on)
{
    struct cutting *cutting = calloc (1, sizeof *cutting);
    unsigned char block[4 * KIB], other[4 * KIB];
    struct iovec iov = {other, sizeof other};
    struct qrig *rig = &cutting->rig;
    struct waiting waiting[3];

    stop_while_taken (cutting, block, 1);
    memset (other, 2, sizeof other);
    submit_all (cutting, waiting, &iov);
    /* The header cannot be written. */
    pthread_mutex_lock (&cutting->file.mutex);
    cutting->file.fail_kind = MEM_WRITE;
    cutting->file.fail_with = -ENOSPC;
    cutting->file.fail_at = cutting->file.count[MEM_WRITE] + 1;
    pthread_mutex_unlock (&cutting->file.mutex);
    mem_shut (&cutting->file, false);
    CHECK_EQUAL (blk_snapshot_finish (rig->blk, &rig->error), -ENOSPC);
    CHECK_CONTAINS (rig->error.message, "file system is full");
    while (!waiting[0].done || !waiting[1].done || !waiting[2].done)
        CHECK (vmm_loop_iterate (rig->loop, -1) >= 0);
    CHECK (waiting[0].result == 0 && waiting[2].result == 0);
    check_after_taking (cutting, block, 2, false);
    free (cutting);
}

TAP_MAIN ()
