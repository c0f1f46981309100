/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/state.h"
#include "base/util.h"
#include "tap.h"

struct inner {
    uint16_t a;
    bool b;
};

struct outer {
    uint8_t bytes[5];
    uint32_t word;
    uint64_t wide[2];
    struct inner one, many[3];
    uint16_t *buffer;
    uint32_t n_used;
    uint8_t used[8];
    uint32_t newer;
};

static const struct vmm_state_field inner_fields[] = {
    VMM_STATE (struct inner, a),
    VMM_STATE (struct inner, b),
};
static const struct vmm_state_table inner_table = {
    .name = "inner", .version = 1, .fields = inner_fields, .n_fields = ARRAY_LENGTH (inner_fields)};

static const struct vmm_state_field outer_fields[] = {
    VMM_STATE_ARRAY (struct outer, bytes),
    VMM_STATE (struct outer, word),
    VMM_STATE_ARRAY (struct outer, wide),
    VMM_STATE_NESTED (struct outer, one, inner_table),
    VMM_STATE_NESTED_ARRAY (struct outer, many, inner_table),
    VMM_STATE_BUFFER (struct outer, buffer, 16, 4),
    {.name = "used",
     .type = VMM_FIELD_U8,
     .offset = offsetof (struct outer, used),
     .count = 8,
     .size = 1,
     .variable = true,
     .count_offset = offsetof (struct outer, n_used)},
};
static const struct vmm_state_table outer_table = {
    .name = "outer", .version = 1, .fields = outer_fields, .n_fields = ARRAY_LENGTH (outer_fields)};

static const struct vmm_state_field newer_fields[] = {
    VMM_STATE (struct outer, word),
    {.name = "newer",
     .type = VMM_FIELD_U32,
     .offset = offsetof (struct outer, newer),
     .count = 1,
     .size = 4,
     .since = 2},
};
static const struct vmm_state_table version_1 = {
    .name = "v", .version = 1, .fields = newer_fields, .n_fields = 1};
static const struct vmm_state_table version_2 = {
    .name = "v", .version = 2, .fields = newer_fields, .n_fields = 2};

static struct outer
sample (uint16_t *buffer)
{
    return (struct outer) {.bytes = {1, 2, 3, 4, 5},
                           .word = 0xdeadbeef,
                           .wide = {1, UINT64_MAX},
                           .one = {7, true},
                           .many = {{1, true}, {2, false}, {3, true}},
                           .buffer = buffer,
                           .n_used = 3,
                           .used = {9, 8, 7}};
}

TEST (every_kind_of_field_survives_a_round_trip)
{
    uint16_t from[4] = {1, 2, 3, 0xffff}, to[4] = {0};
    struct outer saved = sample (from), loaded = {.buffer = to};
    struct vmm_state_writer writer = {0};
    struct vmm_state_reader reader;
    struct vmm_error error = {0};

    CHECK_EQUAL (vmm_state_save (&writer, "thing", &outer_table, &saved), 0);
    reader = (struct vmm_state_reader) {.data = writer.data, .length = writer.length};
    CHECK_EQUAL (vmm_state_load (&reader, "thing", &outer_table, &loaded, &error), 0);
    CHECK_EQUAL (reader.offset, writer.length);
    CHECK (memcmp (from, to, sizeof from) == 0);
    CHECK (memcmp (saved.bytes, loaded.bytes, sizeof saved.bytes) == 0);
    CHECK_EQUAL (loaded.word, 0xdeadbeef);
    CHECK_EQUAL (loaded.wide[1], UINT64_MAX);
    CHECK_EQUAL (loaded.one.a, 7);
    CHECK (loaded.many[0].b && !loaded.many[1].b && loaded.many[2].b);
    CHECK_EQUAL (loaded.n_used, 3);
    CHECK_EQUAL (loaded.used[2], 7);
    vmm_state_writer_fini (&writer);
}

TEST (wrong_name_is_refused)
{
    uint16_t buffer[4] = {0};
    struct outer object = sample (buffer);
    struct vmm_state_writer writer = {0};
    struct vmm_state_reader reader;
    struct vmm_error error = {0};

    CHECK_EQUAL (vmm_state_save (&writer, "thing", &outer_table, &object), 0);
    reader = (struct vmm_state_reader) {.data = writer.data, .length = writer.length};
    CHECK_EQUAL (vmm_state_load (&reader, "other", &outer_table, &object, &error), -EPROTO);
    CHECK_CONTAINS (error.message, "other");
    vmm_state_writer_fini (&writer);
}

TEST (more_elements_than_the_cap_are_refused)
{
    uint16_t buffer[4] = {0};
    struct outer object = sample (buffer);
    struct vmm_state_writer writer = {0};
    struct vmm_state_reader reader;
    struct vmm_error error = {0};
    struct vmm_state_field narrow[ARRAY_LENGTH (outer_fields)];
    struct vmm_state_table table = outer_table;

    memcpy (narrow, outer_fields, sizeof narrow);
    narrow[6].count = 2;
    table.fields = narrow;
    CHECK_EQUAL (vmm_state_save (&writer, "thing", &outer_table, &object), 0);
    reader = (struct vmm_state_reader) {.data = writer.data, .length = writer.length};
    CHECK_EQUAL (vmm_state_load (&reader, "thing", &table, &object, &error), -EPROTO);
    CHECK_CONTAINS (error.message, "used");
    vmm_state_writer_fini (&writer);
}

TEST (older_stream_leaves_newer_fields_alone)
{
    struct outer object = {.word = 5, .newer = 1};
    struct vmm_state_writer writer = {0};
    struct vmm_state_reader reader;
    struct vmm_error error = {0};

    CHECK_EQUAL (vmm_state_save (&writer, "v", &version_1, &object), 0);
    object.word = 0;
    object.newer = 42;
    reader = (struct vmm_state_reader) {.data = writer.data, .length = writer.length};
    CHECK_EQUAL (vmm_state_load (&reader, "v", &version_2, &object, &error), 0);
    CHECK_EQUAL (object.word, 5);
    CHECK_EQUAL (object.newer, 42);
    vmm_state_writer_fini (&writer);
}

TEST (newer_stream_is_refused_by_version)
{
    struct outer object = {.word = 5, .newer = 1};
    struct vmm_state_writer writer = {0};
    struct vmm_state_reader reader;
    struct vmm_error error = {0};

    CHECK_EQUAL (vmm_state_save (&writer, "v", &version_2, &object), 0);
    reader = (struct vmm_state_reader) {.data = writer.data, .length = writer.length};
    CHECK_EQUAL (vmm_state_load (&reader, "v", &version_1, &object, &error), -EPROTO);
    CHECK_CONTAINS (error.message, "newer version (2)");
    vmm_state_writer_fini (&writer);
}

struct owner {
    uint32_t n_words;
    uint16_t *words; /* owned, NULL or room for n_words */
    unsigned n_prepared;
};

static int
prepare_words (void *object, size_t count)
{
    struct owner *owner = object;

    if (count == 3)
        return -EINVAL;
    free (owner->words);
    owner->words = calloc (count + 1, sizeof *owner->words);
    owner->n_prepared++;
    return owner->words ? 0 : -ENOMEM;
}

TEST (room_for_as_many_elements_as_come_is_made_by_the_owner)
{
    static const struct vmm_state_field fields[] = {
        {.name = "words",
         .type = VMM_FIELD_U16,
         .offset = offsetof (struct owner, words),
         .count = 5,
         .size = 2,
         .pointer = true,
         .variable = true,
         .count_offset = offsetof (struct owner, n_words),
         .prepare = prepare_words},
    };
    static const struct vmm_state_table table = {
        .name = "owner", .version = 1, .fields = fields, .n_fields = 1};
    uint16_t words[6] = {10, 20, 30, 40, 50, 60};

    for (uint32_t n = 0; n <= 6; n++) {
        struct owner from = {.n_words = n, .words = words}, to = {0};
        struct vmm_state_writer writer = {0};
        struct vmm_state_reader reader;
        struct vmm_error error = {0};
        int r;

        CHECK_EQUAL (vmm_state_save (&writer, "owner", &table, &from), 0);
        reader = (struct vmm_state_reader) {writer.data, writer.length, 0};
        r = vmm_state_load (&reader, "owner", &table, &to, &error);
        CHECK_EQUAL (r, n == 3 || n == 6 ? -EPROTO : 0);
        CHECK_EQUAL (to.n_prepared, r == 0);
        if (r == 0)
            CHECK (to.n_words == n && memcmp (to.words, words, n * sizeof *words) == 0);
        free (to.words);
        vmm_state_writer_fini (&writer);
    }
}

struct picture {
    uint32_t before, n_pixels, after;
    uint8_t *pixels;
};

/* A stream with what it borrowed in its place. */
static uint8_t *
put_together (const struct vmm_state_writer *writer, size_t *ret_length)
{
    uint8_t *bytes = malloc (writer->length + writer->borrowed), *at = bytes;
    size_t done = 0;

    CHECK (bytes);
    for (size_t i = 0; i < writer->n_pieces; i++) {
        const struct vmm_state_piece *piece = &writer->pieces[i];

        memcpy (at, writer->data + done, piece->at - done);
        at += piece->at - done;
        done = piece->at;
        memcpy (at, piece->data, piece->length);
        at += piece->length;
    }
    memcpy (at, writer->data + done, writer->length - done);
    *ret_length = writer->length + writer->borrowed;
    return bytes;
}

TEST (long_arrays_that_are_borrowed_make_the_same_stream)
{
    static const struct vmm_state_field fields[] = {
        VMM_STATE (struct picture, before),
        {.name = "pixels",
         .type = VMM_FIELD_U8,
         .offset = offsetof (struct picture, pixels),
         .count = 1000000,
         .size = 1,
         .pointer = true,
         .variable = true,
         .count_offset = offsetof (struct picture, n_pixels),
         .hidden = true},
        VMM_STATE (struct picture, after),
    };
    static const struct vmm_state_table table = {
        .name = "picture", .version = 1, .fields = fields, .n_fields = 3};
    static const uint32_t sizes[] = {0, 100, 65535, 65536, 1000000};
    uint8_t *pixels = malloc (1000000);

    CHECK (pixels);
    for (size_t i = 0; i < 1000000; i++)
        pixels[i] = (uint8_t) (i * 7);
    for (size_t i = 0; i < ARRAY_LENGTH (sizes); i++) {
        struct picture picture = {.before = 1, .n_pixels = sizes[i], .after = 2, .pixels = pixels};
        struct vmm_state_writer whole = {0}, parts = {.borrows = true};
        uint8_t *together;
        size_t length;

        for (int n = 0; n < 2; n++) {
            CHECK_EQUAL (vmm_state_save (&whole, "picture", &table, &picture), 0);
            CHECK_EQUAL (vmm_state_save (&parts, "picture", &table, &picture), 0);
        }
        CHECK_EQUAL (parts.n_pieces, sizes[i] >= 65536 ? 2 : 0);
        CHECK (parts.n_pieces == 0 || (parts.pieces[0].data == pixels && parts.pieces[0].hidden));
        together = put_together (&parts, &length);
        CHECK_EQUAL (length, whole.length);
        CHECK (memcmp (together, whole.data, length) == 0);
        free (together);
        vmm_state_writer_fini (&whole);
        vmm_state_writer_fini (&parts);
    }
    free (pixels);
}

TEST (sections_are_found_by_name_in_a_file)
{
    struct vmm_state_writer writer = {0};
    struct outer object = {0};
    FILE *file = tmpfile ();
    int fd = fileno (file);
    int results[4] = {0};

    CHECK_EQUAL (vmm_state_find (fd, "net0"), 0);
    CHECK_EQUAL (vmm_state_save (&writer, "machine", &version_1, &object), 0);
    CHECK_EQUAL (vmm_state_save (&writer, "net0", &version_1, &object), 0);
    CHECK_EQUAL (vmm_state_save (&writer, "net10", &version_1, &object), 0);
    CHECK_EQUAL (pwrite (fd, writer.data, writer.length, 0), (long) writer.length);
    CHECK_EQUAL (vmm_state_find (fd, "machine"), 1);
    CHECK_EQUAL (vmm_state_find (fd, "net0"), 1);
    CHECK_EQUAL (vmm_state_find (fd, "net10"), 1);
    CHECK_EQUAL (vmm_state_find (fd, "net1"), 0);
    CHECK_EQUAL (vmm_state_find (fd, ""), 0);
    /* Cut off anywhere, or with a byte that is another one, it is found, absent or damaged. */
    for (size_t length = writer.length; length-- > 0;) {
        CHECK_EQUAL (ftruncate (fd, (off_t) length), 0);
        results[vmm_state_find (fd, "net1") == -EPROTO]++;
    }
    for (size_t i = 0; i < writer.length; i++) {
        uint8_t byte = (uint8_t) ~writer.data[i];
        int r;

        CHECK_EQUAL (pwrite (fd, writer.data, writer.length, 0), (long) writer.length);
        CHECK_EQUAL (pwrite (fd, &byte, 1, (off_t) i), 1);
        r = vmm_state_find (fd, "net1");
        results[2 + (r == -EPROTO)]++;
        CHECK (r == 0 || r == -EPROTO);
    }
    CHECK (results[0] > 0 && results[1] > 0 && results[2] > 0 && results[3] > 0);
    vmm_state_writer_fini (&writer);
    fclose (file);
}

TAP_MAIN ()
