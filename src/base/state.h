/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Saved state: a byte stream of named, versioned sections, and tables that declare which fields of
 * a structure make up the state of the hardware it models. A table describes registers, not our
 * structure: names and meanings stay, offsets move freely. Reading treats the stream as hostile:
 * every length is checked, counts are capped by the table, unknown and missing fields are errors,
 * and nothing is assumed about values (the post_load hook checks those).
 *
 * Layout, all little-endian. Section: u32 magic, u16 name length, name, u32 version, u32 length of
 * what follows. Field: u16 name length, name, u32 payload length, payload. Integers are stored in
 * their own width, arrays back to back, nested tables as the concatenation of their fields for each
 * element.
 *
 * No locks: one thread per stream; the caller holds the lock of the object being saved.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum vmm_field_type {
    VMM_FIELD_BOOL, /* stored as one byte, 0 or 1 */
    VMM_FIELD_U8,
    VMM_FIELD_U16,
    VMM_FIELD_U32,
    VMM_FIELD_U64,
    VMM_FIELD_TABLE, /* structures described by .table */
};

struct vmm_state_table;

struct vmm_state_field {
    const char *name;
    enum vmm_field_type type;
    size_t offset; /* of the first element; with .pointer, of the pointer to it */
    size_t count;  /* elements, ≥ 1; with .count_offset the cap */
    size_t size;   /* bytes from one element to the next (sizeof the element) */
    bool pointer;  /* elements live behind a pointer, which the owner has allocated for .count of
                      them */
    size_t count_offset; /* with .variable: offset of a uint32_t that holds the number in use */
    bool variable;
    /* NULL or, with .pointer and .variable and integers: called before @count elements are read, to
     * make room for just that many; a negative errno refuses the stream. */
    int (*prepare) (void *object, size_t count);
    bool hidden; /* the elements are memory kept out of forked processes (MADV_DONTFORK) */
    const struct vmm_state_table *table; /* VMM_FIELD_TABLE */
    uint32_t since; /* first version that has it; older streams leave it as reset left it */
};

struct vmm_state_table {
    const char *name;
    uint32_t version; /* written; ≥ 1 */
    const struct vmm_state_field *fields;
    size_t n_fields;
    void (*pre_save) (void *object); /* NULL or: bring the fields up to date */
    int (*post_load) (void *object,
                      struct vmm_error *error); /* NULL or: check values, rebuild what is derived */
};

#define VMM_STATE_ELEMENT_TYPE(type, member) \
    _Generic (((type *) 0)->member,          \
        bool: VMM_FIELD_BOOL,                \
        uint8_t: VMM_FIELD_U8,               \
        uint16_t: VMM_FIELD_U16,             \
        uint32_t: VMM_FIELD_U32,             \
        uint64_t: VMM_FIELD_U64)
/* VMM_STATE (struct foo, status): one integer or bool. */
#define VMM_STATE(type_, member)                     \
    {.name = #member,                                \
     .type = VMM_STATE_ELEMENT_TYPE (type_, member), \
     .offset = offsetof (type_, member),             \
     .count = 1,                                     \
     .size = sizeof (((type_ *) 0)->member)}
/* VMM_STATE_ARRAY (struct foo, registers): a whole array of integers. */
#define VMM_STATE_ARRAY(type_, member)                                            \
    {.name = #member,                                                             \
     .type = VMM_STATE_ELEMENT_TYPE (type_, member[0]),                           \
     .offset = offsetof (type_, member),                                          \
     .count = sizeof (((type_ *) 0)->member) / sizeof (((type_ *) 0)->member[0]), \
     .size = sizeof (((type_ *) 0)->member[0])}
/* VMM_STATE_NESTED (struct foo, channels, channel_table): a structure, or an array of them with
 * _ARRAY. */
#define VMM_STATE_NESTED(type_, member, table_) \
    {.name = #member,                           \
     .type = VMM_FIELD_TABLE,                   \
     .offset = offsetof (type_, member),        \
     .count = 1,                                \
     .size = sizeof (((type_ *) 0)->member),    \
     .table = &(table_)}
#define VMM_STATE_NESTED_ARRAY(type_, member, table_)                             \
    {.name = #member,                                                             \
     .type = VMM_FIELD_TABLE,                                                     \
     .offset = offsetof (type_, member),                                          \
     .count = sizeof (((type_ *) 0)->member) / sizeof (((type_ *) 0)->member[0]), \
     .size = sizeof (((type_ *) 0)->member[0]),                                   \
     .table = &(table_)}
/* VMM_STATE_BUFFER (struct foo, vram, uint8_t, 16 * MIB): @cap elements behind a pointer. */
#define VMM_STATE_BUFFER(type_, member, element_bits, cap) \
    {.name = #member,                                      \
     .type = VMM_FIELD_U##element_bits,                    \
     .offset = offsetof (type_, member),                   \
     .count = (cap),                                       \
     .size = (element_bits) / 8,                           \
     .pointer = true}

/* Bytes that are part of a stream without being copied into it. */
struct vmm_state_piece {
    size_t at; /* how many of the writer's own bytes come before */
    const uint8_t *data;
    size_t length;
    bool hidden; /* from forked processes */
};

/*
 * With .borrows set from the start, long arrays of bytes stay where they are, as .pieces, and are
 * good only until their owner goes on: for who looks at the stream at once. What has no pieces is
 * the stream itself in .data.
 */
struct vmm_state_writer {
    uint8_t *data; /* owned; grows */
    size_t length;
    size_t capacity;
    bool failed; /* out of memory; sticky */
    bool borrows;
    struct vmm_state_piece *pieces; /* owned */
    size_t n_pieces;
    size_t borrowed; /* bytes in .pieces */
};

struct vmm_state_reader {
    const uint8_t *data; /* borrowed */
    size_t length;
    size_t offset;
};

void vmm_state_writer_fini (struct vmm_state_writer *writer);

/* Appends one section named @name with the fields of @object. -ENOMEM. */
int vmm_state_save (struct vmm_state_writer *writer, const char *name,
                    const struct vmm_state_table *table, void *object);

/*
 * Reads the next section, which must be called @name. -EPROTO with a sentence for anything out of
 * order. On failure
 * @object holds a mixture; reset it.
 */
int vmm_state_load (struct vmm_state_reader *reader, const char *name,
                    const struct vmm_state_table *table, void *object, struct vmm_error *error);

/* Whether the stream that the file @fd is has a section called @name: 1 or 0. -EPROTO for what is
 * no such stream; an errno of reading. Nothing else of the file is read or believed. */
int vmm_state_find (int fd, const char *name);
