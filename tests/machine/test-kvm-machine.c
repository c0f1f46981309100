/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What can be told of a machine of our own engine without KVM. */
#include "machine/posada-kvm-machine.h"

#include <glib/gstdio.h>
#include <linux/input-event-codes.h>
#include <unistd.h>

#include "machine-test.h"
#include "machine/posada-kvm-display.h"

#define MEMORY (G_GUINT64_CONSTANT (64) << 20)

static PosadaMachine *
make (const PosadaKvmDrive *cds, guint n_cds, const PosadaKvmDrive *disks, guint n_disks)
{
    PosadaKvmConfig config = {
        .name = (char *) "Debian",
        .memory = MEMORY,
        .cpus = 1,
        .cds = cds,
        .n_cds = n_cds,
        .disks = disks,
        .n_disks = n_disks,
    };

    return posada_kvm_machine_new (&config);
}

static void
settle (void)
{
    /* The size of disks is asked for elsewhere. */
    for (guint i = 0; i < 20; i++) {
        while (g_main_context_iteration (NULL, FALSE))
            continue;
        g_usleep (1000);
    }
}

static void
tells_what_it_is_made_of (void)
{
    char *path = g_build_filename (g_get_tmp_dir (), "posada-test-XXXXXX", NULL);
    int fd = g_mkstemp (path);
    PosadaKvmDrive disk = {.path = path};
    PosadaMachine *machine;

    g_assert_no_errno (ftruncate (fd, 12345 * 512));
    machine = make (NULL, 0, &disk, 1);
    g_assert_cmpstr (posada_machine_get_name (machine), ==, "Debian");
    g_assert_true (g_uuid_string_is_valid (posada_machine_get_id (machine)));
    g_assert_cmpuint (posada_machine_get_memory (machine), ==, MEMORY);
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_OFF);
    while (posada_machine_get_disk_size (machine) == 0)
        g_main_context_iteration (NULL, TRUE);
    g_assert_cmpuint (posada_machine_get_disk_size (machine), ==, 12345 * 512);
    assert_gone (machine);
    close (fd);
    unlink (path);
    g_free (path);
}

static void
names_the_image_that_is_missing (void)
{
    PosadaKvmDrive cd = {.path = (char *) "/nowhere/debian.iso"};
    PosadaKvmDrive disk = {.path = (char *) "/nowhere/debian.raw"};
    PosadaMachine *with_cd = make (&cd, 1, NULL, 0), *with_disk = make (NULL, 0, &disk, 1);
    DexFuture *start = posada_machine_start (with_cd);

    g_assert_cmpint (posada_machine_get_state (with_cd), ==, POSADA_MACHINE_STARTING);
    expect_error (start, POSADA_MACHINE_ERROR_FAILED, "/nowhere/debian.iso");
    g_assert_cmpint (posada_machine_get_state (with_cd), ==, POSADA_MACHINE_OFF);
    g_assert_nonnull (strstr (posada_machine_get_reason (with_cd), "/nowhere/debian.iso"));
    expect_error (posada_machine_start (with_disk), POSADA_MACHINE_ERROR_FAILED,
                  "/nowhere/debian.raw");
    settle ();
    assert_gone (with_cd);
    assert_gone (with_disk);
}

static void
refuses_what_its_state_forbids (void)
{
    g_autoptr (PosadaMachine) machine = make (NULL, 0, NULL, 0);

    expect_error (posada_machine_pause (machine), POSADA_MACHINE_ERROR_WRONG_STATE, "Debian");
    expect_error (posada_machine_resume (machine), POSADA_MACHINE_ERROR_WRONG_STATE, "Off");
    expect_error (posada_machine_reset (machine), POSADA_MACHINE_ERROR_WRONG_STATE, "Off");
    expect_done (posada_machine_shut_down (machine));
    expect_done (posada_machine_force_off (machine));
    settle ();
}

static void
takes_only_names_that_can_be_one (void)
{
    g_autoptr (PosadaMachine) machine = make (NULL, 0, NULL, 0);

    expect_done (posada_machine_rename (machine, " Other "));
    g_assert_cmpstr (posada_machine_get_name (machine), ==, "Other");
    expect_error (posada_machine_rename (machine, " "), POSADA_MACHINE_ERROR_FAILED, "name");
    expect_error (posada_machine_rename (machine, "a/b"), POSADA_MACHINE_ERROR_FAILED, "a/b");
    g_assert_cmpstr (posada_machine_get_name (machine), ==, "Other");
    settle ();
}

/* A display and an input with something behind them that is no machine. */
typedef struct {
    struct display *display;
    struct input *input;
    pthread_mutex_t lock;
    struct input_handler handler;
    guint32 pixels[64 * 32];
    guint refreshes;
    gboolean change; /* draw something upon the next refresh */
    GString *record;
    PosadaKvmScreen *screen;
    PosadaDisplay *watched;
    guint damaged;
} Rig;

static void
refresh (void *data)
{
    Rig *rig = data;

    rig->refreshes++;
    if (!rig->change)
        return;
    rig->change = FALSE;
    rig->pixels[3 * 64 + 5] = 0x123456;
    display_damage (rig->display, 5, 3, 2, 1);
}

static const struct display_source_ops source_ops = {.refresh = refresh};

static void
record_key (void *data, unsigned code, bool down)
{
    Rig *rig = data;

    pthread_mutex_lock (&rig->lock);
    g_string_append_printf (rig->record, "%u%c ", code, down ? '+' : '-');
    pthread_mutex_unlock (&rig->lock);
}

static void
record_absolute (void *data, unsigned x, unsigned y, int wheel, unsigned buttons)
{
    Rig *rig = data;

    pthread_mutex_lock (&rig->lock);
    g_string_append_printf (rig->record, "%u,%u,%d,%u ", x, y, wheel, buttons);
    pthread_mutex_unlock (&rig->lock);
}

static void
record_touch (void *data, unsigned finger, bool down, unsigned x, unsigned y)
{
    Rig *rig = data;

    pthread_mutex_lock (&rig->lock);
    g_string_append_printf (rig->record, "t%u%c%u,%u ", finger, down ? '+' : '-', x, y);
    pthread_mutex_unlock (&rig->lock);
}

static bool
always (void *data)
{
    return true;
}

static void
damaged_cb (PosadaDisplay *display, Rig *rig)
{
    rig->damaged++;
}

static void
show (Rig *rig, guint width, guint height)
{
    struct display_scanout scanout = {rig->pixels, width, height, 64 * 4};

    pthread_mutex_lock (&rig->lock);
    display_set_scanout (rig->display, width ? &scanout : NULL);
    pthread_mutex_unlock (&rig->lock);
}

static Rig *
rig_new (void)
{
    Rig *rig = g_new0 (Rig, 1);

    rig->record = g_string_new (NULL);
    pthread_mutex_init (&rig->lock, NULL);
    g_assert_cmpint (display_create (&rig->display), ==, 0);
    g_assert_cmpint (input_create (&rig->input), ==, 0);
    rig->handler = (struct input_handler) {
        .kinds = INPUT_KEYBOARD | INPUT_ABSOLUTE,
        .ready = always,
        .key = record_key,
        .absolute = record_absolute,
        .data = rig,
    };
    input_add_handler (rig->input, &rig->handler);
    display_set_source (rig->display, &source_ops, rig, &rig->lock);
    show (rig, 64, 32);
    rig->screen = posada_kvm_screen_new (rig->display, rig->input);
    rig->watched = posada_kvm_display_new (rig->screen);
    g_signal_connect (rig->watched, "damaged", G_CALLBACK (damaged_cb), rig);
    return rig;
}

static void
rig_free (Rig *rig)
{
    posada_kvm_display_close (POSADA_KVM_DISPLAY (rig->watched));
    posada_kvm_screen_free (rig->screen);
    assert_gone (rig->watched);
    display_clear_source (rig->display, rig);
    input_remove_handler (rig->input, &rig->handler);
    input_destroy (rig->input);
    display_destroy (rig->display);
    pthread_mutex_destroy (&rig->lock);
    g_string_free (rig->record, TRUE);
    g_free (rig);
}

static void
change (Rig *rig)
{
    pthread_mutex_lock (&rig->lock);
    rig->change = TRUE;
    pthread_mutex_unlock (&rig->lock);
}

static void
wait_for_input (Rig *rig, const char *end)
{
    gboolean there;

    do {
        g_usleep (1000);
        pthread_mutex_lock (&rig->lock);
        there = g_str_has_suffix (rig->record->str, end);
        pthread_mutex_unlock (&rig->lock);
    } while (!there);
}

static void
wait_for_frame (Rig *rig)
{
    guint before = rig->damaged;

    posada_display_request_frame (rig->watched);
    while (rig->damaged == before)
        g_main_context_iteration (NULL, TRUE);
}

static void
passes_on_pictures_and_damage (void)
{
    Rig *rig = rig_new ();
    guint32 pixels[64 * 32];
    PosadaRectangle damage;

    wait_for_frame (rig);
    g_assert_cmpuint (posada_display_get_width (rig->watched), ==, 64);
    g_assert_cmpuint (posada_display_get_height (rig->watched), ==, 32);
    g_assert_true (posada_display_get_absolute (rig->watched));
    g_assert_true (posada_display_read_damage (rig->watched, pixels, 64 * 4, &damage));
    g_assert_cmpint (damage.width, ==, 64);
    g_assert_cmpint (damage.height, ==, 32);
    g_assert_cmphex (pixels[0], ==, 0xff000000);
    g_assert_false (posada_display_read_damage (rig->watched, pixels, 64 * 4, &damage));

    change (rig);
    wait_for_frame (rig);
    g_assert_true (posada_display_read_damage (rig->watched, pixels, 64 * 4, &damage));
    g_assert_cmpint (damage.x, ==, 5);
    g_assert_cmpint (damage.y, ==, 3);
    g_assert_cmpint (damage.width, ==, 2);
    g_assert_cmpint (damage.height, ==, 1);
    g_assert_cmphex (pixels[3 * 64 + 5], ==, 0xff123456);
    posada_display_damage_all (rig->watched);
    wait_for_frame (rig);
    g_assert_true (posada_display_read_damage (rig->watched, pixels, 64 * 4, &damage));
    g_assert_cmpint (damage.height, ==, 32);
    rig_free (rig);
}

static void
follows_changes_of_size (void)
{
    Rig *rig = rig_new ();
    guint32 pixels[64 * 32];
    PosadaRectangle damage;

    wait_for_frame (rig);
    show (rig, 32, 16);
    /* The picture is another already, but nobody was told how large it is. */
    g_assert_false (posada_display_read_damage (rig->watched, pixels, 64 * 4, &damage));
    while (posada_display_get_width (rig->watched) != 32)
        g_main_context_iteration (NULL, TRUE);
    g_assert_true (posada_display_read_damage (rig->watched, pixels, 32 * 4, &damage));
    g_assert_cmpint (damage.width, ==, 32);
    g_assert_cmpint (damage.height, ==, 16);
    show (rig, 0, 0);
    while (posada_display_get_width (rig->watched) != 0)
        g_main_context_iteration (NULL, TRUE);
    g_assert_false (posada_display_read_damage (rig->watched, pixels, 0, &damage));
    rig_free (rig);
}

static void
count_cb (PosadaDisplay *display, guint *count)
{
    (*count)++;
}

static void
wait_for_count (const guint *count, guint least)
{
    while (*count < least)
        g_main_context_iteration (NULL, TRUE);
}

static void
shows_the_guests_cursor (void)
{
    Rig *rig = rig_new ();
    const uint32_t pixels[6] = {0x80402010, 0, 0, 0, 0, 0xffffffff};
    struct display_cursor picture = {.pixels = pixels, .width = 3, .height = 2, .hot_x = 2};
    const PosadaCursor *cursor;
    guint changed = 0, moved = 0;
    int x, y;

    g_signal_connect (rig->watched, "cursor-changed", G_CALLBACK (count_cb), &changed);
    g_signal_connect (rig->watched, "cursor-moved", G_CALLBACK (count_cb), &moved);
    wait_for_frame (rig);
    g_assert_null (posada_display_get_cursor (rig->watched));
    g_assert_false (posada_display_get_cursor_position (rig->watched, &x, &y));

    display_set_cursor (rig->display, &picture);
    wait_for_count (&changed, 1);
    cursor = posada_display_get_cursor (rig->watched);
    g_assert_cmpuint (cursor->width, ==, 3);
    g_assert_cmpint (cursor->hot_x, ==, 2);
    g_assert_cmphex (cursor->pixels[5], ==, 0xffffffff);
    display_move_cursor (rig->display, -1, 30, true);
    wait_for_count (&moved, 1);
    g_assert_true (posada_display_get_cursor_position (rig->watched, &x, &y));
    g_assert_cmpint (x, ==, -1);
    g_assert_cmpint (y, ==, 30);

    display_set_cursor (rig->display, &(struct display_cursor) {.hidden = true});
    wait_for_count (&changed, 2);
    g_assert_cmpuint (posada_display_get_cursor (rig->watched)->width, ==, 0);
    display_set_cursor (rig->display, NULL);
    wait_for_count (&changed, 3);
    g_assert_null (posada_display_get_cursor (rig->watched));
    rig_free (rig);
}

static void
tells_what_devices_take_and_show (void)
{
    Rig *rig = rig_new ();

    g_assert_false (posada_display_get_touch (rig->watched));
    rig->handler.kinds |= INPUT_TOUCH;
    rig->handler.touch = record_touch;
    input_set_leds (rig->input, INPUT_LED_CAPS);
    wait_for_frame (rig);
    while (!posada_display_get_touch (rig->watched)) {
        posada_display_request_frame (rig->watched);
        g_main_context_iteration (NULL, TRUE);
    }
    g_assert_cmpuint (posada_display_get_leds (rig->watched), ==, POSADA_LED_CAPS);
    posada_display_send_touch (rig->watched, 3, TRUE, 5, 6);
    posada_display_send_touch (rig->watched, 3, FALSE, 5, 6);
    wait_for_input (rig, "t3-5,6 ");
    g_assert_cmpstr (rig->record->str, ==, "t3+5,6 t3-5,6 ");
    rig_free (rig);
}

static void
asks_for_no_picture_by_itself (void)
{
    Rig *rig = rig_new ();

    settle ();
    g_assert_cmpuint (rig->refreshes, ==, 0);
    g_assert_cmpuint (rig->damaged, ==, 0);
    rig_free (rig);
}

static void
does_not_wait_for_the_device (void)
{
    Rig *rig = rig_new ();

    pthread_mutex_lock (&rig->lock);
    for (guint i = 0; i < 5000; i++) {
        posada_display_request_frame (rig->watched);
        posada_display_send_key (rig->watched, KEY_A, i % 2 == 0);
        posada_display_send_absolute (rig->watched, i, i, 0);
    }
    settle ();
    pthread_mutex_unlock (&rig->lock);
    wait_for_frame (rig);
    rig_free (rig);
}

static void
hands_on_input_in_order (void)
{
    Rig *rig = rig_new ();

    posada_display_send_key (rig->watched, KEY_A, TRUE);
    posada_display_send_absolute (rig->watched, 1, 2, 0);
    posada_display_send_absolute (rig->watched, 1, 2, POSADA_BUTTON_LEFT);
    posada_display_send_key (rig->watched, KEY_B, TRUE);
    posada_display_release_all (rig->watched);
    posada_display_send_key (rig->watched, KEY_C, TRUE);
    wait_for_input (rig, "46+ ");
    g_assert_true (g_str_has_prefix (rig->record->str, "30+ 1,2,0,0 1,2,0,1 48+ "));
    g_assert_nonnull (strstr (rig->record->str, "48+ 30- 48- "));
    posada_kvm_display_close (POSADA_KVM_DISPLAY (rig->watched));
    posada_display_send_key (rig->watched, KEY_D, TRUE);
    posada_kvm_screen_free (g_steal_pointer (&rig->screen));
    g_assert_true (g_str_has_suffix (rig->record->str, "46+ 46- "));
    rig_free (rig);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    dex_init ();
#define ADD(name) g_test_add_func ("/kvm-machine/" #name, name)
    ADD (tells_what_it_is_made_of);
    ADD (names_the_image_that_is_missing);
    ADD (refuses_what_its_state_forbids);
    ADD (takes_only_names_that_can_be_one);
    ADD (passes_on_pictures_and_damage);
    ADD (follows_changes_of_size);
    ADD (shows_the_guests_cursor);
    ADD (tells_what_devices_take_and_show);
    ADD (asks_for_no_picture_by_itself);
    ADD (does_not_wait_for_the_device);
    ADD (hands_on_input_in_order);
    return g_test_run ();
}
