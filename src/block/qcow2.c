/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/qcow2.h"

#include <errno.h>
#include <stdlib.h>

#include "block/qcow2-change.h"
#include "block/raw.h"

static int
attach (struct blk *blk, struct vmm_loop *loop)
{
    struct qcow2 *self = qcow2_from_blk (blk);
    struct blk *lower[] = {
        self->data,
        self->backing.raw_data,
        self->backing.image ? &self->backing.image->blk : NULL,
    };

    for (size_t i = 0; i < ARRAY_LENGTH (lower); i++) {
        int r = lower[i] ? blk_attach (lower[i], loop) : 0;

        if (r < 0) {
            while (i-- > 0)
                if (lower[i])
                    blk_detach (lower[i]);
            return r;
        }
    }
    return 0;
}

static void
detach (struct blk *blk)
{
    struct qcow2 *self = qcow2_from_blk (blk);

    if (self->data)
        blk_detach (self->data);
    if (self->backing.raw_data)
        blk_detach (self->backing.raw_data);
    if (self->backing.image)
        blk_detach (&self->backing.image->blk);
}

/* Nothing leaks, all of that is stable. Nobody else has the image any more. */
static int
take_mark_away (struct qcow2 *self)
{
    int r;

    if (!self->marked || self->leaks || !(self->header.incompatible & QCOW2_DIRTY))
        return 0;
    self->header.incompatible &= ~(uint64_t) QCOW2_DIRTY;
    r = qcow2_header_write (self->file, &self->header);
    return r == 0 ? blk_file_flush (self->file) : r;
}

/* Brings everything to the file. What cannot be given back leaks. */
static void
finish (struct qcow2 *self)
{
    int r = 0;

    pthread_mutex_lock (&self->lock);
    qcow2_reserve_drop (self);
    while (r == 0 && !qcow2_is_clean (self)) {
        pthread_mutex_unlock (&self->lock);
        r = qcow2_barrier (self);
        pthread_mutex_lock (&self->lock);
    }
    pthread_mutex_unlock (&self->lock);
    if (r == 0)
        r = take_mark_away (self);
    if (r < 0)
        vmm_log (self->blk.log, VMM_LOG_ERROR,
                 "%s could not be closed properly (error %d): what was not flushed is lost",
                 self->blk.path, -r);
}

static void
close_image (struct blk *blk)
{
    struct qcow2 *self = qcow2_from_blk (blk);

    qcow2_pool_destroy (self->pool);
    if (self->cache.buckets && !blk->info.read_only)
        finish (self);
    blk_close (self->data);
    qcow2_chain_close (&self->backing);
    qcow2_free_spare_jobs (self);
    qcow2_cache_fini (self);
    qcow2_table_fini (&self->l1);
    qcow2_table_fini (&self->rt);
    free (self->frees.runs);
    free (self->durable.runs);
    free (self->inflated);
    free (self->taking);
    blk_file_close (self->file);
    pthread_cond_destroy (&self->wake);
    pthread_mutex_destroy (&self->lock);
    blk_fini (blk);
    free (self);
}

static const struct blk_driver qcow2_driver = {
    .name = "qcow2",
    .submit = qcow2_submit,
    .kick = qcow2_kick,
    .attach = attach,
    .detach = detach,
    .close = close_image,
};

struct qcow2 *
qcow2_from_blk (struct blk *blk)
{
    return blk->driver == &qcow2_driver ? CONTAINER_OF (blk, struct qcow2, blk) : NULL;
}

static int
set_geometry (struct qcow2 *self)
{
    uint64_t size;
    int r = self->file->ops->get_size (self->file, &size);

    if (r < 0)
        return r;
    self->cluster_bits = self->header.cluster_bits;
    self->cluster_size = UINT64_C (1) << self->cluster_bits;
    self->page_size = MIN_OF (self->cluster_size, QCOW2_PAGE_MAX);
    self->l2_bits = self->cluster_bits - 3;
    self->refcount_bits = 1u << self->header.refcount_order;
    self->entries_per_block = self->cluster_size * 8 / self->refcount_bits;
    self->fresh_from = align_up (size, self->cluster_size) >> self->cluster_bits;
    return 0;
}

static int
load_tables (struct qcow2 *self)
{
    const struct qcow2_header *header = &self->header;
    int r = qcow2_table_load (self, &self->l1, header->l1_offset, header->l1_size);

    /* What is only looked at counts nothing. */
    if (r == 0 && (self->flags & QCOW2_VIEW))
        return qcow2_table_init (&self->rt, 0, 1);
    if (r == 0)
        r = qcow2_table_load (self, &self->rt, header->rt_offset,
                              (header->rt_clusters << self->cluster_bits) / 8);
    return r;
}

static void
describe (struct qcow2 *self)
{
    bool read_only = self->flags & BLK_READ_ONLY;

    self->blk.info = (struct blk_info) {
        .size = self->header.size,
        .logical_block = 512,
        .physical_block = 4096,
        .read_only = read_only,
        .can_discard = !read_only && !(self->flags & BLK_NO_DISCARD),
        .discard_granularity = (uint32_t) self->cluster_size,
        .max_iov = 1024,
    };
}

/* What the header says about the state the image was left in. */
static int
check_state (struct qcow2 *self, struct vmm_error *error)
{
    const char *path = self->blk.path;

    if (self->flags & BLK_READ_ONLY)
        return 0;
    if ((self->header.incompatible & QCOW2_CORRUPT) && !(self->flags & BLK_FOR_REPAIR))
        return vmm_error_set (error, -EUCLEAN,
                              "%s is marked as corrupt, so it can only be read; repair it first",
                              path);
    return 0;
}

/* Says that we write without keeping up what we do not know, such as QEMU's dirty bitmaps. */
static int
clear_autoclear (struct qcow2 *self)
{
    int r;

    if (!self->header.autoclear || (self->flags & BLK_READ_ONLY))
        return 0;
    if (self->header.has_bitmaps)
        vmm_log (self->blk.log, VMM_LOG_WARNING, "the bitmaps in %s are not kept up to date",
                 self->blk.path);
    self->header.autoclear = 0;
    r = qcow2_header_write (self->file, &self->header);
    return r == 0 ? blk_file_flush (self->file) : r;
}

static int
set_up (struct qcow2 *self, const struct blk_source *source, unsigned depth,
        struct vmm_error *error)
{
    const char *path = source->path;
    int r = qcow2_header_read (self->file, path, &self->header, error);

    if (r == 0 && source->snapshot)
        r = qcow2_view_snapshot (self, source->snapshot, error);
    if (r == 0)
        r = check_state (self, error);
    if (r == 0)
        r = qcow2_chain_open (self, source, depth, error);
    if (r < 0)
        return r;
    r = set_geometry (self);
    if (r == 0)
        r = qcow2_cache_init (self);
    if (r == 0)
        r = load_tables (self);
    if (r == 0)
        r = clear_autoclear (self);
    if (r == 0 && (self->header.incompatible & QCOW2_DIRTY) && !(self->flags & BLK_READ_ONLY) &&
        !(self->flags & BLK_FOR_REPAIR)) {
        vmm_log (self->blk.log, VMM_LOG_INFO,
                 "%s was not closed, its reference counts are repaired", path);
        r = qcow2_recount (self, error);
        if (r < 0)
            return r;
    }
    if (r == 0 && self->header.version < 3 && !(self->flags & (BLK_READ_ONLY | BLK_FOR_REPAIR)))
        qcow2_recount_if_wrong (self);
    if (r == 0 && !(self->flags & BLK_NO_RING) && self->file->fd >= 0)
        r = raw_create_container (self->file->fd, path, self->flags & BLK_READ_ONLY, self->blk.log,
                                  &self->data);
    if (r == 0 && depth == 0)
        r = qcow2_pool_create (self, &self->pool);
    if (r < 0)
        return vmm_error_set_errno (error, r, "%s cannot be opened", path);
    describe (self);
    return 0;
}

int
qcow2_open_file (struct blk_file *file, const struct blk_source *source, unsigned depth,
                 const struct vmm_log *log, struct qcow2 **ret_self, struct vmm_error *error)
{
    struct qcow2 *self = calloc (1, sizeof *self);
    int r = self ? blk_init (&self->blk, &qcow2_driver, source->path, log) : -ENOMEM;

    if (r < 0) {
        free (self);
        blk_file_close (file);
        return vmm_error_set_errno (error, r, "%s cannot be opened", source->path);
    }
    pthread_mutex_init (&self->lock, NULL);
    pthread_cond_init (&self->wake, NULL);
    list_init (&self->flights);
    list_init (&self->ranges);
    list_init (&self->held);
    self->file = file;
    self->flags = source->flags | (source->snapshot ? BLK_READ_ONLY | QCOW2_VIEW : 0);
    self->blk.info.read_only = true; /* until it is whole, there is nothing to finish */
    r = set_up (self, source, depth, error);
    if (r < 0) {
        blk_close (&self->blk);
        return r;
    }
    *ret_self = self;
    return 0;
}
