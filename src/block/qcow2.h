/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of the qcow2 driver. The format is that of QEMU's docs/interop/qcow2, whose terms are
 * used throughout. For qcow2*.c and their tests only.
 *
 *   qcow2-header.c    the header: hostile until checked
 *   qcow2-create.c    new images
 *   qcow2-cache.c     pages of L2 tables and refcount blocks; the L1 and refcount tables
 *   qcow2-refs.c      reference counts, allocation, freeing
 *   qcow2-barrier.c   how metadata gets to the file
 *   qcow2-map.c       from guest offsets to the file, and changing that
 *   qcow2-read.c      reading on a worker: backing chains, compressed clusters
 *   qcow2-write.c     writing on a worker: allocation, copying
 *   qcow2-job.c       requests: the fast path, and what workers do
 *   qcow2-pool.c      the workers
 *   qcow2-taking.c    snapshots that a worker takes while reading goes on
 *   qcow2-chain.c     backing files
 *   qcow2-copy.c      copies of whole images that no other program can make
 *   qcow2-build.c     images written in one go
 *   qcow2.c           open and close
 *
 * The order that survives a crash. Nothing is overwritten that the image on stable storage refers
 * to, but table entries, eight bytes each, which change from one valid state to another:
 *
 *   1. A cluster gets its reference, in memory. It reads as zeroes, or was filled before anybody
 *      refers to it. Then the entry that refers to it changes, in memory.
 *   2. A barrier takes a copy of all changes of one instant and writes the reference counts, waits
 *      until they and all data are stable, writes the tables that refer to clusters, and waits
 *      again. The first wait is left out where nothing needs it: the counts were written before,
 * and what was linked since is known to read as zeroes on stable storage, which is what the guest
 *      had there. Its data may come after their entry, as long as both come before the flush ends.
 *      What does need it sets .must_precede.
 *   3. What an entry no longer refers to is given up only after the barrier that wrote the entry,
 *      and when no request from before is in flight any more. Until then it leaks.
 *
 * So at any instant references on stable storage are counted, and counts without a reference are
 * leaks. Before anything of an image is written it is marked as dirty, and closing it takes the
 * mark away, so that leaks are there only if the mark is; opening such an image for writing counts
 * anew, which takes well below a second for each TiB in use. Images of version 2 have no mark, so
 * all of them are checked when they are opened for writing. What changes more than single entries
 * (snapshots, a new size, repair) writes new tables beside the old ones and switches over with the
 * header's first sector, in which all pointers are.
 *
 * One mutex, .lock, guards everything but the data; it is never held during I/O. A backing image's
 * is taken with that of the image above held, never the other way.
 */
#pragma once

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/util.h"
#include "block/driver.h"
#include "block/file.h"
#include "block/image.h"

#define QCOW2_MAGIC            UINT32_C (0x514649fb)
#define QCOW2_MIN_CLUSTER_BITS 9
#define QCOW2_MAX_CLUSTER_BITS 21
#define QCOW2_MAX_L1_BYTES     (32 * MIB) /* QEMU's limits, too */
#define QCOW2_MAX_RT_BYTES     (8 * MIB)
#define QCOW2_MAX_SNAPSHOTS    65536
#define QCOW2_MAX_OFFSET       (UINT64_C (1) << 56)
#define QCOW2_MAX_DEPTH        32 /* images in a chain */
#define QCOW2_HEADER_V2        72
#define QCOW2_HEADER_V3        104
#define QCOW2_HEADER_SECTOR    512 /* all fields that ever change are in it */

#define QCOW2_PAGE_MAX         4096
#define QCOW2_CACHE_BYTES      (32 * MIB) /* of pages, for one image */
#define QCOW2_MAX_DIRTY        1024       /* pages; then a barrier is due */
#define QCOW2_MAX_FREES        65536      /* runs that wait for a barrier; then one is due */

#define QCOW2_COPIED           (UINT64_C (1) << 63)
#define QCOW2_COMPRESSED       (UINT64_C (1) << 62)
#define QCOW2_ZERO             UINT64_C (1)
#define QCOW2_OFFSET_MASK      UINT64_C (0x00fffffffffffe00)

enum qcow2_incompatible {
    QCOW2_DIRTY = 1 << 0,
    QCOW2_CORRUPT = 1 << 1,
    QCOW2_DATA_FILE = 1 << 2,
    QCOW2_COMPRESSION_TYPE = 1 << 3,
    QCOW2_EXTENDED_L2 = 1 << 4,
};
/* Ours: the image is based on an internal snapshot of its backing file, which an extension of the
 * header names. Whoever does not know that must not read the file below, which is another. */
#define QCOW2_BACKING_SNAPSHOT     (UINT64_C (1) << 63)
#define QCOW2_EXT_BACKING_SNAPSHOT UINT32_C (0x50536e70)
#define QCOW2_EXT_FEATURE_NAMES    UINT32_C (0x6803f857)
#define QCOW2_FEATURE_NAME_BYTES   48

enum qcow2_compression {
    QCOW2_ZLIB = 0,
    QCOW2_ZSTD = 1,
};

struct qcow2_header {
    uint32_t version;
    uint64_t backing_offset;
    uint32_t backing_length;
    uint32_t cluster_bits;
    uint64_t size;
    uint32_t crypt_method;
    uint32_t l1_size;
    uint64_t l1_offset;
    uint64_t rt_offset;
    uint32_t rt_clusters;
    uint32_t n_snapshots;
    uint64_t snapshots_offset;
    uint64_t incompatible, compatible, autoclear;
    uint32_t refcount_order;
    uint32_t length;
    uint8_t compression;
    char backing[1024]; /* name, empty: none */
    char backing_format[64];
    char backing_snapshot[BLK_SNAPSHOT_ID_MAX + 1]; /* empty: the file as it is */
    bool has_bitmaps;
    unsigned char sector[QCOW2_HEADER_SECTOR]; /* as it is in the file */
};

/* A table that is whole in memory: L1, refcount table. */
struct qcow2_table {
    uint64_t offset;
    uint32_t n;           /* entries */
    uint64_t *entries;    /* in the byte order of the host */
    unsigned char *dirty; /* by sector of 512 bytes */
    bool any_dirty;
};

enum qcow2_page_kind {
    QCOW2_PAGE_L2,
    QCOW2_PAGE_REFS,
};

struct qcow2_page {
    struct vmm_list hash, lru, dirty_link;
    uint64_t offset;
    enum qcow2_page_kind kind;
    bool loading; /* its reader has let the lock go */
    bool dirty;
    bool writing; /* a barrier has a copy that may not be in the file yet */
    unsigned char data[];
};

struct qcow2_cache {
    struct vmm_list *buckets;
    size_t n_buckets;
    struct vmm_list lru; /* most recent first */
    struct vmm_list dirty;
    size_t n_pages, max_pages, n_dirty;
};

/* Clusters of the file that nothing refers to any more. */
struct qcow2_run {
    uint64_t first, n;
    uint64_t seq; /* requests below it may still use them */
};

struct qcow2_runs {
    struct qcow2_run *runs;
    size_t n, size;
};

struct qcow2_layer {
    struct qcow2 *image; /* one of these two, or neither */
    struct blk_file *raw;
    struct blk *raw_data;
    uint64_t size;
};

struct qcow2_pool;

#define QCOW2_VIEW 0x10000u /* in .flags, of a snapshot */

/* A snapshot that was begun. Until it is done nothing changes but what takes it. */
struct qcow2_taking {
    struct blk_snapshot wish;
    struct vmm_error error;
    int result;
    bool done;
};

struct qcow2 {
    struct blk blk;
    struct blk_file *file;
    struct blk *data; /* the same file for the fast path; NULL: there is none */
    unsigned flags;
    struct qcow2_header header;
    unsigned cluster_bits, l2_bits, refcount_bits;
    uint64_t cluster_size, page_size;
    uint64_t entries_per_block; /* clusters counted by a refcount block */
    struct qcow2_layer backing;

    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t wake;  /* something that somebody may wait for has ended */
    struct qcow2_table l1, rt;
    struct qcow2_cache cache;
    atomic_bool failed;     /* a flush has failed */
    atomic_bool complained; /* about damage */
    bool in_barrier, in_refill, in_new_table;
    bool marked;       /* as dirty, by us */
    bool leaks;        /* something could not be given back, so that the mark stays */
    bool must_precede; /* what entries refer to was filled, zeroed or made part of the file since
                        * the last time all was stable */
    uint64_t n_barriers, last_barrier; /* begun; the last one that succeeded */
    struct qcow2_runs frees;           /* entries that refer to them may still be in the file */
    struct qcow2_runs durable;         /* no more */
    struct qcow2_run reserve[2]; /* clusters with a reference that read as zeroes; the second one
                                  * is for when the first one is used up */
    uint64_t free_from;          /* no free cluster is below */
    uint64_t fresh_from;         /* from here on the file has never been written to */
    struct vmm_list flights;     /* jobs, oldest first */
    uint64_t next_seq;
    struct vmm_list ranges; /* guest ranges that somebody changes piece by piece */
    struct qcow2_job *spare_jobs;
    unsigned n_spare_jobs;
    unsigned char *inflated; /* one decompressed cluster … */
    uint64_t inflated_entry; /* … of this entry; 0: none */
    struct qcow2_pool *pool;
    struct qcow2_taking *taking; /* NULL: none */
    struct vmm_list held;        /* jobs that wait for it to be done */
};

/* qcow2-header.c */

/* Reads and checks everything a header says. @error is one sentence. */
int qcow2_header_read (struct blk_file *file, const char *path, struct qcow2_header *ret_header,
                       struct vmm_error *error);
/* Writes the first sector, of which @header->sector is brought up to date; nothing else is touched.
 * Not flushed. */
int qcow2_header_write (struct blk_file *file, struct qcow2_header *header);

/* qcow2-create.c */

/* Fills @cluster, the first one of an image and all zeroes, with what @header says of a new one.
 * -ENAMETOOLONG: it is too small for the names. */
int qcow2_compose_header (const struct qcow2_header *header, unsigned char *cluster);

/* qcow2-cache.c; all with the lock */

int qcow2_cache_init (struct qcow2 *self);
void qcow2_cache_fini (struct qcow2 *self);
/* Forgets all pages that are clean and that nobody is about to use. */
void qcow2_cache_drop (struct qcow2 *self);
/* Forgets the pages of the cluster at @offset, which becomes a table; may release the lock. */
void qcow2_cache_forget (struct qcow2 *self, uint64_t offset);
/* The page with the file's byte @offset. It stays while the lock is held. -EAGAIN: it must be read,
 * and @may_wait is false, else the lock is released for that. */
int qcow2_page_get (struct qcow2 *self, enum qcow2_page_kind kind, uint64_t offset, bool may_wait,
                    struct qcow2_page **ret_page);
void qcow2_page_mark (struct qcow2 *self, struct qcow2_page *page);

/* In failure @table stays as it is. */
int qcow2_table_load (struct qcow2 *self, struct qcow2_table *table, uint64_t offset, uint32_t n);
int qcow2_table_init (struct qcow2_table *table, uint64_t offset, uint32_t n); /* all zeroes */
void qcow2_table_fini (struct qcow2_table *table);
void qcow2_table_set (struct qcow2_table *table, uint32_t index, uint64_t value);

/* qcow2-refs.c; with the lock, which they may release */

uint64_t qcow2_refcount_peek (const void *block, unsigned bits, uint64_t index);
void qcow2_refcount_poke (void *block, unsigned bits, uint64_t index, uint64_t value);
int qcow2_refcount_get (struct qcow2 *self, uint64_t cluster, uint64_t *ret_count);
/* Fills what is empty of the reserve. The lock may have been released, so look again. */
int qcow2_reserve (struct qcow2 *self);
/* Takes up to @n clusters from the reserve, which is not empty; the first of them. Never releases
 * the lock. */
uint64_t qcow2_take (struct qcow2 *self, uint64_t n, uint64_t *ret_n);
/* Notes down that the cluster or clusters of an L2 entry, or @n of them from @first, lost a
 * reference. Never releases the lock. */
void qcow2_free_entry (struct qcow2 *self, uint64_t entry);
void qcow2_free_run (struct qcow2 *self, uint64_t first, uint64_t n);
/* Takes the references of what may go now away. For the barrier. */
void qcow2_settle (struct qcow2 *self);
/* Makes the refcount table larger; releases the lock. */
int qcow2_grow_refs (struct qcow2 *self);
/* Gives the reserve back; no request is in flight. */
void qcow2_reserve_drop (struct qcow2 *self);

/* qcow2-barrier.c */

/* Without the lock: brings all metadata of this instant to stable storage, and the data with it. */
int qcow2_barrier (struct qcow2 *self);
/* With the lock: a barrier is due before more is changed. */
bool qcow2_is_barrier_due (const struct qcow2 *self);
bool qcow2_is_clean (const struct qcow2 *self);

/* qcow2-map.c; all with the lock */

enum qcow2_kind {
    QCOW2_KIND_NONE, /* see the backing file */
    QCOW2_KIND_ZERO,
    QCOW2_KIND_ZERO_DATA, /* zeroes, with a cluster at .host */
    QCOW2_KIND_DATA,
    QCOW2_KIND_COMPRESSED,
};

struct qcow2_mapping {
    enum qcow2_kind kind;
    bool own;        /* nobody else refers to the cluster: it may be written in place */
    bool own_table;  /* there is an L2 table, and nobody else refers to it */
    uint64_t entry;  /* of the first cluster */
    uint64_t host;   /* of the first byte: DATA, ZERO_DATA */
    uint64_t length; /* bytes that go on in the same way; DATA: without a gap in the file */
};

/* What @length (> 0) bytes from @offset of the guest are. -EAGAIN as qcow2_page_get (), -EIO for
 * damage. */
int qcow2_map (struct qcow2 *self, uint64_t offset, uint64_t length, bool may_wait,
               struct qcow2_mapping *ret_mapping);
/* Gets everything ready to change the entry of @offset: an own L2 table with its page, a reserve,
 * no barrier due. Releases the lock; at 0 all of that holds at once. */
int qcow2_prepare (struct qcow2 *self, uint64_t offset);
/* Changes an entry of a page that is there, as after qcow2_prepare (). -EAGAIN if it is not. */
int qcow2_set_entry (struct qcow2 *self, uint64_t offset, uint64_t entry);
/* Whether the bytes, unmapped, read as zeroes because no backing file is below. */
bool qcow2_is_bottom (const struct qcow2 *self, uint64_t offset);
void qcow2_log_damage (struct qcow2 *self, const char *what, uint64_t where);
/* Logs damage once; -EIO. */
static inline int
qcow2_damaged (struct qcow2 *self, const char *what, uint64_t where)
{
    qcow2_log_damage (self, what, where);
    return -EIO;
}

/* qcow2-read.c; without the lock */

/* Reads @length bytes of the guest's from @offset into @iov, beginning @at bytes into it. */
int qcow2_read (struct qcow2 *self, uint64_t offset, uint64_t length, const struct iovec *iov,
                unsigned n_iov, size_t at);
/* The piece of @length bytes from @at of @iov: fills @pieces (at least as many) and returns how
 * many. */
unsigned qcow2_slice (const struct iovec *iov, unsigned n_iov, size_t at, size_t length,
                      struct iovec *pieces);
void qcow2_zero_iov (const struct iovec *iov, unsigned n_iov, size_t at, size_t length);
/* Where the compressed data of @entry is. */
void qcow2_compressed_range (const struct qcow2 *self, uint64_t entry, uint64_t *ret_offset,
                             uint64_t *ret_length);

/* qcow2-inflate.c */
int qcow2_inflate (enum qcow2_compression compression, const void *from, size_t from_length,
                   void *to, size_t to_length);
/* @to has room for as much as @from is; 1: it does not become smaller. */
int qcow2_deflate (enum qcow2_compression compression, const void *from, size_t from_length,
                   void *to, size_t *ret_length);

/* qcow2-write.c; without the lock */

int qcow2_write (struct qcow2 *self, uint64_t offset, uint64_t length, const struct iovec *iov,
                 unsigned n_iov);
/* With the lock: gives what @mapping, as qcow2_map () filled it, says to be zeroes clusters of its
 * own, and brings it up to date; it may become shorter. Needs what qcow2_prepare () provides.
 * 1: they are something else than plain zeroes. */
int qcow2_link_fresh (struct qcow2 *self, struct qcow2_mapping *mapping, uint64_t offset);
int qcow2_discard (struct qcow2 *self, uint64_t offset, uint64_t length);
int qcow2_write_zeroes (struct qcow2 *self, uint64_t offset, uint64_t length, bool may_unmap);

/* qcow2-pool.c */

int qcow2_pool_create (struct qcow2 *self, struct qcow2_pool **ret_pool);
void qcow2_pool_destroy (struct qcow2_pool *pool);
/* A worker calls qcow2_work () with @queued. */
void qcow2_pool_enqueue (struct qcow2_pool *pool, struct vmm_list *queued);
/* With the lock: somebody refills the reserve soon. */
void qcow2_pool_refill (struct qcow2_pool *pool);
/* A worker calls qcow2_take_begun (). */
void qcow2_pool_take (struct qcow2_pool *pool);

/* qcow2-job.c */

/* On a worker: serves the job that was queued with that link. */
void qcow2_work (struct qcow2 *self, struct vmm_list *queued);
/* With the lock: jobs that were held are to be served. */
void qcow2_let_go (struct qcow2 *self);
void qcow2_submit (struct blk *blk, struct blk_request *request);
void qcow2_kick (struct blk *blk);
void qcow2_free_spare_jobs (struct qcow2 *self);
/* With the lock: requests that are older are done. */
uint64_t qcow2_oldest_flight (const struct qcow2 *self);

/* qcow2-taking.c */

/* With the lock: nothing but reading goes on. */
bool qcow2_is_frozen (const struct qcow2 *self);
/* On a worker: takes the snapshot that was begun. */
void qcow2_take_begun (struct qcow2 *self);

/* qcow2-chain.c */

int qcow2_chain_open (struct qcow2 *self, const struct blk_source *source, unsigned depth,
                      struct vmm_error *error);
void qcow2_chain_close (struct qcow2_layer *layer);

/* qcow2-snapshot.c */

/* Has a freshly read header be that of the snapshot @id: its table, its size, no more snapshots.
 * The file may be written by somebody else meanwhile. */
int qcow2_view_snapshot (struct qcow2 *self, const char *id, struct vmm_error *error);

/* qcow2.c */

/* Takes over @file, also in failure. For tests, and for backing images (@depth > 0). */
int qcow2_open_file (struct blk_file *file, const struct blk_source *source, unsigned depth,
                     const struct vmm_log *log, struct qcow2 **ret_self, struct vmm_error *error);
/* @blk, which must be of this driver; else NULL. */
struct qcow2 *qcow2_from_blk (struct blk *blk);
