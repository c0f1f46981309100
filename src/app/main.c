/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>
#include <libdex.h>
#include <locale.h>

#include "app/posada-application.h"
#include "app/posada-renderer.h"

int
main (int argc, char **argv)
{
    g_autoptr (PosadaApplication) application = NULL;
    /* For a build that is not installed. */
    const char *locales = g_getenv ("POSADA_LOCALE_DIR");

    setlocale (LC_ALL, "");
    bindtextdomain (GETTEXT_PACKAGE, locales ? locales : POSADA_LOCALE_DIR);
    bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
    textdomain (GETTEXT_PACKAGE);
    posada_renderer_choose ("/dev");
    dex_init ();
    application = posada_application_new ();
    return g_application_run (G_APPLICATION (application), argc, argv);
}
