/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/posada-units.h"

#include <string.h>

#include "store/posada-store-error.h"

gboolean
posada_parse_number (const char *text, guint64 minimum, guint64 maximum, const char *what,
                     guint64 *ret_number, GError **error)
{
    guint64 number;

    if (!g_ascii_string_to_unsigned (text ? text : "", 10, minimum, maximum, &number, NULL)) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "%s “%.64s” is not a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
                     what, text ? text : "", minimum, maximum);
        return FALSE;
    }
    *ret_number = number;
    return TRUE;
}

/* libvirt's rule: one letter, or it and iB, is a power of 1,024, it and B one of 1,000. */
static gboolean
find_factor (const char *unit, guint64 *ret_factor)
{
    static const char letters[] = "kmgtpe";
    guint64 base, factor = 1;
    const char *letter;

    if (g_ascii_strcasecmp (unit, "b") == 0 || g_ascii_strcasecmp (unit, "byte") == 0 ||
        g_ascii_strcasecmp (unit, "bytes") == 0) {
        *ret_factor = 1;
        return TRUE;
    }
    letter = *unit ? strchr (letters, g_ascii_tolower (*unit)) : NULL;
    if (!letter)
        return FALSE;
    if (!unit[1] || g_ascii_strcasecmp (unit + 1, "iB") == 0)
        base = 1024;
    else if (g_ascii_strcasecmp (unit + 1, "B") == 0)
        base = 1000;
    else
        return FALSE;
    for (const char *l = letters; l <= letter; l++)
        factor *= base;
    *ret_factor = factor;
    return TRUE;
}

gboolean
posada_parse_size (const char *text, const char *unit, guint64 minimum, guint64 maximum,
                   const char *what, guint64 *ret_size, GError **error)
{
    guint64 number, factor;

    if (!posada_parse_number (text, 0, G_MAXUINT64, what, &number, error))
        return FALSE;
    if (!find_factor (unit ? unit : "KiB", &factor)) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "%s has the unit “%.16s”, which is none", what, unit);
        return FALSE;
    }
    if (number > maximum / factor || number * factor < minimum) {
        g_autofree char *low = g_format_size_full (minimum, G_FORMAT_SIZE_IEC_UNITS);
        g_autofree char *high = g_format_size_full (maximum, G_FORMAT_SIZE_IEC_UNITS);

        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "%s of %s %s is not from %s to %s", what, text, unit ? unit : "KiB", low,
                     high);
        return FALSE;
    }
    *ret_size = number * factor;
    return TRUE;
}

gboolean
posada_parse_flag (const char *text, gboolean fallback)
{
    if (g_strcmp0 (text, "yes") == 0 || g_strcmp0 (text, "on") == 0)
        return TRUE;
    if (g_strcmp0 (text, "no") == 0 || g_strcmp0 (text, "off") == 0)
        return FALSE;
    return fallback;
}

char *
posada_format_size (guint64 bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};

    for (int i = G_N_ELEMENTS (units) - 1; i >= 0; i--) {
        unsigned shift = 10 * (unsigned) (i + 1);

        if (bytes >> shift && !(bytes & ((G_GUINT64_CONSTANT (1) << shift) - 1)))
            return g_strdup_printf ("%" G_GUINT64_FORMAT "\u00a0%s", bytes >> shift, units[i]);
        if (bytes >> shift)
            break;
    }
    return g_format_size_full (bytes, G_FORMAT_SIZE_IEC_UNITS);
}
