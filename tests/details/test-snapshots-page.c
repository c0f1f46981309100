/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "details/posada-snapshots-page.h"

#include "details/posada-snapshot-row.h"
#include "find-widget.h"
#include "machine/posada-disk-care.h"
#include "machine/posada-disk-image.h"
#include "machine/posada-fake-machine.h"
#include "store/posada-file.h"
#include "tap.h"

static void
settle (void)
{
    gint64 end = g_get_monotonic_time () + 400 * G_TIME_SPAN_MILLISECOND;

    while (g_get_monotonic_time () < end) {
        while (g_main_context_iteration (NULL, FALSE))
            ;
        g_usleep (2000);
    }
}

static PosadaSnapshot *
make (const char *id, const char *parent, gint64 time)
{
    return posada_snapshot_new (
        &(PosadaSnapshotData) {.id = id, .parent = parent, .name = id, .time = time});
}

/* Names, depths, how each is joined, + if it goes on, the lines that pass: "a0o+,0 b1/,1 ". */
static char *
lay_out (GListModel *list)
{
    g_autoptr (GArray) tree = posada_snapshot_tree_new (list);
    GString *text = g_string_new (NULL);

    for (guint i = 0; i < tree->len; i++) {
        PosadaSnapshotNode *node = &g_array_index (tree, PosadaSnapshotNode, i);

        g_string_append_printf (text, "%s%u%c%s,%x ", posada_snapshot_get (node->snapshot)->id,
                                node->depth, "o|/"[node->joined], node -> continued ? "+" : "",
                                node->passing);
    }
    return g_string_free (text, FALSE);
}

TEST (branches_turn_off_and_the_newest_line_goes_straight_on)
{
    const char *nodes[][2] = {{"a", NULL}, {"b", "a"}, {"c", "b"},
                              {"d", "a"},  {"e", "d"}, {"f", NULL}};
    g_autoptr (GListStore) list = g_list_store_new (POSADA_TYPE_SNAPSHOT);
    g_autofree char *text = NULL;

    for (guint i = 0; i < G_N_ELEMENTS (nodes); i++) {
        g_autoptr (PosadaSnapshot) snapshot = make (nodes[i][0], nodes[i][1], i);

        g_list_store_append (list, snapshot);
    }
    text = lay_out (G_LIST_MODEL (list));
    CHECK_STRING (text, "a0o+,0 b1/+,1 c1|,1 d0|+,0 e0|,0 f0o,0 ");
}

static GtkWidget *
show (GtkWidget *page)
{
    GtkWidget *window = adw_window_new ();
    GtkWidget *view = adw_navigation_view_new ();

    adw_navigation_view_push (ADW_NAVIGATION_VIEW (view), ADW_NAVIGATION_PAGE (page));
    adw_window_set_content (ADW_WINDOW (window), view);
    gtk_window_set_default_size (GTK_WINDOW (window), 700, 500);
    gtk_window_present (GTK_WINDOW (window));
    settle ();
    return window;
}

TEST (the_page_takes_asks_before_it_restores_and_deletes)
{
    g_autoptr (PosadaMachine) machine = posada_fake_machine_new ("Alpha", NULL);
    GListModel *list = posada_machine_get_snapshots (machine);
    GtkWidget *page = posada_snapshots_page_new ();
    GtkWidget *window = show (page), *dialog;
    g_autoptr (PosadaSnapshot) first = NULL;

    posada_snapshots_page_set_machine (POSADA_SNAPSHOTS_PAGE (page), machine);
    CHECK (!find_widget (page, POSADA_TYPE_SNAPSHOT_ROW));
    CHECK (gtk_widget_activate_action (page, "snapshot.take", NULL));
    /* Not twice at once. */
    CHECK (!posada_snapshots_page_can_take (machine));
    settle ();
    CHECK_EQUAL (g_list_model_get_n_items (list), 1);
    CHECK (find_widget (page, POSADA_TYPE_SNAPSHOT_ROW));
    first = g_list_model_get_item (list, 0);
    CHECK_STRING (posada_snapshot_get (first)->name, "Snapshot 1");

    CHECK (gtk_widget_activate_action (page, "snapshot.restore", "s",
                                       posada_snapshot_get (first)->id));
    settle ();
    dialog = GTK_WIDGET (adw_window_get_visible_dialog (ADW_WINDOW (window)));
    CHECK (dialog && ADW_IS_ALERT_DIALOG (dialog));
    CHECK_CONTAINS (adw_alert_dialog_get_heading (ADW_ALERT_DIALOG (dialog)), "Snapshot 1");
    g_signal_emit_by_name (dialog, "response", "take");
    adw_dialog_force_close (ADW_DIALOG (dialog));
    settle ();
    CHECK_EQUAL (g_list_model_get_n_items (list), 2);

    CHECK (
        gtk_widget_activate_action (page, "snapshot.delete", "s", posada_snapshot_get (first)->id));
    settle ();
    dialog = GTK_WIDGET (adw_window_get_visible_dialog (ADW_WINDOW (window)));
    CHECK_CONTAINS (adw_alert_dialog_get_body (ADW_ALERT_DIALOG (dialog)), "300");
    g_signal_emit_by_name (dialog, "response", "cancel");
    adw_dialog_force_close (ADW_DIALOG (dialog));
    settle ();
    CHECK_EQUAL (g_list_model_get_n_items (list), 2);
    CHECK (
        gtk_widget_activate_action (page, "snapshot.delete", "s", posada_snapshot_get (first)->id));
    settle ();
    dialog = GTK_WIDGET (adw_window_get_visible_dialog (ADW_WINDOW (window)));
    g_signal_emit_by_name (dialog, "response", "delete");
    adw_dialog_force_close (ADW_DIALOG (dialog));
    settle ();
    CHECK_EQUAL (g_list_model_get_n_items (list), 1);
    gtk_window_destroy (GTK_WINDOW (window));
    settle ();
}

TEST (raw_disks_are_offered_to_be_converted_before_a_snapshot)
{
    g_autoptr (PosadaMachine) machine = posada_fake_machine_new ("Alpha", NULL);
    GListModel *list = posada_machine_get_snapshots (machine);
    PosadaDiskCare *care = posada_machine_get_disk_care (machine);
    GtkWidget *page = posada_snapshots_page_new ();
    GtkWidget *window = show (page), *dialog;
    g_autofree char *folder = g_dir_make_tmp ("posada-raw-XXXXXX", NULL);
    g_autofree char *path = g_build_filename (folder, "disk.img", NULL);
    g_autofree char *qemu_img = g_find_program_in_path ("qemu-img");

    if (!qemu_img)
        tap_skip ("qemu-img is not here");
    CHECK (posada_disk_image_create (path, POSADA_FORMAT_RAW, 1 << 20, NULL));
    posada_snapshots_page_set_machine (POSADA_SNAPSHOTS_PAGE (page), machine);
    dex_future_disown (posada_disk_care_attach (care, path, POSADA_FORMAT_RAW));
    settle ();
    CHECK (posada_disk_care_has_raw (care));

    CHECK (gtk_widget_activate_action (page, "snapshot.take", NULL));
    settle ();
    dialog = GTK_WIDGET (adw_window_get_visible_dialog (ADW_WINDOW (window)));
    CHECK_CONTAINS (adw_alert_dialog_get_heading (ADW_ALERT_DIALOG (dialog)), "qcow2");
    g_signal_emit_by_name (dialog, "response", "cancel");
    adw_dialog_force_close (ADW_DIALOG (dialog));
    settle ();
    /* Nobody is told what he has just decided. */
    CHECK (!adw_window_get_visible_dialog (ADW_WINDOW (window)));
    CHECK (posada_disk_care_has_raw (care) && g_list_model_get_n_items (list) == 0);

    CHECK (gtk_widget_activate_action (page, "snapshot.take", NULL));
    settle ();
    dialog = GTK_WIDGET (adw_window_get_visible_dialog (ADW_WINDOW (window)));
    g_signal_emit_by_name (dialog, "response", "convert");
    adw_dialog_force_close (ADW_DIALOG (dialog));
    for (int i = 0; i < 25 && g_list_model_get_n_items (list) == 0; i++)
        settle ();
    CHECK (!posada_disk_care_has_raw (care));
    CHECK_EQUAL (g_list_model_get_n_items (list), 1);
    settle ();
    CHECK (!adw_window_get_visible_dialog (ADW_WINDOW (window)));
    gtk_window_destroy (GTK_WINDOW (window));
    settle ();
    CHECK (posada_file_remove_tree (folder, NULL));
}

TEST (a_failure_is_told_with_its_sentence)
{
    g_autoptr (PosadaMachine) machine = posada_fake_machine_new ("Alpha", NULL);
    GtkWidget *page = posada_snapshots_page_new ();
    GtkWidget *window = show (page), *dialog;

    posada_snapshots_page_set_machine (POSADA_SNAPSHOTS_PAGE (page), machine);
    posada_fake_machine_fail_next (POSADA_FAKE_MACHINE (machine), "The disk is full: make room.");
    CHECK (gtk_widget_activate_action (page, "snapshot.take", NULL));
    dialog = NULL;
    for (int n = 0; n < 25 && !dialog; n++) {
        settle ();
        dialog = GTK_WIDGET (adw_window_get_visible_dialog (ADW_WINDOW (window)));
    }
    CHECK (dialog);
    CHECK_CONTAINS (adw_alert_dialog_get_body (ADW_ALERT_DIALOG (dialog)), "make room");
    adw_dialog_force_close (ADW_DIALOG (dialog));
    gtk_window_destroy (GTK_WINDOW (window));
    settle ();
}

int
main (int argc, char **argv)
{
    if (!gtk_init_check ()) {
        printf ("1..0 # SKIP no display\n");
        return 0;
    }
    adw_init ();
    dex_init ();
    return tap_main (argc, argv);
}
