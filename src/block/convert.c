/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/convert.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "block/qcow2-copy.h"
#include "block/qcow2.h"
#include "block/sandbox.h"

#define OUTPUT_MAX  4096
#define POLL_MS     100
#define MAX_BACKING 32

static const struct {
    const char *name, *suffix;
    bool names_files; /* an image can lead to other files */
} formats[] = {
    {"raw", "raw", false},   {"qcow2", "qcow2", false}, {"vmdk", "vmdk", true},
    {"vdi", "vdi", false},   {"vhdx", "vhdx", false},   {"vpc", "vhd", false},
    {"qcow", "qcow", true},  {"raw", "img", false},     {"raw", "iso", false},
    {"qcow2", "qcow", true},
};
#define N_FORMATS 7

const char *
blk_import_format (unsigned index)
{
    return index < N_FORMATS ? formats[index].name : NULL;
}

static int
find_format (const char *name)
{
    for (int i = 0; i < N_FORMATS; i++)
        if (strcmp (formats[i].name, name) == 0)
            return i;
    return -1;
}

bool
blk_can_import (const char *format)
{
    return find_format (format) >= 0;
}

const char *
blk_format_of_name (const char *path)
{
    const char *dot = strrchr (path, '.');

    for (size_t i = 0; dot && !strchr (dot, '/') && i < ARRAY_LENGTH (formats); i++)
        if (strcasecmp (dot + 1, formats[i].suffix) == 0)
            return formats[i].name;
    return NULL;
}

struct conversion {
    const struct blk_conversion *wish;
    char *temporary;
    char *source; /* the real path */
    struct sandbox sandbox;
    char output[OUTPUT_MAX]; /* what it said on standard error */
    size_t n_output;
    char line[64]; /* of its progress */
    size_t n_line;
    bool cancelled;
    double percent;
    char backing[1024], backing_format[64]; /* as the source has them */
    struct blk *blk;                        /* the source, if only our own driver can read it */
};

/* With our own driver, which follows nothing that is not allowed: whether the source may be read,
 * and who can do that. */
static int
check_source (struct conversion *self, struct vmm_error *error)
{
    static const char *const none[] = {NULL};
    const struct blk_conversion *wish = self->wish;
    struct blk_source source = {
        .path = wish->from,
        .format = BLK_FORMAT_QCOW2,
        .flags = BLK_READ_ONLY | BLK_NO_RING,
        .allow_backing = blk_allow_listed,
        .data = (void *) (wish->backing ? wish->backing : none),
    };
    struct blk *blk;
    int r;

    if (strcmp (wish->from_format, "qcow2") != 0)
        return 0;
    r = blk_open (&source, NULL, &blk, error);
    if (r < 0)
        return r;
    memcpy (self->backing, qcow2_from_blk (blk)->header.backing, sizeof self->backing);
    memcpy (self->backing_format, qcow2_from_blk (blk)->header.backing_format,
            sizeof self->backing_format);
    if (qcow2_is_on_snapshot (qcow2_from_blk (blk)))
        self->blk = blk;
    else
        blk_close (blk);
    return 0;
}

/* A new, empty file beside the target. */
static int
make_temporary (struct conversion *self, struct vmm_error *error)
{
    const char *to = self->wish->to;
    size_t length = strlen (to) + 16;
    AUTO_FD fd = -1;
    int r;

    self->temporary = malloc (length);
    if (!self->temporary)
        return vmm_error_set_errno (error, -ENOMEM, "%s cannot be created", to);
    snprintf (self->temporary, length, "%s.part-XXXXXX", to);
    fd = mkostemp (self->temporary, O_CLOEXEC);
    if (fd >= 0)
        return 0;
    r = vmm_error_set_errno (error, -errno, "%s cannot be created", to);
    *self->temporary = 0;
    return r;
}

/* What the process may do. */
static int
restrict_child (struct conversion *self, struct vmm_error *error)
{
    const struct blk_conversion *wish = self->wish;
    int r = sandbox_init (&self->sandbox);

    if (r == 0)
        r = sandbox_allow (&self->sandbox, self->source, false);
    for (size_t i = 0; r == 0 && wish->backing && wish->backing[i] && i < MAX_BACKING; i++)
        r = sandbox_allow (&self->sandbox, wish->backing[i], false);
    if (r == 0)
        r = sandbox_allow (&self->sandbox, self->temporary, true);
    if (r < 0)
        return vmm_error_set_errno (error, r, "%s cannot be read safely", wish->from);
    if (!self->sandbox.there && formats[find_format (wish->from_format)].names_files)
        return vmm_error_set (
            error, -EPERM,
            "%s is not read: a %s image may lead to any file, and this kernel has "
            "no Landlock to prevent that",
            wish->from, wish->from_format);
    return 0;
}

static int
prepare (struct conversion *self, struct vmm_error *error)
{
    const struct blk_conversion *wish = self->wish;
    int r;

    if (find_format (wish->from_format) < 0)
        return vmm_error_set (error, -EINVAL, "%s cannot be read as “%s”, which is no known format",
                              wish->from, wish->from_format);
    if ((wish->compress || wish->zstd) && wish->to_format != BLK_FORMAT_QCOW2)
        return vmm_error_set (error, -EINVAL, "%s cannot be compressed: only qcow2 images can",
                              wish->to);
    if (!wish->replace && access (wish->to, F_OK) == 0)
        return vmm_error_set (error, -EEXIST, "%s exists already", wish->to);
    self->source = realpath (wish->from, NULL);
    if (!self->source)
        return vmm_error_set_errno (error, -errno, "%s cannot be read", wish->from);
    r = check_source (self, error);
    if (r == 0)
        r = make_temporary (self, error);
    return r == 0 && !self->blk ? restrict_child (self, error) : r;
}

/* qemu-img takes anything with a colon for a protocol, and what begins with a dash for an option.
 */
static int
make_command (struct conversion *self, const char *arguments[24], char option[96],
              char target[PATH_MAX])
{
    const struct blk_conversion *wish = self->wish;
    size_t n = 0;

    arguments[n++] = "qemu-img";
    arguments[n++] = "convert";
    arguments[n++] = "-p";
    arguments[n++] = "-f";
    arguments[n++] = wish->from_format;
    arguments[n++] = "-O";
    arguments[n++] = blk_format_name (wish->to_format);
    if (wish->compress || wish->zstd)
        arguments[n++] = "-c";
    if (wish->cluster_size || wish->zstd) {
        uint32_t cluster_size = wish->cluster_size ? wish->cluster_size : 64 * KIB;

        snprintf (option, 96, "cluster_size=%" PRIu32 "%s", cluster_size,
                  wish->zstd ? ",compression_type=zstd" : "");
        arguments[n++] = "-o";
        arguments[n++] = option;
    }
    if (wish->keep_backing && *self->backing) {
        arguments[n++] = "-B";
        arguments[n++] = self->backing;
        arguments[n++] = "-F";
        arguments[n++] = self->backing_format;
    }
    if (!realpath (self->temporary, target))
        return -errno;
    arguments[n++] = "--";
    arguments[n++] = self->source;
    arguments[n++] = target;
    arguments[n] = NULL;
    return 0;
}

static int
run_child (struct conversion *self, int out, int err, pid_t *ret_pid)
{
    const char *arguments[24];
    char option[96], target[PATH_MAX];
    int r = make_command (self, arguments, option, target);

    return r < 0 ? r : sandbox_spawn (&self->sandbox, arguments, out, err, ret_pid);
}

/* "(12.34/100%)" and a carriage return, again and again. */
static void
take_progress (struct conversion *self, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double percent;

        if (bytes[i] != '\r' && bytes[i] != '\n') {
            if (self->n_line < sizeof self->line - 1)
                self->line[self->n_line++] = bytes[i];
            continue;
        }
        self->line[self->n_line] = 0;
        self->n_line = 0;
        if (sscanf (self->line, " (%lf", &percent) == 1 && percent >= 0 && percent <= 100)
            self->percent = percent;
    }
}

static void
take_output (struct conversion *self, const char *bytes, size_t n)
{
    n = MIN_OF (n, sizeof self->output - 1 - self->n_output);
    memcpy (self->output + self->n_output, bytes, n);
    self->n_output += n;
}

/* Follows the process until both its outputs have ended. */
static void
follow (struct conversion *self, pid_t pid, int out, int err)
{
    struct pollfd fds[] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
    bool killed = false;

    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        char bytes[1024];

        if (poll (fds, 2, POLL_MS) < 0 && errno != EINTR)
            break;
        for (int i = 0; i < 2; i++) {
            ssize_t n =
                fds[i].fd >= 0 && fds[i].revents ? read (fds[i].fd, bytes, sizeof bytes) : -1;

            if (n == 0)
                fds[i].fd = -1;
            else if (n > 0 && i == 0)
                take_progress (self, bytes, (size_t) n);
            else if (n > 0)
                take_output (self, bytes, (size_t) n);
        }
        if (self->wish->progress && !self->wish->progress (self->wish->data, self->percent))
            self->cancelled = true;
        if (self->cancelled && !killed)
            killed = kill (pid, SIGKILL) == 0;
    }
}

/* What qemu-img said, as one sentence. */
static int
explain (struct conversion *self, int status, struct vmm_error *error)
{
    const struct blk_conversion *wish = self->wish;
    char *text = self->output;

    if (self->cancelled)
        return vmm_error_set (error, -ECANCELED, "the copy of %s was cancelled", wish->from);
    if (WIFEXITED (status) && WEXITSTATUS (status) == SANDBOX_NOT_FOUND)
        return vmm_error_set (error, -ENOENT,
                              "%s cannot be converted: qemu-img is not there; install it (Debian: "
                              "qemu-utils, Fedora: qemu-img)",
                              wish->from);
    text[self->n_output] = 0;
    if (strncmp (text, "qemu-img: ", 10) == 0)
        text += 10;
    text[strcspn (text, "\n")] = 0;
    for (char *c = text; *c; c++)
        if ((unsigned char) *c < ' ')
            *c = ' ';
    if (strstr (text, "No space left"))
        return vmm_error_set (error, -ENOSPC, "there is no room for %s: its file system is full",
                              wish->to);
    return vmm_error_set (error, -EIO, "%s cannot be converted: %.300s", wish->from,
                          *text ? text : "qemu-img failed without saying why");
}

/* The copy gets the name it was made for. */
static int
keep (struct conversion *self, struct vmm_error *error)
{
    const struct blk_conversion *wish = self->wish;
    AUTO_FD fd = -1;
    int r = 0;

    assert (self->temporary);
    fd = open (self->temporary, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fsync (fd) < 0)
        return vmm_error_set_errno (error, -errno, "%s cannot be written", wish->to);
    if (wish->replace)
        r = rename (self->temporary, wish->to);
    else
        r = renameat2 (AT_FDCWD, self->temporary, AT_FDCWD, wish->to, RENAME_NOREPLACE);
    if (r < 0)
        return vmm_error_set_errno (error, -errno, "%s cannot be created", wish->to);
    *self->temporary = 0;
    return 0;
}

static int
run_own (struct conversion *self, struct vmm_error *error)
{
    const struct blk_conversion *wish = self->wish;
    struct blk_file *file;
    int r = blk_file_open (self->temporary, 0, NULL, &file, error);

    if (r < 0)
        return r;
    r = qcow2_copy (qcow2_from_blk (self->blk), wish, file);
    blk_file_close (file);
    if (r == -ECANCELED)
        return vmm_error_set (error, r, "the copy of %s was cancelled", wish->from);
    if (r == -ENOSPC)
        return vmm_error_set (error, r, "there is no room for %s: its file system is full",
                              wish->to);
    return r < 0 ? vmm_error_set_errno (error, r, "%s cannot be converted", wish->from)
                 : keep (self, error);
}

static int
run (struct conversion *self, struct vmm_error *error)
{
    int out[2] = {-1, -1}, err[2] = {-1, -1}, status = 0, r = 0;
    pid_t pid;

    if (pipe2 (out, O_CLOEXEC) < 0 || pipe2 (err, O_CLOEXEC) < 0)
        r = -errno;
    if (r == 0)
        r = run_child (self, out[1], err[1], &pid);
    close_fd (out[1]);
    close_fd (err[1]);
    if (r == 0) {
        follow (self, pid, out[0], err[0]);
        while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
            ;
    }
    close_fd (out[0]);
    close_fd (err[0]);
    if (r < 0)
        return vmm_error_set_errno (error, r, "%s cannot be converted", self->wish->from);
    if (self->cancelled || !WIFEXITED (status) || WEXITSTATUS (status) != 0)
        return explain (self, status, error);
    return keep (self, error);
}

int
blk_convert (const struct blk_conversion *conversion, struct vmm_error *error)
{
    struct conversion *self = calloc (1, sizeof *self);
    int r;

    if (!self)
        return vmm_error_set_errno (error, -ENOMEM, "%s cannot be converted", conversion->from);
    self->wish = conversion;
    self->sandbox.ruleset = -1;
    r = prepare (self, error);
    if (r == 0)
        r = self->blk ? run_own (self, error) : run (self, error);
    blk_close (self->blk);
    if (self->temporary && *self->temporary)
        unlink (self->temporary);
    sandbox_fini (&self->sandbox);
    free (self->temporary);
    free (self->source);
    free (self);
    return r;
}

/* Opens the image alone, so that nobody else has it; what is to be known of it. */
static int
examine (const struct blk_compaction *compaction, struct blk_conversion *conversion,
         struct blk **ret_blk, struct vmm_error *error)
{
    static const char *const none[] = {NULL};
    struct blk_source source = {
        .path = compaction->path,
        .format = compaction->format,
        .flags = BLK_NO_RING,
        .allow_backing = blk_allow_listed,
        .data = (void *) (compaction->backing ? compaction->backing : none),
    };
    struct qcow2 *image;
    int r = blk_open (&source, NULL, ret_blk, error);

    if (r < 0)
        return r;
    image = qcow2_from_blk (*ret_blk);
    if (image && image->header.n_snapshots) {
        blk_close (*ret_blk);
        return vmm_error_set (error, -ENOTEMPTY,
                              "%s has snapshots, which would be lost; delete them first, or leave "
                              "it as it is",
                              compaction->path);
    }
    if (image) {
        conversion->cluster_size = (uint32_t) image->cluster_size;
        conversion->zstd |= conversion->compress && image->header.compression == QCOW2_ZSTD;
    }
    return 0;
}

/* Punches holes where the block of a raw image at @at is zeroes. */
static int
punch_zeroes (int fd, const unsigned char *bytes, size_t n, uint64_t at)
{
    const size_t block = 64 * KIB;

    for (size_t i = 0; i + block <= n; i += block)
        if (bytes[i] == 0 && memcmp (bytes + i, bytes + i + 1, block - 1) == 0 &&
            fallocate (fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t) (at + i),
                       (off_t) block) < 0)
            return -errno;
    return 0;
}

static int
give_back_zeroes (const struct blk_compaction *compaction, uint64_t size, struct vmm_error *error)
{
    AUTO_FD fd = open (compaction->path, O_RDWR | O_CLOEXEC);
    AUTO_FREE unsigned char *bytes = malloc (MIB);
    int r = 0;

    if (fd < 0 || !bytes)
        return vmm_error_set_errno (error, fd < 0 ? -errno : -ENOMEM, "%s cannot be compacted",
                                    compaction->path);
    for (uint64_t at = 0; r == 0 && at < size;) {
        off_t data = lseek (fd, (off_t) at, SEEK_DATA);
        ssize_t n;

        if (data < 0)
            break;
        at = align_down ((uint64_t) data, 64 * KIB);
        n = pread (fd, bytes, MIB, (off_t) at);
        if (n <= 0)
            return vmm_error_set_errno (error, n < 0 ? -errno : -EIO, "%s cannot be read",
                                        compaction->path);
        r = punch_zeroes (fd, bytes, (size_t) n, at);
        at += (uint64_t) n;
        if (compaction->progress &&
            !compaction->progress (compaction->data, 100.0 * (double) at / (double) size))
            return vmm_error_set (error, -ECANCELED, "the compaction of %s was cancelled",
                                  compaction->path);
    }
    return r < 0 ? vmm_error_set_errno (error, r, "the file system of %s cannot give space back",
                                        compaction->path)
                 : 0;
}

int
blk_compact (const struct blk_compaction *compaction, struct vmm_error *error)
{
    struct blk_conversion conversion = {
        .from = compaction->path,
        .from_format = blk_format_name (compaction->format),
        .backing = compaction->backing,
        .to = compaction->path,
        .to_format = compaction->format,
        .replace = true,
        .keep_backing = true,
        .compress = compaction->compress,
        .zstd = compaction->zstd,
        .progress = compaction->progress,
        .data = compaction->data,
    };
    struct blk *blk;
    int r;

    if ((compaction->compress || compaction->zstd) && compaction->format != BLK_FORMAT_QCOW2)
        return vmm_error_set (error, -EINVAL, "%s cannot be compressed: only qcow2 images can",
                              compaction->path);
    r = examine (compaction, &conversion, &blk, error);
    if (r < 0)
        return r;
    if (compaction->format == BLK_FORMAT_RAW)
        r = give_back_zeroes (compaction, blk_get_info (blk)->size, error);
    blk_close (blk);
    return r == 0 && compaction->format != BLK_FORMAT_RAW ? blk_convert (&conversion, error) : r;
}
