/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The devices that every machine has, in the order of their creation. What needs a back end is the
 * caller's to add behind them: i8042 (input), serial (character device), disks, displays. Constant
 * data, any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "engine/device.h"

/* @direct_boot: powered on as firmware would leave the chipset, for kernels that boot without one.
 */
const struct vmm_device_config *posada_platform_devices (bool direct_boot, size_t *ret_n);
