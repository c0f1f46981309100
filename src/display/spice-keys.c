/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/spice-keys.h"

#include <linux/input-event-codes.h>

#include "base/util.h"

#define RELEASED  0x80
#define EXTENDED  0x100
#define LAST_SAME KEY_F12 /* up to here most keys have their scan code's number */

/* Keys whose number is not that of their scan code. */
static const struct {
    uint16_t code; /* | EXTENDED */
    uint16_t key;
} others[] = {
    {0x059, KEY_KPEQUAL},      {0x05C, KEY_KPJPCOMMA},
    {0x064, KEY_F13},          {0x065, KEY_F14},
    {0x066, KEY_F15},          {0x067, KEY_F16},
    {0x068, KEY_F17},          {0x069, KEY_F18},
    {0x06A, KEY_F19},          {0x06B, KEY_F20},
    {0x06C, KEY_F21},          {0x06D, KEY_F22},
    {0x06E, KEY_F23},          {0x070, KEY_KATAKANAHIRAGANA},
    {0x073, KEY_RO},           {0x076, KEY_ZENKAKUHANKAKU},
    {0x077, KEY_HIRAGANA},     {0x078, KEY_KATAKANA},
    {0x079, KEY_HENKAN},       {0x07B, KEY_MUHENKAN},
    {0x07D, KEY_YEN},          {0x07E, KEY_KPCOMMA},
    {0x110, KEY_PREVIOUSSONG}, {0x119, KEY_NEXTSONG},
    {0x11C, KEY_KPENTER},      {0x11D, KEY_RIGHTCTRL},
    {0x120, KEY_MUTE},         {0x121, KEY_CALC},
    {0x122, KEY_PLAYPAUSE},    {0x124, KEY_STOPCD},
    {0x12E, KEY_VOLUMEDOWN},   {0x130, KEY_VOLUMEUP},
    {0x132, KEY_HOMEPAGE},     {0x135, KEY_KPSLASH},
    {0x137, KEY_SYSRQ},        {0x138, KEY_RIGHTALT},
    {0x147, KEY_HOME},         {0x148, KEY_UP},
    {0x149, KEY_PAGEUP},       {0x14B, KEY_LEFT},
    {0x14D, KEY_RIGHT},        {0x14F, KEY_END},
    {0x150, KEY_DOWN},         {0x151, KEY_PAGEDOWN},
    {0x152, KEY_INSERT},       {0x153, KEY_DELETE},
    {0x15B, KEY_LEFTMETA},     {0x15C, KEY_RIGHTMETA},
    {0x15D, KEY_COMPOSE},      {0x15E, KEY_POWER},
    {0x15F, KEY_SLEEP},        {0x163, KEY_WAKEUP},
    {0x165, KEY_SEARCH},       {0x166, KEY_BOOKMARKS},
    {0x167, KEY_REFRESH},      {0x168, KEY_STOP},
    {0x169, KEY_FORWARD},      {0x16A, KEY_BACK},
    {0x16B, KEY_COMPUTER},     {0x16C, KEY_MAIL},
    {0x16D, KEY_MEDIA},
};

/* Whether key and scan code have the same number. 84 is a key that printed when Alt was down, 85
 * was never used. */
static bool
is_same (unsigned number)
{
    return number && number <= LAST_SAME && number != 84 && number != KEY_ZENKAKUHANKAKU;
}

static unsigned
find_key (unsigned code)
{
    if (is_same (code))
        return code;
    for (size_t i = 0; i < ARRAY_LENGTH (others); i++)
        if (others[i].code == code)
            return others[i].key;
    return code == 84 ? KEY_SYSRQ : code == (0x46 | EXTENDED) ? KEY_PAUSE : 0;
}

bool
spice_key_decode (struct spice_key_decoder *self, uint8_t byte, unsigned *ret_key, bool *ret_down)
{
    unsigned code = byte & ~RELEASED, key;

    if (byte == 0xE0 || byte == 0xE1) {
        *self = (struct spice_key_decoder) {.prefix = byte};
        return false;
    }
    if (self->prefix == 0xE1 && ++self->pause_bytes < 2)
        return false;
    if (self->prefix == 0xE1)
        key = code == 0x45 ? KEY_PAUSE : 0;
    else
        key = find_key (self->prefix ? code | EXTENDED : code);
    *self = (struct spice_key_decoder) {0};
    if (!key)
        return false;
    *ret_key = key;
    *ret_down = !(byte & RELEASED);
    return true;
}

unsigned
spice_key_encode (unsigned key)
{
    if (is_same (key))
        return key;
    for (size_t i = 0; i < ARRAY_LENGTH (others); i++)
        if (others[i].key == key)
            return others[i].code;
    return 0;
}
