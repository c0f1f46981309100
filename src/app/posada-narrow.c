/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-narrow.h"

typedef struct {
    AdwHeaderBar *header;
    GtkPackType side;
    GtkWidget *buttons;
    GtkBox *bar;
} Move;

static void
apply_cb (AdwBreakpoint *breakpoint, Move *move)
{
    g_object_ref (move->buttons);
    adw_header_bar_remove (move->header, move->buttons);
    if (move->side == GTK_PACK_START)
        gtk_box_prepend (move->bar, move->buttons);
    else
        gtk_box_append (move->bar, move->buttons);
    g_object_unref (move->buttons);
}

static void
unapply_cb (AdwBreakpoint *breakpoint, Move *move)
{
    g_object_ref (move->buttons);
    gtk_box_remove (move->bar, move->buttons);
    if (move->side == GTK_PACK_START)
        adw_header_bar_pack_start (move->header, move->buttons);
    else
        adw_header_bar_pack_end (move->header, move->buttons);
    g_object_unref (move->buttons);
}

static void
destroy_move (gpointer data, GClosure *closure)
{
    g_free (data);
}

void
posada_narrow_move (AdwBreakpoint *breakpoint, AdwHeaderBar *header, GtkPackType side,
                    GtkWidget *buttons, GtkBox *bar)
{
    Move *move = g_new (Move, 1);

    *move = (Move) {.header = header, .side = side, .buttons = buttons, .bar = bar};
    g_signal_connect (breakpoint, "apply", G_CALLBACK (apply_cb), move);
    g_signal_connect_data (breakpoint, "unapply", G_CALLBACK (unapply_cb), move, destroy_move, 0);
}
