/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-typing-bar.h"

#include <glib/gi18n.h>

/* What is typed in less needs no progress bar. */
#define LONG_TEXT 50

struct _PosadaTypingBar {
    GtkBox parent_instance;

    PosadaConsole *console;
    GtkProgressBar *progress_bar;
};

G_DEFINE_FINAL_TYPE (PosadaTypingBar, posada_typing_bar, GTK_TYPE_BOX)

enum {
    TOLD,
    N_SIGNALS,
};
static guint signals[N_SIGNALS];

static void
progress_cb (PosadaTypingBar *self)
{
    double progress = posada_console_get_typing_progress (self->console);

    gtk_progress_bar_set_fraction (self->progress_bar, progress);
    if (progress < 1 || !gtk_widget_get_visible (GTK_WIDGET (self)))
        return;
    gtk_widget_set_visible (GTK_WIDGET (self), FALSE);
    gtk_widget_grab_focus (GTK_WIDGET (self->console));
}

static void
cancel_cb (PosadaTypingBar *self)
{
    posada_console_cancel_typing (self->console);
}

static void
type_text (PosadaTypingBar *self, const char *text)
{
    guint left_out = posada_console_type_text (self->console, text);

    if (g_utf8_strlen (text, LONG_TEXT + 1) > LONG_TEXT)
        gtk_widget_set_visible (GTK_WIDGET (self), TRUE);
    if (left_out) {
        g_autofree char *sentence = g_strdup_printf (
            ngettext ("%u character is on no key of a US keyboard and was left out",
                      "%u characters are on no key of a US keyboard and were left out", left_out),
            left_out);

        g_signal_emit (self, signals[TOLD], 0, sentence);
    }
    gtk_widget_grab_focus (GTK_WIDGET (self->console));
}

static void
clipboard_cb (GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr (PosadaTypingBar) self = data;
    g_autoptr (GError) error = NULL;
    g_autofree char *text = gdk_clipboard_read_text_finish (GDK_CLIPBOARD (source), result, &error);

    if (!self->console)
        return;
    if (text && text[0])
        type_text (self, text);
    else
        g_signal_emit (self, signals[TOLD], 0, _ ("There is no text in the clipboard"));
}

static void
posada_typing_bar_dispose (GObject *object)
{
    posada_typing_bar_set_console (POSADA_TYPING_BAR (object), NULL);
    gtk_widget_dispose_template (GTK_WIDGET (object), POSADA_TYPE_TYPING_BAR);
    G_OBJECT_CLASS (posada_typing_bar_parent_class)->dispose (object);
}

static void
posada_typing_bar_class_init (PosadaTypingBarClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    G_OBJECT_CLASS (klass)->dispose = posada_typing_bar_dispose;
    /* A sentence for people. */
    signals[TOLD] = g_signal_new ("told", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                  NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
    gtk_widget_class_set_template_from_resource (widget_class,
                                                 "/io/posada/Posada/ui/app/posada-typing-bar.ui");
    gtk_widget_class_bind_template_child (widget_class, PosadaTypingBar, progress_bar);
    gtk_widget_class_bind_template_callback (widget_class, cancel_cb);
}

static void
posada_typing_bar_init (PosadaTypingBar *self)
{
    gtk_widget_init_template (GTK_WIDGET (self));
}

void
posada_typing_bar_set_console (PosadaTypingBar *self, PosadaConsole *console)
{
    g_return_if_fail (POSADA_IS_TYPING_BAR (self));

    if (self->console)
        g_signal_handlers_disconnect_by_data (self->console, self);
    g_set_object (&self->console, console);
    if (console)
        g_signal_connect_swapped (console, "notify::typing-progress", G_CALLBACK (progress_cb),
                                  self);
}

void
posada_typing_bar_paste (PosadaTypingBar *self)
{
    g_return_if_fail (POSADA_IS_TYPING_BAR (self));

    gdk_clipboard_read_text_async (gtk_widget_get_clipboard (GTK_WIDGET (self)), NULL, clipboard_cb,
                                   g_object_ref (self));
}
