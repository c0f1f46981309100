/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-console"

#include "console/posada-terminal.h"

#include <glib/gi18n.h>
#include <string.h>
#include <vte/vte.h>

#define SCROLLBACK_LINES 10000

struct _PosadaTerminal {
    GtkWidget parent_instance;

    PosadaSerial *serial;
    GtkWidget *scroller;
    VteTerminal *vte; /* in the scroller */
};

G_DEFINE_FINAL_TYPE (PosadaTerminal, posada_terminal, GTK_TYPE_WIDGET)

enum {
    PROP_0,
    PROP_SERIAL,
    N_PROPS,
};

static GParamSpec *properties[N_PROPS];

/*
 * Without what a terminal would answer: questions in it were asked long ago, and answers would be
 * typed at whoever listens now. Those are ENQ, ESC Z, and CSI sequences that end in c, n, x or that
 * report modes (p after $); what hosts other than terminals are asked in (OSC, DCS) goes as well.
 */
static GByteArray *
drop_questions (GBytes *bytes)
{
    gsize length;
    const guint8 *data = g_bytes_get_data (bytes, &length);
    GByteArray *rest = g_byte_array_sized_new ((guint) length);

    for (gsize at = 0; at < length;) {
        gsize end = at + 1;
        gboolean question = data[at] == 0x05;

        if (data[at] == 0x1b && end < length) {
            guint8 kind = data[end++];

            if (kind == '[') {
                while (end < length && data[end] >= 0x20 && data[end] < 0x40)
                    end++;
                question = end < length && strchr ("cnxp", data[end]) != NULL;
                end = MIN (end + 1, length);
            } else if (kind == ']' || kind == 'P') {
                while (end < length && data[end] != 0x07 && data[end] != 0x1b)
                    end++;
                end = MIN (end + (end < length && data[end] == 0x1b ? 2 : 1), length);
                question = TRUE;
            } else {
                question = kind == 'Z';
            }
        }
        if (!question)
            g_byte_array_append (rest, data + at, (guint) (end - at));
        at = end;
    }
    return rest;
}

static void
feed (PosadaTerminal *self, GBytes *bytes)
{
    gsize length;
    const char *text = g_bytes_get_data (bytes, &length);

    if (length > 0)
        vte_terminal_feed (self->vte, text, (gssize) length);
}

static void
received_cb (PosadaSerial *serial, GBytes *bytes, gpointer data)
{
    feed (data, bytes);
}

static void
update_closed (PosadaTerminal *self)
{
    gboolean open = self->serial && !posada_serial_is_closed (self->serial);

    /* Without input there is no cursor either: nobody would answer. */
    vte_terminal_set_input_enabled (self->vte, open);
}

static void
closed_cb (PosadaSerial *serial, gpointer data)
{
    update_closed (data);
}

/* What was typed or pasted, and what the terminal answers to questions of the guest. */
static void
commit_cb (VteTerminal *vte, const char *text, guint length, gpointer data)
{
    PosadaTerminal *self = data;

    if (self->serial && !posada_serial_send (self->serial, text, length))
        gtk_widget_error_bell (GTK_WIDGET (self));
}

/* --- copy and paste --- */

static void
copy_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
    posada_terminal_copy (POSADA_TERMINAL (widget));
}

static void
paste_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
    posada_terminal_paste (POSADA_TERMINAL (widget));
}

/* Handled even where nothing is selected: it must not interrupt what runs. */
static gboolean
copy_key_cb (GtkWidget *widget, GVariant *arguments, gpointer data)
{
    posada_terminal_copy (POSADA_TERMINAL (widget));
    return TRUE;
}

static gboolean
paste_key_cb (GtkWidget *widget, GVariant *arguments, gpointer data)
{
    posada_terminal_paste (POSADA_TERMINAL (widget));
    return TRUE;
}

/* Before the terminal sees it, to which it is Ctrl and the letter. */
static void
add_key (GtkEventController *keys, guint key, GtkShortcutFunc function)
{
    gtk_shortcut_controller_add_shortcut (
        GTK_SHORTCUT_CONTROLLER (keys),
        gtk_shortcut_new (gtk_keyval_trigger_new (key, GDK_CONTROL_MASK | GDK_SHIFT_MASK),
                          gtk_callback_action_new (function, NULL, NULL)));
}

static void
selection_cb (PosadaTerminal *self)
{
    gtk_widget_action_set_enabled (GTK_WIDGET (self), "terminal.copy",
                                   vte_terminal_get_has_selection (self->vte));
}

static GMenuModel *
make_menu (void)
{
    GMenu *menu = g_menu_new ();

    g_menu_append (menu, _ ("_Copy"), "terminal.copy");
    g_menu_append (menu, _ ("_Paste"), "terminal.paste");
    return G_MENU_MODEL (menu);
}

/* --- vfuncs --- */

static gboolean
posada_terminal_grab_focus (GtkWidget *widget)
{
    PosadaTerminal *self = POSADA_TERMINAL (widget);

    return self->vte && gtk_widget_grab_focus (GTK_WIDGET (self->vte));
}

static void
posada_terminal_dispose (GObject *object)
{
    PosadaTerminal *self = POSADA_TERMINAL (object);

    if (self->scroller) {
        posada_terminal_set_serial (self, NULL);
        g_signal_handlers_disconnect_by_data (self->vte, self);
        self->vte = NULL;
        g_clear_pointer (&self->scroller, gtk_widget_unparent);
    }
    G_OBJECT_CLASS (posada_terminal_parent_class)->dispose (object);
}

static void
posada_terminal_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    switch (id) {
    case PROP_SERIAL: g_value_set_object (value, POSADA_TERMINAL (object)->serial); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
posada_terminal_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    switch (id) {
    case PROP_SERIAL:
        posada_terminal_set_serial (POSADA_TERMINAL (object), g_value_get_object (value));
        break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
posada_terminal_class_init (PosadaTerminalClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS (klass);
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    object_class->dispose = posada_terminal_dispose;
    object_class->get_property = posada_terminal_get_property;
    object_class->set_property = posada_terminal_set_property;
    widget_class->grab_focus = posada_terminal_grab_focus;

    properties[PROP_SERIAL] =
        g_param_spec_object ("serial", NULL, NULL, POSADA_TYPE_SERIAL,
                             G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
    g_object_class_install_properties (object_class, N_PROPS, properties);

    gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BIN_LAYOUT);
    gtk_widget_class_install_action (widget_class, "terminal.copy", NULL, copy_action);
    gtk_widget_class_install_action (widget_class, "terminal.paste", NULL, paste_action);
}

static void
posada_terminal_init (PosadaTerminal *self)
{
    g_autoptr (GMenuModel) menu = make_menu ();
    GtkEventController *keys = gtk_shortcut_controller_new ();

    gtk_event_controller_set_propagation_phase (keys, GTK_PHASE_CAPTURE);
    add_key (keys, GDK_KEY_c, copy_key_cb);
    add_key (keys, GDK_KEY_v, paste_key_cb);
    gtk_widget_add_controller (GTK_WIDGET (self), keys);
    self->vte = VTE_TERMINAL (vte_terminal_new ());
    vte_terminal_set_scrollback_lines (self->vte, SCROLLBACK_LINES);
    vte_terminal_set_scroll_on_output (self->vte, FALSE);
    vte_terminal_set_scroll_on_keystroke (self->vte, TRUE);
    vte_terminal_set_context_menu_model (self->vte, menu);
    /* A terminal is dark wherever it is: guests choose their colours for that. */
    vte_terminal_set_colors (self->vte, &(GdkRGBA) {0.92f, 0.92f, 0.92f, 1},
                             &(GdkRGBA) {0.11f, 0.11f, 0.13f, 1}, NULL, 0);
    g_signal_connect (self->vte, "commit", G_CALLBACK (commit_cb), self);
    g_signal_connect_swapped (self->vte, "selection-changed", G_CALLBACK (selection_cb), self);
    gtk_widget_set_vexpand (GTK_WIDGET (self->vte), TRUE);

    self->scroller = gtk_scrolled_window_new ();
    gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (self->scroller), GTK_POLICY_NEVER,
                                    GTK_POLICY_AUTOMATIC);
    gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (self->scroller), GTK_WIDGET (self->vte));
    gtk_widget_set_parent (self->scroller, GTK_WIDGET (self));
    posada_terminal_set_name (self, _ ("Serial console"));
    update_closed (self);
    selection_cb (self);
}

/* --- public functions --- */

GtkWidget *
posada_terminal_new (void)
{
    return g_object_new (POSADA_TYPE_TERMINAL, NULL);
}

PosadaSerial *
posada_terminal_get_serial (PosadaTerminal *self)
{
    g_return_val_if_fail (POSADA_IS_TERMINAL (self), NULL);
    return self->serial;
}

void
posada_terminal_set_serial (PosadaTerminal *self, PosadaSerial *serial)
{
    g_return_if_fail (POSADA_IS_TERMINAL (self));
    g_return_if_fail (!serial || POSADA_IS_SERIAL (serial));

    if (self->serial == serial)
        return;
    if (self->serial)
        g_signal_handlers_disconnect_by_data (self->serial, self);
    g_set_object (&self->serial, serial);
    if (serial) {
        g_autoptr (GBytes) backlog = posada_serial_get_backlog (serial);
        g_autoptr (GByteArray) rest = drop_questions (backlog);

        vte_terminal_reset (self->vte, TRUE, TRUE);
        vte_terminal_feed (self->vte, (const char *) rest->data, rest->len);
        g_signal_connect (serial, "received", G_CALLBACK (received_cb), self);
        g_signal_connect (serial, "closed", G_CALLBACK (closed_cb), self);
    }
    update_closed (self);
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_SERIAL]);
}

void
posada_terminal_set_name (PosadaTerminal *self, const char *name)
{
    g_return_if_fail (POSADA_IS_TERMINAL (self));
    gtk_accessible_update_property (GTK_ACCESSIBLE (self->vte), GTK_ACCESSIBLE_PROPERTY_LABEL, name,
                                    -1);
}

char *
posada_terminal_get_text (PosadaTerminal *self)
{
    g_return_val_if_fail (POSADA_IS_TERMINAL (self), NULL);
    return vte_terminal_get_text_format (self->vte, VTE_FORMAT_TEXT);
}

void
posada_terminal_copy (PosadaTerminal *self)
{
    g_return_if_fail (POSADA_IS_TERMINAL (self));
    if (vte_terminal_get_has_selection (self->vte))
        vte_terminal_copy_clipboard_format (self->vte, VTE_FORMAT_TEXT);
}

void
posada_terminal_paste (PosadaTerminal *self)
{
    g_return_if_fail (POSADA_IS_TERMINAL (self));
    vte_terminal_paste_clipboard (self->vte);
}
