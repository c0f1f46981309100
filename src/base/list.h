/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Intrusive doubly linked lists. A struct vmm_list is either a head (list_init'ed) or a link
 * embedded in an entry; an unlinked link points at itself, so list_remove () may be called twice.
 * No locking: whoever owns the head locks.
 */
#pragma once

#include <stdbool.h>

#include "base/util.h"

struct vmm_list {
    struct vmm_list *next;
    struct vmm_list *previous;
};

static inline void
list_init (struct vmm_list *list)
{
    list->next = list->previous = list;
}

static inline bool
list_is_empty (const struct vmm_list *list)
{
    return list->next == list;
}

static inline void
list_insert_before (struct vmm_list *position, struct vmm_list *link)
{
    link->previous = position->previous;
    link->next = position;
    position->previous->next = link;
    position->previous = link;
}

static inline void
list_append (struct vmm_list *head, struct vmm_list *link)
{
    list_insert_before (head, link);
}

static inline void
list_remove (struct vmm_list *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    list_init (link);
}

#define list_entry(link, type, member) CONTAINER_OF (link, type, member)

#define list_for_each(entry, head, member)                                                         \
    for (entry = list_entry ((head)->next, __typeof__ (*entry), member); &entry->member != (head); \
         entry = list_entry (entry->member.next, __typeof__ (*entry), member))

/* @entry may be removed (and freed) in the body. */
#define list_for_each_safe(entry, after, head, member)                        \
    for (entry = list_entry ((head)->next, __typeof__ (*entry), member),      \
        after = list_entry (entry->member.next, __typeof__ (*entry), member); \
         &entry->member != (head);                                            \
         entry = after, after = list_entry (entry->member.next, __typeof__ (*entry), member))
