/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/keyboard.h"

#include <errno.h>
#include <linux/input-event-codes.h>
#include <stdlib.h>

#include "base/util.h"
#include "display/input.h"

#define QUEUE_LENGTH 8192
/* Between one key going down or up and the next. */
#define EVENT_PERIOD (UINT64_C (20) * 1000000)
#define CHORD_LENGTH 8

struct key_event {
    unsigned code;
    bool down;
    void (*done) (void *data); /* not a key, but the end of somebody's keys */
    void *data;
};

struct keyboard {
    struct input *input;
    struct vmm_timer timer;
    struct key_event queue[QUEUE_LENGTH]; /* a ring */
    size_t first, count;
};

static void
append (struct keyboard *self, struct key_event event)
{
    self->queue[(self->first + self->count++) % QUEUE_LENGTH] = event;
}

static void
append_key (struct keyboard *self, unsigned code, bool down)
{
    append (self, (struct key_event) {.code = code, .down = down});
}

static void
finish (struct keyboard *self, void (*done) (void *data), void *data)
{
    append (self, (struct key_event) {.done = done, .data = data});
    if (!vmm_timer_is_armed (&self->timer))
        vmm_timer_arm (&self->timer, vmm_monotonic_now ());
}

/* One key each time, and whoever waited for it. */
static void
timer_cb (void *data)
{
    struct keyboard *self = data;
    bool sent = false;

    while (self->count) {
        struct key_event event = self->queue[self->first];

        if (!event.done && sent)
            break;
        self->first = (self->first + 1) % QUEUE_LENGTH;
        self->count--;
        if (event.done) {
            event.done (event.data);
            continue;
        }
        input_key (self->input, event.code, event.down);
        sent = true;
    }
    if (self->count)
        vmm_timer_arm (&self->timer, vmm_monotonic_now () + EVENT_PERIOD);
}

int
keyboard_create (struct vmm_loop *loop, struct input *input, struct keyboard **ret_keyboard)
{
    struct keyboard *self = calloc (1, sizeof *self);

    if (!self)
        return -ENOMEM;
    self->input = input;
    vmm_timer_init (&self->timer, loop, NULL, NULL, timer_cb, self);
    *ret_keyboard = self;
    return 0;
}

void
keyboard_destroy (struct keyboard *self)
{
    if (!self)
        return;
    vmm_timer_disarm (&self->timer);
    free (self);
}

/* The key for the character at *@cursor, which is advanced over it. */
static int
next_key (const char **cursor, unsigned *ret_code, bool *ret_shift)
{
    char character = *(*cursor)++;

    *ret_shift = false;
    if (character == '\\') {
        character = *(*cursor)++;
        if (character == 'n')
            *ret_code = KEY_ENTER;
        else if (character == 't')
            *ret_code = KEY_TAB;
        else if (character == '\\')
            *ret_code = KEY_BACKSLASH;
        else
            return -EINVAL;
        return 0;
    }
    return input_code_of_character (character, ret_code, ret_shift);
}

int
keyboard_type (struct keyboard *self, const char *text, void (*done) (void *data), void *data)
{
    const char *cursor;
    unsigned code;
    bool shift;
    size_t needed = 1;
    int r;

    for (cursor = text; *cursor; needed += shift ? 4 : 2) {
        r = next_key (&cursor, &code, &shift);
        if (r < 0)
            return r;
    }
    if (needed > QUEUE_LENGTH - self->count)
        return -ENOSPC;
    for (cursor = text; *cursor;) {
        if (next_key (&cursor, &code, &shift) < 0)
            break;
        if (shift)
            append_key (self, KEY_LEFTSHIFT, true);
        append_key (self, code, true);
        append_key (self, code, false);
        if (shift)
            append_key (self, KEY_LEFTSHIFT, false);
    }
    finish (self, done, data);
    return 0;
}

int
keyboard_chord (struct keyboard *self, const char *chord, void (*done) (void *data), void *data)
{
    unsigned codes[CHORD_LENGTH];
    int n = input_parse_chord (chord, codes);

    if (n < 0)
        return n;
    if ((size_t) n * 2 + 1 > QUEUE_LENGTH - self->count)
        return -ENOSPC;
    for (int i = 0; i < n; i++)
        append_key (self, codes[i], true);
    for (int i = n - 1; i >= 0; i--)
        append_key (self, codes[i], false);
    finish (self, done, data);
    return 0;
}
