/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hw/platform.h"

#include "base/util.h"

static const struct vmm_value preset[] = {
    VMM_BOOL ("preset", true),
};

static const struct vmm_device_config firmware_boot[] = {
    {.class_name = "q35-host", .id = "host"}, {.class_name = "ich9-lpc", .id = "lpc"},
    {.class_name = "i8237", .id = "dma"},     {.class_name = "rtc", .id = "rtc"},
    {.class_name = "fw-cfg", .id = "fw-cfg"}, {.class_name = "vmgenid", .id = "vmgenid"},
};

static const struct vmm_device_config kernel_boot[] = {
    {.class_name = "q35-host", .id = "host", .values = preset, .n_values = ARRAY_LENGTH (preset)},
    {.class_name = "ich9-lpc", .id = "lpc", .values = preset, .n_values = ARRAY_LENGTH (preset)},
    {.class_name = "i8237", .id = "dma"},
    {.class_name = "rtc", .id = "rtc"},
    {.class_name = "fw-cfg", .id = "fw-cfg"},
    {.class_name = "vmgenid", .id = "vmgenid", .values = preset, .n_values = ARRAY_LENGTH (preset)},
};

const struct vmm_device_config *
posada_platform_devices (bool direct_boot, size_t *ret_n)
{
    *ret_n = direct_boot ? ARRAY_LENGTH (kernel_boot) : ARRAY_LENGTH (firmware_boot);
    return direct_boot ? kernel_boot : firmware_boot;
}
