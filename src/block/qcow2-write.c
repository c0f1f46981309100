/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing on a worker. What is nobody else's is written in place. A cluster that reads as zeroes
 * gets a new one, also of zeroes, and is then written in place. Everything else is copied: the new
 * cluster is complete in the file before its entry changes, so that whatever is read or survives a
 * crash is all of the old or all of the new. Ranges keep two writers from copying the same cluster.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "block/qcow2.h"

struct range {
    struct vmm_list link;
    uint64_t first, last; /* guest clusters */
};

static void
enter_range (struct qcow2 *self, struct range *range, uint64_t offset, uint64_t length)
{
    struct range *other;
    bool taken;

    range->first = offset >> self->cluster_bits;
    range->last = (offset + length - 1) >> self->cluster_bits;
    pthread_mutex_lock (&self->lock);
    do {
        taken = false;
        list_for_each (other, &self->ranges, link) {
            if (other->first <= range->last && range->first <= other->last)
                taken = true;
        }
        if (taken)
            pthread_cond_wait (&self->wake, &self->lock);
    } while (taken);
    list_append (&self->ranges, &range->link);
    pthread_mutex_unlock (&self->lock);
}

static void
leave_range (struct qcow2 *self, struct range *range)
{
    pthread_mutex_lock (&self->lock);
    list_remove (&range->link);
    pthread_cond_broadcast (&self->wake);
    pthread_mutex_unlock (&self->lock);
}

/* With the lock: what @offset is mapped to, ready to be changed. */
static int
map_prepared (struct qcow2 *self, uint64_t offset, uint64_t length, struct qcow2_mapping *mapping)
{
    int r;

    do {
        r = qcow2_prepare (self, offset);
        if (r == 0)
            r = qcow2_map (self, offset, length, false, mapping);
    } while (r == -EAGAIN);
    return r;
}

/* With the lock: lets @n clusters of the guest's from @offset refer to those from @host, which are
 * the caller's to give. What they were before goes. Those that could not be done go, too. */
static int
link_clusters (struct qcow2 *self, uint64_t offset, uint64_t host, uint64_t n)
{
    self->must_precede = true;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = offset + (i << self->cluster_bits), to = host + (i << self->cluster_bits);
        struct qcow2_mapping mapping;
        int r = map_prepared (self, at, self->cluster_size, &mapping);

        if (r == 0)
            r = qcow2_set_entry (self, at, to | QCOW2_COPIED);
        if (r < 0) {
            qcow2_free_run (self, to >> self->cluster_bits, n - i);
            return r;
        }
        if ((mapping.entry & QCOW2_COMPRESSED) || (mapping.entry & QCOW2_OFFSET_MASK) != to)
            qcow2_free_entry (self, mapping.entry);
    }
    return 0;
}

static int
write_file (struct qcow2 *self, uint64_t host, uint64_t length, const struct iovec *iov,
            unsigned n_iov, size_t at)
{
    AUTO_FREE struct iovec *pieces = malloc ((n_iov + 1) * sizeof *pieces);

    if (!pieces)
        return -ENOMEM;
    return self->file->ops->write (self->file, host, pieces,
                                   qcow2_slice (iov, n_iov, at, length, pieces));
}

/* Writes a whole cluster to @host: what the guest has around [offset, offset + length), and that
 * from @iov. */
static int
write_merged (struct qcow2 *self, uint64_t host, uint64_t offset, uint64_t length,
              const struct iovec *iov, unsigned n_iov, size_t at)
{
    uint64_t start = align_down (offset, self->cluster_size), head = offset - start;
    uint64_t tail = self->cluster_size - head - length, n = 0;
    /* A disk may end inside of a cluster. */
    uint64_t tail_read = MIN_OF (tail, self->header.size - offset - length);
    AUTO_FREE unsigned char *around = calloc (1, head + tail + 1);
    AUTO_FREE struct iovec *pieces = malloc ((n_iov + 3) * sizeof *pieces);
    struct iovec around_iov = {around, head + tail};
    int r = 0;

    if (!around || !pieces)
        return -ENOMEM;
    if (head)
        r = qcow2_read (self, start, head, &around_iov, 1, 0);
    if (r == 0 && tail_read)
        r = qcow2_read (self, offset + length, tail_read, &around_iov, 1, head);
    if (r < 0)
        return r;
    if (head)
        pieces[n++] = (struct iovec) {around, head};
    n += qcow2_slice (iov, n_iov, at, length, pieces + n);
    if (tail)
        pieces[n++] = (struct iovec) {around + head, tail};
    return self->file->ops->write (self->file, host, pieces, (unsigned) n);
}

/* Puts the guest's bytes [offset, offset + *length), all of one mapping, into new clusters. Takes
 * the lock along. *length becomes what was done. */
static int
copy_on_write (struct qcow2 *self, const struct qcow2_mapping *mapping, uint64_t offset,
               uint64_t *length, const struct iovec *iov, unsigned n_iov, size_t at)
{
    uint64_t in_cluster = offset & (self->cluster_size - 1), n = 1, host;
    bool in_place = mapping->kind == QCOW2_KIND_ZERO_DATA && mapping->own;
    int r;

    if (in_cluster || *length < self->cluster_size)
        *length = MIN_OF (*length, self->cluster_size - in_cluster);
    else
        n = *length >> self->cluster_bits;
    if (in_place)
        host = mapping->entry & QCOW2_OFFSET_MASK;
    else
        host = qcow2_take (self, n, &n) << self->cluster_bits;
    *length = MIN_OF (*length, n << self->cluster_bits);

    pthread_mutex_unlock (&self->lock);
    if (*length < self->cluster_size)
        r = write_merged (self, host, offset, *length, iov, n_iov, at);
    else
        r = write_file (self, host, *length, iov, n_iov, at);
    pthread_mutex_lock (&self->lock);
    if (r == 0)
        return link_clusters (self, align_down (offset, self->cluster_size), host, n);
    if (!in_place)
        qcow2_free_run (self, host >> self->cluster_bits, n);
    return r;
}

/* With the lock: whether the cluster of @mapping is zeroes without having one in the file. */
static bool
is_plain_zero (const struct qcow2 *self, const struct qcow2_mapping *mapping, uint64_t offset)
{
    return mapping->kind == QCOW2_KIND_ZERO ||
           (mapping->kind == QCOW2_KIND_NONE &&
            qcow2_is_bottom (self, align_down (offset, self->cluster_size)));
}

int
qcow2_link_fresh (struct qcow2 *self, struct qcow2_mapping *mapping, uint64_t offset)
{
    uint64_t in_cluster = offset & (self->cluster_size - 1), host, n;
    int r = 0;

    if (!is_plain_zero (self, mapping, offset))
        return 1;
    n = (in_cluster + mapping->length + self->cluster_size - 1) >> self->cluster_bits;
    host = qcow2_take (self, n, &n) << self->cluster_bits;
    for (uint64_t i = 0; r == 0 && i < n; i++)
        r = qcow2_set_entry (self, offset + (i << self->cluster_bits),
                             (host + (i << self->cluster_bits)) | QCOW2_COPIED);
    if (r < 0) {
        qcow2_free_run (self, host >> self->cluster_bits, n);
        return r;
    }
    mapping->kind = QCOW2_KIND_DATA;
    mapping->own = true;
    mapping->host = host + in_cluster;
    mapping->length = MIN_OF (mapping->length, (n << self->cluster_bits) - in_cluster);
    return 0;
}

/* Writes the beginning of what is left; *ret_done says how much. */
static int
write_some (struct qcow2 *self, uint64_t offset, uint64_t length, const struct iovec *iov,
            unsigned n_iov, size_t at, uint64_t *ret_done)
{
    struct qcow2_mapping mapping;
    int r;

    pthread_mutex_lock (&self->lock);
    r = map_prepared (self, offset, length, &mapping);
    if (r == 0 && !(mapping.kind == QCOW2_KIND_DATA && mapping.own)) {
        r = qcow2_link_fresh (self, &mapping, offset);
        if (r > 0) {
            *ret_done = mapping.length;
            r = copy_on_write (self, &mapping, offset, ret_done, iov, n_iov, at);
            pthread_mutex_unlock (&self->lock);
            return r;
        }
    }
    pthread_mutex_unlock (&self->lock);
    *ret_done = mapping.length;
    return r == 0 ? write_file (self, mapping.host, mapping.length, iov, n_iov, at) : r;
}

static int
write_all (struct qcow2 *self, uint64_t offset, uint64_t length, const struct iovec *iov,
           unsigned n_iov)
{
    uint64_t at = 0, done;
    int r = 0;

    for (; r == 0 && at < length; at += done)
        r = write_some (self, offset + at, length - at, iov, n_iov, at, &done);
    return r;
}

int
qcow2_write (struct qcow2 *self, uint64_t offset, uint64_t length, const struct iovec *iov,
             unsigned n_iov)
{
    struct range range;
    int r;

    enter_range (self, &range, offset, length);
    r = write_all (self, offset, length, iov, n_iov);
    leave_range (self, &range);
    return r;
}

enum clearing {
    CLEAR_DISCARD,    /* or nothing */
    CLEAR_UNMAP,      /* become zeroes, without space */
    CLEAR_KEEP_SPACE, /* become zeroes */
};

/* What an entry of @mapping's kind becomes; the same as it was: nothing to do. 1: there is no entry
 * that says so. */
static int
choose_entry (const struct qcow2 *self, const struct qcow2_mapping *mapping, uint64_t offset,
              enum clearing clearing, uint64_t *ret_entry)
{
    bool bottom = qcow2_is_bottom (self, offset), zeroes = self->header.version >= 3;

    *ret_entry = mapping->entry;
    if (mapping->kind == QCOW2_KIND_ZERO || (mapping->kind == QCOW2_KIND_NONE && bottom))
        return 0;
    if (mapping->kind == QCOW2_KIND_NONE && clearing == CLEAR_DISCARD)
        return 0;
    if (clearing == CLEAR_KEEP_SPACE && mapping->own) {
        if (!zeroes)
            return 1;
        *ret_entry |= QCOW2_ZERO;
        return 0;
    }
    if (bottom)
        *ret_entry = 0;
    else if (zeroes)
        *ret_entry = QCOW2_ZERO;
    else
        return clearing == CLEAR_DISCARD ? 0 : 1;
    return 0;
}

/* Clears whole clusters from @offset on, as many as are of one kind; *ret_done is how many bytes
 * those are. With the lock. 1: nothing, for this must be written. */
static int
clear_some (struct qcow2 *self, uint64_t offset, uint64_t length, enum clearing clearing,
            uint64_t *ret_done)
{
    struct qcow2_mapping mapping;
    uint64_t entry;
    int r = qcow2_map (self, offset, length, true, &mapping);

    /* A mapping ends where the backing file does, which may be inside of a cluster. */
    if (r == 0 && mapping.length >= self->cluster_size)
        mapping.length = align_down (mapping.length, self->cluster_size);
    if (r == 0) {
        *ret_done = MIN_OF (MAX_OF (mapping.length, self->cluster_size), length);
        r = choose_entry (self, &mapping, offset, clearing, &entry);
    }
    if (r != 0 || entry == mapping.entry)
        return r;
    for (uint64_t at = 0; at < *ret_done; at += self->cluster_size) {
        r = map_prepared (self, offset + at, self->cluster_size, &mapping);
        if (r == 0)
            r = choose_entry (self, &mapping, offset + at, clearing, &entry);
        if (r == 0 && entry != mapping.entry) {
            r = qcow2_set_entry (self, offset + at, entry);
            if (r == 0 && !(entry & QCOW2_OFFSET_MASK))
                qcow2_free_entry (self, mapping.entry);
        }
        if (r != 0) {
            *ret_done = at;
            return r > 0 && at > 0 ? 0 : r;
        }
    }
    return 0;
}

static int
write_zero_bytes (struct qcow2 *self, uint64_t offset, uint64_t length)
{
    AUTO_FREE unsigned char *zeroes = calloc (1, length);
    struct iovec iov = {zeroes, length};

    return zeroes ? write_all (self, offset, length, &iov, 1) : -ENOMEM;
}

/* Zeroes a part of a cluster, unless it is. */
static int
zero_part (struct qcow2 *self, uint64_t offset, uint64_t length)
{
    struct qcow2_mapping mapping;
    int r;

    pthread_mutex_lock (&self->lock);
    r = qcow2_map (self, offset, length, true, &mapping);
    pthread_mutex_unlock (&self->lock);
    if (r < 0)
        return r;
    if (mapping.length == length &&
        (mapping.kind == QCOW2_KIND_ZERO_DATA || is_plain_zero (self, &mapping, offset)))
        return 0;
    return write_zero_bytes (self, offset, length);
}

static int
clear (struct qcow2 *self, uint64_t offset, uint64_t length, enum clearing clearing)
{
    uint64_t done;
    int r = 0;

    while (r == 0 && length > 0) {
        pthread_mutex_lock (&self->lock);
        r = clear_some (self, offset, length, clearing, &done);
        pthread_mutex_unlock (&self->lock);
        if (r > 0) {
            done = MIN_OF (length, self->cluster_size);
            r = write_zero_bytes (self, offset, done);
        }
        if (r == 0) {
            offset += done;
            length -= done;
        }
    }
    return r;
}

/* The whole clusters in a range; the disk's last one is whole wherever it ends. */
static void
cut_to_clusters (const struct qcow2 *self, uint64_t offset, uint64_t length, uint64_t *ret_start,
                 uint64_t *ret_end)
{
    uint64_t end = offset + length;

    *ret_start = MIN_OF (align_up (offset, self->cluster_size), end);
    *ret_end = end == self->header.size ? end : align_down (end, self->cluster_size);
    *ret_end = MAX_OF (*ret_start, *ret_end);
}

int
qcow2_discard (struct qcow2 *self, uint64_t offset, uint64_t length)
{
    struct range range;
    uint64_t start, end;
    int r;

    cut_to_clusters (self, offset, length, &start, &end);
    if ((self->flags & BLK_NO_DISCARD) || start == end)
        return 0;
    enter_range (self, &range, start, end - start);
    r = clear (self, start, end - start, CLEAR_DISCARD);
    leave_range (self, &range);
    return r;
}

int
qcow2_write_zeroes (struct qcow2 *self, uint64_t offset, uint64_t length, bool may_unmap)
{
    enum clearing clearing =
        may_unmap && !(self->flags & BLK_NO_DISCARD) ? CLEAR_UNMAP : CLEAR_KEEP_SPACE;
    struct range range;
    uint64_t start, end;
    int r = 0;

    cut_to_clusters (self, offset, length, &start, &end);
    enter_range (self, &range, offset, length);
    if (start > offset)
        r = zero_part (self, offset, start - offset);
    if (r == 0 && end > start)
        r = clear (self, start, end - start, clearing);
    if (r == 0 && offset + length > end)
        r = zero_part (self, end, offset + length - end);
    leave_range (self, &range);
    return r;
}
