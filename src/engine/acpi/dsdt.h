/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The body of the DSDT: which devices there are that cannot be found otherwise. */
#pragma once

#include "engine/acpi/acpi.h"
#include "engine/acpi/aml.h"

/* Returns where the four bytes are that point to the generation's page, if there is one. */
size_t acpi_write_dsdt (const struct acpi_platform *platform, struct aml *aml);
