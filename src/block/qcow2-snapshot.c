/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Internal snapshots. A snapshot is an L1 table of its own; each cluster is counted once for every
 * L1 table that leads to it. Taking one leaves the present L1 table to the snapshot and makes a new
 * one, with new L2 tables where entries said that their clusters may be written in place.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "block/qcow2-change.h"

#define ENTRY_BYTES     40
#define EXTRA_BYTES     16 /* that we write: size of the machine's state, size of the disk */
#define MAX_EXTRA       1024
#define MAX_TABLE_BYTES (64 * MIB)

void
qcow2_snapshots_free (struct qcow2_snapshots *snapshots)
{
    free (snapshots->list);
    free (snapshots->table);
    *snapshots = (struct qcow2_snapshots) {0};
}

/* As much of @from as fits, up to a NUL, without a torn character at the end. */
static void
copy_text (char *to, size_t size, const unsigned char *from, size_t length)
{
    if (length >= size) {
        length = size - 1;
        while (length > 0 && (from[length] & 0xc0) == 0x80)
            length--;
    }
    memcpy (to, from, length);
    to[length] = 0;
}

/* Reads one entry, whose first bytes are at @at of @table; how long it is, or 0 for one that cannot
 * be. */
static uint64_t
entry_length (const unsigned char *entry)
{
    uint64_t extra = load_be32 (entry + 36);

    if (extra > MAX_EXTRA)
        return 0;
    return align_up (ENTRY_BYTES + extra + load_be16 (entry + 12) + load_be16 (entry + 14), 8);
}

static void
read_entry (const struct qcow2 *self, unsigned char *entry, uint64_t length,
            struct qcow2_snapshot *snapshot)
{
    uint64_t extra = load_be32 (entry + 36), id = load_be16 (entry + 12);
    const unsigned char *text = entry + ENTRY_BYTES + extra;

    snapshot->l1_offset = load_be64 (entry);
    snapshot->l1_size = load_be32 (entry + 8);
    snapshot->bytes = entry;
    snapshot->length = (uint32_t) length;
    snapshot->info = (struct blk_snapshot) {
        .seconds = load_be32 (entry + 16),
        .nanoseconds = load_be32 (entry + 20),
        .guest_ns = load_be64 (entry + 24),
        .disk_size = extra >= EXTRA_BYTES ? load_be64 (entry + 48) : self->header.size,
    };
    copy_text (snapshot->info.id, sizeof snapshot->info.id, text, id);
    copy_text (snapshot->info.name, sizeof snapshot->info.name, text + id, load_be16 (entry + 14));
}

/* The table grows while it is read, for only its entries tell how long it is. */
static int
read_table (struct qcow2 *self, struct qcow2_snapshots *snapshots)
{
    uint64_t size = 0;

    for (uint32_t i = 0; i < self->header.n_snapshots; i++) {
        unsigned char head[ENTRY_BYTES];
        uint64_t length;
        int r = blk_file_read (self->file, self->header.snapshots_offset + snapshots->length, head,
                               sizeof head);

        if (r < 0)
            return r;
        length = entry_length (head);
        if (length == 0 || length > MAX_TABLE_BYTES - snapshots->length)
            return qcow2_damaged (self, "its snapshot table is wrong at entry", i);
        if (size - snapshots->length < length) {
            unsigned char *table;

            size = 2 * (snapshots->length + length);
            table = realloc (snapshots->table, size);
            if (!table)
                return -ENOMEM;
            snapshots->table = table;
        }
        r = blk_file_read (self->file, self->header.snapshots_offset + snapshots->length,
                           snapshots->table + snapshots->length, length);
        if (r < 0)
            return r;
        /* What is read a second time may be something else. */
        if (entry_length (snapshots->table + snapshots->length) != length)
            return qcow2_damaged (self, "its snapshot table is wrong at entry", i);
        snapshots->length += length;
    }
    return 0;
}

int
qcow2_snapshots_load (struct qcow2 *self, struct qcow2_snapshots *ret_snapshots)
{
    struct qcow2_snapshots snapshots = {.n = self->header.n_snapshots};
    uint64_t at = 0;
    int r;

    snapshots.list = calloc (snapshots.n + 1, sizeof *snapshots.list);
    r = snapshots.list ? read_table (self, &snapshots) : -ENOMEM;
    if (r < 0) {
        qcow2_snapshots_free (&snapshots);
        return r;
    }
    for (size_t i = 0; i < snapshots.n; i++) {
        uint64_t length = entry_length (snapshots.table + at);

        read_entry (self, snapshots.table + at, length, &snapshots.list[i]);
        at += length;
    }
    *ret_snapshots = snapshots;
    return 0;
}

/* The snapshot called @id; NULL: none. An id that we could only read in part is none of ours. */
static struct qcow2_snapshot *
find (struct qcow2_snapshots *snapshots, const char *id)
{
    for (size_t i = 0; i < snapshots->n; i++)
        if (strcmp (snapshots->list[i].info.id, id) == 0 &&
            load_be16 (snapshots->list[i].bytes + 12) == strlen (id))
            return &snapshots->list[i];
    return NULL;
}

/* The image with the lock, ready to be changed, and what snapshots it has. */
struct operation {
    struct qcow2 *self;
    struct qcow2_change change;
    struct qcow2_snapshots snapshots;
};

static int
load (struct operation *operation, struct vmm_error *error)
{
    int r = qcow2_snapshots_load (operation->self, &operation->snapshots);

    return r < 0 ? vmm_error_set_errno (error, r, "the snapshots of %s cannot be read",
                                        operation->self->blk.path)
                 : 0;
}

static int
begin (struct blk *blk, struct operation *operation, struct vmm_error *error)
{
    struct qcow2 *self = qcow2_from_blk (blk);
    int r;

    *operation = (struct operation) {.self = self};
    if (!self)
        return vmm_error_set (error, -ENOTSUP, "%s is not a qcow2 image, others have no snapshots",
                              blk_get_path (blk));
    r = qcow2_change_begin (self, &operation->change, error);
    return r == 0 ? load (operation, error) : r;
}

static void
end (struct operation *operation)
{
    qcow2_snapshots_free (&operation->snapshots);
    if (operation->self)
        qcow2_change_end (&operation->change);
}

static int
explain (const struct operation *operation, int r, const char *what, struct vmm_error *error)
{
    const char *path = operation->self->blk.path;

    if (r == -EMLINK)
        return vmm_error_set (error, r,
                              "%s cannot %s: its reference counts are too narrow for so many "
                              "snapshots",
                              path, what);
    if (r == -EIO || r == -EUCLEAN)
        return vmm_error_set (error, r, "%s cannot %s: it is damaged or cannot be read", path,
                              what);
    if (r == -ENOSPC)
        return vmm_error_set (error, r, "%s cannot %s: its file system is full", path, what);
    return vmm_error_set_errno (error, r, "%s cannot %s", path, what);
}

/* Writes the table without @without and with @extra bytes at its end. */
static int
write_table (struct operation *operation, const struct qcow2_snapshot *without,
             const unsigned char *extra, size_t extra_length)
{
    struct qcow2_change *change = &operation->change;
    struct qcow2 *self = operation->self;
    const struct qcow2_snapshots *snapshots = &operation->snapshots;
    uint64_t length = 0, bytes, offset;
    AUTO_FREE unsigned char *table = NULL;
    int r;

    bytes = align_up (snapshots->length + extra_length, self->cluster_size);
    table = calloc (1, bytes + 1);
    if (!table)
        return -ENOMEM;
    for (size_t i = 0; i < snapshots->n; i++) {
        const struct qcow2_snapshot *snapshot = &snapshots->list[i];

        if (snapshot == without)
            continue;
        memcpy (table + length, snapshot->bytes, snapshot->length);
        length += snapshot->length;
    }
    if (extra)
        memcpy (table + length, extra, extra_length);
    length += extra_length;
    r = qcow2_change_add_range (change, self->header.snapshots_offset, snapshots->length, -1);
    change->header.snapshots_offset = 0;
    if (r < 0 || length == 0)
        return r;
    bytes = align_up (length, self->cluster_size);
    r = qcow2_change_allocate (change, bytes >> self->cluster_bits, &offset);
    change->header.snapshots_offset = offset;
    return r == 0 ? qcow2_change_write (change, offset, table, bytes) : r;
}

/* An entry for @wish that takes over the active L1 table; its length. */
static size_t
make_entry (const struct qcow2 *self, const struct blk_snapshot *wish, unsigned char *entry)
{
    size_t id = strlen (wish->id), name = strlen (wish->name);

    store_be64 (entry, self->header.l1_offset);
    store_be32 (entry + 8, self->header.l1_size);
    store_be16 (entry + 12, (uint16_t) id);
    store_be16 (entry + 14, (uint16_t) name);
    store_be32 (entry + 16, (uint32_t) wish->seconds);
    store_be32 (entry + 20, wish->nanoseconds);
    store_be64 (entry + 24, wish->guest_ns);
    store_be32 (entry + 36, EXTRA_BYTES);
    store_be64 (entry + 48, self->header.size);
    memcpy (entry + ENTRY_BYTES + EXTRA_BYTES, wish->id, id);
    memcpy (entry + ENTRY_BYTES + EXTRA_BYTES + id, wish->name, name);
    return align_up (ENTRY_BYTES + EXTRA_BYTES + id + name, 8);
}

static uint64_t *
copy_active (const struct qcow2 *self)
{
    uint64_t *l1 = malloc (UINT64_C (8) * self->l1.n);

    if (l1)
        memcpy (l1, self->l1.entries, UINT64_C (8) * self->l1.n);
    return l1;
}

static int
take (struct operation *operation, const struct blk_snapshot *wish)
{
    unsigned char
        entry[ENTRY_BYTES + EXTRA_BYTES + BLK_SNAPSHOT_ID_MAX + BLK_SNAPSHOT_NAME_MAX + 8] = {0};
    struct qcow2_change *change = &operation->change;
    struct qcow2 *self = operation->self;
    AUTO_FREE uint64_t *l1 = copy_active (self);
    int r = l1 ? qcow2_tree_add (change, l1, self->l1.n, 1) : -ENOMEM;

    if (r == 0)
        r = qcow2_tree_activate (change, l1, self->l1.n);
    if (r == 0)
        r = write_table (operation, NULL, entry, make_entry (self, wish, entry));
    change->header.n_snapshots++;
    return r == 0 ? qcow2_change_commit (change) : r;
}

int
qcow2_snapshot_check_wish (const struct blk *blk, const struct blk_snapshot *wish,
                           struct vmm_error *error)
{
    if (!*wish->id || !memchr (wish->id, 0, sizeof wish->id) ||
        !memchr (wish->name, 0, sizeof wish->name) || wish->seconds > UINT32_MAX)
        return vmm_error_set (error, -EINVAL, "a snapshot of %s needs an id, a name and a time",
                              blk_get_path (blk));
    return 0;
}

static int
take_wish (struct operation *operation, const struct blk_snapshot *wish, struct vmm_error *error)
{
    const char *path = operation->self->blk.path;
    int r;

    if (find (&operation->snapshots, wish->id))
        return vmm_error_set (error, -EEXIST, "%s has a snapshot “%s” already", path, wish->id);
    if (operation->snapshots.n >= BLK_SNAPSHOTS_MAX)
        return vmm_error_set (error, -E2BIG, "%s has %d snapshots, delete one first", path,
                              BLK_SNAPSHOTS_MAX);
    r = take (operation, wish);
    return r < 0 ? explain (operation, r, "be given a snapshot", error) : 0;
}

int
blk_snapshot_take (struct blk *blk, const struct blk_snapshot *wish, struct vmm_error *error)
{
    struct operation operation;
    int r = qcow2_snapshot_check_wish (blk, wish, error);

    if (r < 0)
        return r;
    r = begin (blk, &operation, error);
    if (r == 0)
        r = take_wish (&operation, wish, error);
    end (&operation);
    return r;
}

int
qcow2_snapshot_take_shared (struct qcow2 *self, const struct blk_snapshot *wish,
                            struct vmm_error *error)
{
    struct operation operation = {.self = self};
    int r = qcow2_change_begin_shared (self, &operation.change, error);

    if (r == 0)
        r = load (&operation, error);
    if (r == 0)
        r = take_wish (&operation, wish, error);
    end (&operation);
    return r;
}

static int
forget (struct operation *operation, const struct qcow2_snapshot *snapshot)
{
    struct qcow2_change *change = &operation->change;
    struct qcow2 *self = operation->self;
    AUTO_FREE uint64_t *l1 = copy_active (self);
    AUTO_FREE uint64_t *tree = NULL;
    int r = l1 ? 0 : -ENOMEM;

    if (r == 0)
        r = qcow2_tree_load (self, snapshot->l1_offset, snapshot->l1_size, &tree);
    if (r == 0)
        r = qcow2_tree_add (change, tree, snapshot->l1_size, -1);
    if (r == 0)
        r = qcow2_change_add_range (change, snapshot->l1_offset, UINT64_C (8) * snapshot->l1_size,
                                    -1);
    if (r == 0)
        r = qcow2_change_add_range (change, self->l1.offset, UINT64_C (8) * self->l1.n, -1);
    if (r == 0)
        r = qcow2_tree_activate (change, l1, self->l1.n);
    if (r == 0)
        r = write_table (operation, snapshot, NULL, 0);
    change->header.n_snapshots--;
    return r == 0 ? qcow2_change_commit (change) : r;
}

static int
no_snapshot (struct blk *blk, const char *id, struct vmm_error *error)
{
    return vmm_error_set (error, -ENOENT, "%s has no snapshot “%.64s”", blk_get_path (blk), id);
}

int
blk_snapshot_delete (struct blk *blk, const char *id, struct vmm_error *error)
{
    struct qcow2_snapshot *snapshot;
    struct operation operation;
    int r = begin (blk, &operation, error);

    if (r == 0) {
        snapshot = find (&operation.snapshots, id);
        r = snapshot ? forget (&operation, snapshot) : no_snapshot (blk, id, error);
        if (r < 0 && snapshot)
            explain (&operation, r, "lose its snapshot", error);
    }
    end (&operation);
    return r;
}

static int
apply (struct operation *operation, const struct qcow2_snapshot *snapshot)
{
    struct qcow2_change *change = &operation->change;
    struct qcow2 *self = operation->self;
    AUTO_FREE uint64_t *tree = NULL;
    int r = qcow2_tree_load (self, snapshot->l1_offset, snapshot->l1_size, &tree);

    if (r == 0)
        r = qcow2_tree_add (change, tree, snapshot->l1_size, 1);
    if (r == 0)
        r = qcow2_tree_add (change, self->l1.entries, self->l1.n, -1);
    if (r == 0)
        r = qcow2_change_add_range (change, self->l1.offset, UINT64_C (8) * self->l1.n, -1);
    if (r == 0)
        r = qcow2_tree_activate (change, tree, snapshot->l1_size);
    change->header.size = snapshot->info.disk_size;
    if (r == 0)
        r = qcow2_change_commit (change);
    if (r == 0)
        self->blk.info.size = self->header.size;
    return r;
}

/* Whether the snapshot's L1 table covers its disk. */
static bool
is_sound (const struct qcow2 *self, const struct qcow2_snapshot *snapshot)
{
    uint64_t size = snapshot->info.disk_size;

    return size && size % 512 == 0 && size <= INT64_MAX &&
           (size - 1) >> (self->cluster_bits + self->l2_bits) < snapshot->l1_size;
}

/* One look at the table, which a writer may replace meanwhile. */
static int
look_for (struct qcow2 *self, const char *id, struct qcow2_snapshot *ret_snapshot)
{
    struct qcow2_snapshots snapshots;
    const struct qcow2_snapshot *snapshot;
    int r = qcow2_snapshots_load (self, &snapshots);

    if (r < 0)
        return r;
    snapshot = find (&snapshots, id);
    if (snapshot)
        *ret_snapshot = *snapshot;
    /* Its bytes are gone with the table. */
    ret_snapshot->bytes = NULL;
    qcow2_snapshots_free (&snapshots);
    return snapshot ? 0 : -ENOENT;
}

/*
 * Neither a snapshot's tables nor its clusters are ever written, for they are counted once for each
 * that leads to them. What a writer does change is the header and the table of snapshots, which it
 * writes anew and then switches to by the header: if that is the same before and after, so is what
 * was read in between.
 */
int
qcow2_view_snapshot (struct qcow2 *self, const char *id, struct vmm_error *error)
{
    struct qcow2_header *header = &self->header;
    const char *path = self->blk.path;
    struct qcow2_snapshot snapshot = {0};
    struct qcow2_header after;
    uint64_t bytes, size;
    int r;

    for (unsigned i = 0;; i++) {
        int read;

        r = look_for (self, id, &snapshot);
        read = qcow2_header_read (self->file, path, &after, error);
        if (read < 0)
            return read;
        if (memcmp (header->sector, after.sector, sizeof after.sector) == 0)
            break;
        if (i == 100)
            return vmm_error_set (error, -EBUSY, "%s is being changed all the time: try again",
                                  path);
        *header = after;
    }
    if (r == -ENOENT)
        return vmm_error_set (error, r, "%s has no snapshot “%.64s”", path, id);
    if (r == 0)
        r = self->file->ops->get_size (self->file, &size);
    if (r < 0)
        return vmm_error_set_errno (error, r, "the snapshots of %s cannot be read", path);
    self->cluster_bits = header->cluster_bits;
    self->l2_bits = header->cluster_bits - 3;
    bytes = UINT64_C (8) * snapshot.l1_size;
    if (!is_sound (self, &snapshot) || bytes > QCOW2_MAX_L1_BYTES || !snapshot.l1_offset ||
        snapshot.l1_offset & ((UINT64_C (1) << self->cluster_bits) - 1) ||
        !range_fits (snapshot.l1_offset, bytes, size))
        return vmm_error_set (error, -EUCLEAN, "the snapshot “%.64s” of %s is damaged", id, path);
    header->l1_offset = snapshot.l1_offset;
    header->l1_size = snapshot.l1_size;
    header->size = snapshot.info.disk_size;
    header->n_snapshots = 0;
    return 0;
}

int
blk_snapshot_apply (struct blk *blk, const char *id, struct vmm_error *error)
{
    struct qcow2_snapshot *snapshot;
    struct operation operation;
    int r = begin (blk, &operation, error);

    if (r == 0) {
        snapshot = find (&operation.snapshots, id);
        if (!snapshot)
            r = no_snapshot (blk, id, error);
        else if (!is_sound (operation.self, snapshot))
            r = vmm_error_set (error, -EUCLEAN, "the snapshot “%.64s” of %s is damaged", id,
                               blk_get_path (blk));
        else {
            r = apply (&operation, snapshot);
            if (r < 0)
                explain (&operation, r, "go back to its snapshot", error);
        }
    }
    end (&operation);
    return r;
}

/* How many bytes nobody but the snapshot has. */
static int
measure (struct qcow2 *self, const struct qcow2_snapshot *snapshot, uint64_t *ret_bytes)
{
    struct qcow2_change change;
    AUTO_FREE uint64_t *tree = NULL;
    uint64_t fresh_from = self->fresh_from;
    int r = qcow2_change_begin_locked (self, &change);

    if (r == 0)
        r = qcow2_tree_load (self, snapshot->l1_offset, snapshot->l1_size, &tree);
    if (r == 0)
        r = qcow2_tree_add (&change, tree, snapshot->l1_size, -1);
    *ret_bytes = change.n_freed << self->cluster_bits;
    qcow2_change_end_locked (&change);
    self->fresh_from = fresh_from;
    return r;
}

static int
list (struct qcow2 *self, bool with_sizes, struct blk_snapshot **ret_snapshots, size_t *ret_n)
{
    struct qcow2_snapshots snapshots;
    struct blk_snapshot *copy;
    int r = qcow2_snapshots_load (self, &snapshots);

    if (r < 0)
        return r;
    copy = calloc (snapshots.n + 1, sizeof *copy);
    if (!copy)
        r = -ENOMEM;
    for (size_t i = 0; r == 0 && i < snapshots.n; i++) {
        copy[i] = snapshots.list[i].info;
        if (with_sizes)
            r = measure (self, &snapshots.list[i], &copy[i].own_bytes);
    }
    if (r == 0) {
        *ret_snapshots = STEAL_PTR (copy);
        *ret_n = snapshots.n;
    }
    free (copy);
    qcow2_snapshots_free (&snapshots);
    return r;
}

int
blk_snapshot_list (struct blk *blk, bool with_sizes, struct blk_snapshot **ret_snapshots,
                   size_t *ret_n, struct vmm_error *error)
{
    struct qcow2 *self = qcow2_from_blk (blk);
    struct qcow2_change change;
    int r = 0;

    if (!self)
        return vmm_error_set (error, -ENOTSUP, "%s is not a qcow2 image, others have no snapshots",
                              blk_get_path (blk));
    /* Also for the counts in the file to be true. */
    r = qcow2_change_begin_to_read (self, &change, error);
    if (r == 0)
        r = list (self, with_sizes, ret_snapshots, ret_n);
    qcow2_change_end (&change);
    return r < 0 ? vmm_error_set_errno (error, r, "the snapshots of %s cannot be read",
                                        blk_get_path (blk))
                 : 0;
}
