/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/firmware/locate.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "tap.h"

static char directory[] = "/tmp/posada-locate-XXXXXX";

static void
remove_file (const char *name)
{
    char path[200];

    snprintf (path, sizeof path, "%s/%s", directory, name);
    unlink (path);
}

/* A sparse file of @size bytes that begins with @start. */
static void
make_file (const char *name, const char *start, off_t size)
{
    char path[200];
    int fd;

    snprintf (path, sizeof path, "%s/%s", directory, name);
    fd = open (path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write (fd, start, strlen (start)) < 0 || ftruncate (fd, size) < 0)
        abort ();
    close (fd);
}

static int
try_read (enum firmware_file file, const char *name, struct vmm_error *error)
{
    char path[200];
    uint8_t *data = NULL;
    size_t size;
    int r;

    snprintf (path, sizeof path, "%s/%s", directory, name);
    r = firmware_read (file, path, &data, &size, error);
    free (data);
    return r;
}

__attribute__ ((constructor (101))) static void
make_directory (void)
{
    if (!mkdtemp (directory))
        abort ();
}

__attribute__ ((destructor)) static void
remove_directory (void)
{
    rmdir (directory);
}

TEST (search_path_is_searched_in_order)
{
    char search[300], expected[200], *path;
    struct vmm_error error;

    make_file ("bios-256k.bin", "", 65536);
    snprintf (search, sizeof search, "/nonexistent::%s:/usr/share/seabios", directory);
    snprintf (expected, sizeof expected, "%s/bios-256k.bin", directory);
    CHECK_EQUAL (firmware_locate (FIRMWARE_BIOS, search, &path, &error), 0);
    CHECK_STRING (path, expected);
    free (path);
    remove_file ("bios-256k.bin");
}

TEST (absent_firmware_names_the_package_or_the_path)
{
    struct vmm_error error = {0};
    char *path;

    CHECK_EQUAL (firmware_locate (FIRMWARE_VGABIOS, "/nowhere:/else", &path, &error), -ENOENT);
    CHECK_CONTAINS (error.message, "/nowhere:/else");
    if (firmware_locate (FIRMWARE_BIOS, NULL, &path, &error) == 0)
        free (path);
    else
        CHECK_CONTAINS (error.message, "install the package “seabios”");
}

TEST (the_distributions_files_are_read)
{
    struct vmm_error error = {0};
    char *path;
    uint8_t *data;
    size_t size;

    if (firmware_locate (FIRMWARE_BIOS, NULL, &path, &error) < 0)
        SKIP ("SeaBIOS is not installed");
    CHECK_EQUAL (firmware_read (FIRMWARE_BIOS, path, &data, &size, &error), 0);
    CHECK_EQUAL (size, 256 * KIB);
    free (path);
    free (data);
    CHECK_EQUAL (firmware_locate (FIRMWARE_VGABIOS, "", &path, &error), 0);
    CHECK_EQUAL (firmware_read (FIRMWARE_VGABIOS, path, &data, &size, &error), 0);
    free (path);
    free (data);
}

TEST (impossible_images_are_refused_by_name)
{
    static const off_t sizes[] = {1, 65535, 65537, 100000, 17 << 20};
    struct vmm_error error = {0};

    for (size_t i = 0; i < ARRAY_LENGTH (sizes); i++) {
        make_file ("odd.bin", "", sizes[i]);
        CHECK_EQUAL (try_read (FIRMWARE_BIOS, "odd.bin", &error), -EINVAL);
        CHECK_CONTAINS (error.message, "odd.bin");
    }
    make_file ("odd.bin", "", 0);
    CHECK_EQUAL (try_read (FIRMWARE_BIOS, "odd.bin", &error), -ENODATA);
    CHECK_CONTAINS (error.message, "is empty");
    make_file ("odd.bin", "MZ", 4096);
    CHECK_EQUAL (try_read (FIRMWARE_VGABIOS, "odd.bin", &error), -EINVAL);
    CHECK_CONTAINS (error.message, "not a VGA BIOS");
    make_file ("odd.bin", "\x55\xAA", 4096);
    CHECK_EQUAL (try_read (FIRMWARE_VGABIOS, "odd.bin", &error), 0);
    remove_file ("odd.bin");
    CHECK_EQUAL (try_read (FIRMWARE_BIOS, "odd.bin", &error), -ENOENT);
    CHECK_EQUAL (try_read (FIRMWARE_BIOS, "", &error), -EISDIR);
    CHECK_CONTAINS (error.message, "is a directory");
    CHECK_EQUAL (firmware_read (FIRMWARE_BIOS, "/dev/null", NULL, NULL, &error), -EINVAL);
    CHECK_CONTAINS (error.message, "not a regular file");
}

TEST (a_fifo_is_refused_at_once)
{
    struct vmm_error error = {0};
    char path[200];

    snprintf (path, sizeof path, "%s/fifo", directory);
    CHECK_EQUAL (mkfifo (path, 0600), 0);
    CHECK_EQUAL (try_read (FIRMWARE_BIOS, "fifo", &error), -EINVAL);
    unlink (path);
}

TAP_MAIN ()
