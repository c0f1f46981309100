/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "golden.h"

#include <png.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

static uint8_t *
to_bytes (const uint32_t *pixels, size_t n)
{
    uint8_t *bytes = malloc (n * 3);

    CHECK (bytes);
    for (size_t i = 0; i < n; i++) {
        CHECK ((pixels[i] & 0xFF000000) == 0);
        bytes[3 * i] = (uint8_t) (pixels[i] >> 16);
        bytes[3 * i + 1] = (uint8_t) (pixels[i] >> 8);
        bytes[3 * i + 2] = (uint8_t) pixels[i];
    }
    return bytes;
}

static void
write_picture (const char *path, const uint8_t *bytes, unsigned width, unsigned height)
{
    png_image image = {
        .version = PNG_IMAGE_VERSION, .width = width, .height = height, .format = PNG_FORMAT_RGB};

    if (!png_image_write_to_file (&image, path, 0, bytes, 0, NULL))
        tap_fail (__FILE__, __LINE__, "cannot write %s: %s", path, image.message);
}

void
golden_check_picture (const char *name, const uint32_t *pixels, unsigned width, unsigned height)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    uint8_t *bytes = to_bytes (pixels, (size_t) width * height), *golden = NULL;
    const char *update = getenv ("POSADA_UPDATE_GOLDEN");
    const char *leaf = strrchr (name, '/');
    char path[500], actual[200];
    bool same = false;

    snprintf (path, sizeof path, "%s/%s.png", POSADA_GOLDEN_DIR, name);
    snprintf (actual, sizeof actual, "%s.actual.png", leaf ? leaf + 1 : name);
    if (update && strcmp (update, "1") == 0) {
        write_picture (path, bytes, width, height);
        free (bytes);
        return;
    }
    if (!png_image_begin_read_from_file (&image, path))
        tap_fail (__FILE__, __LINE__, "cannot read %s: %s", path, image.message);
    image.format = PNG_FORMAT_RGB;
    golden = malloc (PNG_IMAGE_SIZE (image));
    if (golden && png_image_finish_read (&image, NULL, golden, 0, NULL))
        same = image.width == width && image.height == height &&
               memcmp (golden, bytes, (size_t) width * height * 3) == 0;
    free (golden);
    if (!same)
        write_picture (actual, bytes, width, height);
    free (bytes);
    if (!same)
        tap_fail (__FILE__, __LINE__, "%s differs: it is now %u × %u as in %s", path, width, height,
                  actual);
}
