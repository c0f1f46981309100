/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs a fuzz target (LLVMFuzzerTestOneInput) where no fuzzing engine is linked in: with files as
 * arguments, on each of them once; else on random inputs for POSADA_FUZZ_SECONDS (3). Everything
 * follows from the seed that is printed first, so POSADA_FUZZ_SEED finds a crash again; the input
 * at hand is also kept in POSADA_FUZZ_OUTPUT, if that names a file.
 *
 * There is no feedback from the code under test: inputs are random bytes, then mutations of earlier
 * ones. Targets should therefore read inputs as programs in which nearly every byte means
 * something.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_INPUT 2048
#define POOL      16

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

struct input {
    size_t size;
    uint8_t data[MAX_INPUT];
};

/* Vigna's SplitMix64. */
static uint64_t
next_random (uint64_t *state)
{
    uint64_t z = *state += UINT64_C (0x9E3779B97F4A7C15);

    z = (z ^ z >> 30) * UINT64_C (0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C (0x94D049BB133111EB);
    return z ^ z >> 31;
}

static void
make_input (struct input *input, uint64_t *state)
{
    input->size = 1 + next_random (state) % MAX_INPUT;
    for (size_t i = 0; i < input->size; i++)
        input->data[i] = (uint8_t) next_random (state);
}

static void
mutate (struct input *input, const struct input *other, uint64_t *state)
{
    static const uint8_t notable[] = {0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF};
    unsigned n = 1 + next_random (state) % 8;

    while (n--) {
        size_t at = next_random (state) % input->size, from, length;
        uint64_t dice = next_random (state);

        switch (dice % 5) {
        case 0: input->data[at] = (uint8_t) (dice >> 8); break;
        case 1: input->data[at] ^= (uint8_t) (1u << (dice >> 8) % 8); break;
        case 2: input->data[at] = notable[(dice >> 8) % sizeof notable]; break;
        case 3: /* a piece of another input */
            from = (dice >> 8) % other->size;
            length = 1 + (dice >> 32) % 64;
            if (length > input->size - at)
                length = input->size - at;
            if (length > other->size - from)
                length = other->size - from;
            memmove (input->data + at, other->data + from, length);
            break;
        default: input->size = at + 1; break;
        }
    }
}

static void
keep (const struct input *input)
{
    const char *path = getenv ("POSADA_FUZZ_OUTPUT");
    FILE *file = path ? fopen (path, "wb") : NULL;

    if (!file)
        return;
    fwrite (input->data, 1, input->size, file);
    fclose (file);
}

static int
run_files (int argc, char **argv)
{
    static struct input input;

    for (int i = 1; i < argc; i++) {
        FILE *file = fopen (argv[i], "rb");

        if (!file) {
            perror (argv[i]);
            return 1;
        }
        input.size = fread (input.data, 1, sizeof input.data, file);
        fclose (file);
        LLVMFuzzerTestOneInput (input.data, input.size);
    }
    return 0;
}

static uint64_t
number_from (const char *name, uint64_t fallback)
{
    const char *text = getenv (name);

    return text ? strtoull (text, NULL, 0) : fallback;
}

int
main (int argc, char **argv)
{
    static struct input pool[POOL], input;
    struct timespec now;
    uint64_t seed, state, inputs = 0;
    time_t end;

    if (argc > 1)
        return run_files (argc, argv);
    clock_gettime (CLOCK_REALTIME, &now);
    seed = number_from ("POSADA_FUZZ_SEED", (uint64_t) now.tv_sec << 20 ^ (uint64_t) now.tv_nsec);
    printf ("seed %#llx\n", (unsigned long long) seed);
    fflush (stdout);
    state = seed;
    for (unsigned i = 0; i < POOL; i++)
        make_input (&pool[i], &state);
    clock_gettime (CLOCK_MONOTONIC, &now);
    end = now.tv_sec + (time_t) number_from ("POSADA_FUZZ_SECONDS", 3);
    while (now.tv_sec < end) {
        uint64_t dice = next_random (&state);

        if (dice % 4 == 0)
            make_input (&input, &state);
        else {
            input = pool[dice / 4 % POOL];
            mutate (&input, &pool[dice / 64 % POOL], &state);
        }
        keep (&input);
        LLVMFuzzerTestOneInput (input.data, input.size);
        if (dice % 8 < 2)
            pool[dice / 1024 % POOL] = input;
        inputs++;
        clock_gettime (CLOCK_MONOTONIC, &now);
    }
    printf ("%llu inputs\n", (unsigned long long) inputs);
    return 0;
}
