/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gstdio.h>

#include "app/posada-renderer.h"
#include "tap.h"

/* What is chosen where below a folder of devices there is @node, or nothing. */
static const char *
choose (const char *node, const char *renderer)
{
    g_autofree char *folder = g_dir_make_tmp ("posada-renderer-XXXXXX", NULL);
    g_autofree char *dri = g_build_filename (folder, "dri", NULL);
    g_autofree char *path = node ? g_build_filename (folder, node, NULL) : NULL;

    CHECK_EQUAL (g_mkdir (dri, 0700), 0);
    CHECK (!path || g_file_set_contents (path, "", 0, NULL));
    g_unsetenv ("GSK_RENDERER");
    g_unsetenv ("GDK_DISABLE");
    if (renderer)
        g_setenv ("GSK_RENDERER", renderer, TRUE);
    posada_renderer_choose (folder);
    if (path)
        g_unlink (path);
    g_rmdir (dri);
    g_rmdir (folder);
    return g_getenv ("GSK_RENDERER");
}

TEST (without_a_graphics_processor_cairo_paints_alone)
{
    CHECK_STRING (choose (NULL, NULL), "cairo");
    CHECK_STRING (g_getenv ("GDK_DISABLE"), "gl,vulkan");
    /* A card that only shows is none. */
    CHECK_STRING (choose ("dri/card0", NULL), "cairo");
    CHECK_STRING (choose (NULL, "cairo"), "cairo");
    CHECK_STRING (g_getenv ("GDK_DISABLE"), "gl,vulkan");
}

TEST (a_graphics_processor_is_left_to_gtk)
{
    CHECK (!choose ("dri/renderD128", NULL));
    CHECK (!choose ("nvidiactl", NULL));
    CHECK (!g_getenv ("GDK_DISABLE"));
}

TEST (who_has_chosen_keeps_the_choice)
{
    CHECK_STRING (choose (NULL, "ngl"), "ngl");
    CHECK (!g_getenv ("GDK_DISABLE"));
}

TAP_MAIN ()
