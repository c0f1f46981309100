/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tests of the qcow2 driver share: a folder of their own, images in it, a model of the
 * disk's contents in memory, random numbers, and QEMU's tools as the judge. Everything runs on the
 * test's one thread; a test that ends early leaves its folder in /tmp.
 */
#pragma once

#include <inttypes.h>
#include <spawn.h>
#include <sys/wait.h>

#include "block/image.h"
#include "block/qcow2.h"
#include "rig.h"

#define QRIG_MAX 24 /* names in the folder */

struct qrig {
    char folder[64];
    char path[128]; /* the image that most tests are about */
    struct vmm_loop *loop;
    struct blk *blk;
    unsigned char *model;
    uint64_t size;
    uint64_t seed;
    struct vmm_error error;
    const char *allowed; /* the end of the names of backing files that may be opened; NULL: any */
};

extern char **environ;

/* Runs @...: a program of PATH and its arguments, up to NULL; its exit status. Its output goes into
 * the folder's file "output". */
static inline int
qrig_run (struct qrig *rig, const char *program, ...)
{
    const char *arguments[48] = {program};
    posix_spawn_file_actions_t actions;
    char output[128];
    int n = 1, status;
    va_list list;
    pid_t pid;

    va_start (list, program);
    while ((arguments[n] = va_arg (list, const char *)))
        CHECK (++n < 47);
    va_end (list);
    snprintf (output, sizeof output, "%s/output", rig->folder);
    posix_spawn_file_actions_init (&actions);
    posix_spawn_file_actions_addopen (&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2 (&actions, 1, 2);
    if (posix_spawnp (&pid, program, &actions, NULL, (char **) arguments, environ) != 0)
        tap_skip ("there is no qemu-img or qemu-io");
    posix_spawn_file_actions_destroy (&actions);
    CHECK_EQUAL (waitpid (pid, &status, 0), pid);
    return WIFEXITED (status) ? WEXITSTATUS (status) : -1;
}

static inline void
qrig_print_output (struct qrig *rig)
{
    char path[128], line[256];
    FILE *stream;

    snprintf (path, sizeof path, "%s/output", rig->folder);
    stream = fopen (path, "r");
    for (int i = 0; stream && i < 20 && fgets (line, sizeof line, stream); i++)
        printf ("# %s", line);
    if (stream)
        fclose (stream);
}

#define QRIG_RUN(rig, ...)                                                                  \
    do {                                                                                    \
        int qrig_status = qrig_run (rig, __VA_ARGS__, NULL);                                \
        if (qrig_status != 0) {                                                             \
            qrig_print_output (rig);                                                        \
            tap_fail (__FILE__, __LINE__, "exit status %d: %s", qrig_status, #__VA_ARGS__); \
        }                                                                                   \
    } while (0)

static inline void
qrig_init (struct qrig *rig)
{
    *rig = (struct qrig) {.folder = "/tmp/posada-qcow2-XXXXXX", .seed = 1};
    CHECK (mkdtemp (rig->folder));
    snprintf (rig->path, sizeof rig->path, "%s/disk.qcow2", rig->folder);
    CHECK_EQUAL (vmm_loop_create (&rig->loop), 0);
}

static inline void
qrig_fini (struct qrig *rig)
{
    blk_close (rig->blk);
    vmm_loop_destroy (rig->loop);
    free (rig->model);
    qrig_run (rig, "rm", "-rf", rig->folder, NULL);
}

static inline const char *
qrig_name (struct qrig *rig, char buffer[128], const char *name)
{
    snprintf (buffer, 128, "%s/%s", rig->folder, name);
    return buffer;
}

static inline bool
qrig_allow (void *data, const char *path)
{
    const struct qrig *rig = data;
    size_t length = strlen (path), end = rig->allowed ? strlen (rig->allowed) : 0;

    return length >= end && (!end || strcmp (path + length - end, rig->allowed) == 0);
}

static inline int
qrig_try_open (struct qrig *rig, unsigned flags)
{
    struct blk_source source = {rig->path, BLK_FORMAT_QCOW2, flags, qrig_allow, rig};

    return blk_open (&source, NULL, &rig->blk, &rig->error);
}

static inline void
qrig_open (struct qrig *rig, unsigned flags)
{
    if (qrig_try_open (rig, flags) < 0)
        tap_fail (__FILE__, __LINE__, "open: %s", rig->error.message);
    CHECK_EQUAL (blk_attach (rig->blk, rig->loop), 0);
}

static inline void
qrig_close (struct qrig *rig)
{
    blk_close (rig->blk);
    rig->blk = NULL;
}

static inline void
qrig_create (struct qrig *rig, uint64_t size, uint32_t cluster_size)
{
    struct blk_qcow2_options options = {.size = size, .cluster_size = cluster_size};

    if (blk_create_qcow2 (rig->path, &options, &rig->error) < 0)
        tap_fail (__FILE__, __LINE__, "create: %s", rig->error.message);
}

static inline uint64_t
qrig_random (struct qrig *rig, uint64_t limit)
{
    rig->seed ^= rig->seed >> 12;
    rig->seed ^= rig->seed << 25;
    rig->seed ^= rig->seed >> 27;
    return (rig->seed * UINT64_C (2685821657736338717) >> 11) % limit;
}

static inline int
qrig_do (struct qrig *rig, enum blk_operation operation, uint64_t offset, void *buffer,
         uint64_t length, bool may_unmap)
{
    struct iovec iov = {buffer, length};
    struct blk_request request = {
        .operation = operation,
        .offset = offset,
        .length = length,
        .iov = &iov,
        .n_iov = buffer ? 1 : 0,
        .may_unmap = may_unmap,
    };

    return blk_run (rig->blk, rig->loop, &request);
}

/* qemu-img finds no errors, and no leaks unless @leaks. */
static inline void
qrig_judge (struct qrig *rig, bool leaks)
{
    int status = qrig_run (rig, "qemu-img", "check", "-f", "qcow2", rig->path, NULL);

    if (status == 0 || (leaks && status == 3))
        return;
    qrig_print_output (rig);
    tap_fail (__FILE__, __LINE__, "qemu-img check %s: exit status %d", rig->path, status);
}

/* What QEMU reads equals the model. */
static inline void
qrig_compare_with_qemu (struct qrig *rig)
{
    char raw[128];
    unsigned char *contents = malloc (rig->size);
    int fd;

    QRIG_RUN (rig, "qemu-img", "convert", "-f", "qcow2", "-O", "raw", rig->path,
              qrig_name (rig, raw, "converted.raw"));
    fd = open (raw, O_RDONLY | O_CLOEXEC);
    CHECK (contents && fd >= 0);
    CHECK_EQUAL (read (fd, contents, rig->size), rig->size);
    close (fd);
    unlink (raw);
    for (uint64_t i = 0; i < rig->size; i++)
        if (contents[i] != rig->model[i])
            tap_fail (__FILE__, __LINE__, "QEMU reads %#x, not %#x, at %#" PRIx64, contents[i],
                      rig->model[i], i);
    free (contents);
}

/* What we read equals the model. */
static inline void
qrig_compare (struct qrig *rig)
{
    unsigned char *contents = malloc (rig->size);

    CHECK (contents);
    CHECK_EQUAL (qrig_do (rig, BLK_READ, 0, contents, rig->size, false), 0);
    for (uint64_t i = 0; i < rig->size; i++)
        if (contents[i] != rig->model[i])
            tap_fail (__FILE__, __LINE__, "we read %#x, not %#x, at %#" PRIx64, contents[i],
                      rig->model[i], i);
    free (contents);
}
