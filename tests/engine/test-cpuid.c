/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/util.h"
#include "engine/machine-internal.h"
#include "tap.h"

static const struct kvm_cpuid_leaf *
find (const struct kvm_cpuid_leaf *leaves, size_t n, uint32_t function, uint32_t index)
{
    for (size_t i = 0; i < n; i++) {
        if (leaves[i].function == function && leaves[i].index == index)
            return &leaves[i];
    }
    return NULL;
}

TEST (each_vcpu_has_its_own_apic_id_everywhere)
{
    const struct vmm_topology topology = {2, 4, 2};
    struct kvm_cpuid_leaf leaves[16] = {
        {.function = 0x1, .ebx = 0xaabbccdd, .ecx = 0xffffffff, .edx = 0},
        {.function = 0xb},
        {.function = 0x8000001e},
    };
    size_t n = 3;

    vmm_cpuid_adapt (leaves, &n, ARRAY_LENGTH (leaves), 11, &topology, true);
    CHECK_EQUAL (find (leaves, n, 1, 0)->ebx >> 24, 11);
    CHECK_EQUAL (find (leaves, n, 1, 0)->ebx >> 16 & 0xff, 8);
    CHECK_EQUAL (find (leaves, n, 1, 0)->ebx & 0xffff, 0xccdd);
    for (uint32_t index = 0; index <= 2; index++)
        CHECK_EQUAL (find (leaves, n, 0xb, index)->edx, 11);
    CHECK_EQUAL (find (leaves, n, 0x8000001e, 0)->eax, 11);
}

TEST (topology_leaves_count_threads_and_cores)
{
    const struct vmm_topology topology = {2, 4, 2};
    struct kvm_cpuid_leaf leaves[16] = {{.function = 0xb}};
    size_t n = 1;

    vmm_cpuid_adapt (leaves, &n, ARRAY_LENGTH (leaves), 0, &topology, true);
    CHECK_EQUAL (n, 3);
    CHECK_EQUAL (find (leaves, n, 0xb, 0)->eax, 1); /* bits of a thread id */
    CHECK_EQUAL (find (leaves, n, 0xb, 0)->ebx, 2);
    CHECK_EQUAL (find (leaves, n, 0xb, 1)->eax, 3);
    CHECK_EQUAL (find (leaves, n, 0xb, 1)->ebx, 8);
    CHECK_EQUAL (find (leaves, n, 0xb, 2)->ebx, 0);
    CHECK_EQUAL (find (leaves, n, 0xb, 2)->ecx >> 8, 0);
}

TEST (guest_sees_a_hypervisor_and_no_nesting)
{
    const struct vmm_topology topology = {1, 1, 1};
    struct kvm_cpuid_leaf leaves[16] = {
        {.function = 0x1, .ecx = 1u << 5, .edx = 1u << 28},
        {.function = 0x80000001, .ecx = 1u << 2},
        {.function = 0x8000000a, .eax = 1},
    };
    size_t n = 3;

    vmm_cpuid_adapt (leaves, &n, ARRAY_LENGTH (leaves), 0, &topology, false);
    CHECK_EQUAL (leaves[0].ecx, 1u << 31 | 1u << 21);
    CHECK_EQUAL (leaves[0].edx, 0); /* one logical processor: no HTT */
    CHECK_EQUAL (leaves[1].ecx, 0);
    CHECK_EQUAL (leaves[2].eax, 0);
}

TAP_MAIN ()
