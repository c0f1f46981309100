/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-console-page.h"

#include <glib/gi18n.h>
#include <linux/input-event-codes.h>

#include "app/posada-shortcuts.h"
#include "console/posada-console.h"

#define MAX_KEYS 3
/* How close to the upper edge the pointer brings the header bar back in full screen. */
#define REVEAL_EDGE 4
#define HIDE_EDGE   72

struct _PosadaConsolePage {
    AdwNavigationPage parent_instance;

    PosadaMachine *machine;
    GtkWindow *window; /* borrowed, while rooted */
    gulong fullscreen_handler;

    AdwToolbarView *toolbar_view;
    AdwWindowTitle *window_title;
    GtkWidget *start_button;
    GtkWidget *resume_button;
    GtkWidget *pause_button;
    GtkWidget *shut_down_button;
    GtkWidget *send_keys_button;
    GtkStack *stack;
    AdwStatusPage *off_page;
    AdwBin *console_bin;
    PosadaConsole *console; /* owned by console_bin */
};

G_DEFINE_FINAL_TYPE (PosadaConsolePage, posada_console_page, ADW_TYPE_NAVIGATION_PAGE)

static const struct {
    const char *name;
    guint keys[MAX_KEYS];
} combinations[] = {
    {"ctrl-alt-delete", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_DELETE}},
    {"ctrl-alt-f1", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F1}},
    {"ctrl-alt-f2", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F2}},
    {"ctrl-alt-f3", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F3}},
    {"ctrl-alt-f4", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F4}},
    {"print-screen", {KEY_SYSRQ}},
};

static void
update_title (PosadaConsolePage *self)
{
    PosadaMachineState state = posada_machine_get_state (self->machine);
    const char *label = posada_machine_state_to_label (state);
    g_autofree char *text = NULL;

    if (posada_console_get_grabbed (self->console))
        /* Translators: a state, and keys such as “Ctrl+Alt” */
        text = g_strdup_printf (_ ("%s, %s releases the keyboard"), label,
                                posada_console_get_release_label (self->console));
    adw_window_title_set_subtitle (self->window_title, text ? text : label);
}

static void
update_state (PosadaConsolePage *self)
{
    PosadaMachineState state = posada_machine_get_state (self->machine);
    PosadaDisplay *display = posada_machine_get_display (self->machine);
    gboolean off = state == POSADA_MACHINE_OFF || state == POSADA_MACHINE_CRASHED;

    update_title (self);
    gtk_widget_set_visible (self->start_button, off);
    gtk_widget_set_visible (self->resume_button, state == POSADA_MACHINE_PAUSED);
    gtk_widget_set_visible (self->pause_button, state == POSADA_MACHINE_RUNNING);
    gtk_widget_set_visible (self->shut_down_button, !off);
    gtk_widget_set_sensitive (self->send_keys_button,
                              display != NULL && state == POSADA_MACHINE_RUNNING);
    adw_status_page_set_description (self->off_page,
                                     off ? _ ("The machine is off") : _ ("It has no display yet"));
    gtk_stack_set_visible_child_name (self->stack, display ? "console" : "off");
}

static void
update_name (PosadaConsolePage *self)
{
    const char *name = posada_machine_get_name (self->machine);
    g_autofree char *title = NULL;

    /* Translators: the screen of the machine of that name */
    title = g_strdup_printf (_ ("Console of %s"), name);
    adw_navigation_page_set_title (ADW_NAVIGATION_PAGE (self), title);
    adw_window_title_set_title (self->window_title, name);
    gtk_accessible_update_property (GTK_ACCESSIBLE (self->console), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                    title, -1);
}

static void
send_keys_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaConsolePage *self = POSADA_CONSOLE_PAGE (widget);
    const char *name = g_variant_get_string (parameter, NULL);

    for (gsize i = 0; i < G_N_ELEMENTS (combinations); i++) {
        const guint *keys = combinations[i].keys;
        guint n = 0;

        if (!g_str_equal (combinations[i].name, name))
            continue;
        while (n < MAX_KEYS && keys[n])
            n++;
        posada_console_send_keys (self->console, keys, n);
    }
    gtk_widget_grab_focus (GTK_WIDGET (self->console));
}

/* Every key is the guest's during a grab, and the way out stands in the title. */
static void
grabbed_cb (PosadaConsolePage *self)
{
    GtkApplication *application = self->window ? gtk_window_get_application (self->window) : NULL;

    update_title (self);
    if (!application)
        return;
    if (self->console && posada_console_get_grabbed (self->console))
        posada_shortcuts_suspend (application);
    else
        posada_shortcuts_install (application);
}

static void
fullscreen_cb (PosadaConsolePage *self)
{
    gboolean fullscreen = self->window && gtk_window_is_fullscreen (self->window);

    adw_toolbar_view_set_reveal_top_bars (self->toolbar_view, !fullscreen);
    adw_toolbar_view_set_extend_content_to_top_edge (self->toolbar_view, fullscreen);
}

/* In full screen the header bar comes while the pointer is at the upper edge. */
static void
motion_cb (PosadaConsolePage *self, double x, double y)
{
    if (!self->window || !gtk_window_is_fullscreen (self->window))
        return;
    if (y <= REVEAL_EDGE)
        adw_toolbar_view_set_reveal_top_bars (self->toolbar_view, TRUE);
    else if (y > HIDE_EDGE)
        adw_toolbar_view_set_reveal_top_bars (self->toolbar_view, FALSE);
}

static void
posada_console_page_root (GtkWidget *widget)
{
    PosadaConsolePage *self = POSADA_CONSOLE_PAGE (widget);
    GtkRoot *root;

    GTK_WIDGET_CLASS (posada_console_page_parent_class)->root (widget);
    root = gtk_widget_get_root (widget);
    if (!GTK_IS_WINDOW (root))
        return;
    self->window = GTK_WINDOW (root);
    self->fullscreen_handler =
        g_signal_connect_swapped (root, "notify::fullscreened", G_CALLBACK (fullscreen_cb), self);
    fullscreen_cb (self);
}

static void
posada_console_page_unroot (GtkWidget *widget)
{
    PosadaConsolePage *self = POSADA_CONSOLE_PAGE (widget);

    if (self->window) {
        GtkApplication *application = gtk_window_get_application (self->window);

        g_clear_signal_handler (&self->fullscreen_handler, self->window);
        if (application)
            posada_shortcuts_install (application);
    }
    self->window = NULL;
    GTK_WIDGET_CLASS (posada_console_page_parent_class)->unroot (widget);
}

/* Whoever opens a console wants to type. */
static void
posada_console_page_shown (AdwNavigationPage *page)
{
    PosadaConsolePage *self = POSADA_CONSOLE_PAGE (page);

    if (self->console)
        gtk_widget_grab_focus (GTK_WIDGET (self->console));
}

static void
posada_console_page_dispose (GObject *object)
{
    PosadaConsolePage *self = POSADA_CONSOLE_PAGE (object);

    if (self->machine)
        g_signal_handlers_disconnect_by_data (self->machine, self);
    if (self->console)
        g_signal_handlers_disconnect_by_data (self->console, self);
    g_clear_object (&self->machine);
    self->console = NULL;
    G_OBJECT_CLASS (posada_console_page_parent_class)->dispose (object);
}

static void
posada_console_page_class_init (PosadaConsolePageClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    G_OBJECT_CLASS (klass)->dispose = posada_console_page_dispose;
    widget_class->root = posada_console_page_root;
    widget_class->unroot = posada_console_page_unroot;
    ADW_NAVIGATION_PAGE_CLASS (klass)->shown = posada_console_page_shown;
    gtk_widget_class_set_template_from_resource (widget_class,
                                                 "/io/posada/Posada/ui/app/posada-console-page.ui");
    gtk_widget_class_bind_template_child (widget_class, PosadaConsolePage, toolbar_view);
    gtk_widget_class_bind_template_child (widget_class, PosadaConsolePage, window_title);
    gtk_widget_class_bind_template_child (widget_class, PosadaConsolePage, start_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaConsolePage, resume_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaConsolePage, pause_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaConsolePage, shut_down_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaConsolePage, send_keys_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaConsolePage, stack);
    gtk_widget_class_bind_template_child (widget_class, PosadaConsolePage, off_page);
    gtk_widget_class_bind_template_child (widget_class, PosadaConsolePage, console_bin);
    gtk_widget_class_install_action (widget_class, "console.send-keys", "s", send_keys_cb);
}

static void
posada_console_page_init (PosadaConsolePage *self)
{
    GtkEventController *motion = gtk_event_controller_motion_new ();

    gtk_widget_init_template (GTK_WIDGET (self));
    gtk_event_controller_set_propagation_phase (motion, GTK_PHASE_CAPTURE);
    g_signal_connect_swapped (motion, "motion", G_CALLBACK (motion_cb), self);
    gtk_widget_add_controller (GTK_WIDGET (self), motion);
}

AdwNavigationPage *
posada_console_page_new (PosadaMachine *machine)
{
    PosadaConsolePage *self = g_object_new (POSADA_TYPE_CONSOLE_PAGE, NULL);

    g_return_val_if_fail (POSADA_IS_MACHINE (machine), NULL);

    self->machine = g_object_ref (machine);
    self->console = POSADA_CONSOLE (posada_console_new ());
    g_signal_connect_swapped (self->console, "notify::grabbed", G_CALLBACK (grabbed_cb), self);
    g_object_bind_property (machine, "display", self->console, "display", G_BINDING_SYNC_CREATE);
    adw_bin_set_child (self->console_bin, GTK_WIDGET (self->console));
    g_signal_connect_swapped (machine, "notify::name", G_CALLBACK (update_name), self);
    g_signal_connect_swapped (machine, "notify::state", G_CALLBACK (update_state), self);
    g_signal_connect_swapped (machine, "notify::display", G_CALLBACK (update_state), self);
    update_name (self);
    update_state (self);
    return ADW_NAVIGATION_PAGE (self);
}
