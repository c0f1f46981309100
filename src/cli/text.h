/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading what people write: numbers, sizes, names and file names. Pure functions, any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A decimal number without sign or blanks. -EINVAL if @text is none, -ERANGE above @maximum. */
int text_parse_number (const char *text, uint64_t maximum, uint64_t *ret_number);

/* A size in bytes: a decimal number and one of K, M, G or T (powers of 1,024, either case),
 * optionally followed by "iB". The unit is required. -EINVAL or -ERANGE (beyond INT64_MAX). */
int text_parse_size (const char *text, uint64_t *ret_size);

/* Writes @size in the largest unit that divides it ("512 MiB"). */
void text_format_size (uint64_t size, char *buffer, size_t length);

/* Well-formed UTF-8 without control characters. */
bool text_is_clean (const char *text);

/* Length of the UTF-8 sequence at @text (1 to 4), or 0 if it is malformed there. */
unsigned text_utf8_length (const char *text);

/*
 * Takes the part of @*cursor up to the next comma; two commas in a row stand for one that belongs
 * to the text. Advances @cursor behind the comma, to NULL at the end. The caller frees the result;
 * NULL: out of memory.
 */
char *text_next_part (const char **cursor);

/* @path from the root on, for a process with another working directory. The caller frees it; NULL
 * with errno set on failure. */
char *text_absolute_path (const char *path);
