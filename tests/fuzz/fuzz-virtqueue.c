/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A guest that does anything with a virtio device's queues: the input chooses the device, sets it
 * up properly, and then writes descriptors, rings and registers, well-formed and not, kicks,
 * resets, pauses, saves.
 */
#include <setjmp.h>
#include <stdlib.h>

#include "backends.h"
#include "base/util.h"
#include "display/headless.h"
#include "display/input.h"
#include "fuzz.h"
#include "tap.h"
#include "testbed.h"
#include "virtio-driver.h"

#define MAX_OPERATIONS 400
#define IMAGE_SIZE     (1 * MIB)
#define NET_HOST       2
#define DATA           (16 * MIB) /* where requests' buffers are */

enum {
    BLK,
    CONSOLE,
    RNG,
    BALLOON,
    GPU,
    TABLET,
    NET,
    N_DEVICES,
};

static const unsigned types[N_DEVICES] = {2, 3, 4, 5, 16, 18, 1};

struct target {
    struct fuzz_input input;
    struct blk *blk;
    struct chardev *chardevs[2];
    struct net *net;
    int hosts[3];
    struct display *display;
    struct input *keys;
    struct testbed *bed;
    struct vmm_device *device;
    struct vd vd;
    unsigned type, n_queues;
};

static uint64_t
take (struct target *self, unsigned bytes)
{
    return fuzz_take (&self->input, bytes);
}

/* Mostly memory that is there; else its edges and beyond. */
static uint64_t
take_address (struct target *self)
{
    unsigned choice = (unsigned) take (self, 1);

    switch (choice % 16) {
    case 0: return TESTBED_RAM - take (self, 1);
    case 1: return TESTBED_RAM + take (self, 2);
    case 2: return UINT64_MAX - take (self, 1);
    case 3: return take (self, 8);
    case 4: return 0xA0000 + take (self, 3);
    default: return DATA + take (self, 2);
    }
}

static uint32_t
take_length (struct target *self)
{
    unsigned choice = (unsigned) take (self, 1);

    switch (choice % 8) {
    case 0: return 0;
    case 1: return (uint32_t) take (self, 4);
    case 2: return 16;
    case 3: return 512;
    default: return (uint32_t) take (self, 2);
    }
}

static struct vd_queue *
take_queue (struct target *self, unsigned *ret_number)
{
    *ret_number = (unsigned) take (self, 1) % self->n_queues;
    return &self->vd.queues[*ret_number];
}

static void
turn (struct target *self)
{
    for (int i = 0; i < 4; i++)
        vmm_loop_iterate (vmm_device_loop (self->device), 0);
}

static void
start (struct target *self)
{
    static const uint16_t sizes[] = {1, 2, 4, 8, 16, 64, 128, 256};
    unsigned choice = (unsigned) take (self, 1);
    uint64_t features = take (self, 8);

    /* A reset waits for requests that are under way. */
    vd_set_status (&self->vd, 0);
    while (vd_status (&self->vd))
        vmm_loop_iterate (vmm_device_loop (self->device), 1);
    self->vd.heap = 1 * MIB;
    self->n_queues = (unsigned) vd_read (&self->vd, VD_NUM_QUEUES, 2);
    vd_start (&self->vd, features & vd_offered (&self->vd), self->n_queues, sizes[choice % 8],
              choice & 8);
}

static void
put_descriptor (struct target *self)
{
    unsigned number;
    struct vd_queue *queue = take_queue (self, &number);
    bool in_data = take (self, 1) % 4 == 0;
    uint64_t table = in_data ? DATA + 16 * (take (self, 1) % 8) : queue->descriptors;
    unsigned index = (unsigned) take (self, 1) % (in_data ? 8 : queue->size);
    uint64_t address = take_address (self);
    uint32_t length = take_length (self);
    unsigned flags = (unsigned) take (self, 1);

    vd_put (&self->vd, table, index, address, length, (uint16_t) (flags & 7),
            (uint16_t) (flags & 8 ? take (self, 2) : (index + 1) % queue->size));
}

/* A request such as drivers make, with a header that fits the disk and a console's messages. */
static void
post_request (struct target *self)
{
    unsigned number, n = 0;
    struct vd_queue *queue = take_queue (self, &number);
    uint64_t header = DATA + take (self, 1) * 32;
    struct vd_buffer buffers[4];
    unsigned shape = (unsigned) take (self, 1);
    uint8_t *raw = vd_ram (&self->vd, header, 16);

    store_le32 (raw, (uint32_t) take (self, 1) % 15);
    store_le32 (raw + 4, (uint32_t) take (self, 1));
    store_le64 (raw + 8, take (self, 2));
    if (shape & 1)
        buffers[n++] = (struct vd_buffer) {header, 16, false};
    if (shape & 2)
        buffers[n++] = (struct vd_buffer) {take_address (self), take_length (self), shape & 16};
    if (shape & 4)
        buffers[n++] = (struct vd_buffer) {DATA + take (self, 2), 512, true};
    if (shape & 8 || n == 0)
        buffers[n++] = (struct vd_buffer) {DATA + take (self, 2), 1, true};
    if (n <= queue->size && !(shape & 32))
        vd_add (&self->vd, number, buffers, n);
    else
        vd_add_indirect (&self->vd, number, buffers, n);
}

/* A command to the graphics adapter whose numbers are small, so that many fit together. */
static void
post_command (struct target *self)
{
    unsigned number, choice = (unsigned) take (self, 1), n_words = choice / 16 + 2;
    uint64_t place = DATA + take (self, 1) * 128;
    uint8_t *raw = vd_ram (&self->vd, place, 24 + 17 * 4);
    struct vd_buffer buffers[] = {{place, 24 + 4 * n_words, false}, {DATA + 64 * KIB, 1100, true}};

    take_queue (self, &number);
    memset (raw, 0, 24);
    store_le32 (raw, choice % 16 < 12 ? 0x100 + choice % 16 : 0x300 + choice % 2);
    for (unsigned i = 0; i < n_words; i++) {
        unsigned value = (unsigned) take (self, 1);

        if (value == 255)
            value = (unsigned) take (self, 4);
        store_le32 (raw + 24 + 4 * i, value % 128 < 4 ? value % 128 : value);
    }
    vd_add (&self->vd, number, buffers, number == 0 ? 2 : 1);
    vd_kick (&self->vd, number);
    turn (self);
}

/* What happens on the host's side of screen and tablet. */
static void
use_console (struct target *self)
{
    unsigned width = (unsigned) take (self, 2), height = (unsigned) take (self, 2);
    uint32_t *pixels;

    input_absolute (self->keys, width, height, (int8_t) width, height);
    if (height % 4 == 0)
        input_release_all (self->keys);
    if (height % 8 == 1)
        display_suggest_size (self->display, width, height);
    if (headless_grab (self->display, &pixels, &width, &height, NULL) == 0)
        free (pixels);
}

/* The other end of the cable: mostly frames, now and then anything; and reads what it is sent. */
static void
send_frames (struct target *self)
{
    static uint8_t wire[128 * KIB];
    unsigned choice = (unsigned) take (self, 1);
    uint32_t length = choice & 1 ? (uint32_t) take (self, 2) : choice / 2 + 14;

    store_be32 (wire, choice % 32 ? length : (uint32_t) take (self, 4));
    for (unsigned i = 0; i < choice % 4 + 1; i++)
        if (send (self->hosts[NET_HOST], wire, 4 + length, MSG_NOSIGNAL) < 0)
            break;
    if (choice & 64 && read (self->hosts[NET_HOST], wire, sizeof wire) < 0)
        return;
}

/* Saves, damages what was saved or not, loads it and lets the device run on that. */
static void
save_and_load (struct target *self)
{
    struct vmm_state_writer writer = {0};
    struct vmm_state_reader reader;
    const struct vmm_device_class *device_class = self->device->device_class;
    unsigned n_damages = (unsigned) take (self, 1) % 4;
    struct vmm_error error = {0};

    pthread_mutex_lock (&self->device->lock);
    device_class->pause (self->device);
    pthread_mutex_unlock (&self->device->lock);
    while (!vmm_device_is_idle (self->device))
        vmm_loop_iterate (vmm_device_loop (self->device), 1);
    pthread_mutex_lock (&self->device->lock);
    if (vmm_state_save (&writer, "device", device_class->state, self->device) < 0)
        abort ();
    for (unsigned i = 0; i < n_damages; i++)
        writer.data[take (self, 2) % writer.length] = (uint8_t) take (self, 1);
    reader = (struct vmm_state_reader) {.data = writer.data, .length = writer.length};
    device_class->reset (self->device);
    if (vmm_state_load (&reader, "device", device_class->state, self->device, &error) < 0)
        device_class->reset (self->device);
    device_class->resume (self->device);
    pthread_mutex_unlock (&self->device->lock);
    vmm_state_writer_fini (&writer);
    turn (self);
    if (!n_damages)
        return;
    /* Nobody knows what came of it. */
    testbed_reset (self->bed);
    vd_open (&self->vd, self->bed, self->type);
    start (self);
}

static void
operate (struct target *self)
{
    unsigned number;
    struct vd_queue *queue;
    uint64_t at, value;

    switch (take (self, 1) % 16) {
    case 0:
    case 1:
    case 2: put_descriptor (self); break;
    case 3:
    case 4:
        if (self->type == types[GPU])
            post_command (self);
        else
            post_request (self);
        break;
    case 5:
        take_queue (self, &number);
        vd_offer (&self->vd, number, (uint16_t) take (self, 1));
        break;
    case 6:
    case 7:
    case 8:
        take_queue (self, &number);
        vd_kick (&self->vd, number);
        turn (self);
        break;
    case 9:
        queue = take_queue (self, &number);
        at = take (self, 1) % 2 ? queue->used : queue->available;
        store_le16 (vd_ram (&self->vd, at + 2 * (take (self, 1) % 4), 2),
                    (uint16_t) take (self, 2));
        break;
    case 10:
        at = take (self, 1);
        value = take (self, 4);
        testbed_write (self->bed, self->vd.common + at, 1u << (take (self, 1) % 4), value);
        break;
    case 11:
        at = take (self, 1);
        vd_write_config (&self->vd, (unsigned) at, 1u << (take (self, 1) % 4), take (self, 4));
        break;
    case 12: testbed_read (self->bed, self->vd.isr, 1); break;
    case 13:
        use_console (self);
        if (write (self->hosts[take (self, 1) % 2], self->input.data,
                   MIN_OF (self->input.size, 100)) < 0)
            break;
        send_frames (self);
        break;
    case 14:
        if (take (self, 1) % 4 == 0)
            start (self);
        break;
    case 15:
        if (take (self, 1) % 8 == 0)
            save_and_load (self);
        break;
    }
}

static void
run (struct target *self)
{
    unsigned which = (unsigned) take (self, 1) % N_DEVICES;
    const struct vmm_value blk_values[] = {VMM_POINTER ("blk", self->blk),
                                           VMM_NUMBER ("queues", 2)};
    const struct vmm_value console_values[] = {VMM_POINTER ("chardev", self->chardevs[0]),
                                               VMM_POINTER ("port1", self->chardevs[1])};
    const struct vmm_value gpu_values[] = {VMM_POINTER ("display", self->display),
                                           VMM_NUMBER ("vram", 4)};
    const struct vmm_value tablet_values[] = {VMM_POINTER ("input", self->keys)};
    const struct vmm_value net_values[] = {VMM_POINTER ("net", self->net),
                                           VMM_STRING ("mac", "52:54:00:12:34:56")};
    const struct vmm_device_config devices[N_DEVICES] = {
        {"virtio-blk", "device", blk_values, 2}, {"virtio-console", "device", console_values, 2},
        {"virtio-rng", "device", NULL, 0},       {"virtio-balloon", "device", NULL, 0},
        {"virtio-vga", "device", gpu_values, 2}, {"virtio-tablet", "device", tablet_values, 1},
        {"virtio-net", "device", net_values, 2},
    };

    self->bed = testbed_new (&devices[which], 1);
    self->device = testbed_device (self->bed, "device");
    self->type = types[which];
    vd_open (&self->vd, self->bed, self->type);
    start (self);
    for (unsigned i = 0; i < MAX_OPERATIONS && self->input.size; i++)
        operate (self);
    turn (self);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct target target = {.input = {data, size}};

    /* The driver's own checks hold on a device that works. */
    if (setjmp (tap_escape))
        abort ();
    target.blk = fuzz_open_image (IMAGE_SIZE);
    for (unsigned i = 0; i < 2; i++)
        target.chardevs[i] = fuzz_open_chardev (&target.hosts[i]);
    target.net = fuzz_open_net (&target.hosts[NET_HOST]);
    if (display_create (&target.display) < 0 || input_create (&target.keys) < 0)
        abort ();
    run (&target);
    testbed_free (target.bed);
    display_destroy (target.display);
    input_destroy (target.keys);
    blk_close (target.blk);
    for (unsigned i = 0; i < 2; i++) {
        chardev_close (target.chardevs[i]);
        close (target.hosts[i]);
    }
    net_close (target.net);
    close (target.hosts[NET_HOST]);
    return 0;
}
