/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an input device is, and how it tells its driver (VIRTIO 1.3, 5.8.4 and 5.8.5). Constant data
 * and a pure function, any thread.
 */
#pragma once

#include <stdint.h>

#define INPUT_DESCRIPTION_MAX  128
#define INPUT_LAST_TRACKING_ID 0xFFFF

struct input_model {
    const char *name; /* as the guest shows it */
    uint16_t product;
    unsigned kind;                /* INPUT_* */
    uint16_t first_key, last_key; /* key codes it can send */
    uint8_t relative[2];          /* bits of REL_* axes, at most 16 */
    uint64_t absolute;            /* bits of ABS_* axes */
    uint8_t properties;           /* bits of INPUT_PROP_* */
    uint8_t leds, repeat;         /* bits of LED_*, REP_* */
};

extern const struct input_model input_keyboard_model, input_mouse_model, input_tablet_model,
    input_touch_model;

/* Answers a driver's @select and @subselect in @data, which is zeroed; returns how many bytes. */
unsigned input_model_describe (const struct input_model *model, uint8_t select, uint8_t subselect,
                               uint8_t data[INPUT_DESCRIPTION_MAX]);
