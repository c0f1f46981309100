/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hw/device-table.h"

#include <stddef.h>

extern const struct vmm_device_class ahci_class;
extern const struct vmm_device_class debugcon_class;
extern const struct vmm_device_class fw_cfg_class;
extern const struct vmm_device_class i8042_class;
extern const struct vmm_device_class i8237_class;
extern const struct vmm_device_class ich9_lpc_class;
extern const struct vmm_device_class q35_host_class;
extern const struct vmm_device_class rtc_class;
extern const struct vmm_device_class serial_class;
extern const struct vmm_device_class vga_class;
extern const struct vmm_device_class virtio_balloon_class;
extern const struct vmm_device_class virtio_blk_class;
extern const struct vmm_device_class virtio_console_class;
extern const struct vmm_device_class virtio_keyboard_class;
extern const struct vmm_device_class virtio_mouse_class;
extern const struct vmm_device_class virtio_net_class;
extern const struct vmm_device_class virtio_rng_class;
extern const struct vmm_device_class virtio_tablet_class;
extern const struct vmm_device_class virtio_touch_class;
extern const struct vmm_device_class virtio_vga_class;
extern const struct vmm_device_class vmgenid_class;

/* One line each, so that classes come and go without touching their neighbours. */
/* clang-format off */
const struct vmm_device_class *const posada_device_classes[] = {
    &ahci_class,
    &debugcon_class,
    &fw_cfg_class,
    &i8042_class,
    &i8237_class,
    &ich9_lpc_class,
    &q35_host_class,
    &rtc_class,
    &serial_class,
    &vga_class,
    &virtio_balloon_class,
    &virtio_blk_class,
    &virtio_console_class,
    &virtio_keyboard_class,
    &virtio_mouse_class,
    &virtio_net_class,
    &virtio_rng_class,
    &virtio_tablet_class,
    &virtio_touch_class,
    &virtio_vga_class,
    &vmgenid_class,
    NULL,
};
/* clang-format on */
