/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Input devices (VIRTIO 1.3, 5.8), classes "virtio-keyboard", "virtio-mouse" (relative),
 * "virtio-tablet" (absolute) and "virtio-touch" (fingers, by Linux's multi-touch protocol B; its
 * first finger is a pointer, too). Event types and codes are Linux's, as the specification has it.
 *
 * Two stages lie between the host and the guest. First what should be so: keys that are down, the
 * position, motion and wheel clicks not yet reported. tell () compares that with what the guest was
 * told and puts the difference into a queue, as one group that ends with a SYN report, or not at
 * all when the queue is full. So a guest that does not listen loses what happened in between, never
 * half a group, and no key stays down for ever: the difference is still there when the queue has
 * room again. Second, flush () moves events from the queue into whatever buffers the guest has.
 *
 * Input comes on any thread, the guest's requests on the I/O thread, all under the device's lock.
 */
#include <errno.h>
#include <linux/input-event-codes.h>

#include "base/util.h"
#include "display/input.h"
#include "hw/virtio/virtio-input.h"
#include "hw/virtio/virtio.h"

#define TYPE_INPUT   18
#define QUEUE_EVENT  0
#define QUEUE_STATUS 1
#define N_QUEUES     2

#define EVENT_SIZE   8 /* le16 type, le16 code, le32 value */
#define QUEUE_EVENTS 256
#define MAX_GROUP    64 /* room for all fingers at once */
/* Requests tried in one go: a driver could offer useless ones for ever. */
#define MAX_TRIES         512
#define MAX_STATUS_EVENTS 64

#define KEY_WORDS         (KEY_CNT / 64)
#define MAX_MOTION        32767
#define MAX_CLICKS        100 /* of a wheel in one event */

/* Configuration (5.8.4, 5.8.5). */
enum {
    CONFIG_SELECT = 0,
    CONFIG_SUBSELECT = 1,
    CONFIG_LENGTH = 2,
    CONFIG_DATA = 8,
    CONFIG_SIZE = CONFIG_DATA + INPUT_DESCRIPTION_MAX,
};

/* An ID is that of one touch, UINT32_MAX for none. */
struct finger {
    uint32_t id, x, y;
    uint32_t told_id, told_x, told_y;
};

struct virtio_input {
    struct virtio virtio; /* first */
    const struct input_model *model;
    struct input *input;
    struct input_handler handler;
    uint8_t select, subselect; /* what the driver asks the configuration for */
    uint8_t leds;

    uint64_t down[KEY_WORDS], told[KEY_WORDS]; /* bit for each key or button */
    uint32_t x, y, told_x, told_y;
    /* Two's complement: what is not told yet. Wheels count clicks, scrolling 120ths of them;
     * @rest_… is less than a click, and no click yet. */
    uint32_t dx, dy, wheel, hwheel;
    uint32_t scroll_x, scroll_y, rest_x, rest_y;

    uint32_t next_id;
    struct finger fingers[INPUT_MAX_FINGERS];

    uint32_t head, count; /* the queue, a ring */
    uint64_t events[QUEUE_EVENTS];
};

static struct virtio_input *
from_virtio (struct virtio *virtio)
{
    return CONTAINER_OF (virtio, struct virtio_input, virtio);
}

/* Configuration. */

static void
update_config (struct virtio_input *self)
{
    uint8_t *config = self->virtio.config;

    memset (config, 0, CONFIG_SIZE);
    config[CONFIG_SELECT] = self->select;
    config[CONFIG_SUBSELECT] = self->subselect;
    config[CONFIG_LENGTH] = (uint8_t) input_model_describe (self->model, self->select,
                                                            self->subselect, config + CONFIG_DATA);
}

static void
config_write (struct virtio *virtio, unsigned offset, unsigned size, uint32_t value)
{
    struct virtio_input *self = from_virtio (virtio);

    for (unsigned i = 0; i < size; i++) {
        if (offset + i == CONFIG_SELECT)
            self->select = (uint8_t) (value >> 8 * i);
        else if (offset + i == CONFIG_SUBSELECT)
            self->subselect = (uint8_t) (value >> 8 * i);
    }
    update_config (self);
}

/* Events to the guest. */

/* Also while paused: then the queue holds what comes. */
static bool
has_driver (const struct virtio_input *self)
{
    uint8_t status = self->virtio.status;

    return status & VIRTIO_STATUS_DRIVER_OK && !(status & VIRTIO_STATUS_NEEDS_RESET) &&
           !self->virtio.resetting;
}

struct group {
    uint64_t events[MAX_GROUP];
    unsigned n;
};

static void
group_add (struct group *group, uint16_t type, uint16_t code, uint32_t value)
{
    group->events[group->n++] = type | (uint64_t) code << 16 | (uint64_t) value << 32;
}

static void
group_motion (const struct virtio_input *self, struct group *group)
{
    if (self->x != self->told_x)
        group_add (group, EV_ABS, ABS_X, self->x);
    if (self->y != self->told_y)
        group_add (group, EV_ABS, ABS_Y, self->y);
    if (self->dx)
        group_add (group, EV_REL, REL_X, self->dx);
    if (self->dy)
        group_add (group, EV_REL, REL_Y, self->dy);
    if (self->wheel)
        group_add (group, EV_REL, REL_WHEEL, self->wheel);
    if (self->hwheel)
        group_add (group, EV_REL, REL_HWHEEL, self->hwheel);
    if (self->scroll_y)
        group_add (group, EV_REL, REL_WHEEL_HI_RES, self->scroll_y);
    if (self->scroll_x)
        group_add (group, EV_REL, REL_HWHEEL_HI_RES, self->scroll_x);
}

static void
group_fingers (const struct virtio_input *self, struct group *group)
{
    for (unsigned i = 0; i < INPUT_MAX_FINGERS; i++) {
        const struct finger *finger = &self->fingers[i];
        bool is_new = finger->id != finger->told_id;

        if (!is_new && finger->x == finger->told_x && finger->y == finger->told_y)
            continue;
        if (!is_new && finger->id == UINT32_MAX)
            continue;
        group_add (group, EV_ABS, ABS_MT_SLOT, i);
        if (is_new)
            group_add (group, EV_ABS, ABS_MT_TRACKING_ID, finger->id);
        if (finger->id != UINT32_MAX && finger->x != finger->told_x)
            group_add (group, EV_ABS, ABS_MT_POSITION_X, finger->x);
        if (finger->id != UINT32_MAX && finger->y != finger->told_y)
            group_add (group, EV_ABS, ABS_MT_POSITION_Y, finger->y);
    }
}

/* Changed keys, leaving room for the report; @ret_told is what the guest will know by then. */
static void
group_keys (const struct virtio_input *self, struct group *group, uint64_t ret_told[KEY_WORDS])
{
    memcpy (ret_told, self->told, sizeof self->told);
    for (unsigned word = 0; word < KEY_WORDS; word++) {
        uint64_t changed = self->down[word] ^ self->told[word];

        for (; changed && group->n < MAX_GROUP - 1; changed &= changed - 1) {
            unsigned bit = (unsigned) __builtin_ctzll (changed);

            ret_told[word] ^= UINT64_C (1) << bit;
            group_add (group, EV_KEY, (uint16_t) (word * 64 + bit), self->down[word] >> bit & 1);
        }
    }
}

/* Queues what the guest does not know yet. False if it knows all, or there is no room. */
static bool
tell (struct virtio_input *self)
{
    struct group group = {.n = 0};
    uint64_t told[KEY_WORDS];

    group_motion (self, &group);
    group_fingers (self, &group);
    group_keys (self, &group, told);
    if (group.n == 0)
        return false;
    group_add (&group, EV_SYN, SYN_REPORT, 0);
    if (self->count + group.n > QUEUE_EVENTS)
        return false;
    for (unsigned i = 0; i < group.n; i++)
        self->events[(self->head + self->count++) % QUEUE_EVENTS] = group.events[i];
    memcpy (self->told, told, sizeof self->told);
    self->told_x = self->x;
    self->told_y = self->y;
    self->dx = self->dy = self->wheel = self->hwheel = self->scroll_x = self->scroll_y = 0;
    for (unsigned i = 0; i < INPUT_MAX_FINGERS; i++) {
        struct finger *finger = &self->fingers[i];

        finger->told_id = finger->id;
        if (finger->id == UINT32_MAX)
            continue;
        finger->told_x = finger->x;
        finger->told_y = finger->y;
    }
    return true;
}

static struct virtq_chain *
pop_buffer (struct virtio *virtio)
{
    struct virtq_chain *chain = virtio_pop (virtio, QUEUE_EVENT);

    if (!chain && virtio_is_live (virtio) && virtqueue_allow_kicks (&virtio->queues[QUEUE_EVENT]))
        chain = virtio_pop (virtio, QUEUE_EVENT);
    return chain;
}

/* False if the guest ran out of buffers. */
static bool
flush (struct virtio_input *self)
{
    struct virtio *virtio = &self->virtio;
    unsigned tries = 0;

    for (; self->count > 0 && tries < MAX_TRIES; tries++) {
        struct virtq_chain *chain = pop_buffer (virtio);
        uint64_t event = self->events[self->head];
        uint8_t raw[EVENT_SIZE];

        if (!chain)
            return false;
        if (chain->writable_size < EVENT_SIZE) {
            virtio_push (virtio, QUEUE_EVENT, chain->head, 0);
            continue;
        }
        store_le64 (raw, event); /* type, code and value lie in this order */
        virtq_copy_to (chain->writable, chain->n_writable, 0, raw, sizeof raw);
        virtio_push (virtio, QUEUE_EVENT, chain->head, EVENT_SIZE);
        self->head = (self->head + 1) % QUEUE_EVENTS;
        self->count--;
    }
    if (self->count > 0)
        virtio_kick (virtio, QUEUE_EVENT);
    else
        virtqueue_suppress_kicks (&virtio->queues[QUEUE_EVENT]);
    return self->count == 0;
}

static void
deliver (struct virtio_input *self)
{
    bool told = tell (self);

    if (!virtio_is_live (&self->virtio) || !self->virtio.queues[QUEUE_EVENT].enabled)
        return;
    /* Ends: nothing adds to the difference meanwhile. */
    while ((told || self->count > 0) && flush (self))
        told = tell (self);
    virtio_signal (&self->virtio, QUEUE_EVENT);
}

/* Events from the host. */

static void
set_key (struct virtio_input *self, unsigned code, bool down)
{
    uint64_t bit = UINT64_C (1) << code % 64;

    if (code < self->model->first_key || code > self->model->last_key)
        return;
    if (down)
        self->down[code / 64] |= bit;
    else
        self->down[code / 64] &= ~bit;
}

static void
set_buttons (struct virtio_input *self, unsigned buttons)
{
    static const struct {
        unsigned bit;
        uint16_t code;
    } map[] = {{INPUT_LEFT, BTN_LEFT},
               {INPUT_RIGHT, BTN_RIGHT},
               {INPUT_MIDDLE, BTN_MIDDLE},
               {INPUT_SIDE, BTN_SIDE},
               {INPUT_EXTRA, BTN_EXTRA}};

    for (unsigned i = 0; i < ARRAY_LENGTH (map); i++)
        set_key (self, map[i].code, buttons & map[i].bit);
}

/* Adds up motion that the guest has not seen, up to what makes sense. */
static void
add_motion (uint32_t *motion, int more)
{
    int64_t sum = (int64_t) (int32_t) *motion + more;

    sum = MAX_OF (sum, (int64_t) -MAX_MOTION);
    sum = MIN_OF (sum, (int64_t) MAX_MOTION);
    *motion = (uint32_t) (int32_t) sum;
}

static void
add_scroll (uint32_t *scroll, uint32_t *rest, uint32_t *clicks, int more)
{
    add_motion (scroll, more);
    add_motion (rest, more);
    add_motion (clicks, (int32_t) *rest / INPUT_CLICK);
    *rest = (uint32_t) ((int32_t) *rest % INPUT_CLICK);
}

static void
add_wheel (struct virtio_input *self, int clicks)
{
    clicks = MAX_OF (MIN_OF (clicks, MAX_CLICKS), -MAX_CLICKS);
    add_scroll (&self->scroll_y, &self->rest_y, &self->wheel, clicks * INPUT_CLICK);
}

static bool
ready_cb (void *data)
{
    struct virtio_input *self = data;
    bool ready;

    pthread_mutex_lock (&self->virtio.pci.device.lock);
    ready = has_driver (self);
    pthread_mutex_unlock (&self->virtio.pci.device.lock);
    return ready;
}

static void
key_cb (void *data, unsigned code, bool down)
{
    struct virtio_input *self = data;

    pthread_mutex_lock (&self->virtio.pci.device.lock);
    if (has_driver (self)) {
        set_key (self, code, down);
        deliver (self);
    }
    pthread_mutex_unlock (&self->virtio.pci.device.lock);
}

static void
relative_cb (void *data, int dx, int dy, int wheel, unsigned buttons)
{
    struct virtio_input *self = data;

    pthread_mutex_lock (&self->virtio.pci.device.lock);
    if (has_driver (self)) {
        add_motion (&self->dx, dx);
        add_motion (&self->dy, dy);
        add_wheel (self, wheel);
        set_buttons (self, buttons);
        deliver (self);
    }
    pthread_mutex_unlock (&self->virtio.pci.device.lock);
}

static void
absolute_cb (void *data, unsigned x, unsigned y, int wheel, unsigned buttons)
{
    struct virtio_input *self = data;

    pthread_mutex_lock (&self->virtio.pci.device.lock);
    if (has_driver (self)) {
        self->x = MIN_OF (x, INPUT_ABSOLUTE_MAX);
        self->y = MIN_OF (y, INPUT_ABSOLUTE_MAX);
        add_wheel (self, wheel);
        set_buttons (self, buttons);
        deliver (self);
    }
    pthread_mutex_unlock (&self->virtio.pci.device.lock);
}

static void
scroll_cb (void *data, int dx, int dy)
{
    struct virtio_input *self = data;

    pthread_mutex_lock (&self->virtio.pci.device.lock);
    if (has_driver (self)) {
        add_scroll (&self->scroll_x, &self->rest_x, &self->hwheel, dx);
        add_scroll (&self->scroll_y, &self->rest_y, &self->wheel, dy);
        deliver (self);
    }
    pthread_mutex_unlock (&self->virtio.pci.device.lock);
}

static void
touch_cb (void *data, unsigned number, bool down, unsigned x, unsigned y)
{
    struct virtio_input *self = data;
    struct finger *finger = &self->fingers[number % INPUT_MAX_FINGERS];
    bool any = false;

    pthread_mutex_lock (&self->virtio.pci.device.lock);
    if (has_driver (self)) {
        if (down && finger->id == UINT32_MAX)
            finger->id = self->next_id++ & INPUT_LAST_TRACKING_ID;
        if (down) {
            finger->x = MIN_OF (x, INPUT_ABSOLUTE_MAX);
            finger->y = MIN_OF (y, INPUT_ABSOLUTE_MAX);
        } else {
            finger->id = UINT32_MAX;
        }
        if (down && number == 0) {
            self->x = finger->x;
            self->y = finger->y;
        }
        for (unsigned i = 0; i < INPUT_MAX_FINGERS; i++)
            any |= self->fingers[i].id != UINT32_MAX;
        set_key (self, BTN_TOUCH, any);
        deliver (self);
    }
    pthread_mutex_unlock (&self->virtio.pci.device.lock);
}

/* The driver's side. */

static void
show_leds (struct virtio_input *self)
{
    if (self->input && self->model->leds)
        input_set_leds (self->input, self->leds);
}

static bool
serve_status (struct virtio *virtio, unsigned queue, struct virtq_chain *chain)
{
    struct virtio_input *self = from_virtio (virtio);
    uint8_t raw[EVENT_SIZE];

    for (unsigned i = 0; i < MAX_STATUS_EVENTS; i++) {
        uint16_t code;

        if (virtq_copy_from (chain->readable, chain->n_readable, i * EVENT_SIZE, raw, sizeof raw) <
            sizeof raw)
            break;
        code = load_le16 (raw + 2);
        if (load_le16 (raw) != EV_LED || code >= 8 || !(self->model->leds & 1u << code))
            continue;
        if (load_le32 (raw + 4))
            self->leds |= (uint8_t) (1u << code);
        else
            self->leds &= (uint8_t) ~(1u << code);
    }
    virtio_push (virtio, queue, chain->head, 0);
    show_leds (self);
    return true;
}

static void
notify (struct virtio *virtio, unsigned queue)
{
    if (queue == QUEUE_STATUS)
        virtio_serve (virtio, queue, serve_status);
    else
        deliver (from_virtio (virtio));
}

static void
type_reset (struct virtio *virtio)
{
    struct virtio_input *self = from_virtio (virtio);

    self->select = self->subselect = 0;
    self->leds = 0;
    memset (self->down, 0, sizeof self->down);
    memset (self->told, 0, sizeof self->told);
    /* Nothing is told until the pointer moves, and then both axes. */
    self->x = self->y = self->told_x = self->told_y = UINT32_MAX;
    self->dx = self->dy = self->wheel = self->hwheel = 0;
    self->scroll_x = self->scroll_y = self->rest_x = self->rest_y = 0;
    memset (self->fingers, 0xFF, sizeof self->fingers); /* nowhere, and that is known */
    self->next_id = 0;
    self->head = self->count = 0;
    update_config (self);
    show_leds (self);
}

static const struct virtio_type input_type = {
    .id = TYPE_INPUT,
    .class_code = 0x090000, /* input controller */
    .notify = notify,
    .config_write = config_write,
    .reset = type_reset,
};

/* The classes' hooks. */

static int
init_model (struct vmm_device *device, const struct input_model *model,
            const struct vmm_device_config *config, struct vmm_error *error)
{
    struct virtio_input *self = CONTAINER_OF (device, struct virtio_input, virtio.pci.device);
    int r;

    self->model = model;
    r = virtio_init (&self->virtio, &input_type, 0, N_QUEUES, CONFIG_SIZE, config, error);
    if (r < 0)
        return r;
    self->input = vmm_config_pointer (config, "input");
    self->handler = (struct input_handler) {
        .kinds = model->kind,
        .ready = ready_cb,
        .key = key_cb,
        .relative = relative_cb,
        .absolute = absolute_cb,
        .touch = touch_cb,
        .scroll = scroll_cb,
        .data = self,
    };
    if (self->input)
        input_add_handler (self->input, &self->handler);
    return 0;
}

static int
init_keyboard (struct vmm_device *device, const struct vmm_device_config *config,
               struct vmm_error *error)
{
    return init_model (device, &input_keyboard_model, config, error);
}

static int
init_mouse (struct vmm_device *device, const struct vmm_device_config *config,
            struct vmm_error *error)
{
    return init_model (device, &input_mouse_model, config, error);
}

static int
init_tablet (struct vmm_device *device, const struct vmm_device_config *config,
             struct vmm_error *error)
{
    return init_model (device, &input_tablet_model, config, error);
}

static int
init_touch (struct vmm_device *device, const struct vmm_device_config *config,
            struct vmm_error *error)
{
    return init_model (device, &input_touch_model, config, error);
}

static void
fini_hook (struct vmm_device *device)
{
    struct virtio_input *self = CONTAINER_OF (device, struct virtio_input, virtio.pci.device);

    if (self->input)
        input_remove_handler (self->input, &self->handler);
    virtio_fini (device);
}

static int
state_post_load (void *object, struct vmm_error *error)
{
    struct virtio_input *self = object;

    if (self->head >= QUEUE_EVENTS || self->count > QUEUE_EVENTS)
        return vmm_error_set (error, -EPROTO, "%s: the saved event queue makes no sense",
                              self->virtio.pci.device.id);
    self->rest_x = (uint32_t) ((int32_t) self->rest_x % INPUT_CLICK);
    self->rest_y = (uint32_t) ((int32_t) self->rest_y % INPUT_CLICK);
    update_config (self);
    show_leds (self);
    return 0;
}

static const struct vmm_state_field finger_fields[] = {
    VMM_STATE (struct finger, id),     VMM_STATE (struct finger, x),
    VMM_STATE (struct finger, y),      VMM_STATE (struct finger, told_id),
    VMM_STATE (struct finger, told_x), VMM_STATE (struct finger, told_y),
};

static const struct vmm_state_table finger_state = {
    .name = "finger",
    .version = 1,
    .fields = finger_fields,
    .n_fields = ARRAY_LENGTH (finger_fields),
};

#define STATE_SINCE_2(member)                              \
    {.name = #member,                                      \
     .type = VMM_FIELD_U32,                                \
     .offset = offsetof (struct virtio_input, member),     \
     .count = 1,                                           \
     .size = sizeof (((struct virtio_input *) 0)->member), \
     .since = 2}

static const struct vmm_state_field state_fields[] = {
    VMM_STATE_NESTED (struct virtio_input, virtio, virtio_state),
    VMM_STATE (struct virtio_input, select),
    VMM_STATE (struct virtio_input, subselect),
    VMM_STATE (struct virtio_input, leds),
    VMM_STATE_ARRAY (struct virtio_input, down),
    VMM_STATE_ARRAY (struct virtio_input, told),
    VMM_STATE (struct virtio_input, x),
    VMM_STATE (struct virtio_input, y),
    VMM_STATE (struct virtio_input, told_x),
    VMM_STATE (struct virtio_input, told_y),
    VMM_STATE (struct virtio_input, dx),
    VMM_STATE (struct virtio_input, dy),
    VMM_STATE (struct virtio_input, wheel),
    VMM_STATE (struct virtio_input, next_id),
    VMM_STATE_NESTED_ARRAY (struct virtio_input, fingers, finger_state),
    VMM_STATE (struct virtio_input, head),
    VMM_STATE (struct virtio_input, count),
    VMM_STATE_ARRAY (struct virtio_input, events),
    STATE_SINCE_2 (hwheel),
    STATE_SINCE_2 (scroll_x),
    STATE_SINCE_2 (scroll_y),
    STATE_SINCE_2 (rest_x),
    STATE_SINCE_2 (rest_y),
};

static const struct vmm_state_table state = {
    .name = "virtio-input",
    .version = 2,
    .fields = state_fields,
    .n_fields = ARRAY_LENGTH (state_fields),
    .post_load = state_post_load,
};

static const struct vmm_key keys[] = {
    PCI_KEY_SLOT,
    {.name = "input", .type = VMM_KEY_POINTER, .help = "where events come from (struct input *)"},
};

#define INPUT_CLASS(name_, init_)             \
    {                                         \
        .name = (name_),                      \
        .size = sizeof (struct virtio_input), \
        .keys = keys,                         \
        .n_keys = ARRAY_LENGTH (keys),        \
        .state = &state,                      \
        .init = (init_),                      \
        .reset = virtio_reset,                \
        .pause = virtio_pause,                \
        .resume = virtio_resume,              \
        .fini = fini_hook,                    \
    }

const struct vmm_device_class virtio_keyboard_class =
    INPUT_CLASS ("virtio-keyboard", init_keyboard);
const struct vmm_device_class virtio_mouse_class = INPUT_CLASS ("virtio-mouse", init_mouse);
const struct vmm_device_class virtio_tablet_class = INPUT_CLASS ("virtio-tablet", init_tablet);
const struct vmm_device_class virtio_touch_class = INPUT_CLASS ("virtio-touch", init_touch);
