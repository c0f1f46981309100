/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests are read once into a local buffer and answered at once, so a fence is over when its
 * request is. A request shorter than its structure is answered with an error, an answer longer than
 * its buffer is cut.
 */
#include "base/util.h"
#include "hw/virtio/virtio-gpu.h"

#define QUEUE_CONTROL 0

/* Commands (5.7.6.7). */
enum {
    GET_DISPLAY_INFO = 0x0100,
    RESOURCE_CREATE_2D = 0x0101,
    RESOURCE_UNREF = 0x0102,
    SET_SCANOUT = 0x0103,
    RESOURCE_FLUSH = 0x0104,
    TRANSFER_TO_HOST_2D = 0x0105,
    RESOURCE_ATTACH_BACKING = 0x0106,
    RESOURCE_DETACH_BACKING = 0x0107,
    GET_EDID = 0x010A,
    UPDATE_CURSOR = 0x0300,
    MOVE_CURSOR = 0x0301,
};

/* The header of requests and answers: type, flags, fence, context, ring. */
enum {
    HEADER_FLAGS = 4,
    HEADER_FENCE = 8,
    HEADER_SIZE = 24,
};
#define FLAG_FENCE        1u

#define COMMAND_MAX       56
#define INFO_SCANOUTS     16 /* a display info always has so many */
#define INFO_ENTRY        24
#define EDID_ANSWER_SPACE 1024
#define ANSWER_MAX        (HEADER_SIZE + 8 + EDID_ANSWER_SPACE)

struct answer {
    uint8_t bytes[ANSWER_MAX];
    size_t length;
};

static struct gpu *
from_virtio (struct virtio *virtio)
{
    return CONTAINER_OF (virtio, struct gpu, virtio);
}

static uint32_t
word (const uint8_t *command, unsigned offset)
{
    return load_le32 (command + offset);
}

static struct display_rectangle
rectangle_of (const uint8_t *command)
{
    return (struct display_rectangle) {
        .x = word (command, HEADER_SIZE),
        .y = word (command, HEADER_SIZE + 4),
        .width = word (command, HEADER_SIZE + 8),
        .height = word (command, HEADER_SIZE + 12),
    };
}

static enum gpu_answer
get_display_info (const struct gpu *gpu, struct answer *answer)
{
    for (unsigned i = 0; i < gpu->n_scanouts; i++) {
        uint8_t *entry = answer->bytes + HEADER_SIZE + i * INFO_ENTRY;

        store_le32 (entry + 8, gpu->scanouts[i].wanted_width);
        store_le32 (entry + 12, gpu->scanouts[i].wanted_height);
        store_le32 (entry + 16, 1); /* enabled */
    }
    answer->length = HEADER_SIZE + INFO_SCANOUTS * INFO_ENTRY;
    return GPU_OK_DISPLAY_INFO;
}

static enum gpu_answer
get_edid (const struct gpu *gpu, uint32_t number, struct answer *answer)
{
    if (number >= gpu->n_scanouts)
        return GPU_NO_SUCH_SCANOUT;
    store_le32 (answer->bytes + HEADER_SIZE, EDID_SIZE);
    edid_build (answer->bytes + HEADER_SIZE + 8, gpu->scanouts[number].wanted_width,
                gpu->scanouts[number].wanted_height);
    answer->length = ANSWER_MAX;
    return GPU_OK_EDID;
}

static size_t
command_size (uint32_t type)
{
    switch (type) {
    case GET_DISPLAY_INFO: return HEADER_SIZE;
    case RESOURCE_CREATE_2D: return HEADER_SIZE + 16;
    case RESOURCE_UNREF:
    case RESOURCE_ATTACH_BACKING:
    case RESOURCE_DETACH_BACKING:
    case GET_EDID: return HEADER_SIZE + 8;
    case SET_SCANOUT:
    case RESOURCE_FLUSH: return HEADER_SIZE + 24;
    default: return HEADER_SIZE + 32;
    }
}

static enum gpu_answer
execute (struct gpu *gpu, const struct virtq_chain *chain, const uint8_t *command,
         struct answer *answer)
{
    const uint8_t *own = command + HEADER_SIZE;
    struct display_rectangle rectangle;

    switch (word (command, 0)) {
    case GET_DISPLAY_INFO: return get_display_info (gpu, answer);
    case GET_EDID: return get_edid (gpu, word (own, 0), answer);
    case RESOURCE_CREATE_2D:
        return gpu_create_resource (gpu, word (own, 0), word (own, 4), word (own, 8),
                                    word (own, 12));
    case RESOURCE_UNREF: return gpu_destroy_resource (gpu, word (own, 0));
    case RESOURCE_ATTACH_BACKING:
        return gpu_attach_backing (gpu, word (own, 0), word (own, 4), chain, HEADER_SIZE + 8);
    case RESOURCE_DETACH_BACKING: return gpu_detach_backing (gpu, word (own, 0));
    case SET_SCANOUT:
        rectangle = rectangle_of (command);
        return gpu_set_scanout (gpu, word (own, 16), word (own, 20), &rectangle);
    case RESOURCE_FLUSH:
        rectangle = rectangle_of (command);
        return gpu_flush (gpu, word (own, 16), &rectangle);
    case TRANSFER_TO_HOST_2D:
        rectangle = rectangle_of (command);
        return gpu_transfer (gpu, word (own, 24), &rectangle, load_le64 (own + 16));
    default: return GPU_FAILED;
    }
}

/* False, and notify will be called again, when it is others' turn. */
static bool
go_on (struct gpu *gpu, unsigned queue)
{
    if (gpu->spent < GPU_BUDGET)
        return true;
    virtio_kick (&gpu->virtio, queue);
    return false;
}

static bool
serve_control (struct virtio *virtio, unsigned queue, struct virtq_chain *chain)
{
    struct gpu *gpu = from_virtio (virtio);
    uint8_t command[COMMAND_MAX] = {0};
    struct answer answer = {.length = HEADER_SIZE};
    enum gpu_answer type = GPU_FAILED;
    size_t length;

    length = virtq_copy_from (chain->readable, chain->n_readable, 0, command, sizeof command);
    if (length >= HEADER_SIZE && length >= command_size (word (command, 0)))
        type = execute (gpu, chain, command, &answer);
    store_le32 (answer.bytes, type);
    if (word (command, HEADER_FLAGS) & FLAG_FENCE) {
        store_le32 (answer.bytes + HEADER_FLAGS, FLAG_FENCE);
        memcpy (answer.bytes + HEADER_FENCE, command + HEADER_FENCE, HEADER_SIZE - HEADER_FENCE);
    }
    length = virtq_copy_to (chain->writable, chain->n_writable, 0, answer.bytes, answer.length);
    virtio_push (virtio, queue, chain->head, (uint32_t) length);
    return go_on (gpu, queue);
}

/* The cursor's queue has no answers. */
static bool
serve_cursor (struct virtio *virtio, unsigned queue, struct virtq_chain *chain)
{
    struct gpu *gpu = from_virtio (virtio);
    uint8_t command[COMMAND_MAX] = {0};
    const uint8_t *own = command + HEADER_SIZE;
    size_t length =
        virtq_copy_from (chain->readable, chain->n_readable, 0, command, sizeof command);

    if (length == sizeof command && word (command, 0) == UPDATE_CURSOR) {
        const struct gpu_cursor cursor = {
            .x = word (own, 4),
            .y = word (own, 8),
            .resource = word (own, 16),
            .hot_x = word (own, 20),
            .hot_y = word (own, 24),
        };

        gpu_set_cursor (gpu, word (own, 0), &cursor);
    } else if (length == sizeof command && word (command, 0) == MOVE_CURSOR) {
        gpu_move_cursor (gpu, word (own, 0), word (own, 4), word (own, 8));
    }
    virtio_push (virtio, queue, chain->head, 0);
    return go_on (gpu, queue);
}

void
gpu_notify (struct virtio *virtio, unsigned queue)
{
    from_virtio (virtio)->spent = 0;
    virtio_serve (virtio, queue, queue == QUEUE_CONTROL ? serve_control : serve_cursor);
}
