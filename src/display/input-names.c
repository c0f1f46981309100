/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of keys and the keys that type characters. Both tables are for the US layout of a full PC
 * keyboard. A key has the name QEMU's monitor gives it, that of Linux' input-event-codes.h without
 * KEY_ (which virsh accepts with it), and what people write.
 */
#include <errno.h>
#include <linux/input-event-codes.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "display/input.h"

#define MAX_CHORD 8
#define MAX_NAME  31

struct key_name {
    const char *name;
    unsigned code;
};

static const struct key_name key_names[] = {
    /* clang-format off */
    {"esc", KEY_ESC}, {"escape", KEY_ESC},
    {"f1", KEY_F1}, {"f2", KEY_F2}, {"f3", KEY_F3}, {"f4", KEY_F4}, {"f5", KEY_F5}, {"f6", KEY_F6},
    {"f7", KEY_F7}, {"f8", KEY_F8}, {"f9", KEY_F9}, {"f10", KEY_F10}, {"f11", KEY_F11},
    {"f12", KEY_F12}, {"f13", KEY_F13}, {"f14", KEY_F14}, {"f15", KEY_F15}, {"f16", KEY_F16},
    {"f17", KEY_F17}, {"f18", KEY_F18}, {"f19", KEY_F19}, {"f20", KEY_F20}, {"f21", KEY_F21},
    {"f22", KEY_F22}, {"f23", KEY_F23}, {"f24", KEY_F24},
    {"print", KEY_SYSRQ}, {"sysrq", KEY_SYSRQ}, {"prtsc", KEY_SYSRQ},
    {"scroll_lock", KEY_SCROLLLOCK}, {"scrolllock", KEY_SCROLLLOCK},
    {"pause", KEY_PAUSE}, {"break", KEY_PAUSE},
    {"grave_accent", KEY_GRAVE}, {"grave", KEY_GRAVE}, {"`", KEY_GRAVE},
    {"1", KEY_1}, {"2", KEY_2}, {"3", KEY_3}, {"4", KEY_4}, {"5", KEY_5}, {"6", KEY_6},
    {"7", KEY_7}, {"8", KEY_8}, {"9", KEY_9}, {"0", KEY_0},
    {"minus", KEY_MINUS}, {"equal", KEY_EQUAL}, {"=", KEY_EQUAL},
    {"backspace", KEY_BACKSPACE},
    {"tab", KEY_TAB},
    {"q", KEY_Q}, {"w", KEY_W}, {"e", KEY_E}, {"r", KEY_R}, {"t", KEY_T}, {"y", KEY_Y},
    {"u", KEY_U}, {"i", KEY_I}, {"o", KEY_O}, {"p", KEY_P}, {"a", KEY_A}, {"s", KEY_S},
    {"d", KEY_D}, {"f", KEY_F}, {"g", KEY_G}, {"h", KEY_H}, {"j", KEY_J}, {"k", KEY_K},
    {"l", KEY_L}, {"z", KEY_Z}, {"x", KEY_X}, {"c", KEY_C}, {"v", KEY_V}, {"b", KEY_B},
    {"n", KEY_N}, {"m", KEY_M},
    {"bracket_left", KEY_LEFTBRACE}, {"leftbrace", KEY_LEFTBRACE}, {"[", KEY_LEFTBRACE},
    {"bracket_right", KEY_RIGHTBRACE}, {"rightbrace", KEY_RIGHTBRACE}, {"]", KEY_RIGHTBRACE},
    {"backslash", KEY_BACKSLASH}, {"\\", KEY_BACKSLASH},
    {"caps_lock", KEY_CAPSLOCK}, {"capslock", KEY_CAPSLOCK},
    {"semicolon", KEY_SEMICOLON}, {";", KEY_SEMICOLON},
    {"apostrophe", KEY_APOSTROPHE}, {"'", KEY_APOSTROPHE},
    {"ret", KEY_ENTER}, {"enter", KEY_ENTER}, {"return", KEY_ENTER},
    {"shift", KEY_LEFTSHIFT}, {"shift_l", KEY_LEFTSHIFT}, {"leftshift", KEY_LEFTSHIFT},
    {"shift_r", KEY_RIGHTSHIFT}, {"rightshift", KEY_RIGHTSHIFT},
    {"less", KEY_102ND}, {"102nd", KEY_102ND},
    {"comma", KEY_COMMA}, {",", KEY_COMMA}, {"dot", KEY_DOT}, {".", KEY_DOT},
    {"slash", KEY_SLASH}, {"/", KEY_SLASH},
    {"ctrl", KEY_LEFTCTRL}, {"ctrl_l", KEY_LEFTCTRL}, {"leftctrl", KEY_LEFTCTRL},
    {"control", KEY_LEFTCTRL}, {"ctrl_r", KEY_RIGHTCTRL}, {"rightctrl", KEY_RIGHTCTRL},
    {"alt", KEY_LEFTALT}, {"alt_l", KEY_LEFTALT}, {"leftalt", KEY_LEFTALT},
    {"alt_r", KEY_RIGHTALT}, {"rightalt", KEY_RIGHTALT}, {"altgr", KEY_RIGHTALT},
    {"meta_l", KEY_LEFTMETA}, {"leftmeta", KEY_LEFTMETA}, {"meta", KEY_LEFTMETA},
    {"super", KEY_LEFTMETA}, {"win", KEY_LEFTMETA},
    {"meta_r", KEY_RIGHTMETA}, {"rightmeta", KEY_RIGHTMETA},
    {"menu", KEY_COMPOSE}, {"compose", KEY_COMPOSE},
    {"spc", KEY_SPACE}, {"space", KEY_SPACE},
    {"insert", KEY_INSERT}, {"ins", KEY_INSERT}, {"delete", KEY_DELETE}, {"del", KEY_DELETE},
    {"home", KEY_HOME}, {"end", KEY_END},
    {"pgup", KEY_PAGEUP}, {"pageup", KEY_PAGEUP}, {"pgdn", KEY_PAGEDOWN},
    {"pagedown", KEY_PAGEDOWN},
    {"up", KEY_UP}, {"down", KEY_DOWN}, {"left", KEY_LEFT}, {"right", KEY_RIGHT},
    {"num_lock", KEY_NUMLOCK}, {"numlock", KEY_NUMLOCK},
    {"kp_divide", KEY_KPSLASH}, {"kpslash", KEY_KPSLASH},
    {"kp_multiply", KEY_KPASTERISK}, {"kpasterisk", KEY_KPASTERISK}, {"asterisk", KEY_KPASTERISK},
    {"kp_subtract", KEY_KPMINUS}, {"kpminus", KEY_KPMINUS},
    {"kp_add", KEY_KPPLUS}, {"kpplus", KEY_KPPLUS},
    {"kp_enter", KEY_KPENTER}, {"kpenter", KEY_KPENTER},
    {"kp_decimal", KEY_KPDOT}, {"kpdot", KEY_KPDOT},
    {"kp_comma", KEY_KPCOMMA}, {"kpcomma", KEY_KPCOMMA},
    {"kp_equals", KEY_KPEQUAL}, {"kpequal", KEY_KPEQUAL},
    {"kp_0", KEY_KP0}, {"kp_1", KEY_KP1}, {"kp_2", KEY_KP2}, {"kp_3", KEY_KP3},
    {"kp_4", KEY_KP4}, {"kp_5", KEY_KP5}, {"kp_6", KEY_KP6}, {"kp_7", KEY_KP7},
    {"kp_8", KEY_KP8}, {"kp_9", KEY_KP9},
    {"kp0", KEY_KP0}, {"kp1", KEY_KP1}, {"kp2", KEY_KP2}, {"kp3", KEY_KP3}, {"kp4", KEY_KP4},
    {"kp5", KEY_KP5}, {"kp6", KEY_KP6}, {"kp7", KEY_KP7}, {"kp8", KEY_KP8}, {"kp9", KEY_KP9},
    {"ro", KEY_RO}, {"yen", KEY_YEN}, {"henkan", KEY_HENKAN}, {"muhenkan", KEY_MUHENKAN},
    {"katakanahiragana", KEY_KATAKANAHIRAGANA}, {"hiragana", KEY_HIRAGANA},
    {"katakana", KEY_KATAKANA}, {"lang1", KEY_HANGEUL}, {"hangeul", KEY_HANGEUL},
    {"lang2", KEY_HANJA}, {"hanja", KEY_HANJA},
    {"power", KEY_POWER}, {"sleep", KEY_SLEEP}, {"wake", KEY_WAKEUP}, {"wakeup", KEY_WAKEUP},
    {"audiomute", KEY_MUTE}, {"mute", KEY_MUTE}, {"volumedown", KEY_VOLUMEDOWN},
    {"volumeup", KEY_VOLUMEUP}, {"audionext", KEY_NEXTSONG}, {"nextsong", KEY_NEXTSONG},
    {"audioprev", KEY_PREVIOUSSONG}, {"previoussong", KEY_PREVIOUSSONG},
    {"audiostop", KEY_STOPCD}, {"stopcd", KEY_STOPCD}, {"audioplay", KEY_PLAYPAUSE},
    {"playpause", KEY_PLAYPAUSE}, {"mediaselect", KEY_MEDIA}, {"media", KEY_MEDIA},
    {"mail", KEY_MAIL}, {"calculator", KEY_CALC}, {"calc", KEY_CALC}, {"computer", KEY_COMPUTER},
    {"ac_home", KEY_HOMEPAGE}, {"homepage", KEY_HOMEPAGE}, {"ac_back", KEY_BACK}, {"back", KEY_BACK},
    {"ac_forward", KEY_FORWARD}, {"forward", KEY_FORWARD}, {"ac_refresh", KEY_REFRESH},
    {"refresh", KEY_REFRESH}, {"ac_bookmarks", KEY_BOOKMARKS}, {"bookmarks", KEY_BOOKMARKS},
    {"stop", KEY_STOP}, {"again", KEY_AGAIN}, {"props", KEY_PROPS}, {"undo", KEY_UNDO},
    {"front", KEY_FRONT}, {"copy", KEY_COPY}, {"open", KEY_OPEN}, {"paste", KEY_PASTE},
    {"find", KEY_FIND}, {"cut", KEY_CUT}, {"lf", KEY_LINEFEED}, {"linefeed", KEY_LINEFEED},
    {"help", KEY_HELP},
    /* clang-format on */
};

static int
code_of_name (const char *name, unsigned *ret_code)
{
    if (strncasecmp (name, "KEY_", 4) == 0)
        name += 4;
    for (size_t i = 0; i < ARRAY_LENGTH (key_names); i++) {
        if (strcasecmp (key_names[i].name, name) == 0) {
            *ret_code = key_names[i].code;
            return 0;
        }
    }
    return -EINVAL;
}

int
input_parse_chord (const char *text, unsigned ret_codes[8])
{
    unsigned codes[MAX_CHORD];
    int n_codes = 0;

    for (;;) {
        size_t length = strcspn (text, "-");
        char name[MAX_NAME + 1];

        if (length == 0 || length > MAX_NAME || n_codes == MAX_CHORD)
            return -EINVAL;
        memcpy (name, text, length);
        name[length] = '\0';
        if (code_of_name (name, &codes[n_codes]) < 0)
            return -EINVAL;
        n_codes++;
        if (text[length] == '\0')
            break;
        text += length + 1;
    }
    memcpy (ret_codes, codes, (size_t) n_codes * sizeof codes[0]);
    return n_codes;
}

/* Keys with their plain and shifted characters. */
static const struct {
    unsigned code;
    char plain, shifted; /* 0: types nothing */
} character_keys[] = {
    /* clang-format off */
    {KEY_GRAVE, '`', '~'}, {KEY_1, '1', '!'}, {KEY_2, '2', '@'}, {KEY_3, '3', '#'},
    {KEY_4, '4', '$'}, {KEY_5, '5', '%'}, {KEY_6, '6', '^'}, {KEY_7, '7', '&'},
    {KEY_8, '8', '*'}, {KEY_9, '9', '('}, {KEY_0, '0', ')'}, {KEY_MINUS, '-', '_'},
    {KEY_EQUAL, '=', '+'}, {KEY_Q, 'q', 'Q'}, {KEY_W, 'w', 'W'}, {KEY_E, 'e', 'E'},
    {KEY_R, 'r', 'R'}, {KEY_T, 't', 'T'}, {KEY_Y, 'y', 'Y'}, {KEY_U, 'u', 'U'},
    {KEY_I, 'i', 'I'}, {KEY_O, 'o', 'O'}, {KEY_P, 'p', 'P'}, {KEY_LEFTBRACE, '[', '{'},
    {KEY_RIGHTBRACE, ']', '}'}, {KEY_BACKSLASH, '\\', '|'}, {KEY_A, 'a', 'A'},
    {KEY_S, 's', 'S'}, {KEY_D, 'd', 'D'}, {KEY_F, 'f', 'F'}, {KEY_G, 'g', 'G'},
    {KEY_H, 'h', 'H'}, {KEY_J, 'j', 'J'}, {KEY_K, 'k', 'K'}, {KEY_L, 'l', 'L'},
    {KEY_SEMICOLON, ';', ':'}, {KEY_APOSTROPHE, '\'', '"'}, {KEY_Z, 'z', 'Z'},
    {KEY_X, 'x', 'X'}, {KEY_C, 'c', 'C'}, {KEY_V, 'v', 'V'}, {KEY_B, 'b', 'B'},
    {KEY_N, 'n', 'N'}, {KEY_M, 'm', 'M'}, {KEY_COMMA, ',', '<'}, {KEY_DOT, '.', '>'},
    {KEY_SLASH, '/', '?'}, {KEY_SPACE, ' ', 0}, {KEY_ENTER, '\n', 0}, {KEY_ENTER, '\r', 0},
    {KEY_TAB, '\t', 0}, {KEY_BACKSPACE, '\b', 0}, {KEY_ESC, '\033', 0},
    /* clang-format on */
};

int
input_code_of_character (char character, unsigned *ret_code, bool *ret_shift)
{
    if (character == 0)
        return -EINVAL;
    for (size_t i = 0; i < ARRAY_LENGTH (character_keys); i++) {
        bool shift = character_keys[i].shifted == character;

        if (!shift && character_keys[i].plain != character)
            continue;
        *ret_code = character_keys[i].code;
        *ret_shift = shift;
        return 0;
    }
    return -EINVAL;
}
