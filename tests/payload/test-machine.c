/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Machines of the application's model on KVM. */
#include <glib/gstdio.h>
#include <linux/input-event-codes.h>

#include "machine/posada-clone.h"
#include "machine/posada-disk-care.h"
#include "machine/posada-disk-image.h"
#include "payload-machine.h"
#include "store/posada-file.h"

static PosadaMachine *
make (const char *rom, gboolean boot_menu)
{
    g_autofree char *path = rom ? g_build_filename (g_getenv ("POSADA_PAYLOADS"), rom, NULL) : NULL;
    PosadaKvmConfig config = {
        .name = (char *) "Payload",
        .memory = G_GUINT64_CONSTANT (64) << 20,
        .cpus = 1,
        .firmware = path,
        .boot_menu = boot_menu,
    };

    return posada_kvm_machine_new (&config);
}

/* The guest says "ready", and "byte XX" for what it is sent. */
static void
the_serial_line_leads_to_the_guest (void)
{
    g_autofree char *path = g_build_filename (g_getenv ("POSADA_PAYLOADS"), "talker.rom", NULL);
    PosadaKvmConfig config = {
        .name = (char *) "Payload",
        .memory = G_GUINT64_CONSTANT (64) << 20,
        .cpus = 1,
        .firmware = path,
        .serial = TRUE,
    };
    PosadaMachine *machine;
    PosadaSerial *serial;
    gboolean done = FALSE;

    if (lacks_kvm ())
        return;
    machine = posada_kvm_machine_new (&config);
    expect_done (posada_machine_start (machine));
    serial = g_object_ref (posada_machine_get_serial (machine));
    g_assert_true (posada_serial_send (serial, "x", 1));
    while (!done) {
        g_autoptr (GBytes) backlog = posada_serial_get_backlog (serial);
        const char *data = g_bytes_get_data (backlog, NULL);
        g_autofree char *text = g_strndup (data ? data : "", g_bytes_get_size (backlog));

        done = strstr (text, "ready\n") && strstr (text, "byte 78\n");
        if (!done)
            g_main_context_iteration (NULL, TRUE);
    }
    expect_done (posada_machine_force_off (machine));
    g_assert_null (posada_machine_get_serial (machine));
    g_assert_true (posada_serial_is_closed (serial));
    assert_gone (serial);
    assert_gone (machine);
}

static void
count_cb (gpointer object, guint *count)
{
    ++*count;
}

static void
starts_pauses_resumes_and_goes_off (void)
{
    PosadaMachine *machine;
    PosadaDisplay *display;
    const PosadaMachineSample *history;
    guint samples = 0, closed = 0, n;

    if (lacks_kvm ())
        return;
    machine = make ("spin.rom", FALSE);
    for (guint i = 0; i < 2; i++) {
        expect_done (posada_machine_start (machine));
        g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_RUNNING);
        display = g_object_ref (posada_machine_get_display (machine));
        g_signal_connect (display, "closed", G_CALLBACK (count_cb), &closed);
        expect_error (posada_machine_rename (machine, ""), POSADA_MACHINE_ERROR_FAILED, "name");
        expect_done (posada_machine_start (machine));
        expect_done (posada_machine_pause (machine));
        g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_PAUSED);
        expect_error (posada_machine_shut_down (machine), POSADA_MACHINE_ERROR_WRONG_STATE,
                      "Paused");
        expect_done (posada_machine_resume (machine));
        expect_done (posada_machine_reset (machine));
        g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_RUNNING);
        g_assert_nonnull (posada_machine_get_started_at (machine));
        if (i == 0) {
            g_signal_connect (machine, "sampled", G_CALLBACK (count_cb), &samples);
            while (samples == 0)
                g_main_context_iteration (NULL, TRUE);
            history = posada_machine_get_history (machine, &n);
            g_assert_cmpuint (n, ==, 1);
            g_assert_cmpfloat (history[0].cpu, >, 0);
            g_assert_cmpfloat (history[0].cpu, <=, 1);
        }
        expect_done (posada_machine_force_off (machine));
        g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_OFF);
        g_assert_null (posada_machine_get_display (machine));
        g_assert_cmpuint (closed, ==, i + 1);
        assert_gone (display);
    }
    assert_gone (machine);
}

static void
does_the_last_of_what_is_asked_at_once (void)
{
    PosadaMachine *machine;
    DexFuture *start, *pause, *resume;

    if (lacks_kvm ())
        return;
    machine = make ("spin.rom", FALSE);
    start = posada_machine_start (machine);
    expect_done (posada_machine_force_off (machine));
    expect_error (start, POSADA_MACHINE_ERROR_FAILED, "switched off");
    expect_done (posada_machine_start (machine));
    pause = posada_machine_pause (machine);
    resume = posada_machine_resume (machine);
    expect_done (pause);
    expect_done (resume);
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_RUNNING);
    expect_done (posada_machine_force_off (machine));
    assert_gone (machine);
}

static void
goes_off_when_its_guest_does (void)
{
    g_autoptr (PosadaMachine) machine = NULL;

    if (lacks_kvm ())
        return;
    machine = make ("typist.rom", FALSE);
    expect_done (posada_machine_start (machine));
    while (posada_machine_get_state (machine) == POSADA_MACHINE_RUNNING) {
        PosadaDisplay *display = posada_machine_get_display (machine);

        /* Until the guest listens. */
        posada_display_send_key (display, KEY_A, TRUE);
        posada_display_send_key (display, KEY_A, FALSE);
        g_main_context_iteration (NULL, FALSE);
        g_usleep (20000);
    }
    wait_for_state (machine, POSADA_MACHINE_OFF);
    g_assert_null (posada_machine_get_reason (machine));
}

static void
shuts_down_by_its_power_button (void)
{
    g_autoptr (PosadaMachine) machine = NULL;
    DexFuture *shut_down;

    if (lacks_kvm ())
        return;
    machine = make ("typist.rom", FALSE);
    expect_done (posada_machine_start (machine));
    shut_down = posada_machine_shut_down (machine);
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_STOPPING);
    expect_done (shut_down);
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_OFF);
}

/* A machine of a store, with the distribution's firmware and nothing to boot. */
static PosadaMachine *
make_kept (PosadaStore *store)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PosadaDefinition) definition = posada_definition_new ("Kept", &error);

    g_assert_no_error (error);
    posada_definition_set_memory (definition, G_GUINT64_CONSTANT (64) << 20, &error);
    g_assert_no_error (error);
    posada_store_create (store, definition, NULL, NULL, &error);
    g_assert_no_error (error);
    return posada_kvm_machine_new_for_definition (definition, store);
}

static void
changes_discs_while_it_runs (void)
{
    g_autofree char *folder = g_dir_make_tmp ("posada-discs-XXXXXX", NULL);
    g_autoptr (PosadaStore) store = posada_store_new (folder);
    g_autofree char *path = g_build_filename (folder, "some.iso", NULL);
    g_autofree char *missing = g_build_filename (folder, "none.iso", NULL);
    g_autofree char *bytes = g_malloc0 (1 << 20);
    g_autoptr (PosadaDefinition) definition = posada_definition_new ("Discs", NULL);
    PosadaDisk cd = {.kind = POSADA_DISK_CDROM, .bus = POSADA_BUS_SATA};
    PosadaMachine *machine;
    PosadaDiskCare *care;

    if (lacks_kvm ())
        return;
    g_assert_true (g_file_set_contents (path, bytes, 1 << 20, NULL));
    posada_definition_set_memory (definition, G_GUINT64_CONSTANT (64) << 20, NULL);
    g_assert_true (posada_definition_add_disk (definition, &cd, NULL));
    g_assert_true (posada_store_create (store, definition, NULL, NULL, NULL));
    machine = posada_kvm_machine_new_for_definition (definition, store);
    care = posada_machine_get_disk_care (machine);
    expect_done (posada_machine_start (machine));
    expect_done (posada_disk_care_set_medium (care, "sda", path));
    /* The machine has it, and has it locked. */
    {
        g_autoptr (PosadaDefinition) saved =
            posada_store_load (store, posada_machine_get_id (machine), NULL);
        g_autoptr (PosadaDisk) disk = posada_definition_get_disk (saved, 0);

        g_assert_cmpstr (disk->path, ==, path);
        g_assert_false (posada_disk_image_check_unused (path, FALSE, NULL));
    }
    expect_error (posada_disk_care_set_medium (care, "sda", missing), POSADA_MACHINE_ERROR_FAILED,
                  "none.iso");
    expect_error (posada_disk_care_set_medium (care, "sdb", path), POSADA_MACHINE_ERROR_WRONG_STATE,
                  "drive");
    expect_error (posada_disk_care_create (care, 1 << 20), POSADA_MACHINE_ERROR_WRONG_STATE,
                  "Shut the machine down");
    expect_done (posada_disk_care_set_medium (care, "sda", NULL));
    g_assert_true (posada_disk_image_check_unused (path, FALSE, NULL));
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_RUNNING);
    expect_done (posada_machine_force_off (machine));
    g_object_unref (machine);
}

static void
goes_back_and_forth_between_snapshots (void)
{
    g_autofree char *folder = g_dir_make_tmp ("posada-snapshots-XXXXXX", NULL);
    g_autoptr (PosadaStore) store = posada_store_new (folder);
    g_autoptr (PosadaSnapshot) first = NULL;
    g_autoptr (PosadaSnapshot) second = NULL;
    PosadaMachine *machine;
    gpointer watch;

    if (lacks_kvm ())
        return;
    machine = make_kept (store);
    expect_done (posada_machine_start (machine));
    expect_done (posada_machine_take_snapshot (machine, "First", "with a note"));
    wait_for_snapshots (machine, 1);
    expect_done (posada_machine_pause (machine));
    expect_done (posada_machine_take_snapshot (machine, "Second", NULL));
    wait_for_snapshots (machine, 2);
    first = get_snapshot (machine, 0);
    second = get_snapshot (machine, 1);
    if (!g_str_equal (posada_snapshot_get (first)->name, "First")) {
        PosadaSnapshot *swap = first;

        first = second;
        second = swap;
    }
    g_assert_cmpstr (posada_snapshot_get (second)->parent, ==, posada_snapshot_get (first)->id);
    g_assert_cmpstr (posada_snapshot_get (first)->note, ==, "with a note");
    g_assert_cmpint (posada_snapshot_get (second)->kind, ==, POSADA_SNAPSHOT_PAUSED);
    expect_done (posada_machine_restore_snapshot (machine, first));
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_RUNNING);
    expect_done (posada_machine_restore_snapshot (machine, second));
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_PAUSED);
    expect_done (posada_machine_force_off (machine));
    /* From off it starts. */
    expect_done (posada_machine_restore_snapshot (machine, first));
    wait_for_state (machine, POSADA_MACHINE_RUNNING);
    expect_done (posada_machine_delete_snapshot (machine, first));
    expect_done (posada_machine_edit_snapshot (machine, second, "Renamed", "Note"));
    wait_for_snapshots (machine, 1);
    expect_error (posada_machine_restore_snapshot (machine, first), POSADA_MACHINE_ERROR_FAILED,
                  "cannot be opened");
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_RUNNING);
    expect_done (posada_machine_save (machine));
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_OFF);
    wait_for_saved (machine, TRUE);
    expect_done (posada_machine_start (machine));
    wait_for_saved (machine, FALSE);
    expect_done (posada_machine_save (machine));
    wait_for_saved (machine, TRUE);
    expect_done (posada_machine_discard_saved (machine));
    wait_for_saved (machine, FALSE);
    expect_done (posada_machine_start (machine));
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_RUNNING);
    /* While one is taken the machine goes. */
    dex_future_disown (posada_machine_take_snapshot (machine, "Lost", NULL));
    expect_done (posada_machine_force_off (machine));
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_OFF);
    /* Threads that look at the folder hold it for a moment. */
    watch = machine;
    g_object_add_weak_pointer (G_OBJECT (machine), &watch);
    g_object_unref (machine);
    while (watch)
        g_main_context_iteration (NULL, TRUE);
}

static PosadaMachine *
make_copy (PosadaStore *store, PosadaMachine *machine)
{
    g_autoptr (PosadaSnapshot) snapshot = get_snapshot (machine, 0);
    g_autoptr (PosadaClone) clone =
        posada_clone_new (store, posada_machine_get_id (machine), POSADA_CLONE_COPY,
                          posada_snapshot_get (snapshot)->id, NULL);
    g_autoptr (PosadaDefinition) definition = NULL;
    g_autoptr (DexFuture) future = posada_clone_run (clone, NULL);
    g_autoptr (GError) error = NULL;
    const GValue *uuid;

    run_until_done (future);
    uuid = dex_future_get_value (future, &error);
    g_assert_no_error (error);
    definition = posada_store_load (store, g_value_get_string (uuid), &error);
    g_assert_no_error (error);
    return posada_kvm_machine_new_for_definition (definition, store);
}

static void
expect_other_addresses (PosadaMachine *machine, PosadaMachine *copy)
{
    g_autofree char *mac = posada_definition_get_mac (definition_of (machine), 0);
    g_autofree char *other = posada_definition_get_mac (definition_of (copy), 0);

    g_assert_cmpstr (mac, !=, other);
    g_assert_cmpint (posada_machine_get_network (copy), ==, posada_machine_get_network (machine));
}

static void
copies_go_on_side_by_side (void)
{
    g_autofree char *folder = g_dir_make_tmp ("posada-copies-XXXXXX", NULL);
    g_autoptr (PosadaStore) store = posada_store_new (folder);
    PosadaMachine *original, *copies[2];

    if (lacks_kvm ())
        return;
    original = make_counting (store);
    add_card (original);
    g_assert_true (posada_store_save (store, definition_of (original), NULL));
    expect_done (posada_machine_start (original));
    count (original, "count 01\n");
    count (original, "count 02\n");
    expect_done (posada_machine_take_snapshot (original, "Two", NULL));
    wait_for_snapshots (original, 1);
    count (original, "count 03\n");
    for (guint i = 0; i < 2; i++) {
        copies[i] = make_copy (store, original);
        expect_done (posada_machine_start (copies[i]));
        g_assert_cmpint (posada_machine_get_state (copies[i]), ==, POSADA_MACHINE_RUNNING);
    }
    expect_other_addresses (original, copies[0]);
    g_assert_cmpstr (posada_machine_get_name (copies[0]), ==, "Copy of Counting");
    g_assert_cmpstr (posada_machine_get_name (copies[1]), ==, "Copy of Counting 2");
    /* Each goes on from two, and none from what another has counted. */
    count (copies[0], "count 03\n");
    count (copies[0], "count 04\n");
    count (copies[0], "count 05\n");
    count (copies[1], "count 03\n");
    count (original, "count 04\n");
    count (copies[1], "count 04\n");
    for (guint i = 0; i < 2; i++) {
        expect_done (posada_machine_force_off (copies[i]));
        g_object_unref (copies[i]);
    }
    expect_done (posada_machine_force_off (original));
    g_object_unref (original);
}

/* A viewer's way that is blocked costs nothing but that way, and is told. */
static void
runs_and_tells_where_viewers_cannot_come (void)
{
    g_autofree char *path = g_build_filename (g_getenv ("POSADA_PAYLOADS"), "talker.rom", NULL);
    g_autofree char *folder = g_dir_make_tmp ("posada-test-XXXXXX", NULL);
    g_autoptr (GSocketService) taken = g_socket_service_new ();
    guint16 port = g_socket_listener_add_any_inet_port (G_SOCKET_LISTENER (taken), NULL, NULL);
    PosadaRemote remote = {
        .kind = POSADA_REMOTE_NETWORK,
        .port = port,
        .password = (char *) "correct horse",
    };
    PosadaKvmConfig config = {
        .name = (char *) "Payload",
        .memory = G_GUINT64_CONSTANT (64) << 20,
        .cpus = 1,
        .firmware = path,
        .folder = folder,
        .remote = &remote,
    };
    g_autoptr (PosadaMachine) machine = NULL;
    g_autofree char *number = g_strdup_printf ("Port %u", port);
    const char *problem;
    GLogLevelFlags fatal;

    if (lacks_kvm ())
        return;
    machine = posada_kvm_machine_new (&config);
    g_assert_null (posada_machine_get_remote (machine)->problem);
    /* The library warns of it as well. */
    fatal = g_log_set_always_fatal (G_LOG_FATAL_MASK);
    expect_done (posada_machine_start (machine));
    g_log_set_always_fatal (fatal);
    problem = posada_machine_get_remote (machine)->problem;
    g_assert_nonnull (problem);
    g_assert_nonnull (strstr (problem, number));
    g_assert_nonnull (strstr (problem, "choose another"));
    expect_done (posada_machine_force_off (machine));
    g_assert_null (posada_machine_get_remote (machine)->problem);
    g_assert_true (posada_file_remove_tree (folder, NULL));
}

static void
cannot_shut_down_what_restarts (void)
{
    g_autoptr (PosadaMachine) machine = NULL;
    DexFuture *shut_down;

    if (lacks_kvm ())
        return;
    machine = make ("restless.rom", FALSE);
    expect_done (posada_machine_start (machine));
    shut_down = posada_machine_shut_down (machine);
    expect_error (shut_down, POSADA_MACHINE_ERROR_FAILED, "restarted");
    g_assert_cmpint (posada_machine_get_state (machine), ==, POSADA_MACHINE_RUNNING);
    expect_done (posada_machine_force_off (machine));
}

static void
says_why_it_crashed_and_starts_again (void)
{
    g_autoptr (PosadaMachine) machine = NULL;
    DexFuture *shut_down;

    if (lacks_kvm ())
        return;
    machine = make ("astray.rom", FALSE);
    expect_done (posada_machine_start (machine));
    shut_down = posada_machine_shut_down (machine);
    wait_for_state (machine, POSADA_MACHINE_CRASHED);
    g_assert_nonnull (posada_machine_get_reason (machine));
    expect_error (shut_down, POSADA_MACHINE_ERROR_FAILED, posada_machine_get_reason (machine));
    g_assert_nonnull (posada_machine_get_display (machine));
    expect_error (posada_machine_pause (machine), POSADA_MACHINE_ERROR_WRONG_STATE, "Crashed");
    expect_done (posada_machine_start (machine));
    wait_for_state (machine, POSADA_MACHINE_CRASHED);
    expect_done (posada_machine_force_off (machine));
}

/* Pixels that are not black, of a picture that is there. */
static guint
count_lit (PosadaDisplay *display)
{
    guint width = posada_display_get_width (display), height = posada_display_get_height (display);
    g_autofree guint32 *pixels = g_new0 (guint32, MAX ((gsize) width * height, 1));
    PosadaRectangle damage;
    guint lit = 0;

    if (width == 0 || !posada_display_read_damage (display, pixels, width * 4, &damage))
        return 0;
    for (gsize i = 0; i < (gsize) width * height; i++)
        lit += (pixels[i] & 0xffffff) != 0;
    return lit;
}

static gboolean
request_cb (gpointer data)
{
    posada_display_request_frame (data);
    return G_SOURCE_CONTINUE;
}

static void
shows_the_text_of_its_firmware (void)
{
    g_autoptr (PosadaMachine) machine = NULL;
    PosadaDisplay *display;
    guint damaged = 0, seen = 0, ticks;

    if (lacks_kvm ())
        return;
    if (g_access ("/usr/share/seabios/bios-256k.bin", R_OK) < 0) {
        g_test_skip ("no SeaBIOS in /usr/share/seabios");
        return;
    }
    machine = make (NULL, TRUE);
    expect_done (posada_machine_start (machine));
    display = posada_machine_get_display (machine);
    g_signal_connect (display, "damaged", G_CALLBACK (count_cb), &damaged);
    ticks = g_timeout_add (50, request_cb, display);
    /* A line of text or more. */
    while (count_lit (display) < 500) {
        while (damaged == seen)
            g_main_context_iteration (NULL, TRUE);
        seen = damaged;
    }
    g_test_message ("text at %u x %u", posada_display_get_width (display),
                    posada_display_get_height (display));
    g_assert_cmpuint (posada_display_get_width (display), ==, 720);
    g_assert_cmpuint (posada_display_get_height (display), ==, 400);
    g_source_remove (ticks);
    expect_done (posada_machine_force_off (machine));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    dex_init ();
#define ADD(name) g_test_add_func ("/machine/" #name, name)
    ADD (starts_pauses_resumes_and_goes_off);
    ADD (goes_back_and_forth_between_snapshots);
    ADD (changes_discs_while_it_runs);
    ADD (copies_go_on_side_by_side);
    ADD (the_serial_line_leads_to_the_guest);
    ADD (does_the_last_of_what_is_asked_at_once);
    ADD (goes_off_when_its_guest_does);
    ADD (shuts_down_by_its_power_button);
    ADD (runs_and_tells_where_viewers_cannot_come);
    ADD (cannot_shut_down_what_restarts);
    ADD (says_why_it_crashed_and_starts_again);
    ADD (shows_the_text_of_its_firmware);
    return g_test_run ();
}
