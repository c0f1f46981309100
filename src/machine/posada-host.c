/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "machine/posada-host.h"

#include "engine/posada-engine.h"

G_DEFINE_BOXED_TYPE (PosadaHost, posada_host, posada_host_copy, posada_host_free)

static DexFuture *
probe_cb (gpointer user_data)
{
    struct vmm_host found;
    PosadaHost *host = g_new0 (PosadaHost, 1);

    vmm_probe_host (&found);
    host->usable = found.verdict == VMM_HOST_USABLE;
    host->id = g_strdup (found.id);
    host->summary = g_strdup (found.summary);
    host->advice = g_strdup (found.advice);
    host->cpus = found.host_cpus;
    host->memory = found.host_memory;
    return dex_future_new_take_boxed (POSADA_TYPE_HOST, host);
}

PosadaHost *
posada_host_copy (const PosadaHost *host)
{
    PosadaHost *copy = g_memdup2 (host, sizeof *host);

    copy->id = g_strdup (host->id);
    copy->summary = g_strdup (host->summary);
    copy->advice = g_strdup (host->advice);
    return copy;
}

void
posada_host_free (PosadaHost *host)
{
    g_free (host->id);
    g_free (host->summary);
    g_free (host->advice);
    g_free (host);
}

DexFuture *
posada_host_probe (void)
{
    return dex_scheduler_spawn (dex_thread_pool_scheduler_get_default (), 0, probe_cb, NULL, NULL);
}
