/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hostile qcow2 images: a sound one, with data, a snapshot and compressed clusters, of which any
 * bytes are changed, most of them in its tables, before and while it is used in every way. Nothing
 * may be read or written outside of what it is, no file may be opened because it says so, memory is
 * bounded, and a request ends with one of the results that the contract names.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "block/mem-file.h"
#include "block/qcow2-copy.h"
#include "block/qcow2.h"
#include "fuzz.h"

#define DISK      (256 * KIB)
#define GROWTH    (16 * MIB)
#define N_SHAPES  4
#define MAX_STEPS 24

#define FUZZ_CHECK(condition)                                                               \
    do {                                                                                    \
        if (!(condition)) {                                                                 \
            fprintf (stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
            abort ();                                                                       \
        }                                                                                   \
    } while (0)

static const uint32_t cluster_sizes[N_SHAPES] = {512, 4096, 65536, 256 * KIB};

struct state {
    struct vmm_loop *loop;
    struct mem_file file;
    struct qcow2 *image;
    unsigned char buffer[DISK];
};

static bool
allow_cb (void *data, const char *path)
{
    FUZZ_CHECK (path[0] == '/');
    return false;
}

static int
open_image (struct state *state, unsigned flags)
{
    struct blk_source source = {"/tmp/image", BLK_FORMAT_QCOW2, flags | BLK_NO_RING, allow_cb,
                                NULL};
    struct vmm_error error = {0};
    int r = qcow2_open_file (&state->file.file, &source, 0, NULL, &state->image, &error);

    if (r < 0) {
        FUZZ_CHECK (*error.message);
        state->image = NULL;
        return r;
    }
    FUZZ_CHECK (blk_attach (&state->image->blk, state->loop) == 0);
    return 0;
}

static int
submit (struct state *state, enum blk_operation operation, uint64_t offset, uint64_t length)
{
    struct iovec iov = {state->buffer, length};
    struct blk_request request = {
        .operation = operation,
        .offset = offset,
        .length = length,
        .iov = &iov,
        .n_iov = 1,
        .may_unmap = length & 512,
    };
    int r = blk_run (&state->image->blk, state->loop, &request);

    FUZZ_CHECK (r == 0 || r == -EIO || r == -ENOSPC || r == -ENOMEM || r == -EROFS || r == -ERANGE);
    return r;
}

/* A sound image of each shape, made once. */
static const struct mem_file *
sound_image (unsigned shape)
{
    static struct mem_file images[N_SHAPES];
    struct mem_file *file = &images[shape];
    struct blk_qcow2_options options = {.size = DISK, .cluster_size = cluster_sizes[shape]};
    char folder[] = "/tmp/fuzz-qcow2-XXXXXX", path[64];
    struct state *state;
    struct vmm_error error;
    struct blk_snapshot wish = {.id = "one", .name = "One"};

    if (file->size)
        return file;
    FUZZ_CHECK (mkdtemp (folder));
    snprintf (path, sizeof path, "%s/image", folder);
    FUZZ_CHECK (blk_create_qcow2 (path, &options, &error) == 0);
    state = calloc (1, sizeof *state);
    FUZZ_CHECK (state && vmm_loop_create (&state->loop) == 0);
    mem_init (&state->file);
    mem_load (&state->file, path);
    FUZZ_CHECK (open_image (state, 0) == 0);
    memset (state->buffer, 5, DISK);
    FUZZ_CHECK (submit (state, BLK_WRITE, 0, DISK / 2) == 0);
    FUZZ_CHECK (blk_snapshot_take (&state->image->blk, &wish, &error) == 0);
    FUZZ_CHECK (submit (state, BLK_WRITE, 4096, DISK / 4) == 0);
    blk_close (&state->image->blk);
    mem_init (file);
    mem_put (file, 0, state->file.bytes, state->file.size);
    mem_fini (&state->file);
    vmm_loop_destroy (state->loop);
    free (state);
    unlink (path);
    rmdir (folder);
    return file;
}

/* Where a table of the image is, as its header says now. */
static uint64_t
find_table (const struct state *state, uint64_t which)
{
    static const uint64_t pointers[] = {40, 48, 64};
    const unsigned char *bytes = state->file.bytes;
    uint64_t offset = 0;

    if (which < 3)
        offset = load_be64 (bytes + pointers[which]);
    else if (which < 5) {
        /* What the first entry of the L1 or refcount table points to. */
        offset = load_be64 (bytes + pointers[which - 3]);
        if (offset <= state->file.size - 8)
            offset = load_be64 (bytes + offset) & QCOW2_OFFSET_MASK;
        else
            offset = 0;
    }
    return offset < state->file.size ? offset : 0;
}

static void
damage (struct state *state, struct fuzz_input *input)
{
    uint64_t kind = fuzz_take (input, 1), offset, value;
    unsigned width = 1u << fuzz_take (input, 1) % 4;

    offset = find_table (state, kind % 8) + fuzz_take (input, 1) % 160;
    if (kind >= 0xe0)
        offset = fuzz_take (input, 3);
    value = fuzz_take (input, 1);
    if (value < 0x40)
        value = fuzz_take (input, 8);
    else if (value < 0x80)
        value = (fuzz_take (input, 1) % 64) * state->file.size / 64 |
                (value & 1 ? QCOW2_COPIED : 0) | (value & 2 ? QCOW2_COMPRESSED : 0);
    for (unsigned i = 0; i < width && offset + i < state->file.size; i++)
        state->file.bytes[offset + i] = (unsigned char) (value >> 8 * (width - 1 - i));
}

#define MAX_TOLD 3000 /* times; a disk may say to be larger than anybody has time for */

static bool
told_cb (void *data, double percent)
{
    unsigned *left = data;

    FUZZ_CHECK (percent >= 0 && percent <= 100);
    return (*left)-- > 0;
}

static void
copy (struct state *state, struct fuzz_input *input)
{
    unsigned kind = (unsigned) fuzz_take (input, 1), left = MAX_TOLD;
    const struct blk_conversion wish = {
        .to_format = kind & 1 ? BLK_FORMAT_RAW : BLK_FORMAT_QCOW2,
        .keep_backing = kind & 2,
        .cluster_size = cluster_sizes[kind / 4 % N_SHAPES],
        .compress = kind & 16,
        .zstd = kind & 32,
        .progress = told_cb,
        .data = &left,
    };
    struct mem_file to;
    int r;

    mem_init (&to);
    to.limit = GROWTH;
    r = qcow2_copy (state->image, &wish, &to.file);
    FUZZ_CHECK (r == 0 || r == -EIO || r == -ENOSPC || r == -ENOMEM || r == -ECANCELED ||
                r == -EFBIG);
    mem_fini (&to);
}

static void
use_whole (struct state *state, struct fuzz_input *input)
{
    struct blk *blk = &state->image->blk;
    struct blk_snapshot wish = {.id = "two"}, *list;
    struct vmm_error error = {0};
    struct blk_check check;
    size_t n;
    int r = 0;

    switch (fuzz_take (input, 1) % 9) {
    case 0: r = blk_snapshot_take (blk, &wish, &error); break;
    case 1: r = blk_snapshot_apply (blk, "one", &error); break;
    case 2: r = blk_snapshot_delete (blk, "one", &error); break;
    case 3:
        r = blk_snapshot_list (blk, fuzz_take (input, 1) & 1, &list, &n, &error);
        if (r == 0)
            free (list);
        break;
    case 4: r = blk_check (blk, &check, &error); break;
    case 5: r = blk_repair (blk, &error); break;
    case 6: r = blk_resize (blk, DISK + fuzz_take (input, 2) * 512, &error); break;
    case 7: r = blk_resize (blk, DISK / 2, &error); break;
    case 8: copy (state, input); break;
    }
    if (r < 0)
        FUZZ_CHECK (*error.message);
}

static void
use (struct state *state, struct fuzz_input *input)
{
    uint64_t what = fuzz_take (input, 1) % 16, size = blk_get_info (&state->image->blk)->size;
    uint64_t offset = fuzz_take (input, 2) * 512, length = (1 + fuzz_take (input, 1)) * 512;

    if (what >= 12) {
        use_whole (state, input);
        return;
    }
    if (what == 11) {
        damage (state, input);
        return;
    }
    /* The end of a disk of any size, too. */
    if (offset & 512 && size > DISK)
        offset = size - MIN_OF (size, offset);
    submit (state, (enum blk_operation) (what % (BLK_WRITE_ZEROES + 1)), align_down (offset, 512),
            length);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct state *state = calloc (1, sizeof *state);
    const struct mem_file *sound = sound_image ((unsigned) fuzz_take (&input, 1) % N_SHAPES);
    unsigned n_damages = (unsigned) fuzz_take (&input, 1) % 6, flags;

    FUZZ_CHECK (state && vmm_loop_create (&state->loop) == 0);
    mem_init (&state->file);
    mem_put (&state->file, 0, sound->bytes, sound->size);
    state->file.limit = sound->size + GROWTH;
    while (n_damages--)
        damage (state, &input);
    flags = (unsigned) fuzz_take (&input, 1) & (BLK_READ_ONLY | BLK_FOR_REPAIR);
    if (open_image (state, flags) == 0) {
        for (unsigned i = 0; i < MAX_STEPS && input.size; i++)
            use (state, &input);
        blk_close (&state->image->blk);
    }
    FUZZ_CHECK (state->file.size <= sound->size + GROWTH);
    mem_fini (&state->file);
    vmm_loop_destroy (state->loop);
    free (state);
    return 0;
}
