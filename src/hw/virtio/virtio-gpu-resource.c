/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hw/virtio/virtio-gpu.h"

#include <errno.h>
#include <stdlib.h>

#include "base/util.h"

#define ENTRY_SIZE 16 /* le64 address, le32 length, padding */

/* Formats (5.7.6.8): four bytes of a pixel in the order of their names. */
enum {
    B8G8R8A8 = 1,
    B8G8R8X8 = 2,
    A8R8G8B8 = 3,
    X8R8G8B8 = 4,
    R8G8B8A8 = 67,
    X8B8G8R8 = 68,
    A8B8G8R8 = 121,
    R8G8B8X8 = 134,
};

bool
gpu_format_is_known (uint32_t format)
{
    switch (format) {
    case B8G8R8A8:
    case B8G8R8X8:
    case A8R8G8B8:
    case X8R8G8B8:
    case R8G8B8A8:
    case X8B8G8R8:
    case A8B8G8R8:
    case R8G8B8X8: return true;
    default: return false;
    }
}

/*
 * Makes pixels that were read as they lie in memory 0xAARRGGBB. X is kept as it came: drivers draw
 * cursors with alpha into resources without.
 */
static void
convert (uint32_t *pixels, size_t n, uint32_t format)
{
    switch (format) {
    case A8R8G8B8:
    case X8R8G8B8:
        for (size_t i = 0; i < n; i++)
            pixels[i] = be32toh (pixels[i]);
        break;
    case R8G8B8A8:
    case R8G8B8X8:
        for (size_t i = 0; i < n; i++) {
            uint32_t p = le32toh (pixels[i]);

            pixels[i] = (p & 0xFF00FF00) | (p & 0xFF) << 16 | (p >> 16 & 0xFF);
        }
        break;
    case A8B8G8R8:
    case X8B8G8R8:
        for (size_t i = 0; i < n; i++) {
            uint32_t p = le32toh (pixels[i]);

            pixels[i] = p >> 8 | p << 24;
        }
        break;
    default: break; /* B8G8R8A8 is how this host's words lie */
    }
}

struct gpu_resource *
gpu_find_resource (struct gpu *gpu, uint32_t id)
{
    for (uint32_t i = 0; id && i < gpu->n_resources; i++)
        if (gpu->resources[i].id == id)
            return &gpu->resources[i];
    return NULL;
}

enum gpu_answer
gpu_create_resource (struct gpu *gpu, uint32_t id, uint32_t format, uint32_t width, uint32_t height)
{
    struct gpu_resource *self;
    uint64_t size = (uint64_t) width * height * sizeof *self->pixels;

    if (id == 0 || gpu_find_resource (gpu, id))
        return GPU_NO_SUCH_RESOURCE;
    if (!gpu_format_is_known (format) || !width || !height || width > GPU_MAX_SIDE ||
        height > GPU_MAX_SIDE)
        return GPU_BAD_PARAMETER;
    if (gpu->n_resources >= GPU_MAX_RESOURCES || size > GPU_MAX_BYTES - gpu->n_bytes)
        return GPU_OUT_OF_MEMORY;
    self = &gpu->resources[gpu->n_resources];
    *self = (struct gpu_resource) {
        .gpu = gpu,
        .id = id,
        .format = format,
        .width = width,
        .height = height,
        .n_bytes = (uint32_t) size,
        .pixels = calloc (1, size),
    };
    if (!self->pixels)
        return GPU_OUT_OF_MEMORY;
    gpu->n_resources++;
    gpu->n_bytes += size;
    return GPU_OK;
}

static void
drop_backing (struct gpu_resource *self)
{
    self->gpu->n_entries -= self->n_words / 2;
    free (self->backing);
    self->backing = NULL;
    self->n_words = 0;
    self->backing_size = 0;
}

static void
release (struct gpu_resource *self)
{
    struct gpu *gpu = self->gpu;

    free (self->backing);
    free (self->pixels);
    *self = (struct gpu_resource) {.gpu = gpu};
}

enum gpu_answer
gpu_destroy_resource (struct gpu *gpu, uint32_t id)
{
    struct gpu_resource *self = gpu_find_resource (gpu, id);
    struct gpu_resource *last;

    if (!self)
        return GPU_NO_SUCH_RESOURCE;
    gpu_forget_resource (gpu, id);
    drop_backing (self);
    gpu->n_bytes -= self->n_bytes;
    release (self);
    last = &gpu->resources[--gpu->n_resources];
    if (last != self) {
        *self = *last;
        *last = (struct gpu_resource) {.gpu = gpu};
    }
    return GPU_OK;
}

void
gpu_destroy_all_resources (struct gpu *gpu)
{
    /* A failed load leaves some beyond those that count. */
    for (uint32_t i = 0; i < GPU_MAX_RESOURCES; i++)
        if (gpu->resources[i].gpu)
            release (&gpu->resources[i]);
    gpu->n_resources = 0;
    gpu->n_bytes = 0;
    gpu->n_entries = 0;
}

/* Backing. */

/* Whether every piece is RAM; adds up their lengths. */
static bool
measure_backing (struct gpu *gpu, const uint64_t *backing, uint32_t n_words, uint64_t *ret_size)
{
    struct vmm_memory *memory = vmm_device_memory (&gpu->virtio.pci.device);
    uint64_t size = 0;

    for (uint32_t i = 0; i < n_words; i += 2) {
        if (backing[i + 1] > UINT32_MAX)
            return false;
        if (backing[i + 1] && !vmm_memory_pointer (memory, backing[i], backing[i + 1]))
            return false;
        size += backing[i + 1];
    }
    *ret_size = size;
    return true;
}

static void
read_entries (const struct virtq_chain *chain, uint64_t offset, uint32_t n, uint64_t *backing)
{
    for (uint32_t i = 0; i < n; i++) {
        uint8_t raw[ENTRY_SIZE] = {0};

        virtq_copy_from (chain->readable, chain->n_readable, offset + (uint64_t) i * ENTRY_SIZE,
                         raw, sizeof raw);
        backing[2 * i] = load_le64 (raw);
        backing[2 * i + 1] = load_le32 (raw + 8);
    }
}

enum gpu_answer
gpu_attach_backing (struct gpu *gpu, uint32_t id, uint32_t n_entries,
                    const struct virtq_chain *chain, uint64_t offset)
{
    struct gpu_resource *self = gpu_find_resource (gpu, id);
    uint64_t *backing, size;

    if (!self)
        return GPU_NO_SUCH_RESOURCE;
    if (self->backing || n_entries == 0 || n_entries > GPU_MAX_ENTRIES ||
        !range_fits (offset, (uint64_t) n_entries * ENTRY_SIZE, chain->readable_size))
        return GPU_BAD_PARAMETER;
    if (n_entries > GPU_MAX_TOTAL_ENTRIES - gpu->n_entries)
        return GPU_OUT_OF_MEMORY;
    backing = malloc (2 * (size_t) n_entries * sizeof *backing);
    if (!backing)
        return GPU_OUT_OF_MEMORY;
    read_entries (chain, offset, n_entries, backing);
    gpu->spent += (uint64_t) n_entries * ENTRY_SIZE;
    if (!measure_backing (gpu, backing, 2 * n_entries, &size)) {
        free (backing);
        return GPU_BAD_PARAMETER;
    }
    self->backing = backing;
    self->n_words = 2 * n_entries;
    self->backing_size = size;
    gpu->n_entries += n_entries;
    return GPU_OK;
}

enum gpu_answer
gpu_detach_backing (struct gpu *gpu, uint32_t id)
{
    struct gpu_resource *self = gpu_find_resource (gpu, id);

    if (!self)
        return GPU_NO_SUCH_RESOURCE;
    if (!self->backing)
        return GPU_BAD_PARAMETER;
    drop_backing (self);
    return GPU_OK;
}

/* Transfers. */

/* A place in the backing, which only moves forward. */
struct place {
    uint32_t word;
    uint64_t start; /* of that piece, in bytes of backing */
};

static int
read_backing (const struct gpu_resource *self, struct place *place, uint64_t offset, void *buffer,
              size_t length)
{
    struct vmm_memory *memory = vmm_device_memory (&self->gpu->virtio.pci.device);
    uint8_t *to = buffer;

    while (length > 0 && place->word < self->n_words) {
        uint64_t address = self->backing[place->word], size = self->backing[place->word + 1];
        uint64_t inside = offset - place->start, n;
        int r;

        if (inside >= size) {
            place->start += size;
            place->word += 2;
            continue;
        }
        n = MIN_OF (size - inside, (uint64_t) length);
        r = vmm_memory_read (memory, address + inside, to, n);
        if (r < 0)
            return r;
        to += n;
        offset += n;
        length -= n;
    }
    return length ? -EFAULT : 0;
}

bool
gpu_rectangle_fits (const struct gpu_resource *resource, const struct display_rectangle *rectangle)
{
    return range_fits (rectangle->x, rectangle->width, resource->width) &&
           range_fits (rectangle->y, rectangle->height, resource->height);
}

enum gpu_answer
gpu_transfer (struct gpu *gpu, uint32_t id, const struct display_rectangle *rectangle,
              uint64_t offset)
{
    struct gpu_resource *self = gpu_find_resource (gpu, id);
    size_t row = (size_t) rectangle->width * sizeof *self->pixels, stride;
    unsigned n_rows = rectangle->height;
    struct place place = {0};
    uint32_t *to;

    if (!self)
        return GPU_NO_SUCH_RESOURCE;
    if (!self->backing || !gpu_rectangle_fits (self, rectangle))
        return GPU_BAD_PARAMETER;
    if (!row || !n_rows)
        return GPU_OK;
    stride = self->width * sizeof *self->pixels;
    if (!range_fits (offset, (uint64_t) stride * (n_rows - 1) + row, self->backing_size))
        return GPU_BAD_PARAMETER;
    gpu->spent += (uint64_t) row * n_rows;
    to = self->pixels + (size_t) rectangle->y * self->width + rectangle->x;
    /* Whole lines lie back to back on both sides. */
    if (row == stride) {
        row *= n_rows;
        n_rows = 1;
    }
    for (unsigned i = 0; i < n_rows; i++, offset += stride, to += self->width) {
        if (read_backing (self, &place, offset, to, row) < 0)
            return GPU_FAILED;
        convert (to, row / sizeof *to, self->format);
    }
    return GPU_OK;
}

/* State. */

static int
prepare_pixels (void *object, size_t count)
{
    struct gpu_resource *self = object;

    gpu_blank (self->gpu); /* which may show what goes */
    free (self->pixels);
    self->pixels = calloc (1, MAX_OF (count, (size_t) 1));
    return self->pixels ? 0 : -ENOMEM;
}

static int
prepare_backing (void *object, size_t count)
{
    struct gpu_resource *self = object;

    free (self->backing);
    self->backing = NULL;
    if (!count)
        return 0;
    self->backing = calloc (count, sizeof *self->backing);
    return self->backing ? 0 : -ENOMEM;
}

static bool
check_resource (struct gpu *gpu, uint32_t number)
{
    struct gpu_resource *self = &gpu->resources[number];

    if (!self->id || !self->pixels || !gpu_format_is_known (self->format))
        return false;
    for (uint32_t i = 0; i < number; i++)
        if (gpu->resources[i].id == self->id)
            return false;
    if (!self->width || !self->height || self->width > GPU_MAX_SIDE ||
        self->height > GPU_MAX_SIDE ||
        self->n_bytes != (uint64_t) self->width * self->height * sizeof *self->pixels)
        return false;
    gpu->n_bytes += self->n_bytes;
    gpu->n_entries += self->n_words / 2;
    return self->n_words % 2 == 0 &&
           measure_backing (gpu, self->backing, self->n_words, &self->backing_size);
}

bool
gpu_check_resources (struct gpu *gpu)
{
    for (uint32_t i = gpu->n_resources; i < GPU_MAX_RESOURCES; i++)
        release (&gpu->resources[i]);
    gpu->n_bytes = 0;
    gpu->n_entries = 0;
    for (uint32_t i = 0; i < gpu->n_resources; i++)
        if (!check_resource (gpu, i))
            return false;
    return gpu->n_bytes <= GPU_MAX_BYTES && gpu->n_entries <= GPU_MAX_TOTAL_ENTRIES;
}

static const struct vmm_state_field resource_fields[] = {
    VMM_STATE (struct gpu_resource, id),
    VMM_STATE (struct gpu_resource, format),
    VMM_STATE (struct gpu_resource, width),
    VMM_STATE (struct gpu_resource, height),
    {
        .name = "pixels", /* bytes of little-endian words, as hosts have them */
        .type = VMM_FIELD_U8,
        .offset = offsetof (struct gpu_resource, pixels),
        .count = GPU_MAX_BYTES,
        .size = 1,
        .pointer = true,
        .variable = true,
        .count_offset = offsetof (struct gpu_resource, n_bytes),
        .prepare = prepare_pixels,
    },
    {
        .name = "backing",
        .type = VMM_FIELD_U64,
        .offset = offsetof (struct gpu_resource, backing),
        .count = 2 * GPU_MAX_ENTRIES,
        .size = sizeof (uint64_t),
        .pointer = true,
        .variable = true,
        .count_offset = offsetof (struct gpu_resource, n_words),
        .prepare = prepare_backing,
    },
};

const struct vmm_state_table gpu_resource_state = {
    .name = "resource",
    .version = 1,
    .fields = resource_fields,
    .n_fields = ARRAY_LENGTH (resource_fields),
};
