/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The PS/2 mouse. Drivers turn the wheel on by setting the rates 200, 100, 80 and the fourth and
 * fifth button by 200, 200, 80, after which its id is 3 or 4 and packets have four bytes.
 *
 * Motion that the guest does not fetch adds up instead of filling the queue; a change of buttons
 * always gets a packet of its own while there is any room.
 *
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Mouse"; Microsoft, "Hardware and
 * software support for wheel mice".
 */
#include "display/input.h"
#include "hw/ps2.h"

#define PACKET_MAX       4
#define MOTION_PACKETS   3  /* queued at most before motion adds up */
#define BUTTON_PACKETS   16 /* and before changes of buttons do */
#define MOTION_LIMIT     (1 << 20)

#define PACKET_ALWAYS    0x08
#define PACKET_X_SIGN    0x10
#define PACKET_Y_SIGN    0x20
#define PACKET_SIDE      0x10
#define PACKET_EXTRA     0x20

#define STATUS_REMOTE    0x40
#define STATUS_REPORTING 0x20
#define STATUS_DOUBLING  0x10

enum mouse_command {
    COMMAND_SCALE_1 = 0xE6,
    COMMAND_SCALE_2 = 0xE7,
    COMMAND_RESOLUTION = 0xE8,
    COMMAND_STATUS = 0xE9,
    COMMAND_STREAM = 0xEA,
    COMMAND_READ = 0xEB,
    COMMAND_UNWRAP = 0xEC,
    COMMAND_WRAP = 0xEE,
    COMMAND_REMOTE = 0xF0,
    COMMAND_IDENTIFY = 0xF2,
    COMMAND_RATE = 0xF3,
    COMMAND_ENABLE = 0xF4,
    COMMAND_DISABLE = 0xF5,
    COMMAND_DEFAULTS = 0xF6,
    COMMAND_RESEND = 0xFE,
    COMMAND_RESET = 0xFF,
};

static int
clamp (int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

static int
mouse_post_load (void *object, struct vmm_error *error)
{
    struct ps2_mouse *self = object;

    self->dx = (uint32_t) clamp ((int32_t) self->dx, -MOTION_LIMIT, MOTION_LIMIT);
    self->dy = (uint32_t) clamp ((int32_t) self->dy, -MOTION_LIMIT, MOTION_LIMIT);
    self->wheel = (uint32_t) clamp ((int32_t) self->wheel, -MOTION_LIMIT, MOTION_LIMIT);
    return 0;
}

static const struct vmm_state_field mouse_fields[] = {
    VMM_STATE_NESTED (struct ps2_mouse, queue, ps2_queue_state),
    VMM_STATE (struct ps2_mouse, reporting),
    VMM_STATE (struct ps2_mouse, remote),
    VMM_STATE (struct ps2_mouse, wrapping),
    VMM_STATE (struct ps2_mouse, doubling),
    VMM_STATE (struct ps2_mouse, id),
    VMM_STATE (struct ps2_mouse, rate),
    VMM_STATE (struct ps2_mouse, resolution),
    VMM_STATE_ARRAY (struct ps2_mouse, rates),
    VMM_STATE (struct ps2_mouse, command),
    VMM_STATE (struct ps2_mouse, buttons),
    VMM_STATE (struct ps2_mouse, buttons_sent),
    VMM_STATE (struct ps2_mouse, dx),
    VMM_STATE (struct ps2_mouse, dy),
    VMM_STATE (struct ps2_mouse, wheel),
};

const struct vmm_state_table ps2_mouse_state = {
    .name = "ps2-mouse",
    .version = 1,
    .fields = mouse_fields,
    .n_fields = ARRAY_LENGTH (mouse_fields),
    .post_load = mouse_post_load,
};

static void
answer (struct ps2_mouse *self, uint8_t byte)
{
    ps2_queue_put (&self->queue, byte);
}

/* Takes what fits into one packet off what waits. Upwards is positive here. */
static void
put_packet (struct ps2_mouse *self)
{
    int dx = clamp ((int32_t) self->dx, -255, 255), dy = clamp (-(int32_t) self->dy, -255, 255);
    int wheel = clamp (-(int32_t) self->wheel, self->id == 4 ? -7 : -127, self->id == 4 ? 7 : 127);
    uint8_t extra = (uint8_t) ((self->buttons & INPUT_SIDE ? PACKET_SIDE : 0) |
                               (self->buttons & INPUT_EXTRA ? PACKET_EXTRA : 0));

    self->dx -= (uint32_t) dx;
    self->dy += (uint32_t) dy;
    self->wheel += (uint32_t) wheel;
    self->buttons_sent = self->buttons;
    answer (self, (uint8_t) (PACKET_ALWAYS | (self->buttons & 7) | (dx < 0 ? PACKET_X_SIGN : 0) |
                             (dy < 0 ? PACKET_Y_SIGN : 0)));
    answer (self, (uint8_t) dx);
    answer (self, (uint8_t) dy);
    if (self->id == 3)
        answer (self, (uint8_t) wheel);
    else if (self->id == 4)
        answer (self, (uint8_t) ((wheel & 0x0F) | extra));
    else
        self->wheel = 0;
}

void
ps2_mouse_flush (struct ps2_mouse *self)
{
    if (!self->reporting || self->remote || self->wrapping)
        return;
    while (
        (self->buttons != self->buttons_sent && self->queue.length < BUTTON_PACKETS * PACKET_MAX) ||
        ((self->dx || self->dy || self->wheel) && self->queue.length < MOTION_PACKETS * PACKET_MAX))
        put_packet (self);
}

void
ps2_mouse_move (struct ps2_mouse *self, int dx, int dy, int wheel, unsigned buttons)
{
    if (!self->reporting)
        return;
    dx = clamp (dx, -MOTION_LIMIT, MOTION_LIMIT) + (int32_t) self->dx;
    dy = clamp (dy, -MOTION_LIMIT, MOTION_LIMIT) + (int32_t) self->dy;
    wheel = clamp (wheel, -MOTION_LIMIT, MOTION_LIMIT) + (int32_t) self->wheel;
    self->dx = (uint32_t) clamp (dx, -MOTION_LIMIT, MOTION_LIMIT);
    self->dy = (uint32_t) clamp (dy, -MOTION_LIMIT, MOTION_LIMIT);
    self->wheel = (uint32_t) clamp (wheel, -MOTION_LIMIT, MOTION_LIMIT);
    self->buttons = buttons & (self->id == 4 ? 0x1F : 0x07);
    ps2_mouse_flush (self);
}

static void
set_defaults (struct ps2_mouse *self)
{
    self->reporting = self->remote = self->doubling = false;
    self->rate = 100;
    self->resolution = 2;
    self->dx = self->dy = self->wheel = 0;
}

void
ps2_mouse_reset (struct ps2_mouse *self)
{
    *self = (struct ps2_mouse) {0};
    set_defaults (self);
}

static void
set_rate (struct ps2_mouse *self, uint8_t rate)
{
    self->rate = rate;
    self->rates[0] = self->rates[1];
    self->rates[1] = self->rates[2];
    self->rates[2] = rate;
    if (self->rates[0] == 200 && self->rates[1] == 100 && rate == 80 && self->id != 4)
        self->id = 3;
    else if (self->rates[0] == 200 && self->rates[1] == 200 && rate == 80)
        self->id = 4;
}

static void
write_parameter (struct ps2_mouse *self, uint8_t command, uint8_t byte)
{
    if (command == COMMAND_RATE)
        set_rate (self, byte);
    else
        self->resolution = byte & 3;
    answer (self, PS2_ACK);
}

/* The buttons stand in the reverse of a packet's order. */
static void
answer_status (struct ps2_mouse *self)
{
    answer (
        self,
        (uint8_t) ((self->remote ? STATUS_REMOTE : 0) | (self->reporting ? STATUS_REPORTING : 0) |
                   (self->doubling ? STATUS_DOUBLING : 0) | (self->buttons & INPUT_LEFT ? 4 : 0) |
                   (self->buttons & INPUT_MIDDLE ? 2 : 0) | (self->buttons & INPUT_RIGHT ? 1 : 0)));
    answer (self, self->resolution);
    answer (self, self->rate);
}

static bool
write_mode (struct ps2_mouse *self, uint8_t byte)
{
    switch (byte) {
    case COMMAND_SCALE_1:
    case COMMAND_SCALE_2: self->doubling = byte == COMMAND_SCALE_2; return true;
    case COMMAND_STREAM:
    case COMMAND_REMOTE: self->remote = byte == COMMAND_REMOTE; return true;
    case COMMAND_UNWRAP:
    case COMMAND_WRAP: self->wrapping = byte == COMMAND_WRAP; return true;
    case COMMAND_ENABLE:
    case COMMAND_DISABLE: self->reporting = byte == COMMAND_ENABLE; return true;
    case COMMAND_DEFAULTS: set_defaults (self); return true;
    case COMMAND_RESET: ps2_mouse_reset (self); return true;
    default: return false;
    }
}

static void
write_command (struct ps2_mouse *self, uint8_t byte)
{
    if (byte == COMMAND_RESEND) {
        answer (self, self->queue.last);
        return;
    }
    ps2_queue_clear (&self->queue);
    if (byte == COMMAND_RATE || byte == COMMAND_RESOLUTION) {
        self->command = byte;
        answer (self, PS2_ACK);
        return;
    }
    if (!write_mode (self, byte) && byte != COMMAND_STATUS && byte != COMMAND_READ &&
        byte != COMMAND_IDENTIFY) {
        answer (self, PS2_RESEND);
        return;
    }
    answer (self, PS2_ACK);
    if (byte == COMMAND_STATUS)
        answer_status (self);
    else if (byte == COMMAND_READ)
        put_packet (self);
    else if (byte == COMMAND_IDENTIFY)
        answer (self, self->id);
    else if (byte == COMMAND_RESET) {
        answer (self, PS2_TEST_OK);
        answer (self, self->id);
    }
}

void
ps2_mouse_write (struct ps2_mouse *self, uint8_t byte)
{
    uint8_t command = self->command;

    if (self->wrapping && byte != COMMAND_UNWRAP && byte != COMMAND_RESET) {
        answer (self, byte);
        return;
    }
    self->command = 0;
    if (command)
        write_parameter (self, command, byte);
    else
        write_command (self, byte);
}
