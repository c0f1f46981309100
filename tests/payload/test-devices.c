/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The platform's devices as a guest on real KVM finds them. */
#include "base/util.h"
#include "payload-host.h"
#include "tap.h"

static const struct vmm_device_config devices[] = {
    {.class_name = "q35-host", .id = "host"}, {.class_name = "ich9-lpc", .id = "lpc"},
    {.class_name = "i8237", .id = "dma"},     {.class_name = "rtc", .id = "rtc"},
    {.class_name = "fw-cfg", .id = "fw-cfg"}, {.class_name = "serial", .id = "serial0"},
    {.class_name = "ahci", .id = "sata"},     {.class_name = "virtio-rng", .id = "rng"},
};

static void
run_rom (const char *rom)
{
    payload_run (&(struct payload_options) {
        .rom = rom, .devices = devices, .n_devices = ARRAY_LENGTH (devices)});
}

TEST (pci_functions_are_found_sized_and_moved)
{
    run_rom ("pci.rom");
}

TEST (virtio_queue_works_through_doorbell_and_msix)
{
    run_rom ("msix.rom");
}

TEST (fw_cfg_clock_uart_and_pm_timer_answer)
{
    run_rom ("legacy.rom");
}

TAP_MAIN ()
