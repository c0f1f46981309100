/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hw/device-table.h"

#include <stddef.h>

const struct vmm_device_class *const posada_device_classes[] = {
    NULL,
};
