/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A writer of AML, the byte code in ACPI's DSDT (ACPI 6.4, chapter 20), and of the resource
 * descriptors inside it (6.4). Terms are appended in the order in which they stand in ASL; whatever
 * carries a length is opened by a begin function and closed by aml_end () with what begin returned.
 * Running out of memory is remembered in .failed and makes the rest do nothing. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aml {
    uint8_t *data; /* owned; all zeroes is an empty writer */
    size_t length;
    size_t capacity;
    bool failed;
};

/* Operators that the tables use (20.3); their operands follow as terms. */
enum aml_op {
    AML_ZERO = 0x00,
    AML_ONE = 0x01,
    AML_LOCAL0 = 0x60,
    AML_ARG0 = 0x68,
    AML_ARG1 = 0x69,
    AML_ARG2 = 0x6A,
    AML_ARG3 = 0x6B,
    AML_STORE = 0x70,
    AML_ADD = 0x72,
    AML_AND = 0x7B,
    AML_OR = 0x7D,
    AML_NOTIFY = 0x86,
    AML_INDEX = 0x88,
    AML_CREATE_DWORD_FIELD = 0x8A,
    AML_NOT = 0x92,
    AML_EQUAL = 0x93,
    AML_RETURN = 0xA4,
};

void aml_fini (struct aml *self);

void aml_bytes (struct aml *self, const void *data, size_t length);
void aml_op (struct aml *self, enum aml_op op);
void aml_integer (struct aml *self, uint64_t value); /* in its shortest form */
/* In four bytes whatever it is, for others to fill in; returns where they are, and stay if nothing
 * with a length is open. */
size_t aml_dword (struct aml *self, uint32_t value);
void aml_string (struct aml *self, const char *text);
/* "PNP0A08": three capitals and four hexadecimal digits (6.1.5). */
void aml_eisa_id (struct aml *self, const char *id);
/* "\\_SB.PCI0": segments are padded to four characters. */
void aml_path (struct aml *self, const char *path);
/* Name (path, …): one value follows. */
void aml_name (struct aml *self, const char *path);

size_t aml_begin_scope (struct aml *self, const char *path);
size_t aml_begin_device (struct aml *self, const char *name);
size_t aml_begin_method (struct aml *self, const char *name, unsigned n_arguments);
size_t aml_begin_package (struct aml *self, uint8_t n_elements);
size_t aml_begin_if (struct aml *self); /* the predicate follows, then the body */
size_t aml_begin_else (struct aml *self);
void aml_end (struct aml *self, size_t begun);

/* Buffer () {…} of the given bytes. */
void aml_buffer (struct aml *self, const void *data, size_t length);

/* ResourceTemplate () {…}: the functions below in between. Ranges are inclusive. */
size_t aml_begin_resources (struct aml *self);
void aml_end_resources (struct aml *self, size_t begun);
void aml_io (struct aml *self, uint16_t base, uint8_t length);
void aml_irq (struct aml *self, unsigned irq);
void aml_memory32 (struct aml *self, uint32_t base, uint32_t length);
void aml_window_bus (struct aml *self, uint16_t first, uint16_t last);
void aml_window_io (struct aml *self, uint16_t first, uint16_t last);
void aml_window_memory32 (struct aml *self, uint32_t first, uint32_t last);
void aml_window_memory64 (struct aml *self, uint64_t first, uint64_t last);
