/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/firmware/locate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/firmware/image-file.h"

static const struct {
    const char *name;
    const char *role;
    size_t minimum, step, maximum; /* of the size in bytes */
} files[] = {
    [FIRMWARE_BIOS] = {"bios-256k.bin", "firmware", FIRMWARE_BIOS_STEP, FIRMWARE_BIOS_STEP,
                       FIRMWARE_BIOS_MAX},
    [FIRMWARE_VGABIOS] = {"vgabios-stdvga.bin", "VGA BIOS", 1024, FIRMWARE_VGABIOS_STEP,
                          FIRMWARE_VGABIOS_MAX},
    [FIRMWARE_VGABIOS_VIRTIO] = {"vgabios-virtio.bin", "VGA BIOS", 1024, FIRMWARE_VGABIOS_STEP,
                                 FIRMWARE_VGABIOS_MAX},
};

/* Debian and Ubuntu; Fedora (BIOS, VGA BIOS); Arch and openSUSE; builds from source. */
static const char distribution_path[] = "/usr/share/seabios:/usr/share/seavgabios:"
                                        "/usr/share/qemu:/usr/share/qemu-kvm:"
                                        "/usr/local/share/seabios:/usr/local/share/qemu";

/* The first of the colon-separated directories that has @name, or NULL; errno tells why. */
static char *
find_in (const char *directories, const char *name)
{
    errno = ENOENT;
    for (const char *at = directories; *at; at += *at == ':') {
        size_t length = strcspn (at, ":");
        char *path;

        if (length > 0) {
            if (asprintf (&path, "%.*s/%s", (int) MIN_OF (length, 4000u), at, name) < 0) {
                errno = ENOMEM;
                return NULL;
            }
            if (access (path, F_OK) == 0)
                return path;
            free (path);
            errno = ENOENT;
        }
        at += length;
    }
    return NULL;
}

int
firmware_locate (enum firmware_file file, const char *search_path, char **ret_path,
                 struct vmm_error *error)
{
    bool is_given = search_path && *search_path;
    char *path = find_in (is_given ? search_path : distribution_path, files[file].name);

    if (path) {
        *ret_path = path;
        return 0;
    }
    if (errno == ENOMEM)
        return vmm_error_set (error, -ENOMEM, "out of memory");
    if (is_given)
        return vmm_error_set (error, -ENOENT, "the %s %s is in none of the directories of “%s”",
                              files[file].role, files[file].name, search_path);
    return vmm_error_set (error, -ENOENT,
                          "the %s %s is not installed: install the package “seabios” (Fedora: "
                          "“seabios-bin” and “seavgabios-bin”)",
                          files[file].role, files[file].name);
}

int
firmware_read (enum firmware_file file, const char *path, uint8_t **ret_data, size_t *ret_size,
               struct vmm_error *error)
{
    AUTO_FREE uint8_t *data = NULL;
    struct image_file image;
    int r = image_file_open (&image, files[file].role, path, error);

    if (r >= 0 && (image.size < files[file].minimum || image.size > files[file].maximum ||
                   image.size % files[file].step != 0))
        r = vmm_error_set (error, -EINVAL,
                           "“%s” cannot be a %s: it has %llu bytes instead of a multiple of %zu "
                           "from %zu to %zu",
                           path, file == FIRMWARE_BIOS ? "BIOS" : "VGA BIOS",
                           (unsigned long long) image.size, files[file].step, files[file].minimum,
                           files[file].maximum);
    if (r >= 0) {
        data = malloc (image.size);
        if (!data)
            r = vmm_error_set (error, -ENOMEM, "out of memory for the %s “%s”", files[file].role,
                               path);
    }
    if (r >= 0)
        r = image_file_read (&image, 0, data, image.size, error);
    image_file_close (&image);
    if (r < 0)
        return r;
    if (file != FIRMWARE_BIOS && load_le16 (data) != 0xAA55)
        return vmm_error_set (error, -EINVAL, "“%s” is not a VGA BIOS: it has no ROM signature",
                              path);
    *ret_size = image.size;
    *ret_data = STEAL_PTR (data);
    return 0;
}
