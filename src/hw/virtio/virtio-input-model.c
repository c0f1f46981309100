/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hw/virtio/virtio-input.h"

#include <linux/input-event-codes.h>

#include "base/util.h"
#include "display/input.h"

/* Guests that know the fine ones go by them alone. */
#define WHEELS        (1 << (REL_WHEEL - 8) | 1 << (REL_WHEEL_HI_RES - 8) | 1 << (REL_HWHEEL_HI_RES - 8))
#define BUS_OF_VIRTIO 0x06 /* BUS_VIRTUAL of linux/input.h */

enum {
    SELECT_NAME = 0x01,
    SELECT_IDS = 0x03,
    SELECT_PROPERTIES = 0x10,
    SELECT_EVENTS = 0x11,
    SELECT_AXIS = 0x12,
};

const struct input_model input_keyboard_model = {
    .name = "Posada Virtio Keyboard",
    .product = 1,
    .kind = INPUT_KEYBOARD,
    .first_key = KEY_ESC,
    .last_key = KEY_MICMUTE,
    .leds = 1 << LED_NUML | 1 << LED_CAPSL | 1 << LED_SCROLLL,
    .repeat = 1 << REP_DELAY | 1 << REP_PERIOD,
};

const struct input_model input_mouse_model = {
    .name = "Posada Virtio Mouse",
    .product = 2,
    .kind = INPUT_RELATIVE,
    .first_key = BTN_LEFT,
    .last_key = BTN_EXTRA,
    .relative = {1 << REL_X | 1 << REL_Y | 1 << REL_HWHEEL, WHEELS},
};

const struct input_model input_tablet_model = {
    .name = "Posada Virtio Tablet",
    .product = 3,
    .kind = INPUT_ABSOLUTE,
    .first_key = BTN_LEFT,
    .last_key = BTN_EXTRA,
    .relative = {1 << REL_HWHEEL, WHEELS},
    .absolute = 1 << ABS_X | 1 << ABS_Y,
};

const struct input_model input_touch_model = {
    .name = "Posada Virtio Touch Screen",
    .product = 4,
    .kind = INPUT_TOUCH,
    .first_key = BTN_TOUCH,
    .last_key = BTN_TOUCH,
    .absolute = 1 << ABS_X | 1 << ABS_Y | UINT64_C (1) << ABS_MT_SLOT |
                UINT64_C (1) << ABS_MT_POSITION_X | UINT64_C (1) << ABS_MT_POSITION_Y |
                UINT64_C (1) << ABS_MT_TRACKING_ID,
    .properties = 1 << INPUT_PROP_DIRECT,
};

static unsigned
describe_events (const struct input_model *model, uint8_t type, uint8_t *data)
{
    unsigned length = 0;

    switch (type) {
    case EV_KEY:
        for (unsigned code = model->first_key; code <= model->last_key; code++)
            data[code / 8] |= (uint8_t) (1u << code % 8);
        return model->last_key / 8 + 1;
    case EV_REL:
        memcpy (data, model->relative, sizeof model->relative);
        length = sizeof model->relative;
        break;
    case EV_ABS:
        store_le64 (data, model->absolute);
        length = sizeof model->absolute;
        break;
    case EV_LED: data[length++] = model->leds; break;
    case EV_REP: data[length++] = model->repeat; break;
    default: break;
    }
    while (length > 0 && data[length - 1] == 0)
        length--;
    return length;
}

static unsigned
describe_axis (const struct input_model *model, uint8_t axis, uint8_t *data)
{
    uint32_t maximum = INPUT_ABSOLUTE_MAX;

    if (axis >= 64 || !(model->absolute >> axis & 1))
        return 0;
    if (axis == ABS_MT_SLOT)
        maximum = INPUT_MAX_FINGERS - 1;
    else if (axis == ABS_MT_TRACKING_ID)
        maximum = INPUT_LAST_TRACKING_ID;
    store_le32 (data + 4, maximum); /* the others, minimum to resolution, are 0 */
    return 20;
}

unsigned
input_model_describe (const struct input_model *model, uint8_t select, uint8_t subselect,
                      uint8_t data[INPUT_DESCRIPTION_MAX])
{
    switch (select) {
    case SELECT_NAME:
        memcpy (data, model->name, strlen (model->name));
        return (unsigned) strlen (model->name);
    case SELECT_IDS:
        store_le16 (data, BUS_OF_VIRTIO);
        store_le16 (data + 2, 0x1AF4);
        store_le16 (data + 4, model->product);
        store_le16 (data + 6, 1);
        return 8;
    case SELECT_PROPERTIES: data[0] = model->properties; return model->properties != 0;
    case SELECT_EVENTS: return describe_events (model, subselect, data);
    case SELECT_AXIS: return describe_axis (model, subselect, data);
    default: return 0;
    }
}
