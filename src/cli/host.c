/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * posada host: what the host probe found, in words or as JSON.
 */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/json.h"
#include "cli/text.h"
#include "engine/posada-engine.h"

static int
print_json (const struct vmm_host *host)
{
    AUTO_FREE char *text = NULL;
    struct json json;

    json_init (&json);
    json_begin_object (&json, NULL);
    json_bool (&json, "usable", host->verdict == VMM_HOST_USABLE);
    json_string (&json, "verdict", host->id);
    json_string (&json, "summary", host->summary);
    json_string (&json, "advice", host->advice);
    json_string (&json, "cpu-model", host->cpu_model);
    json_number (&json, "host-cpus", host->host_cpus);
    json_number (&json, "host-memory", host->host_memory);
    json_number (&json, "kvm-api-version",
                 host->api_version > 0 ? (uint64_t) host->api_version : 0);
    json_number (&json, "max-vcpus", host->max_vcpus);
    json_bool (&json, "virtualized", host->nested_hint);
    json_number (&json, "probe-ns", host->probe_ns);
    json_end_object (&json);
    text = json_finish (&json);
    return text ? puts (text) : -1;
}

static void
print_words (const struct vmm_host *host)
{
    puts (host->summary);
    if (host->advice[0])
        puts (host->advice);
    printf ("\nCPU:        %u × %s\n", host->host_cpus, host->cpu_model);
    printf ("Memory:     %" PRIu64 " MiB\n", host->host_memory >> 20);
    if (host->max_vcpus)
        printf ("KVM:        API version %d, up to %u CPUs in a machine\n", host->api_version,
                host->max_vcpus);
    if (host->nested_hint)
        puts ("This host is a virtual machine itself.");
    printf ("Probe took  %.1f ms\n", (double) host->probe_ns / 1e6);
}

enum cli_status
cli_host (int argc, char **argv)
{
    struct vmm_host host;
    bool json = false;

    for (int i = 1; i < argc; i++) {
        if (strcmp (argv[i], "--json") == 0)
            json = true;
        else if (strcmp (argv[i], "--help") == 0 || strcmp (argv[i], "-h") == 0) {
            puts ("Usage: posada host [--json]\n\n"
                  "Runs a tiny guest for a moment and tells whether this host can run machines,\n"
                  "and what to do if not. Exit status: 0 it can, 2 bad use, 3 it cannot.");
            return CLI_OK;
        } else {
            cli_complain ("host takes --json and nothing else, not '%s'", argv[i]);
            return CLI_BAD_USE;
        }
    }
    vmm_probe_host (&host);
    if (json)
        print_json (&host);
    else
        print_words (&host);
    return host.verdict == VMM_HOST_USABLE ? CLI_OK : CLI_BAD_HOST;
}
