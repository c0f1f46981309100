/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Snapshots of a disk in use. At the instant of one the image freezes: nothing is in flight, and
 * from then on requests that would change anything are held, so that the change which a worker
 * makes of it finds what was there at that instant, however long it takes to become stable. Reading
 * needs only what does not change, and the lock, which the worker has for its last step only.
 */
#include <errno.h>
#include <stdlib.h>

#include "block/qcow2-change.h"

bool
qcow2_is_frozen (const struct qcow2 *self)
{
    return self->taking && !self->taking->done;
}

void
qcow2_take_begun (struct qcow2 *self)
{
    struct qcow2_taking *taking;
    int r;

    pthread_mutex_lock (&self->lock);
    taking = self->taking;
    pthread_mutex_unlock (&self->lock);
    r = qcow2_snapshot_take_shared (self, &taking->wish, &taking->error);

    pthread_mutex_lock (&self->lock);
    taking->result = r;
    taking->done = true;
    qcow2_let_go (self);
    pthread_cond_broadcast (&self->wake);
    pthread_mutex_unlock (&self->lock);
}

static int
not_qcow2 (struct blk *blk, struct vmm_error *error)
{
    return vmm_error_set (error, -ENOTSUP, "%s is not a qcow2 image, others have no snapshots",
                          blk_get_path (blk));
}

int
blk_snapshot_prepare (struct blk *blk, struct vmm_error *error)
{
    struct qcow2 *self = qcow2_from_blk (blk);
    int r;

    if (!self)
        return not_qcow2 (blk, error);
    r = self->flags & BLK_READ_ONLY ? 0 : qcow2_barrier (self);
    return r < 0 ? vmm_error_set_errno (error, r, "%s cannot be written", self->blk.path) : 0;
}

/* With the lock. */
static int
freeze (struct qcow2 *self, const struct blk_snapshot *wish, struct vmm_error *error)
{
    const char *path = self->blk.path;

    if (self->flags & BLK_READ_ONLY)
        return vmm_error_set (error, -EROFS, "%s is open for reading only", path);
    if (self->taking)
        return vmm_error_set (error, -EBUSY, "%s is being given a snapshot already", path);
    if (!list_is_empty (&self->flights))
        return vmm_error_set (error, -EBUSY, "%s is being written to", path);
    self->taking = calloc (1, sizeof *self->taking);
    if (!self->taking)
        return vmm_error_set (error, -ENOMEM, "out of memory");
    self->taking->wish = *wish;
    return 0;
}

int
blk_snapshot_begin (struct blk *blk, const struct blk_snapshot *wish, struct vmm_error *error)
{
    struct qcow2 *self = qcow2_from_blk (blk);
    int r;

    if (!self)
        return not_qcow2 (blk, error);
    r = qcow2_snapshot_check_wish (blk, wish, error);
    if (r < 0)
        return r;
    pthread_mutex_lock (&self->lock);
    r = freeze (self, wish, error);
    pthread_mutex_unlock (&self->lock);
    if (r == 0)
        qcow2_pool_take (self->pool);
    return r;
}

int
blk_snapshot_finish (struct blk *blk, struct vmm_error *error)
{
    struct qcow2 *self = qcow2_from_blk (blk);
    struct qcow2_taking *taking;
    int r;

    if (!self)
        return not_qcow2 (blk, error);
    pthread_mutex_lock (&self->lock);
    while (qcow2_is_frozen (self))
        pthread_cond_wait (&self->wake, &self->lock);
    taking = self->taking;
    self->taking = NULL;
    pthread_mutex_unlock (&self->lock);
    if (!taking)
        return vmm_error_set (error, -EINVAL, "no snapshot of %s was begun", self->blk.path);
    r = taking->result;
    if (r < 0 && error)
        *error = taking->error;
    free (taking);
    return r;
}
