/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-settings.h"

#include "console/posada-console.h"

#define SCHEMA "io.posada.Posada"

static GSettingsSchema *
look_in (const char *folder)
{
    g_autoptr (GSettingsSchemaSource) source = g_settings_schema_source_new_from_directory (
        folder, g_settings_schema_source_get_default (), FALSE, NULL);

    return source ? g_settings_schema_source_lookup (source, SCHEMA, FALSE) : NULL;
}

/* Beside the program of a build, before what is installed: they belong together. */
static GSettingsSchema *
find_schema (void)
{
    GSettingsSchemaSource *source = g_settings_schema_source_get_default ();
    g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
    g_autofree char *place = program ? g_path_get_dirname (program) : NULL;
    g_autofree char *folder = place ? g_build_filename (place, "../../data", NULL) : NULL;
    GSettingsSchema *schema = folder ? look_in (folder) : NULL;

    if (!schema && source)
        schema = g_settings_schema_source_lookup (source, SCHEMA, TRUE);
    return schema ? schema : look_in (POSADA_SCHEMA_DIR);
}

GSettings *
posada_settings_get (void)
{
    static GSettings *settings;

    if (!settings) {
        g_autoptr (GSettingsSchema) schema = find_schema ();

        if (schema)
            settings = g_settings_new_full (schema, NULL, NULL);
    }
    return settings;
}

static void
colors_changed_cb (GSettings *settings)
{
    static const AdwColorScheme schemes[] = {ADW_COLOR_SCHEME_DEFAULT, ADW_COLOR_SCHEME_FORCE_LIGHT,
                                             ADW_COLOR_SCHEME_FORCE_DARK};
    int choice = g_settings_get_enum (settings, POSADA_SETTINGS_COLOR_SCHEME);

    adw_style_manager_set_color_scheme (adw_style_manager_get_default (),
                                        schemes[CLAMP (choice, 0, 2)]);
}

void
posada_settings_follow_colors (GSettings *settings)
{
    g_signal_connect (settings, "changed::" POSADA_SETTINGS_COLOR_SCHEME,
                      G_CALLBACK (colors_changed_cb), NULL);
    colors_changed_cb (settings);
}

static gboolean
scaling_cb (GValue *value, GVariant *variant, gpointer user_data)
{
    static const char *const nicks[] = {"fit", "one-to-one", "resize-guest"};

    for (int i = 0; i < (int) G_N_ELEMENTS (nicks); i++)
        if (g_str_equal (nicks[i], g_variant_get_string (variant, NULL)))
            g_value_set_enum (value, i);
    return TRUE;
}

void
posada_settings_bind_console (GSettings *settings, GtkWidget *console)
{
    g_return_if_fail (POSADA_IS_CONSOLE (console));

    g_settings_bind_with_mapping (settings, POSADA_SETTINGS_CONSOLE_SCALING, console, "scaling",
                                  G_SETTINGS_BIND_GET, scaling_cb, NULL, NULL, NULL);
    g_settings_bind (settings, POSADA_SETTINGS_RELEASE_KEYS, console, "release-keys",
                     G_SETTINGS_BIND_GET);
}
