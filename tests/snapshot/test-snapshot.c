/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The folder of snapshots: what is complete, what is hostile, what deleting does to a tree. */
#include "snapshot/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/util.h"
#include "block/image.h"
#include "tap.h"

#define A "00000000000000aa"
#define B "00000000000000bb"
#define C "00000000000000cc"
#define D "00000000000000dd"

static char folder[64];

static void
begin (void)
{
    snprintf (folder, sizeof folder, "/tmp/test-snapshot-XXXXXX");
    CHECK (mkdtemp (folder));
}

static void
end (void)
{
    char command[128];

    snprintf (command, sizeof command, "rm -r %s", folder);
    CHECK_EQUAL (system (command), 0);
}

static void
put (const char *id, const char *file, const char *text)
{
    char path[256];
    int fd;

    snprintf (path, sizeof path, "%s/%s", folder, id);
    CHECK (mkdir (path, 0700) == 0 || errno == EEXIST);
    snprintf (path, sizeof path, "%s/%s/%s", folder, id, file);
    fd = open (path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK (fd >= 0);
    CHECK_EQUAL (write (fd, text, strlen (text)), strlen (text));
    close (fd);
}

static void
put_node (const char *id, const char *parent, unsigned time)
{
    char text[512];

    snprintf (text, sizeof text,
              "posada-snapshot 1\nname Node %s\n%s%s%stime %u\nmachine paused\nmemory 1048576\n"
              "disks 0\nend\n",
              id, parent ? "parent " : "", parent ? parent : "", parent ? "\n" : "", time);
    put (id, "metadata", text);
}

struct list {
    struct snapshot_info *infos;
    size_t n;
    char current[SNAPSHOT_ID_LENGTH + 1];
};

static struct list
list (void)
{
    struct list list = {0};
    struct vmm_error error = {0};

    CHECK_EQUAL (snapshot_list (folder, &list.infos, &list.n, list.current, &error), 0);
    return list;
}

static struct snapshot_info
take_off (const char *name)
{
    struct snapshot_wish wish = {.folder = folder, .name = name, .note = "one\ntwo \\ three"};
    struct snapshot_info info = {0};
    struct vmm_error error = {0};

    if (snapshot_take_off (&wish, &info, &error) < 0)
        tap_fail (__FILE__, __LINE__, "%s", error.message);
    return info;
}

TEST (snapshots_in_a_row_are_children_of_each_other)
{
    struct snapshot_info first, second;
    struct list got;

    begin ();
    first = take_off ("First");
    second = take_off ("Zweiter „Punkt“");
    got = list ();
    CHECK_EQUAL (got.n, 2);
    CHECK_STRING (got.current, second.id);
    for (size_t i = 0; i < 2; i++) {
        bool is_first = strcmp (got.infos[i].id, first.id) == 0;

        CHECK_STRING (got.infos[i].name, is_first ? "First" : "Zweiter „Punkt“");
        CHECK_STRING (got.infos[i].note, "one\ntwo \\ three");
        CHECK_STRING (got.infos[i].parent, is_first ? "" : first.id);
        CHECK_EQUAL (got.infos[i].kind, SNAPSHOT_OFF);
        CHECK (!got.infos[i].damaged && !got.infos[i].has_picture);
        CHECK (got.infos[i].bytes > 0);
    }
    free (got.infos);
    end ();
}

TEST (going_back_makes_a_branch)
{
    struct snapshot_info first, second, third;
    struct vmm_error error = {0};
    char path[256];
    struct list got;

    begin ();
    first = take_off ("First");
    second = take_off ("Second");
    snprintf (path, sizeof path, "%s/%s", folder, first.id);
    CHECK_EQUAL (snapshot_restore_off (path, NULL, 0, &error), 0);
    got = list ();
    CHECK_STRING (got.current, first.id);
    free (got.infos);
    third = take_off ("Third");
    CHECK_STRING (third.parent, first.id);
    CHECK_STRING (second.parent, first.id);
    end ();
}

TEST (going_back_begins_another_generation)
{
    static const uint8_t uuid[16] = {1, 2, 3};
    uint8_t before[16], after[16], again[16];
    struct snapshot_info info;
    struct vmm_error error = {0};
    char path[128];

    begin ();
    snapshot_get_generation (folder, uuid, before);
    CHECK (memcmp (before, uuid, sizeof uuid) == 0);
    CHECK_EQUAL (snapshot_take_off (&(struct snapshot_wish) {.folder = folder, .name = "First"},
                                    &info, &error),
                 0);
    snapshot_get_generation (folder, uuid, before);
    CHECK (memcmp (before, uuid, sizeof uuid) == 0);
    snprintf (path, sizeof path, "%s/%s", folder, info.id);
    CHECK_EQUAL (snapshot_restore_off (path, NULL, 0, &error), 0);
    snapshot_get_generation (folder, uuid, after);
    CHECK (memcmp (after, uuid, sizeof uuid) != 0);
    snapshot_get_generation (folder, uuid, again);
    CHECK (memcmp (after, again, sizeof after) == 0);
    CHECK_EQUAL (snapshot_restore_off (path, NULL, 0, &error), 0);
    snapshot_get_generation (folder, uuid, again);
    CHECK (memcmp (after, again, sizeof after) != 0);
    /* What is damaged is none. */
    put (".", "generation", "0123456789abcdefg\n");
    snapshot_get_generation (folder, uuid, again);
    CHECK (memcmp (again, uuid, sizeof uuid) == 0);
    end ();
}

TEST (deleting_any_node_keeps_all_others)
{
    struct vmm_error error = {0};
    struct list got;

    begin ();
    put_node (A, NULL, 1);
    put_node (B, A, 2);
    put_node (C, B, 3);
    put_node (D, B, 4);
    CHECK_EQUAL (snapshot_delete (folder, B, NULL, NULL, 0, &error), 0);
    got = list ();
    CHECK_EQUAL (got.n, 3);
    CHECK_STRING (got.infos[0].id, A);
    CHECK_STRING (got.infos[1].parent, A);
    CHECK_STRING (got.infos[2].parent, A);
    free (got.infos);
    CHECK_EQUAL (snapshot_delete (folder, A, NULL, NULL, 0, &error), 0);
    got = list ();
    CHECK_EQUAL (got.n, 2);
    CHECK_STRING (got.infos[0].parent, "");
    CHECK_STRING (got.infos[1].parent, "");
    free (got.infos);
    CHECK_EQUAL (snapshot_delete (folder, A, NULL, NULL, 0, &error), -ENOENT);
    CHECK_CONTAINS (error.message, A);
    end ();
}

TEST (deleting_the_present_one_makes_its_parent_present)
{
    struct snapshot_info first, second;
    struct vmm_error error = {0};
    struct list got;

    begin ();
    first = take_off ("First");
    second = take_off ("Second");
    CHECK_EQUAL (snapshot_delete (folder, second.id, NULL, NULL, 0, &error), 0);
    got = list ();
    CHECK_STRING (got.current, first.id);
    free (got.infos);
    end ();
}

TEST (names_and_notes_change)
{
    struct snapshot_info first, info;
    struct vmm_error error = {0};

    begin ();
    first = take_off ("First");
    CHECK_EQUAL (snapshot_rename (folder, first.id, "Other", &error), 0);
    CHECK_EQUAL (snapshot_set_note (folder, first.id, "", &error), 0);
    CHECK_EQUAL (snapshot_find (folder, first.id, &info, &error), 0);
    CHECK_STRING (info.name, "Other");
    CHECK_STRING (info.note, "");
    CHECK_EQUAL (info.time, first.time);
    CHECK_EQUAL (snapshot_rename (folder, first.id, "two\nlines", &error), -EINVAL);
    CHECK_EQUAL (snapshot_rename (folder, first.id, "", &error), -EINVAL);
    CHECK_EQUAL (snapshot_rename (folder, first.id, "\xff", &error), -EINVAL);
    CHECK_EQUAL (snapshot_rename (folder, "../../etc", "x", &error), -ENOENT);
    end ();
}

TEST (half_made_ones_are_not_there_and_get_cleaned)
{
    char path[256];
    struct list got;

    begin ();
    put ("." A ".part", "ram", "…");
    put ("." B ".gone", "metadata", "…");
    put ("other", "file", "kept");
    got = list ();
    CHECK_EQUAL (got.n, 0);
    free (got.infos);
    snapshot_clean (folder, NULL, 0);
    snprintf (path, sizeof path, "%s/.%s.part", folder, A);
    CHECK (access (path, F_OK) < 0);
    snprintf (path, sizeof path, "%s/.%s.gone", folder, B);
    CHECK (access (path, F_OK) < 0);
    snprintf (path, sizeof path, "%s/other/file", folder);
    CHECK (access (path, F_OK) == 0);
    end ();
}

TEST (damaged_ones_are_listed_as_such_and_can_be_deleted)
{
    static const char *const texts[] = {
        "",
        "posada-snapshot 2\nname x\nend\n",
        "posada-snapshot 1\nname x\n",
        "posada-snapshot 1\nend\n",
        "posada-snapshot 1\nname \xc3\nend\n",
        "posada-snapshot 1\nname x\nparent ../../x\nend\n",
        "posada-snapshot 1\nname x\ntime 99999999999999999999999\nend\n",
        "posada-snapshot 1\nname x\nmachine flying\nend\n",
        "posada-snapshot 1\nname x\nmemory -1\nend\n",
        "posada-snapshot 1\nname x\ndisks 65\nend\n",
        "posada-snapshot 1\nname x\\\nend\n",
        "posada-snapshot 1\nname\nend\n",
    };
    struct vmm_error error = {0};

    begin ();
    for (size_t i = 0; i < ARRAY_LENGTH (texts); i++) {
        struct list got;

        put (A, "metadata", texts[i]);
        got = list ();
        CHECK_EQUAL (got.n, 1);
        if (!got.infos[0].damaged)
            tap_fail (__FILE__, __LINE__, "taken for good: %s", texts[i]);
        CHECK_STRING (got.infos[0].name, A);
        free (got.infos);
        CHECK_EQUAL (snapshot_rename (folder, A, "x", &error), -EPROTO);
        CHECK_EQUAL (snapshot_delete (folder, A, NULL, NULL, 0, &error), 0);
    }
    end ();
}

TEST (long_files_links_and_pipes_are_damaged)
{
    char path[256], *text = malloc (100000);
    struct list got;

    begin ();
    memset (text, 'x', 99999);
    text[99999] = 0;
    put (A, "metadata", text);
    free (text);
    put (B, "other", "");
    snprintf (path, sizeof path, "%s/%s/metadata", folder, B);
    CHECK_EQUAL (symlink ("/etc/passwd", path), 0);
    put (C, "other", "");
    snprintf (path, sizeof path, "%s/%s/metadata", folder, C);
    CHECK_EQUAL (mkfifo (path, 0600), 0);
    snprintf (path, sizeof path, "%s/%s", folder, D);
    CHECK_EQUAL (symlink ("/etc", path), 0);
    got = list ();
    CHECK_EQUAL (got.n, 3);
    for (size_t i = 0; i < got.n; i++)
        CHECK (got.infos[i].damaged);
    free (got.infos);
    end ();
}

TEST (circles_and_missing_parents_become_roots)
{
    struct list got;

    begin ();
    put_node (A, B, 1);
    put_node (B, A, 2);
    put_node (C, D, 3);
    got = list ();
    CHECK_EQUAL (got.n, 3);
    CHECK_STRING (got.infos[0].parent, "");
    CHECK (strcmp (got.infos[1].parent, "") == 0 || strcmp (got.infos[1].parent, A) == 0);
    CHECK_STRING (got.infos[2].parent, "");
    free (got.infos);
    end ();
}

TEST (a_raw_disk_that_cannot_share_blocks_is_named)
{
    struct snapshot_disk disk = {.path = "/dev/zero", .is_raw = true};
    struct snapshot_wish wish = {.folder = folder, .name = "x", .disks = &disk, .n_disks = 1};
    struct snapshot_info info;
    struct vmm_error error = {0};
    struct list got;

    begin ();
    CHECK (snapshot_take_off (&wish, &info, &error) < 0);
    CHECK_CONTAINS (error.message, "/dev/zero");
    CHECK_CONTAINS (error.message, "qcow2");
    got = list ();
    CHECK_EQUAL (got.n, 0);
    free (got.infos);
    CHECK (rmdir (folder) == 0); /* no trace */
}

/* A new qcow2 image of 1 MiB in the folder. */
static struct snapshot_disk
make_disk (char path[128], const char *name)
{
    struct blk_qcow2_options options = {.size = MIB};
    struct vmm_error error = {0};

    snprintf (path, 128, "%s/%s", folder, name);
    if (blk_create_qcow2 (path, &options, &error) < 0)
        tap_fail (__FILE__, __LINE__, "%s", error.message);
    return (struct snapshot_disk) {.path = path};
}

/* Writes @value to the first block, or (0) reads it. */
static uint8_t
access_disk (const struct snapshot_disk *disk, uint8_t value)
{
    struct blk_source source = {.path = disk->path, .format = BLK_FORMAT_QCOW2};
    static uint8_t block[512];
    struct iovec iov = {block, sizeof block};
    struct blk_request request = {
        .operation = value ? BLK_WRITE : BLK_READ, .length = 512, .iov = &iov, .n_iov = 1};
    struct vmm_error error = {0};
    struct vmm_loop *loop;
    struct blk *blk;

    memset (block, value, sizeof block);
    CHECK_EQUAL (vmm_loop_create (&loop), 0);
    CHECK_EQUAL (blk_open (&source, NULL, &blk, &error), 0);
    CHECK_EQUAL (blk_attach (blk, loop), 0);
    CHECK_EQUAL (blk_run (blk, loop, &request), 0);
    blk_close (blk);
    vmm_loop_destroy (loop);
    return block[0];
}

static size_t
count_inside (const struct snapshot_disk *disk)
{
    struct blk_source source = {.path = disk->path, .format = BLK_FORMAT_QCOW2};
    struct vmm_error error = {0};
    struct blk_snapshot *list;
    struct blk *blk;
    size_t n;

    CHECK_EQUAL (blk_open (&source, NULL, &blk, &error), 0);
    CHECK_EQUAL (blk_snapshot_list (blk, false, &list, &n, &error), 0);
    free (list);
    blk_close (blk);
    return n;
}

TEST (disks_go_back_together)
{
    char paths[2][128], path[128];
    struct snapshot_disk disks[2];
    struct snapshot_info first, second;
    struct vmm_error error = {0};
    struct snapshot_wish wish = {.folder = folder, .disks = disks, .n_disks = 2, .name = "x"};

    begin ();
    disks[0] = make_disk (paths[0], "a.qcow2");
    disks[1] = make_disk (paths[1], "b.qcow2");
    access_disk (&disks[0], 1);
    access_disk (&disks[1], 2);
    CHECK_EQUAL (snapshot_take_off (&wish, &first, &error), 0);
    access_disk (&disks[0], 3);
    access_disk (&disks[1], 4);
    CHECK_EQUAL (snapshot_take_off (&wish, &second, &error), 0);
    snprintf (path, sizeof path, "%s/%s", folder, first.id);
    CHECK_EQUAL (snapshot_restore_off (path, disks, 2, &error), 0);
    CHECK_EQUAL (access_disk (&disks[0], 0), 1);
    CHECK_EQUAL (access_disk (&disks[1], 0), 2);
    CHECK_EQUAL (count_inside (&disks[0]), 2);
    CHECK_EQUAL (snapshot_delete (folder, first.id, NULL, disks, 2, &error), 0);
    CHECK_EQUAL (count_inside (&disks[0]), 1);
    snprintf (path, sizeof path, "%s/%s", folder, second.id);
    CHECK_EQUAL (snapshot_restore_off (path, disks, 2, &error), 0);
    CHECK_EQUAL (access_disk (&disks[0], 0), 3);
    CHECK_EQUAL (access_disk (&disks[1], 0), 4);
    end ();
}

TEST (a_disk_that_fails_leaves_the_others_as_they_were)
{
    char paths[2][128], path[128];
    struct snapshot_disk disks[2];
    struct snapshot_info first, second;
    struct vmm_error error = {0};
    struct snapshot_wish wish = {.folder = folder, .disks = disks, .n_disks = 1, .name = "x"};
    struct list got;

    begin ();
    disks[0] = make_disk (paths[0], "a.qcow2");
    disks[1] = make_disk (paths[1], "b.qcow2");
    access_disk (&disks[0], 1);
    CHECK_EQUAL (snapshot_take_off (&wish, &first, &error), 0);
    access_disk (&disks[0], 3);
    snprintf (path, sizeof path, "%s/%s", folder, first.id);
    CHECK (snapshot_restore_off (path, disks, 2, &error) < 0); /* it had one */
    put (first.id, "metadata", "posada-snapshot 1\nname x\ndisks 2\nend\n");
    CHECK (snapshot_restore_off (path, disks, 2, &error) < 0); /* the other knows nothing of it */
    CHECK_EQUAL (access_disk (&disks[0], 0), 3);
    CHECK_EQUAL (count_inside (&disks[0]), 1);
    CHECK_EQUAL (count_inside (&disks[1]), 0);
    /* Taking fails as a whole, too. */
    CHECK_EQUAL (unlink (paths[1]), 0);
    wish.n_disks = 2;
    CHECK (snapshot_take_off (&wish, &second, &error) < 0);
    CHECK_CONTAINS (error.message, paths[1]);
    CHECK_EQUAL (count_inside (&disks[0]), 1);
    got = list ();
    CHECK_EQUAL (got.n, 1);
    free (got.infos);
    end ();
}

TEST (what_is_left_inside_disks_gets_cleaned)
{
    char path[128], gone[300];
    struct snapshot_disk disk;
    struct snapshot_info first, second;
    struct vmm_error error = {0};
    struct snapshot_wish wish = {.folder = folder, .disks = &disk, .n_disks = 1, .name = "x"};

    begin ();
    disk = make_disk (path, "a.qcow2");
    CHECK_EQUAL (snapshot_take_off (&wish, &first, &error), 0);
    CHECK_EQUAL (snapshot_take_off (&wish, &second, &error), 0);
    /* As if the power had gone when its RAM was being written. */
    snprintf (gone, sizeof gone, "%s/%s", folder, second.id);
    {
        char part[300];

        snprintf (part, sizeof part, "%s/.%s.part", folder, second.id);
        CHECK_EQUAL (rename (gone, part), 0);
    }
    snapshot_clean (folder, &disk, 1);
    CHECK_EQUAL (count_inside (&disk), 1);
    CHECK_EQUAL (snapshot_delete (folder, first.id, NULL, &disk, 1, &error), 0);
    CHECK_EQUAL (count_inside (&disk), 0);
    end ();
}

TAP_MAIN ()
