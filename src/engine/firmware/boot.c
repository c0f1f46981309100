/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/firmware/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/machine.h"
#include "engine/memory-internal.h"

#define MAX_ROM (16 * MIB)

struct vmm_boot {
    struct vmm_machine *machine;
};

static int
load_rom (struct vmm_machine *machine, const char *path, struct vmm_error *error)
{
    AUTO_FREE uint8_t *image = NULL;
    AUTO_FD fd = open (path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    size_t done = 0;

    if (fd < 0 || fstat (fd, &status) < 0)
        return vmm_error_set_errno (error, -errno, "the firmware %s cannot be opened", path);
    if (!S_ISREG (status.st_mode) || status.st_size < (off_t) (64 * KIB) ||
        status.st_size > (off_t) MAX_ROM || status.st_size % (off_t) (64 * KIB) != 0)
        return vmm_error_set (
            error, -EINVAL, "the firmware %s is no image of a whole number of 64 KiB blocks", path);
    image = malloc ((size_t) status.st_size);
    if (!image)
        return vmm_error_set (error, -ENOMEM, "out of memory for the firmware %s", path);
    while (done < (size_t) status.st_size) {
        ssize_t n = read (fd, image + done, (size_t) status.st_size - done);

        if (n <= 0)
            return vmm_error_set_errno (error, n < 0 ? -errno : -EIO,
                                        "the firmware %s cannot be read", path);
        done += (size_t) n;
    }
    return vmm_memory_set_rom (vmm_machine_memory (machine), image, done, error);
}

int
vmm_boot_prepare (struct vmm_machine *machine, const struct vmm_config *config,
                  struct vmm_boot **ret_boot, struct vmm_error *error)
{
    struct vmm_boot *boot = calloc (1, sizeof *boot);
    int r = 0;

    if (!boot)
        return vmm_error_set (error, -ENOMEM, "out of memory");
    boot->machine = machine;
    if (config->firmware_path)
        r = load_rom (machine, config->firmware_path, error);
    if (r < 0) {
        vmm_boot_destroy (boot);
        return r;
    }
    *ret_boot = boot;
    return 0;
}

void
vmm_boot_destroy (struct vmm_boot *boot)
{
    free (boot);
}

int
vmm_boot_load (struct vmm_boot *boot, struct kvm_entry *ret_entry, struct vmm_error *error)
{
    return 0;
}
