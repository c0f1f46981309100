/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first process of a Linux guest: inserts the modules that /modules names, does what its
 * argument says and turns the machine off. Without one it only reports that it was reached.
 *
 *   disk SECONDS   for that long each: 4 KiB at random and 1 MiB in sequence, read and written, one
 *                  and 32 requests at a time, straight to /dev/vda; a line for each
 *
 * "begin NAME" and "end NAME OPERATIONS_A_SECOND" enclose each.
 */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAX_DEPTH 32

struct pattern {
    const char *name;
    size_t size;
    unsigned depth;
    int is_random, is_write;
};

static const struct pattern patterns[] = {
    {"read-4k-1", 4096, 1, 1, 0},     {"read-4k-32", 4096, 32, 1, 0},
    {"write-4k-1", 4096, 1, 1, 1},    {"write-4k-32", 4096, 32, 1, 1},
    {"read-1m-1", 1 << 20, 1, 0, 0},  {"read-1m-32", 1 << 20, 32, 0, 0},
    {"write-1m-1", 1 << 20, 1, 0, 1}, {"write-1m-32", 1 << 20, 32, 0, 1},
};

static void
insert_modules (void)
{
    FILE *list = fopen ("/modules", "re");
    char name[200], path[220];

    while (list && fscanf (list, "%199s", name) == 1) {
        int fd;

        snprintf (path, sizeof path, "/lib/%s", name);
        fd = open (path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || syscall (SYS_finit_module, fd, "", 0) < 0)
            perror (path);
        close (fd);
    }
    if (list)
        fclose (list);
}

/* An initramfs without device nodes leaves its first process without any stream. */
static void
open_console (void)
{
    int fd;

    mkdir ("/dev", 0755);
    mount ("dev", "/dev", "devtmpfs", 0, NULL);
    fd = open ("/dev/console", O_RDWR);
    dup2 (fd, STDIN_FILENO);
    dup2 (fd, STDOUT_FILENO);
    dup2 (fd, STDERR_FILENO);
    setvbuf (stdout, NULL, _IONBF, 0);
}

static double
now (void)
{
    struct timespec time;

    clock_gettime (CLOCK_MONOTONIC, &time);
    return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

static int
open_disk (uint64_t *ret_size)
{
    int fd = -1;

    for (unsigned i = 0; i < 500 && fd < 0; i++) {
        fd = open ("/dev/vda", O_RDWR | O_DIRECT | O_CLOEXEC);
        if (fd < 0)
            usleep (10000);
    }
    if (fd >= 0 && ioctl (fd, BLKGETSIZE64, ret_size) < 0)
        return -1;
    return fd;
}

static uint64_t
next_offset (const struct pattern *pattern, uint64_t disk_size, uint64_t *state)
{
    uint64_t blocks = disk_size / pattern->size;

    if (!pattern->is_random)
        return (*state)++ % blocks * pattern->size;
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (*state >> 20) % blocks * pattern->size;
}

static int
submit (aio_context_t context, struct iocb *iocb, const struct pattern *pattern, int fd,
        uint64_t offset)
{
    iocb->aio_fildes = (uint32_t) fd;
    iocb->aio_lio_opcode = pattern->is_write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
    iocb->aio_nbytes = pattern->size;
    iocb->aio_offset = (int64_t) offset;
    return (int) syscall (SYS_io_submit, context, 1, &iocb);
}

/* Operations a second, negative on failure. */
static double
measure (const struct pattern *pattern, int fd, uint64_t disk_size, uint8_t *memory, double seconds)
{
    struct iocb iocbs[MAX_DEPTH] = {{0}};
    struct io_event events[MAX_DEPTH];
    aio_context_t context = 0;
    uint64_t done = 0, state = 0;
    double begin;
    long n;

    if (syscall (SYS_io_setup, MAX_DEPTH, &context) < 0)
        return -1;
    begin = now ();
    for (unsigned i = 0; i < pattern->depth; i++) {
        iocbs[i].aio_buf = (uintptr_t) (memory + i * pattern->size);
        iocbs[i].aio_data = i;
        if (submit (context, &iocbs[i], pattern, fd, next_offset (pattern, disk_size, &state)) < 0)
            return -1;
    }
    while (now () - begin < seconds) {
        n = syscall (SYS_io_getevents, context, 1, MAX_DEPTH, events, NULL);
        for (long i = 0; i < n; i++) {
            struct iocb *iocb = &iocbs[events[i].data];

            if (events[i].res != (int64_t) pattern->size ||
                submit (context, iocb, pattern, fd, next_offset (pattern, disk_size, &state)) < 0)
                return -1;
        }
        done += n > 0 ? (uint64_t) n : 0;
    }
    seconds = now () - begin;
    syscall (SYS_io_destroy, context);
    return (double) done / seconds;
}

static void
measure_disk (double seconds)
{
    uint64_t disk_size;
    int fd = open_disk (&disk_size);
    uint8_t *memory = aligned_alloc (4096, (size_t) MAX_DEPTH << 20);

    if (fd < 0 || !memory) {
        puts ("no disk");
        return;
    }
    memset (memory, 0x5a, (size_t) MAX_DEPTH << 20);
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        printf ("begin %s\n", patterns[i].name);
        printf ("end %s %.1f\n", patterns[i].name,
                measure (&patterns[i], fd, disk_size, memory, seconds));
        fsync (fd);
    }
    close (fd);
}

int
main (int argc, char **argv)
{
    open_console ();
    puts ("A");
    if (argc > 2 && strcmp (argv[1], "disk") == 0) {
        insert_modules ();
        measure_disk (atof (argv[2]));
    }
    reboot (RB_POWER_OFF);
    return 0;
}
