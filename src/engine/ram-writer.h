/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes a moment of guest RAM, and a few bytes beside it, to files while the guest runs on: a
 * child process, made by duplicating this one's page tables, sees the memory as it was, and what
 * the guest writes from then on is copied page by page by the kernel. The child only writes; it
 * ends by itself, or when this process or the thread that began it does.
 *
 * One thread, the same for all functions; the guest must stand still in ram_writer_begin ().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/state.h"
#include "engine/guest-memory.h"

struct ram_writer;

/*
 * @ram_fd and @state_fd are empty regular files, not needed any more once this returns. RAM's file
 * is as long as RAM, with holes for zeroes; both are on stable storage when the child has ended
 * well. What @state borrows the child sees as it is now, too, and nothing of it is copied.
 */
int ram_writer_begin (struct vmm_memory *memory, int ram_fd, int state_fd,
                      const struct vmm_state_writer *state, struct ram_writer **ret_writer,
                      struct vmm_error *error);
/* Ends the child if it has not. NULL is fine. */
void ram_writer_destroy (struct ram_writer *writer);

/* Readable once the child has ended. */
int ram_writer_fd (const struct ram_writer *writer);
/* The child has ended: 0, or what it could not do. */
int ram_writer_finish (struct ram_writer *writer, struct vmm_error *error);

/* A page that outlives nobody: bytes of RAM looked at so far. Any thread, while it is not
 * destroyed. */
uint64_t ram_writer_done (const struct ram_writer *writer);
