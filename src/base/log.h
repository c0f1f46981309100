/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The log hook. Nothing below the border prints: reports go through the hook its owner passed in.
 * The hook is called on any thread, possibly with device locks held: it must not call back into the
 * engine.
 */
#pragma once

enum vmm_log_level {
    VMM_LOG_ERROR,   /* something the user asked for does not work */
    VMM_LOG_WARNING, /* odd guest or host behaviour that we live with */
    VMM_LOG_INFO,    /* milestones: state changes, firmware messages */
    VMM_LOG_DEBUG,
};

struct vmm_log {
    void (*write) (void *data, enum vmm_log_level level,
                   const char *message); /* NULL discards everything */
    void *data;
    enum vmm_log_level level; /* what is less urgent than this is dropped before formatting */
};

/* @log may be NULL. The message is one line without its newline; longer than 1,000 bytes it is cut.
 */
void vmm_log (const struct vmm_log *log, enum vmm_log_level level, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));
