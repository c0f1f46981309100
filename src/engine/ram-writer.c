/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/ram-writer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/memory-internal.h"

#define PAGE        4096u
#define CHUNK       (2u << 20)
#define CHUNK_PAGES (CHUNK / PAGE)
#define WRITE_BACK  (32u << 20) /* how much may be dirty before the disk is set to work */
#define PRESENT     (UINT64_C (1) << 63)
#define SWAPPED     (UINT64_C (1) << 62)

/* Where the child tells how it goes; memory that both processes share. */
struct progress {
    _Atomic uint64_t done;
    atomic_int error;
};

struct ram_writer {
    int pidfd;
    bool reaped;
    struct progress *progress;
};

/* What the child works with: all of it prepared, as it may not allocate. */
struct job {
    const uint8_t *ram;
    uint64_t size;
    int base_fd; /* what pages are of that are neither present nor swapped out; −1: zero */
    const struct vmm_state_writer *state;
    int ram_fd, state_fd;
    pid_t parent;
    struct progress *progress;
};

/*
 * The child. Other threads of the process may have held any lock when it was made, so there is
 * nothing here but system calls and arithmetic.
 */

static int
write_at (int fd, const uint8_t *data, size_t length, uint64_t offset)
{
    while (length > 0) {
        ssize_t n = pwrite (fd, data, length, (off_t) offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        data += n;
        offset += (uint64_t) n;
        length -= (size_t) n;
    }
    return 0;
}

/* The stream, with what it borrows in its place. */
static int
write_state (const struct job *job)
{
    const struct vmm_state_writer *state = job->state;
    uint64_t offset = 0;
    size_t done = 0;
    int r = 0;

    for (size_t i = 0; i <= state->n_pieces && r == 0; i++) {
        const struct vmm_state_piece *piece = i < state->n_pieces ? &state->pieces[i] : NULL;
        size_t until = piece ? piece->at : state->length;

        r = write_at (job->state_fd, state->data + done, until - done, offset);
        offset += until - done;
        done = until;
        if (r == 0 && piece) {
            r = write_at (job->state_fd, piece->data, piece->length, offset);
            offset += piece->length;
        }
    }
    return r == 0 && fsync (job->state_fd) < 0 ? -errno : r;
}

static bool
is_zero (const uint8_t *page)
{
    const uint64_t *words = (const uint64_t *) (const void *) page;

    for (size_t i = 0; i < PAGE / 8; i += 8) {
        if (words[i] | words[i + 1] | words[i + 2] | words[i + 3] | words[i + 4] | words[i + 5] |
            words[i + 6] | words[i + 7])
            return false;
    }
    return true;
}

/* Whether the file below has anything between @start and @end; looking would fill its holes. */
static bool
base_has_data (const struct job *job, uint64_t start, uint64_t end)
{
    off_t data;

    if (job->base_fd < 0)
        return false;
    data = lseek (job->base_fd, (off_t) start, SEEK_DATA);
    return data < 0 ? errno != ENXIO : (uint64_t) data < end;
}

/* Without /proc every page is looked at. */
static void
find_pages (const struct job *job, int pagemap, uint64_t offset, unsigned n_pages,
            bool ret_look[CHUNK_PAGES])
{
    uint64_t first = ((uintptr_t) job->ram + offset) / PAGE, map[CHUNK_PAGES];
    size_t length = n_pages * sizeof map[0];
    bool known = pagemap >= 0 &&
                 pread (pagemap, map, length, (off_t) (first * sizeof map[0])) == (ssize_t) length;
    bool below = base_has_data (job, offset, offset + (uint64_t) n_pages * PAGE);

    for (unsigned i = 0; i < n_pages; i++) {
        uint64_t at = offset + (uint64_t) i * PAGE;

        ret_look[i] =
            !known || map[i] & (PRESENT | SWAPPED) || (below && base_has_data (job, at, at + PAGE));
    }
}

static int
write_chunk (const struct job *job, int pagemap, uint64_t offset, unsigned n_pages)
{
    bool look[CHUNK_PAGES];
    unsigned run = 0;

    find_pages (job, pagemap, offset, n_pages, look);
    for (unsigned i = 0; i <= n_pages; i++) {
        const uint8_t *page = job->ram + offset + (uint64_t) i * PAGE;

        if (i < n_pages && look[i] && !is_zero (page)) {
            run++;
            continue;
        }
        if (run > 0) {
            int r = write_at (job->ram_fd, page - (size_t) run * PAGE, (size_t) run * PAGE,
                              offset + (uint64_t) (i - run) * PAGE);

            if (r < 0)
                return r;
        }
        run = 0;
    }
    return 0;
}

static int
write_ram (const struct job *job, int pagemap)
{
    uint64_t flushed = 0;

    for (uint64_t offset = 0; offset < job->size; offset += CHUNK) {
        uint64_t length = MIN_OF (job->size - offset, (uint64_t) CHUNK);
        int r = write_chunk (job, pagemap, offset, (unsigned) (length / PAGE));

        if (r < 0)
            return r;
        /* From here on the guest has these pages for itself, and need not copy them. */
        madvise ((void *) (uintptr_t) (job->ram + offset), length, MADV_DONTNEED);
        atomic_store_explicit (&job->progress->done, offset + length, memory_order_relaxed);
        if (offset + length - flushed >= WRITE_BACK) {
            sync_file_range (job->ram_fd, (off_t) flushed, (off_t) (offset + length - flushed),
                             SYNC_FILE_RANGE_WRITE);
            flushed = offset + length;
        }
    }
    return fsync (job->ram_fd) < 0 ? -errno : 0;
}

/* Lets go of all that is not its own, or images would stay locked after the machine is gone. */
static void
close_others (const struct job *job)
{
    int keep[] = {job->ram_fd, job->state_fd, job->base_fd};
    int next = 0;

    for (size_t i = 0; i < ARRAY_LENGTH (keep); i++) {
        for (size_t j = i + 1; j < ARRAY_LENGTH (keep); j++) {
            if (keep[j] < keep[i]) {
                int other = keep[i];

                keep[i] = keep[j];
                keep[j] = other;
            }
        }
        if (keep[i] > next)
            syscall (SYS_close_range, (unsigned) next, (unsigned) keep[i] - 1, 0u);
        next = MAX_OF (next, keep[i] + 1);
    }
    syscall (SYS_close_range, (unsigned) next, ~0u, 0u);
}

static _Noreturn void
child (const struct job *job)
{
    int pagemap, r;

    prctl (PR_SET_PDEATHSIG, SIGKILL);
    /* Who died before that tells nobody, and what we hold stays locked. */
    if (getppid () != job->parent)
        syscall (SYS_exit_group, 1);
    prctl (PR_SET_NAME, "snapshot");
    /* The guest goes first where processors are few. */
    setpriority (PRIO_PROCESS, 0, 10);
    close_others (job);
    pagemap = open ("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    r = write_state (job);
    if (r == 0 && ftruncate (job->ram_fd, (off_t) job->size) < 0)
        r = -errno;
    if (r == 0)
        r = write_ram (job, pagemap);
    atomic_store (&job->progress->error, r);
    syscall (SYS_exit_group, r == 0 ? 0 : 1);
    __builtin_unreachable ();
}

/* No signal when the child ends and no hooks of other libraries: nobody else is to notice it. */
static int
fork_quietly (const struct job *job, int *ret_pidfd)
{
    int pidfd = -1;
    long pid = syscall (SYS_clone, (unsigned long) CLONE_PIDFD, 0ul, &pidfd, 0ul, 0ul);

    if (pid == 0)
        child (job);
    if (pid < 0)
        return -errno;
    *ret_pidfd = pidfd;
    return 0;
}

static void
show_pieces (const struct vmm_state_writer *state, bool to_children)
{
    for (size_t i = 0; i < state->n_pieces; i++) {
        const struct vmm_state_piece *piece = &state->pieces[i];
        uintptr_t start = (uintptr_t) piece->data & ~(uintptr_t) (PAGE - 1);

        if (piece->hidden)
            madvise ((void *) start, (uintptr_t) piece->data + piece->length - start,
                     to_children ? MADV_DOFORK : MADV_DONTFORK);
    }
}

int
ram_writer_begin (struct vmm_memory *memory, int ram_fd, int state_fd,
                  const struct vmm_state_writer *state, struct ram_writer **ret_writer,
                  struct vmm_error *error)
{
    struct ram_writer *writer = calloc (1, sizeof *writer);
    struct job job = {
        .state = state,
        .ram_fd = ram_fd,
        .state_fd = state_fd,
        .parent = getpid (),
    };
    int r;

    if (!writer)
        return vmm_error_set (error, -ENOMEM, "out of memory");
    writer->pidfd = -1;
    writer->progress = mmap (NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (writer->progress == MAP_FAILED) {
        writer->progress = NULL;
        ram_writer_destroy (writer);
        return vmm_error_set (error, -ENOMEM, "out of memory");
    }
    job.progress = writer->progress;
    job.ram = vmm_memory_begin_fork (memory, &job.size, &job.base_fd);
    show_pieces (state, true);
    r = fork_quietly (&job, &writer->pidfd);
    show_pieces (state, false);
    vmm_memory_end_fork (memory);
    if (r < 0) {
        ram_writer_destroy (writer);
        return vmm_error_set_errno (error, r,
                                    "a process that writes the guest's memory cannot "
                                    "be started");
    }
    *ret_writer = writer;
    return 0;
}

static void
reap (struct ram_writer *writer)
{
    siginfo_t info;

    while (!writer->reaped && waitid (P_PIDFD, (id_t) writer->pidfd, &info, WEXITED | __WALL) < 0 &&
           errno == EINTR)
        continue;
    writer->reaped = true;
}

void
ram_writer_destroy (struct ram_writer *writer)
{
    if (!writer)
        return;
    if (writer->pidfd >= 0 && !writer->reaped) {
        syscall (SYS_pidfd_send_signal, writer->pidfd, SIGKILL, NULL, 0u);
        reap (writer);
    }
    close_fd (writer->pidfd);
    if (writer->progress)
        munmap (writer->progress, PAGE);
    free (writer);
}

int
ram_writer_fd (const struct ram_writer *writer)
{
    return writer->pidfd;
}

int
ram_writer_finish (struct ram_writer *writer, struct vmm_error *error)
{
    siginfo_t info = {0};
    int r;

    while (!writer->reaped && waitid (P_PIDFD, (id_t) writer->pidfd, &info, WEXITED | __WALL) < 0) {
        if (errno != EINTR)
            return vmm_error_set_errno (error, -errno, "the process that writes is lost");
    }
    writer->reaped = true;
    r = atomic_load (&writer->progress->error);
    if (r == -ENOSPC || r == -EDQUOT)
        return vmm_error_set (error, r,
                              "there is no room left for the guest's memory: make some, and try "
                              "again");
    if (r < 0)
        return vmm_error_set_errno (error, r, "the guest's memory cannot be written");
    if (info.si_code != CLD_EXITED || info.si_status != 0)
        return vmm_error_set (error, -EINTR,
                              "the process that wrote the guest's memory was ended from outside");
    return 0;
}

uint64_t
ram_writer_done (const struct ram_writer *writer)
{
    return atomic_load_explicit (&writer->progress->done, memory_order_relaxed);
}
