/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the firmware is told: numbered items and named files, served to the guest by the fw-cfg
 * device. Anyone building the machine may add to it before the first start; items with a refresh
 * hook are rebuilt whenever the guest selects them (ACPI tables depend on where the firmware put
 * PCIEXBAR and the BARs).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct fw_cfg_store;

#define FW_CFG_MAX_LENGTH (16u << 20) /* of one item */

/* Keys of unnamed items. */
enum fw_cfg_key {
    FW_CFG_SIGNATURE = 0x00,
    FW_CFG_ID = 0x01,
    FW_CFG_UUID = 0x02,
    FW_CFG_RAM_SIZE = 0x03,
    FW_CFG_NOGRAPHIC = 0x04,
    FW_CFG_NB_CPUS = 0x05,
    FW_CFG_BOOT_MENU = 0x0e,
    FW_CFG_MAX_CPUS = 0x0f,
    FW_CFG_FILE_DIR = 0x19,
};

/*
 * Virtual Machine Generation ID (Microsoft, 2012): 16 bytes in a page of reserved RAM that is
 * nothing else's, where firmware or acpi_place ()'s caller puts it, and the general-purpose event
 * that says that they have changed.
 */
#define ACPI_GENERATION_EVENT  5
#define ACPI_GENERATION_OFFSET 40 /* firmware takes what a page begins with for tables */
#define ACPI_GENERATION_PAGE   4096
#define ACPI_GENERATION_AT     0x9E000 /* of kernels that boot without firmware */

/* The generation's page, and where firmware writes 8 bytes that say where it put that. */
#define ACPI_GENERATION_FILE    "etc/vmgenid_guid"
#define ACPI_GENERATION_ADDRESS "etc/vmgenid_addr"

int fw_cfg_store_create (struct fw_cfg_store **ret_store);
void fw_cfg_store_destroy (struct fw_cfg_store *store);

/*
 * Both copy @data and replace what was there. -ENOMEM, -ENOSPC (too many files), -ENAMETOOLONG
 * (more than 55 bytes), -E2BIG (more than FW_CFG_MAX_LENGTH bytes).
 */
int fw_cfg_add_item (struct fw_cfg_store *store, uint16_t key, const void *data, size_t length,
                     struct vmm_error *error);
int fw_cfg_add_file (struct fw_cfg_store *store, const char *name, const void *data, size_t length,
                     struct vmm_error *error);
/*
 * A file whose contents are made by @rebuild when the guest selects it (on a vCPU or I/O thread,
 * with the fw-cfg device's lock held): it calls fw_cfg_set_contents () for this and any sibling
 * file. The size announced in the directory is
 * @length, fixed; contents are cut or padded with zeroes to it.
 */
int fw_cfg_add_dynamic (struct fw_cfg_store *store, const char *name, size_t length,
                        void (*rebuild) (void *data), void *data, struct vmm_error *error);
int
fw_cfg_set_contents (struct fw_cfg_store *store, const char *name, const void *data, size_t length);

/*
 * A file of @length bytes, zeroes at first, that the guest may write (by DMA). After each write
 * @written is told the whole contents, on a vCPU thread with the fw-cfg device's lock held.
 */
int fw_cfg_add_writable (struct fw_cfg_store *store, const char *name, size_t length,
                         void (*written) (void *data, const uint8_t *contents, size_t length),
                         void *data, struct vmm_error *error);

/*
 * For the device. select rebuilds dynamic files, peek does not; both give -ENOENT for absent keys.
 * The bytes stay valid until the next add or set. write gives -EACCES for what is not writable,
 * -ERANGE past its end.
 */
int fw_cfg_select (struct fw_cfg_store *store, uint16_t key, const uint8_t **ret_data,
                   size_t *ret_length);
int fw_cfg_peek (struct fw_cfg_store *store, uint16_t key, const uint8_t **ret_data,
                 size_t *ret_length);
int fw_cfg_write (struct fw_cfg_store *store, uint16_t key, size_t offset, const void *data,
                  size_t length);

/* The key of a named file; -ENOENT. */
int fw_cfg_find (struct fw_cfg_store *store, const char *name, uint16_t *ret_key);
