/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Firmware items and direct boot on a machine with real devices, but without KVM. */
#include "engine/firmware/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/util.h"
#include "engine/firmware/describe.h"
#include "engine/firmware/fw-cfg.h"
#include "engine/machine.h"
#include "engine/pci/pci.h"
#include "hw/platform.h"
#include "kernel-maker.h"
#include "tap.h"
#include "testbed.h"

#define KERNEL_SIZE 0x1000
#define INITRD_SIZE 5000

static char kernel_path[] = "/tmp/posada-boot-kernel-XXXXXX";
static char initrd_path[] = "/tmp/posada-boot-initrd-XXXXXX";

static void
store (const char *path, const void *data, size_t size)
{
    int fd = open (path, O_WRONLY | O_TRUNC);

    if (fd < 0 || write (fd, data, size) != (ssize_t) size)
        abort ();
    close (fd);
}

/* A bzImage of 3,072 bytes at 16 MiB that needs 1 MiB there, and an initrd of 0xDD. */
static void
store_images (void)
{
    uint8_t kernel[KERNEL_SIZE], initrd[INITRD_SIZE];

    make_linux_kernel (kernel, sizeof kernel);
    memset (kernel + KERNEL_CODE, 0xCC, sizeof kernel - KERNEL_CODE);
    memset (initrd, 0xDD, sizeof initrd);
    store (kernel_path, kernel, sizeof kernel);
    store (initrd_path, initrd, sizeof initrd);
}

__attribute__ ((constructor (101))) static void
make_files (void)
{
    close (mkstemp (kernel_path));
    close (mkstemp (initrd_path));
}

__attribute__ ((destructor)) static void
remove_files (void)
{
    unlink (kernel_path);
    unlink (initrd_path);
}

static struct testbed *
new_bed (bool direct_boot)
{
    static const struct vmm_value drives[] = {VMM_STRING ("port0", "cd"),
                                              VMM_STRING ("port2", "cd")};
    static const struct vmm_value second[] = {VMM_NUMBER ("port", 0x2F8), VMM_NUMBER ("irq", 3)};
    struct vmm_device_config devices[16];
    size_t n;
    const struct vmm_device_config *platform = posada_platform_devices (direct_boot, &n);

    memcpy (devices, platform, n * sizeof *platform);
    devices[n++] = (struct vmm_device_config) {.class_name = "serial", .id = "serial0"};
    devices[n++] = (struct vmm_device_config) {"serial", "serial1", second, ARRAY_LENGTH (second)};
    devices[n++] = (struct vmm_device_config) {"ahci", "ahci0", drives, ARRAY_LENGTH (drives)};
    devices[n++] = (struct vmm_device_config) {.class_name = "virtio-rng", .id = "rng0"};
    return testbed_new (devices, n);
}

static struct vmm_config
config (void)
{
    static const struct vmm_device_config devices[] = {{.class_name = "serial", .id = "serial0"}};

    return (struct vmm_config) {
        .cpus = 2, .memory = TESTBED_RAM, .devices = devices, .n_devices = ARRAY_LENGTH (devices)};
}

static const uint8_t *
file (struct testbed *bed, const char *name, size_t *ret_length)
{
    struct fw_cfg_store *fw_cfg = vmm_machine_fw_cfg (testbed_machine (bed));
    const uint8_t *data = NULL;
    uint16_t key;

    if (fw_cfg_find (fw_cfg, name, &key) < 0 || fw_cfg_select (fw_cfg, key, &data, ret_length) < 0)
        tap_fail (__FILE__, __LINE__, "there is no %s", name);
    return data;
}

TEST (firmware_is_told_counts_memory_and_order)
{
    static const char *const order[] = {"ahci0:2", "ahci0"};
    struct testbed *bed = new_bed (false);
    struct fw_cfg_store *fw_cfg = vmm_machine_fw_cfg (testbed_machine (bed));
    struct vmm_config description = config ();
    struct vmm_error error = {0};
    struct vmm_boot *boot;
    struct kvm_entry entry;
    const uint8_t *data;
    size_t length;
    int r;

    description.boot_order = order;
    description.n_boot_order = 2;
    r = vmm_boot_prepare (testbed_machine (bed), &description, &boot, &error);
    if (r == -ENOENT)
        SKIP ("SeaBIOS is not installed");
    CHECK_STRING (error.message, "");
    CHECK_EQUAL (fw_cfg_select (fw_cfg, FW_CFG_NB_CPUS, &data, &length), 0);
    CHECK_EQUAL (load_le16 (data), 2);
    CHECK_EQUAL (fw_cfg_select (fw_cfg, FW_CFG_MAX_CPUS, &data, &length), 0);
    CHECK_EQUAL (load_le16 (data), 2);
    /* There is a serial port, but no screen. */
    CHECK_EQUAL (fw_cfg_select (fw_cfg, FW_CFG_NOGRAPHIC, &data, &length), 0);
    CHECK_EQUAL (load_le16 (data), 1);
    data = file (bed, "etc/e820", &length);
    CHECK_EQUAL (length, 40);
    CHECK (load_le64 (data) == 0 && load_le64 (data + 8) == TESTBED_RAM && data[16] == 1);
    CHECK (load_le64 (data + 20) == 0xFEFFC000 && load_le64 (data + 28) == 0x4000 && data[36] == 2);
    CHECK_EQUAL (load_le16 (file (bed, "etc/boot-menu-wait", &length)), 0);
    data = file (bed, "bootorder", &length);
    CHECK_EQUAL (data[length - 1], 0);
    CHECK (strncmp ((const char *) data, "/pci@i0cf8/pci8086,2922@", 24) == 0);
    CHECK_CONTAINS ((const char *) data, "/drive@2/disk@0\n/pci@i0cf8");
    CHECK_CONTAINS ((const char *) data, "/drive@5/disk@0");
    CHECK_EQUAL (vmm_boot_load (boot, &entry, &error), 0);
    vmm_boot_destroy (boot);
    testbed_free (bed);
}

TEST (acpi_files_follow_the_ecam_window)
{
    struct testbed *bed = new_bed (false);
    struct vmm_config description = config ();
    struct pci_bus *pci = vmm_machine_pci (testbed_machine (bed));
    struct vmm_error error = {0};
    struct vmm_boot *boot;
    const uint8_t *tables, *mcfg;
    size_t size, length;

    if (vmm_boot_prepare (testbed_machine (bed), &description, &boot, &error) < 0)
        SKIP ("SeaBIOS is not installed");
    tables = file (bed, "etc/acpi/tables", &size);
    CHECK_EQUAL (size % 4096, 0);
    CHECK (!memmem (tables, size, "MCFG", 4));
    pci_bus_set_ecam (pci, 0xB0000000, 256 * MIB);
    CHECK_EQUAL (load_le32 (file (bed, "etc/table-loader", &length)), 1);
    tables = file (bed, "etc/acpi/tables", &length);
    CHECK_EQUAL (length, size);
    mcfg = memmem (tables, length, "MCFG", 4);
    CHECK (mcfg && load_le64 (mcfg + 44) == 0xB0000000);
    CHECK (memcmp (file (bed, "etc/acpi/rsdp", &length), "RSD PTR ", 8) == 0);
    vmm_boot_destroy (boot);
    testbed_free (bed);
}

TEST (boot_orders_of_strangers_are_refused)
{
    static const char *const unknown[] = {"ghost"}, *const drive[] = {"ahci0:6"},
                             *const rng[] = {"rng0"}, *const part[] = {"rng0:0"};
    static const struct {
        const char *const *order;
        const char *says;
    } cases[] = {
        {unknown, "“ghost”, which there is not"},
        {drive, "“ahci0:6”, which there is not"},
        {rng, "“rng0”, which cannot be booted"},
        {part, "“rng0:0”, which cannot be booted"},
    };
    struct testbed *bed = new_bed (false);

    for (size_t i = 0; i < ARRAY_LENGTH (cases); i++) {
        struct vmm_error error = {0};
        char *text;

        CHECK (firmware_boot_order (testbed_machine (bed), cases[i].order, 1, &text, &error) < 0);
        CHECK_CONTAINS (error.message, cases[i].says);
    }
    testbed_free (bed);
}

TEST (direct_boot_puts_everything_into_ram)
{
    struct testbed *bed = new_bed (true);
    struct vmm_config description = config ();
    struct vmm_error error = {0};
    struct kvm_entry entry = {.rip = 0};
    struct vmm_boot *boot;
    const uint8_t *params, *rsdp;
    uint64_t initrd = align_down (TESTBED_RAM - INITRD_SIZE, 4096);

    store_images ();
    description.kernel = kernel_path;
    description.initrd = initrd_path;
    description.cmdline = "console=ttyS0";
    CHECK_EQUAL (vmm_boot_prepare (testbed_machine (bed), &description, &boot, &error), 0);
    /* The files stay open: what becomes of their names does not matter. */
    CHECK_EQUAL (rename (kernel_path, "/tmp/posada-boot-renamed"), 0);
    for (int i = 0; i < 2; i++) {
        CHECK_EQUAL (vmm_boot_load (boot, &entry, &error), VMM_BOOT_DIRECT);
        CHECK (entry.long_mode);
        CHECK_EQUAL (entry.rip, 16 * MIB + 0x200);
        params = testbed_ram (bed, entry.rsi, 4096);
        CHECK_EQUAL (load_le32 (params + 0x218), initrd);
        CHECK_EQUAL (load_le32 (params + 0x21C), INITRD_SIZE);
        CHECK_STRING (testbed_ram (bed, load_le32 (params + 0x228), 14), "console=ttyS0");
        rsdp = testbed_ram (bed, load_le64 (params + 0x70), 36);
        CHECK (memcmp (rsdp, "RSD PTR ", 8) == 0);
        CHECK (memcmp (testbed_ram (bed, load_le64 (rsdp + 24), 4), "XSDT", 4) == 0);
        CHECK_EQUAL (*(uint8_t *) testbed_ram (bed, 16 * MIB, 1), 0xCC);
        CHECK_EQUAL (*(uint8_t *) testbed_ram (bed, initrd, 1), 0xDD);
        CHECK_EQUAL (*(uint8_t *) testbed_ram (bed, initrd + INITRD_SIZE - 1, 1), 0xDD);
        /* The first entry of each level, and the last page of 4 GiB. */
        CHECK_EQUAL (load_le64 (testbed_ram (bed, entry.cr3, 8)), entry.cr3 + 0x1003);
        CHECK_EQUAL (load_le64 (testbed_ram (bed, entry.cr3 + 0x2000, 8)), 0x83);
        CHECK_EQUAL (load_le64 (testbed_ram (bed, entry.cr3 + 0x5FF8, 8)), 0xFFE00083);
        CHECK_EQUAL (load_le64 (testbed_ram (bed, entry.gdt_base + 0x10, 8)), 0x00AF9B000000FFFF);
        /* SMBIOS lies where the guest sees RAM, not ROM. */
        CHECK_EQUAL (testbed_read (bed, 0xF0000, 4), load_le32 ("_SM_"));
        memset (testbed_ram (bed, 0, 0xA0000), 0x5A, 0xA0000);
        memset (testbed_ram (bed, 16 * MIB, MIB), 0x5A, MIB);
    }
    vmm_boot_destroy (boot);
    testbed_free (bed);
    CHECK_EQUAL (rename ("/tmp/posada-boot-renamed", kernel_path), 0);
}

TEST (a_kernel_that_shrank_fails_the_next_start)
{
    struct testbed *bed = new_bed (true);
    struct vmm_config description = config ();
    struct vmm_error error = {0};
    struct kvm_entry entry;
    struct vmm_boot *boot;

    store_images ();
    description.kernel = kernel_path;
    CHECK_EQUAL (vmm_boot_prepare (testbed_machine (bed), &description, &boot, &error), 0);
    CHECK_EQUAL (truncate (kernel_path, 0x800), 0);
    CHECK (vmm_boot_load (boot, &entry, &error) < 0);
    CHECK_CONTAINS (error.message, "is truncated");
    CHECK_CONTAINS (error.message, kernel_path);
    vmm_boot_destroy (boot);
    testbed_free (bed);
}

TEST (what_does_not_fit_is_refused)
{
    struct testbed *bed = new_bed (true);
    struct vmm_config description = config ();
    struct vmm_error error = {0};
    struct vmm_boot *boot;
    char cmdline[300];

    store_images ();
    description.kernel = kernel_path;
    memset (cmdline, 'x', sizeof cmdline);
    cmdline[256] = '\0';
    description.cmdline = cmdline;
    CHECK_EQUAL (vmm_boot_prepare (testbed_machine (bed), &description, &boot, &error), -E2BIG);
    CHECK_CONTAINS (error.message, "the command line of 256 bytes is longer than the 255");
    cmdline[255] = '\0';
    CHECK_EQUAL (vmm_boot_prepare (testbed_machine (bed), &description, &boot, &error), 0);
    vmm_boot_destroy (boot);
    description.initrd = initrd_path;
    CHECK_EQUAL (truncate (initrd_path, 48 * MIB), 0);
    CHECK_EQUAL (vmm_boot_prepare (testbed_machine (bed), &description, &boot, &error), -E2BIG);
    CHECK_CONTAINS (error.message, "does not fit beside the kernel");
    CHECK_EQUAL (truncate (initrd_path, 47 * MIB), 0);
    CHECK_EQUAL (vmm_boot_prepare (testbed_machine (bed), &description, &boot, &error), 0);
    vmm_boot_destroy (boot);
    CHECK_EQUAL (truncate (initrd_path, 0), 0);
    CHECK (vmm_boot_prepare (testbed_machine (bed), &description, &boot, &error) < 0);
    CHECK_CONTAINS (error.message, "is empty");
    testbed_free (bed);
}

TAP_MAIN ()
