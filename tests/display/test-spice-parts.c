/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <linux/input-event-codes.h>

#include "base/util.h"
#include "display/spice-damage.h"
#include "display/spice-keys.h"
#include "tap.h"

TEST (every_key_that_has_a_scan_code_comes_back)
{
    unsigned n_keys = 0;

    for (unsigned key = 1; key < KEY_CNT; key++) {
        struct spice_key_decoder decoder = {0};
        unsigned code = spice_key_encode (key), found = 0;
        bool down = false;

        if (!code)
            continue;
        if (code & 0x100)
            CHECK (!spice_key_decode (&decoder, 0xE0, &found, &down));
        CHECK (spice_key_decode (&decoder, code & 0x7F, &found, &down));
        CHECK_EQUAL (found, key);
        CHECK (down);
        n_keys++;
    }
    CHECK (n_keys > 120);
}

TEST (any_bytes_are_keys_or_nothing)
{
    struct spice_key_decoder decoder = {0};
    uint32_t seed = 7;

    for (unsigned i = 0; i < 100000; i++) {
        unsigned key = 1;
        bool down;

        seed = seed * 1664525 + 1013904223;
        spice_key_decode (&decoder, (uint8_t) (seed >> 24), &key, &down);
        CHECK (key > 0 && key < KEY_CNT);
    }
}

TEST (near_rectangles_become_one_and_far_ones_do_not)
{
    struct spice_damage damage = {0};
    struct display_rectangle area;

    spice_damage_add (&damage, &(struct display_rectangle) {0, 0, 10, 10});
    spice_damage_add (&damage, &(struct display_rectangle) {500, 500, 10, 10});
    spice_damage_add (&damage, &(struct display_rectangle) {5, 5, 10, 10});
    spice_damage_add (&damage, &(struct display_rectangle) {7, 7, 0, 10});
    CHECK_EQUAL (damage.n_rectangles, 2);
    CHECK (spice_damage_take (&damage, &area));
    CHECK_EQUAL (area.x, 500);
    CHECK (spice_damage_take (&damage, &area));
    CHECK_EQUAL (area.x, 0);
    CHECK_EQUAL (area.width, 15);
    CHECK_EQUAL (area.height, 15);
    CHECK (!spice_damage_take (&damage, &area));
}

TEST (few_rectangles_cover_any_damage)
{
    static uint8_t wanted[64][64];
    struct spice_damage damage = {0};
    struct display_rectangle area;
    uint32_t seed = 3;

    for (unsigned i = 0; i < 200; i++) {
        unsigned x, y;

        seed = seed * 1664525 + 1013904223;
        x = seed >> 10 & 63;
        y = seed >> 20 & 63;
        wanted[y][x] = 1;
        /* A hundred times as far apart, so that it pays to keep them apart. */
        spice_damage_add (&damage, &(struct display_rectangle) {x * 100, y * 100, 10, 10});
        CHECK (damage.n_rectangles <= SPICE_DAMAGE_RECTANGLES);
    }
    CHECK (damage.n_rectangles > 1);
    while (spice_damage_take (&damage, &area))
        for (unsigned y = 0; y < 64; y++)
            for (unsigned x = 0; x < 64; x++)
                if (x * 100 >= area.x && x * 100 + 10 <= area.x + area.width && y * 100 >= area.y &&
                    y * 100 + 10 <= area.y + area.height)
                    wanted[y][x] = 0;
    for (unsigned i = 0; i < 64 * 64; i++)
        CHECK_EQUAL (wanted[i / 64][i % 64], 0);
}

TAP_MAIN ()
