/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The application's keys, in one table: what installs them is what the dialog shows. Main thread.
 */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

void posada_shortcuts_install (GtkApplication *application);
/* While a console has the keyboard, every key is the guest's. */
void posada_shortcuts_suspend (GtkApplication *application);

AdwDialog *posada_shortcuts_new (GtkApplication *application);

G_END_DECLS
