/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-machine-page.h"

#include <glib/gi18n.h>

#include "app/posada-console-page.h"
#include "app/posada-console-window.h"
#include "app/posada-copies.h"
#include "app/posada-machine-facts.h"
#include "app/posada-machine-row.h"
#include "app/posada-narrow.h"
#include "app/posada-remote-access-dialog.h"
#include "app/posada-rename-dialog.h"
#include "details/posada-disks-page.h"
#include "details/posada-snapshots-page.h"

struct _PosadaMachinePage {
    AdwNavigationPage parent_instance;

    PosadaMachine *machine;

    GtkStack *stack;
    AdwNavigationView *navigation;
    AdwNavigationPage *overview;
    AdwBreakpoint *breakpoint;
    AdwHeaderBar *header_bar;
    GtkWidget *actions;
    GtkBox *bottom_bar;
    AdwWindowTitle *window_title;
    GtkWidget *start_button;
    GtkWidget *from_template_button;
    GtkLabel *template_label;
    GtkWidget *resume_button;
    GtkWidget *pause_button;
    GtkWidget *shut_down_button;
    GtkMenuButton *power_button;
    GtkMenuButton *machine_button;
    GtkWidget *discard_button;
    AdwStatusPage *broken_page;
    GtkStack *screen_stack;
    GtkPicture *screen_picture;
    AdwBanner *reason_banner;
    AdwBanner *remote_banner;
    AdwBanner *network_banner;
    GtkLabel *name_label;
    GtkLabel *state_label;
    gboolean save_cancelled;             /* nobody is told that it failed */
    PosadaSnapshotsPage *snapshots_page; /* while it is open */
    PosadaDisksPage *disks_page;         /* while it is open */
    PosadaMachineFacts *facts;
};

G_DEFINE_FINAL_TYPE (PosadaMachinePage, posada_machine_page, ADW_TYPE_NAVIGATION_PAGE)

enum {
    DELETE_REQUESTED,
    FILE_REQUESTED,
    MACHINE_MADE,
    N_SIGNALS,
};
static guint signals[N_SIGNALS];

/* What can be done with a machine: which states allow it and what the engine has to be able to. */
static const struct operation {
    const char *action;
    DexFuture *(*begin) (PosadaMachine *machine);
    guint states; /* bits of 1 << PosadaMachineState */
    PosadaMachineCapabilities capability;
    const char *failure; /* a heading, with the name of the machine */
} operations[] = {
#define IN(state) (1u << POSADA_MACHINE_##state)
    {"machine.start", posada_machine_start, IN (OFF) | IN (CRASHED), POSADA_MACHINE_CAN_START,
     N_ ("“%s” Did Not Start")},
    {"machine.pause", posada_machine_pause, IN (RUNNING), POSADA_MACHINE_CAN_PAUSE,
     N_ ("“%s” Did Not Pause")},
    {"machine.resume", posada_machine_resume, IN (PAUSED), POSADA_MACHINE_CAN_PAUSE,
     N_ ("“%s” Did Not Resume")},
    {"machine.shut-down", posada_machine_shut_down, IN (RUNNING), POSADA_MACHINE_CAN_SHUT_DOWN,
     N_ ("“%s” Did Not Shut Down")},
    {"machine.force-off", posada_machine_force_off,
     IN (STARTING) | IN (RUNNING) | IN (PAUSED) | IN (STOPPING) | IN (CRASHED), 0,
     N_ ("“%s” Could Not Be Forced Off")},
    {"machine.reset", posada_machine_reset, IN (RUNNING) | IN (PAUSED) | IN (CRASHED),
     POSADA_MACHINE_CAN_RESET, N_ ("“%s” Was Not Reset")},
    {"machine.delete", NULL, IN (OFF) | IN (CRASHED) | IN (MISSING), POSADA_MACHINE_CAN_DELETE,
     NULL},
    {"machine.show-file", NULL, IN (MISSING), 0, NULL},
    {"machine.snapshots", NULL, ~0u & ~IN (MISSING), POSADA_MACHINE_CAN_SNAPSHOT, NULL},
    {"machine.disks", NULL, ~0u & ~IN (MISSING), 0, NULL},
    {"machine.take-snapshot", NULL, IN (OFF) | IN (RUNNING) | IN (PAUSED),
     POSADA_MACHINE_CAN_SNAPSHOT, NULL},
    {"machine.save", posada_machine_save, IN (RUNNING) | IN (PAUSED), POSADA_MACHINE_CAN_SAVE,
     N_ ("“%s” Was Not Saved")},
    {"machine.cancel-save", posada_machine_cancel_snapshot,
     IN (SAVING) | IN (RUNNING) | IN (PAUSED), POSADA_MACHINE_CAN_SAVE,
     N_ ("“%s” Is Saved Nevertheless")},
    {"machine.discard-saved", NULL, IN (OFF), POSADA_MACHINE_CAN_SAVE, NULL},
    {"machine.start-disposable", posada_machine_start_disposable, IN (OFF),
     POSADA_MACHINE_CAN_START | POSADA_MACHINE_CAN_CLONE, N_ ("“%s” Did Not Start")},
    {"machine.clone", NULL, IN (OFF), POSADA_MACHINE_CAN_CLONE, NULL},
    {"machine.template", NULL, IN (OFF), POSADA_MACHINE_CAN_CLONE, NULL},
    {"machine.try-copy", NULL, IN (OFF) | IN (RUNNING) | IN (PAUSED),
     POSADA_MACHINE_CAN_SNAPSHOT | POSADA_MACHINE_CAN_CLONE, NULL},
    {"machine.copy-snapshot", NULL, ~0u & ~IN (MISSING),
     POSADA_MACHINE_CAN_SNAPSHOT | POSADA_MACHINE_CAN_CLONE, NULL},
    {"machine.rename", NULL, IN (OFF) | IN (RUNNING) | IN (PAUSED), 0, NULL},
    {"machine.remote-access", NULL, IN (OFF) | IN (RUNNING) | IN (PAUSED),
     POSADA_MACHINE_CAN_REMOTE, NULL},
    {"machine.console", NULL, ~0u & ~IN (MISSING), POSADA_MACHINE_CAN_DISPLAY, NULL},
#undef IN
};

static gboolean
can_do (PosadaMachinePage *self, const struct operation *operation)
{
    /* Who does not answer can only be worked from where it was started. */
    if (self->machine && operation->begin && posada_machine_get_outside (self->machine) &&
        posada_machine_get_capabilities (self->machine) == 0)
        return FALSE;
    return self->machine &&
           (operation->states & (1u << posada_machine_get_state (self->machine))) != 0 &&
           (posada_machine_get_capabilities (self->machine) & operation->capability) ==
               operation->capability;
}

char *
posada_machine_page_describe_outside (PosadaMachine *machine)
{
    const char *reason;

    g_return_val_if_fail (POSADA_IS_MACHINE (machine), NULL);
    reason = posada_machine_get_reason (machine);
    /* Translators: the first %s says in which process the machine runs */
    return g_strdup_printf (
        posada_machine_get_capabilities (machine)
            ? _ ("%s. It can be operated from here, but its screen only seen by remote access.")
            : _ ("%s, and can only be operated there."),
        reason ? reason : _ ("Running outside this window"));
}

/* Why it is as it is, or how far the save is. */
static void
update_banner (PosadaMachinePage *self)
{
    PosadaMachineState state = posada_machine_get_state (self->machine);
    const char *reason = posada_machine_get_reason (self->machine);
    double progress = posada_machine_get_snapshot_progress (self->machine);
    g_autofree char *text = NULL;

    if (state == POSADA_MACHINE_SAVING && progress >= 0) {
        text = g_strdup_printf (_ ("Saving to disk, %.0f %%"), progress * 100);
        adw_banner_set_title (self->reason_banner, text);
        adw_banner_set_button_label (self->reason_banner, _ ("_Cancel"));
        adw_banner_set_revealed (self->reason_banner, TRUE);
        return;
    }
    adw_banner_set_button_label (self->reason_banner, NULL);
    if (reason && posada_machine_get_outside (self->machine)) {
        text = posada_machine_page_describe_outside (self->machine);
        reason = text;
    }
    adw_banner_set_title (self->reason_banner, reason ? reason : "");
    adw_banner_set_revealed (self->reason_banner,
                             reason && (posada_machine_get_outside (self->machine) ||
                                        state == POSADA_MACHINE_CRASHED ||
                                        state == POSADA_MACHINE_PAUSED));
}

static void
update_state (PosadaMachinePage *self)
{
    PosadaMachineState state = posada_machine_get_state (self->machine);
    g_autofree char *label = posada_machine_row_describe_state (self->machine);
    const char *reason = posada_machine_get_reason (self->machine);
    g_autofree char *escaped = reason ? g_markup_escape_text (reason, -1) : NULL;
    gboolean off = state == POSADA_MACHINE_OFF || state == POSADA_MACHINE_CRASHED;
    gboolean missing = state == POSADA_MACHINE_MISSING;
    gboolean template = posada_machine_get_role (self->machine) == POSADA_ROLE_TEMPLATE;

    gtk_label_set_label (self->state_label, label);
    adw_window_title_set_subtitle (self->window_title, label);
    gtk_widget_set_visible (self->start_button, off && !template);
    gtk_widget_set_visible (self->from_template_button, template);
    gtk_label_set_label (self->template_label, template ? _ ("Make Machine") : _ ("Make Template"));
    gtk_accessible_update_property (
        GTK_ACCESSIBLE (gtk_widget_get_parent (GTK_WIDGET (self->template_label))),
        GTK_ACCESSIBLE_PROPERTY_LABEL, gtk_label_get_label (self->template_label), -1);
    gtk_widget_set_visible (self->resume_button, state == POSADA_MACHINE_PAUSED);
    gtk_widget_set_visible (self->pause_button, state == POSADA_MACHINE_RUNNING);
    gtk_widget_set_visible (self->shut_down_button, !off && !missing);
    gtk_widget_set_visible (GTK_WIDGET (self->power_button),
                            (!off && !missing) || state == POSADA_MACHINE_CRASHED);
    gtk_stack_set_visible_child_name (self->stack, missing ? "broken" : "machine");
    adw_status_page_set_description (self->broken_page, missing && escaped ? escaped : "");
    gtk_widget_set_visible (self->discard_button, posada_machine_get_saved (self->machine));
    update_banner (self);
    for (gsize i = 0; i < G_N_ELEMENTS (operations); i++)
        gtk_widget_action_set_enabled (GTK_WIDGET (self), operations[i].action,
                                       can_do (self, &operations[i]));
}

static void
update_remote (PosadaMachinePage *self)
{
    posada_remote_access_warn (self->remote_banner, self->machine);
}

/* While it is off, the facts alone tell. */
static void
update_network (PosadaMachinePage *self)
{
    const char *problem = posada_machine_get_network_problem (self->machine);

    if (problem)
        adw_banner_set_title (self->network_banner, problem);
    adw_banner_set_revealed (self->network_banner,
                             problem && posada_machine_is_on_here (self->machine));
}

static void
update_thumbnail (PosadaMachinePage *self)
{
    GIcon *thumbnail = posada_machine_get_thumbnail (self->machine);
    gboolean shown = GDK_IS_PAINTABLE (thumbnail);

    gtk_picture_set_paintable (self->screen_picture, shown ? GDK_PAINTABLE (thumbnail) : NULL);
    /* What was there when it was last on; a saved machine comes back to it. */
    if (posada_machine_get_state (self->machine) == POSADA_MACHINE_OFF &&
        !posada_machine_get_saved (self->machine))
        gtk_widget_add_css_class (GTK_WIDGET (self->screen_picture), "past");
    else
        gtk_widget_remove_css_class (GTK_WIDGET (self->screen_picture), "past");
    gtk_stack_set_visible_child_name (self->screen_stack, shown ? "picture" : "icon");
}

static void
saved_changed_cb (PosadaMachinePage *self)
{
    update_state (self);
    update_thumbnail (self);
}

/* Told to who does not look at the label. */
static void
state_changed_cb (PosadaMachinePage *self)
{
    g_autofree char *text = NULL;

    update_state (self);
    update_thumbnail (self);
    update_network (self);
    text = g_strdup_printf ("%s: %s", posada_machine_get_name (self->machine),
                            gtk_label_get_label (self->state_label));
    gtk_accessible_announce (GTK_ACCESSIBLE (self), text,
                             GTK_ACCESSIBLE_ANNOUNCEMENT_PRIORITY_MEDIUM);
}

static void
update_name (PosadaMachinePage *self)
{
    const char *name = posada_machine_get_name (self->machine);

    adw_navigation_page_set_title (ADW_NAVIGATION_PAGE (self), name);
    adw_navigation_page_set_title (self->overview, name);
    adw_window_title_set_title (self->window_title, name);
    gtk_label_set_label (self->name_label, name);
}

/* --- actions --- */

struct attempt {
    PosadaMachinePage *page;
    PosadaMachine *machine;
    const char *heading;
};

static void
attempt_free (gpointer data)
{
    struct attempt *attempt = data;

    g_object_unref (attempt->page);
    g_object_unref (attempt->machine);
    g_free (attempt);
}

static void
show_failure (PosadaMachinePage *self, const char *heading, const char *body)
{
    AdwDialog *dialog = adw_alert_dialog_new (heading, body);

    adw_alert_dialog_add_response (ADW_ALERT_DIALOG (dialog), "close", _ ("_Close"));
    adw_dialog_present (dialog, GTK_WIDGET (self));
}

static DexFuture *
failed_cb (DexFuture *future, gpointer user_data)
{
    struct attempt *attempt = user_data;
    g_autoptr (GError) error = NULL;
    g_autofree char *heading = NULL;

    if (dex_future_get_value (future, &error))
        return NULL;
    if (attempt->page->save_cancelled) {
        attempt->page->save_cancelled = FALSE;
        return dex_future_new_true ();
    }
    heading = g_strdup_printf (_ (attempt->heading), posada_machine_get_name (attempt->machine));
    if (gtk_widget_get_mapped (GTK_WIDGET (attempt->page)))
        show_failure (attempt->page, heading, error->message);
    return dex_future_new_true ();
}

static void
operation_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaMachinePage *self = POSADA_MACHINE_PAGE (widget);

    for (gsize i = 0; i < G_N_ELEMENTS (operations); i++) {
        struct attempt *attempt;

        if (!g_str_equal (operations[i].action, action) || !can_do (self, &operations[i]))
            continue;
        self->save_cancelled = g_str_equal (action, "machine.cancel-save");
        attempt = g_new0 (struct attempt, 1);
        attempt->page = g_object_ref (self);
        attempt->machine = g_object_ref (self->machine);
        attempt->heading = operations[i].failure;
        dex_future_disown (dex_future_catch (operations[i].begin (self->machine), failed_cb,
                                             attempt, attempt_free));
        return;
    }
}

static void
delete_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    g_signal_emit (widget, signals[DELETE_REQUESTED], 0);
}

static void
rename_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaMachinePage *self = POSADA_MACHINE_PAGE (widget);

    if (self->machine)
        adw_dialog_present (posada_rename_dialog_new (self->machine), widget);
}

static void
show_file_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    g_signal_emit (widget, signals[FILE_REQUESTED], 0);
}

static void
snapshots_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaMachinePage *self = POSADA_MACHINE_PAGE (widget);
    GtkWidget *page;

    if (self->snapshots_page)
        return;
    page = posada_snapshots_page_new ();
    g_set_weak_pointer (&self->snapshots_page, POSADA_SNAPSHOTS_PAGE (page));
    posada_snapshots_page_set_machine (self->snapshots_page, self->machine);
    adw_navigation_view_push (self->navigation, ADW_NAVIGATION_PAGE (page));
}

static void
disks_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaMachinePage *self = POSADA_MACHINE_PAGE (widget);
    GtkWidget *page;

    if (self->disks_page || !posada_machine_get_disk_care (self->machine))
        return;
    page = posada_disks_page_new ();
    g_set_weak_pointer (&self->disks_page, POSADA_DISKS_PAGE (page));
    posada_disks_page_set_machine (self->disks_page, self->machine);
    adw_navigation_view_push (self->navigation, ADW_NAVIGATION_PAGE (page));
}

static void
take_snapshot_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaMachinePage *self = POSADA_MACHINE_PAGE (widget);

    if (self->machine && posada_snapshots_page_can_take (self->machine)) {
        if (adw_navigation_view_get_visible_page (self->navigation) == self->overview)
            snapshots_cb (widget, NULL, NULL);
        posada_snapshots_page_take (self->machine, widget);
    }
}

static void
discard_response_cb (AdwAlertDialog *dialog, const char *response, struct attempt *attempt)
{
    struct attempt *copy;

    if (!g_str_equal (response, "discard"))
        return;
    copy = g_memdup2 (attempt, sizeof *attempt);
    g_object_ref (copy->page);
    g_object_ref (copy->machine);
    dex_future_disown (dex_future_catch (posada_machine_discard_saved (copy->machine), failed_cb,
                                         copy, attempt_free));
}

static void
discard_saved_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaMachinePage *self = POSADA_MACHINE_PAGE (widget);
    struct attempt *attempt;
    AdwDialog *dialog;

    if (!self->machine || !posada_machine_get_saved (self->machine))
        return;
    attempt = g_new0 (struct attempt, 1);
    attempt->page = g_object_ref (self);
    attempt->machine = g_object_ref (self->machine);
    attempt->heading = N_ ("The Saved State of “%s” Was Not Discarded");
    dialog = adw_alert_dialog_new (
        _ ("Discard the Saved State?"),
        _ ("What programs in the machine had not written to its disks is lost, and the machine "
           "starts as after a power failure."));
    adw_alert_dialog_add_responses (ADW_ALERT_DIALOG (dialog), "cancel", _ ("_Cancel"), "discard",
                                    _ ("_Discard"), NULL);
    adw_alert_dialog_set_response_appearance (ADW_ALERT_DIALOG (dialog), "discard",
                                              ADW_RESPONSE_DESTRUCTIVE);
    adw_alert_dialog_set_close_response (ADW_ALERT_DIALOG (dialog), "cancel");
    g_signal_connect (dialog, "response", G_CALLBACK (discard_response_cb), attempt);
    g_object_set_data_full (G_OBJECT (dialog), "attempt", attempt, attempt_free);
    adw_dialog_present (dialog, widget);
}

static void
clone_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    posada_copies_clone (widget, POSADA_MACHINE_PAGE (widget)->machine);
}

static void
template_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    posada_copies_toggle_template (widget, POSADA_MACHINE_PAGE (widget)->machine);
}

static void
copy_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    posada_copies_try (widget, POSADA_MACHINE_PAGE (widget)->machine,
                       parameter ? g_variant_get_string (parameter, NULL) : NULL);
}

static void
remote_access_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    AdwDialog *dialog = posada_remote_access_dialog_new (POSADA_MACHINE_PAGE (widget)->machine);

    adw_dialog_present (dialog, widget);
}

static void
console_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    posada_machine_page_open_console (POSADA_MACHINE_PAGE (widget));
}

/* Menus are made of buttons with names, because those of menu models have none for AT-SPI. */
static void
menu_used_cb (PosadaMachinePage *self)
{
    gtk_menu_button_popdown (self->power_button);
    gtk_menu_button_popdown (self->machine_button);
}

/* Full screen is the console's: who leaves it leaves that. */
static void
popped_cb (PosadaMachinePage *self)
{
    GtkRoot *root = gtk_widget_get_root (GTK_WIDGET (self));

    if (GTK_IS_WINDOW (root) && gtk_window_is_fullscreen (GTK_WINDOW (root)))
        gtk_window_unfullscreen (GTK_WINDOW (root));
}

/* --- class --- */

static void
posada_machine_page_dispose (GObject *object)
{
    PosadaMachinePage *self = POSADA_MACHINE_PAGE (object);

    if (self->machine)
        g_signal_handlers_disconnect_by_data (self->machine, self);
    g_clear_weak_pointer (&self->snapshots_page);
    g_clear_weak_pointer (&self->disks_page);
    g_clear_object (&self->machine);
    G_OBJECT_CLASS (posada_machine_page_parent_class)->dispose (object);
}

static void
bind_children (GtkWidgetClass *widget_class)
{
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, stack);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, navigation);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, overview);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, breakpoint);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, header_bar);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, actions);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, bottom_bar);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, window_title);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, start_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, from_template_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, template_label);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, resume_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, pause_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, shut_down_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, power_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, machine_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, discard_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, broken_page);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, screen_stack);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, screen_picture);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, reason_banner);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, remote_banner);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, network_banner);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, name_label);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, state_label);
    gtk_widget_class_bind_template_child (widget_class, PosadaMachinePage, facts);
    gtk_widget_class_bind_template_callback (widget_class, popped_cb);
    gtk_widget_class_bind_template_callback (widget_class, menu_used_cb);
}

static void
posada_machine_page_class_init (PosadaMachinePageClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    G_OBJECT_CLASS (klass)->dispose = posada_machine_page_dispose;
    signals[DELETE_REQUESTED] =
        g_signal_new ("delete-requested", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                      NULL, NULL, G_TYPE_NONE, 0);
    signals[FILE_REQUESTED] = g_signal_new ("file-requested", G_TYPE_FROM_CLASS (klass),
                                            G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
    /* UUID, and whether it is to start: a machine that was made of this one. */
    signals[MACHINE_MADE] =
        g_signal_new ("machine-made", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                      NULL, G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_BOOLEAN);
    g_type_ensure (POSADA_TYPE_MACHINE_FACTS);
    gtk_widget_class_set_template_from_resource (widget_class,
                                                 "/io/posada/Posada/ui/app/posada-machine-page.ui");
    bind_children (widget_class);
    for (gsize i = 0; i < G_N_ELEMENTS (operations); i++)
        if (operations[i].begin)
            gtk_widget_class_install_action (widget_class, operations[i].action, NULL,
                                             operation_cb);
    gtk_widget_class_install_action (widget_class, "machine.delete", NULL, delete_cb);
    gtk_widget_class_install_action (widget_class, "machine.rename", NULL, rename_cb);
    gtk_widget_class_install_action (widget_class, "machine.show-file", NULL, show_file_cb);
    gtk_widget_class_install_action (widget_class, "machine.snapshots", NULL, snapshots_cb);
    gtk_widget_class_install_action (widget_class, "machine.disks", NULL, disks_cb);
    gtk_widget_class_install_action (widget_class, "machine.discard-saved", NULL, discard_saved_cb);
    gtk_widget_class_install_action (widget_class, "machine.take-snapshot", NULL, take_snapshot_cb);
    gtk_widget_class_add_binding_action (widget_class, GDK_KEY_t, GDK_CONTROL_MASK,
                                         "machine.take-snapshot", NULL);
    gtk_widget_class_install_action (widget_class, "machine.clone", NULL, clone_cb);
    gtk_widget_class_install_action (widget_class, "machine.template", NULL, template_cb);
    gtk_widget_class_install_action (widget_class, "machine.try-copy", NULL, copy_cb);
    gtk_widget_class_install_action (widget_class, "machine.copy-snapshot", "s", copy_cb);
    gtk_widget_class_install_action (widget_class, "machine.remote-access", NULL, remote_access_cb);
    gtk_widget_class_install_action (widget_class, "machine.console", NULL, console_cb);
}

static void
posada_machine_page_init (PosadaMachinePage *self)
{
    gtk_widget_init_template (GTK_WIDGET (self));
    posada_narrow_move (self->breakpoint, self->header_bar, GTK_PACK_START, self->actions,
                        self->bottom_bar);
    for (gsize i = 0; i < G_N_ELEMENTS (operations); i++)
        gtk_widget_action_set_enabled (GTK_WIDGET (self), operations[i].action, FALSE);
}

void
posada_machine_page_set_machine (PosadaMachinePage *self, PosadaMachine *machine)
{
    g_return_if_fail (POSADA_IS_MACHINE_PAGE (self));

    if (self->machine == machine)
        return;
    if (self->machine)
        g_signal_handlers_disconnect_by_data (self->machine, self);
    g_set_object (&self->machine, machine);
    adw_navigation_view_pop_to_page (self->navigation, self->overview);
    posada_machine_facts_set_machine (self->facts, machine);
    if (!machine) {
        gtk_stack_set_visible_child_name (self->stack, "none");
        adw_navigation_page_set_title (ADW_NAVIGATION_PAGE (self), _ ("Virtual Machine"));
        for (gsize i = 0; i < G_N_ELEMENTS (operations); i++)
            gtk_widget_action_set_enabled (GTK_WIDGET (self), operations[i].action, FALSE);
        return;
    }
    g_signal_connect_swapped (machine, "notify::state", G_CALLBACK (state_changed_cb), self);
    g_signal_connect_swapped (machine, "notify::reason", G_CALLBACK (update_state), self);
    g_signal_connect_swapped (machine, "notify::capabilities", G_CALLBACK (update_state), self);
    g_signal_connect_swapped (machine, "notify::name", G_CALLBACK (update_name), self);
    g_signal_connect_swapped (machine, "notify::outside", G_CALLBACK (update_state), self);
    g_signal_connect_swapped (machine, "notify::saved", G_CALLBACK (saved_changed_cb), self);
    g_signal_connect_swapped (machine, "notify::snapshot-progress", G_CALLBACK (update_banner),
                              self);
    g_signal_connect_swapped (machine, "notify::thumbnail", G_CALLBACK (update_thumbnail), self);
    g_signal_connect_swapped (machine, "notify::remote", G_CALLBACK (update_remote), self);
    g_signal_connect_swapped (machine, "notify::network-problem", G_CALLBACK (update_network),
                              self);
    update_name (self);
    update_state (self);
    update_remote (self);
    update_network (self);
    update_thumbnail (self);
}

PosadaMachine *
posada_machine_page_get_machine (PosadaMachinePage *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE_PAGE (self), NULL);

    return self->machine;
}

void
posada_machine_page_open_console (PosadaMachinePage *self)
{
    PosadaConsoleWindow *window;
    AdwNavigationPage *page;
    GtkWidget *split_view;

    g_return_if_fail (POSADA_IS_MACHINE_PAGE (self));

    split_view = gtk_widget_get_ancestor (GTK_WIDGET (self), ADW_TYPE_NAVIGATION_SPLIT_VIEW);
    if (!self->machine)
        return;
    /* A window that becomes narrow goes on showing it, not the list. */
    if (split_view)
        adw_navigation_split_view_set_show_content (ADW_NAVIGATION_SPLIT_VIEW (split_view), TRUE);
    window = posada_console_window_find (self->machine);
    if (window)
        gtk_window_present (GTK_WINDOW (window));
    if (adw_navigation_view_find_page (self->navigation, "console"))
        return;
    page = posada_console_page_new (self->machine);
    adw_navigation_view_push (self->navigation, page);
}
