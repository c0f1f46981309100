/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hw/edid.h"

#include <string.h>

#include "base/util.h"

#define REFRESH_HZ    60
#define CLOCK_UNIT_HZ 10000 /* of a detailed timing */
#define DPI           96

/* Blanking as VESA's CVT standard gives for reduced blanking, version 1. */
#define H_BLANK    160
#define H_FRONT    48
#define H_SYNC     32
#define V_FRONT    3
#define V_SYNC     6
#define V_BLANK_US 460

/* 3.10.2: an 18-byte detailed timing descriptor. */
static void
put_timing (uint8_t *at, unsigned width, unsigned height)
{
    unsigned v_blank = height * V_BLANK_US / (1000000 / REFRESH_HZ - V_BLANK_US) + 1;
    unsigned mm_wide = MIN_OF (width * 254 / (DPI * 10), 4095u);
    unsigned mm_high = MIN_OF (height * 254 / (DPI * 10), 4095u);
    uint64_t clock;

    v_blank = MAX_OF (v_blank, (unsigned) (V_FRONT + V_SYNC + 6));
    clock = (uint64_t) (width + H_BLANK) * (height + v_blank) * REFRESH_HZ / CLOCK_UNIT_HZ;

    store_le16 (at, (uint16_t) MIN_OF (clock, (uint64_t) UINT16_MAX));
    at[2] = (uint8_t) width;
    at[3] = H_BLANK;
    at[4] = (uint8_t) (width >> 8 << 4);
    at[5] = (uint8_t) height;
    at[6] = (uint8_t) v_blank;
    at[7] = (uint8_t) ((height >> 8 << 4) | (v_blank >> 8));
    at[8] = H_FRONT;
    at[9] = H_SYNC;
    at[10] = V_FRONT << 4 | V_SYNC;
    at[12] = (uint8_t) mm_wide;
    at[13] = (uint8_t) mm_high;
    at[14] = (uint8_t) ((mm_wide >> 8 << 4) | (mm_high >> 8));
    at[17] = 0x1A; /* digital separate sync, horizontal positive */
}

/* 3.10.3: a display descriptor with text, ended by a line feed and padded with spaces. */
static void
put_text (uint8_t *at, uint8_t tag, const char *text)
{
    size_t length = strlen (text);

    at[3] = tag;
    memset (at + 5, ' ', 13);
    memcpy (at + 5, text, length);
    at[5 + length] = '\n';
}

void
edid_build (uint8_t edid[EDID_SIZE], unsigned width, unsigned height)
{
    static const uint8_t header[8] = {0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00};
    /* 3.9: width / 8 − 31, then the aspect ratio; all at 60 Hz. */
    static const uint8_t standard_timings[16] = {
        0x81, 0xC0, /* 1280×720 */
        0x81, 0x00, /* 1280×800 */
        0x81, 0x80, /* 1280×1024 */
        0x95, 0x00, /* 1440×900 */
        0xB3, 0x00, /* 1680×1050 */
        0xD1, 0xC0, /* 1920×1080 */
        0xD1, 0x00, /* 1920×1200 */
        0x01, 0x01, /* unused */
    };
    /* sRGB's primaries and white point, 3.7. */
    static const uint8_t chromaticity[10] = {0xEE, 0x91, 0xA3, 0x54, 0x4C,
                                             0x99, 0x26, 0x0F, 0x50, 0x54};
    uint8_t sum = 0;

    memset (edid, 0, EDID_SIZE);
    memcpy (edid, header, sizeof header);
    store_be16 (edid + 8, ('P' - '@') << 10 | ('S' - '@') << 5 | ('D' - '@'));
    store_le16 (edid + 10, 0x0001);
    edid[16] = 0xFF; /* year is a model year */
    edid[17] = 2025 - 1990;
    edid[18] = 1;
    edid[19] = 4;
    edid[20] = 0xA5; /* digital, 8 bits a colour, DisplayPort */
    edid[21] = (uint8_t) MIN_OF (width * 254 / (DPI * 100), 255u);
    edid[22] = (uint8_t) MIN_OF (height * 254 / (DPI * 100), 255u);
    edid[23] = 120;  /* gamma 2.2 */
    edid[24] = 0x06; /* sRGB is the default, the first timing is the native one */
    memcpy (edid + 25, chromaticity, sizeof chromaticity);
    edid[35] = 0x21; /* 640×480, 800×600 at 60 Hz */
    edid[36] = 0x08; /* 1024×768 at 60 Hz */
    memcpy (edid + 38, standard_timings, sizeof standard_timings);

    put_timing (edid + 54, width, height);
    put_text (edid + 72, 0xFC, "Posada");
    put_text (edid + 90, 0xFF, "1");
    edid[108 + 3] = 0x10; /* unused descriptor */

    for (unsigned i = 0; i < EDID_SIZE - 1; i++)
        sum = (uint8_t) (sum + edid[i]);
    edid[127] = (uint8_t) -sum;
}
