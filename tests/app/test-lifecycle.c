/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What closing, quitting, logging out and signals do, on fake machines. */
#include "machine/posada-fake-machine.h"
#include "machine/posada-work.h"

#include "app-test.h"

TEST (closing_asks_once_and_then_hides_while_a_machine_runs)
{
    Rig rig;
    PosadaMachine *machine;

    rig_init (&rig, 1);
    machine = nth_machine (rig.library, 0);
    start (machine);
    gtk_window_close (GTK_WINDOW (rig.window));
    settle (50);
    CHECK (gtk_widget_get_visible (GTK_WIDGET (rig.window)));
    answer (&rig, "keep");
    CHECK (!gtk_widget_get_visible (GTK_WIDGET (rig.window)));
    CHECK (g_settings_get_enum (rig.settings, POSADA_SETTINGS_ON_CLOSE) ==
           POSADA_CLOSE_KEEP_RUNNING);
    CHECK (posada_machine_get_state (machine) == POSADA_MACHINE_RUNNING);
    posada_lifecycle_presented (rig.lifecycle);
    gtk_window_present (GTK_WINDOW (rig.window));
    gtk_window_close (GTK_WINDOW (rig.window));
    settle (50);
    CHECK (!gtk_widget_get_visible (GTK_WIDGET (rig.window)));
    CHECK (posada_machine_get_state (machine) == POSADA_MACHINE_RUNNING);
    dex_future_disown (posada_machine_force_off (machine));
    WAIT (posada_machine_get_state (machine) == POSADA_MACHINE_OFF);
    rig_fini (&rig);
}

TEST (quitting_asks_and_does_what_is_answered)
{
    Rig rig;

    rig_init (&rig, 2);
    start (nth_machine (rig.library, 0));
    start (nth_machine (rig.library, 1));
    posada_lifecycle_quit (rig.lifecycle);
    settle (50);
    answer (&rig, "cancel");
    CHECK_EQUAL (posada_library_count_running (rig.library), 2);
    posada_lifecycle_quit (rig.lifecycle);
    settle (50);
    answer (&rig, "shut-down");
    WAIT (posada_library_count_running (rig.library) == 0);
    rig_fini (&rig);
}

TEST (quitting_asks_nothing_that_was_decided)
{
    Rig rig;

    rig_init (&rig, 1);
    start (nth_machine (rig.library, 0));
    dex_future_disown (posada_machine_pause (nth_machine (rig.library, 0)));
    WAIT (posada_machine_get_state (nth_machine (rig.library, 0)) == POSADA_MACHINE_PAUSED);
    g_settings_set_enum (rig.settings, POSADA_SETTINGS_ON_QUIT, POSADA_QUIT_FORCE_OFF);
    posada_lifecycle_quit (rig.lifecycle);
    WAIT (posada_library_count_running (rig.library) == 0);
    rig_fini (&rig);
}

TEST (quitting_saves_if_that_is_wanted_and_stays_if_it_fails)
{
    Rig rig;
    PosadaMachine *machine;
    AdwDialog *dialog;

    rig_init (&rig, 2);
    machine = nth_machine (rig.library, 0);
    start (machine);
    g_settings_set_enum (rig.settings, POSADA_SETTINGS_ON_QUIT, POSADA_QUIT_SAVE);
    posada_fake_machine_fail_next (POSADA_FAKE_MACHINE (machine), "The disk is full: make room.");
    posada_lifecycle_quit (rig.lifecycle);
    settle (500);
    dialog = adw_application_window_get_visible_dialog (ADW_APPLICATION_WINDOW (rig.window));
    CHECK (dialog && gtk_widget_get_visible (GTK_WIDGET (rig.window)));
    CHECK_CONTAINS (adw_alert_dialog_get_body (ADW_ALERT_DIALOG (dialog)), "make room");
    CHECK (posada_machine_get_state (machine) == POSADA_MACHINE_RUNNING);
    answer (&rig, "close");

    g_settings_set_enum (rig.settings, POSADA_SETTINGS_ON_QUIT, POSADA_QUIT_ASK);
    posada_lifecycle_quit (rig.lifecycle);
    settle (50);
    answer (&rig, "save");
    WAIT (posada_library_count_running (rig.library) == 0);
    CHECK (posada_machine_get_saved (machine));
    CHECK (!posada_machine_get_saved (nth_machine (rig.library, 1)));
    rig_fini (&rig);
}

TEST (the_end_of_the_session_saves_unless_that_is_not_preferred)
{
    Rig rig;

    rig_init (&rig, 1);
    start (nth_machine (rig.library, 0));
    g_settings_set_boolean (rig.settings, POSADA_SETTINGS_SAVE_ON_LOG_OUT, FALSE);
    g_signal_emit_by_name (rig.application, "query-end");
    settle (400);
    CHECK_EQUAL (posada_library_count_running (rig.library), 1);
    g_settings_reset (rig.settings, POSADA_SETTINGS_SAVE_ON_LOG_OUT);
    g_signal_emit_by_name (rig.application, "query-end");
    WAIT (posada_library_count_running (rig.library) == 0);
    CHECK (posada_machine_get_saved (nth_machine (rig.library, 0)));
    rig_fini (&rig);
}

/* --- work that goes on --- */

struct work {
    PosadaWork *work;
    double progress;
    gboolean cancelled;
};

static double
get_progress (gpointer data)
{
    return ((struct work *) data)->progress;
}

/* Ends it at once. */
static void
cancel (gpointer data)
{
    struct work *work = data;

    work->cancelled = TRUE;
    g_clear_pointer (&work->work, posada_work_end);
}

static void
begin (struct work *work, const char *title)
{
    static const PosadaWorkHooks hooks = {.get_progress = get_progress, .cancel = cancel};

    *work = (struct work) {.work = posada_work_begin (title, &hooks, work), .progress = 0.25};
}

static GtkWidget *
get_dialog (Rig *rig)
{
    return GTK_WIDGET (
        adw_application_window_get_visible_dialog (ADW_APPLICATION_WINDOW (rig->window)));
}

TEST (quitting_shows_work_and_stops_it_if_told_to)
{
    Rig rig;
    struct work first, second;
    GtkWidget *bar;

    rig_init (&rig, 0);
    begin (&first, "Compacting “a”");
    begin (&second, "Compacting “b”");
    posada_lifecycle_quit (rig.lifecycle);
    WAIT (get_dialog (&rig));
    bar = find_widget (get_dialog (&rig), GTK_TYPE_PROGRESS_BAR);
    CHECK (bar && gtk_progress_bar_get_fraction (GTK_PROGRESS_BAR (bar)) == 0.25);
    first.progress = 0.75;
    WAIT (gtk_progress_bar_get_fraction (GTK_PROGRESS_BAR (bar)) == 0.75);
    answer (&rig, "cancel");
    CHECK (!first.cancelled && !second.cancelled);
    posada_lifecycle_quit (rig.lifecycle);
    WAIT (get_dialog (&rig));
    answer (&rig, "stop");
    CHECK (first.cancelled && second.cancelled);
    CHECK (!gtk_widget_get_visible (GTK_WIDGET (rig.window)));
    rig_fini (&rig);
}

TEST (work_is_waited_for_and_then_machines_are_asked_about)
{
    Rig rig;
    struct work work;

    rig_init (&rig, 1);
    start (nth_machine (rig.library, 0));
    begin (&work, "Compacting “a”");
    posada_lifecycle_quit (rig.lifecycle);
    WAIT (get_dialog (&rig));
    answer (&rig, "finish");
    CHECK (!work.cancelled && !get_dialog (&rig));
    g_clear_pointer (&work.work, posada_work_end);
    WAIT (get_dialog (&rig));
    answer (&rig, "force-off");
    WAIT (posada_library_count_running (rig.library) == 0);
    rig_fini (&rig);
}

TEST (work_that_ends_while_it_is_asked_about_answers)
{
    Rig rig;
    struct work work;
    gpointer dialog;

    rig_init (&rig, 1);
    start (nth_machine (rig.library, 0));
    begin (&work, "Compacting “a”");
    posada_lifecycle_quit (rig.lifecycle);
    WAIT (get_dialog (&rig));
    dialog = get_dialog (&rig);
    g_clear_pointer (&work.work, posada_work_end);
    /* The next question is about the machine. */
    WAIT (get_dialog (&rig) && get_dialog (&rig) != dialog);
    answer (&rig, "force-off");
    WAIT (posada_library_count_running (rig.library) == 0);
    rig_fini (&rig);
}

TEST (closing_the_window_leaves_work_going_on)
{
    Rig rig;
    struct work work;

    rig_init (&rig, 0);
    begin (&work, "Compacting “a”");
    gtk_window_close (GTK_WINDOW (rig.window));
    settle (50);
    CHECK (!gtk_widget_get_visible (GTK_WIDGET (rig.window)));
    CHECK (!work.cancelled);
    g_clear_pointer (&work.work, posada_work_end);
    rig_fini (&rig);
}

/* --- signals --- */

TEST (a_signal_stops_work_and_saves_machines)
{
    Rig rig;
    struct work work;
    PosadaMachine *machine;

    rig_init (&rig, 1);
    machine = nth_machine (rig.library, 0);
    start (machine);
    begin (&work, "Compacting “a”");
    posada_lifecycle_terminate (rig.lifecycle);
    CHECK (work.cancelled);
    WAIT (posada_machine_get_state (machine) == POSADA_MACHINE_OFF);
    CHECK (posada_machine_get_saved (machine));
    rig_fini (&rig);
}

TEST (a_signal_shuts_down_what_is_not_to_be_saved)
{
    Rig rig;
    PosadaMachine *machine;

    rig_init (&rig, 1);
    machine = nth_machine (rig.library, 0);
    start (machine);
    g_settings_set_boolean (rig.settings, POSADA_SETTINGS_SAVE_ON_LOG_OUT, FALSE);
    posada_lifecycle_terminate (rig.lifecycle);
    WAIT (posada_machine_get_state (machine) == POSADA_MACHINE_OFF);
    CHECK (!posada_machine_get_saved (machine));
    rig_fini (&rig);
}

int
main (int argc, char **argv)
{
    return run_app_tests (argc, argv);
}
