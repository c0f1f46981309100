/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The disks page on a fake machine, whose disks are real. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "details/posada-disk-row.h"
#include "details/posada-disks-page.h"
#include "machine/posada-fake-machine.h"

#include "tap.h"

static void
settle (void)
{
    gint64 end = g_get_monotonic_time () + 300 * G_TIME_SPAN_MILLISECOND;

    while (g_get_monotonic_time () < end)
        if (!g_main_context_iteration (NULL, FALSE))
            g_usleep (1000);
}

#define WAIT(condition)                                                   \
    do {                                                                  \
        gint64 until = g_get_monotonic_time () + 20 * G_TIME_SPAN_SECOND; \
        while (!(condition) && g_get_monotonic_time () < until)           \
            settle ();                                                    \
        CHECK (condition);                                                \
    } while (0)

struct rig {
    PosadaMachine *machine;
    PosadaDiskCare *care;
    GtkWidget *window, *page;
};

static struct rig
rig_new (void)
{
    struct rig self = {
        .machine = posada_fake_machine_new ("Alpha", NULL),
        .page = posada_disks_page_new (),
        .window = adw_window_new (),
    };
    GtkWidget *view = adw_navigation_view_new ();

    self.care = posada_machine_get_disk_care (self.machine);
    posada_disks_page_set_machine (POSADA_DISKS_PAGE (self.page), self.machine);
    adw_navigation_view_push (ADW_NAVIGATION_VIEW (view), ADW_NAVIGATION_PAGE (self.page));
    adw_window_set_content (ADW_WINDOW (self.window), view);
    gtk_window_set_default_size (GTK_WINDOW (self.window), 700, 500);
    gtk_window_present (GTK_WINDOW (self.window));
    settle ();
    return self;
}

static void
rig_free (struct rig *self)
{
    gpointer watch = self->machine;

    gtk_window_destroy (GTK_WINDOW (self->window));
    settle ();
    g_object_add_weak_pointer (G_OBJECT (self->machine), &watch);
    g_object_unref (self->machine);
    WAIT (!watch);
}

static GtkWidget *
find (GtkWidget *widget, GType type, const char *title)
{
    if (g_type_is_a (G_OBJECT_TYPE (widget), type) &&
        (!title ||
         (ADW_IS_PREFERENCES_ROW (widget) &&
          g_strcmp0 (adw_preferences_row_get_title (ADW_PREFERENCES_ROW (widget)), title) == 0)))
        return widget;
    for (GtkWidget *child = gtk_widget_get_first_child (widget); child;
         child = gtk_widget_get_next_sibling (child)) {
        GtkWidget *found = find (child, type, title);

        if (found)
            return found;
    }
    return NULL;
}

static GtkWidget *
dialog_of (struct rig *rig)
{
    return GTK_WIDGET (adw_window_get_visible_dialog (ADW_WINDOW (rig->window)));
}

/* The dialog that is there is answered, and gone. */
static void
answer (struct rig *rig, const char *response)
{
    AdwDialog *dialog = adw_window_get_visible_dialog (ADW_WINDOW (rig->window));
    g_autofree char *detailed = g_strconcat ("response::", response, NULL);

    CHECK (dialog && ADW_IS_ALERT_DIALOG (dialog));
    CHECK (adw_alert_dialog_get_response_enabled (ADW_ALERT_DIALOG (dialog), response));
    g_signal_emit_by_name (dialog, detailed, response);
    adw_dialog_force_close (dialog);
    settle ();
}

static gboolean
act (struct rig *rig, const char *action, const char *target)
{
    gboolean done = target ? gtk_widget_activate_action (rig->page, action, "s", target)
                           : gtk_widget_activate_action (rig->page, action, NULL);

    settle ();
    return done;
}

/* In the order of the page: errors first. */
static const char *
banner (struct rig *rig, gboolean error)
{
    GtkWidget *first = find (rig->page, ADW_TYPE_BANNER, NULL);
    GtkWidget *at = error ? first : gtk_widget_get_next_sibling (first);

    return adw_banner_get_revealed (ADW_BANNER (at)) ? adw_banner_get_title (ADW_BANNER (at))
                                                     : NULL;
}

static const PosadaDiskData *
get (struct rig *rig, const char *target)
{
    PosadaDiskInfo *info = posada_disk_care_find (rig->care, target);

    return info ? posada_disk_info_get (info) : NULL;
}

TEST (disks_and_drives_are_listed_with_their_sizes)
{
    struct rig rig = rig_new ();
    GtkWidget *row = find (rig.page, POSADA_TYPE_DISK_ROW, "disk.qcow2");

    CHECK (row);
    CHECK_CONTAINS (adw_expander_row_get_subtitle (ADW_EXPANDER_ROW (row)), "32.0");
    CHECK (find (rig.page, ADW_TYPE_ACTION_ROW, "Empty"));
    CHECK (!banner (&rig, TRUE) && !banner (&rig, FALSE));
    rig_free (&rig);
}

TEST (a_disk_is_made_and_grown_by_dialogs)
{
    struct rig rig = rig_new ();
    GtkWidget *size, *row;

    CHECK (act (&rig, "disk.create", NULL));
    size = find (dialog_of (&rig), ADW_TYPE_SPIN_ROW, NULL);
    adw_spin_row_set_value (ADW_SPIN_ROW (size), 3);
    answer (&rig, "do");
    WAIT (get (&rig, "vdb") && get (&rig, "vdb")->size == 3 * GIB);
    row = find (rig.page, POSADA_TYPE_DISK_ROW, "disk-2.qcow2");
    CHECK (row);
    adw_expander_row_set_expanded (ADW_EXPANDER_ROW (row), TRUE);

    CHECK (act (&rig, "disk.resize", "vdb"));
    size = find (dialog_of (&rig), ADW_TYPE_SPIN_ROW, NULL);
    CHECK (!adw_alert_dialog_get_response_enabled (ADW_ALERT_DIALOG (dialog_of (&rig)), "do"));
    gtk_editable_set_text (GTK_EDITABLE (size), "5");
    answer (&rig, "do");
    WAIT (get (&rig, "vdb")->size == 5 * GIB);
    /* Still the same row, unfolded. */
    CHECK (find (rig.page, POSADA_TYPE_DISK_ROW, "disk-2.qcow2") == row);
    CHECK (adw_expander_row_get_expanded (ADW_EXPANDER_ROW (row)));
    rig_free (&rig);
}

TEST (a_removed_disk_keeps_its_file_unless_asked_otherwise)
{
    struct rig rig = rig_new ();
    g_autofree char *path = g_strdup (get (&rig, "vda")->path);
    GtkWidget *trash;

    CHECK (act (&rig, "disk.remove", "vda"));
    trash = find (dialog_of (&rig), ADW_TYPE_SWITCH_ROW, NULL);
    CHECK (trash && !adw_switch_row_get_active (ADW_SWITCH_ROW (trash)));
    answer (&rig, "do");
    WAIT (!get (&rig, "vda"));
    CHECK (!find (rig.page, POSADA_TYPE_DISK_ROW, NULL));
    CHECK (g_file_test (path, G_FILE_TEST_EXISTS));
    rig_free (&rig);
}

TEST (a_running_machine_says_why_its_disks_stay_and_changes_discs)
{
    struct rig rig = rig_new ();
    GtkWidget *row;

    dex_future_disown (posada_machine_start (rig.machine));
    WAIT (posada_machine_get_state (rig.machine) == POSADA_MACHINE_RUNNING);
    settle ();
    CHECK_CONTAINS (banner (&rig, FALSE), "Shut the machine down");
    /* A disabled action is there and does nothing. */
    act (&rig, "disk.create", NULL);
    act (&rig, "disk.resize", "vda");
    CHECK (!dialog_of (&rig));
    row = find (rig.page, ADW_TYPE_ACTION_ROW, "Empty");
    CHECK (row && !gtk_widget_get_visible (g_object_get_data (G_OBJECT (row), "eject")));
    dex_future_disown (posada_disk_care_set_medium (rig.care, "sda", get (&rig, "vda")->path));
    WAIT (get (&rig, "sda")->path);
    CHECK (gtk_widget_get_visible (g_object_get_data (G_OBJECT (row), "eject")));
    CHECK (act (&rig, "disk.eject", "sda"));
    WAIT (!get (&rig, "sda")->path);
    dex_future_disown (posada_machine_force_off (rig.machine));
    WAIT (!banner (&rig, FALSE));
    rig_free (&rig);
}

TEST (a_saved_machine_says_so)
{
    struct rig rig = rig_new ();

    posada_machine_set_saved (rig.machine, TRUE);
    settle ();
    CHECK_CONTAINS (banner (&rig, FALSE), "saved");
    rig_free (&rig);
}

TEST (a_check_tells_and_repairs)
{
    struct rig rig = rig_new ();
    g_autofree char *path = g_strdup (get (&rig, "vda")->path);
    guint64 table, block;
    guint16 one = GUINT16_TO_BE (1);
    struct stat status;
    int fd;

    CHECK (act (&rig, "disk.check", "vda"));
    WAIT (!posada_disk_care_get_task (rig.care));
    CHECK (!dialog_of (&rig) && !banner (&rig, TRUE));
    /* A cluster behind the end that nobody has. */
    fd = g_open (path, O_RDWR, 0);
    CHECK (fstat (fd, &status) == 0 && pread (fd, &table, 8, 48) == 8);
    CHECK_EQUAL (pread (fd, &block, 8, (off_t) GUINT64_FROM_BE (table)), 8);
    status.st_size = (status.st_size + 65535) / 65536 * 65536;
    CHECK_EQUAL (ftruncate (fd, status.st_size + 65536), 0);
    CHECK_EQUAL (pwrite (fd, &one, 2, (off_t) GUINT64_FROM_BE (block) + status.st_size / 65536 * 2),
                 2);
    close (fd);
    CHECK (act (&rig, "disk.check", "vda"));
    WAIT (dialog_of (&rig));
    CHECK_CONTAINS (adw_alert_dialog_get_body (ADW_ALERT_DIALOG (dialog_of (&rig))), "room");
    answer (&rig, "do");
    WAIT (!posada_disk_care_get_task (rig.care));
    CHECK (act (&rig, "disk.check", "vda"));
    WAIT (!posada_disk_care_get_task (rig.care));
    CHECK (!dialog_of (&rig));
    rig_free (&rig);
}

static char *
make_raw (const char *name, guint mib)
{
    g_autofree char *folder = g_dir_make_tmp ("posada-disks-XXXXXX", NULL);
    char *path = g_build_filename (folder, name, NULL);
    g_autofree char *bytes = g_malloc (MIB);
    int fd = g_open (path, O_RDWR | O_CREAT, 0600);

    memset (bytes, 0x5a, MIB);
    for (guint i = 0; i < mib; i++)
        CHECK_EQUAL (pwrite (fd, bytes, MIB, (off_t) (i * MIB)), MIB);
    close (fd);
    return path;
}

static void
drop (const char *path)
{
    g_autofree char *folder = g_path_get_dirname (path);

    g_unlink (path);
    CHECK_EQUAL (g_rmdir (folder), 0);
}

TEST (the_format_of_a_file_is_chosen_where_it_does_not_say)
{
    struct rig rig = rig_new ();
    g_autofree char *path = make_raw ("disk", 1);
    g_autoptr (GFile) file = g_file_new_for_path (path);
    GtkWidget *format, *use;

    posada_disks_page_add_file (POSADA_DISKS_PAGE (rig.page), file);
    WAIT (dialog_of (&rig));
    CHECK (!adw_alert_dialog_get_response_enabled (ADW_ALERT_DIALOG (dialog_of (&rig)), "do"));
    format = find (dialog_of (&rig), ADW_TYPE_COMBO_ROW, "Format");
    use = find (dialog_of (&rig), ADW_TYPE_COMBO_ROW, "Use");
    /* VMDK: only a copy can be used. */
    adw_combo_row_set_selected (ADW_COMBO_ROW (format), 3);
    CHECK_EQUAL (adw_combo_row_get_selected (ADW_COMBO_ROW (use)), 1);
    CHECK (!gtk_widget_get_sensitive (use));
    adw_combo_row_set_selected (ADW_COMBO_ROW (format), 1);
    adw_combo_row_set_selected (ADW_COMBO_ROW (use), 0);
    answer (&rig, "do");
    WAIT (get (&rig, "vdb"));
    CHECK (get (&rig, "vdb")->format == POSADA_FORMAT_RAW && !get (&rig, "vdb")->own);
    rig_free (&rig);
    drop (path);
}

TEST (a_conversion_shows_how_far_it_is_and_can_be_cancelled)
{
    struct rig rig = rig_new ();
    g_autofree char *path = make_raw ("disk.img", 96);
    g_autofree char *qemu_img = g_find_program_in_path ("qemu-img");
    GtkWidget *revealer =
        gtk_widget_get_ancestor (find (rig.page, GTK_TYPE_PROGRESS_BAR, NULL), GTK_TYPE_REVEALER);

    if (!qemu_img)
        tap_skip ("qemu-img is not here");
    dex_future_disown (posada_disk_care_attach (rig.care, path, POSADA_FORMAT_RAW));
    WAIT (get (&rig, "vdb"));
    CHECK (gtk_widget_activate_action (rig.page, "disk.convert", "s", "vdb"));
    settle ();
    g_signal_emit_by_name (dialog_of (&rig), "response::do", "do");
    CHECK (posada_disk_care_get_task (rig.care));
    CHECK (gtk_revealer_get_reveal_child (GTK_REVEALER (revealer)));
    CHECK (gtk_widget_activate_action (rig.page, "disk.cancel", NULL));
    adw_dialog_force_close (ADW_DIALOG (dialog_of (&rig)));
    WAIT (!posada_disk_care_get_task (rig.care));
    settle ();
    CHECK (!gtk_revealer_get_reveal_child (GTK_REVEALER (revealer)));
    CHECK (!banner (&rig, TRUE));
    CHECK (get (&rig, "vdb")->format == POSADA_FORMAT_RAW);
    rig_free (&rig);
    drop (path);
}

TEST (what_goes_wrong_is_said_in_the_page)
{
    struct rig rig = rig_new ();
    g_autofree char *path = make_raw ("disk.img", 8);
    GtkWidget *size;

    dex_future_disown (posada_disk_care_attach (rig.care, path, POSADA_FORMAT_RAW));
    WAIT (get (&rig, "vdb"));
    CHECK (act (&rig, "disk.resize", "vdb"));
    size = find (dialog_of (&rig), ADW_TYPE_SPIN_ROW, NULL);
    adw_spin_row_set_range (ADW_SPIN_ROW (size), 0.001, 10);
    adw_spin_row_set_digits (ADW_SPIN_ROW (size), 4);
    gtk_editable_set_text (GTK_EDITABLE (size), "0.0040");
    answer (&rig, "do");
    WAIT (banner (&rig, TRUE));
    CHECK_CONTAINS (banner (&rig, TRUE), "data");
    CHECK (!dialog_of (&rig));
    rig_free (&rig);
    drop (path);
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
