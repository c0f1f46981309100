/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "display/headless.h"
#include "engine/machine-internal.h"
#include "hw/edid.h"
#include "tap.h"
#include "testbed.h"
#include "vga-guest.h"
#include "virtio-driver.h"

#define TYPE_GPU 16
#define CONTROL  0
#define CURSOR   1
#define HEADER   24
#define F_EDID   2u

#define WIDTH    64
#define HEIGHT   32
#define STRIDE   (WIDTH * 4)

enum {
    GET_DISPLAY_INFO = 0x100,
    CREATE,
    UNREF,
    SET_SCANOUT,
    FLUSH,
    TRANSFER,
    ATTACH,
    DETACH,
    GET_EDID = 0x10A,
    UPDATE_CURSOR = 0x300,
    MOVE_CURSOR,
};
enum {
    OK = 0x1100,
    OK_DISPLAY_INFO = 0x1101,
    OK_EDID = 0x1104,
    FAILED = 0x1200,
    NO_MEMORY,
    NO_SCANOUT,
    NO_RESOURCE,
    BAD_PARAMETER = 0x1205,
};
enum {
    BGRA = 1,
    BGRX = 2,
    ARGB = 3,
    XRGB = 4,
    RGBA = 67,
    XBGR = 68,
    ABGR = 121,
    RGBX = 134,
};

/* What a watcher was told. */
struct watcher {
    struct display_sink sink;
    struct display_scanout scanout;
    unsigned n_scanouts, n_damages;
    struct display_rectangle damage;
    bool has_cursor, visible;
    struct display_cursor cursor;
    uint32_t cursor_pixel;
    int x, y;
};

struct rig {
    struct vga_guest guest;
    struct testbed *bed;
    struct vd vd;
    struct watcher watcher;
    uint64_t request, reply;
};

static void
scanout_cb (void *data, const struct display_scanout *scanout)
{
    struct watcher *watcher = data;

    watcher->scanout = *scanout;
    watcher->n_scanouts++;
}

static void
damaged_cb (void *data, const struct display_rectangle *rectangle)
{
    struct watcher *watcher = data;

    watcher->damage = *rectangle;
    watcher->n_damages++;
}

static void
cursor_cb (void *data, const struct display_cursor *cursor)
{
    struct watcher *watcher = data;

    watcher->cursor = *cursor;
    watcher->has_cursor = cursor->pixels;
    watcher->cursor_pixel = cursor->pixels ? cursor->pixels[0] : 0;
}

static void
cursor_moved_cb (void *data, int x, int y, bool visible)
{
    struct watcher *watcher = data;

    watcher->x = x;
    watcher->y = y;
    watcher->visible = visible;
}

static void
open_rig (struct rig *rig)
{
    static const struct display_sink_ops ops = {scanout_cb, damaged_cb, cursor_cb, cursor_moved_cb};

    *rig = (struct rig) {0};
    vga_guest_init_with (&rig->guest, "virtio-vga", 4);
    rig->bed = rig->guest.bed;
    vd_open (&rig->vd, rig->bed, TYPE_GPU);
    rig->vd.heap = 2 * MIB;
    rig->watcher.sink = (struct display_sink) {.ops = &ops, .data = &rig->watcher};
    display_add_sink (rig->guest.display, &rig->watcher.sink);
}

static void
start (struct rig *rig)
{
    vd_start (&rig->vd, F_EDID, 2, 64, true);
    testbed_settle (rig->bed);
    rig->request = vd_alloc (&rig->vd, 512 * KIB, 8);
    rig->reply = vd_alloc (&rig->vd, 4096, 8);
}

static void
close_rig (struct rig *rig)
{
    display_remove_sink (rig->guest.display, &rig->watcher.sink);
    vga_guest_fini (&rig->guest);
}

static uint8_t *
request (struct rig *rig)
{
    return vd_ram (&rig->vd, rig->request, 512 * KIB);
}

static const uint8_t *
reply (struct rig *rig)
{
    return vd_ram (&rig->vd, rig->reply, 4096);
}

/* Sends @length bytes of what is in the request; its answer's type. */
static uint32_t
send_raw (struct rig *rig, uint32_t length)
{
    struct vd_buffer buffers[] = {{rig->request, length, false}, {rig->reply, 4096, true}};

    vd_add (&rig->vd, CONTROL, buffers, 2);
    CHECK (vd_run (&rig->vd, CONTROL) >= HEADER);
    return load_le32 (reply (rig));
}

/* A command whose words after the header are @words. */
static uint32_t
command (struct rig *rig, uint32_t type, const uint32_t *words, unsigned n)
{
    memset (request (rig), 0, HEADER);
    store_le32 (request (rig), type);
    for (unsigned i = 0; i < n; i++)
        store_le32 (request (rig) + HEADER + 4 * i, words[i]);
    return send_raw (rig, HEADER + 4 * n);
}

#define COMMAND(rig, type, ...)                               \
    command ((rig), (type), (const uint32_t[]) {__VA_ARGS__}, \
             sizeof ((const uint32_t[]) {__VA_ARGS__}) / sizeof (uint32_t))

static void
post_cursor (struct rig *rig, uint32_t type, uint32_t scanout, uint32_t x, uint32_t y,
             uint32_t resource, uint32_t hot_x, uint32_t hot_y)
{
    const uint32_t words[] = {scanout, x, y, 0, resource, hot_x, hot_y, 0};
    struct vd_buffer buffer = {rig->request, HEADER + sizeof words, false};

    memset (request (rig), 0, HEADER);
    store_le32 (request (rig), type);
    for (unsigned i = 0; i < ARRAY_LENGTH (words); i++)
        store_le32 (request (rig) + HEADER + 4 * i, words[i]);
    vd_add (&rig->vd, CURSOR, &buffer, 1);
    CHECK_EQUAL (vd_run (&rig->vd, CURSOR), 0);
}

/* A resource of WIDTH × HEIGHT with backing in one piece, whose address is returned. */
static uint64_t
make_resource (struct rig *rig, uint32_t id, uint32_t format)
{
    uint64_t backing = vd_alloc (&rig->vd, STRIDE * HEIGHT, 4096);

    CHECK_EQUAL (COMMAND (rig, CREATE, id, format, WIDTH, HEIGHT), OK);
    CHECK_EQUAL (COMMAND (rig, ATTACH, id, 1, (uint32_t) backing, 0, STRIDE * HEIGHT, 0), OK);
    return backing;
}

static void
show (struct rig *rig, uint32_t id)
{
    CHECK_EQUAL (COMMAND (rig, SET_SCANOUT, 0, 0, WIDTH, HEIGHT, 0, id), OK);
}

static uint32_t
pixel_at (struct rig *rig, unsigned x, unsigned y)
{
    struct vmm_error error = {0};
    unsigned width, height;
    uint32_t *pixels, pixel;

    CHECK_EQUAL (headless_grab (rig->guest.display, &pixels, &width, &height, &error), 0);
    CHECK (x < width && y < height);
    pixel = pixels[y * width + x];
    free (pixels);
    return pixel;
}

static bool
is_dark (struct rig *rig)
{
    struct vmm_error error = {0};
    unsigned width, height;
    uint32_t *pixels;
    int r = headless_grab (rig->guest.display, &pixels, &width, &height, &error);

    if (r == 0)
        free (pixels);
    return r == -ENODATA;
}

TEST (is_a_vga_and_a_virtio_function_whose_bars_do_not_collide)
{
    static const unsigned bars[] = {0, 1, 2, 4};
    static const uint32_t sizes[] = {4 * MIB, 4096, 4096, 16384};
    struct rig rig;

    open_rig (&rig);
    CHECK_EQUAL (testbed_pci_read (rig.bed, rig.vd.devfn, 8, 4) >> 8, 0x030000);
    CHECK_EQUAL (testbed_pci_read (rig.bed, rig.vd.devfn, 0, 4), 0x10501AF4);
    for (unsigned i = 0; i < ARRAY_LENGTH (bars); i++) {
        unsigned at = 0x10 + 4 * bars[i];
        uint32_t old = testbed_pci_read (rig.bed, rig.vd.devfn, at, 4);

        testbed_pci_write (rig.bed, rig.vd.devfn, at, 4, UINT32_MAX);
        CHECK_EQUAL (~(testbed_pci_read (rig.bed, rig.vd.devfn, at, 4) & ~15u) + 1, sizes[i]);
        testbed_pci_write (rig.bed, rig.vd.devfn, at, 4, old);
    }
    /* The display interface where OVMF looks for it. */
    CHECK_EQUAL (testbed_read (rig.bed, testbed_pci_bar (rig.bed, rig.vd.devfn, 2) + 0x500, 2),
                 0xB0C5);
    CHECK_EQUAL (testbed_read (rig.bed, testbed_pci_bar (rig.bed, rig.vd.devfn, 2), 1), 0);
    CHECK_EQUAL (testbed_read (rig.bed, testbed_pci_bar (rig.bed, rig.vd.devfn, 2) + 1, 1), 0xFF);
    CHECK (vd_offered (&rig.vd) & F_EDID);
    CHECK_EQUAL (vd_read_config (&rig.vd, 8, 4), 1);
    CHECK_EQUAL (vd_read_config (&rig.vd, 12, 4), 0);
    close_rig (&rig);
}

TEST (the_vga_in_it_draws_the_same_pictures)
{
    struct rig rig;

    open_rig (&rig);
    CHECK (is_dark (&rig));
    vga_guest_set_linear (&rig.guest, 320, 200, 32, 0);
    testbed_write (rig.bed, testbed_pci_bar (rig.bed, rig.vd.devfn, 0), 4, 0x123456);
    CHECK_EQUAL (pixel_at (&rig, 0, 0), 0x123456);
    testbed_check_round_trip (rig.bed);
    close_rig (&rig);
}

TEST (tells_its_size_and_monitor)
{
    struct rig rig;
    uint8_t sum = 0;

    open_rig (&rig);
    start (&rig);
    CHECK_EQUAL (COMMAND (&rig, GET_DISPLAY_INFO, 0), OK_DISPLAY_INFO);
    CHECK_EQUAL (load_le32 (reply (&rig) + HEADER + 8), 1280);
    CHECK_EQUAL (load_le32 (reply (&rig) + HEADER + 12), 800);
    CHECK_EQUAL (load_le32 (reply (&rig) + HEADER + 16), 1);
    CHECK_EQUAL (load_le32 (reply (&rig) + HEADER + 24 + 16), 0);
    CHECK_EQUAL (COMMAND (&rig, GET_EDID, 0, 0), OK_EDID);
    CHECK_EQUAL (load_le32 (reply (&rig) + HEADER), EDID_SIZE);
    for (unsigned i = 0; i < EDID_SIZE; i++)
        sum = (uint8_t) (sum + reply (&rig)[HEADER + 8 + i]);
    CHECK_EQUAL (sum, 0);
    CHECK_EQUAL (COMMAND (&rig, GET_EDID, 1, 0), NO_SCANOUT);
    close_rig (&rig);
}

TEST (answers_carry_their_fence)
{
    struct rig rig;

    open_rig (&rig);
    start (&rig);
    memset (request (&rig), 0, HEADER);
    store_le32 (request (&rig), GET_DISPLAY_INFO);
    store_le32 (request (&rig) + 4, 1);
    store_le64 (request (&rig) + 8, 0x1122334455667788);
    store_le32 (request (&rig) + 16, 99);
    CHECK_EQUAL (send_raw (&rig, HEADER), OK_DISPLAY_INFO);
    CHECK_EQUAL (load_le32 (reply (&rig) + 4), 1);
    CHECK_EQUAL (load_le64 (reply (&rig) + 8), 0x1122334455667788);
    CHECK_EQUAL (load_le32 (reply (&rig) + 16), 99);
    CHECK_EQUAL (COMMAND (&rig, GET_DISPLAY_INFO, 0), OK_DISPLAY_INFO);
    CHECK_EQUAL (load_le32 (reply (&rig) + 4), 0);
    close_rig (&rig);
}

TEST (a_picture_goes_from_backing_to_the_screen)
{
    struct rig rig;
    uint64_t backing;
    uint32_t *pixels;

    open_rig (&rig);
    start (&rig);
    vga_guest_set_mode (&rig.guest, MODE_03H);
    display_refresh (rig.guest.display);
    CHECK_EQUAL (rig.watcher.scanout.width, 720);
    backing = make_resource (&rig, 7, BGRX);
    pixels = vd_ram (&rig.vd, backing, STRIDE * HEIGHT);
    for (unsigned i = 0; i < WIDTH * HEIGHT; i++)
        pixels[i] = 0xFF000000 | i;
    show (&rig, 7);
    CHECK_EQUAL (rig.watcher.scanout.width, WIDTH);
    CHECK_EQUAL (rig.watcher.scanout.height, HEIGHT);
    CHECK_EQUAL (pixel_at (&rig, 5, 3), 0);
    CHECK_EQUAL (COMMAND (&rig, TRANSFER, 0, 0, WIDTH, HEIGHT, 0, 0, 7, 0), OK);
    CHECK_EQUAL (pixel_at (&rig, 5, 3), 3 * WIDTH + 5);
    /* A part: the offset is that of its first byte. */
    memset (pixels, 0x55, STRIDE * HEIGHT);
    CHECK_EQUAL (COMMAND (&rig, TRANSFER, 4, 2, 8, 3, 2 * STRIDE + 4 * 4, 0, 7, 0), OK);
    CHECK_EQUAL (pixel_at (&rig, 3, 2), 2 * WIDTH + 3);
    CHECK_EQUAL (pixel_at (&rig, 4, 2), 0x555555);
    CHECK_EQUAL (pixel_at (&rig, 11, 4), 0x555555);
    CHECK_EQUAL (pixel_at (&rig, 12, 4), 4 * WIDTH + 12);
    CHECK_EQUAL (pixel_at (&rig, 4, 5), 5 * WIDTH + 4);
    rig.watcher.n_damages = 0;
    CHECK_EQUAL (COMMAND (&rig, FLUSH, 4, 2, 8, 3, 7, 0), OK);
    CHECK_EQUAL (rig.watcher.n_damages, 1);
    CHECK (rig.watcher.damage.x == 4 && rig.watcher.damage.y == 2);
    CHECK (rig.watcher.damage.width == 8 && rig.watcher.damage.height == 3);
    close_rig (&rig);
}

TEST (backing_may_lie_in_odd_pieces)
{
    struct rig rig;
    uint64_t base;
    uint32_t words[2 + 4 * 40];
    uint8_t *bytes;

    open_rig (&rig);
    start (&rig);
    base = vd_alloc (&rig.vd, 64 * KIB, 4096);
    bytes = vd_ram (&rig.vd, base, 64 * KIB);
    /* 40 pieces of 3 bytes more than their number × 7, 1,000 bytes apart, some of them empty. */
    words[0] = 1;
    words[1] = 40;
    for (unsigned i = 0, at = 0; i < 40; i++) {
        uint32_t length = i % 5 == 0 ? 0 : 3 + 7 * i;

        memcpy (words + 2 + 4 * i, (uint32_t[]) {(uint32_t) base + 1000 * i, 0, length, 0}, 16);
        for (unsigned k = 0; k < length; k++, at++)
            bytes[1000 * i + k] = (uint8_t) (at % 4 == 3 ? 0 : at / 4);
    }
    CHECK_EQUAL (COMMAND (&rig, CREATE, 1, BGRX, WIDTH, 10), OK);
    CHECK_EQUAL (command (&rig, ATTACH, words, ARRAY_LENGTH (words)), OK);
    CHECK_EQUAL (COMMAND (&rig, TRANSFER, 0, 0, WIDTH, 10, 0, 0, 1, 0), OK);
    CHECK_EQUAL (COMMAND (&rig, SET_SCANOUT, 0, 0, WIDTH, 10, 0, 1), OK);
    for (unsigned i = 0; i < WIDTH * 10; i += 37)
        CHECK_EQUAL (pixel_at (&rig, i % WIDTH, i / WIDTH), (i & 0xFF) * 0x010101u);
    testbed_check_round_trip (rig.bed);
    close_rig (&rig);
}

TEST (every_format_shows_its_colours)
{
    static const struct {
        uint32_t format;
        uint8_t bytes[4];
    } samples[] = {
        {BGRA, {0x33, 0x22, 0x11, 0xFF}}, {BGRX, {0x33, 0x22, 0x11, 0xFF}},
        {ARGB, {0xFF, 0x11, 0x22, 0x33}}, {XRGB, {0xFF, 0x11, 0x22, 0x33}},
        {RGBA, {0x11, 0x22, 0x33, 0xFF}}, {RGBX, {0x11, 0x22, 0x33, 0xFF}},
        {ABGR, {0xFF, 0x33, 0x22, 0x11}}, {XBGR, {0xFF, 0x33, 0x22, 0x11}},
    };
    struct rig rig;

    open_rig (&rig);
    start (&rig);
    for (uint32_t i = 0; i < ARRAY_LENGTH (samples); i++) {
        uint64_t backing = make_resource (&rig, i + 1, samples[i].format);

        memcpy (vd_ram (&rig.vd, backing + STRIDE + 8, 4), samples[i].bytes, 4);
        CHECK_EQUAL (COMMAND (&rig, TRANSFER, 0, 0, WIDTH, HEIGHT, 0, 0, i + 1, 0), OK);
        show (&rig, i + 1);
        CHECK_EQUAL (pixel_at (&rig, 2, 1), 0x112233);
    }
    CHECK_EQUAL (COMMAND (&rig, CREATE, 100, 5, WIDTH, HEIGHT), BAD_PARAMETER);
    close_rig (&rig);
}

TEST (a_part_of_a_resource_can_be_the_screen)
{
    struct rig rig;
    uint64_t backing;

    open_rig (&rig);
    start (&rig);
    backing = make_resource (&rig, 1, BGRX);
    store_le32 (vd_ram (&rig.vd, backing + 10 * STRIDE + 20 * 4, 4), 0xABCDEF);
    CHECK_EQUAL (COMMAND (&rig, TRANSFER, 0, 0, WIDTH, HEIGHT, 0, 0, 1, 0), OK);
    CHECK_EQUAL (COMMAND (&rig, SET_SCANOUT, 20, 10, 16, 8, 0, 1), OK);
    CHECK_EQUAL (rig.watcher.scanout.width, 16);
    CHECK_EQUAL (pixel_at (&rig, 0, 0), 0xABCDEF);
    CHECK_EQUAL (COMMAND (&rig, FLUSH, 0, 0, 24, 12, 1, 0), OK);
    CHECK (rig.watcher.damage.x == 0 && rig.watcher.damage.y == 0);
    CHECK (rig.watcher.damage.width == 4 && rig.watcher.damage.height == 2);
    rig.watcher.n_damages = 0;
    CHECK_EQUAL (COMMAND (&rig, FLUSH, 0, 0, 20, 10, 1, 0), OK);
    CHECK_EQUAL (rig.watcher.n_damages, 0);
    close_rig (&rig);
}

TEST (the_vga_comes_back_with_a_reset_and_not_before)
{
    struct rig rig;

    open_rig (&rig);
    start (&rig);
    vga_guest_set_mode (&rig.guest, MODE_03H);
    CHECK (!is_dark (&rig));
    make_resource (&rig, 1, BGRX);
    show (&rig, 1);
    CHECK_EQUAL (COMMAND (&rig, SET_SCANOUT, 0, 0, 0, 0, 0, 0), OK);
    CHECK (is_dark (&rig));
    show (&rig, 1);
    CHECK_EQUAL (rig.watcher.scanout.width, WIDTH);
    vd_set_status (&rig.vd, 0);
    CHECK (rig.watcher.scanout.pixels == NULL);
    display_refresh (rig.guest.display);
    CHECK_EQUAL (rig.watcher.scanout.width, 720);
    start (&rig);
    show (&rig, 0);
    CHECK_EQUAL (rig.watcher.scanout.width, 720);
    make_resource (&rig, 1, BGRX);
    show (&rig, 1);
    testbed_reset (rig.bed);
    CHECK (is_dark (&rig));
    close_rig (&rig);
}

TEST (a_resource_that_goes_leaves_the_screen_and_the_cursor)
{
    struct rig rig;

    open_rig (&rig);
    start (&rig);
    make_resource (&rig, 1, BGRX);
    make_resource (&rig, 2, BGRX);
    show (&rig, 1);
    post_cursor (&rig, UPDATE_CURSOR, 0, 5, 6, 1, 0, 0);
    CHECK (rig.watcher.has_cursor && rig.watcher.visible);
    CHECK_EQUAL (COMMAND (&rig, UNREF, 1, 0), OK);
    CHECK (is_dark (&rig));
    CHECK (!rig.watcher.has_cursor && !rig.watcher.visible);
    CHECK_EQUAL (COMMAND (&rig, UNREF, 1, 0), NO_RESOURCE);
    CHECK_EQUAL (COMMAND (&rig, FLUSH, 0, 0, 1, 1, 1, 0), NO_RESOURCE);
    show (&rig, 2);
    CHECK (!is_dark (&rig));
    close_rig (&rig);
}

TEST (the_cursor_is_shown_moved_and_hidden)
{
    struct rig rig;
    uint64_t backing;

    open_rig (&rig);
    start (&rig);
    /* Nothing to hide yet. */
    post_cursor (&rig, UPDATE_CURSOR, 0, 0, 0, 0, 0, 0);
    CHECK (!rig.watcher.has_cursor && !rig.watcher.cursor.hidden);
    backing = make_resource (&rig, 3, BGRX);
    store_le32 (vd_ram (&rig.vd, backing, 4), 0x80402010);
    CHECK_EQUAL (COMMAND (&rig, TRANSFER, 0, 0, WIDTH, HEIGHT, 0, 0, 3, 0), OK);
    post_cursor (&rig, UPDATE_CURSOR, 0, 100, (uint32_t) -3, 3, 4, 5);
    CHECK (rig.watcher.has_cursor && rig.watcher.visible);
    CHECK_EQUAL (rig.watcher.cursor_pixel, 0x80402010);
    CHECK (rig.watcher.cursor.width == WIDTH && rig.watcher.cursor.height == HEIGHT);
    CHECK (rig.watcher.cursor.hot_x == 4 && rig.watcher.cursor.hot_y == 5);
    CHECK (rig.watcher.x == 100 && rig.watcher.y == -3);
    testbed_check_round_trip (rig.bed);
    post_cursor (&rig, MOVE_CURSOR, 0, 7, 8, 0, 0, 0);
    CHECK (rig.watcher.x == 7 && rig.watcher.y == 8 && rig.watcher.visible);
    post_cursor (&rig, UPDATE_CURSOR, 0, 7, 8, 3, UINT32_MAX, UINT32_MAX);
    CHECK (rig.watcher.cursor.hot_x == WIDTH - 1 && rig.watcher.cursor.hot_y == HEIGHT - 1);
    post_cursor (&rig, UPDATE_CURSOR, 0, 7, 8, 0, 0, 0);
    CHECK (!rig.watcher.has_cursor && !rig.watcher.visible && rig.watcher.cursor.hidden);
    testbed_check_round_trip (rig.bed);
    vd_set_status (&rig.vd, 0);
    CHECK (!rig.watcher.cursor.hidden);
    close_rig (&rig);
}

TEST (odd_cursors_do_no_harm)
{
    struct rig rig;
    struct vd_buffer odd[] = {{0, 10, false}, {0, 56, true}};

    open_rig (&rig);
    start (&rig);
    post_cursor (&rig, UPDATE_CURSOR, 1, 0, 0, 0, 0, 0);
    post_cursor (&rig, UPDATE_CURSOR, 0, 0, 0, 999, 0, 0);
    post_cursor (&rig, MOVE_CURSOR, UINT32_MAX, 0, 0, 0, 0, 0);
    post_cursor (&rig, 0x9999, 0, 0, 0, 0, 0, 0);
    CHECK_EQUAL (COMMAND (&rig, CREATE, 1, BGRX, 8192, 16), OK);
    post_cursor (&rig, UPDATE_CURSOR, 0, 0, 0, 1, 0, 0);
    CHECK (!rig.watcher.has_cursor);
    for (unsigned i = 0; i < 2; i++) {
        odd[i].address = rig.request;
        vd_add (&rig.vd, CURSOR, &odd[i], 1);
        vd_run (&rig.vd, CURSOR);
    }
    CHECK (!(vd_status (&rig.vd) & VD_NEEDS_RESET));
    close_rig (&rig);
}

TEST (a_new_size_is_announced)
{
    struct rig rig;

    open_rig (&rig);
    start (&rig);
    (void) vd_count_msi (&rig.vd, 0);
    display_suggest_size (rig.guest.display, 1500, 901);
    CHECK_EQUAL (vd_count_msi (&rig.vd, 0), 1);
    CHECK_EQUAL (vd_read_config (&rig.vd, 0, 4), 1);
    display_suggest_size (rig.guest.display, 1500, 901);
    CHECK_EQUAL (vd_count_msi (&rig.vd, 0), 0);
    CHECK_EQUAL (COMMAND (&rig, GET_DISPLAY_INFO, 0), OK_DISPLAY_INFO);
    CHECK_EQUAL (load_le32 (reply (&rig) + HEADER + 8), 1500);
    CHECK_EQUAL (load_le32 (reply (&rig) + HEADER + 12), 901);
    CHECK_EQUAL (COMMAND (&rig, GET_EDID, 0, 0), OK_EDID);
    CHECK_EQUAL (reply (&rig)[HEADER + 8 + 54 + 2], 1500 & 0xFF);
    CHECK_EQUAL (reply (&rig)[HEADER + 8 + 54 + 4] >> 4, 1500 >> 8);
    vd_write_config (&rig.vd, 4, 4, 1);
    CHECK_EQUAL (vd_read_config (&rig.vd, 0, 4), 0);
    testbed_check_round_trip (rig.bed);
    display_suggest_size (rig.guest.display, 0, UINT32_MAX);
    CHECK_EQUAL (COMMAND (&rig, GET_DISPLAY_INFO, 0), OK_DISPLAY_INFO);
    CHECK_EQUAL (load_le32 (reply (&rig) + HEADER + 8), 320);
    CHECK_EQUAL (load_le32 (reply (&rig) + HEADER + 12), EDID_MAX_PIXELS);
    close_rig (&rig);
}

TEST (impossible_resources_are_refused)
{
    struct rig rig;

    open_rig (&rig);
    start (&rig);
    CHECK_EQUAL (COMMAND (&rig, CREATE, 0, BGRX, 1, 1), NO_RESOURCE);
    CHECK_EQUAL (COMMAND (&rig, CREATE, 1, BGRX, 0, 1), BAD_PARAMETER);
    CHECK_EQUAL (COMMAND (&rig, CREATE, 1, BGRX, 1, 0), BAD_PARAMETER);
    CHECK_EQUAL (COMMAND (&rig, CREATE, 1, BGRX, UINT32_MAX, UINT32_MAX), BAD_PARAMETER);
    CHECK_EQUAL (COMMAND (&rig, CREATE, 1, BGRX, 0x40000001, 4), BAD_PARAMETER);
    CHECK_EQUAL (COMMAND (&rig, CREATE, 1, BGRX, 8193, 1), BAD_PARAMETER);
    CHECK_EQUAL (COMMAND (&rig, CREATE, 1, BGRX, 8192, 8192), OK);
    CHECK_EQUAL (COMMAND (&rig, CREATE, 1, BGRX, 1, 1), NO_RESOURCE);
    CHECK_EQUAL (COMMAND (&rig, CREATE, 2, BGRX, 1, 1), NO_MEMORY);
    CHECK_EQUAL (COMMAND (&rig, UNREF, 1, 0), OK);
    CHECK_EQUAL (COMMAND (&rig, CREATE, 2, BGRX, 1, 1), OK);
    close_rig (&rig);
}

TEST (thousands_of_resources_end_at_the_cap)
{
    struct rig rig;
    unsigned n = 0;

    open_rig (&rig);
    start (&rig);
    for (uint32_t i = 1; i <= 3000; i++)
        if (COMMAND (&rig, CREATE, i, BGRX, 2, 2) == OK)
            n++;
        else
            CHECK_EQUAL (load_le32 (reply (&rig)), NO_MEMORY);
    CHECK_EQUAL (n, 1024);
    for (uint32_t i = 1; i <= n; i += 2)
        CHECK_EQUAL (COMMAND (&rig, UNREF, i, 0), OK);
    for (uint32_t i = 2; i <= n; i += 2)
        CHECK_EQUAL (COMMAND (&rig, FLUSH, 0, 0, 2, 2, i, 0), OK);
    vd_set_status (&rig.vd, 0);
    start (&rig);
    CHECK_EQUAL (COMMAND (&rig, FLUSH, 0, 0, 2, 2, 2, 0), NO_RESOURCE);
    close_rig (&rig);
}

TEST (rectangles_outside_the_resource_are_refused)
{
    static const uint32_t bad[][4] = {
        {0, 0, WIDTH + 1, 1},
        {0, 0, 1, HEIGHT + 1},
        {WIDTH, 0, 1, 1},
        {0, HEIGHT, 1, 1},
        {UINT32_MAX, 0, 2, 1},
        {0, UINT32_MAX, 1, 2},
        {1, 1, UINT32_MAX, UINT32_MAX},
        {0x80000000, 0x80000000, 0x80000000, 0x80000000},
    };
    struct rig rig;

    open_rig (&rig);
    start (&rig);
    make_resource (&rig, 1, BGRX);
    for (unsigned i = 0; i < ARRAY_LENGTH (bad); i++) {
        const uint32_t *r = bad[i];

        CHECK_EQUAL (COMMAND (&rig, TRANSFER, r[0], r[1], r[2], r[3], 0, 0, 1, 0), BAD_PARAMETER);
        CHECK_EQUAL (COMMAND (&rig, FLUSH, r[0], r[1], r[2], r[3], 1, 0), BAD_PARAMETER);
        CHECK_EQUAL (COMMAND (&rig, SET_SCANOUT, r[0], r[1], r[2], r[3], 0, 1), BAD_PARAMETER);
    }
    CHECK_EQUAL (COMMAND (&rig, SET_SCANOUT, 0, 0, 0, 0, 0, 1), BAD_PARAMETER);
    CHECK_EQUAL (COMMAND (&rig, SET_SCANOUT, 0, 0, 1, 1, 1, 1), NO_SCANOUT);
    CHECK_EQUAL (COMMAND (&rig, SET_SCANOUT, 0, 0, 1, 1, 0, 2), NO_RESOURCE);
    CHECK_EQUAL (COMMAND (&rig, TRANSFER, WIDTH, HEIGHT, 0, 0, 0, 0, 1, 0), OK);
    CHECK (is_dark (&rig));
    /* Beyond the backing. */
    CHECK_EQUAL (COMMAND (&rig, TRANSFER, 0, 0, WIDTH, HEIGHT, 1, 0, 1, 0), BAD_PARAMETER);
    CHECK_EQUAL (COMMAND (&rig, TRANSFER, 0, 0, 1, 1, UINT32_MAX, UINT32_MAX, 1, 0), BAD_PARAMETER);
    CHECK_EQUAL (COMMAND (&rig, TRANSFER, 0, 0, 1, HEIGHT, STRIDE - 4, 0, 1, 0), OK);
    close_rig (&rig);
}

TEST (backing_outside_ram_is_refused)
{
    struct rig rig;
    uint32_t room = (uint32_t) TESTBED_RAM;

    open_rig (&rig);
    start (&rig);
    CHECK_EQUAL (COMMAND (&rig, CREATE, 1, BGRX, WIDTH, HEIGHT), OK);
    CHECK_EQUAL (COMMAND (&rig, ATTACH, 1, 1, room - 4096, 0, 4097, 0), BAD_PARAMETER);
    CHECK_EQUAL (COMMAND (&rig, ATTACH, 1, 1, UINT32_MAX, UINT32_MAX, 16, 0), BAD_PARAMETER);
    CHECK_EQUAL (COMMAND (&rig, ATTACH, 1, 1, 0, 0, UINT32_MAX, 0), BAD_PARAMETER);
    CHECK_EQUAL (COMMAND (&rig, ATTACH, 1, 2, 0, 0, 4096, 0), BAD_PARAMETER);
    CHECK_EQUAL (COMMAND (&rig, ATTACH, 1, 0), BAD_PARAMETER);
    CHECK_EQUAL (COMMAND (&rig, ATTACH, 1, UINT32_MAX, 0, 0, 1, 0), BAD_PARAMETER);
    CHECK_EQUAL (COMMAND (&rig, ATTACH, 2, 1, 0, 0, 1, 0), NO_RESOURCE);
    CHECK_EQUAL (COMMAND (&rig, TRANSFER, 0, 0, 1, 1, 0, 0, 1, 0), BAD_PARAMETER);
    CHECK_EQUAL (COMMAND (&rig, DETACH, 1, 0), BAD_PARAMETER);
    CHECK_EQUAL (COMMAND (&rig, ATTACH, 1, 1, 0, 0, 4096, 0), OK);
    CHECK_EQUAL (COMMAND (&rig, ATTACH, 1, 1, 0, 0, 4096, 0), BAD_PARAMETER);
    CHECK_EQUAL (COMMAND (&rig, TRANSFER, 0, 0, WIDTH, HEIGHT, 0, 0, 1, 0), BAD_PARAMETER);
    CHECK_EQUAL (COMMAND (&rig, DETACH, 1, 0), OK);
    CHECK_EQUAL (COMMAND (&rig, DETACH, 2, 0), NO_RESOURCE);
    close_rig (&rig);
}

TEST (short_and_unknown_requests_are_answered_with_an_error)
{
    struct rig rig;

    open_rig (&rig);
    start (&rig);
    for (uint32_t type = 0xF0; type < 0x120; type++)
        for (uint32_t length = 1; length < 56; length += 5) {
            uint32_t answer;

            memset (request (&rig), 0, 64);
            store_le32 (request (&rig), type);
            answer = send_raw (&rig, length);
            CHECK (answer >= OK && answer <= BAD_PARAMETER);
            if (length < HEADER)
                CHECK_EQUAL (answer, FAILED);
        }
    CHECK_EQUAL (COMMAND (&rig, UPDATE_CURSOR, 0, 0, 0, 0, 0, 0, 0, 0), FAILED);
    CHECK (!(vd_status (&rig.vd) & VD_NEEDS_RESET));
    close_rig (&rig);
}

TEST (much_work_at_once_is_done_in_turns)
{
    struct rig rig;
    uint64_t backing;
    uint16_t head;
    uint32_t length;

    open_rig (&rig);
    start (&rig);
    backing = vd_alloc (&rig.vd, 16 * MIB, 4096);
    CHECK_EQUAL (COMMAND (&rig, CREATE, 1, BGRX, 2048, 2048), OK);
    CHECK_EQUAL (COMMAND (&rig, ATTACH, 1, 1, (uint32_t) backing, 0, 16 * MIB, 0), OK);
    CHECK_EQUAL (COMMAND (&rig, TRANSFER, 0, 0, 2048, 2048, 0, 0, 1, 0), OK);
    for (unsigned i = 0; i < 20; i++) {
        struct vd_buffer buffers[] = {{rig.request, 56, false}, {rig.reply, HEADER, true}};

        vd_add (&rig.vd, CONTROL, buffers, 2);
    }
    vd_kick (&rig.vd, CONTROL);
    for (unsigned i = 0; i < 20; i++)
        CHECK (vd_wait (&rig.vd, CONTROL, &head, &length));
    close_rig (&rig);
}

TEST (pictures_survive_a_round_trip)
{
    struct rig rig;
    uint64_t backing;

    open_rig (&rig);
    start (&rig);
    backing = make_resource (&rig, 1, RGBX);
    make_resource (&rig, 0xFFFFFFFF, BGRA);
    CHECK_EQUAL (COMMAND (&rig, UNREF, 1, 0), OK);
    CHECK_EQUAL (COMMAND (&rig, CREATE, 5, RGBX, WIDTH, HEIGHT), OK);
    CHECK_EQUAL (COMMAND (&rig, ATTACH, 5, 1, (uint32_t) backing, 0, STRIDE * HEIGHT, 0), OK);
    memset (vd_ram (&rig.vd, backing, STRIDE * HEIGHT), 0x77, STRIDE * HEIGHT);
    CHECK_EQUAL (COMMAND (&rig, TRANSFER, 0, 0, WIDTH, HEIGHT, 0, 0, 5, 0), OK);
    CHECK_EQUAL (COMMAND (&rig, SET_SCANOUT, 1, 1, 9, 9, 0, 5), OK);
    post_cursor (&rig, UPDATE_CURSOR, 0, 1, 2, 0xFFFFFFFF, 3, 4);
    testbed_check_round_trip (rig.bed);
    CHECK_EQUAL (pixel_at (&rig, 8, 8), 0x777777);
    CHECK_EQUAL (COMMAND (&rig, TRANSFER, 0, 0, WIDTH, HEIGHT, 0, 0, 5, 0), OK);
    CHECK (rig.watcher.has_cursor);
    close_rig (&rig);
}

static int
load_state (struct rig *rig, const struct vmm_state_writer *state)
{
    struct vmm_state_reader reader = {.data = state->data, .length = state->length};
    struct vmm_error error = {0};

    vmm_devices_reset (testbed_machine (rig->bed));
    return vmm_machine_load_devices (testbed_machine (rig->bed), &reader, &error);
}

/* What it said must not stay, or the machine cannot be saved from then on. */
TEST (a_state_that_was_refused_leaves_nothing_behind)
{
    static const char field[] = "wanted_height";
    struct vmm_state_writer state = {0}, after = {0};
    struct rig rig;
    uint8_t *value;

    open_rig (&rig);
    CHECK (vmm_machine_save_devices (testbed_machine (rig.bed), &state) >= 0);
    value = memmem (state.data, state.length, field, sizeof field - 1);
    CHECK (value);
    value += sizeof field - 1 + 4; /* its length */
    CHECK (load_le32 (value) >= 200);
    store_le32 (value, 182);
    CHECK (load_state (&rig, &state) < 0);
    vmm_devices_reset (testbed_machine (rig.bed));
    CHECK (vmm_machine_save_devices (testbed_machine (rig.bed), &after) >= 0);
    CHECK_EQUAL (load_state (&rig, &after), 0);
    vmm_state_writer_fini (&state);
    vmm_state_writer_fini (&after);
    close_rig (&rig);
}

TAP_MAIN ()
