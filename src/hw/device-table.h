/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every device class there is, for struct vmm_config.classes. Constant data, any thread.
 */
#pragma once

#include "engine/device.h"

extern const struct vmm_device_class *const posada_device_classes[]; /* NULL-terminated */
