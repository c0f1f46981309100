/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"

/* Reads digits at @text; @ret_end points behind them. */
static int
parse_digits (const char *text, uint64_t *ret_number, const char **ret_end)
{
    uint64_t number = 0;
    const char *at = text;

    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow (number, 10, &number) ||
            __builtin_add_overflow (number, (uint64_t) (*at - '0'), &number))
            return -ERANGE;
    if (at == text)
        return -EINVAL;
    *ret_number = number;
    *ret_end = at;
    return 0;
}

int
text_parse_number (const char *text, uint64_t maximum, uint64_t *ret_number)
{
    const char *end = text;
    uint64_t number;
    int r = parse_digits (text, &number, &end);

    if (r < 0)
        return r;
    if (*end)
        return -EINVAL;
    if (number > maximum)
        return -ERANGE;
    *ret_number = number;
    return 0;
}

int
text_parse_size (const char *text, uint64_t *ret_size)
{
    static const char units[] = "KMGT";
    const char *end = text, *unit;
    uint64_t number, factor;
    int r = parse_digits (text, &number, &end);

    if (r < 0)
        return r;
    if (!*end)
        return -EINVAL;
    unit = strchr (units, *end >= 'a' ? *end - ('a' - 'A') : *end);
    if (!unit || (end[1] && strcmp (end + 1, "iB") != 0))
        return -EINVAL;
    factor = UINT64_C (1) << (10 * (unit - units + 1));
    if (number > (uint64_t) INT64_MAX / factor)
        return -ERANGE;
    *ret_size = number * factor;
    return 0;
}

void
text_format_size (uint64_t size, char *buffer, size_t length)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    unsigned unit = 0;

    while (unit + 1 < ARRAY_LENGTH (units) && size && size % 1024 == 0) {
        size /= 1024;
        unit++;
    }
    snprintf (buffer, length, "%" PRIu64 " %s", size, units[unit]);
}

unsigned
text_utf8_length (const char *text)
{
    const unsigned char *at = (const unsigned char *) text;
    unsigned length = *at < 0x80   ? 1
                      : *at < 0xc2 ? 0
                      : *at < 0xe0 ? 2
                      : *at < 0xf0 ? 3
                      : *at < 0xf5 ? 4
                                   : 0;

    for (unsigned i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    /* Overlong forms, surrogates and what lies beyond U+10FFFF (RFC 3629, section 4). */
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
        return 0;
    return length;
}

bool
text_is_clean (const char *text)
{
    while (*text) {
        unsigned length = text_utf8_length (text);

        if (length == 0 || (unsigned char) *text < 0x20 || *text == 0x7f)
            return false;
        text += length;
    }
    return true;
}

char *
text_next_part (const char **cursor)
{
    const char *from = *cursor;
    char *part = malloc (strlen (from) + 1);
    size_t length = 0;

    if (!part)
        return NULL;
    for (; *from && (*from != ',' || from[1] == ','); from++) {
        part[length++] = *from;
        if (*from == ',')
            from++;
    }
    part[length] = 0;
    *cursor = *from ? from + 1 : NULL;
    return part;
}

char *
text_absolute_path (const char *path)
{
    AUTO_FREE char *directory = NULL;
    char *absolute = NULL;

    if (*path == '/')
        return strdup (path);
    directory = get_current_dir_name ();
    if (!directory)
        return NULL;
    if (asprintf (&absolute, "%s/%s", directory, path) < 0)
        return NULL;
    return absolute;
}
