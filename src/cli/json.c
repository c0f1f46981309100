/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/json.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cli/text.h"

void
json_init (struct json *json)
{
    *json = (struct json) {.text = NULL};
    json->stream = open_memstream (&json->text, &json->length);
}

char *
json_finish (struct json *json)
{
    bool failed;

    if (!json->stream)
        return NULL;
    failed = ferror (json->stream);
    if (fclose (json->stream) != 0 || failed) {
        free (json->text);
        return NULL;
    }
    return json->text;
}

static void
write_text (struct json *json, const char *text)
{
    putc ('"', json->stream);
    while (*text) {
        unsigned length = text_utf8_length (text);

        if (length == 0) {
            fputs ("\\ufffd", json->stream);
            length = 1;
        } else if (*text == '"' || *text == '\\')
            fprintf (json->stream, "\\%c", *text);
        else if (*text == '\n')
            fputs ("\\n", json->stream);
        else if ((unsigned char) *text < 0x20 || *text == 0x7f)
            fprintf (json->stream, "\\u%04x", (unsigned) *text);
        else
            fwrite (text, 1, length, json->stream);
        text += length;
    }
    putc ('"', json->stream);
}

/* Whatever comes before a value. False if there is nothing to write to. */
static bool
begin_value (struct json *json, const char *key)
{
    if (!json->stream)
        return false;
    if (json->comma)
        putc (',', json->stream);
    json->comma = true;
    if (key) {
        write_text (json, key);
        putc (':', json->stream);
    }
    return true;
}

static void
begin_nested (struct json *json, const char *key, char bracket)
{
    if (!begin_value (json, key))
        return;
    putc (bracket, json->stream);
    json->comma = false;
}

static void
end_nested (struct json *json, char bracket)
{
    if (!json->stream)
        return;
    putc (bracket, json->stream);
    json->comma = true;
}

void
json_begin_object (struct json *json, const char *key)
{
    begin_nested (json, key, '{');
}

void
json_end_object (struct json *json)
{
    end_nested (json, '}');
}

void
json_begin_array (struct json *json, const char *key)
{
    begin_nested (json, key, '[');
}

void
json_end_array (struct json *json)
{
    end_nested (json, ']');
}

void
json_string (struct json *json, const char *key, const char *value)
{
    if (begin_value (json, key))
        write_text (json, value);
}

void
json_number (struct json *json, const char *key, uint64_t value)
{
    if (begin_value (json, key))
        fprintf (json->stream, "%" PRIu64, value);
}

void
json_bool (struct json *json, const char *key, bool value)
{
    if (begin_value (json, key))
        fputs (value ? "true" : "false", json->stream);
}
