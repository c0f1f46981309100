/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A process that runs a machine with two disks is killed (SIGKILL) before each of the steps that
 * change files: while it takes a snapshot, goes back to one, deletes one, saves the machine. What
 * is left is opened again: the tree lists whole snapshots only, the disks have just those, no
 * errors and one of the two contents they can have together, and a machine starts from them.
 *
 * The linker sends the system calls in question here. All processes of a round count them together,
 * the one that writes RAM, too.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "block/image.h"
#include "engine/machine.h"
#include "payload-host.h"
#include "snapshot/snapshot.h"
#include "tap.h"

#define ROUNDS    0x200000u
#define DISK      (4 * MIB)
#define MAX_STEPS 500
#define N_DISKS   2

struct killer {
    atomic_bool armed;
    atomic_uint n, at;
    pid_t victim;
};

static struct killer *killer;

static void
step (void)
{
    if (!killer || !atomic_load (&killer->armed) ||
        atomic_fetch_add (&killer->n, 1) + 1 != killer->at)
        return;
    kill (killer->victim, SIGKILL);
    for (;;)
        pause (); /* the process that writes RAM goes with its parent */
}

#define WRAP(result, name, parameters, arguments) \
    result __real_##name parameters;              \
    result __wrap_##name parameters;              \
    result __wrap_##name parameters               \
    {                                             \
        step ();                                  \
        return __real_##name arguments;           \
    }

WRAP (int, fsync, (int fd), (fd))
WRAP (int, fdatasync, (int fd), (fd))
WRAP (int, ftruncate64, (int fd, off_t size), (fd, size))
WRAP (int, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode))
WRAP (int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags))
WRAP (int, renameat, (int from, const char *old, int to, const char *new), (from, old, to, new))
WRAP (ssize_t, pwritev64, (int fd, const struct iovec *iov, int n, off_t at), (fd, iov, n, at))

/* A folder with disks and snapshots of them. */
struct place {
    char root[64], paths[N_DISKS][128], folder[128];
    struct snapshot_disk disks[N_DISKS];
    struct blk *blks[N_DISKS];
    struct payload *payload;
};

static void
name_place (struct place *self, const char *root)
{
    *self = (struct place) {0};
    snprintf (self->root, sizeof self->root, "%s", root);
    snprintf (self->folder, sizeof self->folder, "%s/snapshots", root);
    for (unsigned i = 0; i < N_DISKS; i++) {
        snprintf (self->paths[i], sizeof self->paths[i], "%s/disk-%u.qcow2", root, i);
        self->disks[i].path = self->paths[i];
    }
}

static void
shell (const char *format, const char *a, const char *b)
{
    char command[300];

    snprintf (command, sizeof command, format, a, b);
    CHECK_EQUAL (system (command), 0);
}

static void
open_disk (struct place *self, unsigned i)
{
    struct blk_source source = {.path = self->paths[i], .format = BLK_FORMAT_QCOW2};
    struct vmm_error error = {0};

    if (blk_open (&source, NULL, &self->blks[i], &error) < 0)
        tap_fail (__FILE__, __LINE__, "%s", error.message);
}

static void
close_disk (struct place *self, unsigned i)
{
    blk_close (self->blks[i]);
    self->blks[i] = NULL;
}

/* Reads or writes all of a disk that is nobody else's. */
static void
access_disk (struct place *self, unsigned i, enum blk_operation operation, unsigned char *bytes)
{
    struct iovec iov = {bytes, DISK};
    struct blk_request request = {.operation = operation, .length = DISK, .iov = &iov, .n_iov = 1};
    struct vmm_loop *loop;

    open_disk (self, i);
    CHECK_EQUAL (vmm_loop_create (&loop), 0);
    CHECK_EQUAL (blk_attach (self->blks[i], loop), 0);
    CHECK_EQUAL (blk_run (self->blks[i], loop, &request), 0);
    blk_detach (self->blks[i]);
    vmm_loop_destroy (loop);
    close_disk (self, i);
}

static void
fill_disks (struct place *self, unsigned char value)
{
    unsigned char *bytes = malloc (DISK);

    CHECK (bytes);
    memset (bytes, value, DISK);
    for (unsigned i = 0; i < N_DISKS; i++)
        access_disk (self, i, BLK_WRITE, bytes);
    free (bytes);
}

/* What all bytes of all disks are. */
static unsigned
contents (struct place *self)
{
    unsigned char *bytes = malloc (DISK);
    unsigned value = 0;

    CHECK (bytes);
    for (unsigned i = 0; i < N_DISKS; i++) {
        access_disk (self, i, BLK_READ, bytes);
        CHECK (i == 0 || value == bytes[0]);
        value = bytes[0];
        CHECK (memcmp (bytes, bytes + 1, DISK - 1) == 0);
    }
    free (bytes);
    return value;
}

static void
new_machine (struct place *self)
{
    static struct vmm_value blks[N_DISKS];
    static const struct vmm_device_config devices[] = {
        {.class_name = "q35-host", .id = "host"},
        {.class_name = "ich9-lpc", .id = "lpc"},
        {.class_name = "rtc", .id = "rtc"},
        {.class_name = "serial", .id = "serial0"},
        {.class_name = "virtio-rng", .id = "rng"},
        {.class_name = "virtio-blk", .id = "disk0", .values = &blks[0], .n_values = 1},
        {.class_name = "virtio-blk", .id = "disk1", .values = &blks[1], .n_values = 1},
    };
    static const struct payload_options options = {
        .rom = "saved.rom", .devices = devices, .n_devices = ARRAY_LENGTH (devices)};

    for (unsigned i = 0; i < N_DISKS; i++) {
        open_disk (self, i);
        blks[i] = (struct vmm_value) VMM_POINTER ("blk", self->blks[i]);
        self->disks[i].blk = self->blks[i];
    }
    self->payload = payload_new (&options);
}

static void
end_machine (struct place *self)
{
    payload_free (self->payload);
    self->payload = NULL;
    for (unsigned i = 0; i < N_DISKS; i++) {
        self->disks[i].blk = NULL;
        close_disk (self, i);
    }
}

static uint64_t
rounds (struct place *self)
{
    uint64_t value = 0;

    vmm_memory_read (vmm_machine_memory (self->payload->machine), ROUNDS, &value, sizeof value);
    return value;
}

static void
check_goes_on (struct place *self)
{
    uint64_t before = rounds (self);

    for (int i = 0; i < 24000 && rounds (self) < before + 2; i++) {
        CHECK_EQUAL (atomic_load (&self->payload->code), -1); /* it has found something wrong */
        usleep (5000);
    }
    CHECK (rounds (self) >= before + 2);
}

static struct snapshot_info
take (struct place *self, const char *name, const char *suspend)
{
    struct snapshot_wish wish = {
        .folder = self->folder,
        .name = name,
        .machine = self->payload->machine,
        .memory = 32 * MIB,
        .disks = self->disks,
        .n_disks = N_DISKS,
        .suspend = suspend,
    };
    struct snapshot_info info = {0};
    struct snapshot_take *under_way;
    struct vmm_error error = {0};

    if (snapshot_take_begin (&wish, &under_way, &error) < 0)
        tap_fail (__FILE__, __LINE__, "%s", error.message);
    CHECK (payload_wait_count (self->payload, &self->payload->saves, 1, 60000));
    if (snapshot_take_end (under_way, &self->payload->last_saved, &info, &error) < 0)
        tap_fail (__FILE__, __LINE__, "%s", error.message);
    return info;
}

static void
go_back (struct place *self, const char *name, size_t n_disks)
{
    struct snapshot_restoring *restoring;
    struct vmm_error error = {0};
    char path[300];

    snprintf (path, sizeof path, "%s/%s", self->folder, name);
    if (snapshot_restore_begin (path, self->payload->machine, false, self->disks, n_disks,
                                &restoring, &error) < 0)
        tap_fail (__FILE__, __LINE__, "%s", error.message);
    CHECK (payload_wait_count (self->payload, &self->payload->restores, 1, 60000));
    if (snapshot_restore_end (restoring, &self->payload->last_restored, &error) < 0)
        tap_fail (__FILE__, __LINE__, "%s", error.message);
}

enum work {
    TAKE,
    RESTORE,
    DELETE,
    SAVE,
};

struct scene {
    struct place before; /* disks full of 2, and a snapshot of them when they were full of 1 */
    char first[SNAPSHOT_ID_LENGTH + 1];
    enum work work;
    unsigned n_after[3]; /* how often so many snapshots were there afterwards */
};

static void
make_scene (struct scene *self, enum work work)
{
    struct blk_qcow2_options disk = {.size = DISK};
    char root[] = "/tmp/test-killed-XXXXXX";
    struct vmm_error error = {0};

    *self = (struct scene) {.work = work};
    CHECK (mkdtemp (root));
    name_place (&self->before, root);
    for (unsigned i = 0; i < N_DISKS; i++)
        CHECK_EQUAL (blk_create_qcow2 (self->before.paths[i], &disk, &error), 0);
    fill_disks (&self->before, 1);
    new_machine (&self->before);
    vmm_start (self->before.payload->machine);
    check_goes_on (&self->before);
    strcpy (self->first, take (&self->before, "First", NULL).id);
    end_machine (&self->before);
    fill_disks (&self->before, 2);
}

static void
do_work (const struct scene *scene, struct place *place)
{
    struct vmm_error error = {0};

    new_machine (place);
    vmm_start (place->payload->machine);
    check_goes_on (place);
    atomic_store (&killer->armed, true);
    switch (scene->work) {
    case TAKE: take (place, "Second", NULL); break;
    case RESTORE: go_back (place, scene->first, N_DISKS); break;
    case DELETE:
        CHECK_EQUAL (snapshot_delete (place->folder, scene->first, place->payload->machine,
                                      place->disks, N_DISKS, &error),
                     0);
        break;
    case SAVE: take (place, "Saved", "saved"); break;
    }
    atomic_store (&killer->armed, false);
    end_machine (place);
}

/* The process that writes RAM has the disks, too, until it notices that its parent is gone. */
static void
wait_for_disks (struct place *place)
{
    struct blk_source source = {.path = place->paths[N_DISKS - 1], .format = BLK_FORMAT_QCOW2};
    struct vmm_error error = {0};
    struct blk *blk = NULL;

    for (int i = 0; i < 1000 && blk_open (&source, NULL, &blk, &error) < 0; i++)
        usleep (5000);
    if (!blk)
        tap_fail (__FILE__, __LINE__, "%s", error.message);
    blk_close (blk);
}

/* Whether it was killed; else it came to its end. */
static bool
kill_at (const struct scene *scene, struct place *place, unsigned at)
{
    int status = -1;
    pid_t pid;

    atomic_store (&killer->armed, false);
    atomic_store (&killer->n, 0);
    killer->at = at;
    fflush (stdout);
    pid = fork ();
    if (pid == 0) {
        killer->victim = getpid ();
        if (setjmp (tap_escape) == 0) {
            do_work (scene, place);
            _exit (42);
        }
        fflush (stdout);
        _exit (1);
    }
    CHECK (pid > 0 && waitpid (pid, &status, 0) == pid);
    wait_for_disks (place);
    if (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL)
        return true;
    CHECK (WIFEXITED (status));
    CHECK_EQUAL (WEXITSTATUS (status), 42);
    return false;
}

/* Only “current”, “saved” and folders of snapshots are there. */
static bool
look_at_names (struct place *place)
{
    DIR *dir = opendir (place->folder);
    struct dirent *entry;
    bool saved = false;

    CHECK (dir);
    while ((entry = readdir (dir))) {
        if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0)
            continue;
        if (entry->d_name[0] == '.' || strcmp (entry->d_name, "going-back") == 0)
            tap_fail (__FILE__, __LINE__, "%s is left", entry->d_name);
        saved = saved || strcmp (entry->d_name, "saved") == 0;
    }
    closedir (dir);
    return saved;
}

/* An image is sound and has the snapshots of the tree, no others. */
static void
check_image (struct place *place, unsigned disk, const struct snapshot_info *infos, size_t n)
{
    struct vmm_error error = {0};
    struct blk_snapshot *list;
    struct blk_check check;
    size_t n_list;

    open_disk (place, disk);
    CHECK_EQUAL (blk_check (place->blks[disk], &check, &error), 0);
    CHECK (check.errors == 0 && !check.damaged);
    CHECK_EQUAL (blk_snapshot_list (place->blks[disk], false, &list, &n_list, &error), 0);
    CHECK_EQUAL (n_list, n);
    for (size_t i = 0; i < n; i++) {
        bool found = false;

        for (size_t j = 0; j < n; j++)
            found = found || strcmp (list[j].id, infos[i].id) == 0;
        CHECK (found);
    }
    free (list);
    close_disk (place, disk);
}

static void
check_starts (struct scene *scene, struct place *place, bool saved, bool has_first)
{
    unsigned wanted = contents (place);

    CHECK (wanted == 2 || (wanted == 1 && scene->work == RESTORE));
    new_machine (place);
    if (saved)
        go_back (place, "saved", 0);
    else if (has_first)
        go_back (place, scene->first, N_DISKS);
    else
        vmm_start (place->payload->machine);
    check_goes_on (place);
    end_machine (place);
    CHECK_EQUAL (contents (place), !saved && has_first ? 1 : wanted);
}

static void
check_what_is_left (struct scene *scene, struct place *place)
{
    char current[SNAPSHOT_ID_LENGTH + 1];
    struct vmm_error error = {0};
    struct snapshot_info *infos;
    bool saved, has_first = false;
    size_t n;

    snapshot_clean (place->folder, place->disks, N_DISKS);
    saved = look_at_names (place);
    CHECK (!saved || scene->work == SAVE);
    CHECK_EQUAL (snapshot_list (place->folder, &infos, &n, current, &error), 0);
    CHECK (n <= 2);
    scene->n_after[n]++;
    for (size_t i = 0; i < n; i++) {
        CHECK (!infos[i].damaged);
        has_first = has_first || strcmp (infos[i].id, scene->first) == 0;
    }
    CHECK (has_first || scene->work == DELETE);
    for (unsigned i = 0; i < N_DISKS; i++)
        check_image (place, i, infos, n);
    free (infos);
    check_starts (scene, place, saved, has_first);
}

static void
kill_everywhere (enum work work)
{
    char root[] = "/tmp/test-killed-XXXXXX";
    unsigned at = 1, n = 0;
    struct scene scene;
    struct place place;
    bool killed = true;

    if (!killer)
        killer =
            mmap (NULL, sizeof *killer, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK (killer != MAP_FAILED);
    make_scene (&scene, work);
    CHECK (mkdtemp (root));
    for (; killed && at < MAX_STEPS; at++) {
        name_place (&place, root);
        shell ("cp -r --sparse=always %s/. %s", scene.before.root, root);
        killed = kill_at (&scene, &place, at);
        n += killed;
        check_what_is_left (&scene, &place);
        shell ("rm -r %s/*%s", root, "");
    }
    CHECK (!killed && n > 0);
    printf ("# killed %u times; 0, 1 and 2 snapshots were there %u, %u and %u times\n", n,
            scene.n_after[0], scene.n_after[1], scene.n_after[2]);
    shell ("rm -r %s %s", root, scene.before.root);
}

TEST (a_process_killed_while_it_takes_a_snapshot_leaves_all_or_none_of_it)
{
    kill_everywhere (TAKE);
}

TEST (a_process_killed_while_it_goes_back_leaves_the_state_before_or_after)
{
    kill_everywhere (RESTORE);
}

TEST (a_process_killed_while_it_deletes_a_snapshot_leaves_all_or_none_of_it)
{
    kill_everywhere (DELETE);
}

TEST (a_process_killed_while_it_saves_its_machine_leaves_a_machine_that_starts)
{
    kill_everywhere (SAVE);
}

TAP_MAIN ()
