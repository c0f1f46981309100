/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/console-keyboard.h"

#include <linux/input-event-codes.h>

#include "console/console-keymap.h"
#include "mock-display.h"

#define CTRL  (KEY_LEFTCTRL + 8)
#define ALT   (KEY_LEFTALT + 8)
#define SHIFT (KEY_LEFTSHIFT + 8)

typedef struct {
    ConsoleKeyboard *keyboard;
    MockDisplay *display;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
    static const guint keys[] = {KEY_LEFTCTRL, KEY_LEFTALT};

    f->display = mock_display_new (640, 480);
    f->keyboard = console_keyboard_new ();
    console_keyboard_set_release_keys (f->keyboard, keys, 2);
    console_keyboard_set_display (f->keyboard, POSADA_DISPLAY (f->display));
    g_free (mock_display_take (f->display));
}

static void
tear_down (Fixture *f, gconstpointer data)
{
    console_keyboard_free (f->keyboard);
    g_assert_finalize_object (f->display);
}

static void
assert_record (Fixture *f, const char *expected)
{
    g_autofree char *record = mock_display_take (f->display);

    g_assert_cmpstr (record, ==, expected);
}

static void
press (Fixture *f, guint keycode, guint keyval, GdkModifierType state)
{
    console_keyboard_press (f->keyboard, keycode, keyval, state, FALSE);
}

static void
sends_hardware_codes (Fixture *f, gconstpointer data)
{
    /* The key right of Tab on a French keyboard. */
    press (f, KEY_Q + 8, GDK_KEY_a, 0);
    g_assert_false (console_keyboard_release (f->keyboard, KEY_Q + 8));
    assert_record (f, "key 16 down\nkey 16 up\n");
}

static void
leaves_repeats_to_the_guest (Fixture *f, gconstpointer data)
{
    for (int i = 0; i < 5; i++)
        press (f, KEY_A + 8, GDK_KEY_a, 0);
    console_keyboard_release (f->keyboard, KEY_A + 8);
    console_keyboard_release (f->keyboard, KEY_A + 8);
    assert_record (f, "key 30 down\nkey 30 up\n");
}

static void
ignores_codes_of_no_key (Fixture *f, gconstpointer data)
{
    press (f, 0, GDK_KEY_a, 0);
    press (f, 8, GDK_KEY_a, 0);
    press (f, 70000, GDK_KEY_a, 0);
    assert_record (f, "");
}

static void
finds_the_combination (Fixture *f, gconstpointer data)
{
    press (f, CTRL, GDK_KEY_Control_L, 0);
    press (f, ALT, GDK_KEY_Alt_L, GDK_CONTROL_MASK);
    g_assert_true (console_keyboard_release (f->keyboard, ALT));
    g_assert_false (console_keyboard_release (f->keyboard, CTRL));
    press (f, ALT, GDK_KEY_Alt_L, 0);
    press (f, CTRL, GDK_KEY_Meta_L, GDK_ALT_MASK);
    g_assert_true (console_keyboard_release (f->keyboard, ALT));
}

static void
leaves_longer_combinations_to_the_guest (Fixture *f, gconstpointer data)
{
    press (f, CTRL, GDK_KEY_Control_L, 0);
    press (f, ALT, GDK_KEY_Alt_L, GDK_CONTROL_MASK);
    press (f, KEY_DELETE + 8, GDK_KEY_Delete, GDK_CONTROL_MASK | GDK_ALT_MASK);
    g_assert_false (console_keyboard_release (f->keyboard, KEY_DELETE + 8));
    g_assert_false (console_keyboard_release (f->keyboard, ALT));
    g_assert_false (console_keyboard_release (f->keyboard, CTRL));
    assert_record (f, "key 29 down\nkey 56 down\nkey 111 down\n"
                      "key 111 up\nkey 56 up\nkey 29 up\n");
}

static void
a_lost_key_does_not_lock_the_user_in (Fixture *f, gconstpointer data)
{
    press (f, KEY_A + 8, GDK_KEY_a, 0);
    press (f, CTRL, GDK_KEY_Control_L, 0);
    press (f, ALT, GDK_KEY_Alt_L, GDK_CONTROL_MASK);
    g_assert_true (console_keyboard_release (f->keyboard, CTRL));
}

static void
takes_another_combination (Fixture *f, gconstpointer data)
{
    guint codes[4];
    g_autofree char *label = NULL;

    g_assert_cmpuint (console_keymap_parse ("right-ctrl", codes, 4), ==, 1);
    console_keyboard_set_release_keys (f->keyboard, codes, 1);
    label = console_keymap_to_label (codes, 1);
    g_assert_cmpstr (label, ==, "Right Ctrl");
    press (f, CTRL, GDK_KEY_Control_L, 0);
    press (f, ALT, GDK_KEY_Alt_L, GDK_CONTROL_MASK);
    g_assert_false (console_keyboard_release (f->keyboard, ALT));
    g_assert_false (console_keyboard_release (f->keyboard, CTRL));
    press (f, KEY_RIGHTCTRL + 8, GDK_KEY_Control_R, 0);
    g_assert_true (console_keyboard_release (f->keyboard, KEY_RIGHTCTRL + 8));
    g_assert_cmpuint (console_keymap_parse ("ctrl+banana", codes, 4), ==, 0);
    g_assert_cmpuint (console_keymap_parse ("", codes, 4), ==, 0);
    g_assert_cmpuint (console_keymap_parse (NULL, codes, 4), ==, 0);
    g_assert_cmpuint (console_keymap_parse ("ctrl+alt+shift", codes, 2), ==, 0);
}

static void
releases_everything (Fixture *f, gconstpointer data)
{
    press (f, SHIFT, GDK_KEY_Shift_L, 0);
    press (f, KEY_A + 8, GDK_KEY_A, GDK_SHIFT_MASK);
    g_free (mock_display_take (f->display));
    console_keyboard_release_all (f->keyboard);
    assert_record (f, "release\n");
    /* Going up later is no news, going down again is. */
    console_keyboard_release (f->keyboard, KEY_A + 8);
    assert_record (f, "");
    press (f, KEY_A + 8, GDK_KEY_a, 0);
    assert_record (f, "key 30 down\n");
}

/* Alt went up in the window that Alt+Tab led to. */
static void
drops_modifiers_the_host_does_not_have (Fixture *f, gconstpointer data)
{
    press (f, ALT, GDK_KEY_Alt_L, 0);
    press (f, KEY_A + 8, GDK_KEY_a, 0);
    assert_record (f, "key 56 down\nkey 56 up\nkey 30 down\n");
}

/* Ctrl and Alt exchanged on the host: the key that went down as Alt is an Alt to the host. */
static void
keeps_remapped_modifiers (Fixture *f, gconstpointer data)
{
    press (f, CTRL, GDK_KEY_Alt_L, 0);
    press (f, KEY_A + 8, GDK_KEY_a, GDK_ALT_MASK);
    assert_record (f, "key 29 down\nkey 30 down\n");
}

/* On-screen keyboards send any code with the symbol that is meant. */
static void
takes_symbols_of_foreign_keyboards (Fixture *f, gconstpointer data)
{
    console_keyboard_press (f->keyboard, 9, GDK_KEY_A, 0, TRUE);
    console_keyboard_release (f->keyboard, 9);
    console_keyboard_press (f->keyboard, 10, GDK_KEY_Return, 0, TRUE);
    console_keyboard_release (f->keyboard, 10);
    console_keyboard_press (f->keyboard, 11, GDK_KEY_Cyrillic_a, 0, TRUE);
    console_keyboard_release (f->keyboard, 11);
    assert_record (f, "key 42 down\nkey 30 down\nkey 30 up\nkey 42 up\nkey 28 down\nkey 28 up\n");
}

static void
changes_display_with_keys_up (Fixture *f, gconstpointer data)
{
    press (f, KEY_A + 8, GDK_KEY_a, 0);
    g_free (mock_display_take (f->display));
    console_keyboard_set_display (f->keyboard, NULL);
    assert_record (f, "release\n");
    press (f, KEY_B + 8, GDK_KEY_b, 0);
    assert_record (f, "");
}

static void
wait_for_typing (Fixture *f)
{
    while (console_keyboard_is_typing (f->keyboard))
        g_main_context_iteration (NULL, TRUE);
}

static void
types_text (Fixture *f, gconstpointer data)
{
    g_assert_cmpuint (console_keyboard_type_text (f->keyboard, "aB\r\né"), ==, 1);
    wait_for_typing (f);
    assert_record (f, "key 30 down\nkey 30 up\n"
                      "key 42 down\nkey 48 down\nkey 48 up\nkey 42 up\n"
                      "key 28 down\nkey 28 up\n");
}

static void
sends_combinations_in_order (Fixture *f, gconstpointer data)
{
    static const guint keys[] = {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F2};

    console_keyboard_send_keys (f->keyboard, keys, 3);
    wait_for_typing (f);
    assert_record (f, "key 29 down\nkey 56 down\nkey 60 down\n"
                      "key 60 up\nkey 56 up\nkey 29 up\n");
}

static void
typing_ends_with_the_display (Fixture *f, gconstpointer data)
{
    console_keyboard_type_text (f->keyboard, "long text");
    console_keyboard_set_display (f->keyboard, NULL);
    g_assert_false (console_keyboard_is_typing (f->keyboard));
}

/* Every character a US keyboard has is made by the key that prints it. */
static void
knows_all_of_ascii (void)
{
    gboolean seen[KEY_CNT][2] = {0};
    gboolean shift;
    guint code;

    for (gunichar c = ' '; c <= '~'; c++) {
        g_assert_true (console_keymap_find_character (c, &code, &shift));
        g_assert_false (seen[code][shift]);
        seen[code][shift] = TRUE;
    }
    console_keymap_find_character ('0', &code, &shift);
    g_assert_cmpuint (code, ==, KEY_0);
    console_keymap_find_character ('?', &code, &shift);
    g_assert_cmpuint (code, ==, KEY_SLASH);
    g_assert_true (shift);
    console_keymap_find_character ('~', &code, &shift);
    g_assert_cmpuint (code, ==, KEY_GRAVE);
    console_keymap_find_character ('|', &code, &shift);
    g_assert_cmpuint (code, ==, KEY_BACKSLASH);
    console_keymap_find_character ('m', &code, &shift);
    g_assert_cmpuint (code, ==, KEY_M);
    g_assert_false (console_keymap_find_character (0x7f, &code, &shift));
    g_assert_false (console_keymap_find_character (0, &code, &shift));
}

#define ADD(name_, function_) \
    g_test_add ("/keyboard/" name_, Fixture, NULL, set_up, function_, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("sends-hardware-codes", sends_hardware_codes);
    ADD ("leaves-repeats-to-the-guest", leaves_repeats_to_the_guest);
    ADD ("ignores-codes-of-no-key", ignores_codes_of_no_key);
    ADD ("finds-the-combination", finds_the_combination);
    ADD ("leaves-longer-combinations-to-the-guest", leaves_longer_combinations_to_the_guest);
    ADD ("a-lost-key-does-not-lock-the-user-in", a_lost_key_does_not_lock_the_user_in);
    ADD ("takes-another-combination", takes_another_combination);
    ADD ("releases-everything", releases_everything);
    ADD ("drops-modifiers-the-host-does-not-have", drops_modifiers_the_host_does_not_have);
    ADD ("keeps-remapped-modifiers", keeps_remapped_modifiers);
    ADD ("takes-symbols-of-foreign-keyboards", takes_symbols_of_foreign_keyboards);
    ADD ("changes-display-with-keys-up", changes_display_with_keys_up);
    ADD ("types-text", types_text);
    ADD ("sends-combinations-in-order", sends_combinations_in_order);
    ADD ("typing-ends-with-the-display", typing_ends_with_the_display);
    g_test_add_func ("/keyboard/knows-all-of-ascii", knows_all_of_ascii);
    return g_test_run ();
}
