/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-window.h"

#include <glib/gi18n.h>

#include "app/posada-host-dialog.h"
#include "app/posada-machine-page.h"
#include "app/posada-machine-row.h"
#include "app/posada-settings.h"
#include "machine/posada-machine-list.h"

struct _PosadaWindow {
    AdwApplicationWindow parent_instance;

    PosadaLibrary *library;
    GSettings *settings; /* or NULL */
    PosadaHost *host;    /* or NULL */
    GtkStringFilter *filter;
    GtkSorter *order_sorter; /* by what the user has chosen, and then */
    GtkSorter *name_sorter;
    PosadaOrder order;
    GtkSingleSelection *selection;
    gboolean collapsed_before; /* before full screen, not for lack of room */

    AdwToastOverlay *toasts;
    AdwBanner *host_banner;
    GtkStack *stack;
    AdwNavigationSplitView *split_view;
    GtkSearchBar *search_bar;
    GtkSearchEntry *search_entry;
    GtkStack *list_stack;
    GtkListView *list_view;
    PosadaMachinePage *machine_page;
};

G_DEFINE_FINAL_TYPE (PosadaWindow, posada_window, ADW_TYPE_APPLICATION_WINDOW)

/* --- the list --- */

static void
setup_row_cb (GtkSignalListItemFactory *factory, GtkListItem *item)
{
    gtk_list_item_set_child (item, posada_machine_row_new ());
}

static void
bind_row_cb (GtkSignalListItemFactory *factory, GtkListItem *item)
{
    PosadaMachine *machine = gtk_list_item_get_item (item);
    GBinding *binding;

    posada_machine_row_set_machine (POSADA_MACHINE_ROW (gtk_list_item_get_child (item)), machine);
    binding =
        g_object_bind_property (machine, "name", item, "accessible-label", G_BINDING_SYNC_CREATE);
    g_object_set_data (G_OBJECT (item), "name-binding", binding);
}

static void
unbind_row_cb (GtkSignalListItemFactory *factory, GtkListItem *item)
{
    GBinding *binding = g_object_steal_data (G_OBJECT (item), "name-binding");

    if (binding)
        g_binding_unbind (binding);
    posada_machine_row_set_machine (POSADA_MACHINE_ROW (gtk_list_item_get_child (item)), NULL);
}

static void
update_stacks (PosadaWindow *self)
{
    GListModel *all = G_LIST_MODEL (posada_library_get_machines (self->library));
    gboolean found = g_list_model_get_n_items (G_LIST_MODEL (self->selection)) > 0;

    gtk_stack_set_visible_child_name (self->stack,
                                      g_list_model_get_n_items (all) > 0 ? "machines" : "empty");
    gtk_stack_set_visible_child_name (self->list_stack, found ? "list" : "no-results");
}

static void
selected_cb (PosadaWindow *self)
{
    PosadaMachine *machine = gtk_single_selection_get_selected_item (self->selection);

    /* A search that hides the machine on show does not take it away. */
    if (!machine && gtk_editable_get_text (GTK_EDITABLE (self->search_entry))[0])
        return;
    posada_machine_page_set_machine (self->machine_page, machine);
}

static void
activate_cb (PosadaWindow *self)
{
    adw_navigation_split_view_set_show_content (self->split_view, TRUE);
}

static void
search_changed_cb (PosadaWindow *self)
{
    gtk_string_filter_set_search (self->filter,
                                  gtk_editable_get_text (GTK_EDITABLE (self->search_entry)));
}

static void
name_changed_cb (PosadaWindow *self)
{
    gtk_sorter_changed (self->name_sorter, GTK_SORTER_CHANGE_DIFFERENT);
}

static void
running_changed_cb (PosadaWindow *self)
{
    if (self->order != POSADA_ORDER_NAME)
        gtk_sorter_changed (self->order_sorter, GTK_SORTER_CHANGE_DIFFERENT);
}

/* What wants looking at comes first, what is off last. */
static int
rank (PosadaMachine *machine)
{
    switch (posada_machine_get_state (machine)) {
    case POSADA_MACHINE_CRASHED: return 0;
    case POSADA_MACHINE_OFF: return 3;
    case POSADA_MACHINE_MISSING: return 4;
    case POSADA_MACHINE_PAUSED: return 2;
    default: return 1;
    }
}

static int
compare_cb (gconstpointer a, gconstpointer b, gpointer user_data)
{
    PosadaWindow *self = user_data;
    PosadaMachine *first = (PosadaMachine *) a, *second = (PosadaMachine *) b;
    gint64 one, two;

    switch (self->order) {
    case POSADA_ORDER_STATE: return rank (first) - rank (second);
    case POSADA_ORDER_RECENT:
        one = posada_machine_get_used_at (first);
        two = posada_machine_get_used_at (second);
        return (one < two) - (one > two);
    case POSADA_ORDER_NAME: break;
    }
    return 0;
}

static void
order_changed_cb (PosadaWindow *self)
{
    self->order = (PosadaOrder) g_settings_get_enum (self->settings, POSADA_SETTINGS_ORDER);
    gtk_sorter_changed (self->order_sorter, GTK_SORTER_CHANGE_DIFFERENT);
}

static void
items_changed_cb (PosadaWindow *self, guint position, guint removed, guint added, GListModel *model)
{
    for (guint i = position; i < position + added; i++) {
        g_autoptr (PosadaMachine) machine = g_list_model_get_item (model, i);

        g_signal_connect_object (machine, "notify::name", G_CALLBACK (name_changed_cb), self,
                                 G_CONNECT_SWAPPED);
    }
    update_stacks (self);
}

static GtkExpression *
name_expression (void)
{
    return gtk_property_expression_new (POSADA_TYPE_MACHINE, NULL, "name");
}

static void
set_library (PosadaWindow *self, PosadaLibrary *library)
{
    GtkListItemFactory *factory = gtk_signal_list_item_factory_new ();
    GListModel *all = G_LIST_MODEL (posada_library_get_machines (library));
    GtkFilterListModel *filtered;
    GtkSortListModel *sorted;
    GtkMultiSorter *sorter;

    self->library = g_object_ref (library);
    self->filter = gtk_string_filter_new (name_expression ());
    self->name_sorter = GTK_SORTER (gtk_string_sorter_new (name_expression ()));
    self->order_sorter = GTK_SORTER (gtk_custom_sorter_new (compare_cb, self, NULL));
    sorter = gtk_multi_sorter_new ();
    gtk_multi_sorter_append (sorter, g_object_ref (self->order_sorter));
    gtk_multi_sorter_append (sorter, g_object_ref (self->name_sorter));
    filtered =
        gtk_filter_list_model_new (g_object_ref (all), g_object_ref (GTK_FILTER (self->filter)));
    sorted = gtk_sort_list_model_new (G_LIST_MODEL (filtered), GTK_SORTER (sorter));
    self->selection = gtk_single_selection_new (G_LIST_MODEL (sorted));
    g_signal_connect (factory, "setup", G_CALLBACK (setup_row_cb), NULL);
    g_signal_connect (factory, "bind", G_CALLBACK (bind_row_cb), NULL);
    g_signal_connect (factory, "unbind", G_CALLBACK (unbind_row_cb), NULL);
    gtk_list_view_set_factory (self->list_view, factory);
    g_object_unref (factory);
    gtk_list_view_set_model (self->list_view, GTK_SELECTION_MODEL (self->selection));
    g_signal_connect_object (all, "items-changed", G_CALLBACK (items_changed_cb), self,
                             G_CONNECT_SWAPPED);
    g_signal_connect_object (self->selection, "items-changed", G_CALLBACK (update_stacks), self,
                             G_CONNECT_SWAPPED);
    g_signal_connect_object (self->selection, "notify::selected-item", G_CALLBACK (selected_cb),
                             self, G_CONNECT_SWAPPED);
    g_signal_connect_object (library, "running-changed", G_CALLBACK (running_changed_cb), self,
                             G_CONNECT_SWAPPED);
    items_changed_cb (self, 0, 0, g_list_model_get_n_items (all), all);
    selected_cb (self);
}

/* --- deleting --- */

struct change {
    PosadaWindow *window;
    PosadaMachine *machine;
    gboolean start;
};

static void
change_free (gpointer data)
{
    struct change *change = data;

    g_object_unref (change->window);
    g_object_unref (change->machine);
    g_free (change);
}

static struct change *
change_new (PosadaWindow *window, PosadaMachine *machine)
{
    struct change *change = g_new0 (struct change, 1);

    change->window = g_object_ref (window);
    change->machine = g_object_ref (machine);
    return change;
}

static DexFuture *
toast_failure_cb (DexFuture *future, gpointer user_data)
{
    struct change *change = user_data;
    g_autoptr (GError) error = NULL;

    if (!dex_future_get_value (future, &error))
        posada_window_toast (change->window, error->message);
    return dex_future_new_true ();
}

static DexFuture *
restored_cb (DexFuture *future, gpointer user_data)
{
    struct change *change = user_data;

    posada_window_select (change->window, change->machine);
    return dex_future_new_true ();
}

static void
undo_cb (AdwToast *toast, struct change *change)
{
    DexFuture *future = posada_library_restore (change->window->library, change->machine);

    future = dex_future_then (future, restored_cb, change_new (change->window, change->machine),
                              change_free);
    dex_future_disown (dex_future_catch (
        future, toast_failure_cb, change_new (change->window, change->machine), change_free));
}

static void
destroy_change (gpointer data, GClosure *closure)
{
    change_free (data);
}

static DexFuture *
deleted_cb (DexFuture *future, gpointer user_data)
{
    struct change *change = user_data;
    g_autofree char *text = NULL;
    AdwToast *toast;

    /* Translators: the name of a machine */
    text =
        g_markup_printf_escaped (_ ("“%s” was deleted"), posada_machine_get_name (change->machine));
    toast = adw_toast_new (text);
    adw_toast_set_button_label (toast, _ ("_Undo"));
    adw_toast_set_timeout (toast, 10);
    g_signal_connect_data (toast, "button-clicked", G_CALLBACK (undo_cb),
                           change_new (change->window, change->machine), destroy_change, 0);
    adw_toast_overlay_add_toast (change->window->toasts, toast);
    return dex_future_new_true ();
}

static void
delete_requested_cb (PosadaWindow *self)
{
    PosadaMachine *machine = posada_machine_page_get_machine (self->machine_page);
    DexFuture *future;

    if (!machine)
        return;
    future = dex_future_then (posada_library_delete (self->library, machine), deleted_cb,
                              change_new (self, machine), change_free);
    dex_future_disown (
        dex_future_catch (future, toast_failure_cb, change_new (self, machine), change_free));
    adw_navigation_split_view_set_show_content (self->split_view, FALSE);
}

/* --- machines made of machines --- */

static DexFuture *
made_cb (DexFuture *future, gpointer user_data)
{
    struct change *made = user_data;
    PosadaMachine *machine = g_value_get_object (dex_future_get_value (future, NULL));

    posada_window_select (made->window, machine);
    return made->start ? posada_machine_start (machine) : dex_future_new_true ();
}

static void
machine_made_cb (PosadaWindow *self, const char *uuid, gboolean start)
{
    struct change *made = change_new (self, posada_machine_page_get_machine (self->machine_page));
    DexFuture *future;

    made->start = start;
    future =
        dex_future_then (posada_library_open (self->library, uuid), made_cb, made, change_free);
    dex_future_disown (dex_future_catch (
        future, toast_failure_cb,
        change_new (self, posada_machine_page_get_machine (self->machine_page)), change_free));
}

/* --- actions --- */

static void
search_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaWindow *self = POSADA_WINDOW (widget);

    adw_navigation_split_view_set_show_content (self->split_view, FALSE);
    gtk_search_bar_set_search_mode (self->search_bar, TRUE);
    gtk_widget_grab_focus (GTK_WIDGET (self->search_entry));
}

static void
toggle_sidebar_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaWindow *self = POSADA_WINDOW (widget);

    /* Where both fit, a collapsed split view shows the machine alone. */
    if (adw_navigation_split_view_get_collapsed (self->split_view)) {
        gboolean content = adw_navigation_split_view_get_show_content (self->split_view);

        if (content && gtk_widget_get_width (widget) > 720)
            adw_navigation_split_view_set_collapsed (self->split_view, FALSE);
        else
            adw_navigation_split_view_set_show_content (self->split_view, !content);
    } else {
        adw_navigation_split_view_set_collapsed (self->split_view, TRUE);
        adw_navigation_split_view_set_show_content (self->split_view, TRUE);
    }
}

static void
full_screen_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaWindow *self = POSADA_WINDOW (widget);

    if (gtk_window_is_fullscreen (GTK_WINDOW (self))) {
        gtk_window_unfullscreen (GTK_WINDOW (self));
        return;
    }
    if (!posada_machine_page_get_machine (self->machine_page))
        return;
    posada_machine_page_open_console (self->machine_page);
    gtk_window_fullscreen (GTK_WINDOW (self));
}

static gboolean
is_slim (PosadaWindow *self)
{
    return adw_application_window_get_current_breakpoint (ADW_APPLICATION_WINDOW (self)) != NULL;
}

/* A narrow window that goes full screen has room for the list, but shows the machine. */
static void
breakpoint_cb (PosadaWindow *self)
{
    if (!gtk_window_is_fullscreen (GTK_WINDOW (self)))
        return;
    adw_navigation_split_view_set_collapsed (self->split_view, TRUE);
    adw_navigation_split_view_set_show_content (self->split_view, TRUE);
}

static void
fullscreened_cb (PosadaWindow *self)
{
    if (gtk_window_is_fullscreen (GTK_WINDOW (self))) {
        self->collapsed_before =
            adw_navigation_split_view_get_collapsed (self->split_view) && !is_slim (self);
        adw_navigation_split_view_set_collapsed (self->split_view, TRUE);
        adw_navigation_split_view_set_show_content (self->split_view, TRUE);
    } else {
        adw_navigation_split_view_set_collapsed (self->split_view,
                                                 self->collapsed_before || is_slim (self));
    }
}

static void
close_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    gtk_window_close (GTK_WINDOW (widget));
}

/* Machines do as their page does. */
static void
machine_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaWindow *self = POSADA_WINDOW (widget);

    gtk_widget_activate_action (
        GTK_WIDGET (self->machine_page),
        g_str_equal (action, "win.rename") ? "machine.rename" : "machine.delete", NULL);
}

static void
host_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaWindow *self = POSADA_WINDOW (widget);

    if (self->host)
        adw_dialog_present (posada_host_dialog_new (self->host), widget);
}

static void
file_requested_cb (PosadaWindow *self)
{
    PosadaMachine *machine = posada_machine_page_get_machine (self->machine_page);
    PosadaStore *store = posada_library_get_store (self->library);
    g_autofree char *folder = NULL, *path = NULL;
    g_autoptr (GFile) file = NULL;
    g_autoptr (GtkFileLauncher) launcher = NULL;

    if (!machine || !store)
        return;
    folder = posada_store_get_machine_folder (store, posada_machine_get_id (machine));
    path = g_build_filename (folder, "machine.xml", NULL);
    file = g_file_new_for_path (path);
    launcher = gtk_file_launcher_new (file);
    gtk_file_launcher_open_containing_folder (launcher, GTK_WINDOW (self), NULL, NULL, NULL);
}

static gboolean
drop_cb (PosadaWindow *self, const GValue *value, double x, double y)
{
    g_autofree char *uri = g_file_get_uri (g_value_get_object (value));

    gtk_widget_activate_action (GTK_WIDGET (self), "app.new-from", "s", uri);
    return TRUE;
}

/* --- class --- */

static void
posada_window_unmap (GtkWidget *widget)
{
    PosadaWindow *self = POSADA_WINDOW (widget);
    int width, height;

    if (self->settings && !gtk_window_is_fullscreen (GTK_WINDOW (self))) {
        gtk_window_get_default_size (GTK_WINDOW (self), &width, &height);
        if (width > 0 && height > 0)
            g_settings_set (self->settings, POSADA_SETTINGS_WINDOW_SIZE, "(ii)", width, height);
        g_settings_set_boolean (self->settings, POSADA_SETTINGS_WINDOW_MAXIMIZED,
                                gtk_window_is_maximized (GTK_WINDOW (self)));
    }
    GTK_WIDGET_CLASS (posada_window_parent_class)->unmap (widget);
}

static void
posada_window_dispose (GObject *object)
{
    PosadaWindow *self = POSADA_WINDOW (object);

    g_clear_object (&self->filter);
    /* Its function knows us, and it may outlive us by a moment. */
    if (self->order_sorter)
        gtk_custom_sorter_set_sort_func (GTK_CUSTOM_SORTER (self->order_sorter), NULL, NULL, NULL);
    g_clear_object (&self->order_sorter);
    g_clear_object (&self->name_sorter);
    g_clear_object (&self->settings);
    g_clear_pointer (&self->host, posada_host_free);
    g_clear_object (&self->selection);
    g_clear_object (&self->library);
    G_OBJECT_CLASS (posada_window_parent_class)->dispose (object);
}

static void
posada_window_class_init (PosadaWindowClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    G_OBJECT_CLASS (klass)->dispose = posada_window_dispose;
    widget_class->unmap = posada_window_unmap;
    g_type_ensure (POSADA_TYPE_MACHINE_PAGE);
    gtk_widget_class_set_template_from_resource (widget_class,
                                                 "/io/posada/Posada/ui/app/posada-window.ui");
    gtk_widget_class_bind_template_child (widget_class, PosadaWindow, toasts);
    gtk_widget_class_bind_template_child (widget_class, PosadaWindow, host_banner);
    gtk_widget_class_bind_template_child (widget_class, PosadaWindow, stack);
    gtk_widget_class_bind_template_child (widget_class, PosadaWindow, split_view);
    gtk_widget_class_bind_template_child (widget_class, PosadaWindow, search_bar);
    gtk_widget_class_bind_template_child (widget_class, PosadaWindow, search_entry);
    gtk_widget_class_bind_template_child (widget_class, PosadaWindow, list_stack);
    gtk_widget_class_bind_template_child (widget_class, PosadaWindow, list_view);
    gtk_widget_class_bind_template_child (widget_class, PosadaWindow, machine_page);
    gtk_widget_class_bind_template_callback (widget_class, activate_cb);
    gtk_widget_class_install_action (widget_class, "win.search", NULL, search_cb);
    gtk_widget_class_install_action (widget_class, "win.toggle-sidebar", NULL, toggle_sidebar_cb);
    gtk_widget_class_install_action (widget_class, "win.full-screen", NULL, full_screen_cb);
    gtk_widget_class_install_action (widget_class, "win.close", NULL, close_cb);
    gtk_widget_class_install_action (widget_class, "win.rename", NULL, machine_cb);
    gtk_widget_class_install_action (widget_class, "win.delete", NULL, machine_cb);
    gtk_widget_class_install_action (widget_class, "win.host", NULL, host_cb);
}

static void
posada_window_init (PosadaWindow *self)
{
    GtkDropTarget *drop = gtk_drop_target_new (G_TYPE_FILE, GDK_ACTION_COPY);

    gtk_widget_init_template (GTK_WIDGET (self));
    g_signal_connect_swapped (drop, "drop", G_CALLBACK (drop_cb), self);
    gtk_widget_add_controller (GTK_WIDGET (self), GTK_EVENT_CONTROLLER (drop));
    gtk_search_bar_connect_entry (self->search_bar, GTK_EDITABLE (self->search_entry));
    g_signal_connect_swapped (self->search_entry, "search-changed", G_CALLBACK (search_changed_cb),
                              self);
    g_signal_connect_swapped (self->machine_page, "delete-requested",
                              G_CALLBACK (delete_requested_cb), self);
    g_signal_connect_swapped (self->machine_page, "machine-made", G_CALLBACK (machine_made_cb),
                              self);
    g_signal_connect_swapped (self->machine_page, "file-requested", G_CALLBACK (file_requested_cb),
                              self);
    g_signal_connect (self, "notify::fullscreened", G_CALLBACK (fullscreened_cb), NULL);
    g_signal_connect (self, "notify::current-breakpoint", G_CALLBACK (breakpoint_cb), NULL);
}

/* Also without the schema there is a window. */
static void
follow_settings (PosadaWindow *self)
{
    int width = 1040, height = 700;

    if (g_set_object (&self->settings, posada_settings_get ())) {
        g_autoptr (GAction) order =
            g_settings_create_action (self->settings, POSADA_SETTINGS_ORDER);

        g_action_map_add_action (G_ACTION_MAP (self), order);
        g_signal_connect_object (self->settings, "changed::" POSADA_SETTINGS_ORDER,
                                 G_CALLBACK (order_changed_cb), self, G_CONNECT_SWAPPED);
        order_changed_cb (self);
        g_settings_get (self->settings, POSADA_SETTINGS_WINDOW_SIZE, "(ii)", &width, &height);
        if (g_settings_get_boolean (self->settings, POSADA_SETTINGS_WINDOW_MAXIMIZED))
            gtk_window_maximize (GTK_WINDOW (self));
    }
    gtk_window_set_default_size (GTK_WINDOW (self), CLAMP (width, 360, 16384),
                                 CLAMP (height, 294, 16384));
}

PosadaWindow *
posada_window_new (GtkApplication *application, PosadaLibrary *library)
{
    PosadaWindow *self;

    g_return_val_if_fail (POSADA_IS_LIBRARY (library), NULL);

    self = g_object_new (POSADA_TYPE_WINDOW, "application", application, NULL);
    set_library (self, library);
    follow_settings (self);
    return self;
}

void
posada_window_select (PosadaWindow *self, PosadaMachine *machine)
{
    GListModel *model;

    g_return_if_fail (POSADA_IS_WINDOW (self));

    gtk_search_bar_set_search_mode (self->search_bar, FALSE);
    gtk_editable_set_text (GTK_EDITABLE (self->search_entry), "");
    gtk_string_filter_set_search (self->filter, "");
    model = G_LIST_MODEL (self->selection);
    for (guint i = 0; i < g_list_model_get_n_items (model); i++) {
        g_autoptr (PosadaMachine) other = g_list_model_get_item (model, i);

        if (other == machine)
            gtk_single_selection_set_selected (self->selection, i);
    }
    adw_navigation_split_view_set_show_content (self->split_view, TRUE);
}

void
posada_window_open_console (PosadaWindow *self, PosadaMachine *machine)
{
    g_return_if_fail (POSADA_IS_WINDOW (self));

    posada_window_select (self, machine);
    posada_machine_page_open_console (self->machine_page);
}

void
posada_window_start (PosadaWindow *self)
{
    g_return_if_fail (POSADA_IS_WINDOW (self));

    gtk_widget_activate_action (GTK_WIDGET (self->machine_page), "machine.start", NULL);
}

void
posada_window_toast (PosadaWindow *self, const char *text)
{
    AdwToast *toast;

    g_return_if_fail (POSADA_IS_WINDOW (self));

    toast = adw_toast_new (text);
    adw_toast_set_use_markup (toast, FALSE);
    adw_toast_overlay_add_toast (self->toasts, toast);
}

void
posada_window_set_host (PosadaWindow *self, const PosadaHost *host)
{
    g_return_if_fail (POSADA_IS_WINDOW (self));

    g_clear_pointer (&self->host, posada_host_free);
    self->host = posada_host_copy (host);
    if (!host->usable)
        adw_banner_set_title (self->host_banner, posada_host_dialog_get_title (host));
    adw_banner_set_revealed (self->host_banner, !host->usable);
}
