/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may have an image open beside whom: in one process, in two, and beside QEMU. */
#include <sys/wait.h>

#include "rig.h"

#define SIZE MIB

static void
open_second (struct rig *first, struct rig *second, unsigned flags, int expected)
{
    *second = (struct rig) {0};
    memcpy (second->path, first->path, sizeof second->path);
    CHECK_EQUAL (rig_try_open (second, flags), expected);
    if (expected == -EBUSY) {
        CHECK_CONTAINS (second->error.message, first->path);
        CHECK_CONTAINS (second->error.message, "in use by another machine");
    }
    blk_close (second->blk);
}

TEST (a_writer_excludes_everybody_in_its_process)
{
    struct rig rig, second;

    rig_init (&rig, SIZE);
    rig_open (&rig, 0);
    open_second (&rig, &second, 0, -EBUSY);
    open_second (&rig, &second, BLK_READ_ONLY, -EBUSY);
    blk_close (rig.blk);
    rig.blk = NULL;
    open_second (&rig, &second, 0, 0);
    rig_fini (&rig);
}

TEST (readers_share_and_exclude_writers)
{
    struct rig rig, second;

    rig_init (&rig, SIZE);
    rig_open (&rig, BLK_READ_ONLY);
    open_second (&rig, &second, BLK_READ_ONLY, 0);
    open_second (&rig, &second, 0, -EBUSY);
    open_second (&rig, &second, BLK_READ_ONLY, 0);
    rig_fini (&rig);
}

TEST (a_look_without_a_lock_is_in_nobodys_way)
{
    struct rig rig, second, third;

    rig_init (&rig, SIZE);
    rig_open (&rig, 0);
    open_second (&rig, &second, BLK_READ_ONLY | BLK_UNLOCKED, 0);
    blk_close (rig.blk);
    rig.blk = NULL;
    second = (struct rig) {0};
    memcpy (second.path, rig.path, sizeof second.path);
    CHECK_EQUAL (rig_try_open (&second, BLK_READ_ONLY | BLK_UNLOCKED), 0);
    open_second (&rig, &third, 0, 0);
    blk_close (second.blk);
    rig_fini (&rig);
}

TEST (a_created_image_is_locked)
{
    struct rig rig, second;

    rig_init (&rig, SIZE);
    unlink (rig.path);
    CHECK_EQUAL (blk_open_raw (rig.path, BLK_CREATE, SIZE, NULL, &rig.blk, &rig.error), 0);
    open_second (&rig, &second, 0, -EBUSY);
    rig_fini (&rig);
}

/* Opens in a child process and reports: 0, or the positive errno. */
static int
open_in_child (const struct rig *rig, unsigned flags)
{
    int status;
    pid_t child = fork ();

    if (child == 0) {
        struct blk *blk = NULL;
        int r;

        r = blk_open_raw (rig->path, flags, 0, NULL, &blk, NULL);
        blk_close (blk);
        _exit (-r);
    }
    CHECK_EQUAL (waitpid (child, &status, 0), child);
    CHECK (WIFEXITED (status));
    return WEXITSTATUS (status);
}

TEST (processes_exclude_each_other)
{
    struct rig rig;

    rig_init (&rig, SIZE);
    rig_open (&rig, 0);
    CHECK_EQUAL (open_in_child (&rig, 0), EBUSY);
    CHECK_EQUAL (open_in_child (&rig, BLK_READ_ONLY), EBUSY);
    blk_close (rig.blk);
    rig.blk = NULL;
    CHECK_EQUAL (open_in_child (&rig, 0), 0);
    rig_open (&rig, BLK_READ_ONLY);
    CHECK_EQUAL (open_in_child (&rig, BLK_READ_ONLY), 0);
    CHECK_EQUAL (open_in_child (&rig, 0), EBUSY);
    rig_fini (&rig);
}

static void
open_and_die (struct rig *rig)
{
    _exit (-rig_try_open (rig, 0));
}

TEST (a_dead_process_holds_nothing)
{
    struct rig rig, second;
    int status;
    pid_t child;

    rig_init (&rig, SIZE);
    child = fork ();
    if (child == 0)
        open_and_die (&rig);
    CHECK_EQUAL (waitpid (child, &status, 0), child);
    CHECK_EQUAL (status, 0);
    open_second (&rig, &second, 0, 0);
    rig_fini (&rig);
}

/* Whether qemu-io can open the image with @options. */
static bool
qemu_opens (const struct rig *rig, const char *options)
{
    char command[200];

    snprintf (command, sizeof command, "qemu-io %s -f raw -c 'read 0 512' %s >/dev/null 2>&1",
              options, rig->path);
    return system (command) == 0;
}

static void
need_qemu (void)
{
    if (system ("qemu-io --version >/dev/null 2>&1") != 0)
        SKIP ("qemu-io is not installed (package qemu-utils)");
}

TEST (qemu_keeps_off_ours)
{
    struct rig rig;

    need_qemu ();
    rig_init (&rig, SIZE);
    CHECK (qemu_opens (&rig, ""));
    rig_open (&rig, 0);
    CHECK (!qemu_opens (&rig, ""));
    CHECK (!qemu_opens (&rig, "-r"));
    blk_close (rig.blk);
    rig_open (&rig, BLK_READ_ONLY);
    CHECK (!qemu_opens (&rig, ""));
    CHECK (qemu_opens (&rig, "-r"));
    rig_fini (&rig);
}

/* Lets qemu-io open the image and wait for commands until it is pclose()d. Its prompt, in
 * @output, tells that it is there. */
static FILE *
hold_by_qemu (const struct rig *rig, const char *options, const char *output)
{
    char command[300];
    FILE *qemu;

    snprintf (command, sizeof command, "qemu-io %s -f raw %s >%s 2>&1", options, rig->path, output);
    qemu = popen (command, "w");
    CHECK (qemu);
    return qemu;
}

static void
wait_until_held (const char *output)
{
    struct stat status;

    for (int i = 0; i < 1000; i++) {
        if (stat (output, &status) == 0 && status.st_size > 0)
            return;
        usleep (10000);
    }
    tap_fail (__FILE__, __LINE__, "qemu-io does not come up");
}

TEST (we_keep_off_qemus)
{
    struct rig rig, second;
    char output[80];
    FILE *qemu;

    need_qemu ();
    rig_init (&rig, SIZE);
    snprintf (output, sizeof output, "%s.out", rig.path);
    for (int read_only = 0; read_only <= 1; read_only++) {
        unlink (output);
        qemu = hold_by_qemu (&rig, read_only ? "-r" : "", output);
        wait_until_held (output);
        open_second (&rig, &second, 0, -EBUSY);
        open_second (&rig, &second, BLK_READ_ONLY, read_only ? 0 : -EBUSY);
        pclose (qemu);
    }
    open_second (&rig, &second, 0, 0);
    unlink (output);
    rig_fini (&rig);
}

TAP_MAIN ()
