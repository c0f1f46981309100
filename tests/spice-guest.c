/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spice-guest.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "tap.h"

static void
guest_refresh_cb (void *data)
{
    struct guest *guest = data;

    atomic_fetch_add (&guest->refreshes, 1);
}

static const struct display_source_ops source_ops = {.refresh = guest_refresh_cb};

static void
record (struct guest *guest, const char *format, ...)
{
    va_list arguments;

    va_start (arguments, format);
    pthread_mutex_lock (&guest->record_lock);
    guest->recorded += (size_t) vsnprintf (
        guest->record + guest->recorded, sizeof guest->record - guest->recorded, format, arguments);
    guest->recorded = MIN_OF (guest->recorded, sizeof guest->record - 1);
    pthread_mutex_unlock (&guest->record_lock);
    va_end (arguments);
}

static bool
ready_cb (void *data)
{
    return true;
}

static bool
tablet_ready_cb (void *data)
{
    return atomic_load (&((struct guest *) data)->takes_absolute);
}

static void
key_cb (void *data, unsigned code, bool down)
{
    record (data, "%c%u ", down ? '+' : '-', code);
}

static void
relative_cb (void *data, int dx, int dy, int wheel, unsigned buttons)
{
    record (data, "r%d,%d,%d,%x ", dx, dy, wheel, buttons);
}

static void
absolute_cb (void *data, unsigned x, unsigned y, int wheel, unsigned buttons)
{
    record (data, "a%u,%u,%d,%x ", x, y, wheel, buttons);
}

void
guest_resize (struct guest *guest, unsigned width, unsigned height)
{
    uint32_t *old = guest->pixels;
    struct display_scanout scanout = {.width = width, .height = height, .stride = width * 4};

    pthread_mutex_lock (&guest->lock);
    guest->pixels = malloc ((size_t) width * height * 4);
    for (size_t i = 0; i < (size_t) width * height; i++)
        guest->pixels[i] = (uint32_t) (i * 2654435761u ^ width) & 0xFFFFFF;
    guest->width = width;
    guest->height = height;
    scanout.pixels = guest->pixels;
    display_set_scanout (guest->display, width ? &scanout : NULL);
    pthread_mutex_unlock (&guest->lock);
    free (old);
}

void
guest_fill (struct guest *guest, unsigned x, unsigned y, unsigned width, unsigned height,
            uint32_t color)
{
    pthread_mutex_lock (&guest->lock);
    for (unsigned row = y; row < y + height; row++)
        for (unsigned column = x; column < x + width; column++)
            guest->pixels[row * guest->width + column] = color;
    display_damage (guest->display, x, y, width, height);
    pthread_mutex_unlock (&guest->lock);
}

void
guest_set_up (struct guest *guest, const struct spice_sink_config *wishes)
{
    struct spice_sink_config config = wishes ? *wishes : (struct spice_sink_config) {0};
    struct vmm_error error = {0};

    *guest = (struct guest) {.takes_absolute = true};
    pthread_mutex_init (&guest->lock, NULL);
    pthread_mutex_init (&guest->record_lock, NULL);
    guest->handler = (struct input_handler) {.kinds = INPUT_KEYBOARD | INPUT_RELATIVE,
                                             .ready = ready_cb,
                                             .key = key_cb,
                                             .relative = relative_cb,
                                             .data = guest};
    CHECK_EQUAL (display_create (&guest->display), 0);
    CHECK_EQUAL (input_create (&guest->input), 0);
    input_add_handler (guest->input, &guest->handler);
    display_set_source (guest->display, &source_ops, guest, &guest->lock);
    guest_resize (guest, GUEST_WIDTH, GUEST_HEIGHT);
    config.display = guest->display;
    config.input = guest->input;
    config.name = "test";
    if (spice_sink_create (&config, &guest->sink, &error) < 0)
        tap_fail (__FILE__, __LINE__, "%s", error.message);
}

struct input_handler *
guest_add_tablet (struct guest *guest)
{
    struct input_handler *tablet = calloc (1, sizeof *tablet);

    *tablet = (struct input_handler) {
        .kinds = INPUT_ABSOLUTE, .ready = tablet_ready_cb, .absolute = absolute_cb, .data = guest};
    input_add_handler (guest->input, tablet);
    return tablet;
}

void
guest_tear_down (struct guest *guest)
{
    spice_sink_destroy (guest->sink);
    display_clear_source (guest->display, guest);
    display_destroy (guest->display);
    input_destroy (guest->input);
    free (guest->pixels);
}

int
guest_connect (void *data)
{
    struct guest *guest = data;
    int fd = -1;

    return spice_sink_connect (guest->sink, &fd) == 0 ? fd : -1;
}

bool
guest_recorded (struct guest *guest, const char *expected)
{
    bool found;

    pthread_mutex_lock (&guest->record_lock);
    found = strstr (guest->record, expected) != NULL;
    pthread_mutex_unlock (&guest->record_lock);
    return found;
}

void
guest_forget (struct guest *guest)
{
    pthread_mutex_lock (&guest->record_lock);
    guest->recorded = 0;
    guest->record[0] = 0;
    pthread_mutex_unlock (&guest->record_lock);
}
