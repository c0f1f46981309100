/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What tests of machines share: waiting for futures on the main context.
 */
#pragma once

#include <string.h>

#include "machine/posada-machine.h"

static inline void
run_until_done (DexFuture *future)
{
    while (dex_future_is_pending (future))
        g_main_context_iteration (NULL, TRUE);
}

/* Consumes @future. */
static inline void
expect_done (DexFuture *future)
{
    g_autoptr (GError) error = NULL;

    run_until_done (future);
    g_assert_true (g_value_get_boolean (dex_future_get_value (future, &error)));
    g_assert_no_error (error);
    dex_unref (future);
}

/* As expect_done (): a rejection whose sentence contains @part. */
static inline void
expect_error (DexFuture *future, int code, const char *part)
{
    g_autoptr (GError) error = NULL;

    run_until_done (future);
    g_assert_null (dex_future_get_value (future, &error));
    g_assert_error (error, POSADA_MACHINE_ERROR, code);
    g_assert_nonnull (strstr (error->message, part));
    dex_unref (future);
}

/* Consumes the last reference. */
static inline void
assert_gone (gpointer object)
{
    gpointer watch = object;

    g_object_add_weak_pointer (object, &watch);
    g_object_unref (object);
    g_assert_null (watch);
}
