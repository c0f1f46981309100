/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/machine.h"
#include "test-chipset.h"

static const struct vmm_device_config config = {.class_name = "debugcon", .id = "debugcon"};

struct log {
    unsigned lines;
    char last[300];
};

static void
keep (void *data, enum vmm_log_level level, const char *message)
{
    struct log *log = data;

    log->lines++;
    snprintf (log->last, sizeof log->last, "%s", message);
}

/* The machine's own log is the testbed's: ours takes its place for the test. */
static struct testbed *
new_with_log (struct log *log)
{
    struct testbed *bed = testbed_new (&config, 1);
    struct vmm_log *hook = (struct vmm_log *) vmm_device_log (testbed_device (bed, "debugcon"));

    *log = (struct log) {0};
    *hook = (struct vmm_log) {.write = keep, .data = log, .level = VMM_LOG_INFO};
    return bed;
}

static void
print (struct testbed *bed, const char *text)
{
    for (; *text; text++)
        testbed_out (bed, 0x402, 1, (uint8_t) *text);
}

TEST (says_that_it_is_there)
{
    struct log log;
    struct testbed *bed = new_with_log (&log);

    CHECK_EQUAL (testbed_in (bed, 0x402, 1), 0xE9);
    testbed_free (bed);
}

TEST (lines_reach_the_log)
{
    struct log log;
    struct testbed *bed = new_with_log (&log);

    print (bed, "SeaBIOS (version 1.16.3)\r\nBUILD");
    CHECK_EQUAL (log.lines, 1);
    CHECK_STRING (log.last, "debugcon: SeaBIOS (version 1.16.3)");
    print (bed, "\x1b[31m\n");
    CHECK_STRING (log.last, "debugcon: BUILD?[31m");
    testbed_free (bed);
}

TEST (an_endless_line_is_cut)
{
    struct log log;
    struct testbed *bed = new_with_log (&log);

    for (unsigned i = 0; i < 1000; i++)
        testbed_out (bed, 0x402, 1, 'x');
    CHECK_EQUAL (log.lines, 4);
    testbed_free (bed);
}

TEST (a_flood_is_limited)
{
    struct log log;
    struct testbed *bed = new_with_log (&log);

    for (unsigned i = 0; i < 20000; i++)
        print (bed, "f\n");
    CHECK (log.lines >= 2000 && log.lines < 4000);
    testbed_free (bed);
}

TEST (saves_and_restores)
{
    struct log log;
    struct testbed *bed = new_with_log (&log);

    testbed_check_round_trip (bed);
    testbed_free (bed);
}

TAP_MAIN ()
