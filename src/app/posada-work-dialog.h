/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks what quitting does with work that goes on, and shows how far that is. The responses are
 * “cancel”, “stop” and “finish”, which is also the answer when the work ends meanwhile. Main
 * thread.
 */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

AdwAlertDialog *posada_work_dialog_new (void);

G_END_DECLS
