/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Small arithmetic everybody needs: array lengths, overflow-checked sums, alignment and unaligned
 * little- and big-endian access. Pure functions, usable on any thread and on hostile numbers.
 */
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_LENGTH(array) (sizeof (array) / sizeof (array)[0])
#define MIN_OF(a, b)        ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b)        ((a) > (b) ? (a) : (b))

#define KIB                 (UINT64_C (1) << 10)
#define MIB                 (UINT64_C (1) << 20)
#define GIB                 (UINT64_C (1) << 30)

#define CONTAINER_OF(pointer, type, member) \
    ((type *) (void *) ((char *) (pointer) - offsetof (type, member)))

/* Whether [offset, offset + length) lies inside [0, size). True for an empty range at the very end.
 */
static inline bool
range_fits (uint64_t offset, uint64_t length, uint64_t size)
{
    return offset <= size && length <= size - offset;
}

/* @alignment is a power of two. align_up () wraps to 0 only for values above UINT64_MAX -
 * alignment. */
static inline uint64_t
align_down (uint64_t value, uint64_t alignment)
{
    return value & ~(alignment - 1);
}

static inline uint64_t
align_up (uint64_t value, uint64_t alignment)
{
    return (value + alignment - 1) & ~(alignment - 1);
}

static inline bool
is_power_of_two (uint64_t value)
{
    return value && !(value & (value - 1));
}

#define DEFINE_UNALIGNED(bits)                                         \
    static inline uint##bits##_t load_le##bits (const void *from)      \
    {                                                                  \
        uint##bits##_t value;                                          \
        memcpy (&value, from, sizeof value);                           \
        return le##bits##toh (value);                                  \
    }                                                                  \
    static inline uint##bits##_t load_be##bits (const void *from)      \
    {                                                                  \
        uint##bits##_t value;                                          \
        memcpy (&value, from, sizeof value);                           \
        return be##bits##toh (value);                                  \
    }                                                                  \
    static inline void store_le##bits (void *to, uint##bits##_t value) \
    {                                                                  \
        value = htole##bits (value);                                   \
        memcpy (to, &value, sizeof value);                             \
    }                                                                  \
    static inline void store_be##bits (void *to, uint##bits##_t value) \
    {                                                                  \
        value = htobe##bits (value);                                   \
        memcpy (to, &value, sizeof value);                             \
    }
DEFINE_UNALIGNED (16)
DEFINE_UNALIGNED (32)
DEFINE_UNALIGNED (64)
#undef DEFINE_UNALIGNED
