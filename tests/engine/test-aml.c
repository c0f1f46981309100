/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Expected bytes are what iasl makes of the ASL in the comments. */
#include "engine/acpi/aml.h"

#include "tap.h"

#define CHECK_BYTES(aml, ...)                                           \
    do {                                                                \
        static const uint8_t expected_[] = {__VA_ARGS__};               \
        CHECK (!(aml)->failed);                                         \
        CHECK_EQUAL ((aml)->length, sizeof expected_);                  \
        CHECK (memcmp ((aml)->data, expected_, sizeof expected_) == 0); \
        aml_fini (aml);                                                 \
    } while (0)

TEST (integers_take_their_shortest_form)
{
    struct aml aml = {.data = NULL};

    aml_integer (&aml, 0);
    aml_integer (&aml, 1);
    aml_integer (&aml, 2);
    aml_integer (&aml, 0x1234);
    aml_integer (&aml, 0x12345678);
    aml_integer (&aml, 0x123456789ABCDEF0);
    CHECK_BYTES (&aml, 0x00, 0x01, 0x0A, 0x02, 0x0B, 0x34, 0x12, 0x0C, 0x78, 0x56, 0x34, 0x12, 0x0E,
                 0xF0, 0xDE, 0xBC, 0x9A, 0x78, 0x56, 0x34, 0x12);
}

TEST (paths_are_padded_and_prefixed)
{
    struct aml aml = {.data = NULL};

    aml_path (&aml, "\\_SB");
    aml_path (&aml, "_SB.PCI0");
    aml_path (&aml, "\\A.B.C");
    CHECK_BYTES (&aml, '\\', '_', 'S', 'B', '_', 0x2E, '_', 'S', 'B', '_', 'P', 'C', 'I', '0', '\\',
                 0x2F, 3, 'A', '_', '_', '_', 'B', '_', '_', '_', 'C', '_', '_', '_');
}

/* Device (KBD) { Name (_HID, EisaId ("PNP0303")) } */
TEST (devices_carry_their_length_and_eisa_id)
{
    struct aml aml = {.data = NULL};
    size_t device = aml_begin_device (&aml, "KBD");

    aml_name (&aml, "_HID");
    aml_eisa_id (&aml, "PNP0303");
    aml_end (&aml, device);
    CHECK_BYTES (&aml, 0x5B, 0x82, 0x0F, 'K', 'B', 'D', '_', 0x08, '_', 'H', 'I', 'D', 0x0C, 0x41,
                 0xD0, 0x03, 0x03);
}

/* Method (_PRT) { If (\PICM) { Return (One) } Return (Zero) } */
TEST (methods_nest)
{
    struct aml aml = {.data = NULL};
    size_t method = aml_begin_method (&aml, "_PRT", 0), condition = aml_begin_if (&aml);

    aml_path (&aml, "\\PICM");
    aml_op (&aml, AML_RETURN);
    aml_integer (&aml, 1);
    aml_end (&aml, condition);
    aml_op (&aml, AML_RETURN);
    aml_integer (&aml, 0);
    aml_end (&aml, method);
    CHECK_BYTES (&aml, 0x14, 0x11, '_', 'P', 'R', 'T', 0x00, 0xA0, 0x08, '\\', 'P', 'I', 'C', 'M',
                 0xA4, 0x01, 0xA4, 0x00);
}

/* Name (_CRS, ResourceTemplate () { IO (Decode16, 0x70, 0x70, 1, 2) IRQNoFlags () {8} }) */
TEST (resource_templates_end_with_a_tag)
{
    struct aml aml = {.data = NULL};
    size_t resources;

    aml_name (&aml, "_CRS");
    resources = aml_begin_resources (&aml);
    aml_io (&aml, 0x70, 2);
    aml_irq (&aml, 8);
    aml_end_resources (&aml, resources);
    CHECK_BYTES (&aml, 0x08, '_', 'C', 'R', 'S', 0x11, 0x10, 0x0A, 0x0D, 0x47, 0x01, 0x70, 0x00,
                 0x70, 0x00, 0x01, 0x02, 0x22, 0x00, 0x01, 0x79, 0x00);
}

TEST (long_bodies_get_longer_lengths)
{
    static const uint8_t zeroes[5000];
    struct aml aml = {.data = NULL};
    size_t scope;

    /* 4 bytes of name and 58 of body: 62, and one more, still fit 6 bits. */
    scope = aml_begin_scope (&aml, "_SB");
    aml_bytes (&aml, zeroes, 58);
    aml_end (&aml, scope);
    CHECK_EQUAL (aml.data[1], 63);
    aml.length = 0;

    scope = aml_begin_scope (&aml, "_SB");
    aml_bytes (&aml, zeroes, 59);
    aml_end (&aml, scope);
    CHECK_EQUAL (aml.data[1], 0x40 | 1);
    CHECK_EQUAL (aml.data[2], 4);
    CHECK_EQUAL (aml.length, 1 + 65);
    aml.length = 0;

    scope = aml_begin_scope (&aml, "_SB");
    aml_bytes (&aml, zeroes, 5000);
    aml_end (&aml, scope);
    CHECK_EQUAL (aml.data[1], 0x80 | (5007 & 0xF));
    CHECK_EQUAL (aml.data[2] | aml.data[3] << 8, 5007 >> 4);
    CHECK_EQUAL (aml.data[4], '_');
    aml_fini (&aml);
}

TEST (endless_output_fails_instead_of_eating_memory)
{
    static const uint8_t zeroes[4096];
    struct aml aml = {.data = NULL};
    size_t scope = aml_begin_scope (&aml, "_SB");

    for (unsigned i = 0; i < 10000; i++)
        aml_bytes (&aml, zeroes, sizeof zeroes);
    aml_end (&aml, scope);
    CHECK (aml.failed);
    aml_fini (&aml);
}

TAP_MAIN ()
