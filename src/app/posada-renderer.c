/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Without a graphics processor Mesa computes every pixel itself. For that it brings a compiler
 * along, which takes as much memory as all else in the application, and it needs three to ten times
 * as much time for the screen of a machine as cairo does. GTK prefers it nevertheless, and asks it
 * for a visual even where cairo paints.
 */
#include "app/posada-renderer.h"

/* Nodes of the kernel's drivers, of those that have nodes of their own, and of Windows' kernel. */
static const char *const nodes[] = {"nvidiactl", "dxg", "mali0", "pvr_sync"};

static gboolean
has_render_node (const char *devices)
{
    g_autofree char *path = g_build_filename (devices, "dri", NULL);
    g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
    const char *name;

    while (folder && (name = g_dir_read_name (folder)))
        if (g_str_has_prefix (name, "renderD"))
            return TRUE;
    return FALSE;
}

static gboolean
has_processor (const char *devices)
{
    for (gsize i = 0; i < G_N_ELEMENTS (nodes); i++) {
        g_autofree char *path = g_build_filename (devices, nodes[i], NULL);

        if (g_file_test (path, G_FILE_TEST_EXISTS))
            return TRUE;
    }
    return has_render_node (devices);
}

void
posada_renderer_choose (const char *devices)
{
    const char *renderer = g_getenv ("GSK_RENDERER");

    if ((renderer && !g_str_equal (renderer, "cairo")) || has_processor (devices))
        return;
    g_setenv ("GSK_RENDERER", "cairo", TRUE);
    g_setenv ("GDK_DISABLE", "gl,vulkan", FALSE);
}
