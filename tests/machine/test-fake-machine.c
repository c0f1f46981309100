/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "machine/posada-fake-machine.h"

#include <linux/input-event-codes.h>
#include <string.h>

#include "machine-test.h"

static void
walks_through_its_states (void)
{
    PosadaMachine *machine = posada_fake_machine_new ("Debian", "Debian 13");
    DexFuture *future;

    g_assert_cmpstr (posada_machine_get_os_name (machine), ==, "Debian 13");
    g_assert_true (g_uuid_string_is_valid (posada_machine_get_id (machine)));
    future = posada_machine_start (machine);
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_STARTING);
    g_assert_null (posada_machine_get_started_at (machine));
    expect_done (future);
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_RUNNING);
    g_assert_nonnull (posada_machine_get_started_at (machine));
    g_assert_nonnull (posada_machine_get_display (machine));
    expect_done (posada_machine_pause (machine));
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_PAUSED);
    expect_done (posada_machine_resume (machine));
    expect_done (posada_machine_reset (machine));
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_RUNNING);
    future = posada_machine_shut_down (machine);
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_STOPPING);
    expect_done (future);
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_OFF);
    g_assert_null (posada_machine_get_started_at (machine));
    g_assert_null (posada_machine_get_display (machine));
    assert_gone (machine);
}

static void
refuses_what_its_state_forbids (void)
{
    g_autoptr (PosadaMachine) machine = posada_fake_machine_new ("Debian", NULL);
    DexFuture *start;

    expect_error (posada_machine_pause (machine), POSADA_MACHINE_ERROR_WRONG_STATE, "Debian");
    expect_error (posada_machine_reset (machine), POSADA_MACHINE_ERROR_WRONG_STATE, "Off");
    expect_done (posada_machine_force_off (machine));
    start = posada_machine_start (machine);
    expect_error (posada_machine_shut_down (machine), POSADA_MACHINE_ERROR_WRONG_STATE, "Starting");
    expect_done (start);
    expect_done (posada_machine_pause (machine));
    expect_error (posada_machine_start (machine), POSADA_MACHINE_ERROR_WRONG_STATE, "Paused");
}

static void
starts_once_if_asked_twice (void)
{
    g_autoptr (PosadaMachine) machine = posada_fake_machine_new ("Debian", NULL);
    DexFuture *first = posada_machine_start (machine), *second = posada_machine_start (machine);

    expect_done (first);
    expect_done (second);
    expect_done (posada_machine_start (machine));
}

static void
force_off_ends_a_start (void)
{
    g_autoptr (PosadaMachine) machine = posada_fake_machine_new ("Debian", NULL);
    DexFuture *start = posada_machine_start (machine);

    expect_done (posada_machine_force_off (machine));
    expect_error (start, POSADA_MACHINE_ERROR_FAILED, "switched off");
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_OFF);
}

static void
fails_once_as_told (void)
{
    g_autoptr (PosadaMachine) machine = posada_fake_machine_new ("Debian", NULL);

    posada_fake_machine_fail_next (POSADA_FAKE_MACHINE (machine), "The disk is gone.");
    expect_error (posada_machine_start (machine), POSADA_MACHINE_ERROR_FAILED, "The disk is gone.");
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_OFF);
    g_assert_cmpstr (posada_machine_get_reason (machine), ==, "The disk is gone.");
    expect_done (posada_machine_start (machine));
    g_assert_null (posada_machine_get_reason (machine));
}

static void
rejects_what_is_under_way_when_it_goes (void)
{
    PosadaMachine *machine = posada_fake_machine_new ("Debian", NULL);
    DexFuture *start = posada_machine_start (machine);

    assert_gone (machine);
    expect_error (start, POSADA_MACHINE_ERROR_FAILED, "gone");
}

static void
count_cb (gpointer object, guint *count)
{
    ++*count;
}

static void
notify_cb (GObject *object, GParamSpec *pspec, guint *count)
{
    ++*count;
}

static void
tells_of_changes (void)
{
    g_autoptr (PosadaMachine) machine = posada_fake_machine_new ("Debian", NULL);
    guint states = 0, names = 0, samples = 0;

    g_signal_connect (machine, "notify::state", G_CALLBACK (notify_cb), &states);
    g_signal_connect (machine, "notify::name", G_CALLBACK (notify_cb), &names);
    g_signal_connect (machine, "sampled", G_CALLBACK (count_cb), &samples);
    expect_done (posada_machine_start (machine));
    expect_done (posada_machine_start (machine));
    g_assert_cmpuint (states, ==, 2);
    expect_done (posada_machine_rename (machine, "Other"));
    expect_done (posada_machine_rename (machine, "Other"));
    g_assert_cmpuint (names, ==, 1);
    g_assert_cmpstr (posada_machine_get_name (machine), ==, "Other");
    posada_fake_machine_age (POSADA_FAKE_MACHINE (machine), 3);
    g_assert_cmpuint (samples, ==, 3);
}

static void
remembers_a_minute (void)
{
    g_autoptr (PosadaMachine) machine = posada_fake_machine_new ("Debian", NULL);
    PosadaMachineSample sample = {0};
    const PosadaMachineSample *history;
    guint n;

    for (guint i = 0; i < POSADA_MACHINE_HISTORY + 5; i++) {
        sample.memory = i;
        posada_machine_add_sample (machine, &sample);
    }
    history = posada_machine_get_history (machine, &n);
    g_assert_cmpuint (n, ==, POSADA_MACHINE_HISTORY);
    g_assert_cmpuint (history[0].memory, ==, 5);
    g_assert_cmpuint (history[n - 1].memory, ==, POSADA_MACHINE_HISTORY + 4);
}

static void
wait_for_damage (PosadaDisplay *display)
{
    guint damaged = 0;
    gulong handler = g_signal_connect (display, "damaged", G_CALLBACK (count_cb), &damaged);

    posada_display_request_frame (display);
    while (damaged == 0)
        g_main_context_iteration (NULL, TRUE);
    g_assert_cmpuint (damaged, ==, 1);
    g_signal_handler_disconnect (display, handler);
}

static void
draws_a_moving_picture (void)
{
    g_autoptr (PosadaMachine) machine = posada_fake_machine_new ("Debian", NULL);
    g_autofree guint32 *pixels = NULL, *before = NULL;
    PosadaDisplay *display;
    PosadaRectangle damage;
    guint width, height;
    gsize size;

    expect_done (posada_machine_start (machine));
    display = posada_machine_get_display (machine);
    width = posada_display_get_width (display);
    height = posada_display_get_height (display);
    size = (gsize) width * height * 4;
    pixels = g_malloc0 (size);
    g_assert_true (posada_display_read_damage (display, pixels, width * 4, &damage));
    g_assert_cmpint (damage.width, ==, width);
    g_assert_cmpint (damage.height, ==, height);
    for (gsize i = 0; i < size / 4; i++)
        g_assert_cmphex (pixels[i] >> 24, ==, 0xff);
    g_assert_false (posada_display_read_damage (display, pixels, width * 4, &damage));

    before = g_memdup2 (pixels, size);
    wait_for_damage (display);
    g_assert_true (posada_display_read_damage (display, pixels, width * 4, &damage));
    g_assert_cmpint (damage.width, <, width);
    g_assert_cmpint (memcmp (before, pixels, size), !=, 0);

    posada_display_suggest_size (display, 640, 400);
    g_assert_cmpuint (posada_display_get_width (display), ==, 640);
    g_assert_true (posada_display_read_damage (display, pixels, 640 * 4, &damage));
    g_assert_cmpint (damage.height, ==, 400);
}

static void
takes_note_of_input (void)
{
    g_autoptr (PosadaMachine) machine = posada_fake_machine_new ("Debian", NULL);
    g_autoptr (PosadaDisplay) display = NULL;
    guint closed = 0;
    int x, y;

    expect_done (posada_machine_start (machine));
    display = g_object_ref (posada_machine_get_display (machine));
    g_assert_true (posada_display_get_absolute (display));
    g_signal_connect (display, "closed", G_CALLBACK (count_cb), &closed);
    posada_display_send_key (display, 30, TRUE);
    posada_display_send_absolute (display, 100, 99999, POSADA_BUTTON_LEFT);
    posada_display_send_relative (display, 5, -3, 0);
    posada_display_send_scroll (display, 0, POSADA_DISPLAY_CLICK);
    posada_display_send_touch (display, 9, TRUE, 1, 99999);
    posada_display_send_touch (display, 10, TRUE, 1, 2);
    posada_display_send_key (display, KEY_CAPSLOCK, TRUE);
    g_assert_cmpuint (posada_display_get_leds (display), ==, POSADA_LED_CAPS);
    g_assert_true (posada_display_get_cursor_position (display, &x, &y));
    g_assert_cmpint (x, ==, 3 + 5);
    g_assert_cmpint (y, ==, 767 - 3);
    g_assert_cmpuint (posada_display_get_cursor (display)->width, ==, 12);
    posada_display_release_all (display);
    expect_done (posada_machine_force_off (machine));
    g_assert_cmpuint (closed, ==, 1);
    posada_display_send_key (display, 31, TRUE);
    g_assert_cmpstr (posada_fake_machine_get_input (POSADA_FAKE_MACHINE (machine)), ==,
                     "key 30 down\nabs 100 32767 buttons 1\nrel 5 -3 buttons 0\nscroll 0 120\n"
                     "touch 9 down 1 32767\nkey 58 down\nrelease\n");
}

static const PosadaSnapshotData *
nth (PosadaMachine *machine, guint n)
{
    g_autoptr (PosadaSnapshot) snapshot =
        g_list_model_get_item (posada_machine_get_snapshots (machine), n);

    return posada_snapshot_get (snapshot);
}

static void
keeps_a_tree_of_snapshots (void)
{
    g_autoptr (PosadaMachine) machine = posada_fake_machine_new ("Debian", NULL);
    GListModel *list = posada_machine_get_snapshots (machine);
    g_autoptr (PosadaSnapshot) first = NULL;
    DexFuture *third;

    expect_done (posada_machine_take_snapshot (machine, "First", "a note"));
    expect_done (posada_machine_start (machine));
    expect_done (posada_machine_take_snapshot (machine, "Second", NULL));
    g_assert_cmpuint (g_list_model_get_n_items (list), ==, 2);
    first = g_list_model_get_item (list, 0);
    g_assert_cmpstr (nth (machine, 1)->parent, ==, nth (machine, 0)->id);
    g_assert_true (nth (machine, 1)->current && !nth (machine, 0)->current);
    g_assert_cmpint (nth (machine, 1)->kind, ==, POSADA_SNAPSHOT_RUNNING);
    expect_done (posada_machine_restore_snapshot (machine, first));
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_OFF);
    g_assert_true (nth (machine, 0)->current);
    expect_done (posada_machine_edit_snapshot (machine, first, "Other", NULL));
    g_assert_cmpstr (nth (machine, 0)->name, ==, "Other");
    expect_done (posada_machine_delete_snapshot (machine, first));
    g_assert_cmpuint (g_list_model_get_n_items (list), ==, 1);
    g_assert_null (nth (machine, 0)->parent);
    third = posada_machine_take_snapshot (machine, "Third", NULL);
    g_assert_cmpfloat (posada_machine_get_snapshot_progress (machine), >=, 0);
    expect_error (posada_machine_take_snapshot (machine, "Fourth", NULL),
                  POSADA_MACHINE_ERROR_WRONG_STATE, "Another");
    expect_done (posada_machine_cancel_snapshot (machine));
    expect_error (third, POSADA_MACHINE_ERROR_FAILED, "cancelled");
    g_assert_cmpuint (g_list_model_get_n_items (list), ==, 1);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    dex_init ();
#define ADD(name) g_test_add_func ("/fake-machine/" #name, name)
    ADD (walks_through_its_states);
    ADD (refuses_what_its_state_forbids);
    ADD (starts_once_if_asked_twice);
    ADD (force_off_ends_a_start);
    ADD (fails_once_as_told);
    ADD (rejects_what_is_under_way_when_it_goes);
    ADD (tells_of_changes);
    ADD (remembers_a_minute);
    ADD (draws_a_moving_picture);
    ADD (keeps_a_tree_of_snapshots);
    ADD (takes_note_of_input);
    return g_test_run ();
}
