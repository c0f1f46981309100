/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/headless.h"

#include <errno.h>
#include <fcntl.h>
#include <png.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

/* A 3 × 2 picture whose rows are 16 bytes apart. */
static const uint32_t picture[8] = {0x000000, 0xFFFFFF, 0x123456, 0xDEADBEEF,
                                    0xFF0000, 0x00FF00, 0x0000FF, 0xDEADBEEF};

static struct display *
shown_display (void)
{
    struct display_scanout scanout = {.pixels = picture, .width = 3, .height = 2, .stride = 16};
    struct display *display;

    CHECK_EQUAL (display_create (&display), 0);
    display_set_scanout (display, &scanout);
    return display;
}

TEST (a_grab_copies_the_rows_without_their_padding)
{
    struct display *display = shown_display ();
    unsigned width, height;
    uint32_t *pixels;

    CHECK_EQUAL (headless_grab (display, &pixels, &width, &height, NULL), 0);
    CHECK_EQUAL (width, 3);
    CHECK_EQUAL (height, 2);
    CHECK_EQUAL (pixels[2], 0x123456);
    CHECK_EQUAL (pixels[3], 0xFF0000);
    free (pixels);
    display_destroy (display);
}

TEST (a_screen_that_is_off_is_an_error_with_a_sentence)
{
    struct vmm_error error = {0};
    struct display *display;
    unsigned width, height;
    uint32_t *pixels;

    CHECK_EQUAL (display_create (&display), 0);
    CHECK_EQUAL (headless_grab (display, &pixels, &width, &height, &error), -ENODATA);
    CHECK_CONTAINS (error.message, "off");
    CHECK_EQUAL (headless_screenshot (display, "never.png", &error), -ENODATA);
    CHECK (access ("never.png", F_OK) < 0);
    display_destroy (display);
}

TEST (a_screenshot_is_a_png_file_with_those_pixels)
{
    struct display *display = shown_display ();
    png_image image = {.version = PNG_IMAGE_VERSION};
    struct vmm_error error = {0};
    unsigned char bytes[3 * 2 * 3];
    char directory[] = "/tmp/posada-headless-XXXXXX";
    char path[64];

    CHECK (mkdtemp (directory));
    snprintf (path, sizeof path, "%s/shot.png", directory);
    CHECK_EQUAL (headless_screenshot (display, path, &error), 0);
    CHECK_EQUAL (headless_screenshot (display, path, &error), 0); /* replaces the first */
    CHECK (png_image_begin_read_from_file (&image, path));
    CHECK_EQUAL (image.width, 3);
    CHECK_EQUAL (image.height, 2);
    image.format = PNG_FORMAT_RGB;
    CHECK (png_image_finish_read (&image, NULL, bytes, 0, NULL));
    CHECK (memcmp (bytes,
                   "\x00\x00\x00\xFF\xFF\xFF\x12\x34\x56\xFF\x00\x00\x00\xFF\x00\x00\x00\xFF",
                   sizeof bytes) == 0);
    CHECK_EQUAL (unlink (path), 0);
    CHECK_EQUAL (rmdir (directory), 0); /* nothing else was left behind */
    display_destroy (display);
}

TEST (a_thumbnail_is_the_mean_of_what_it_covers)
{
    uint32_t pixels[16 * 8];
    struct display_scanout scanout = {.pixels = pixels, .width = 16, .height = 8, .stride = 64};
    png_image image = {.version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB};
    struct vmm_error error = {0};
    unsigned char bytes[3 * 4 * 2];
    struct display *display;
    char path[] = "/tmp/posada-thumbnail-XXXXXX";

    /* Stripes of black and 0x204060, which mix, and a white lower half. */
    for (unsigned i = 0; i < 16 * 8; i++)
        pixels[i] = i >= 16 * 4 ? 0xffffff : i % 2 ? 0x204060 : 0;
    CHECK_EQUAL (display_create (&display), 0);
    display_set_scanout (display, &scanout);
    CHECK (mkstemp (path) >= 0);
    CHECK_EQUAL (headless_thumbnail (display, path, 4, 100, &error), 0);
    CHECK (png_image_begin_read_from_file (&image, path));
    CHECK_EQUAL (image.width, 4);
    CHECK_EQUAL (image.height, 2);
    image.format = PNG_FORMAT_RGB;
    CHECK (png_image_finish_read (&image, NULL, bytes, 0, NULL));
    CHECK (memcmp (bytes, "\x10\x20\x30\x10\x20\x30", 6) == 0);
    CHECK (memcmp (bytes + 12, "\xff\xff\xff", 3) == 0);
    unlink (path);
    display_destroy (display);
}

TEST (a_screenshot_that_cannot_be_written_names_the_file)
{
    struct display *display = shown_display ();
    struct vmm_error error = {0};

    CHECK_EQUAL (headless_screenshot (display, "/nonexistent/shot.png", &error), -ENOENT);
    CHECK_CONTAINS (error.message, "/nonexistent/shot.png");
    display_destroy (display);
}

TEST (a_screenshot_replaces_pictures_and_nothing_else)
{
    struct display *display = shown_display ();
    char path[] = "/tmp/posada-screenshot-XXXXXX", read_back[9] = "";
    struct vmm_error error = {0};
    struct stat status;
    int fd = mkstemp (path);

    CHECK (fd >= 0);
    CHECK_EQUAL (write (fd, "precious", 8), 8);
    CHECK_EQUAL (headless_screenshot (display, path, &error), -EEXIST);
    CHECK_CONTAINS (error.message, path);
    close (fd);
    fd = open (path, O_RDWR);
    CHECK_EQUAL (read (fd, read_back, 8), 8);
    CHECK_STRING (read_back, "precious");
    CHECK_EQUAL (ftruncate (fd, 0), 0);
    CHECK_EQUAL (headless_screenshot (display, path, &error), 0);
    CHECK_EQUAL (headless_screenshot (display, path, &error), 0);
    close (fd);
    CHECK (unlink (path) == 0 && mkfifo (path, 0600) == 0);
    CHECK_EQUAL (headless_screenshot (display, path, &error), -EEXIST);
    CHECK (stat (path, &status) == 0 && S_ISFIFO (status.st_mode));
    unlink (path);
    display_destroy (display);
}

TAP_MAIN ()
