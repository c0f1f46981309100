/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The PS/2 keyboard. Keys arrive as Linux input event codes, which for the keys of the first PCs
 * are their set 1 scan codes; the others are in a table. What goes out is set 2, found by inverting
 * the controller's translation table, or set 1 by applying it.
 *
 * It repeats keys by itself, as the guest's typematic command asks, and ignores what the host
 * repeats; a repetition waits until the last one was read, so a slow guest is not flooded.
 *
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Keyboards (101- and 102-Key)" and
 * "Keyboard and Auxiliary Device Controller".
 */
#include <linux/input-event-codes.h>

#include "hw/ps2.h"

#define DEFAULT_TYPEMATIC 0x2B /* half a second, then 10.9 per second */
#define MAX_SEQUENCE      8
/* Presses leave this much for the releases of what is down. */
#define ROOM_FOR_RELEASES 128

#define RELEASE           0xF0
#define EXTENDED          0xE0
#define EXTENDED_1        0xE1

enum keyboard_command {
    COMMAND_LEDS = 0xED,
    COMMAND_ECHO = 0xEE,
    COMMAND_SET = 0xF0,
    COMMAND_IDENTIFY = 0xF2,
    COMMAND_TYPEMATIC = 0xF3,
    COMMAND_ENABLE = 0xF4,
    COMMAND_DISABLE = 0xF5,
    COMMAND_DEFAULTS = 0xF6,
    COMMAND_ALL_KEYS_FIRST = 0xF7, /* to 0xFA: key types, which only set 3 has */
    COMMAND_ALL_KEYS_LAST = 0xFA,
    COMMAND_KEY_FIRST = 0xFB, /* to 0xFD, with a scan code */
    COMMAND_KEY_LAST = 0xFD,
    COMMAND_RESEND = 0xFE,
    COMMAND_RESET = 0xFF,
};

enum modifier {
    LEFT_SHIFT = 1 << 0,
    RIGHT_SHIFT = 1 << 1,
    LEFT_CTRL = 1 << 2,
    RIGHT_CTRL = 1 << 3,
    LEFT_ALT = 1 << 4,
    RIGHT_ALT = 1 << 5,
};

/* Set 2 to set 1, as the controller has it in its ROM. */
static const uint8_t set_1_of[128] = {
    0xFF, 0x43, 0x41, 0x3F, 0x3D, 0x3B, 0x3C, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3E, 0x0F, 0x29, 0x59,
    0x65, 0x38, 0x2A, 0x70, 0x1D, 0x10, 0x02, 0x5A, 0x66, 0x71, 0x2C, 0x1F, 0x1E, 0x11, 0x03, 0x5B,
    0x67, 0x2E, 0x2D, 0x20, 0x12, 0x05, 0x04, 0x5C, 0x68, 0x39, 0x2F, 0x21, 0x14, 0x13, 0x06, 0x5D,
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5E, 0x6A, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5F,
    0x6B, 0x33, 0x25, 0x17, 0x18, 0x0B, 0x0A, 0x60, 0x6C, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0C, 0x61,
    0x6D, 0x73, 0x28, 0x74, 0x1A, 0x0D, 0x62, 0x6E, 0x3A, 0x36, 0x1C, 0x1B, 0x75, 0x2B, 0x63, 0x76,
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7A, 0x0E, 0x7B, 0x7C, 0x4F, 0x7D, 0x4B, 0x47, 0x7E, 0x7F, 0x6F,
    0x52, 0x53, 0x50, 0x4C, 0x4D, 0x48, 0x01, 0x45, 0x57, 0x4E, 0x51, 0x4A, 0x37, 0x49, 0x46, 0x54,
};

/* Keys whose code is not their set 1 scan code: that, with 0x80 for the 0xE0 prefix. */
static const uint8_t scan_codes[256] = {
    [KEY_ZENKAKUHANKAKU] = 0x76,
    [KEY_102ND] = 0x56,
    [KEY_F11] = 0x57,
    [KEY_F12] = 0x58,
    [KEY_RO] = 0x73,
    [KEY_KATAKANA] = 0x78,
    [KEY_HIRAGANA] = 0x77,
    [KEY_HENKAN] = 0x79,
    [KEY_KATAKANAHIRAGANA] = 0x70,
    [KEY_MUHENKAN] = 0x7B,
    [KEY_KPENTER] = 0x9C,
    [KEY_RIGHTCTRL] = 0x9D,
    [KEY_KPSLASH] = 0xB5,
    [KEY_RIGHTALT] = 0xB8,
    [KEY_HOME] = 0xC7,
    [KEY_UP] = 0xC8,
    [KEY_PAGEUP] = 0xC9,
    [KEY_LEFT] = 0xCB,
    [KEY_RIGHT] = 0xCD,
    [KEY_END] = 0xCF,
    [KEY_DOWN] = 0xD0,
    [KEY_PAGEDOWN] = 0xD1,
    [KEY_INSERT] = 0xD2,
    [KEY_DELETE] = 0xD3,
    [KEY_MUTE] = 0xA0,
    [KEY_VOLUMEDOWN] = 0xAE,
    [KEY_VOLUMEUP] = 0xB0,
    [KEY_POWER] = 0xDE,
    [KEY_KPEQUAL] = 0x59,
    [KEY_KPCOMMA] = 0x7E,
    [KEY_YEN] = 0x7D,
    [KEY_LEFTMETA] = 0xDB,
    [KEY_RIGHTMETA] = 0xDC,
    [KEY_COMPOSE] = 0xDD,
    [KEY_STOP] = 0xE8,
    [KEY_CALC] = 0xA1,
    [KEY_SLEEP] = 0xDF,
    [KEY_WAKEUP] = 0xE3,
    [KEY_MAIL] = 0xEC,
    [KEY_BOOKMARKS] = 0xE6,
    [KEY_COMPUTER] = 0xEB,
    [KEY_BACK] = 0xEA,
    [KEY_FORWARD] = 0xE9,
    [KEY_NEXTSONG] = 0x99,
    [KEY_PLAYPAUSE] = 0xA2,
    [KEY_PREVIOUSSONG] = 0x90,
    [KEY_STOPCD] = 0xA4,
    [KEY_HOMEPAGE] = 0xB2,
    [KEY_REFRESH] = 0xE7,
    [KEY_F13] = 0x64,
    [KEY_F14] = 0x65,
    [KEY_F15] = 0x66,
    [KEY_F16] = 0x67,
    [KEY_F17] = 0x68,
    [KEY_F18] = 0x69,
    [KEY_F19] = 0x6A,
    [KEY_F20] = 0x6B,
    [KEY_F21] = 0x6C,
    [KEY_F22] = 0x6D,
    [KEY_F23] = 0x6E,
    [KEY_SEARCH] = 0xE5,
};

static const struct vmm_state_field keyboard_fields[] = {
    VMM_STATE_NESTED (struct ps2_keyboard, queue, ps2_queue_state),
    VMM_STATE (struct ps2_keyboard, scanning),
    VMM_STATE (struct ps2_keyboard, set),
    VMM_STATE (struct ps2_keyboard, leds),
    VMM_STATE (struct ps2_keyboard, typematic),
    VMM_STATE (struct ps2_keyboard, command),
    VMM_STATE (struct ps2_keyboard, modifiers),
    VMM_STATE (struct ps2_keyboard, repeating),
    VMM_STATE_ARRAY (struct ps2_keyboard, down),
};

const struct vmm_state_table ps2_keyboard_state = {
    .name = "ps2-keyboard",
    .version = 1,
    .fields = keyboard_fields,
    .n_fields = ARRAY_LENGTH (keyboard_fields),
};

bool
ps2_translate (uint8_t byte, bool *release, uint8_t *ret_byte)
{
    uint8_t code = byte;

    if (byte == RELEASE) {
        *release = true;
        return false;
    }
    if (byte < ARRAY_LENGTH (set_1_of))
        code = set_1_of[byte];
    else if (byte == 0x83)
        code = 0x41;
    else if (byte == 0x84)
        code = 0x54;
    *ret_byte = code | (*release && code < 0x80 ? 0x80 : 0);
    *release = false;
    return true;
}

/* Two keys have a second, unused way to their set 1 code; theirs lies beyond the table. */
static uint8_t
set_2_of (uint8_t set_1)
{
    if (set_1 == 0x41)
        return 0x83;
    if (set_1 == 0x54)
        return 0x84;
    for (unsigned i = 0; i < ARRAY_LENGTH (set_1_of); i++)
        if (set_1_of[i] == set_1)
            return (uint8_t) i;
    return 0;
}

/* The set 1 code of a key with 0x80 for the prefix; 0: it has none. */
static uint8_t
scan_code_of (unsigned code)
{
    if (code >= KEY_ESC && code <= KEY_KPDOT)
        return (uint8_t) code;
    return code < ARRAY_LENGTH (scan_codes) ? scan_codes[code] : 0;
}

static unsigned
ordinary_sequence (uint8_t scan_code, bool down, uint8_t sequence[MAX_SEQUENCE])
{
    unsigned n = 0;

    if (scan_code & 0x80)
        sequence[n++] = EXTENDED;
    if (!down)
        sequence[n++] = RELEASE;
    sequence[n++] = set_2_of (scan_code & 0x7F);
    return n;
}

static unsigned
copy_sequence (const uint8_t *bytes, unsigned n, uint8_t sequence[MAX_SEQUENCE])
{
    memcpy (sequence, bytes, n);
    return n;
}

/* Print Screen comes with a left shift of its own, unless a modifier makes it another key. */
static unsigned
print_screen_sequence (uint8_t modifiers, bool down, uint8_t sequence[MAX_SEQUENCE])
{
    static const uint8_t pressed[] = {0xE0, 0x12, 0xE0, 0x7C};
    static const uint8_t released[] = {0xE0, 0xF0, 0x7C, 0xE0, 0xF0, 0x12};

    if (modifiers & (LEFT_ALT | RIGHT_ALT))
        return ordinary_sequence (0x54, down, sequence);
    if (modifiers & (LEFT_SHIFT | RIGHT_SHIFT | LEFT_CTRL | RIGHT_CTRL))
        return ordinary_sequence (0xB7, down, sequence);
    return down ? copy_sequence (pressed, sizeof pressed, sequence)
                : copy_sequence (released, sizeof released, sequence);
}

/* Pause releases itself. */
static unsigned
pause_sequence (uint8_t modifiers, bool down, uint8_t sequence[MAX_SEQUENCE])
{
    static const uint8_t pause[] = {EXTENDED_1, 0x14, 0x77, EXTENDED_1, 0xF0, 0x14, 0xF0, 0x77};
    static const uint8_t cancel[] = {0xE0, 0x7E, 0xE0, 0xF0, 0x7E};

    if (!down)
        return 0;
    if (modifiers & (LEFT_CTRL | RIGHT_CTRL))
        return copy_sequence (cancel, sizeof cancel, sequence);
    return copy_sequence (pause, sizeof pause, sequence);
}

static unsigned
sequence_of (const struct ps2_keyboard *self, unsigned code, bool down,
             uint8_t sequence[MAX_SEQUENCE])
{
    uint8_t scan_code = scan_code_of (code);

    if (code == KEY_SYSRQ)
        return print_screen_sequence (self->modifiers, down, sequence);
    if (code == KEY_PAUSE)
        return pause_sequence (self->modifiers, down, sequence);
    return scan_code ? ordinary_sequence (scan_code, down, sequence) : 0;
}

static void
put_sequence (struct ps2_keyboard *self, const uint8_t *sequence, unsigned n)
{
    bool release = false;

    for (unsigned i = 0; i < n; i++) {
        uint8_t byte = sequence[i];

        if (self->set == 1 && !ps2_translate (sequence[i], &release, &byte))
            continue;
        ps2_queue_put (&self->queue, byte);
    }
}

static uint8_t
modifier_of (unsigned code)
{
    switch (code) {
    case KEY_LEFTSHIFT: return LEFT_SHIFT;
    case KEY_RIGHTSHIFT: return RIGHT_SHIFT;
    case KEY_LEFTCTRL: return LEFT_CTRL;
    case KEY_RIGHTCTRL: return RIGHT_CTRL;
    case KEY_LEFTALT: return LEFT_ALT;
    case KEY_RIGHTALT: return RIGHT_ALT;
    default: return 0;
    }
}

void
ps2_keyboard_key (struct ps2_keyboard *self, unsigned code, bool down)
{
    uint8_t sequence[MAX_SEQUENCE], *byte, bit;
    unsigned n;

    if (code >= 8 * sizeof self->down)
        return;
    byte = &self->down[code / 8];
    bit = (uint8_t) (1u << code % 8);
    if (!(*byte & bit) == !down)
        return;
    n = sequence_of (self, code, down, sequence);
    if (down && (!self->scanning || ps2_queue_room (&self->queue) < n + ROOM_FOR_RELEASES))
        return;
    *byte ^= bit;
    if (down)
        self->modifiers |= modifier_of (code);
    else
        self->modifiers &= (uint8_t) ~modifier_of (code);
    if (down && n > 0 && code != KEY_PAUSE)
        self->repeating = (uint16_t) code;
    else if (!down && self->repeating == code)
        self->repeating = 0;
    if (self->scanning && ps2_queue_room (&self->queue) >= n)
        put_sequence (self, sequence, n);
}

void
ps2_keyboard_repeat (struct ps2_keyboard *self)
{
    uint8_t sequence[MAX_SEQUENCE];

    if (self->repeating && self->scanning && self->queue.length == 0)
        put_sequence (self, sequence, sequence_of (self, self->repeating, true, sequence));
}

uint64_t
ps2_keyboard_delay_ns (const struct ps2_keyboard *self)
{
    return ((self->typematic >> 5 & 3) + 1) * UINT64_C (250000000);
}

/* (8 + A) × 2^B × 4.17 ms with A in bits 0–2 and B in bits 3–4. */
uint64_t
ps2_keyboard_period_ns (const struct ps2_keyboard *self)
{
    return (UINT64_C (8) + (self->typematic & 7)) * (1u << (self->typematic >> 3 & 3)) * 4170000;
}

static void
set_defaults (struct ps2_keyboard *self)
{
    self->set = 2;
    self->typematic = DEFAULT_TYPEMATIC;
    self->repeating = 0;
}

void
ps2_keyboard_reset (struct ps2_keyboard *self)
{
    *self = (struct ps2_keyboard) {.scanning = true};
    set_defaults (self);
}

static void
answer (struct ps2_keyboard *self, uint8_t byte)
{
    ps2_queue_put (&self->queue, byte);
}

static void
write_parameter (struct ps2_keyboard *self, uint8_t command, uint8_t byte)
{
    switch (command) {
    case COMMAND_LEDS: self->leds = byte & 7; break;
    case COMMAND_TYPEMATIC: self->typematic = byte & 0x7F; break;
    case COMMAND_SET:
        if (byte > 2) { /* set 3 does not exist here */
            answer (self, PS2_RESEND);
            return;
        }
        answer (self, PS2_ACK);
        if (byte == 0)
            answer (self, self->set);
        else
            self->set = byte;
        return;
    }
    answer (self, PS2_ACK);
}

static void
write_command (struct ps2_keyboard *self, uint8_t byte)
{
    /* A command stops what the keyboard was about to say (but for resend, which repeats it). */
    if (byte != COMMAND_RESEND)
        ps2_queue_clear (&self->queue);
    switch (byte) {
    case COMMAND_ECHO: answer (self, COMMAND_ECHO); break;
    case COMMAND_IDENTIFY:
        answer (self, PS2_ACK);
        answer (self, 0xAB);
        answer (self, 0x83);
        break;
    case COMMAND_ENABLE:
    case COMMAND_DISABLE:
    case COMMAND_DEFAULTS:
        if (byte != COMMAND_ENABLE)
            set_defaults (self);
        if (byte != COMMAND_DEFAULTS)
            self->scanning = byte == COMMAND_ENABLE;
        answer (self, PS2_ACK);
        break;
    case COMMAND_LEDS:
    case COMMAND_SET:
    case COMMAND_TYPEMATIC:
    case COMMAND_KEY_FIRST ... COMMAND_KEY_LAST:
        self->command = byte;
        answer (self, PS2_ACK);
        break;
    case COMMAND_ALL_KEYS_FIRST ... COMMAND_ALL_KEYS_LAST: answer (self, PS2_ACK); break;
    case COMMAND_RESEND: answer (self, self->queue.last); break;
    case COMMAND_RESET:
        ps2_keyboard_reset (self);
        answer (self, PS2_ACK);
        answer (self, PS2_TEST_OK);
        break;
    default: answer (self, PS2_RESEND); break;
    }
}

void
ps2_keyboard_write (struct ps2_keyboard *self, uint8_t byte)
{
    uint8_t command = self->command;

    /* A command in place of a parameter is that command. */
    self->command = 0;
    if (command && byte < COMMAND_LEDS)
        write_parameter (self, command, byte);
    else
        write_command (self, byte);
}
