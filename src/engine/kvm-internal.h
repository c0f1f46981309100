/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What kvm.c (the machine) and kvm-cpu.c (its processors) share, and nobody else. */
#pragma once

#include <errno.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "engine/kvm.h"

struct kvm_vm {
    int device_fd;
    int fd;
    unsigned max_cpus, max_slots;
    size_t run_size;
    bool has_tsc_deadline;
    struct kvm_irqchip chips[3];
    struct kvm_pit_state2 pit;
    bool remembered;
};

/* 0 or positive as the kernel answers, or a negative errno. */
static inline int
kvm_ioctl (int fd, unsigned long request, const void *argument)
{
    int r;

    do
        r = ioctl (fd, request, argument);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : r;
}
