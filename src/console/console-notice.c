/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-console"

#include "console/console-notice.h"

#include <glib/gi18n.h>

struct _ConsoleNotice {
    GtkWidget *widget;
    void (*reconnect_cb) (GtkWidget *widget);
    GtkWidget *box, *label, *button;
};

static void
clicked_cb (ConsoleNotice *self)
{
    self->reconnect_cb (self->widget);
}

ConsoleNotice *
console_notice_new (GtkWidget *widget, void (*reconnect_cb) (GtkWidget *widget))
{
    ConsoleNotice *self = g_new0 (ConsoleNotice, 1);
    g_autoptr (PangoAttrList) white = pango_attr_list_new ();

    self->widget = widget;
    self->reconnect_cb = reconnect_cb;
    self->label = gtk_label_new (NULL);
    gtk_label_set_wrap (GTK_LABEL (self->label), TRUE);
    gtk_label_set_justify (GTK_LABEL (self->label), GTK_JUSTIFY_CENTER);
    gtk_widget_add_css_class (self->label, "title-2");
    /* Whatever the theme. */
    pango_attr_list_insert (white, pango_attr_foreground_new (0xffff, 0xffff, 0xffff));
    gtk_label_set_attributes (GTK_LABEL (self->label), white);
    self->button = gtk_button_new_with_mnemonic (_ ("_Reconnect"));
    gtk_widget_set_halign (self->button, GTK_ALIGN_CENTER);
    gtk_widget_add_css_class (self->button, "pill");
    gtk_widget_set_visible (self->button, FALSE);
    g_signal_connect_swapped (self->button, "clicked", G_CALLBACK (clicked_cb), self);
    self->box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 18);
    gtk_box_append (GTK_BOX (self->box), self->label);
    gtk_box_append (GTK_BOX (self->box), self->button);
    gtk_widget_set_parent (self->box, widget);
    return self;
}

void
console_notice_free (ConsoleNotice *self)
{
    gtk_widget_unparent (self->box);
    g_free (self);
}

void
console_notice_set (ConsoleNotice *self, const char *text, gboolean lost)
{
    gtk_label_set_label (GTK_LABEL (self->label), text);
    if (lost && !gtk_widget_get_visible (self->button)) {
        gtk_widget_set_visible (self->button, TRUE);
        if (gtk_widget_is_focus (self->widget))
            gtk_widget_grab_focus (self->button);
    } else if (!lost && gtk_widget_get_visible (self->button)) {
        if (gtk_widget_is_focus (self->button))
            gtk_widget_grab_focus (self->widget);
        gtk_widget_set_visible (self->button, FALSE);
    }
}

void
console_notice_set_visible (ConsoleNotice *self, gboolean visible)
{
    gtk_widget_set_visible (self->box, visible);
}

void
console_notice_allocate (ConsoleNotice *self, int width, int height)
{
    GtkRequisition natural;
    int for_width;

    if (!gtk_widget_should_layout (self->box))
        return;
    gtk_widget_get_preferred_size (self->box, NULL, &natural);
    for_width = MIN (natural.width, width);
    gtk_widget_measure (self->box, GTK_ORIENTATION_VERTICAL, for_width, NULL, &natural.height, NULL,
                        NULL);
    gtk_widget_size_allocate (self->box,
                              &(GtkAllocation) {(width - for_width) / 2,
                                                MAX (height - natural.height, 0) / 2, for_width,
                                                natural.height},
                              -1);
}

void
console_notice_snapshot (ConsoleNotice *self, GtkSnapshot *snapshot)
{
    gtk_widget_snapshot_child (self->widget, self->box, snapshot);
}
