/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What tests of the wizard share: a folder with a store and files in it, made by the tools that
 * people make such files with; waiting; and rows by their titles. Missing tools are a skip.
 */
#pragma once

#include <adwaita.h>

#include "store/posada-store.h"
#include "wizard/posada-draft.h"

struct place {
    char *folder;
    PosadaStore *store;
};

struct place place_new (void);
/* Also checks that nothing is left in the store that no machine has. */
void place_free (struct place *self);
/* Each returns the file's path, to be freed. */
char *place_write (const struct place *self, const char *name, const void *data, gsize length);
/* An ISO of @volume. @boot: with an El Torito catalog for a BIOS. */
char *
place_make_iso (const struct place *self, const char *name, const char *volume, gboolean boot);
/* A file with a kernel's header. */
char *place_make_kernel (const struct place *self, const char *name);
/* In the format that qemu-img calls so. */
char *place_make_image (const struct place *self, const char *name, const char *format);
/* How many files of the store belong to no machine: half-made ones. */
guint place_count_remains (const struct place *self);

PosadaDraft *place_draft (const struct place *self, const char *const *names);
void draft_choose (PosadaDraft *draft, const char *path, PosadaMediumKind kind);

/* A host with 8 GiB of memory, 6 of them free, 100 GiB of space and 4 CPUs. */
extern const PosadaCapacity some_host;

void wait_until (gboolean (*check) (gpointer data), gpointer data);
void settle (guint ms);
