/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include <errno.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "cli/json.h"
#include "cli/text.h"

TEST (sizes_take_a_unit_of_either_case)
{
    uint64_t size = 0;

    CHECK_EQUAL (text_parse_size ("512M", &size), 0);
    CHECK_EQUAL (size, UINT64_C (512) << 20);
    CHECK_EQUAL (text_parse_size ("1g", &size), 0);
    CHECK_EQUAL (size, UINT64_C (1) << 30);
    CHECK_EQUAL (text_parse_size ("8GiB", &size), 0);
    CHECK_EQUAL (size, UINT64_C (8) << 30);
    CHECK_EQUAL (text_parse_size ("3K", &size), 0);
    CHECK_EQUAL (size, 3072);
}

TEST (sizes_without_sense_are_refused)
{
    static const char *const bad[] = {"",    "512", "M",    "-1G",  "+1G", " 1G", "1G ",
                                      "1GB", "1Gi", "1.5G", "0x1G", "1P",  "G1"};
    uint64_t size = 7;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_EQUAL (text_parse_size (bad[i], &size), -EINVAL);
    CHECK_EQUAL (text_parse_size ("8388608T", &size), -ERANGE);
    CHECK_EQUAL (text_parse_size ("99999999999999999999K", &size), -ERANGE);
    CHECK_EQUAL (size, 7);
}

TEST (numbers_are_bounded)
{
    uint64_t number = 0;

    CHECK_EQUAL (text_parse_number ("64", 64, &number), 0);
    CHECK_EQUAL (number, 64);
    CHECK_EQUAL (text_parse_number ("65", 64, &number), -ERANGE);
    CHECK_EQUAL (text_parse_number ("18446744073709551616", UINT64_MAX, &number), -ERANGE);
    CHECK_EQUAL (text_parse_number ("1x", 64, &number), -EINVAL);
    CHECK_EQUAL (text_parse_number ("", 64, &number), -EINVAL);
}

TEST (sizes_are_shown_in_the_largest_unit)
{
    char text[32];

    text_format_size (UINT64_C (512) << 20, text, sizeof text);
    CHECK_STRING (text, "512 MiB");
    text_format_size (1000, text, sizeof text);
    CHECK_STRING (text, "1000 bytes");
}

TEST (two_commas_are_one_of_the_text)
{
    const char *cursor = "a,,b,size=1G,";
    AUTO_FREE char *first = text_next_part (&cursor);
    AUTO_FREE char *second = text_next_part (&cursor);
    AUTO_FREE char *third = text_next_part (&cursor);

    CHECK_STRING (first, "a,b");
    CHECK_STRING (second, "size=1G");
    CHECK_STRING (third, "");
    CHECK (!cursor);
}

TEST (malformed_utf8_is_not_clean)
{
    CHECK (text_is_clean ("Grüße, 世界 🖥"));
    CHECK (!text_is_clean ("\xff"));
    CHECK (!text_is_clean ("\xc0\xaf"));
    CHECK (!text_is_clean ("\xed\xa0\x80"));
    CHECK (!text_is_clean ("\xf4\x90\x80\x80"));
    CHECK (!text_is_clean ("cut \xe4\xb8"));
    CHECK (!text_is_clean ("bell \a"));
    CHECK (!text_is_clean ("\x7f"));
}

TEST (json_escapes_what_it_must)
{
    AUTO_FREE char *text = NULL;
    struct json json;

    json_init (&json);
    json_begin_object (&json, NULL);
    json_string (&json, "a\"b", "back\\slash \n \x01 \xff é");
    json_begin_array (&json, "list");
    json_number (&json, NULL, UINT64_MAX);
    json_begin_object (&json, NULL);
    json_end_object (&json);
    json_bool (&json, NULL, false);
    json_end_array (&json);
    json_bool (&json, "end", true);
    json_end_object (&json);
    text = json_finish (&json);
    CHECK_STRING (text, "{\"a\\\"b\":\"back\\\\slash \\n \\u0001 \\ufffd é\","
                        "\"list\":[18446744073709551615,{},false],\"end\":true}");
}

TAP_MAIN ()
