/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs a fuzz target without libFuzzer, alike under every compiler: generates inputs from a seed,
 * mutates some it has tried, for POSADA_FUZZ_SECONDS (3). The seed is POSADA_FUZZ_SEED, else the
 * clock's. When the target crashes, hangs or is stopped by a sanitizer, it prints seed, iteration
 * and the input, in hexadecimal, to standard error, which test logs show, and writes the input to a
 * file; give such files as arguments to run just those.
 *
 * A hang is so much time of the processor, or, for who waits for ever, very much time of the clock:
 * a busy machine is no failure.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define MAX_INPUT    4096
#define CORPUS       64
#define BUSY_SECONDS 30  /* of the processor, in one input */
#define HANG_SECONDS 600 /* of the clock */

static struct {
    uint64_t seed, iteration;
    uint8_t data[MAX_INPUT];
    size_t size;
    bool reported;
} current;

/* Sanitizers end the process in their own way; where one is linked in, this gets us told. */
__attribute__ ((weak)) void __sanitizer_set_death_callback (void (*callback) (void));

static void
say (const char *text, size_t length)
{
    while (length > 0) {
        ssize_t n = write (STDERR_FILENO, text, length);

        if (n <= 0)
            return;
        text += n;
        length -= (size_t) n;
    }
}

static void
say_input (void)
{
    static const char digits[] = "0123456789abcdef";
    static char text[2 * MAX_INPUT + 1];

    for (size_t i = 0; i < current.size; i++) {
        text[2 * i] = digits[current.data[i] >> 4];
        text[2 * i + 1] = digits[current.data[i] & 15];
    }
    text[2 * current.size] = '\n';
    say (text, 2 * current.size + 1);
}

/* In a signal handler: only calls that are safe there. snprintf of plain numbers is in practice. */
static void
report (void)
{
    char text[200], path[64];
    int n, fd;

    if (current.reported)
        return;
    current.reported = true;
    snprintf (path, sizeof path, "fuzz-failure-%llu-%llu.bin", (unsigned long long) current.seed,
              (unsigned long long) current.iteration);
    n = snprintf (text, sizeof text,
                  "# failed: POSADA_FUZZ_SEED=%llu, iteration %llu, input in %s\n",
                  (unsigned long long) current.seed, (unsigned long long) current.iteration, path);
    say (text, (size_t) n);
    say_input ();
    fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd >= 0) {
        if (write (fd, current.data, current.size) < 0)
            (void) unlink (path);
        close (fd);
    }
}

static void
signal_cb (int number)
{
    report ();
    if (number == SIGPROF || number == SIGALRM)
        say ("# it hangs\n", 11);
    signal (number, SIG_DFL);
    raise (number);
}

static void
catch_failures (void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGPROF, SIGALRM};

    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback (report);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        signal (signals[i], signal_cb);
}

/* xorshift64* */
static uint64_t
next_random (uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C (2685821657736338717);
}

static void
generate (uint64_t *random)
{
    current.size = 1 + next_random (random) % (next_random (random) % 4 ? 256 : MAX_INPUT);
    for (size_t i = 0; i < current.size; i++)
        current.data[i] = (uint8_t) (next_random (random) >> 32);
}

/* A few changes: single bytes, bits, interesting values, pieces moved or taken from @other. */
static void
mutate (uint64_t *random, const uint8_t *other, size_t other_size)
{
    static const uint8_t values[] = {0, 1, 2, 4, 7, 8, 0x10, 0x40, 0x7F, 0x80, 0xFE, 0xFF};
    unsigned n = 1 + (unsigned) (next_random (random) % 8);

    while (n--) {
        uint64_t what = next_random (random);
        size_t at = next_random (random) % current.size;
        size_t to = next_random (random) % current.size;
        size_t length;

        switch (what % 6) {
        case 0: current.data[at] ^= (uint8_t) (1u << (what >> 8) % 8); break;
        case 1: current.data[at] = values[(what >> 8) % sizeof values]; break;
        case 2: current.data[at] = (uint8_t) (what >> 8); break;
        case 3:
            memmove (current.data + to, current.data + at, current.size - (at > to ? at : to));
            break;
        case 4:
            length = 1 + (what >> 8) % 64;
            if (at < other_size && at + length <= other_size && to + length <= current.size)
                memcpy (current.data + to, other + at, length);
            break;
        case 5:
            if (current.size < MAX_INPUT)
                current.data[current.size++] = (uint8_t) (what >> 8);
            break;
        }
    }
}

static void
run_current (void)
{
    const struct itimerval busy = {.it_value = {.tv_sec = BUSY_SECONDS}}, never = {0};

    setitimer (ITIMER_PROF, &busy, NULL);
    alarm (HANG_SECONDS);
    LLVMFuzzerTestOneInput (current.data, current.size);
    alarm (0);
    setitimer (ITIMER_PROF, &never, NULL);
}

static double
now (void)
{
    struct timespec time;

    clock_gettime (CLOCK_MONOTONIC, &time);
    return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

static int
run_files (int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen (argv[i], "rb");

        if (!file) {
            perror (argv[i]);
            return 1;
        }
        current.size = fread (current.data, 1, sizeof current.data, file);
        fclose (file);
        printf ("# running %s\n", argv[i]);
        run_current ();
    }
    return 0;
}

static uint64_t
number_from_environment (const char *name, uint64_t fallback)
{
    const char *text = getenv (name);

    return text && *text ? strtoull (text, NULL, 0) : fallback;
}

int
main (int argc, char **argv)
{
    static uint8_t corpus[CORPUS][MAX_INPUT];
    static size_t sizes[CORPUS];
    uint64_t seconds = number_from_environment ("POSADA_FUZZ_SECONDS", 3), random;
    double end;

    setvbuf (stdout, NULL, _IOLBF, 0);
    catch_failures ();
    if (argc > 1)
        return run_files (argc, argv);
    current.seed = number_from_environment ("POSADA_FUZZ_SEED", (uint64_t) time (NULL));
    printf ("# POSADA_FUZZ_SEED=%llu\n", (unsigned long long) current.seed);
    random = current.seed * 2 + 1;
    end = now () + (double) seconds;
    while (now () < end) {
        size_t slot = next_random (&random) % CORPUS, other = next_random (&random) % CORPUS;

        current.iteration++;
        if (sizes[slot] && next_random (&random) % 4) {
            memcpy (current.data, corpus[slot], sizes[slot]);
            current.size = sizes[slot];
            mutate (&random, corpus[other], sizes[other]);
        } else {
            generate (&random);
        }
        run_current ();
        memcpy (corpus[slot], current.data, current.size);
        sizes[slot] = current.size;
    }
    printf ("1..1\nok 1 - %llu inputs\n", (unsigned long long) current.iteration);
    return 0;
}
