/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/input.h"

#include <errno.h>
#include <linux/input-event-codes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/util.h"

#define MAX_SCROLL (100 * INPUT_CLICK) /* in one go */

struct input {
    pthread_mutex_t mutex; /* held around handlers, which take their device's lock inside it */
    struct vmm_list handlers;
    /* Who was told that a key went down, NULL while it is up: a release goes to the same one,
     * though another may have become ready meanwhile. */
    struct input_handler *key_owner[KEY_CNT];
    struct input_handler *button_owner;
    bool button_owner_absolute;
    unsigned buttons;
    unsigned x, y;
    int scrolled; /* less than a click, for a device that knows only those */
    struct input_handler *finger_owner[INPUT_MAX_FINGERS];
    unsigned finger_x[INPUT_MAX_FINGERS], finger_y[INPUT_MAX_FINGERS];
    atomic_uint leds; /* no lock: devices set them with theirs held */
};

int
input_create (struct input **ret_input)
{
    struct input *input = calloc (1, sizeof *input);

    if (!input)
        return -ENOMEM;
    pthread_mutex_init (&input->mutex, NULL);
    list_init (&input->handlers);
    *ret_input = input;
    return 0;
}

void
input_destroy (struct input *input)
{
    if (!input)
        return;
    pthread_mutex_destroy (&input->mutex);
    free (input);
}

void
input_add_handler (struct input *input, struct input_handler *handler)
{
    pthread_mutex_lock (&input->mutex);
    /* In front, so that the first one found is the latest. */
    list_insert_before (input->handlers.next, &handler->link);
    pthread_mutex_unlock (&input->mutex);
}

void
input_remove_handler (struct input *input, struct input_handler *handler)
{
    if (!handler->link.next)
        return;
    pthread_mutex_lock (&input->mutex);
    list_remove (&handler->link);
    for (size_t i = 0; i < ARRAY_LENGTH (input->key_owner); i++)
        if (input->key_owner[i] == handler)
            input->key_owner[i] = NULL;
    if (input->button_owner == handler)
        input->button_owner = NULL;
    for (unsigned i = 0; i < INPUT_MAX_FINGERS; i++)
        if (input->finger_owner[i] == handler)
            input->finger_owner[i] = NULL;
    pthread_mutex_unlock (&input->mutex);
}

static struct input_handler *
find_handler (struct input *input, unsigned kind)
{
    struct input_handler *handler;

    list_for_each (handler, &input->handlers, link)
        if ((handler->kinds & kind) && handler->ready (handler->data))
            return handler;
    return NULL;
}

static bool
takes (struct input *input, unsigned kind)
{
    bool found;

    pthread_mutex_lock (&input->mutex);
    found = find_handler (input, kind) != NULL;
    pthread_mutex_unlock (&input->mutex);
    return found;
}

bool
input_takes_absolute (struct input *input)
{
    return takes (input, INPUT_ABSOLUTE);
}

bool
input_takes_touch (struct input *input)
{
    return takes (input, INPUT_TOUCH);
}

void
input_key (struct input *input, unsigned code, bool down)
{
    struct input_handler *owner;

    if (code >= KEY_CNT)
        return;
    pthread_mutex_lock (&input->mutex);
    owner = input->key_owner[code];
    if (!owner && down)
        owner = find_handler (input, INPUT_KEYBOARD);
    if (owner) {
        input->key_owner[code] = down ? owner : NULL;
        owner->key (owner->data, code, down);
    }
    pthread_mutex_unlock (&input->mutex);
}

/* Lets go of the buttons at a device that pointer events no longer go to. */
static void
release_buttons (struct input *input)
{
    struct input_handler *owner = input->button_owner;

    input->button_owner = NULL;
    input->buttons = 0;
    if (!owner)
        return;
    if (input->button_owner_absolute)
        owner->absolute (owner->data, input->x, input->y, 0, 0);
    else
        owner->relative (owner->data, 0, 0, 0, 0);
}

static void
own_buttons (struct input *input, struct input_handler *handler, bool absolute, unsigned buttons)
{
    if (input->button_owner &&
        (input->button_owner != handler || input->button_owner_absolute != absolute))
        release_buttons (input);
    input->button_owner = buttons ? handler : NULL;
    input->buttons = buttons;
    input->button_owner_absolute = absolute;
}

void
input_relative (struct input *input, int dx, int dy, int wheel, unsigned buttons)
{
    struct input_handler *handler;

    pthread_mutex_lock (&input->mutex);
    handler = find_handler (input, INPUT_RELATIVE);
    if (handler) {
        own_buttons (input, handler, false, buttons);
        handler->relative (handler->data, dx, dy, wheel, buttons);
    }
    pthread_mutex_unlock (&input->mutex);
}

void
input_absolute (struct input *input, unsigned x, unsigned y, int wheel, unsigned buttons)
{
    struct input_handler *handler;

    pthread_mutex_lock (&input->mutex);
    handler = find_handler (input, INPUT_ABSOLUTE);
    if (handler) {
        own_buttons (input, handler, true, buttons);
        input->x = MIN_OF (x, INPUT_ABSOLUTE_MAX);
        input->y = MIN_OF (y, INPUT_ABSOLUTE_MAX);
        handler->absolute (handler->data, input->x, input->y, wheel, buttons);
    }
    pthread_mutex_unlock (&input->mutex);
}

static void
click_wheel (struct input *input, struct input_handler *handler, bool absolute, int dy)
{
    int clicks;

    input->scrolled += dy;
    clicks = input->scrolled / INPUT_CLICK;
    input->scrolled %= INPUT_CLICK;
    if (!clicks)
        return;
    own_buttons (input, handler, absolute, input->buttons);
    if (absolute)
        handler->absolute (handler->data, input->x, input->y, clicks, input->buttons);
    else
        handler->relative (handler->data, 0, 0, clicks, input->buttons);
}

void
input_scroll (struct input *input, int dx, int dy)
{
    struct input_handler *handler;
    bool absolute = true;

    dx = MAX_OF (MIN_OF (dx, MAX_SCROLL), -MAX_SCROLL);
    dy = MAX_OF (MIN_OF (dy, MAX_SCROLL), -MAX_SCROLL);
    pthread_mutex_lock (&input->mutex);
    handler = find_handler (input, INPUT_ABSOLUTE);
    if (!handler) {
        absolute = false;
        handler = find_handler (input, INPUT_RELATIVE);
    }
    if (handler && handler->scroll)
        handler->scroll (handler->data, dx, dy);
    else if (handler)
        click_wheel (input, handler, absolute, dy);
    pthread_mutex_unlock (&input->mutex);
}

static void
touch (struct input *input, unsigned finger, bool down)
{
    struct input_handler *owner = input->finger_owner[finger];

    if (!owner && down)
        owner = find_handler (input, INPUT_TOUCH);
    input->finger_owner[finger] = down ? owner : NULL;
    if (owner)
        owner->touch (owner->data, finger, down, input->finger_x[finger], input->finger_y[finger]);
}

void
input_touch (struct input *input, unsigned finger, bool down, unsigned x, unsigned y)
{
    if (finger >= INPUT_MAX_FINGERS)
        return;
    pthread_mutex_lock (&input->mutex);
    input->finger_x[finger] = MIN_OF (x, INPUT_ABSOLUTE_MAX);
    input->finger_y[finger] = MIN_OF (y, INPUT_ABSOLUTE_MAX);
    touch (input, finger, down);
    pthread_mutex_unlock (&input->mutex);
}

void
input_set_leds (struct input *input, unsigned leds)
{
    atomic_store_explicit (&input->leds, leds, memory_order_relaxed);
}

unsigned
input_leds (struct input *input)
{
    return atomic_load_explicit (&input->leds, memory_order_relaxed);
}

void
input_release_all (struct input *input)
{
    pthread_mutex_lock (&input->mutex);
    for (unsigned code = 0; code < KEY_CNT; code++) {
        struct input_handler *owner = input->key_owner[code];

        if (!owner)
            continue;
        input->key_owner[code] = NULL;
        owner->key (owner->data, code, false);
    }
    release_buttons (input);
    for (unsigned i = 0; i < INPUT_MAX_FINGERS; i++)
        touch (input, i, false);
    pthread_mutex_unlock (&input->mutex);
}
