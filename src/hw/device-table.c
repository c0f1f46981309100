/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hw/device-table.h"

#include <stddef.h>

extern const struct vmm_device_class fw_cfg_class;
extern const struct vmm_device_class virtio_rng_class;

const struct vmm_device_class *const posada_device_classes[] = {
    &fw_cfg_class,
    &virtio_rng_class,
    NULL,
};
