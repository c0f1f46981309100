/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Header bars whose buttons have no room beside the title in a narrow window. Main thread. */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

/* @buttons, packed in @header on @side, are in @bar instead while @breakpoint applies. Whether
 * @bar is shown is up to the breakpoint's setters. All of them are of one template. */
void posada_narrow_move (AdwBreakpoint *breakpoint, AdwHeaderBar *header, GtkPackType side,
                         GtkWidget *buttons, GtkBox *bar);

G_END_DECLS
