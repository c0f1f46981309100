/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The body of the DSDT: which devices there are that cannot be found otherwise. */
#pragma once

#include "engine/acpi/acpi.h"
#include "engine/acpi/aml.h"

void acpi_write_dsdt (const struct acpi_platform *platform, struct aml *aml);
