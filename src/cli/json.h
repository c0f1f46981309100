/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes one JSON value (RFC 8259) on one line. Members go in as they are called; a NULL key means
 * an element of an array, or the outermost value. Text that is not UTF-8 comes out with U+FFFD in
 * place of what is malformed. One thread at a time for each writer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json {
    FILE *stream; /* NULL when out of memory: everything else then does nothing */
    char *text;
    size_t length;
    bool comma; /* something stands before the next member */
};

void json_init (struct json *json);
/* Ends the text, which the caller frees; NULL when memory ran out. */
char *json_finish (struct json *json);

void json_begin_object (struct json *json, const char *key);
void json_end_object (struct json *json);
void json_begin_array (struct json *json, const char *key);
void json_end_array (struct json *json);
void json_string (struct json *json, const char *key, const char *value);
void json_number (struct json *json, const char *key, uint64_t value);
void json_bool (struct json *json, const char *key, bool value);
