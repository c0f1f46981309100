/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "machine/posada-host.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/posada-engine.h"

#define GROUP  "host"
#define DEVICE "/dev/kvm"

G_DEFINE_BOXED_TYPE (PosadaHost, posada_host, posada_host_copy, posada_host_free)

/* --- the cache: what was found belongs to one boot, one device node and one of its permissions ---
 */

static char *
get_cache_path (void)
{
    return g_build_filename (g_get_user_cache_dir (), "posada", "host", NULL);
}

static char *
get_circumstances (void)
{
    g_autofree char *boot = NULL;
    struct stat status = {0};
    gboolean there = stat (DEVICE, &status) == 0;

    g_file_get_contents ("/proc/sys/kernel/random/boot_id", &boot, NULL, NULL);
    return g_strdup_printf ("%s %d %" G_GINT64_FORMAT ".%ld %d %d", boot ? g_strchomp (boot) : "",
                            there, (gint64) status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
                            access (DEVICE, R_OK | W_OK) == 0, (int) geteuid ());
}

static PosadaHost *
read_cache (const char *circumstances)
{
    g_autofree char *path = get_cache_path ();
    g_autofree char *then = NULL;
    g_autoptr (GKeyFile) file = g_key_file_new ();
    g_autoptr (PosadaHost) host = NULL;

    if (!g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, NULL))
        return NULL;
    then = g_key_file_get_string (file, GROUP, "circumstances", NULL);
    if (g_strcmp0 (then, circumstances) != 0)
        return NULL;
    host = g_new0 (PosadaHost, 1);
    host->usable = g_key_file_get_boolean (file, GROUP, "usable", NULL);
    host->id = g_key_file_get_string (file, GROUP, "id", NULL);
    host->summary = g_key_file_get_string (file, GROUP, "summary", NULL);
    host->advice = g_key_file_get_string (file, GROUP, "advice", NULL);
    host->command = g_key_file_get_string (file, GROUP, "command", NULL);
    host->cpus = (guint) g_key_file_get_uint64 (file, GROUP, "cpus", NULL);
    host->memory = g_key_file_get_uint64 (file, GROUP, "memory", NULL);
    return host->id && host->summary && host->advice ? g_steal_pointer (&host) : NULL;
}

static void
write_cache (const PosadaHost *host, const char *circumstances)
{
    g_autofree char *path = get_cache_path ();
    g_autofree char *folder = g_path_get_dirname (path);
    g_autoptr (GKeyFile) file = g_key_file_new ();

    g_key_file_set_string (file, GROUP, "circumstances", circumstances);
    g_key_file_set_boolean (file, GROUP, "usable", host->usable);
    g_key_file_set_string (file, GROUP, "id", host->id);
    g_key_file_set_string (file, GROUP, "summary", host->summary);
    g_key_file_set_string (file, GROUP, "advice", host->advice);
    if (host->command)
        g_key_file_set_string (file, GROUP, "command", host->command);
    g_key_file_set_uint64 (file, GROUP, "cpus", host->cpus);
    g_key_file_set_uint64 (file, GROUP, "memory", host->memory);
    /* Without a cache it only takes longer. */
    g_mkdir_with_parents (folder, 0700);
    g_key_file_save_to_file (file, path, NULL);
}

/* --- the probe --- */

/* The kernel's module for this processor, if that has what it takes at all. */
static const char *
get_module (void)
{
    g_autofree char *text = NULL;

    if (!g_file_get_contents ("/proc/cpuinfo", &text, NULL, NULL))
        return NULL;
    return strstr (text, " svm") ? "kvm-amd" : strstr (text, " vmx") ? "kvm-intel" : NULL;
}

static char *
find_command (enum vmm_host_verdict verdict)
{
    const char *module = get_module ();

    if (verdict == VMM_HOST_NO_PERMISSION)
        return g_strdup_printf ("sudo usermod -aG kvm %s", g_get_user_name ());
    if (verdict == VMM_HOST_NO_DEVICE && module)
        return g_strdup_printf ("sudo modprobe %s", module);
    return NULL;
}

static DexFuture *
probe_cb (gpointer user_data)
{
    g_autofree char *circumstances = get_circumstances ();
    PosadaHost *host = read_cache (circumstances);
    struct vmm_host found;

    if (!host) {
        vmm_probe_host (&found);
        host = g_new0 (PosadaHost, 1);
        host->usable = found.verdict == VMM_HOST_USABLE;
        host->id = g_strdup (found.id);
        host->summary = g_strdup (found.summary);
        host->advice = g_strdup (found.advice);
        host->command = find_command (found.verdict);
        host->cpus = found.host_cpus;
        host->memory = found.host_memory;
        write_cache (host, circumstances);
    }
    return dex_future_new_take_boxed (POSADA_TYPE_HOST, host);
}

PosadaHost *
posada_host_copy (const PosadaHost *host)
{
    PosadaHost *copy = g_memdup2 (host, sizeof *host);

    copy->id = g_strdup (host->id);
    copy->summary = g_strdup (host->summary);
    copy->advice = g_strdup (host->advice);
    copy->command = g_strdup (host->command);
    return copy;
}

void
posada_host_free (PosadaHost *host)
{
    g_free (host->id);
    g_free (host->summary);
    g_free (host->advice);
    g_free (host->command);
    g_free (host);
}

DexFuture *
posada_host_probe (void)
{
    return dex_scheduler_spawn (dex_thread_pool_scheduler_get_default (), 0, probe_cb, NULL, NULL);
}
