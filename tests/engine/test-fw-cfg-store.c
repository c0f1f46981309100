/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/firmware/fw-cfg.h"

#include <errno.h>

#include "base/util.h"
#include "tap.h"

static struct fw_cfg_store *
new_store (void)
{
    struct fw_cfg_store *store;

    if (fw_cfg_store_create (&store) < 0)
        abort ();
    return store;
}

TEST (items_are_copied_and_replaced)
{
    struct fw_cfg_store *store = new_store ();
    char text[] = "first";
    const uint8_t *data;
    size_t length;

    CHECK_EQUAL (fw_cfg_add_item (store, FW_CFG_UUID, text, 5, NULL), 0);
    text[0] = 'x';
    CHECK_EQUAL (fw_cfg_select (store, FW_CFG_UUID, &data, &length), 0);
    CHECK (length == 5 && memcmp (data, "first", 5) == 0);
    CHECK_EQUAL (fw_cfg_add_item (store, FW_CFG_UUID, "second", 6, NULL), 0);
    CHECK_EQUAL (fw_cfg_select (store, FW_CFG_UUID, &data, &length), 0);
    CHECK (length == 6 && memcmp (data, "second", 6) == 0);
    fw_cfg_store_destroy (store);
}

TEST (absent_keys_are_reported)
{
    struct fw_cfg_store *store = new_store ();
    const uint8_t *data;
    size_t length;

    CHECK_EQUAL (fw_cfg_select (store, FW_CFG_NB_CPUS, &data, &length), -ENOENT);
    CHECK_EQUAL (fw_cfg_select (store, 0x20, &data, &length), -ENOENT);
    CHECK_EQUAL (fw_cfg_select (store, 0xFFFF, &data, &length), -ENOENT);
    fw_cfg_store_destroy (store);
}

TEST (directory_lists_files_in_big_endian)
{
    struct fw_cfg_store *store = new_store ();
    const uint8_t *data;
    size_t length;
    uint16_t key;

    CHECK_EQUAL (fw_cfg_add_file (store, "etc/one", "abc", 3, NULL), 0);
    CHECK_EQUAL (fw_cfg_add_file (store, "etc/two", NULL, 0, NULL), 0);
    CHECK_EQUAL (fw_cfg_add_file (store, "etc/one", "abcd", 4, NULL), 0);
    CHECK_EQUAL (fw_cfg_select (store, FW_CFG_FILE_DIR, &data, &length), 0);
    CHECK_EQUAL (length, 4 + 2 * 64);
    CHECK_EQUAL (load_be32 (data), 2);
    CHECK_EQUAL (load_be32 (data + 4), 4);
    CHECK_EQUAL (load_be16 (data + 8), 0x20);
    CHECK_EQUAL (load_be16 (data + 10), 0);
    CHECK_STRING ((const char *) data + 12, "etc/one");
    CHECK_EQUAL (load_be16 (data + 64 + 8), 0x21);
    CHECK_STRING ((const char *) data + 64 + 12, "etc/two");
    CHECK_EQUAL (fw_cfg_find (store, "etc/two", &key), 0);
    CHECK_EQUAL (key, 0x21);
    CHECK_EQUAL (fw_cfg_find (store, "etc/three", &key), -ENOENT);
    fw_cfg_store_destroy (store);
}

TEST (long_names_and_crowds_are_refused)
{
    struct fw_cfg_store *store = new_store ();
    struct vmm_error error;
    char name[80];
    int result = 0, count = 0;

    memset (name, 'n', sizeof name);
    name[56] = 0;
    CHECK_EQUAL (fw_cfg_add_file (store, name, "", 0, &error), -ENAMETOOLONG);
    CHECK_CONTAINS (error.message, name);
    name[55] = 0;
    CHECK_EQUAL (fw_cfg_add_file (store, name, "", 0, &error), 0);
    while (result == 0 && count < 1000) {
        snprintf (name, sizeof name, "file%d", count++);
        result = fw_cfg_add_file (store, name, "x", 1, &error);
    }
    CHECK_EQUAL (result, -ENOSPC);
    CHECK_EQUAL (fw_cfg_add_file (store, "big", "", FW_CFG_MAX_LENGTH + 1, &error), -E2BIG);
    fw_cfg_store_destroy (store);
}

struct rebuilder {
    struct fw_cfg_store *store;
    unsigned runs;
};

static void
rebuild_cb (void *data)
{
    struct rebuilder *rebuilder = data;

    rebuilder->runs++;
    fw_cfg_set_contents (rebuilder->store, "dynamic", rebuilder->runs == 1 ? "too long" : "s",
                         rebuilder->runs == 1 ? 8 : 1);
    fw_cfg_set_contents (rebuilder->store, "sibling", "S", 1);
}

TEST (dynamic_files_are_rebuilt_on_select_only)
{
    struct rebuilder rebuilder = {.store = new_store ()};
    const uint8_t *data;
    size_t length;

    CHECK_EQUAL (fw_cfg_add_dynamic (rebuilder.store, "dynamic", 4, rebuild_cb, &rebuilder, NULL),
                 0);
    CHECK_EQUAL (fw_cfg_add_file (rebuilder.store, "sibling", "...", 3, NULL), 0);
    CHECK_EQUAL (fw_cfg_peek (rebuilder.store, 0x20, &data, &length), 0);
    CHECK_EQUAL (rebuilder.runs, 0);
    CHECK (length == 4 && memcmp (data, "\0\0\0\0", 4) == 0);
    CHECK_EQUAL (fw_cfg_select (rebuilder.store, 0x20, &data, &length), 0);
    CHECK (length == 4 && memcmp (data, "too ", 4) == 0);
    CHECK_EQUAL (fw_cfg_select (rebuilder.store, 0x20, &data, &length), 0);
    CHECK (length == 4 && memcmp (data, "s\0\0\0", 4) == 0);
    CHECK_EQUAL (fw_cfg_select (rebuilder.store, 0x21, &data, &length), 0);
    CHECK (length == 3 && memcmp (data, "S\0\0", 3) == 0);
    CHECK_EQUAL (rebuilder.runs, 2);
    CHECK_EQUAL (fw_cfg_set_contents (rebuilder.store, "nowhere", "x", 1), -ENOENT);
    fw_cfg_store_destroy (rebuilder.store);
}

static void
written_cb (void *data, const uint8_t *contents, size_t length)
{
    memcpy (data, contents, length);
}

TEST (only_writable_files_are_written_and_only_inside)
{
    struct fw_cfg_store *store = new_store ();
    char seen[8] = "";
    uint16_t key;

    CHECK_EQUAL (fw_cfg_add_file (store, "fixed", "abc", 3, NULL), 0);
    CHECK_EQUAL (fw_cfg_add_writable (store, "address", 8, written_cb, seen, NULL), 0);
    CHECK_EQUAL (fw_cfg_find (store, "address", &key), 0);
    CHECK_EQUAL (fw_cfg_write (store, 0x20, 0, "x", 1), -EACCES);
    CHECK_EQUAL (fw_cfg_write (store, 0x99, 0, "x", 1), -ENOENT);
    CHECK_EQUAL (fw_cfg_write (store, key, 6, "xyz", 3), -ERANGE);
    CHECK_EQUAL (fw_cfg_write (store, key, SIZE_MAX, "xyz", 3), -ERANGE);
    CHECK_EQUAL (fw_cfg_write (store, key, 5, "xyz", 3), 0);
    CHECK (memcmp (seen, "\0\0\0\0\0xyz", 8) == 0);
    fw_cfg_store_destroy (store);
}

TAP_MAIN ()
