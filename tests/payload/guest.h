/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guest's side of a payload test: freestanding code in ring 3 with access to all ports and to
 * the first 4 GiB. Results go out through the test port (payload-host.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAYLOAD_TEXT_PORT 0xe9 /* bytes of the report */
#define PAYLOAD_EXIT_PORT 0xf4 /* 32 bits: 0 passed */

static inline uint8_t
in8 (uint16_t port)
{
    uint8_t value;

    __asm__ volatile ("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint16_t
in16 (uint16_t port)
{
    uint16_t value;

    __asm__ volatile ("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint32_t
in32 (uint16_t port)
{
    uint32_t value;

    __asm__ volatile ("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline void
out8 (uint16_t port, uint8_t value)
{
    __asm__ volatile ("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void
out16 (uint16_t port, uint16_t value)
{
    __asm__ volatile ("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void
out32 (uint16_t port, uint32_t value)
{
    __asm__ volatile ("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

#define MMIO(bits)                                                          \
    static inline uint##bits##_t read##bits (uint64_t address)              \
    {                                                                       \
        return *(volatile uint##bits##_t *) (uintptr_t) address;            \
    }                                                                       \
    static inline void write##bits (uint64_t address, uint##bits##_t value) \
    {                                                                       \
        *(volatile uint##bits##_t *) (uintptr_t) address = value;           \
    }
MMIO (8)
MMIO (16)
MMIO (32)
MMIO (64)
#undef MMIO

static inline uint64_t
read_tsc (void)
{
    uint32_t low, high;

    __asm__ volatile ("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t) high << 32 | low;
}

void payload_main (void) __attribute__ ((noreturn));

/* guest.c */
void say (const char *text);
void say_hex (uint64_t value);
void finish (uint32_t code) __attribute__ ((noreturn));
void fail (const char *what, uint64_t actual, uint64_t expected) __attribute__ ((noreturn));

#define EXPECT(actual, expected)                                                   \
    do {                                                                           \
        uint64_t expect_a = (uint64_t) (actual), expect_b = (uint64_t) (expected); \
        if (expect_a != expect_b)                                                  \
            fail (#actual, expect_a, expect_b);                                    \
    } while (0)

uint32_t pci_read (unsigned devfn, unsigned offset, unsigned size);
void pci_write (unsigned devfn, unsigned offset, unsigned size, uint32_t value);
/* devfn, or -1. */
int pci_find (uint16_t vendor, uint16_t device);

/* Whether vector @vector waits in the local APIC's request register, which only an EOI cycle
 * clears. */
bool apic_is_requested (uint8_t vector);
/* Lets the local APIC accept interrupts (software enable); they stay requested, as IF is 0. */
void apic_enable (void);

void *memset (void *to, int value, size_t length);
void *memcpy (void *to, const void *from, size_t length);
