/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/headless.h"

#include <errno.h>
#include <fcntl.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

struct grab {
    uint32_t *pixels;
    unsigned width, height;
    int result;
};

/* Adding a sink shows it the whole scanout while the pixels stand still: all that a grab needs. */
static void
grab_scanout_cb (void *data, const struct display_scanout *scanout)
{
    struct grab *grab = data;

    if (grab->result != -EAGAIN)
        return;
    if (!scanout->pixels || !scanout->width || !scanout->height) {
        grab->result = -ENODATA;
        return;
    }
    grab->pixels = malloc ((size_t) scanout->width * scanout->height * sizeof *grab->pixels);
    if (!grab->pixels) {
        grab->result = -ENOMEM;
        return;
    }
    for (unsigned y = 0; y < scanout->height; y++) {
        const uint32_t *from = scanout->pixels + (size_t) y * (scanout->stride / sizeof *from);
        uint32_t *to = grab->pixels + (size_t) y * scanout->width;

        for (unsigned x = 0; x < scanout->width; x++)
            to[x] = from[x] & 0xFFFFFF;
    }
    grab->width = scanout->width;
    grab->height = scanout->height;
    grab->result = 0;
}

static void
grab_damaged_cb (void *data, const struct display_rectangle *rectangle)
{
}

int
headless_grab (struct display *display, uint32_t **ret_pixels, unsigned *ret_width,
               unsigned *ret_height, struct vmm_error *error)
{
    static const struct display_sink_ops ops = {
        .scanout_changed = grab_scanout_cb,
        .damaged = grab_damaged_cb,
    };
    struct grab grab = {.result = -EAGAIN};
    struct display_sink sink = {.ops = &ops, .data = &grab};

    display_refresh (display);
    display_add_sink (display, &sink);
    display_remove_sink (display, &sink);

    if (grab.result == -ENODATA)
        return vmm_error_set (error, grab.result, "the machine's screen is off");
    if (grab.result < 0)
        return vmm_error_set_errno (error, grab.result, "cannot copy the machine's screen");
    *ret_pixels = grab.pixels;
    *ret_width = grab.width;
    *ret_height = grab.height;
    return 0;
}

/*
 * Opens a new file beside @path, whose name goes to *@ret_name. Not mkstemp (): a picture gets the
 * permissions that the user's umask leaves it.
 */
static int
open_beside (const char *path, char **ret_name)
{
    for (int attempt = 0; attempt < 100; attempt++) {
        AUTO_FREE char *name = NULL;
        unsigned number;
        int fd;

        if (getrandom (&number, sizeof number, 0) != sizeof number)
            return -EIO;
        if (asprintf (&name, "%s.%08x.part", path, number) < 0) {
            name = NULL;
            return -ENOMEM;
        }
        fd = open (name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0) {
            *ret_name = STEAL_PTR (name);
            return fd;
        }
        if (errno != EEXIST)
            return -errno;
    }
    return -EEXIST;
}

/* Takes @fd over. */
static int
write_png (int fd, uint32_t *pixels, unsigned width, unsigned height)
{
    png_image image = {
        .version = PNG_IMAGE_VERSION,
        .width = width,
        .height = height,
        .format = PNG_FORMAT_RGB,
        .flags = PNG_IMAGE_FLAG_FAST,
    };
    unsigned char *bytes = (unsigned char *) pixels;
    FILE *file = fdopen (fd, "wb");
    int r = 0;

    if (!file) {
        r = -errno;
        close_fd (fd);
        return r;
    }
    /* Three bytes never overtake the word they come from. */
    for (size_t i = 0; i < (size_t) width * height; i++) {
        uint32_t pixel = pixels[i];

        bytes[3 * i] = (unsigned char) (pixel >> 16);
        bytes[3 * i + 1] = (unsigned char) (pixel >> 8);
        bytes[3 * i + 2] = (unsigned char) pixel;
    }
    errno = 0;
    if (!png_image_write_to_stdio (&image, file, 0, bytes, (png_int_32) width * 3, NULL))
        r = errno ? -errno : -EIO;
    png_image_free (&image);
    if (fclose (file) != 0 && r == 0)
        r = -errno;
    return r;
}

/* A picture replaces another one, an empty file or a link; what else is there was named by mistake,
 * a disk maybe. */
static int
check_place (const char *path, struct vmm_error *error)
{
    static const unsigned char signature[8] = "\x89PNG\r\n\x1a\n";
    unsigned char head[sizeof signature];
    struct stat status;
    AUTO_FD fd = -1;
    ssize_t n;

    if (lstat (path, &status) < 0 || S_ISLNK (status.st_mode))
        return 0; /* making the new one tells what is wrong otherwise */
    if (S_ISREG (status.st_mode) && status.st_size == 0)
        return 0;
    if (S_ISREG (status.st_mode))
        fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    n = fd < 0 ? -1 : read (fd, head, sizeof head);
    if (n == (ssize_t) sizeof head && memcmp (head, signature, sizeof head) == 0)
        return 0;
    return vmm_error_set (
        error, -EEXIST, "%s exists and is no PNG picture: it is not replaced, choose another name",
        path);
}

/* Writes @pixels, which it changes, to @path by way of a file beside it. */
static int
save_png (const char *path, uint32_t *pixels, unsigned width, unsigned height,
          struct vmm_error *error)
{
    AUTO_FREE char *name = NULL;
    int r = check_place (path, error), fd;

    if (r < 0)
        return r;
    fd = open_beside (path, &name);
    if (fd < 0)
        return vmm_error_set_errno (error, fd, "cannot create a picture at %s", path);
    r = write_png (fd, pixels, width, height);
    if (r == 0 && rename (name, path) < 0)
        r = -errno;
    if (r < 0) {
        unlink (name);
        return vmm_error_set_errno (error, r, "cannot write the picture %s", path);
    }
    return 0;
}

int
headless_screenshot (struct display *display, const char *path, struct vmm_error *error)
{
    AUTO_FREE uint32_t *pixels = NULL;
    unsigned width, height;
    int r = headless_grab (display, &pixels, &width, &height, error);

    return r < 0 ? r : save_png (path, pixels, width, height, error);
}

/* The mean of the pixels that fall into one of the smaller picture's. */
static uint32_t
mean (const uint32_t *pixels, unsigned stride, unsigned left, unsigned right, unsigned top,
      unsigned bottom)
{
    uint64_t red = 0, green = 0, blue = 0, n = (uint64_t) (right - left) * (bottom - top);

    if (n == 0)
        return 0;
    for (unsigned y = top; y < bottom; y++) {
        for (unsigned x = left; x < right; x++) {
            uint32_t pixel = pixels[(size_t) y * stride + x];

            red += pixel >> 16 & 0xff;
            green += pixel >> 8 & 0xff;
            blue += pixel & 0xff;
        }
    }
    return (uint32_t) ((red / n) << 16 | (green / n) << 8 | blue / n);
}

/* In place: what is written never overtakes what is read. */
static void
shrink (uint32_t *pixels, unsigned *width, unsigned *height, unsigned to_width, unsigned to_height)
{
    for (unsigned y = 0; y < to_height; y++) {
        unsigned top = (unsigned) ((uint64_t) y * *height / to_height);
        unsigned bottom = (unsigned) ((uint64_t) (y + 1) * *height / to_height);

        for (unsigned x = 0; x < to_width; x++) {
            unsigned left = (unsigned) ((uint64_t) x * *width / to_width);
            unsigned right = (unsigned) ((uint64_t) (x + 1) * *width / to_width);

            pixels[(size_t) y * to_width + x] = mean (pixels, *width, left, right, top, bottom);
        }
    }
    *width = to_width;
    *height = to_height;
}

int
headless_thumbnail (struct display *display, const char *path, unsigned width, unsigned height,
                    struct vmm_error *error)
{
    AUTO_FREE uint32_t *pixels = NULL;
    unsigned full_width, full_height;
    int r = headless_grab (display, &pixels, &full_width, &full_height, error);

    if (r < 0)
        return r;
    if (full_width > width || full_height > height) {
        bool wide = (uint64_t) full_width * height > (uint64_t) full_height * width;

        if (wide)
            height = (unsigned) ((uint64_t) full_height * width / full_width);
        else
            width = (unsigned) ((uint64_t) full_width * height / full_height);
        shrink (pixels, &full_width, &full_height, width ? width : 1, height ? height : 1);
    }
    return save_png (path, pixels, full_width, full_height, error);
}
