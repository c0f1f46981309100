/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/display.h"

#include "tap.h"

struct watcher {
    struct display_sink sink;
    struct display_scanout scanout;
    struct display_rectangle damage;
    struct display_cursor cursor;
    unsigned n_scanouts, n_damages, n_cursors, n_moves;
    int x, y;
    pthread_mutex_t *expect_held;
    bool was_held;
};

static void
watch_scanout_cb (void *data, const struct display_scanout *scanout)
{
    struct watcher *watcher = data;

    watcher->scanout = *scanout;
    watcher->n_scanouts++;
    if (watcher->expect_held)
        watcher->was_held = pthread_mutex_trylock (watcher->expect_held) != 0;
}

static void
watch_damage_cb (void *data, const struct display_rectangle *rectangle)
{
    struct watcher *watcher = data;

    watcher->damage = *rectangle;
    watcher->n_damages++;
}

static void
watch_cursor_cb (void *data, const struct display_cursor *cursor)
{
    struct watcher *watcher = data;

    watcher->cursor = *cursor;
    watcher->n_cursors++;
}

static void
watch_move_cb (void *data, int x, int y, bool visible)
{
    struct watcher *watcher = data;

    watcher->x = x;
    watcher->y = y;
    watcher->n_moves++;
}

static const struct display_sink_ops watch_ops = {
    .scanout_changed = watch_scanout_cb,
    .damaged = watch_damage_cb,
    .cursor_changed = watch_cursor_cb,
    .cursor_moved = watch_move_cb,
};

struct source {
    pthread_mutex_t lock;
    struct display *display;
    uint32_t pixels[4 * 3];
    unsigned n_refreshes, wished_width;
    bool was_held;
};

static void
source_refresh_cb (void *data)
{
    struct source *source = data;

    source->was_held = pthread_mutex_trylock (&source->lock) != 0;
    source->n_refreshes++;
    display_damage (source->display, 1, 1, 100, 1);
}

static void
source_suggest_cb (void *data, unsigned width, unsigned height)
{
    ((struct source *) data)->wished_width = width;
}

static const struct display_source_ops source_ops = {
    .refresh = source_refresh_cb,
    .suggest_size = source_suggest_cb,
};

static void
source_show (struct source *source)
{
    struct display_scanout scanout = {
        .pixels = source->pixels,
        .width = 4,
        .height = 3,
        .stride = 16,
    };

    display_set_scanout (source->display, &scanout);
}

TEST (a_new_sink_is_shown_the_scanout_with_the_source_locked)
{
    struct source source = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct watcher watcher = {.sink = {.ops = &watch_ops, .data = &watcher}};

    CHECK_EQUAL (display_create (&source.display), 0);
    display_set_source (source.display, &source_ops, &source, &source.lock);
    source_show (&source);
    watcher.expect_held = &source.lock;
    display_add_sink (source.display, &watcher.sink);
    CHECK_EQUAL (watcher.n_scanouts, 1);
    CHECK_EQUAL (watcher.scanout.width, 4);
    CHECK (watcher.was_held);
    display_remove_sink (source.display, &watcher.sink);
    display_destroy (source.display);
}

TEST (refresh_asks_the_source_and_damage_is_cut_to_the_scanout)
{
    struct source source = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct watcher watcher = {.sink = {.ops = &watch_ops, .data = &watcher}};

    CHECK_EQUAL (display_create (&source.display), 0);
    display_refresh (source.display); /* without a source nothing happens */
    display_set_source (source.display, &source_ops, &source, &source.lock);
    display_add_sink (source.display, &watcher.sink);
    display_refresh (source.display);
    CHECK (source.was_held);
    CHECK_EQUAL (watcher.n_damages, 0); /* the screen is off */
    source_show (&source);
    display_refresh (source.display);
    CHECK_EQUAL (watcher.n_damages, 1);
    CHECK_EQUAL (watcher.damage.x, 1);
    CHECK_EQUAL (watcher.damage.width, 3);
    CHECK_EQUAL (watcher.damage.height, 1);
    display_damage (source.display, 4, 0, 1, 1);
    display_damage (source.display, ~0u, ~0u, ~0u, ~0u);
    CHECK_EQUAL (watcher.n_damages, 1);
    display_suggest_size (source.display, 1920, 1080);
    CHECK_EQUAL (source.wished_width, 1920);
    display_destroy (source.display);
}

TEST (a_cleared_source_leaves_the_screen_off)
{
    struct source source = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct watcher watcher = {.sink = {.ops = &watch_ops, .data = &watcher}};

    CHECK_EQUAL (display_create (&source.display), 0);
    display_set_source (source.display, &source_ops, &source, &source.lock);
    source_show (&source);
    display_add_sink (source.display, &watcher.sink);
    display_clear_source (source.display, &watcher); /* somebody else's: ignored */
    CHECK (watcher.scanout.pixels);
    display_clear_source (source.display, &source);
    CHECK (!watcher.scanout.pixels);
    display_refresh (source.display);
    CHECK_EQUAL (source.n_refreshes, 0);
    display_destroy (source.display);
}

TEST (a_removed_sink_hears_nothing)
{
    struct source source = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct watcher watcher = {.sink = {.ops = &watch_ops, .data = &watcher}};

    CHECK_EQUAL (display_create (&source.display), 0);
    display_add_sink (source.display, &watcher.sink);
    display_remove_sink (source.display, &watcher.sink);
    source_show (&source);
    display_damage (source.display, 0, 0, 4, 3);
    CHECK_EQUAL (watcher.n_scanouts, 1);
    CHECK_EQUAL (watcher.n_damages, 0);
    display_destroy (source.display);
}

TEST (the_cursor_is_copied_and_shown_to_later_sinks)
{
    struct source source = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct watcher watcher = {.sink = {.ops = &watch_ops, .data = &watcher}};
    uint32_t picture[4] = {0xFF112233, 0, 0, 0xFF445566};
    struct display_cursor cursor = {.pixels = picture, .width = 2, .height = 2, .hot_x = 1};

    CHECK_EQUAL (display_create (&source.display), 0);
    display_set_cursor (source.display, &cursor);
    picture[0] = 0;
    display_move_cursor (source.display, -5, 7, true);
    display_add_sink (source.display, &watcher.sink);
    CHECK_EQUAL (watcher.n_cursors, 1);
    CHECK_EQUAL (watcher.cursor.pixels[0], 0xFF112233);
    CHECK_EQUAL (watcher.cursor.hot_x, 1);
    CHECK_EQUAL (watcher.x, -5);
    CHECK_EQUAL (watcher.y, 7);
    cursor.width = DISPLAY_MAX_CURSOR + 1; /* too big: none */
    display_set_cursor (source.display, &cursor);
    CHECK (!watcher.cursor.pixels && !watcher.cursor.hidden);
    display_destroy (source.display);
}

TEST (a_hidden_cursor_is_not_the_same_as_none)
{
    struct source source = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct watcher watcher = {.sink = {.ops = &watch_ops, .data = &watcher}};

    CHECK_EQUAL (display_create (&source.display), 0);
    display_set_cursor (source.display, &(struct display_cursor) {.hidden = true});
    display_add_sink (source.display, &watcher.sink);
    CHECK_EQUAL (watcher.n_cursors, 1);
    CHECK (!watcher.cursor.pixels && watcher.cursor.hidden);
    display_set_cursor (source.display, NULL);
    CHECK_EQUAL (watcher.n_cursors, 2);
    CHECK (!watcher.cursor.pixels && !watcher.cursor.hidden);
    display_destroy (source.display);
}

TAP_MAIN ()
