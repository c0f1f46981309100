/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The preferences dialog: every row is bound to a key of the settings. Main thread.
 */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

#define POSADA_TYPE_PREFERENCES (posada_preferences_get_type ())
G_DECLARE_FINAL_TYPE (PosadaPreferences, posada_preferences, POSADA, PREFERENCES,
                      AdwPreferencesDialog)

AdwDialog *posada_preferences_new (GSettings *settings);

G_END_DECLS
