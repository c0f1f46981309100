/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two devices behind the i8042: a keyboard and a mouse that answer command bytes and queue what
 * they have to say until the controller takes it. Everything with the controller's lock held.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/state.h"
#include "base/util.h"

#define PS2_QUEUE_SIZE 256
#define PS2_ACK        0xFA
#define PS2_RESEND     0xFE
#define PS2_TEST_OK    0xAA

struct ps2_queue {
    uint8_t bytes[PS2_QUEUE_SIZE];
    uint16_t first, length;
    uint8_t last; /* what was taken last, for the resend command */
};

extern const struct vmm_state_table ps2_queue_state; /* refuses impossible positions */

/* A byte too many is dropped: callers that queue sequences look at the room first. */
void ps2_queue_put (struct ps2_queue *queue, uint8_t byte);
/* False if it is empty. */
bool ps2_queue_take (struct ps2_queue *queue, uint8_t *ret_byte);
void ps2_queue_clear (struct ps2_queue *queue);
unsigned ps2_queue_room (const struct ps2_queue *queue);

struct ps2_keyboard {
    struct ps2_queue queue;
    bool scanning;
    uint8_t set;           /* 1 or 2 */
    uint8_t leds;          /* bit 0 scroll, 1 num, 2 caps lock */
    uint8_t typematic;     /* bits 5–6 delay, 0–4 period */
    uint8_t command;       /* that waits for its parameter, 0: none */
    uint8_t modifiers;     /* that are down, for keys that depend on them */
    uint16_t repeating;    /* the key code that repeats while it is down, 0: none */
    uint8_t down[256 / 8]; /* by key code */
};

extern const struct vmm_state_table ps2_keyboard_state;

void ps2_keyboard_reset (struct ps2_keyboard *keyboard);
void ps2_keyboard_write (struct ps2_keyboard *keyboard, uint8_t byte);
/* A key by its Linux input event code. */
void ps2_keyboard_key (struct ps2_keyboard *keyboard, unsigned code, bool down);
/* Once the delay or period has passed with a key still down. */
void ps2_keyboard_repeat (struct ps2_keyboard *keyboard);
uint64_t ps2_keyboard_delay_ns (const struct ps2_keyboard *keyboard);
uint64_t ps2_keyboard_period_ns (const struct ps2_keyboard *keyboard);

/*
 * Scan code set 2 to set 1, byte by byte, as the controller translates; *@release carries the 0xF0
 * prefix over. False: the byte was that prefix and gives nothing yet.
 */
bool ps2_translate (uint8_t byte, bool *release, uint8_t *ret_byte);

struct ps2_mouse {
    struct ps2_queue queue;
    bool reporting, remote, wrapping, doubling;
    uint8_t id; /* 0 plain, 3 with wheel, 4 with wheel and five buttons */
    uint8_t rate, resolution;
    uint8_t rates[3]; /* the last three rates set, which switch the id */
    uint8_t command;
    uint8_t buttons, buttons_sent;
    uint32_t dx, dy, wheel; /* not sent yet, two's complement */
};

extern const struct vmm_state_table ps2_mouse_state;

void ps2_mouse_reset (struct ps2_mouse *mouse);
void ps2_mouse_write (struct ps2_mouse *mouse, uint8_t byte);
/* @dy downwards, @wheel away from the user, @buttons of enum input_button. */
void ps2_mouse_move (struct ps2_mouse *mouse, int dx, int dy, int wheel, unsigned buttons);
/* After bytes were taken: queues what waited for room. */
void ps2_mouse_flush (struct ps2_mouse *mouse);
