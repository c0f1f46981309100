/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keyboard controller, ports 0x60 and 0x64: one output buffer that is filled from the
 * controller's own answers, the keyboard and the mouse, in this order, and whose filling is
 * interrupt 1 or 12. Keyboard bytes are translated to scan code set 1 on the way while the command
 * byte says so. The A20 gate stands always open.
 *
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device
 * Controller".
 */
#include <errno.h>

#include "display/input.h"
#include "engine/device.h"
#include "hw/ps2.h"

#define PORT_DATA               0x60
#define PORT_CONTROL            0x64
#define KEYBOARD_IRQ            1
#define MOUSE_IRQ               12
#define ANSWERS                 8

#define STATUS_FULL             0x01u
#define STATUS_SYSTEM           0x04u
#define STATUS_COMMAND          0x08u
#define STATUS_UNLOCKED         0x10u
#define STATUS_MOUSE            0x20u

#define MODE_KEYBOARD_INTERRUPT 0x01u
#define MODE_MOUSE_INTERRUPT    0x02u
#define MODE_SYSTEM             0x04u
#define MODE_KEYBOARD_OFF       0x10u
#define MODE_MOUSE_OFF          0x20u
#define MODE_TRANSLATE          0x40u

#define INPUT_PORT_UNLOCKED     0x80u
#define OUTPUT_NO_RESET         0x01u
#define OUTPUT_A20              0x02u
#define OUTPUT_KEYBOARD         0x10u
#define OUTPUT_MOUSE            0x20u

enum controller_command {
    COMMAND_READ_FIRST = 0x20,
    COMMAND_READ_LAST = 0x3F,
    COMMAND_WRITE_FIRST = 0x60,
    COMMAND_WRITE_LAST = 0x7F,
    COMMAND_PASSWORD = 0xA4,
    COMMAND_MOUSE_OFF = 0xA7,
    COMMAND_MOUSE_ON = 0xA8,
    COMMAND_TEST_MOUSE = 0xA9,
    COMMAND_TEST = 0xAA,
    COMMAND_TEST_KEYBOARD = 0xAB,
    COMMAND_KEYBOARD_OFF = 0xAD,
    COMMAND_KEYBOARD_ON = 0xAE,
    COMMAND_READ_INPUT = 0xC0,
    COMMAND_READ_OUTPUT = 0xD0,
    COMMAND_WRITE_OUTPUT = 0xD1,
    COMMAND_FAKE_KEYBOARD = 0xD2,
    COMMAND_FAKE_MOUSE = 0xD3,
    COMMAND_TO_MOUSE = 0xD4,
    COMMAND_READ_TEST = 0xE0,
    COMMAND_PULSE_FIRST = 0xF0, /* each clear bit of the low four pulses an output; 0: reset */
};

struct i8042 {
    struct vmm_device device;
    struct vmm_region data_region, control_region;
    struct input *input;
    struct input_handler keyboard_handler, mouse_handler;
    struct vmm_timer repeat;
    bool paused;
    bool irq_levels[2];

    uint8_t ram[32]; /* the first byte is the mode */
    uint8_t command; /* whose parameter the next write to 0x60 is; 0: none */
    bool last_was_command;
    uint8_t buffer;
    bool full, from_mouse;
    bool release;                                 /* translation stands behind a release prefix */
    uint8_t answers[ANSWERS], answers_from_mouse; /* a bit per answer */
    uint8_t n_answers;
    struct ps2_keyboard keyboard;
    struct ps2_mouse mouse;
};

static void
update_irqs (struct i8042 *self)
{
    bool levels[2] = {
        self->full && !self->from_mouse && (self->ram[0] & MODE_KEYBOARD_INTERRUPT),
        self->full && self->from_mouse && (self->ram[0] & MODE_MOUSE_INTERRUPT),
    };

    for (unsigned i = 0; i < 2; i++) {
        if (levels[i] == self->irq_levels[i])
            continue;
        self->irq_levels[i] = levels[i];
        vmm_irq_set (self->device.machine, i ? MOUSE_IRQ : KEYBOARD_IRQ, levels[i]);
    }
}

static bool
take_answer (struct i8042 *self)
{
    if (self->n_answers == 0)
        return false;
    self->buffer = self->answers[0];
    self->from_mouse = self->answers_from_mouse & 1;
    self->n_answers--;
    memmove (self->answers, self->answers + 1, self->n_answers);
    self->answers_from_mouse >>= 1;
    return true;
}

static bool
take_key (struct i8042 *self)
{
    uint8_t byte;

    while (!(self->ram[0] & MODE_KEYBOARD_OFF) && ps2_queue_take (&self->keyboard.queue, &byte)) {
        if ((self->ram[0] & MODE_TRANSLATE) && !ps2_translate (byte, &self->release, &byte))
            continue;
        self->buffer = byte;
        self->from_mouse = false;
        return true;
    }
    return false;
}

static bool
take_motion (struct i8042 *self)
{
    if ((self->ram[0] & MODE_MOUSE_OFF) || !ps2_queue_take (&self->mouse.queue, &self->buffer))
        return false;
    self->from_mouse = true;
    return true;
}

/* Fills the output buffer if there is anything to say. */
static void
pump (struct i8042 *self)
{
    if (!self->full) {
        ps2_mouse_flush (&self->mouse);
        self->full = take_answer (self) || take_key (self) || take_motion (self);
    }
    update_irqs (self);
}

static void
answer (struct i8042 *self, uint8_t byte, bool from_mouse)
{
    if (self->n_answers == ANSWERS)
        return;
    self->answers[self->n_answers] = byte;
    self->answers_from_mouse &= (uint8_t) ~(1u << self->n_answers);
    self->answers_from_mouse |= (uint8_t) ((unsigned) from_mouse << self->n_answers);
    self->n_answers++;
}

static uint8_t
output_port (const struct i8042 *self)
{
    return (uint8_t) (OUTPUT_NO_RESET | OUTPUT_A20 |
                      (self->full ? self->from_mouse ? OUTPUT_MOUSE : OUTPUT_KEYBOARD : 0));
}

static void
write_command (struct i8042 *self, uint8_t command)
{
    self->command = 0;
    switch (command) {
    case COMMAND_READ_FIRST ... COMMAND_READ_LAST:
        answer (self, self->ram[command - COMMAND_READ_FIRST], false);
        break;
    case COMMAND_WRITE_FIRST ... COMMAND_WRITE_LAST:
    case COMMAND_WRITE_OUTPUT:
    case COMMAND_FAKE_KEYBOARD:
    case COMMAND_FAKE_MOUSE:
    case COMMAND_TO_MOUSE: self->command = command; break;
    case COMMAND_PASSWORD: answer (self, 0xF1, false); break; /* there is none */
    case COMMAND_MOUSE_OFF: self->ram[0] |= MODE_MOUSE_OFF; break;
    case COMMAND_MOUSE_ON: self->ram[0] &= (uint8_t) ~MODE_MOUSE_OFF; break;
    case COMMAND_TEST_MOUSE:
    case COMMAND_TEST_KEYBOARD: answer (self, 0x00, false); break;
    case COMMAND_TEST:
        self->ram[0] |= MODE_SYSTEM;
        answer (self, 0x55, false);
        break;
    case COMMAND_KEYBOARD_OFF: self->ram[0] |= MODE_KEYBOARD_OFF; break;
    case COMMAND_KEYBOARD_ON: self->ram[0] &= (uint8_t) ~MODE_KEYBOARD_OFF; break;
    case COMMAND_READ_INPUT: answer (self, INPUT_PORT_UNLOCKED, false); break;
    case COMMAND_READ_OUTPUT: answer (self, output_port (self), false); break;
    case COMMAND_READ_TEST: answer (self, 0x00, false); break;
    default:
        if (command >= COMMAND_PULSE_FIRST && !(command & 1))
            vmm_device_request_reset (&self->device);
        break;
    }
}

static void
write_parameter (struct i8042 *self, uint8_t command, uint8_t byte)
{
    switch (command) {
    case COMMAND_WRITE_FIRST ... COMMAND_WRITE_LAST:
        self->ram[command - COMMAND_WRITE_FIRST] = byte;
        break;
    case COMMAND_WRITE_OUTPUT:
        if (!(byte & OUTPUT_NO_RESET))
            vmm_device_request_reset (&self->device);
        break;
    case COMMAND_FAKE_KEYBOARD: answer (self, byte, false); break;
    case COMMAND_FAKE_MOUSE: answer (self, byte, true); break;
    case COMMAND_TO_MOUSE:
        ps2_mouse_write (&self->mouse, byte);
        self->ram[0] &= (uint8_t) ~MODE_MOUSE_OFF;
        break;
    }
}

static uint64_t
data_read (void *opaque, uint64_t offset, unsigned size)
{
    struct i8042 *self = opaque;
    uint8_t byte = self->buffer;

    if (self->full) {
        self->full = false;
        update_irqs (self); /* an edge between two bytes */
        pump (self);
    }
    return byte;
}

static void
data_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct i8042 *self = opaque;
    uint8_t command = self->command;

    self->last_was_command = false;
    self->command = 0;
    if (command) {
        write_parameter (self, command, (uint8_t) value);
    } else {
        /* Talking to the keyboard switches it on. */
        self->ram[0] &= (uint8_t) ~MODE_KEYBOARD_OFF;
        ps2_keyboard_write (&self->keyboard, (uint8_t) value);
    }
    if (!self->keyboard.repeating)
        vmm_timer_disarm (&self->repeat);
    pump (self);
}

static uint64_t
control_read (void *opaque, uint64_t offset, unsigned size)
{
    struct i8042 *self = opaque;

    return STATUS_UNLOCKED | (self->full ? STATUS_FULL : 0) |
           (self->full && self->from_mouse ? STATUS_MOUSE : 0) |
           (self->ram[0] & MODE_SYSTEM ? STATUS_SYSTEM : 0) |
           (self->last_was_command ? STATUS_COMMAND : 0);
}

static void
control_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct i8042 *self = opaque;

    self->last_was_command = true;
    write_command (self, (uint8_t) value);
    pump (self);
}

static void
arm_repeat (struct i8042 *self, uint64_t delay)
{
    if (self->keyboard.repeating)
        vmm_timer_arm (&self->repeat, vmm_clock_now (vmm_device_clock (&self->device)) + delay);
    else
        vmm_timer_disarm (&self->repeat);
}

static void
repeat_cb (void *data)
{
    struct i8042 *self = data;

    ps2_keyboard_repeat (&self->keyboard);
    arm_repeat (self, ps2_keyboard_period_ns (&self->keyboard));
    pump (self);
}

static bool
keyboard_ready (void *data)
{
    struct i8042 *self = data;
    bool ready;

    pthread_mutex_lock (&self->device.lock);
    ready = self->keyboard.scanning;
    pthread_mutex_unlock (&self->device.lock);
    return ready;
}

/* While paused, keys can be let go of but not pressed. */
static void
key_cb (void *data, unsigned code, bool down)
{
    struct i8042 *self = data;
    uint16_t repeating;

    pthread_mutex_lock (&self->device.lock);
    repeating = self->keyboard.repeating;
    if (!down || !self->paused)
        ps2_keyboard_key (&self->keyboard, code, down);
    if (self->keyboard.repeating != repeating)
        arm_repeat (self, ps2_keyboard_delay_ns (&self->keyboard));
    pump (self);
    pthread_mutex_unlock (&self->device.lock);
}

static bool
mouse_ready (void *data)
{
    struct i8042 *self = data;
    bool ready;

    pthread_mutex_lock (&self->device.lock);
    ready = self->mouse.reporting;
    pthread_mutex_unlock (&self->device.lock);
    return ready;
}

static void
relative_cb (void *data, int dx, int dy, int wheel, unsigned buttons)
{
    struct i8042 *self = data;

    pthread_mutex_lock (&self->device.lock);
    if (self->paused)
        ps2_mouse_move (&self->mouse, 0, 0, 0, buttons & self->mouse.buttons);
    else
        ps2_mouse_move (&self->mouse, dx, dy, wheel, buttons);
    pump (self);
    pthread_mutex_unlock (&self->device.lock);
}

static int
i8042_post_load (void *object, struct vmm_error *error)
{
    struct i8042 *self = object;

    if (self->n_answers > ANSWERS)
        return vmm_error_set (error, -EINVAL, "%s: the saved answers make no sense",
                              self->device.id);
    update_irqs (self);
    return 0;
}

static const struct vmm_key i8042_keys[] = {
    {.name = "input",
     .type = VMM_KEY_POINTER,
     .help = "where keys and pointer come from (struct input *); absent: nowhere"},
};

static const struct vmm_state_field i8042_fields[] = {
    VMM_STATE_ARRAY (struct i8042, ram),
    VMM_STATE (struct i8042, command),
    VMM_STATE (struct i8042, last_was_command),
    VMM_STATE (struct i8042, buffer),
    VMM_STATE (struct i8042, full),
    VMM_STATE (struct i8042, from_mouse),
    VMM_STATE (struct i8042, release),
    VMM_STATE_ARRAY (struct i8042, answers),
    VMM_STATE (struct i8042, answers_from_mouse),
    VMM_STATE (struct i8042, n_answers),
    VMM_STATE_NESTED (struct i8042, keyboard, ps2_keyboard_state),
    VMM_STATE_NESTED (struct i8042, mouse, ps2_mouse_state),
};

static const struct vmm_state_table i8042_state = {
    .name = "i8042",
    .version = 1,
    .fields = i8042_fields,
    .n_fields = ARRAY_LENGTH (i8042_fields),
    .post_load = i8042_post_load,
};

static int
map_ports (struct i8042 *self, struct vmm_error *error)
{
    struct vmm_bus *bus = vmm_device_bus (&self->device);
    int r;

    self->data_region = (struct vmm_region) {
        .name = "i8042-data",
        .space = VMM_SPACE_PIO,
        .size = 1,
        .read = data_read,
        .write = data_write,
        .opaque = self,
        .lock = &self->device.lock,
    };
    self->control_region = self->data_region;
    self->control_region.name = "i8042-control";
    self->control_region.read = control_read;
    self->control_region.write = control_write;
    r = vmm_bus_map (bus, &self->data_region, PORT_DATA);
    if (r >= 0)
        r = vmm_bus_map (bus, &self->control_region, PORT_CONTROL);
    if (r < 0)
        return vmm_error_set_errno (error, r, "%s: its ports cannot be used", self->device.id);
    return 0;
}

static int
i8042_init (struct vmm_device *device, const struct vmm_device_config *config,
            struct vmm_error *error)
{
    struct i8042 *self = CONTAINER_OF (device, struct i8042, device);
    int r;

    self->paused = true;
    vmm_device_timer_init (device, &self->repeat, repeat_cb, self);
    r = map_ports (self, error);
    if (r < 0)
        return r;
    self->keyboard_handler = (struct input_handler) {
        .kinds = INPUT_KEYBOARD,
        .ready = keyboard_ready,
        .key = key_cb,
        .data = self,
    };
    self->mouse_handler = (struct input_handler) {
        .kinds = INPUT_RELATIVE,
        .ready = mouse_ready,
        .relative = relative_cb,
        .data = self,
    };
    self->input = vmm_config_pointer (config, "input");
    if (self->input) {
        input_add_handler (self->input, &self->keyboard_handler);
        input_add_handler (self->input, &self->mouse_handler);
    }
    return 0;
}

static void
i8042_reset (struct vmm_device *device)
{
    struct i8042 *self = CONTAINER_OF (device, struct i8042, device);

    memset (self->ram, 0, sizeof self->ram);
    self->ram[0] = MODE_KEYBOARD_INTERRUPT | MODE_MOUSE_INTERRUPT | MODE_SYSTEM | MODE_TRANSLATE;
    self->command = self->buffer = 0;
    self->last_was_command = self->full = self->from_mouse = self->release = false;
    memset (self->answers, 0, sizeof self->answers);
    self->answers_from_mouse = self->n_answers = 0;
    ps2_keyboard_reset (&self->keyboard);
    ps2_mouse_reset (&self->mouse);
    vmm_timer_disarm (&self->repeat);
    update_irqs (self);
}

static void
i8042_pause (struct vmm_device *device)
{
    struct i8042 *self = CONTAINER_OF (device, struct i8042, device);

    self->paused = true;
    vmm_timer_disarm (&self->repeat);
}

static void
i8042_resume (struct vmm_device *device)
{
    struct i8042 *self = CONTAINER_OF (device, struct i8042, device);

    self->paused = false;
    arm_repeat (self, ps2_keyboard_delay_ns (&self->keyboard));
}

static void
i8042_fini (struct vmm_device *device)
{
    struct i8042 *self = CONTAINER_OF (device, struct i8042, device);

    if (self->input) {
        input_remove_handler (self->input, &self->keyboard_handler);
        input_remove_handler (self->input, &self->mouse_handler);
    }
    vmm_timer_disarm (&self->repeat);
    vmm_bus_unmap (vmm_device_bus (device), &self->data_region);
    vmm_bus_unmap (vmm_device_bus (device), &self->control_region);
}

const struct vmm_device_class i8042_class = {
    .name = "i8042",
    .size = sizeof (struct i8042),
    .keys = i8042_keys,
    .n_keys = ARRAY_LENGTH (i8042_keys),
    .state = &i8042_state,
    .init = i8042_init,
    .reset = i8042_reset,
    .pause = i8042_pause,
    .resume = i8042_resume,
    .fini = i8042_fini,
};
