/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "details/posada-disks-page.h"

#include <glib/gi18n.h>

#include "details/posada-disk-dialogs.h"
#include "details/posada-disk-row.h"

#define PROGRESS_MS 100

struct _PosadaDisksPage {
    AdwNavigationPage parent_instance;

    PosadaMachine *machine;
    PosadaDiskCare *care; /* NULL without a machine, or if nobody may touch its disks */
    GHashTable *rows;     /* targets: rows, borrowed */
    guint timer;

    AdwToastOverlay *toasts;
    GtkMenuButton *add_button;
    AdwBanner *error_banner;
    AdwBanner *obstacle_banner;
    GtkRevealer *revealer;
    GtkLabel *task_label;
    GtkLabel *bytes_label;
    GtkProgressBar *progress_bar;
    GtkWidget *cancel_button;
    GtkStack *stack;
    AdwPreferencesGroup *disks_group;
    AdwPreferencesGroup *drives_group;
};

G_DEFINE_FINAL_TYPE (PosadaDisksPage, posada_disks_page, ADW_TYPE_NAVIGATION_PAGE)

/* --- what goes on --- */

static void
update_progress (PosadaDisksPage *self)
{
    g_autofree char *text = NULL, *done_text = NULL, *total_text = NULL;
    guint64 done, total;

    if (!self->care || !posada_disk_care_get_progress (self->care, &done, &total)) {
        gtk_progress_bar_pulse (self->progress_bar);
        gtk_label_set_label (self->bytes_label, "");
        return;
    }
    done_text = g_format_size_full (done, G_FORMAT_SIZE_IEC_UNITS);
    total_text = g_format_size_full (total, G_FORMAT_SIZE_IEC_UNITS);
    /* Translators: two sizes, as in “1.2 GiB of 8 GiB” */
    text = g_strdup_printf (_ ("%s of %s"), done_text, total_text);
    gtk_progress_bar_set_fraction (self->progress_bar, (double) done / (double) total);
    gtk_label_set_label (self->bytes_label, text);
}

static gboolean
timer_cb (gpointer data)
{
    update_progress (data);
    return G_SOURCE_CONTINUE;
}

static void
enable (PosadaDisksPage *self, gboolean enabled)
{
    static const char *const actions[] = {
        "disk.create",  "disk.add-file",         "disk.resize", "disk.compact",
        "disk.convert", "disk.make-independent", "disk.check",  "disk.remove",
    };

    for (gsize i = 0; i < G_N_ELEMENTS (actions); i++)
        gtk_widget_action_set_enabled (GTK_WIDGET (self), actions[i], enabled);
    gtk_widget_set_sensitive (GTK_WIDGET (self->add_button), enabled);
}

/* Discs are changed while the machine runs, too. */
static gboolean
can_change_discs (PosadaDisksPage *self)
{
    PosadaMachineState state = posada_machine_get_state (self->machine);

    return state == POSADA_MACHINE_RUNNING || state == POSADA_MACHINE_PAUSED ||
           !posada_disk_care_get_obstacle (self->care);
}

static void
update_state (PosadaDisksPage *self)
{
    const char *task = self->care ? posada_disk_care_get_task (self->care) : NULL;
    const char *obstacle = self->care ? posada_disk_care_get_obstacle (self->care) : NULL;
    gboolean discs = self->care && !task && can_change_discs (self);

    gtk_revealer_set_reveal_child (self->revealer, task != NULL);
    if (task)
        gtk_label_set_label (self->task_label, task);
    if (task && !self->timer)
        self->timer = g_timeout_add (PROGRESS_MS, timer_cb, self);
    else if (!task)
        g_clear_handle_id (&self->timer, g_source_remove);
    if (task)
        update_progress (self);
    gtk_widget_set_visible (self->cancel_button,
                            self->care && posada_disk_care_can_cancel (self->care));
    adw_banner_set_revealed (self->obstacle_banner, obstacle != NULL);
    if (obstacle)
        adw_banner_set_title (self->obstacle_banner, obstacle);
    enable (self, self->care && !task && !obstacle);
    gtk_widget_action_set_enabled (GTK_WIDGET (self), "disk.insert", discs);
    gtk_widget_action_set_enabled (GTK_WIDGET (self), "disk.eject", discs);
}

void
posada_disks_page_complain (PosadaDisksPage *self, const char *sentence)
{
    adw_banner_set_title (self->error_banner, sentence);
    adw_banner_set_revealed (self->error_banner, TRUE);
    gtk_accessible_announce (GTK_ACCESSIBLE (self), sentence,
                             GTK_ACCESSIBLE_ANNOUNCEMENT_PRIORITY_HIGH);
}

void
posada_disks_page_toast (PosadaDisksPage *self, const char *text)
{
    AdwToast *toast = adw_toast_new (text);

    adw_toast_set_use_markup (toast, FALSE);
    adw_toast_overlay_add_toast (self->toasts, toast);
}

typedef struct {
    PosadaDisksPage *page;
    char *toast;
    PosadaDiskInfo *info;
} Work;

static Work *
work_new (PosadaDisksPage *page, const char *toast, PosadaDiskInfo *info)
{
    Work *work = g_new0 (Work, 1);

    work->page = g_object_ref (page);
    work->toast = g_strdup (toast);
    g_set_object (&work->info, info);
    return work;
}

static void
work_free (gpointer data)
{
    Work *work = data;

    g_object_unref (work->page);
    g_free (work->toast);
    g_clear_object (&work->info);
    g_free (work);
}

/* Whether it went well; else that was said. */
static gboolean
went_well (PosadaDisksPage *self, DexFuture *future)
{
    g_autoptr (GError) error = NULL;

    if (dex_future_get_value (future, &error))
        return TRUE;
    if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        posada_disks_page_complain (self, error->message);
    return FALSE;
}

static DexFuture *
done_cb (DexFuture *future, gpointer data)
{
    Work *work = data;

    if (went_well (work->page, future) && work->toast)
        posada_disks_page_toast (work->page, work->toast);
    return dex_future_new_true ();
}

void
posada_disks_page_follow (PosadaDisksPage *self, DexFuture *future, const char *toast)
{
    adw_banner_set_revealed (self->error_banner, FALSE);
    dex_future_disown (
        dex_future_finally (future, done_cb, work_new (self, toast, NULL), work_free));
}

/* --- the list --- */

static void
update_row (PosadaDisksPage *self, PosadaDiskInfo *info)
{
    const PosadaDiskData *data = posada_disk_info_get (info);
    GtkWidget *row = g_hash_table_lookup (self->rows, data->target);

    if (!row) {
        row = data->is_drive ? posada_drive_row_new (data->target)
                             : posada_disk_row_new (data->target);
        adw_preferences_group_add (data->is_drive ? self->drives_group : self->disks_group, row);
        g_hash_table_insert (self->rows, g_strdup (data->target), row);
    }
    if (data->is_drive)
        posada_drive_row_set_info (row, info);
    else
        posada_disk_row_set_info (POSADA_DISK_ROW (row), info);
}

static void
remove_row (PosadaDisksPage *self, GtkWidget *row)
{
    GtkWidget *group = gtk_widget_get_ancestor (row, ADW_TYPE_PREFERENCES_GROUP);

    adw_preferences_group_remove (ADW_PREFERENCES_GROUP (group), row);
}

/* Rows stay what they are, unfolded and with the focus in them, when their disks are looked at
 * again. */
static void
update_list (PosadaDisksPage *self)
{
    GListModel *list = self->care ? posada_disk_care_get_disks (self->care) : NULL;
    guint n = list ? g_list_model_get_n_items (list) : 0, n_drives = 0;
    GHashTableIter iter;
    gpointer target, row;

    g_hash_table_iter_init (&iter, self->rows);
    while (g_hash_table_iter_next (&iter, &target, &row)) {
        PosadaDiskInfo *info = self->care ? posada_disk_care_find (self->care, target) : NULL;

        if (info && posada_disk_info_get (info)->is_drive != POSADA_IS_DISK_ROW (row))
            continue;
        remove_row (self, row);
        g_hash_table_iter_remove (&iter);
    }
    for (guint i = 0; i < n; i++) {
        g_autoptr (PosadaDiskInfo) info = g_list_model_get_item (list, i);

        update_row (self, info);
        n_drives += posada_disk_info_get (info)->is_drive != 0;
    }
    gtk_widget_set_visible (GTK_WIDGET (self->disks_group), n > n_drives);
    gtk_widget_set_visible (GTK_WIDGET (self->drives_group), n_drives > 0);
    gtk_stack_set_visible_child_name (self->stack, n > 0 ? "list" : "empty");
}

/* --- actions --- */

static PosadaDiskInfo *
find (PosadaDisksPage *self, GVariant *parameter)
{
    return self->care ? posada_disk_care_find (self->care, g_variant_get_string (parameter, NULL))
                      : NULL;
}

static void
create_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    posada_disk_dialogs_create (POSADA_DISKS_PAGE (widget));
}

static DexFuture *
recognized_cb (DexFuture *future, gpointer data)
{
    Work *work = data;
    g_autoptr (GError) error = NULL;
    const GValue *value = dex_future_get_value (future, &error);

    if (!work->page->care)
        return dex_future_new_true ();
    if (value)
        posada_disk_dialogs_add (work->page, work->toast, g_value_get_string (value));
    else if (g_error_matches (error, POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_WRONG_STATE))
        posada_disk_dialogs_add (work->page, work->toast, NULL);
    else
        posada_disks_page_complain (work->page, error->message);
    return dex_future_new_true ();
}

void
posada_disks_page_add_file (PosadaDisksPage *self, GFile *file)
{
    g_autofree char *path = g_file_get_path (file);

    g_return_if_fail (POSADA_IS_DISKS_PAGE (self) && self->care);

    if (path)
        dex_future_disown (dex_future_finally (posada_disk_care_recognize (self->care, path),
                                               recognized_cb, work_new (self, path, NULL),
                                               work_free));
    else
        posada_disks_page_complain (self, _ ("That file is not on this computer: copy it first."));
}

static void
file_chosen_cb (GObject *dialog, GAsyncResult *result, gpointer data)
{
    g_autoptr (PosadaDisksPage) self = data;
    g_autoptr (GFile) file = gtk_file_dialog_open_finish (GTK_FILE_DIALOG (dialog), result, NULL);

    if (file && self->care)
        posada_disks_page_add_file (self, file);
}

static void
add_file_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    g_autoptr (GtkFileDialog) dialog = gtk_file_dialog_new ();

    gtk_file_dialog_set_title (dialog, _ ("Choose a Disk Image"));
    gtk_file_dialog_open (dialog, GTK_WINDOW (gtk_widget_get_root (widget)), NULL, file_chosen_cb,
                          g_object_ref (widget));
}

static void
asking_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    static const struct {
        const char *action;
        void (*ask) (PosadaDisksPage *page, PosadaDiskInfo *info);
    } dialogs[] = {
        {"disk.resize", posada_disk_dialogs_resize},
        {"disk.compact", posada_disk_dialogs_compact},
        {"disk.convert", posada_disk_dialogs_convert},
        {"disk.make-independent", posada_disk_dialogs_make_independent},
        {"disk.remove", posada_disk_dialogs_remove},
    };
    PosadaDisksPage *self = POSADA_DISKS_PAGE (widget);
    PosadaDiskInfo *info = find (self, parameter);

    for (gsize i = 0; info && i < G_N_ELEMENTS (dialogs); i++)
        if (g_str_equal (dialogs[i].action, action))
            dialogs[i].ask (self, info);
}

static DexFuture *
checked_cb (DexFuture *future, gpointer data)
{
    Work *work = data;

    if (went_well (work->page, future))
        posada_disk_dialogs_found (work->page, work->info,
                                   g_value_get_uint (dex_future_get_value (future, NULL)));
    return dex_future_new_true ();
}

static void
check_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaDisksPage *self = POSADA_DISKS_PAGE (widget);
    PosadaDiskInfo *info = find (self, parameter);

    if (!info)
        return;
    adw_banner_set_revealed (self->error_banner, FALSE);
    dex_future_disown (dex_future_finally (
        posada_disk_care_check (self->care, posada_disk_info_get (info)->target), checked_cb,
        work_new (self, NULL, info), work_free));
}

static void
cancel_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaDisksPage *self = POSADA_DISKS_PAGE (widget);

    if (self->care)
        posada_disk_care_cancel (self->care);
}

static void
eject_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaDisksPage *self = POSADA_DISKS_PAGE (widget);
    const char *target = g_variant_get_string (parameter, NULL);

    if (self->care)
        posada_disks_page_follow (self, posada_disk_care_set_medium (self->care, target, NULL),
                                  NULL);
}

static void
disc_chosen_cb (GObject *dialog, GAsyncResult *result, gpointer data)
{
    Work *work = data;
    g_autoptr (GFile) file = gtk_file_dialog_open_finish (GTK_FILE_DIALOG (dialog), result, NULL);
    g_autofree char *path = file ? g_file_get_path (file) : NULL;

    if (path && work->page->care)
        posada_disks_page_follow (
            work->page, posada_disk_care_set_medium (work->page->care, work->toast, path), NULL);
    else if (file)
        posada_disks_page_complain (work->page,
                                    _ ("That file is not on this computer: copy it first."));
    work_free (work);
}

static void
insert_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    g_autoptr (GtkFileDialog) dialog = gtk_file_dialog_new ();
    g_autoptr (GListStore) filters = g_list_store_new (GTK_TYPE_FILE_FILTER);
    g_autoptr (GtkFileFilter) discs = gtk_file_filter_new (), all = gtk_file_filter_new ();

    gtk_file_filter_set_name (discs, _ ("Disc Images"));
    gtk_file_filter_add_suffix (discs, "iso");
    gtk_file_filter_add_suffix (discs, "img");
    gtk_file_filter_set_name (all, _ ("All Files"));
    gtk_file_filter_add_pattern (all, "*");
    g_list_store_append (filters, discs);
    g_list_store_append (filters, all);
    gtk_file_dialog_set_filters (dialog, G_LIST_MODEL (filters));
    gtk_file_dialog_set_title (dialog, _ ("Choose a Disc Image"));
    gtk_file_dialog_open (
        dialog, GTK_WINDOW (gtk_widget_get_root (widget)), NULL, disc_chosen_cb,
        work_new (POSADA_DISKS_PAGE (widget), g_variant_get_string (parameter, NULL), NULL));
}

/* --- class --- */

static void
menu_used_cb (PosadaDisksPage *self)
{
    gtk_menu_button_popdown (self->add_button);
}

static void
dismissed_cb (PosadaDisksPage *self)
{
    adw_banner_set_revealed (self->error_banner, FALSE);
}

static void
posada_disks_page_dispose (GObject *object)
{
    PosadaDisksPage *self = POSADA_DISKS_PAGE (object);

    g_clear_handle_id (&self->timer, g_source_remove);
    if (self->care) {
        g_signal_handlers_disconnect_by_data (self->care, self);
        g_signal_handlers_disconnect_by_data (posada_disk_care_get_disks (self->care), self);
    }
    g_clear_object (&self->care);
    g_clear_object (&self->machine);
    G_OBJECT_CLASS (posada_disks_page_parent_class)->dispose (object);
}

static void
posada_disks_page_finalize (GObject *object)
{
    g_hash_table_unref (POSADA_DISKS_PAGE (object)->rows);
    G_OBJECT_CLASS (posada_disks_page_parent_class)->finalize (object);
}

static void
bind_children (GtkWidgetClass *widget_class)
{
    gtk_widget_class_bind_template_child (widget_class, PosadaDisksPage, toasts);
    gtk_widget_class_bind_template_child (widget_class, PosadaDisksPage, add_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaDisksPage, error_banner);
    gtk_widget_class_bind_template_child (widget_class, PosadaDisksPage, obstacle_banner);
    gtk_widget_class_bind_template_child (widget_class, PosadaDisksPage, revealer);
    gtk_widget_class_bind_template_child (widget_class, PosadaDisksPage, task_label);
    gtk_widget_class_bind_template_child (widget_class, PosadaDisksPage, bytes_label);
    gtk_widget_class_bind_template_child (widget_class, PosadaDisksPage, progress_bar);
    gtk_widget_class_bind_template_child (widget_class, PosadaDisksPage, cancel_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaDisksPage, stack);
    gtk_widget_class_bind_template_child (widget_class, PosadaDisksPage, disks_group);
    gtk_widget_class_bind_template_child (widget_class, PosadaDisksPage, drives_group);
    gtk_widget_class_bind_template_callback (widget_class, menu_used_cb);
    gtk_widget_class_bind_template_callback (widget_class, dismissed_cb);
}

static void
posada_disks_page_class_init (PosadaDisksPageClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    G_OBJECT_CLASS (klass)->dispose = posada_disks_page_dispose;
    G_OBJECT_CLASS (klass)->finalize = posada_disks_page_finalize;
    gtk_widget_class_set_template_from_resource (
        widget_class, "/io/posada/Posada/ui/details/posada-disks-page.ui");
    bind_children (widget_class);
    gtk_widget_class_install_action (widget_class, "disk.create", NULL, create_cb);
    gtk_widget_class_install_action (widget_class, "disk.add-file", NULL, add_file_cb);
    gtk_widget_class_install_action (widget_class, "disk.resize", "s", asking_cb);
    gtk_widget_class_install_action (widget_class, "disk.compact", "s", asking_cb);
    gtk_widget_class_install_action (widget_class, "disk.convert", "s", asking_cb);
    gtk_widget_class_install_action (widget_class, "disk.make-independent", "s", asking_cb);
    gtk_widget_class_install_action (widget_class, "disk.remove", "s", asking_cb);
    gtk_widget_class_install_action (widget_class, "disk.check", "s", check_cb);
    gtk_widget_class_install_action (widget_class, "disk.cancel", NULL, cancel_cb);
    gtk_widget_class_install_action (widget_class, "disk.insert", "s", insert_cb);
    gtk_widget_class_install_action (widget_class, "disk.eject", "s", eject_cb);
}

static void
posada_disks_page_init (PosadaDisksPage *self)
{
    self->rows = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    gtk_widget_init_template (GTK_WIDGET (self));
    update_state (self);
}

GtkWidget *
posada_disks_page_new (void)
{
    return g_object_new (POSADA_TYPE_DISKS_PAGE, NULL);
}

PosadaDiskCare *
posada_disks_page_get_care (PosadaDisksPage *self)
{
    g_return_val_if_fail (POSADA_IS_DISKS_PAGE (self), NULL);
    return self->care;
}

void
posada_disks_page_set_machine (PosadaDisksPage *self, PosadaMachine *machine)
{
    PosadaDiskCare *care;

    g_return_if_fail (POSADA_IS_DISKS_PAGE (self));

    if (self->machine == machine)
        return;
    if (self->care) {
        g_signal_handlers_disconnect_by_data (self->care, self);
        g_signal_handlers_disconnect_by_data (posada_disk_care_get_disks (self->care), self);
    }
    g_set_object (&self->machine, machine);
    care = machine ? posada_machine_get_disk_care (machine) : NULL;
    g_set_object (&self->care, care);
    if (self->care) {
        g_signal_connect_object (self->care, "changed", G_CALLBACK (update_state), self,
                                 G_CONNECT_SWAPPED);
        g_signal_connect_object (posada_disk_care_get_disks (self->care), "items-changed",
                                 G_CALLBACK (update_list), self, G_CONNECT_SWAPPED);
        posada_disk_care_look (self->care);
    }
    update_list (self);
    update_state (self);
}
