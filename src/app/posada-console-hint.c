/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-console-hint.h"

#define SECONDS 4

struct _PosadaConsoleHint {
    AdwBin parent_instance;

    GtkRevealer *revealer;
    GtkLabel *label;
    guint source;
};

G_DEFINE_FINAL_TYPE (PosadaConsoleHint, posada_console_hint, ADW_TYPE_BIN)

static gboolean
hide_cb (gpointer data)
{
    PosadaConsoleHint *self = data;

    self->source = 0;
    gtk_revealer_set_reveal_child (self->revealer, FALSE);
    return G_SOURCE_REMOVE;
}

static void
posada_console_hint_dispose (GObject *object)
{
    g_clear_handle_id (&POSADA_CONSOLE_HINT (object)->source, g_source_remove);
    G_OBJECT_CLASS (posada_console_hint_parent_class)->dispose (object);
}

static void
posada_console_hint_class_init (PosadaConsoleHintClass *klass)
{
    G_OBJECT_CLASS (klass)->dispose = posada_console_hint_dispose;
}

static void
posada_console_hint_init (PosadaConsoleHint *self)
{
    self->revealer = GTK_REVEALER (gtk_revealer_new ());
    self->label = GTK_LABEL (gtk_label_new (NULL));
    gtk_widget_add_css_class (GTK_WIDGET (self->label), "osd");
    gtk_widget_add_css_class (GTK_WIDGET (self->label), "console-hint");
    gtk_revealer_set_transition_type (self->revealer, GTK_REVEALER_TRANSITION_TYPE_CROSSFADE);
    gtk_revealer_set_child (self->revealer, GTK_WIDGET (self->label));
    adw_bin_set_child (ADW_BIN (self), GTK_WIDGET (self->revealer));
    gtk_widget_set_can_target (GTK_WIDGET (self), FALSE);
}

void
posada_console_hint_show (PosadaConsoleHint *self, const char *text)
{
    g_return_if_fail (POSADA_IS_CONSOLE_HINT (self));

    gtk_label_set_label (self->label, text);
    gtk_revealer_set_reveal_child (self->revealer, TRUE);
    g_clear_handle_id (&self->source, g_source_remove);
    self->source = g_timeout_add_seconds (SECONDS, hide_cb, self);
}

void
posada_console_hint_hide (PosadaConsoleHint *self)
{
    g_return_if_fail (POSADA_IS_CONSOLE_HINT (self));

    g_clear_handle_id (&self->source, g_source_remove);
    gtk_revealer_set_reveal_child (self->revealer, FALSE);
}
