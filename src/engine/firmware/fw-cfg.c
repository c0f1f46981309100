/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/firmware/fw-cfg.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"

#define FILE_FIRST_KEY 0x20
#define MAX_FILES      128
#define MAX_ITEMS      32
#define NAME_SIZE      56 /* with its NUL */

/* Directory: be32 number of files, then for each be32 size, be16 key, be16 0, name. */
#define DIRECTORY_HEADER 4
#define DIRECTORY_ENTRY  (8 + NAME_SIZE)

struct entry {
    uint16_t key;
    char name[NAME_SIZE]; /* empty for unnamed items */
    uint8_t *data;
    size_t length;
    void (*rebuild) (void *data);
    void (*written) (void *data, const uint8_t *contents, size_t length);
    void *callback_data;
};

struct fw_cfg_store {
    struct entry items[MAX_ITEMS];
    size_t n_items;
    struct entry files[MAX_FILES]; /* files[n] has key FILE_FIRST_KEY + n */
    size_t n_files;
    uint8_t directory[DIRECTORY_HEADER + MAX_FILES * DIRECTORY_ENTRY];
};

int
fw_cfg_store_create (struct fw_cfg_store **ret_store)
{
    struct fw_cfg_store *self = calloc (1, sizeof *self);

    if (!self)
        return -ENOMEM;
    *ret_store = self;
    return 0;
}

void
fw_cfg_store_destroy (struct fw_cfg_store *self)
{
    if (!self)
        return;
    for (size_t i = 0; i < self->n_items; i++)
        free (self->items[i].data);
    for (size_t i = 0; i < self->n_files; i++)
        free (self->files[i].data);
    free (self);
}

static struct entry *
find_key (struct fw_cfg_store *self, uint16_t key)
{
    if (key >= FILE_FIRST_KEY && key - FILE_FIRST_KEY < (int) self->n_files)
        return &self->files[key - FILE_FIRST_KEY];
    for (size_t i = 0; i < self->n_items; i++)
        if (self->items[i].key == key)
            return &self->items[i];
    return NULL;
}

static struct entry *
find_name (struct fw_cfg_store *self, const char *name)
{
    for (size_t i = 0; i < self->n_files; i++)
        if (strcmp (self->files[i].name, name) == 0)
            return &self->files[i];
    return NULL;
}

/* Gives @entry a copy of @data, or @length zeroes without it. */
static int
set_data (struct entry *entry, const void *data, size_t length)
{
    uint8_t *copy = calloc (1, length ? length : 1);

    if (!copy)
        return -ENOMEM;
    if (data && length)
        memcpy (copy, data, length);
    free (entry->data);
    entry->data = copy;
    entry->length = length;
    entry->rebuild = NULL;
    entry->written = NULL;
    entry->callback_data = NULL;
    return 0;
}

int
fw_cfg_add_item (struct fw_cfg_store *self, uint16_t key, const void *data, size_t length,
                 struct vmm_error *error)
{
    struct entry *entry = find_key (self, key);

    if (length > FW_CFG_MAX_LENGTH)
        return vmm_error_set (error, -E2BIG, "the firmware item %#x of %zu bytes is too big", key,
                              length);
    if (!entry && self->n_items == MAX_ITEMS)
        return vmm_error_set (error, -ENOSPC, "there is no room for firmware item %#x", key);
    if (!entry)
        entry = &self->items[self->n_items];
    if (set_data (entry, data, length) < 0)
        return vmm_error_set (error, -ENOMEM, "out of memory for firmware item %#x", key);
    if (entry == &self->items[self->n_items]) {
        entry->key = key;
        self->n_items++;
    }
    return 0;
}

static void
describe_file (struct fw_cfg_store *self, const struct entry *entry)
{
    uint8_t *line = self->directory + DIRECTORY_HEADER +
                    (size_t) (entry->key - FILE_FIRST_KEY) * DIRECTORY_ENTRY;

    store_be32 (line, (uint32_t) entry->length);
    store_be16 (line + 4, entry->key);
    memcpy (line + 8, entry->name, NAME_SIZE);
    store_be32 (self->directory, (uint32_t) self->n_files);
}

static int
add_file (struct fw_cfg_store *self, const char *name, const void *data, size_t length,
          struct entry **ret_entry, struct vmm_error *error)
{
    struct entry *entry = find_name (self, name);
    size_t name_length = strlen (name);

    if (name_length >= NAME_SIZE)
        return vmm_error_set (error, -ENAMETOOLONG,
                              "the name of the firmware file “%s” is too long", name);
    if (length > FW_CFG_MAX_LENGTH)
        return vmm_error_set (error, -E2BIG, "the firmware file “%s” of %zu bytes is too big", name,
                              length);
    if (!entry && self->n_files == MAX_FILES)
        return vmm_error_set (error, -ENOSPC, "there is no room for firmware file “%s”", name);
    if (!entry)
        entry = &self->files[self->n_files];
    if (set_data (entry, data, length) < 0)
        return vmm_error_set (error, -ENOMEM, "out of memory for firmware file “%s”", name);
    if (entry == &self->files[self->n_files]) {
        entry->key = (uint16_t) (FILE_FIRST_KEY + self->n_files);
        memcpy (entry->name, name, name_length + 1);
        self->n_files++;
    }
    describe_file (self, entry);
    *ret_entry = entry;
    return 0;
}

int
fw_cfg_add_file (struct fw_cfg_store *self, const char *name, const void *data, size_t length,
                 struct vmm_error *error)
{
    struct entry *entry;

    return add_file (self, name, data, length, &entry, error);
}

int
fw_cfg_add_dynamic (struct fw_cfg_store *self, const char *name, size_t length,
                    void (*rebuild) (void *data), void *data, struct vmm_error *error)
{
    struct entry *entry;
    int result = add_file (self, name, NULL, length, &entry, error);

    if (result < 0)
        return result;
    entry->rebuild = rebuild;
    entry->callback_data = data;
    return 0;
}

int
fw_cfg_add_writable (struct fw_cfg_store *self, const char *name, size_t length,
                     void (*written) (void *data, const uint8_t *contents, size_t length),
                     void *data, struct vmm_error *error)
{
    struct entry *entry;
    int result = add_file (self, name, NULL, length, &entry, error);

    if (result < 0)
        return result;
    entry->written = written;
    entry->callback_data = data;
    return 0;
}

int
fw_cfg_set_contents (struct fw_cfg_store *self, const char *name, const void *data, size_t length)
{
    struct entry *entry = find_name (self, name);
    size_t used;

    if (!entry)
        return -ENOENT;
    used = MIN_OF (length, entry->length);
    if (used)
        memcpy (entry->data, data, used);
    memset (entry->data + used, 0, entry->length - used);
    return 0;
}

int
fw_cfg_peek (struct fw_cfg_store *self, uint16_t key, const uint8_t **ret_data, size_t *ret_length)
{
    const struct entry *entry = find_key (self, key);

    if (entry) {
        *ret_data = entry->data;
        *ret_length = entry->length;
    } else if (key == FW_CFG_FILE_DIR) {
        *ret_data = self->directory;
        *ret_length = DIRECTORY_HEADER + self->n_files * DIRECTORY_ENTRY;
    } else {
        return -ENOENT;
    }
    return 0;
}

int
fw_cfg_select (struct fw_cfg_store *self, uint16_t key, const uint8_t **ret_data,
               size_t *ret_length)
{
    const struct entry *entry = find_key (self, key);

    if (entry && entry->rebuild)
        entry->rebuild (entry->callback_data);
    return fw_cfg_peek (self, key, ret_data, ret_length);
}

int
fw_cfg_write (struct fw_cfg_store *self, uint16_t key, size_t offset, const void *data,
              size_t length)
{
    struct entry *entry = find_key (self, key);

    if (!entry)
        return -ENOENT;
    if (!entry->written)
        return -EACCES;
    if (!range_fits (offset, length, entry->length))
        return -ERANGE;
    memcpy (entry->data + offset, data, length);
    entry->written (entry->callback_data, entry->data, entry->length);
    return 0;
}

int
fw_cfg_find (struct fw_cfg_store *self, const char *name, uint16_t *ret_key)
{
    const struct entry *entry = find_name (self, name);

    if (!entry)
        return -ENOENT;
    *ret_key = entry->key;
    return 0;
}
