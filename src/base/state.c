/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

#define SECTION_MAGIC 0x53415350u /* "PSAS" */
#define MAX_NAME      200
#define MAX_SECTIONS  4096
#define WORTH_A_PIECE 65536

static const size_t element_bytes[] = {
    [VMM_FIELD_BOOL] = 1, [VMM_FIELD_U8] = 1,  [VMM_FIELD_U16] = 2,
    [VMM_FIELD_U32] = 4,  [VMM_FIELD_U64] = 8, [VMM_FIELD_TABLE] = 0,
};

void
vmm_state_writer_fini (struct vmm_state_writer *writer)
{
    free (writer->data);
    free (writer->pieces);
    *writer = (struct vmm_state_writer) {0};
}

/* Room for @length more bytes at the end, or NULL once memory ran out. */
static uint8_t *
grow (struct vmm_state_writer *writer, size_t length)
{
    uint8_t *at;

    if (writer->failed)
        return NULL;
    if (length > writer->capacity - writer->length) {
        size_t capacity = MAX_OF (writer->capacity * 2, writer->length + length + 1024);
        uint8_t *data = realloc (writer->data, capacity);

        if (!data) {
            writer->failed = true;
            return NULL;
        }
        writer->data = data;
        writer->capacity = capacity;
    }
    at = writer->data + writer->length;
    writer->length += length;
    return at;
}

static void
put_u32 (struct vmm_state_writer *writer, uint32_t value)
{
    uint8_t *at = grow (writer, sizeof value);

    if (at)
        store_le32 (at, value);
}

static void
put_name (struct vmm_state_writer *writer, const char *name)
{
    size_t length = strlen (name);
    uint8_t *at = grow (writer, 2 + length);

    if (at) {
        store_le16 (at, (uint16_t) length);
        memcpy (at + 2, name, length);
    }
}

/* Where a length word is, and what had been borrowed before it. */
struct mark {
    size_t at, borrowed;
};

/* Reserves a length word, for end_length () once the payload is written. */
static struct mark
begin_length (struct vmm_state_writer *writer)
{
    struct mark mark = {writer->length, writer->borrowed};

    put_u32 (writer, 0);
    return mark;
}

static void
end_length (struct vmm_state_writer *writer, struct mark mark)
{
    size_t length = writer->length - mark.at - 4 + writer->borrowed - mark.borrowed;

    if (!writer->failed)
        store_le32 (writer->data + mark.at, (uint32_t) length);
}

static void
borrow (struct vmm_state_writer *writer, const uint8_t *data, size_t length, bool hidden)
{
    struct vmm_state_piece *pieces =
        realloc (writer->pieces, (writer->n_pieces + 1) * sizeof *pieces);

    if (!pieces) {
        writer->failed = true;
        return;
    }
    pieces[writer->n_pieces++] = (struct vmm_state_piece) {writer->length, data, length, hidden};
    writer->pieces = pieces;
    writer->borrowed += length;
}

static void
put_bytes (struct vmm_state_writer *writer, const struct vmm_state_field *field,
           const uint8_t *bytes, size_t length)
{
    uint8_t *at;

    if (writer->borrows && length >= WORTH_A_PIECE) {
        borrow (writer, bytes, length, field->hidden);
        return;
    }
    at = length ? grow (writer, length) : NULL;
    if (at)
        memcpy (at, bytes, length);
}

static uint8_t *
first_element (const struct vmm_state_field *field, void *object)
{
    uint8_t *at = (uint8_t *) object + field->offset;

    return field->pointer ? *(uint8_t **) at : at;
}

static void
save_fields (struct vmm_state_writer *writer, const struct vmm_state_table *table, void *object);

static void
save_element (struct vmm_state_writer *writer, const struct vmm_state_field *field,
              uint8_t *element)
{
    uint8_t *at;

    if (field->type == VMM_FIELD_TABLE) {
        save_fields (writer, field->table, element);
        return;
    }
    at = grow (writer, element_bytes[field->type]);
    if (!at)
        return;
    switch (field->type) {
    case VMM_FIELD_BOOL: *at = *(bool *) element; break;
    case VMM_FIELD_U8: *at = *element; break;
    case VMM_FIELD_U16: store_le16 (at, *(uint16_t *) (void *) element); break;
    case VMM_FIELD_U32: store_le32 (at, *(uint32_t *) (void *) element); break;
    case VMM_FIELD_U64: store_le64 (at, *(uint64_t *) (void *) element); break;
    case VMM_FIELD_TABLE: break;
    }
}

static void
save_fields (struct vmm_state_writer *writer, const struct vmm_state_table *table, void *object)
{
    if (table->pre_save)
        table->pre_save (object);
    for (size_t i = 0; i < table->n_fields; i++) {
        const struct vmm_state_field *field = &table->fields[i];
        uint8_t *element = first_element (field, object);
        size_t count = field->count;
        struct mark mark;

        if (field->variable)
            count = *(uint32_t *) (void *) ((uint8_t *) object + field->count_offset);
        put_name (writer, field->name);
        mark = begin_length (writer);
        if (field->type == VMM_FIELD_U8 && field->size == 1) {
            put_bytes (writer, field, element, count);
        } else {
            for (size_t n = 0; n < count; n++)
                save_element (writer, field, element + n * field->size);
        }
        end_length (writer, mark);
    }
}

int
vmm_state_save (struct vmm_state_writer *writer, const char *name,
                const struct vmm_state_table *table, void *object)
{
    struct mark mark;

    put_u32 (writer, SECTION_MAGIC);
    put_name (writer, name);
    put_u32 (writer, table->version);
    mark = begin_length (writer);
    save_fields (writer, table, object);
    end_length (writer, mark);
    return writer->failed ? -ENOMEM : 0;
}

/* A part of the stream being read, with what to call it in errors. */
struct cursor {
    const uint8_t *at;
    size_t left;
    const char *section;
    uint32_t version;
    struct vmm_error *error;
};

static int
malformed (const struct cursor *cursor, const char *what)
{
    return vmm_error_set (cursor->error, -EPROTO, "the saved state of “%s” is damaged: %s",
                          cursor->section, what);
}

static const uint8_t *
take (struct cursor *cursor, size_t length)
{
    const uint8_t *at = cursor->at;

    if (length > cursor->left)
        return NULL;
    cursor->at += length;
    cursor->left -= length;
    return at;
}

static int
expect_name (struct cursor *cursor, const char *name)
{
    size_t length = strlen (name);
    const uint8_t *at = take (cursor, 2);

    if (!at)
        return malformed (cursor, "it ends early");
    if (load_le16 (at) != length)
        return malformed (cursor, name);
    at = take (cursor, length);
    if (!at || memcmp (at, name, length) != 0)
        return malformed (cursor, name);
    return 0;
}

static int load_fields (struct cursor *cursor, const struct vmm_state_table *table, void *object);

static int
load_element (struct cursor *cursor, const struct vmm_state_field *field, uint8_t *element)
{
    const uint8_t *at;

    if (field->type == VMM_FIELD_TABLE)
        return load_fields (cursor, field->table, element);
    at = take (cursor, element_bytes[field->type]);
    if (!at)
        return malformed (cursor, field->name);
    switch (field->type) {
    case VMM_FIELD_BOOL:
        if (*at > 1)
            return malformed (cursor, field->name);
        *(bool *) element = *at;
        break;
    case VMM_FIELD_U8: *element = *at; break;
    case VMM_FIELD_U16: *(uint16_t *) (void *) element = load_le16 (at); break;
    case VMM_FIELD_U32: *(uint32_t *) (void *) element = load_le32 (at); break;
    case VMM_FIELD_U64: *(uint64_t *) (void *) element = load_le64 (at); break;
    case VMM_FIELD_TABLE: break;
    }
    return 0;
}

static int
load_field (struct cursor *outer, const struct vmm_state_field *field, void *object)
{
    struct cursor inner = *outer;
    uint8_t *element = first_element (field, object);
    size_t count = field->count, n = 0;
    const uint8_t *at;
    int r;

    r = expect_name (outer, field->name);
    if (r < 0)
        return r;
    at = take (outer, 4);
    if (!at)
        return malformed (outer, field->name);
    inner.left = load_le32 (at);
    inner.at = take (outer, inner.left);
    if (!inner.at)
        return malformed (outer, field->name);
    if (field->prepare) {
        n = inner.left / element_bytes[field->type];
        if (n > count || field->prepare (object, n) < 0)
            return malformed (outer, field->name);
        element = first_element (field, object);
        n = 0;
    }

    if (field->variable && field->type == VMM_FIELD_U8 && field->size == 1) {
        n = inner.left;
        if (n > count)
            return malformed (outer, field->name);
        if (n > 0)
            memcpy (element, inner.at, n);
        *(uint32_t *) (void *) ((uint8_t *) object + field->count_offset) = (uint32_t) n;
        return 0;
    }
    if (field->variable) {
        for (; inner.left > 0; n++) {
            if (n >= count)
                return malformed (outer, field->name);
            r = load_element (&inner, field, element + n * field->size);
            if (r < 0)
                return r;
        }
        *(uint32_t *) (void *) ((uint8_t *) object + field->count_offset) = (uint32_t) n;
        return 0;
    }
    if (field->type == VMM_FIELD_U8 && field->size == 1) {
        at = take (&inner, count);
        if (!at)
            return malformed (outer, field->name);
        memcpy (element, at, count);
    } else {
        for (; n < count; n++) {
            r = load_element (&inner, field, element + n * field->size);
            if (r < 0)
                return r;
        }
    }
    return inner.left == 0 ? 0 : malformed (outer, field->name);
}

static int
load_fields (struct cursor *cursor, const struct vmm_state_table *table, void *object)
{
    for (size_t i = 0; i < table->n_fields; i++) {
        int r;

        if (table->fields[i].since > cursor->version)
            continue;
        r = load_field (cursor, &table->fields[i], object);
        if (r < 0)
            return r;
    }
    return table->post_load ? table->post_load (object, cursor->error) : 0;
}

int
vmm_state_load (struct vmm_state_reader *reader, const char *name,
                const struct vmm_state_table *table, void *object, struct vmm_error *error)
{
    struct cursor outer = {
        .at = reader->data + reader->offset,
        .left = reader->length - reader->offset,
        .section = name,
        .error = error,
    };
    struct cursor inner = outer;
    const uint8_t *at = take (&outer, 4);
    int r;

    if (strlen (name) > MAX_NAME || !at || load_le32 (at) != SECTION_MAGIC)
        return malformed (&outer, "no section starts here");
    r = expect_name (&outer, name);
    if (r < 0)
        return r;
    at = take (&outer, 8);
    if (!at)
        return malformed (&outer, "it ends early");
    inner.version = load_le32 (at);
    if (inner.version == 0 || inner.version > table->version)
        return vmm_error_set (error, -EPROTO,
                              "the saved state of “%s” was written by a newer version (%u)", name,
                              inner.version);
    inner.left = load_le32 (at + 4);
    inner.at = take (&outer, inner.left);
    if (!inner.at)
        return malformed (&outer, "it ends early");
    r = load_fields (&inner, table, object);
    if (r < 0)
        return r;
    if (inner.left > 0)
        return malformed (&outer, "it has more fields than this version knows");
    reader->offset = (size_t) (outer.at - reader->data);
    return 0;
}

/* 1, 0 at the end of the file, or a negative errno. */
static int
read_at (int fd, void *data, size_t length, uint64_t offset)
{
    ssize_t n = pread (fd, data, length, (off_t) offset);

    if (n < 0)
        return -errno;
    return n == 0 ? 0 : (size_t) n == length ? 1 : -EPROTO;
}

int
vmm_state_find (int fd, const char *name)
{
    size_t length = strlen (name);
    uint64_t offset = 0;

    for (unsigned i = 0; i < MAX_SECTIONS; i++) {
        uint8_t head[6], rest[MAX_NAME + 8];
        size_t name_length;
        int r = read_at (fd, head, sizeof head, offset);

        if (r <= 0)
            return r;
        name_length = load_le16 (head + 4);
        if (load_le32 (head) != SECTION_MAGIC || name_length > MAX_NAME)
            return -EPROTO;
        r = read_at (fd, rest, name_length + 8, offset + sizeof head);
        if (r <= 0)
            return r < 0 ? r : -EPROTO;
        if (name_length == length && memcmp (rest, name, length) == 0)
            return 1;
        offset += sizeof head + name_length + 8 + load_le32 (rest + name_length + 4);
    }
    return -EPROTO;
}
