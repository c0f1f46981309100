/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/acpi/aml.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

/* Encodings (ACPI 6.4, 20.2). */
#define OP_NAME        0x08
#define OP_BYTE        0x0A
#define OP_WORD        0x0B
#define OP_DWORD       0x0C
#define OP_STRING      0x0D
#define OP_QWORD       0x0E
#define OP_SCOPE       0x10
#define OP_BUFFER      0x11
#define OP_PACKAGE     0x12
#define OP_METHOD      0x14
#define OP_EXTENDED    0x5B
#define OP_DEVICE      0x82 /* after OP_EXTENDED */
#define OP_IF          0xA0
#define OP_ELSE        0xA1
#define PREFIX_DUAL    0x2E
#define PREFIX_MULTI   0x2F
#define SEGMENT_LENGTH 4

/* Tables are a few KiB; this is far beyond, and keeps lengths in the 28 bits that AML has. */
#define MAX_LENGTH (UINT64_C (1) << 24)

void
aml_fini (struct aml *self)
{
    free (self->data);
    *self = (struct aml) {.failed = true};
}

static bool
reserve (struct aml *self, size_t length)
{
    size_t capacity = self->capacity;
    uint8_t *data;

    if (self->failed)
        return false;
    if (length <= capacity - self->length)
        return true;
    while (capacity - self->length < length)
        capacity = capacity ? 2 * capacity : 1024;
    data = capacity <= MAX_LENGTH ? realloc (self->data, capacity) : NULL;
    if (!data) {
        self->failed = true;
        return false;
    }
    self->data = data;
    self->capacity = capacity;
    return true;
}

void
aml_bytes (struct aml *self, const void *data, size_t length)
{
    if (!length || !reserve (self, length))
        return;
    memcpy (self->data + self->length, data, length);
    self->length += length;
}

static void
byte (struct aml *self, uint8_t value)
{
    aml_bytes (self, &value, 1);
}

static void
word (struct aml *self, uint16_t value)
{
    value = htole16 (value);
    aml_bytes (self, &value, sizeof value);
}

static void
dword (struct aml *self, uint32_t value)
{
    value = htole32 (value);
    aml_bytes (self, &value, sizeof value);
}

static void
qword (struct aml *self, uint64_t value)
{
    value = htole64 (value);
    aml_bytes (self, &value, sizeof value);
}

/* Moves what stands from @at on and puts @data before it. */
static void
insert (struct aml *self, size_t at, const void *data, size_t length)
{
    if (!reserve (self, length))
        return;
    memmove (self->data + at + length, self->data + at, self->length - at);
    memcpy (self->data + at, data, length);
    self->length += length;
}

void
aml_op (struct aml *self, enum aml_op op)
{
    byte (self, (uint8_t) op);
}

/* Writes the shortest form to @out and returns its length. */
static size_t
encode_integer (uint64_t value, uint8_t out[9])
{
    uint64_t little = htole64 (value);
    size_t width;

    if (value <= 1) {
        out[0] = (uint8_t) value;
        return 1;
    }
    if (value <= UINT8_MAX) {
        out[0] = OP_BYTE;
        width = 1;
    } else if (value <= UINT16_MAX) {
        out[0] = OP_WORD;
        width = 2;
    } else if (value <= UINT32_MAX) {
        out[0] = OP_DWORD;
        width = 4;
    } else {
        out[0] = OP_QWORD;
        width = 8;
    }
    memcpy (out + 1, &little, width);
    return 1 + width;
}

void
aml_integer (struct aml *self, uint64_t value)
{
    uint8_t encoded[9];

    aml_bytes (self, encoded, encode_integer (value, encoded));
}

size_t
aml_dword (struct aml *self, uint32_t value)
{
    byte (self, OP_DWORD);
    dword (self, value);
    return self->failed ? 0 : self->length - sizeof value;
}

void
aml_string (struct aml *self, const char *text)
{
    byte (self, OP_STRING);
    aml_bytes (self, text, strlen (text) + 1);
}

static unsigned
hex_digit (char digit)
{
    return (unsigned) (digit <= '9' ? digit - '0' : digit - 'A' + 10) & 0xF;
}

void
aml_eisa_id (struct aml *self, const char *id)
{
    uint32_t packed = 0;
    uint8_t bytes[4];

    assert (strlen (id) == 7);
    for (unsigned i = 0; i < 3; i++)
        packed = packed << 5 | ((unsigned) (id[i] - '@') & 0x1F);
    for (unsigned i = 3; i < 7; i++)
        packed = packed << 4 | hex_digit (id[i]);
    byte (self, OP_DWORD);
    store_be32 (bytes, packed);
    aml_bytes (self, bytes, sizeof bytes);
}

void
aml_path (struct aml *self, const char *path)
{
    uint8_t segments = 1;

    if (*path == '\\')
        byte (self, (uint8_t) *path++);
    for (const char *p = path; *p; p++)
        segments += *p == '.';
    if (segments == 2) {
        byte (self, PREFIX_DUAL);
    } else if (segments > 2) {
        byte (self, PREFIX_MULTI);
        byte (self, segments);
    }
    while (*path) {
        char segment[SEGMENT_LENGTH] = {'_', '_', '_', '_'};
        size_t length = strcspn (path, ".");

        assert (length >= 1 && length <= SEGMENT_LENGTH);
        memcpy (segment, path, length);
        aml_bytes (self, segment, sizeof segment);
        path += length;
        path += *path == '.';
    }
}

void
aml_name (struct aml *self, const char *path)
{
    byte (self, OP_NAME);
    aml_path (self, path);
}

size_t
aml_begin_scope (struct aml *self, const char *path)
{
    size_t begun;

    byte (self, OP_SCOPE);
    begun = self->length;
    aml_path (self, path);
    return begun;
}

size_t
aml_begin_device (struct aml *self, const char *name)
{
    size_t begun;

    byte (self, OP_EXTENDED);
    byte (self, OP_DEVICE);
    begun = self->length;
    aml_path (self, name);
    return begun;
}

size_t
aml_begin_method (struct aml *self, const char *name, unsigned n_arguments)
{
    size_t begun;

    byte (self, OP_METHOD);
    begun = self->length;
    aml_path (self, name);
    byte (self, n_arguments & 7); /* not serialized */
    return begun;
}

size_t
aml_begin_package (struct aml *self, uint8_t n_elements)
{
    size_t begun;

    byte (self, OP_PACKAGE);
    begun = self->length;
    byte (self, n_elements);
    return begun;
}

size_t
aml_begin_if (struct aml *self)
{
    byte (self, OP_IF);
    return self->length;
}

size_t
aml_begin_else (struct aml *self)
{
    byte (self, OP_ELSE);
    return self->length;
}

/*
 * PkgLength (20.2.4) counts its own bytes: either one byte with six bits, or a lead byte whose top
 * two bits say how many bytes follow, the low four bits of the length in the lead byte.
 */
void
aml_end (struct aml *self, size_t begun)
{
    size_t body = self->length - begun, total, width;
    uint8_t encoded[4];

    if (self->failed)
        return;
    if (body + 1 < 1u << 6)
        width = 1;
    else if (body + 2 < 1u << 12)
        width = 2;
    else if (body + 3 < 1u << 20)
        width = 3;
    else
        width = 4;
    total = body + width;
    if (width == 1) {
        encoded[0] = (uint8_t) total;
    } else {
        encoded[0] = (uint8_t) ((width - 1) << 6 | (total & 0xF));
        for (size_t i = 1; i < width; i++)
            encoded[i] = (uint8_t) (total >> (8 * i - 4));
    }
    insert (self, begun, encoded, width);
}

static void
end_buffer (struct aml *self, size_t begun)
{
    uint8_t encoded[9];

    insert (self, begun, encoded, encode_integer (self->length - begun, encoded));
    aml_end (self, begun);
}

void
aml_buffer (struct aml *self, const void *data, size_t length)
{
    size_t begun;

    byte (self, OP_BUFFER);
    begun = self->length;
    aml_bytes (self, data, length);
    end_buffer (self, begun);
}

size_t
aml_begin_resources (struct aml *self)
{
    byte (self, OP_BUFFER);
    return self->length;
}

void
aml_end_resources (struct aml *self, size_t begun)
{
    /* End tag with the checksum that means "none" (6.4.2.9). */
    byte (self, 0x79);
    byte (self, 0);
    end_buffer (self, begun);
}

/* I/O port descriptor, 16-bit decoding, at a fixed place (6.4.2.5). */
void
aml_io (struct aml *self, uint16_t base, uint8_t length)
{
    byte (self, 0x47);
    byte (self, 1);
    word (self, base);
    word (self, base);
    byte (self, 1);
    byte (self, length);
}

/* IRQ descriptor without flags: edge-triggered, active high (6.4.2.1). */
void
aml_irq (struct aml *self, unsigned irq)
{
    byte (self, 0x22);
    word (self, (uint16_t) (1u << irq));
}

/* 32-bit fixed memory range, read-write (6.4.3.4). */
void
aml_memory32 (struct aml *self, uint32_t base, uint32_t length)
{
    byte (self, 0x86);
    word (self, 9);
    byte (self, 1);
    dword (self, base);
    dword (self, length);
}

enum window_type {
    WINDOW_MEMORY,
    WINDOW_IO,
    WINDOW_BUS,
};

/* Head of an address space descriptor that a bridge hands down, both ends fixed (6.4.3.5). */
static void
window_head (struct aml *self, uint8_t tag, uint16_t length, enum window_type type, uint8_t flags)
{
    byte (self, tag);
    word (self, length);
    byte (self, (uint8_t) type);
    byte (self, 0x0C);
    byte (self, flags);
}

static void
window16 (struct aml *self, enum window_type type, uint8_t flags, uint16_t first, uint16_t last)
{
    window_head (self, 0x88, 13, type, flags);
    word (self, 0); /* granularity */
    word (self, first);
    word (self, last);
    word (self, 0); /* translation */
    word (self, (uint16_t) (last - first + 1));
}

void
aml_window_bus (struct aml *self, uint16_t first, uint16_t last)
{
    window16 (self, WINDOW_BUS, 0, first, last);
}

void
aml_window_io (struct aml *self, uint16_t first, uint16_t last)
{
    window16 (self, WINDOW_IO, 3, first, last); /* the entire range */
}

void
aml_window_memory32 (struct aml *self, uint32_t first, uint32_t last)
{
    window_head (self, 0x87, 23, WINDOW_MEMORY, 1); /* not cacheable, read-write */
    dword (self, 0);
    dword (self, first);
    dword (self, last);
    dword (self, 0);
    dword (self, last - first + 1);
}

void
aml_window_memory64 (struct aml *self, uint64_t first, uint64_t last)
{
    window_head (self, 0x8A, 43, WINDOW_MEMORY, 1);
    qword (self, 0);
    qword (self, first);
    qword (self, last);
    qword (self, 0);
    qword (self, last - first + 1);
}
