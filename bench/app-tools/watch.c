/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Waits for the first window on an X screen to show something, and prints the monotonic time at
 * which it did, in microseconds: the window is mapped, as large as one for people, and its pixels
 * are no longer of one colour. Any toolkit, no help of the program. With a number of seconds as its
 * argument it gives up after that.
 */
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define MIN_SIZE 250
#define STEP     16 /* pixels between those that are looked at */
#define COLORS   6  /* as many different ones are a drawn window */

static long long
now (void)
{
    struct timespec time;

    clock_gettime (CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

/* A window may go away while we look at it. */
static int
ignore_error (Display *display, XErrorEvent *event)
{
    return 0;
}

static bool
is_drawn (Display *display, Window window, const XWindowAttributes *attributes)
{
    unsigned long colors[COLORS];
    int n = 0;
    XImage *image = XGetImage (display, window, 0, 0, (unsigned) attributes->width,
                               (unsigned) attributes->height, AllPlanes, ZPixmap);

    if (!image)
        return false;
    for (int y = 0; y < image->height && n < COLORS; y += STEP)
        for (int x = 0; x < image->width && n < COLORS; x += STEP / 4) {
            unsigned long color = XGetPixel (image, x, y);
            int i = 0;

            while (i < n && colors[i] != color)
                i++;
            if (i == n)
                colors[n++] = color;
        }
    XDestroyImage (image);
    return n == COLORS;
}

static bool
look (Display *display)
{
    Window root, parent, *windows = NULL;
    unsigned n = 0;
    bool found = false;

    if (!XQueryTree (display, DefaultRootWindow (display), &root, &parent, &windows, &n))
        return false;
    for (unsigned i = 0; i < n && !found; i++) {
        XWindowAttributes attributes;

        if (XGetWindowAttributes (display, windows[i], &attributes) &&
            attributes.map_state == IsViewable && attributes.class == InputOutput &&
            attributes.width >= MIN_SIZE && attributes.height >= MIN_SIZE)
            found = is_drawn (display, windows[i], &attributes);
    }
    if (windows)
        XFree (windows);
    return found;
}

int
main (int argc, char **argv)
{
    long long end = now () + (argc > 1 ? atoi (argv[1]) : 60) * 1000000LL;
    Display *display = XOpenDisplay (NULL);

    if (!display)
        return 2;
    XSetErrorHandler (ignore_error);
    puts ("ready");
    fflush (stdout);
    while (!look (display)) {
        if (now () > end)
            return 1;
        usleep (3000);
    }
    printf ("%lld\n", now ());
    return 0;
}
