/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The dialog in a window, used by its rows and buttons, and by keys. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"
#include "wizard-test.h"
#include "wizard/posada-wizard-table.h"
#include "wizard/posada-wizard.h"

struct rig {
    struct place place;
    GtkWindow *window;
    PosadaWizard *wizard;
    char *created;
};

static void
created_cb (PosadaWizard *wizard, const char *uuid, char **created)
{
    *created = g_strdup (uuid);
}

static struct rig *
rig_new (const char *const *names)
{
    struct rig *self = g_new0 (struct rig, 1);

    self->place = place_new ();
    self->window = GTK_WINDOW (adw_window_new ());
    adw_window_set_content (ADW_WINDOW (self->window), gtk_label_new (NULL));
    gtk_window_set_default_size (self->window, 800, 700);
    gtk_window_present (self->window);
    self->wizard = posada_wizard_new (self->place.store, names);
    g_signal_connect (self->wizard, "created", G_CALLBACK (created_cb), &self->created);
    adw_dialog_present (ADW_DIALOG (self->wizard), GTK_WIDGET (self->window));
    settle (400);
    return self;
}

/* Also checks that nobody holds the dialog or its draft any more. */
static void
rig_free (struct rig *self)
{
    gpointer gone[] = {self->wizard, self->wizard ? posada_wizard_get_draft (self->wizard) : NULL};

    for (guint i = 0; i < G_N_ELEMENTS (gone); i++)
        if (gone[i])
            g_object_add_weak_pointer (gone[i], &gone[i]);
    if (self->wizard)
        adw_dialog_force_close (ADW_DIALOG (self->wizard));
    /* Dialogs move out of sight before they are gone. */
    settle (600);
    gtk_window_destroy (self->window);
    for (guint i = 0; (gone[0] || gone[1]) && i < 100; i++)
        settle (20);
    CHECK (gone[0] == NULL);
    CHECK (gone[1] == NULL);
    place_free (&self->place);
    g_free (self->created);
    g_free (self);
}

static const char *
get_title (GtkWidget *widget)
{
    if (ADW_IS_PREFERENCES_ROW (widget))
        return adw_preferences_row_get_title (ADW_PREFERENCES_ROW (widget));
    return GTK_IS_BUTTON (widget) ? gtk_button_get_label (GTK_BUTTON (widget)) : NULL;
}

/* A row or button that can be seen. */
static GtkWidget *
find (GtkWidget *widget, const char *title)
{
    GtkWidget *child;

    if (gtk_widget_get_mapped (widget) && g_strcmp0 (get_title (widget), title) == 0)
        return widget;
    for (child = gtk_widget_get_first_child (widget); child;
         child = gtk_widget_get_next_sibling (child)) {
        GtkWidget *found = find (child, title);

        if (found)
            return found;
    }
    return NULL;
}

static GtkWidget *
get (struct rig *self, const char *title)
{
    GtkWidget *found = NULL;

    for (guint i = 0; i < 250 && !found; i++) {
        found = find (GTK_WIDGET (self->wizard), title);
        if (!found)
            settle (20);
    }
    if (!found)
        tap_fail (__FILE__, __LINE__, "there is no “%s”", title);
    return found;
}

static void
click (struct rig *self, const char *title)
{
    GtkWidget *widget = get (self, title);

    for (guint i = 0; i < 250 && !gtk_widget_is_sensitive (widget); i++)
        settle (20);
    CHECK (gtk_widget_is_sensitive (widget));
    /* Rows do not activate outside of their list. */
    if (ADW_IS_ACTION_ROW (widget))
        adw_action_row_activate (ADW_ACTION_ROW (widget));
    else
        gtk_widget_activate (widget);
    settle (400);
}

static void
wait_for_machine (struct rig *self)
{
    g_autoptr (PosadaDefinition) definition = NULL;

    for (guint i = 0; i < 500 && !self->created; i++)
        settle (20);
    CHECK (self->created != NULL);
    definition = posada_store_load (self->place.store, self->created, NULL);
    CHECK (definition != NULL);
    /* It closes itself. */
    self->wizard = NULL;
}

/* Where this user's downloads are for GLib (main () says so). */
static char *downloads;

TEST (every_page_of_the_table_is_built)
{
    struct rig *rig = rig_new (NULL);

    for (guint i = 0; i < posada_wizard_table_length; i++) {
        GtkWidget *page =
            g_object_ref_sink (g_object_new (posada_wizard_table[i].get_type (), NULL));

        CHECK (strlen (adw_navigation_page_get_title (ADW_NAVIGATION_PAGE (page))) > 0);
        posada_wizard_page_set_draft (POSADA_WIZARD_PAGE (page),
                                      posada_wizard_get_draft (rig->wizard));
        g_object_unref (page);
    }
    rig_free (rig);
}

TEST (recent_image_becomes_a_machine_in_two_more_clicks)
{
    struct rig *rig;
    struct place place = {.folder = downloads};
    g_autofree char *path = NULL;

    path = place_make_iso (&place, "recent.iso", "RECENT", TRUE);
    rig = rig_new (NULL);
    click (rig, "recent.iso");
    click (rig, "Create");
    wait_for_machine (rig);
    g_unlink (path);
    rig_free (rig);
}

TEST (network_card_is_left_out_by_its_switch)
{
    struct rig *rig;
    struct place place = {.folder = downloads};
    g_autoptr (PosadaDefinition) definition = NULL;
    g_autofree char *path = NULL;

    path = place_make_iso (&place, "alone.iso", "ALONE", TRUE);
    rig = rig_new (NULL);
    click (rig, "alone.iso");
    adw_expander_row_set_expanded (ADW_EXPANDER_ROW (get (rig, "Hardware")), TRUE);
    CHECK (adw_switch_row_get_active (ADW_SWITCH_ROW (get (rig, "Network"))));
    click (rig, "Network");
    click (rig, "Create");
    wait_for_machine (rig);
    definition = posada_store_load (rig->place.store, rig->created, NULL);
    CHECK_EQUAL (posada_definition_get_n_interfaces (definition), 0);
    g_unlink (path);
    rig_free (rig);
}

TEST (dropped_files_get_the_page_of_what_they_are)
{
    struct rig *rig = rig_new (NULL);
    g_autofree char *disk = place_make_image (&rig->place, "disk.img", "raw");
    g_autofree char *kernel = place_make_kernel (&rig->place, "vmlinuz");
    g_autofree char *iso = place_make_iso (&rig->place, "some.iso", "SOME", TRUE);
    g_autoptr (GFile) disk_file = g_file_new_for_path (disk);
    g_autoptr (GFile) kernel_file = g_file_new_for_path (kernel);
    g_autoptr (GFile) iso_file = g_file_new_for_path (iso);
    int fd = g_open (disk, O_WRONLY, 0);

    CHECK (pwrite (fd, "\x55\xaa", 2, 510) == 2);
    g_close (fd, NULL);
    posada_wizard_set_source (rig->wizard, disk_file);
    settle (600);
    get (rig, "Format");
    posada_wizard_set_source (rig->wizard, kernel_file);
    settle (600);
    get (rig, "Command Line");
    posada_wizard_set_source (rig->wizard, iso_file);
    settle (600);
    get (rig, "Create");
    /* A name that nobody typed follows the file. */
    CHECK_STRING (gtk_editable_get_text (GTK_EDITABLE (get (rig, "Name"))), "some");
    rig_free (rig);
}

TEST (file_given_at_once_gets_its_page)
{
    struct rig *rig = rig_new (NULL);
    PosadaWizard *wizard = posada_wizard_new (rig->place.store, NULL);
    g_autofree char *disk = place_make_image (&rig->place, "disk.img", "qcow2");
    g_autoptr (GFile) file = g_file_new_for_path (disk);

    adw_dialog_force_close (ADW_DIALOG (rig->wizard));
    settle (600);
    rig->wizard = wizard;
    adw_dialog_present (ADW_DIALOG (wizard), GTK_WIDGET (rig->window));
    posada_wizard_set_source (wizard, file);
    settle (1000);
    get (rig, "Format");
    rig_free (rig);
}

TEST (refusal_is_at_its_row_before_create)
{
    const char *const names[] = {"Taken", NULL};
    struct rig *rig = rig_new (names);
    g_autofree char *bad = place_write (&rig->place, "bad.iso", "Hello", 5);
    g_autoptr (GFile) file = g_file_new_for_path (bad);
    GtkWidget *row;

    click (rig, "Empty Machine");
    gtk_editable_set_text (GTK_EDITABLE (get (rig, "Name")), "taken");
    settle (100);
    CHECK (!gtk_widget_is_sensitive (get (rig, "Create")));
    row = gtk_widget_get_next_sibling (get (rig, "Name"));
    CHECK (gtk_widget_get_visible (row));
    CHECK_CONTAINS (adw_action_row_get_subtitle (ADW_ACTION_ROW (row)), "has this name");
    gtk_editable_set_text (GTK_EDITABLE (get (rig, "Name")), "free");
    settle (100);
    CHECK (gtk_widget_is_sensitive (get (rig, "Create")));
    adw_expander_row_set_expanded (ADW_EXPANDER_ROW (get (rig, "Hardware")), TRUE);
    settle (400);
    row = get (rig, "Memory");
    adw_spin_row_set_value (ADW_SPIN_ROW (row), 16777216);
    settle (100);
    CHECK (gtk_widget_has_css_class (row, "problem"));
    CHECK_CONTAINS (adw_action_row_get_subtitle (ADW_ACTION_ROW (row)), "free");
    CHECK (!gtk_widget_is_sensitive (get (rig, "Create")));
    posada_wizard_set_source (rig->wizard, file);
    settle (600);
    row = get (rig, "bad.iso");
    CHECK_CONTAINS (adw_action_row_get_subtitle (ADW_ACTION_ROW (row)), "No machine can start");
    CHECK (!gtk_widget_is_sensitive (get (rig, "Create")));
    rig_free (rig);
}

/* Tab, until the focus is in a row or on a button of that title. */
static void
tab_to (struct rig *self, const char *title)
{
    for (guint i = 0; i < 40; i++) {
        GtkWidget *focus = gtk_root_get_focus (GTK_ROOT (self->window));

        if (focus && g_strcmp0 (get_title (focus), title) == 0)
            return;
        gtk_widget_child_focus (GTK_WIDGET (self->wizard), GTK_DIR_TAB_FORWARD);
        settle (10);
    }
    tap_fail (__FILE__, __LINE__, "Tab does not lead to “%s”", title);
}

TEST (keys_alone_make_a_machine)
{
    struct rig *rig = rig_new (NULL);
    GtkWidget *focus;

    tab_to (rig, "Empty Machine");
    gtk_widget_activate (gtk_root_get_focus (GTK_ROOT (rig->window)));
    settle (600);
    /* The name has the focus, and Enter there creates. */
    focus = gtk_root_get_focus (GTK_ROOT (rig->window));
    CHECK (gtk_widget_is_ancestor (focus, get (rig, "Name")));
    tab_to (rig, "Hardware");
    gtk_widget_grab_focus (get (rig, "Name"));
    for (guint i = 0; i < 250 && !gtk_widget_is_sensitive (get (rig, "Create")); i++)
        settle (20);
    /* What Enter does in a text. */
    g_signal_emit_by_name (gtk_root_get_focus (GTK_ROOT (rig->window)), "activate");
    wait_for_machine (rig);
    rig_free (rig);
}

/* As the file chooser does. */
static void
choose_disk (struct rig *self, const char *path)
{
    g_autofree char *uri = g_filename_to_uri (path, NULL, NULL);

    gtk_widget_activate_action (GTK_WIDGET (self->wizard), "wizard.choose", "(su)", uri,
                                (guint) POSADA_MEDIUM_DISK);
    settle (600);
}

TEST (disk_is_chosen_copied_and_shown)
{
    struct rig *rig = rig_new (NULL);
    g_autofree char *path = place_make_image (&rig->place, "old.img", "raw");

    choose_disk (rig, path);
    adw_combo_row_set_selected (ADW_COMBO_ROW (get (rig, "Use")), 1);
    click (rig, "_Next");
    settle (400);
    CHECK_STRING (adw_action_row_get_subtitle (ADW_ACTION_ROW (get (rig, "old.img"))),
                  "A copy of this disk");
    click (rig, "Create");
    wait_for_machine (rig);
    rig_free (rig);
}

TEST (copy_that_is_cancelled_goes_back_to_the_review)
{
    struct rig *rig = rig_new (NULL);
    g_autofree char *path = g_build_filename (rig->place.folder, "big.img", NULL);
    g_autofree char *piece = g_strnfill (64 << 20, 'x');
    g_autoptr (GPtrArray) machines = NULL;

    CHECK (g_file_set_contents (path, piece, 64 << 20, NULL));
    choose_disk (rig, path);
    adw_combo_row_set_selected (ADW_COMBO_ROW (get (rig, "Use")), 1);
    click (rig, "_Next");
    /* At once: as fast as nobody's fingers are. */
    gtk_widget_activate_action (GTK_WIDGET (rig->wizard), "wizard.create", NULL);
    adw_dialog_close (ADW_DIALOG (rig->wizard));
    settle (1000);
    CHECK (!rig->created);
    get (rig, "Create");
    machines = posada_store_list (rig->place.store, NULL);
    CHECK (!machines || machines->len == 0);
    rig_free (rig);
}

int
main (int argc, char **argv)
{
    g_autofree char *config = g_strdup (g_getenv ("XDG_CONFIG_HOME"));
    g_autofree char *file = NULL, *text = NULL;

    downloads = g_dir_make_tmp ("posada-downloads-XXXXXX", NULL);
    if (config) {
        g_mkdir_with_parents (config, 0700);
        file = g_build_filename (config, "user-dirs.dirs", NULL);
        text = g_strdup_printf ("XDG_DOWNLOAD_DIR=\"%s\"\n", downloads);
        g_file_set_contents (file, text, -1, NULL);
    }
    dex_init ();
    adw_init ();
    g_log_set_always_fatal (G_LOG_LEVEL_WARNING | G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
    return tap_main (argc, argv);
}
