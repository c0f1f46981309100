/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-preferences.h"

#include "app/posada-settings.h"

struct _PosadaPreferences {
    AdwPreferencesDialog parent_instance;

    AdwComboRow *colors_row;
    AdwComboRow *release_row;
    AdwComboRow *scaling_row;
    AdwComboRow *close_row;
    AdwComboRow *quit_row;
    AdwSwitchRow *log_out_row;
    AdwSwitchRow *save_row;
};

G_DEFINE_FINAL_TYPE (PosadaPreferences, posada_preferences, ADW_TYPE_PREFERENCES_DIALOG)

/* In the order of the entries of each row. The last of each may be what the user has chosen
 * elsewhere, which no entry stands for. */
static const char *const colors[] = {"system", "light", "dark", NULL};
static const char *const release_keys[] = {"ctrl+alt", "ctrl+shift", "ctrl+super", "alt+super",
                                           NULL};
static const char *const scalings[] = {"fit", "one-to-one", "resize-guest", NULL};
static const char *const closings[] = {"ask", "keep-running", NULL};
static const char *const quittings[] = {"ask", "save", "shut-down", "force-off", NULL};

static gboolean
to_position_cb (GValue *value, GVariant *variant, gpointer user_data)
{
    const char *const *values = user_data;
    const char *text = g_variant_get_string (variant, NULL);
    guint position = GTK_INVALID_LIST_POSITION;

    for (guint i = 0; values[i]; i++)
        if (g_str_equal (values[i], text))
            position = i;
    g_value_set_uint (value, position);
    return TRUE;
}

static GVariant *
from_position_cb (const GValue *value, const GVariantType *type, gpointer user_data)
{
    const char *const *values = user_data;
    guint position = g_value_get_uint (value);

    return position < g_strv_length ((char **) values) ? g_variant_new_string (values[position])
                                                       : NULL;
}

static void
bind_row (GSettings *settings, const char *key, AdwComboRow *row, const char *const *values)
{
    g_settings_bind_with_mapping (settings, key, row, "selected", G_SETTINGS_BIND_DEFAULT,
                                  to_position_cb, from_position_cb, (gpointer) values, NULL);
}

static void
posada_preferences_class_init (PosadaPreferencesClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    gtk_widget_class_set_template_from_resource (widget_class,
                                                 "/io/posada/Posada/ui/app/posada-preferences.ui");
    gtk_widget_class_bind_template_child (widget_class, PosadaPreferences, colors_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaPreferences, release_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaPreferences, scaling_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaPreferences, close_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaPreferences, quit_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaPreferences, log_out_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaPreferences, save_row);
}

static void
posada_preferences_init (PosadaPreferences *self)
{
    gtk_widget_init_template (GTK_WIDGET (self));
}

AdwDialog *
posada_preferences_new (GSettings *settings)
{
    PosadaPreferences *self = g_object_new (POSADA_TYPE_PREFERENCES, NULL);

    bind_row (settings, POSADA_SETTINGS_COLOR_SCHEME, self->colors_row, colors);
    bind_row (settings, POSADA_SETTINGS_RELEASE_KEYS, self->release_row, release_keys);
    bind_row (settings, POSADA_SETTINGS_CONSOLE_SCALING, self->scaling_row, scalings);
    bind_row (settings, POSADA_SETTINGS_ON_CLOSE, self->close_row, closings);
    bind_row (settings, POSADA_SETTINGS_ON_QUIT, self->quit_row, quittings);
    g_settings_bind (settings, POSADA_SETTINGS_INHIBIT_LOG_OUT, self->log_out_row, "active",
                     G_SETTINGS_BIND_DEFAULT);
    g_settings_bind (settings, POSADA_SETTINGS_SAVE_ON_LOG_OUT, self->save_row, "active",
                     G_SETTINGS_BIND_DEFAULT);
    return ADW_DIALOG (self);
}
