/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kernels that boot without firmware, on real KVM: each of the three entries, twice. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "hw/platform.h"
#include "kernel-maker.h"
#include "payload-host.h"
#include "tap.h"

#define CODE_SIZE  0x400
#define IMAGE_SIZE (KERNEL_CODE + CODE_SIZE)

static char kernel_path[] = "/tmp/posada-payload-kernel-XXXXXX";
static char initrd_path[] = "/tmp/posada-payload-initrd-XXXXXX";

static void
store (char *path, const void *data, size_t size)
{
    int fd = strstr (path, "XXXXXX") ? mkstemp (path) : open (path, O_WRONLY | O_TRUNC);

    if (fd < 0 || write (fd, data, size) != (ssize_t) size)
        abort ();
    close (fd);
}

__attribute__ ((destructor)) static void
remove_files (void)
{
    unlink (kernel_path);
    unlink (initrd_path);
}

static void
read_code (uint8_t *code)
{
    char path[512];
    int fd;

    snprintf (path, sizeof path, "%s/kernel.bin", getenv ("POSADA_PAYLOADS"));
    fd = open (path, O_RDONLY);
    if (fd < 0 || read (fd, code, CODE_SIZE) != CODE_SIZE)
        tap_fail (__FILE__, __LINE__, "%s cannot be read", path);
    close (fd);
}

/* Runs the kernel to its end, resets the machine and runs it again. */
static void
run_twice (const uint8_t image[IMAGE_SIZE])
{
    size_t n;
    const struct vmm_device_config *devices = posada_platform_devices (true, &n);
    struct payload *payload;

    store (kernel_path, image, IMAGE_SIZE);
    store (initrd_path, "inrd", 4);
    payload = payload_new (&(struct payload_options) {.kernel = kernel_path,
                                                      .initrd = initrd_path,
                                                      .cmdline = "payload",
                                                      .devices = devices,
                                                      .n_devices = n});
    vmm_start (payload->machine);
    for (int i = 0; i < 2; i++) {
        CHECK (payload_wait (payload, 20000));
        CHECK_EQUAL (atomic_load (&payload->code), 0);
        CHECK (payload_wait_state (payload, VMM_PAUSED, 5000));
        atomic_store (&payload->code, -1);
        vmm_reset (payload->machine);
        vmm_resume (payload->machine);
    }
    payload_free (payload);
}

TEST (linux_is_entered_in_64_bit_mode)
{
    uint8_t image[IMAGE_SIZE];

    make_linux_kernel (image, sizeof image);
    read_code (image + KERNEL_CODE);
    run_twice (image);
}

TEST (linux_is_entered_in_32_bit_mode)
{
    uint8_t image[IMAGE_SIZE];

    make_linux_kernel (image, sizeof image);
    store_le16 (image + 0x236, 0); /* no 64-bit entry */
    read_code (image + KERNEL_CODE);
    run_twice (image);
}

TEST (pvh_kernels_are_entered)
{
    uint8_t image[IMAGE_SIZE];

    make_pvh_kernel (image, sizeof image, true);
    store_le32 (image + KERNEL_PVH_ENTRY, KERNEL_PVH_BASE + 0x100);
    read_code (image + KERNEL_CODE);
    run_twice (image);
}

TAP_MAIN ()
