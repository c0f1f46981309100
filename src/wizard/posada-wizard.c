/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wizard/posada-wizard.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "store/posada-device.h"
#include "store/posada-store-async.h"
#include "wizard/posada-medium.h"

#define MIB       (G_GUINT64_CONSTANT (1) << 20)
#define GIB       (G_GUINT64_CONSTANT (1) << 30)
#define DISK_NAME "disk.img"

struct _PosadaWizard {
    AdwDialog parent_instance;

    PosadaStore *store;
    GStrv names;
    GFile *source;
    PosadaMedium *medium; /* NULL: not recognized yet, or no good */
    guint64 host_memory;
    guint64 free_space; /* bytes; 0: nobody knows */
    gboolean creating;

    GtkWidget *create_button;
    AdwActionRow *source_row;
    GtkWidget *source_spinner;
    AdwEntryRow *name_row;
    AdwActionRow *name_problem_row;
    AdwExpanderRow *hardware_row;
    AdwSpinRow *memory_row;
    AdwSpinRow *cpus_row;
    AdwSpinRow *disk_row;
    AdwActionRow *failure_row;
};

G_DEFINE_FINAL_TYPE (PosadaWizard, posada_wizard, ADW_TYPE_DIALOG)

enum {
    CREATED,
    N_SIGNALS,
};
static guint signals[N_SIGNALS];

/* --- what is wrong --- */

static char *
get_name (PosadaWizard *self)
{
    return g_strstrip (g_strdup (gtk_editable_get_text (GTK_EDITABLE (self->name_row))));
}

static char *
find_name_problem (PosadaWizard *self, const char *name)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *folded = g_utf8_casefold (name, -1);

    if (name[0] == '\0')
        return NULL;
    if (!posada_definition_check_name (name, &error))
        return g_strdup (error->message);
    for (guint i = 0; self->names && self->names[i]; i++) {
        g_autofree char *other = g_utf8_casefold (self->names[i], -1);

        if (g_str_equal (folded, other))
            return g_strdup (_ ("Another machine has this name."));
    }
    return NULL;
}

/* Says @problem below the row's title, or how much is there if there is none. */
static gboolean
say (AdwSpinRow *row, gboolean problem, const char *text)
{
    adw_action_row_set_subtitle (ADW_ACTION_ROW (row), text);
    if (problem)
        gtk_widget_add_css_class (GTK_WIDGET (row), "problem");
    else
        gtk_widget_remove_css_class (GTK_WIDGET (row), "problem");
    return !problem;
}

static gboolean
check_hardware (PosadaWizard *self)
{
    guint64 memory = (guint64) adw_spin_row_get_value (self->memory_row) * MIB;
    guint64 disk = (guint64) adw_spin_row_get_value (self->disk_row) * GIB;
    guint cpus = (guint) adw_spin_row_get_value (self->cpus_row);
    g_autofree char *memory_text = NULL;
    g_autofree char *space_text = NULL;
    g_autofree char *cpus_text = NULL;
    g_autofree char *host_size = g_format_size_full (self->host_memory, G_FORMAT_SIZE_IEC_UNITS);
    g_autofree char *free_size = g_format_size_full (self->free_space, G_FORMAT_SIZE_IEC_UNITS);
    gboolean fits;

    /* Translators: how much memory this computer has */
    memory_text = g_strdup_printf (_ ("MiB, this computer has %s"), host_size);
    space_text = g_strdup_printf (_ ("GiB, %s are free"), free_size);
    cpus_text = g_strdup_printf (_ ("This computer has %u"), g_get_num_processors ());
    fits = say (self->memory_row, memory > self->host_memory, memory_text);
    fits &= say (self->cpus_row, cpus > 64, cpus_text);
    fits &= say (self->disk_row, self->free_space && disk > self->free_space,
                 self->free_space ? space_text : _ ("GiB"));
    if (!fits)
        adw_expander_row_set_expanded (self->hardware_row, TRUE);
    return fits;
}

static void
check (PosadaWizard *self)
{
    g_autofree char *name = get_name (self);
    g_autofree char *problem = find_name_problem (self, name);
    g_autofree char *summary = NULL;
    gboolean fits = check_hardware (self);

    adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->name_problem_row), "");
    adw_action_row_set_subtitle (self->name_problem_row, problem ? problem : "");
    gtk_widget_set_visible (GTK_WIDGET (self->name_problem_row), problem != NULL);
    /* Translators: memory in MiB, number of processors, size of a disk in GiB */
    summary = g_strdup_printf (_ ("%.0f MiB of memory, %.0f processors, %.0f GiB disk"),
                               adw_spin_row_get_value (self->memory_row),
                               adw_spin_row_get_value (self->cpus_row),
                               adw_spin_row_get_value (self->disk_row));
    adw_expander_row_set_subtitle (self->hardware_row, summary);
    gtk_widget_set_sensitive (self->create_button,
                              self->medium && name[0] && !problem && fits && !self->creating);
}

static void
check_cb (PosadaWizard *self)
{
    check (self);
}

/* --- the medium --- */

/* The wish, with a number behind it if there is such a machine. */
static void
suggest_name (PosadaWizard *self, const char *wish)
{
    g_autofree char *name = g_strdup (wish);

    g_strdelimit (name, "/\n", ' ');
    for (guint i = 2; i < 1000; i++) {
        g_autofree char *problem = find_name_problem (self, name);

        if (!problem)
            break;
        g_free (name);
        name = g_strdup_printf ("%s %u", wish, i);
    }
    gtk_editable_set_text (GTK_EDITABLE (self->name_row), name);
}

/* What the system would like, at most half of what this computer has. */
static void
apply_medium (PosadaWizard *self)
{
    guint64 memory = self->medium->memory ? self->medium->memory : 2 * GIB;
    guint64 disk = self->medium->storage ? self->medium->storage : 20 * GIB;
    guint cpus = MAX (self->medium->cpus, 2);

    if (self->host_memory)
        memory = MIN (memory, self->host_memory / 2);
    if (self->free_space > 2 * GIB)
        disk = MIN (disk, self->free_space - GIB);
    adw_spin_row_set_value (self->memory_row, (double) (memory / MIB));
    adw_spin_row_set_value (self->disk_row, (double) MAX (disk / GIB, 1));
    adw_spin_row_set_value (self->cpus_row, MIN (cpus, g_get_num_processors ()));
}

struct recognition {
    PosadaWizard *wizard;
    GFile *file;
};

static void
recognition_free (gpointer data)
{
    struct recognition *recognition = data;

    g_object_unref (recognition->wizard);
    g_object_unref (recognition->file);
    g_free (recognition);
}

static DexFuture *
recognized_cb (DexFuture *future, gpointer user_data)
{
    struct recognition *recognition = user_data;
    PosadaWizard *self = recognition->wizard;
    g_autofree char *base = g_file_get_basename (recognition->file);
    g_autoptr (GError) error = NULL;
    const GValue *value = dex_future_get_value (future, &error);

    if (self->source != recognition->file)
        return dex_future_new_true ();
    gtk_widget_set_visible (self->source_spinner, FALSE);
    if (value) {
        self->medium = g_value_dup_boxed (value);
        apply_medium (self);
        adw_action_row_set_subtitle (self->source_row, self->medium->os_name
                                                           ? self->medium->os_name
                                                           : _ ("An unknown system"));
        if (self->medium->os_name) {
            suggest_name (self, self->medium->os_name);
        } else {
            char *dot = strrchr (base, '.');

            if (dot && dot > base)
                *dot = '\0';
            suggest_name (self, base);
        }
    } else {
        adw_action_row_set_subtitle (self->source_row, error->message);
        gtk_widget_add_css_class (GTK_WIDGET (self->source_row), "problem");
    }
    check (self);
    return dex_future_new_true ();
}

static void
opened_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr (PosadaWizard) self = user_data;
    g_autoptr (GFile) file = gtk_file_dialog_open_finish (GTK_FILE_DIALOG (source), result, NULL);

    if (file)
        posada_wizard_set_source (self, file);
}

static void
choose_cb (PosadaWizard *self)
{
    g_autoptr (GtkFileDialog) dialog = gtk_file_dialog_new ();
    g_autoptr (GListStore) filters = g_list_store_new (GTK_TYPE_FILE_FILTER);
    g_autoptr (GtkFileFilter) images = gtk_file_filter_new ();
    g_autoptr (GtkFileFilter) all = gtk_file_filter_new ();
    GtkRoot *root = gtk_widget_get_root (GTK_WIDGET (self));

    gtk_file_filter_set_name (images, _ ("Installation Images"));
    gtk_file_filter_add_suffix (images, "iso");
    gtk_file_filter_set_name (all, _ ("All Files"));
    gtk_file_filter_add_pattern (all, "*");
    g_list_store_append (filters, images);
    g_list_store_append (filters, all);
    gtk_file_dialog_set_title (dialog, _ ("Choose an Installation Image"));
    gtk_file_dialog_set_filters (dialog, G_LIST_MODEL (filters));
    gtk_file_dialog_open (dialog, GTK_IS_WINDOW (root) ? GTK_WINDOW (root) : NULL, NULL, opened_cb,
                          g_object_ref (self));
}

/* --- creating --- */

struct disk {
    guint64 size;
};

/* A sparse file: it takes up what the guest writes. On another thread. */
static gboolean
make_disk_cb (const char *folder, gpointer data, GError **error)
{
    struct disk *disk = data;
    g_autofree char *path = g_build_filename (folder, DISK_NAME, NULL);
    g_autofd int fd = g_open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd >= 0 && ftruncate (fd, (off_t) disk->size) == 0)
        return TRUE;
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                 _ ("The disk could not be made: %s."), g_strerror (errno));
    return FALSE;
}

static PosadaDefinition *
make_definition (PosadaWizard *self, GError **error)
{
    g_autofree char *name = get_name (self);
    g_autofree char *iso = g_file_get_path (self->source);
    g_autoptr (PosadaDefinition) definition = posada_definition_new (name, error);
    g_autofree char *uuid = NULL;
    g_autofree char *folder = NULL;
    g_autofree char *path = NULL;
    PosadaDisk cdrom = {.kind = POSADA_DISK_CDROM,
                        .path = iso,
                        .bus = POSADA_BUS_SATA,
                        .read_only = TRUE,
                        .boot_order = 2};
    PosadaDisk disk = {.kind = POSADA_DISK_DISK, .bus = POSADA_BUS_VIRTIO, .boot_order = 1};

    if (!definition)
        return NULL;
    uuid = posada_definition_get_uuid (definition);
    folder = posada_store_get_machine_folder (self->store, uuid);
    path = g_build_filename (folder, DISK_NAME, NULL);
    disk.path = path;
    /* The disk comes first: empty, it does not boot, and once installed, it does. */
    if (!posada_definition_set_memory (
            definition, (guint64) adw_spin_row_get_value (self->memory_row) * MIB, error) ||
        !posada_definition_set_vcpus (definition, (guint) adw_spin_row_get_value (self->cpus_row),
                                      error) ||
        !posada_definition_add_disk (definition, &disk, error) ||
        !posada_definition_add_disk (definition, &cdrom, error) ||
        !posada_definition_set_video_model (definition, "virtio", error))
        return NULL;
    if (self->medium->os_id &&
        (!posada_definition_set_os_id (definition, self->medium->os_id, error) ||
         !posada_definition_set_title (definition, self->medium->os_name, error)))
        return NULL;
    return g_steal_pointer (&definition);
}

static void
show_failure (PosadaWizard *self, const char *message)
{
    adw_action_row_set_subtitle (self->failure_row, message);
    gtk_widget_set_visible (GTK_WIDGET (self->failure_row), TRUE);
    self->creating = FALSE;
    check (self);
}

static DexFuture *
created_cb (DexFuture *future, gpointer user_data)
{
    PosadaWizard *self = user_data;
    g_autoptr (GError) error = NULL;
    const GValue *value = dex_future_get_value (future, &error);

    if (value) {
        g_signal_emit (self, signals[CREATED], 0, g_value_get_string (value));
        adw_dialog_force_close (ADW_DIALOG (self));
    } else {
        show_failure (self, error->message);
    }
    return dex_future_new_true ();
}

static void
create_cb (PosadaWizard *self)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PosadaDefinition) definition = make_definition (self, &error);
    struct disk *disk;

    gtk_widget_set_visible (GTK_WIDGET (self->failure_row), FALSE);
    if (!definition) {
        show_failure (self, error->message);
        return;
    }
    self->creating = TRUE;
    check (self);
    disk = g_new0 (struct disk, 1);
    disk->size = (guint64) adw_spin_row_get_value (self->disk_row) * GIB;
    dex_future_disown (dex_future_finally (
        posada_store_create_async (self->store, definition, make_disk_cb, disk, g_free), created_cb,
        g_object_ref (self), g_object_unref));
}

static void
cancel_cb (PosadaWizard *self)
{
    adw_dialog_close (ADW_DIALOG (self));
}

/* --- class --- */

static void
space_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr (PosadaWizard) self = user_data;
    g_autoptr (GFileInfo) info =
        g_file_query_filesystem_info_finish (G_FILE (source), result, NULL);

    if (!info)
        return;
    self->free_space = g_file_info_get_attribute_uint64 (info, G_FILE_ATTRIBUTE_FILESYSTEM_FREE);
    check (self);
}

static void
posada_wizard_dispose (GObject *object)
{
    PosadaWizard *self = POSADA_WIZARD (object);

    g_clear_object (&self->store);
    g_clear_object (&self->source);
    g_clear_pointer (&self->medium, posada_medium_free);
    g_clear_pointer (&self->names, g_strfreev);
    G_OBJECT_CLASS (posada_wizard_parent_class)->dispose (object);
}

static void
posada_wizard_class_init (PosadaWizardClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    G_OBJECT_CLASS (klass)->dispose = posada_wizard_dispose;
    signals[CREATED] = g_signal_new ("created", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                     NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
    gtk_widget_class_set_template_from_resource (widget_class,
                                                 "/io/posada/Posada/ui/wizard/posada-wizard.ui");
    gtk_widget_class_bind_template_child (widget_class, PosadaWizard, create_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaWizard, source_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaWizard, source_spinner);
    gtk_widget_class_bind_template_child (widget_class, PosadaWizard, name_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaWizard, name_problem_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaWizard, hardware_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaWizard, memory_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaWizard, cpus_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaWizard, disk_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaWizard, failure_row);
    gtk_widget_class_bind_template_callback (widget_class, check_cb);
    gtk_widget_class_bind_template_callback (widget_class, choose_cb);
    gtk_widget_class_bind_template_callback (widget_class, create_cb);
    gtk_widget_class_bind_template_callback (widget_class, cancel_cb);
}

static void
posada_wizard_init (PosadaWizard *self)
{
    self->host_memory = (guint64) sysconf (_SC_PHYS_PAGES) * (guint64) sysconf (_SC_PAGESIZE);
    gtk_widget_init_template (GTK_WIDGET (self));
}

PosadaWizard *
posada_wizard_new (PosadaStore *store, const char *const *names)
{
    PosadaWizard *self;
    g_autoptr (GFile) home = g_file_new_for_path (g_get_home_dir ());

    g_return_val_if_fail (POSADA_IS_STORE (store), NULL);

    self = g_object_new (POSADA_TYPE_WIZARD, NULL);
    self->store = g_object_ref (store);
    self->names = g_strdupv ((GStrv) names);
    g_file_query_filesystem_info_async (home, G_FILE_ATTRIBUTE_FILESYSTEM_FREE, G_PRIORITY_DEFAULT,
                                        NULL, space_cb, g_object_ref (self));
    check (self);
    return self;
}

void
posada_wizard_set_source (PosadaWizard *self, GFile *file)
{
    g_autofree char *base = NULL;
    struct recognition *recognition;

    g_return_if_fail (POSADA_IS_WIZARD (self));
    g_return_if_fail (G_IS_FILE (file));

    g_set_object (&self->source, file);
    g_clear_pointer (&self->medium, posada_medium_free);
    base = g_file_get_basename (file);
    adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (self->source_row), FALSE);
    adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->source_row), base);
    adw_action_row_set_subtitle (self->source_row, _ ("Looking what it is…"));
    gtk_widget_remove_css_class (GTK_WIDGET (self->source_row), "problem");
    gtk_widget_set_visible (self->source_spinner, TRUE);
    check (self);
    recognition = g_new0 (struct recognition, 1);
    recognition->wizard = g_object_ref (self);
    recognition->file = g_object_ref (file);
    dex_future_disown (dex_future_finally (posada_medium_recognize (file), recognized_cb,
                                           recognition, recognition_free));
}
