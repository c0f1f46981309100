/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A machine as a SPICE sink sees it: a display and an input, with the test as the device. Its
 * screen is 320 × 200 at first; what it gets of keys and pointers it writes down.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "display/spice-sink.h"

#define GUEST_WIDTH  320
#define GUEST_HEIGHT 200

struct guest {
    struct display *display;
    struct input *input;
    pthread_mutex_t lock;
    uint32_t *pixels;
    unsigned width, height;
    atomic_uint refreshes;
    unsigned suggested_width, suggested_height;

    struct input_handler handler;
    atomic_bool takes_absolute;
    pthread_mutex_t record_lock;
    char record[4096];
    size_t recorded;

    struct spice_sink *sink;
};

/* With a sink as @wishes say, which may be NULL. A failed check if that does not start. */
void guest_set_up (struct guest *guest, const struct spice_sink_config *wishes);
void guest_tear_down (struct guest *guest);
/* Shows pixels of all kinds; 0 × 0 turns the screen off. */
void guest_resize (struct guest *guest, unsigned width, unsigned height);
void guest_fill (struct guest *guest, unsigned x, unsigned y, unsigned width, unsigned height,
                 uint32_t color);
/* Free it after the guest. It is ready while takes_absolute. */
struct input_handler *guest_add_tablet (struct guest *guest);
/* @data: the guest. A viewer's end of a new connection, or -1. */
int guest_connect (void *data);
/* Whether it wrote @expected down, and that it forgets all of it. */
bool guest_recorded (struct guest *guest, const char *expected);
void guest_forget (struct guest *guest);
