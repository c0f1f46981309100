/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>

#include "hw/ps2.h"

static int
queue_post_load (void *object, struct vmm_error *error)
{
    struct ps2_queue *queue = object;

    if (queue->first >= PS2_QUEUE_SIZE || queue->length > PS2_QUEUE_SIZE)
        return vmm_error_set (error, -EINVAL, "the saved PS/2 queue makes no sense");
    return 0;
}

static const struct vmm_state_field queue_fields[] = {
    VMM_STATE_ARRAY (struct ps2_queue, bytes),
    VMM_STATE (struct ps2_queue, first),
    VMM_STATE (struct ps2_queue, length),
    VMM_STATE (struct ps2_queue, last),
};

const struct vmm_state_table ps2_queue_state = {
    .name = "ps2-queue",
    .version = 1,
    .fields = queue_fields,
    .n_fields = ARRAY_LENGTH (queue_fields),
    .post_load = queue_post_load,
};

void
ps2_queue_put (struct ps2_queue *queue, uint8_t byte)
{
    if (queue->length == PS2_QUEUE_SIZE)
        return;
    queue->bytes[(queue->first + queue->length) % PS2_QUEUE_SIZE] = byte;
    queue->length++;
}

bool
ps2_queue_take (struct ps2_queue *queue, uint8_t *ret_byte)
{
    if (queue->length == 0)
        return false;
    queue->last = queue->bytes[queue->first];
    queue->first = (queue->first + 1) % PS2_QUEUE_SIZE;
    queue->length--;
    *ret_byte = queue->last;
    return true;
}

void
ps2_queue_clear (struct ps2_queue *queue)
{
    queue->first = queue->length = 0;
}

unsigned
ps2_queue_room (const struct ps2_queue *queue)
{
    return PS2_QUEUE_SIZE - queue->length;
}
