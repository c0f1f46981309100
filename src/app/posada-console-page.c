/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-console-page.h"

#include <glib/gi18n.h>

#include "app/posada-console-hint.h"
#include "app/posada-console-keys.h"
#include "app/posada-console-window.h"
#include "app/posada-machine-page.h"
#include "app/posada-narrow.h"
#include "app/posada-remote-access-dialog.h"
#include "app/posada-screenshot.h"
#include "app/posada-settings.h"
#include "app/posada-shortcuts.h"
#include "app/posada-typing-bar.h"
#include "console/posada-console.h"
#include "console/posada-terminal.h"

/* How close to the upper edge the pointer brings the header bar back in full screen. */
#define REVEAL_EDGE 4
#define HIDE_EDGE   72

struct _PosadaConsolePage {
    AdwNavigationPage parent_instance;

    PosadaMachine *machine;
    GtkWindow *window; /* borrowed, while rooted */
    gulong fullscreen_handler;
    GBinding *display_binding;   /* NULL while another window has the screen: */
    PosadaConsoleWindow *holder; /* borrowed; NULL while it is shown here */
    gulong holder_handler;
    gboolean detached; /* this is the page of such a window */
    gboolean refocus;  /* once it is on the screen again */

    AdwBreakpointBin *breakpoint_bin;
    AdwBreakpoint *breakpoint;
    AdwToolbarView *toolbar_view;
    AdwHeaderBar *header_bar;
    GtkWidget *actions;
    GtkWidget *tools;
    GtkBox *narrow_bar;
    AdwWindowTitle *window_title;
    AdwBanner *remote_banner;
    AdwToastOverlay *toast_overlay;
    GtkWidget *start_button;
    GtkWidget *resume_button;
    GtkWidget *pause_button;
    GtkWidget *shut_down_button;
    GtkMenuButton *power_button;
    GtkWidget *send_keys_button;
    GtkToggleButton *serial_button;
    GtkStack *stack;
    AdwStatusPage *off_page;
    GtkWidget *remote_button;
    AdwBin *console_bin;
    AdwBin *terminal_bin;
    PosadaConsoleHint *hint;
    GtkLabel *status_label; /* what the title has no room for */
    PosadaTypingBar *typing_bar;
    PosadaConsole *console;   /* owned by console_bin */
    PosadaTerminal *terminal; /* owned by terminal_bin; NULL until first shown */
};

G_DEFINE_FINAL_TYPE (PosadaConsolePage, posada_console_page, ADW_TYPE_NAVIGATION_PAGE)

/* --- state --- */

/* The title has no room for more than the name. */
static gboolean
is_slim (PosadaConsolePage *self)
{
    return adw_breakpoint_bin_get_current_breakpoint (self->breakpoint_bin) != NULL;
}

static void
update_title (PosadaConsolePage *self)
{
    PosadaMachineState state = posada_machine_get_state (self->machine);
    const char *label = posada_machine_state_to_label (state);
    g_autofree char *text = NULL;

    if (posada_console_get_shortcuts_inhibited (self->console))
        /* Translators: a state, and keys such as “Ctrl+Alt” */
        text = g_strdup_printf (_ ("%s, %s releases keyboard and shortcuts"), label,
                                posada_console_get_release_label (self->console));
    else if (posada_console_get_grabbed (self->console))
        /* Translators: a state, and keys such as “Ctrl+Alt” */
        text = g_strdup_printf (_ ("%s, %s releases the keyboard"), label,
                                posada_console_get_release_label (self->console));
    adw_window_title_set_subtitle (self->window_title, is_slim (self) ? "" : text ? text : label);
    gtk_label_set_label (self->status_label, text ? text : label);
}

static gboolean
shows_serial (PosadaConsolePage *self)
{
    return gtk_toggle_button_get_active (self->serial_button);
}

/* What is to be shown here. */
static PosadaDisplay *
get_display (PosadaConsolePage *self)
{
    return self->holder ? NULL : posada_machine_get_display (self->machine);
}

static void
show_child (PosadaConsolePage *self)
{
    PosadaDisplay *display = get_display (self);

    if (shows_serial (self))
        gtk_stack_set_visible_child_name (self->stack, "serial");
    else if (self->holder)
        gtk_stack_set_visible_child_name (self->stack, "elsewhere");
    else
        gtk_stack_set_visible_child_name (self->stack, display ? "console" : "off");
}

static void
update_state (PosadaConsolePage *self)
{
    PosadaMachineState state = posada_machine_get_state (self->machine);
    PosadaDisplay *display = get_display (self);
    PosadaSerial *serial = posada_machine_get_serial (self->machine);
    gboolean off = state == POSADA_MACHINE_OFF || state == POSADA_MACHINE_CRASHED;
    g_autofree char *outside = NULL;
    GtkWidget *widget = GTK_WIDGET (self);

    update_title (self);
    gtk_widget_set_visible (self->start_button, off);
    gtk_widget_set_visible (self->resume_button, state == POSADA_MACHINE_PAUSED);
    gtk_widget_set_visible (self->pause_button, state == POSADA_MACHINE_RUNNING);
    gtk_widget_set_visible (self->shut_down_button, !off);
    gtk_widget_set_sensitive (self->send_keys_button,
                              display != NULL && state == POSADA_MACHINE_RUNNING);
    gtk_widget_action_set_enabled (widget, "console.paste-keys",
                                   display != NULL && state == POSADA_MACHINE_RUNNING);
    gtk_widget_action_set_enabled (widget, "console.take-screenshot", display != NULL);
    gtk_widget_action_set_enabled (widget, "console.copy-screenshot", display != NULL);
    gtk_widget_action_set_enabled (widget, "console.open-window", !self->detached && !self->holder);
    gtk_widget_action_set_enabled (widget, "console.bring-back", self->detached || self->holder);
    /* What a line said last is still worth reading when the machine is off. */
    gtk_widget_set_visible (GTK_WIDGET (self->serial_button), serial || shows_serial (self));
    if (self->terminal && serial)
        posada_terminal_set_serial (self->terminal, serial);
    if (posada_machine_get_outside (self->machine))
        outside = posada_machine_page_describe_outside (self->machine);
    adw_status_page_set_description (self->off_page, off       ? _ ("The machine is off")
                                                     : outside ? outside
                                                               : _ ("It has no display yet"));
    gtk_widget_set_visible (self->remote_button, !off && outside);
    show_child (self);
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
    if (self->terminal) {
        /* Translators: the serial line of the machine of that name */
        g_autofree char *label = g_strdup_printf (_ ("Serial console of %s"), name);

        posada_terminal_set_name (self->terminal, label);
    }
}

static void
update_remote (PosadaConsolePage *self)
{
    posada_remote_access_warn (self->remote_banner, self->machine);
}

static void
focus_child (PosadaConsolePage *self)
{
    if (shows_serial (self))
        gtk_widget_grab_focus (GTK_WIDGET (self->terminal));
    else if (self->console)
        gtk_widget_grab_focus (GTK_WIDGET (self->console));
}

static void
menu_used_cb (PosadaConsolePage *self)
{
    gtk_menu_button_popdown (self->power_button);
}

static void
serial_toggled_cb (PosadaConsolePage *self)
{
    if (shows_serial (self) && !self->terminal) {
        self->terminal = POSADA_TERMINAL (posada_terminal_new ());
        posada_terminal_set_serial (self->terminal, posada_machine_get_serial (self->machine));
        adw_bin_set_child (self->terminal_bin, GTK_WIDGET (self->terminal));
        update_name (self);
    }
    show_child (self);
    focus_child (self);
}

/* --- full screen --- */

static gboolean
is_fullscreen (PosadaConsolePage *self)
{
    return self->window && gtk_window_is_fullscreen (self->window);
}

/* Where no header bar says it. */
static void
show_hint (PosadaConsolePage *self)
{
    g_autofree char *text = NULL;

    /* Translators: %s is a combination of keys, "Ctrl+Alt" */
    text = g_strdup_printf (_ ("%s releases the keyboard"),
                            posada_console_get_release_label (self->console));
    posada_console_hint_show (self->hint, text);
}

/* Without the keyboard grabbed the header bar stays, so that Tab gets there. */
static void
update_bars (PosadaConsolePage *self)
{
    gboolean fullscreen = is_fullscreen (self);
    gboolean grabbed = self->console && posada_console_get_grabbed (self->console);

    adw_toolbar_view_set_extend_content_to_top_edge (self->toolbar_view, fullscreen);
    adw_toolbar_view_set_top_bar_style (self->toolbar_view,
                                        fullscreen ? ADW_TOOLBAR_RAISED : ADW_TOOLBAR_FLAT);
    adw_toolbar_view_set_reveal_top_bars (self->toolbar_view, !fullscreen || !grabbed);
    if (adw_breakpoint_bin_get_current_breakpoint (self->breakpoint_bin) == self->breakpoint)
        gtk_widget_set_visible (GTK_WIDGET (self->narrow_bar), !fullscreen || !grabbed);
    gtk_widget_set_visible (GTK_WIDGET (self->status_label), is_slim (self) && !fullscreen);
    if (fullscreen && grabbed)
        show_hint (self);
    else
        posada_console_hint_hide (self->hint);
}

static void
breakpoint_cb (PosadaConsolePage *self)
{
    if (!self->machine)
        return;
    update_title (self);
    update_bars (self);
}

static void
content_mapped_cb (PosadaConsolePage *self)
{
    if (self->refocus)
        focus_child (self);
    self->refocus = FALSE;
}

static void
fullscreen_cb (PosadaConsolePage *self)
{
    update_bars (self);
    if (is_fullscreen (self))
        focus_child (self);
}

/* In full screen the header bar comes while the pointer is at the upper edge. */
static void
motion_cb (PosadaConsolePage *self, double x, double y)
{
    if (!is_fullscreen (self))
        return;
    if (y <= REVEAL_EDGE)
        adw_toolbar_view_set_reveal_top_bars (self->toolbar_view, TRUE);
    else if (y > HIDE_EDGE && posada_console_get_grabbed (self->console))
        adw_toolbar_view_set_reveal_top_bars (self->toolbar_view, FALSE);
}

/* Every key is the guest's during a grab, and the way out stands in the title. */
static void
grabbed_cb (PosadaConsolePage *self)
{
    GtkApplication *application = self->window ? gtk_window_get_application (self->window) : NULL;

    update_title (self);
    update_bars (self);
    /* When another layout is due, what is inside leaves the screen for a frame. */
    if (self->console && !posada_console_get_grabbed (self->console) &&
        !gtk_widget_get_child_visible (GTK_WIDGET (self->toolbar_view)))
        self->refocus = TRUE;
    if (!application)
        return;
    if (self->console && posada_console_get_grabbed (self->console))
        posada_shortcuts_suspend (application);
    else
        posada_shortcuts_install (application);
}

/* --- keys and text --- */

static void
send_keys_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaConsolePage *self = POSADA_CONSOLE_PAGE (widget);
    guint codes[POSADA_CONSOLE_KEYS_MAX];
    guint n = posada_console_keys_find (g_variant_get_string (parameter, NULL), codes);

    posada_console_send_keys (self->console, codes, n);
    focus_child (self);
}

static void
paste_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    posada_typing_bar_paste (POSADA_CONSOLE_PAGE (widget)->typing_bar);
}

/* --- screenshots --- */

static DexFuture *
saved_cb (DexFuture *future, gpointer data)
{
    PosadaConsolePage *self = data;
    g_autoptr (GError) error = NULL;
    const GValue *saved = dex_future_get_value (future, &error);

    if (saved && g_value_get_boolean (saved)) {
        posada_console_page_toast (self, _ ("Screenshot saved"));
    } else if (error) {
        AdwDialog *dialog =
            adw_alert_dialog_new (_ ("The Screenshot Was Not Saved"), error->message);

        adw_alert_dialog_add_response (ADW_ALERT_DIALOG (dialog), "close", _ ("_Close"));
        adw_dialog_present (dialog, GTK_WIDGET (self));
    }
    return dex_future_new_true ();
}

static void
take_screenshot_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaConsolePage *self = POSADA_CONSOLE_PAGE (widget);
    g_autoptr (GdkTexture) texture = posada_console_grab (self->console);

    if (texture)
        dex_future_disown (dex_future_finally (
            posada_screenshot_save (texture, posada_machine_get_name (self->machine), self->window),
            saved_cb, g_object_ref (self), g_object_unref));
    else
        posada_console_page_toast (self, _ ("There is no picture yet"));
}

static void
copy_screenshot_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaConsolePage *self = POSADA_CONSOLE_PAGE (widget);
    g_autoptr (GdkTexture) texture = posada_console_grab (self->console);

    if (texture)
        gdk_clipboard_set_texture (gtk_widget_get_clipboard (widget), texture);
    posada_console_page_toast (self, texture ? _ ("Screenshot copied to the clipboard")
                                             : _ ("There is no picture yet"));
    focus_child (self);
}

/* --- windows --- */

static void
show_display (PosadaConsolePage *self)
{
    if (!self->display_binding)
        self->display_binding = g_object_bind_property (self->machine, "display", self->console,
                                                        "display", G_BINDING_SYNC_CREATE);
}

/* One console reads a display. */
static void
let_display_go (PosadaConsolePage *self)
{
    g_clear_pointer (&self->display_binding, g_binding_unbind);
    posada_console_set_display (self->console, NULL);
}

static void
holder_gone_cb (PosadaConsolePage *self)
{
    g_clear_signal_handler (&self->holder_handler, self->holder);
    g_clear_weak_pointer (&self->holder);
    show_display (self);
    update_state (self);
    focus_child (self);
}

static void
leave_to (PosadaConsolePage *self, PosadaConsoleWindow *window)
{
    let_display_go (self);
    g_set_weak_pointer (&self->holder, window);
    self->holder_handler =
        g_signal_connect_swapped (window, "destroy", G_CALLBACK (holder_gone_cb), self);
    update_state (self);
}

static void
open_window_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaConsolePage *self = POSADA_CONSOLE_PAGE (widget);
    GtkApplication *application = self->window ? gtk_window_get_application (self->window) : NULL;

    let_display_go (self);
    leave_to (self, posada_console_window_open (application, self->machine));
}

static void
show_window_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaConsolePage *self = POSADA_CONSOLE_PAGE (widget);

    if (self->holder)
        gtk_window_present (GTK_WINDOW (self->holder));
}

static void
bring_back_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaConsolePage *self = POSADA_CONSOLE_PAGE (widget);

    if (self->holder)
        gtk_window_destroy (GTK_WINDOW (self->holder));
    else if (self->window)
        posada_console_window_bring_back (POSADA_CONSOLE_WINDOW (self->window));
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
    update_bars (self);
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

/* Windows that go full screen may put their pages elsewhere, which takes the focus. */
static void
posada_console_page_map (GtkWidget *widget)
{
    PosadaConsolePage *self = POSADA_CONSOLE_PAGE (widget);

    GTK_WIDGET_CLASS (posada_console_page_parent_class)->map (widget);
    if (is_fullscreen (self))
        focus_child (self);
}

/* Whoever opens a console wants to type. */
static void
posada_console_page_shown (AdwNavigationPage *page)
{
    focus_child (POSADA_CONSOLE_PAGE (page));
}

static void
posada_console_page_dispose (GObject *object)
{
    PosadaConsolePage *self = POSADA_CONSOLE_PAGE (object);

    if (self->machine)
        g_signal_handlers_disconnect_by_data (self->machine, self);
    if (self->console)
        g_signal_handlers_disconnect_by_data (self->console, self);
    g_clear_pointer (&self->display_binding, g_binding_unbind);
    if (self->holder)
        g_clear_signal_handler (&self->holder_handler, self->holder);
    g_clear_weak_pointer (&self->holder);
    g_clear_object (&self->machine);
    if (self->console)
        posada_typing_bar_set_console (self->typing_bar, NULL);
    self->console = NULL;
    self->terminal = NULL;
    G_OBJECT_CLASS (posada_console_page_parent_class)->dispose (object);
}

static void
bind_children (GtkWidgetClass *widget_class)
{
#define BIND(name) gtk_widget_class_bind_template_child (widget_class, PosadaConsolePage, name)
    BIND (breakpoint_bin);
    BIND (breakpoint);
    BIND (toolbar_view);
    BIND (header_bar);
    BIND (actions);
    BIND (tools);
    BIND (narrow_bar);
    BIND (window_title);
    BIND (remote_banner);
    BIND (toast_overlay);
    BIND (start_button);
    BIND (resume_button);
    BIND (pause_button);
    BIND (shut_down_button);
    BIND (power_button);
    BIND (send_keys_button);
    BIND (serial_button);
    BIND (stack);
    BIND (off_page);
    BIND (remote_button);
    BIND (console_bin);
    BIND (terminal_bin);
    BIND (hint);
    BIND (status_label);
    BIND (typing_bar);
#undef BIND
    gtk_widget_class_bind_template_callback (widget_class, breakpoint_cb);
    gtk_widget_class_bind_template_callback (widget_class, content_mapped_cb);
    gtk_widget_class_bind_template_callback (widget_class, serial_toggled_cb);
    gtk_widget_class_bind_template_callback (widget_class, menu_used_cb);
}

static void
posada_console_page_class_init (PosadaConsolePageClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    G_OBJECT_CLASS (klass)->dispose = posada_console_page_dispose;
    widget_class->root = posada_console_page_root;
    widget_class->unroot = posada_console_page_unroot;
    widget_class->map = posada_console_page_map;
    ADW_NAVIGATION_PAGE_CLASS (klass)->shown = posada_console_page_shown;
    g_type_ensure (POSADA_TYPE_CONSOLE_HINT);
    g_type_ensure (POSADA_TYPE_TYPING_BAR);
    gtk_widget_class_set_template_from_resource (widget_class,
                                                 "/io/posada/Posada/ui/app/posada-console-page.ui");
    bind_children (widget_class);
#define ACTION(name, type, function) \
    gtk_widget_class_install_action (widget_class, "console." name, type, function)
    ACTION ("send-keys", "s", send_keys_cb);
    ACTION ("paste-keys", NULL, paste_cb);
    ACTION ("take-screenshot", NULL, take_screenshot_cb);
    ACTION ("copy-screenshot", NULL, copy_screenshot_cb);
    ACTION ("open-window", NULL, open_window_cb);
    ACTION ("show-window", NULL, show_window_cb);
    ACTION ("bring-back", NULL, bring_back_cb);
#undef ACTION
}

static void
posada_console_page_init (PosadaConsolePage *self)
{
    GtkEventController *motion = gtk_event_controller_motion_new ();

    gtk_widget_init_template (GTK_WIDGET (self));
    posada_narrow_move (self->breakpoint, self->header_bar, GTK_PACK_START, self->actions,
                        self->narrow_bar);
    posada_narrow_move (self->breakpoint, self->header_bar, GTK_PACK_END, self->tools,
                        self->narrow_bar);
    gtk_event_controller_set_propagation_phase (motion, GTK_PHASE_CAPTURE);
    g_signal_connect_swapped (motion, "motion", G_CALLBACK (motion_cb), self);
    gtk_widget_add_controller (GTK_WIDGET (self), motion);
}

static void
connect_console (PosadaConsolePage *self)
{
    g_autoptr (GSimpleActionGroup) group = g_simple_action_group_new ();
    g_autoptr (GPropertyAction) scaling =
        g_property_action_new ("scaling", self->console, "scaling");

    g_action_map_add_action (G_ACTION_MAP (group), G_ACTION (scaling));
    gtk_widget_insert_action_group (GTK_WIDGET (self), "view", G_ACTION_GROUP (group));
    g_signal_connect_swapped (self->console, "notify::grabbed", G_CALLBACK (grabbed_cb), self);
    g_signal_connect_swapped (self->console, "notify::shortcuts-inhibited",
                              G_CALLBACK (update_title), self);
    g_signal_connect_swapped (self->console, "notify::release-label", G_CALLBACK (update_title),
                              self);
    posada_typing_bar_set_console (self->typing_bar, self->console);
    g_signal_connect_swapped (self->typing_bar, "told", G_CALLBACK (posada_console_page_toast),
                              self);
}

AdwNavigationPage *
posada_console_page_new (PosadaMachine *machine)
{
    PosadaConsolePage *self = g_object_new (POSADA_TYPE_CONSOLE_PAGE, NULL);
    PosadaConsoleWindow *holder;

    g_return_val_if_fail (POSADA_IS_MACHINE (machine), NULL);

    self->machine = g_object_ref (machine);
    self->console = POSADA_CONSOLE (posada_console_new ());
    if (posada_settings_get ())
        posada_settings_bind_console (posada_settings_get (), GTK_WIDGET (self->console));
    connect_console (self);
    holder = posada_console_window_find (machine);
    if (holder)
        leave_to (self, holder);
    else
        show_display (self);
    adw_bin_set_child (self->console_bin, GTK_WIDGET (self->console));
    g_signal_connect_swapped (machine, "notify::name", G_CALLBACK (update_name), self);
    g_signal_connect_swapped (machine, "notify::state", G_CALLBACK (update_state), self);
    g_signal_connect_swapped (machine, "notify::outside", G_CALLBACK (update_state), self);
    g_signal_connect_swapped (machine, "notify::capabilities", G_CALLBACK (update_state), self);
    g_signal_connect_swapped (machine, "notify::reason", G_CALLBACK (update_state), self);
    g_signal_connect_swapped (machine, "notify::display", G_CALLBACK (update_state), self);
    g_signal_connect_swapped (machine, "notify::serial", G_CALLBACK (update_state), self);
    g_signal_connect_swapped (machine, "notify::remote", G_CALLBACK (update_remote), self);
    update_remote (self);
    update_name (self);
    update_state (self);
    return ADW_NAVIGATION_PAGE (self);
}

void
posada_console_page_set_detached (PosadaConsolePage *self)
{
    g_return_if_fail (POSADA_IS_CONSOLE_PAGE (self));
    self->detached = TRUE;
    update_state (self);
}

void
posada_console_page_let_go (PosadaConsolePage *self)
{
    g_return_if_fail (POSADA_IS_CONSOLE_PAGE (self));
    let_display_go (self);
}

void
posada_console_page_focus (PosadaConsolePage *self)
{
    g_return_if_fail (POSADA_IS_CONSOLE_PAGE (self));
    focus_child (self);
}

void
posada_console_page_toast (PosadaConsolePage *self, const char *text)
{
    AdwToast *toast;

    g_return_if_fail (POSADA_IS_CONSOLE_PAGE (self));
    toast = adw_toast_new (text);
    adw_toast_set_use_markup (toast, FALSE);
    adw_toast_overlay_add_toast (self->toast_overlay, toast);
}
