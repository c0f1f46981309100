/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A SPICE viewer for scripts. Says whether it came to see the picture that a PNG file has; usage:
 * view-spice ADDRESS PNG [PASSWORD CERTIFICATE SUBJECT]
 */
#include <png.h>
#include <stdio.h>
#include <stdlib.h>

#include "spice-viewer.h"

typedef struct {
    SpiceViewer *viewer;
    png_image image;
    guint32 *expected;
} Look;

static gboolean
same_picture (const Look *look)
{
    SpiceViewer *viewer = look->viewer;
    int width = (int) look->image.width, height = (int) look->image.height;

    if (!viewer->pixels || viewer->width != width || viewer->height != height)
        return FALSE;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            if (spice_viewer_get_pixel (viewer, x, y) != (look->expected[y * width + x] & 0xFFFFFF))
                return FALSE;
    return TRUE;
}

static gboolean
is_decided (void *data)
{
    Look *look = data;

    return look->viewer->auth_failed || look->viewer->closed || same_picture (look);
}

int
main (int argc, char **argv)
{
    Look look = {.image = {.version = PNG_IMAGE_VERSION}};
    gboolean decided;

    if (argc != 3 && argc != 6)
        return 2;
    if (!png_image_begin_read_from_file (&look.image, argv[2]))
        return 2;
    look.image.format = PNG_FORMAT_BGRA;
    look.expected = malloc (PNG_IMAGE_SIZE (look.image));
    if (!png_image_finish_read (&look.image, NULL, look.expected, 0, NULL))
        return 2;
    look.viewer = argc == 3 ? spice_viewer_new_for_uri (argv[1], NULL, NULL, NULL)
                            : spice_viewer_new_for_uri (argv[1], argv[3], argv[4], argv[5]);
    decided = spice_viewer_wait (is_decided, &look);
    if (!decided)
        printf ("another picture, %d × %d\n", look.viewer->width, look.viewer->height);
    else
        puts (look.viewer->auth_failed ? "refused" : look.viewer->closed ? "closed" : "same");
    spice_viewer_free (look.viewer);
    free (look.expected);
    return 0;
}
