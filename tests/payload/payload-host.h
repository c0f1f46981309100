/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The host's side of a payload test: runs one payload ROM on a real machine on KVM and waits for
 * what it says.
 */
#pragma once

#include "engine/device.h"
#include "engine/posada-engine.h"

#define PAYLOAD_REPORT 32768

struct payload {
    struct vmm_machine *machine;
    pthread_mutex_t mutex;       /* of the report */
    char report[PAYLOAD_REPORT]; /* what the guest said; payload_copy_report () reads it */
    int report_fd;               /* readable when the guest has ended a line */
    atomic_long code;            /* what the guest finished with; −1 before */
    struct vmm_event last_state;
    unsigned n_states; /* changes so far */
    unsigned resets, saves, restores;
    struct vmm_event last_saved, last_restored;
};

struct payload_options {
    const char *rom; /* file name inside the build directory's tests/payload */
    const char *kernel, *initrd, *cmdline; /* instead of .rom; paths */
    const struct vmm_device_config *devices;
    size_t n_devices;
    uint64_t memory; /* 0: 32 MiB */
    unsigned cpus;   /* 0: 1 */
    enum vmm_triple_fault triple_fault;
};

/* Creates (not started). Skips the test, saying why, where the host has no KVM. */
struct payload *payload_new (const struct payload_options *options);
void payload_free (struct payload *payload);
/* What the guest said so far, NUL-terminated. */
void payload_copy_report (struct payload *payload, char ret_report[PAYLOAD_REPORT]);
/* Whether the guest has, or the machine has crashed. */
bool payload_has_finished (struct payload *payload);
/* Handles events until the guest finishes, the machine stops or @timeout_ms pass: true if it
 * finished. */
bool payload_wait (struct payload *payload, int timeout_ms);
/* Handles events until the guest has ended another line since the last call, finishes, or the
 * machine stops: false if none of that came to pass. */
bool payload_wait_line (struct payload *payload, int timeout_ms);
/* Handles events until @state is reached. */
bool payload_wait_state (struct payload *payload, enum vmm_state state, int timeout_ms);
/* Handles events until @count, one of the counts above, is at least @wanted. */
bool payload_wait_count (struct payload *payload, const unsigned *count, unsigned wanted,
                         int timeout_ms);
/* Start, wait 20 s, check exit code 0; a failed check shows the guest's report. */
void payload_run (const struct payload_options *options);
