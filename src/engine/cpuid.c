/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the guest's CPUID says. The leaves are those KVM can offer on this host, so the guest sees
 * the host's processor; what differs is who it is (APIC ids), how many share what (topology), and a
 * few features that this machine has no use for. Sources: Intel SDM 2A, CPUID (leaves 1, 4, 7, 0xA,
 * 0xB, 0x1F); AMD APM 3, appendix E.4 (0x80000001, 8, 0x1D, 0x1E).
 */
#include <string.h>

#include "base/util.h"
#include "engine/machine-internal.h"

#define LEAF1_ECX_MONITOR      (1u << 3)
#define LEAF1_ECX_VMX          (1u << 5)
#define LEAF1_ECX_X2APIC       (1u << 21)
#define LEAF1_ECX_TSC_DEADLINE (1u << 24)
#define LEAF1_ECX_HYPERVISOR   (1u << 31)
#define LEAF1_EDX_HTT          (1u << 28)
#define EXT1_ECX_CMP_LEGACY    (1u << 1)
#define EXT1_ECX_SVM           (1u << 2)

/* Bits of an APIC id that count up to @n things. */
static unsigned
id_bits (unsigned n)
{
    return n <= 1 ? 0 : 32 - (unsigned) __builtin_clz (n - 1);
}

struct ids {
    unsigned apic;
    unsigned thread_bits, package_bits; /* shifts to the next level */
    unsigned threads, per_package;
};

/* vCPU n has APIC id n: packages of a size that is no power of two still number their vCPUs
 * densely, so levels are only told apart where the sizes allow. */
static struct ids
ids_of (unsigned id, const struct vmm_topology *topology)
{
    unsigned per_package = topology->cores * topology->threads;

    return (struct ids) {
        .apic = id,
        .thread_bits = id_bits (topology->threads),
        .package_bits = id_bits (topology->threads) + id_bits (topology->cores),
        .threads = topology->threads,
        .per_package = per_package,
    };
}

static void
adapt_basic (struct kvm_cpuid_leaf *leaf, const struct ids *ids, bool tsc_deadline)
{
    leaf->ebx &= 0x0000ffff;
    leaf->ebx |= ids->apic << 24 | MIN_OF (ids->per_package, 255u) << 16;
    leaf->ecx &= ~(LEAF1_ECX_MONITOR | LEAF1_ECX_VMX);
    leaf->ecx |= LEAF1_ECX_HYPERVISOR | LEAF1_ECX_X2APIC;
    if (tsc_deadline)
        leaf->ecx |= LEAF1_ECX_TSC_DEADLINE;
    leaf->edx &= ~LEAF1_EDX_HTT;
    if (ids->per_package > 1)
        leaf->edx |= LEAF1_EDX_HTT;
}

/* Leaf 4 and its AMD twin: first and second level caches belong to a core, the third to a package.
 */
static void
adapt_cache (struct kvm_cpuid_leaf *leaf, const struct ids *ids, bool is_intel)
{
    unsigned level = (leaf->eax >> 5) & 7;
    unsigned sharing = level >= 3 ? 1u << ids->package_bits : 1u << ids->thread_bits;

    if ((leaf->eax & 0x1f) == 0)
        return;
    leaf->eax &= is_intel ? 0x00003fff : 0xfc003fff;
    leaf->eax |= (sharing - 1) << 14;
    if (is_intel)
        leaf->eax |= (MIN_OF (1u << (ids->package_bits - ids->thread_bits), 64u) - 1) << 26;
}

/* Leaf 0xB and 0x1F: subleaf 0 describes threads of a core, 1 cores of a package, 2 ends. */
static void
adapt_topology (struct kvm_cpuid_leaf *leaf, const struct ids *ids)
{
    leaf->edx = ids->apic;
    leaf->ecx = leaf->index & 0xff;
    leaf->eax = leaf->ebx = 0;
    if (leaf->index == 0) {
        leaf->eax = ids->thread_bits;
        leaf->ebx = ids->threads;
        leaf->ecx |= 1 << 8;
    } else if (leaf->index == 1) {
        leaf->eax = ids->package_bits;
        leaf->ebx = ids->per_package;
        leaf->ecx |= 2 << 8;
    }
}

static void
adapt_leaf (struct kvm_cpuid_leaf *leaf, const struct ids *ids, bool tsc_deadline)
{
    switch (leaf->function) {
    case 0x1: adapt_basic (leaf, ids, tsc_deadline); break;
    case 0x4: adapt_cache (leaf, ids, true); break;
    case 0xa:
        leaf->eax = leaf->ebx = leaf->ecx = leaf->edx = 0;
        break; /* no performance counters */
    case 0xb:
    case 0x1f: adapt_topology (leaf, ids); break;
    case 0x80000001:
        leaf->ecx &= ~(EXT1_ECX_SVM | EXT1_ECX_CMP_LEGACY);
        if (ids->per_package > 1 && ids->threads == 1)
            leaf->ecx |= EXT1_ECX_CMP_LEGACY;
        break;
    case 0x80000008:
        leaf->ecx = ids->package_bits << 12 | MIN_OF (ids->per_package - 1, 255u);
        break;
    case 0x8000000a: leaf->eax = leaf->ebx = leaf->ecx = leaf->edx = 0; break; /* no SVM inside */
    case 0x8000001d: adapt_cache (leaf, ids, false); break;
    case 0x8000001e:
        leaf->eax = ids->apic;
        leaf->ebx = (ids->threads - 1) << 8 | (ids->apic >> ids->thread_bits & 0xff);
        leaf->ecx = 0;
        leaf->edx = 0;
        break;
    default: break;
    }
}

/* KVM lists subleaf 0 of the topology leaves only; add those that say something. */
static void
add_topology_leaves (struct kvm_cpuid_leaf *leaves, size_t *n_leaves, size_t room)
{
    size_t n = *n_leaves;

    for (size_t i = 0; i < *n_leaves; i++) {
        if ((leaves[i].function == 0xb || leaves[i].function == 0x1f) && leaves[i].index > 0)
            return;
    }
    for (size_t i = 0; i < *n_leaves; i++) {
        if (leaves[i].function != 0xb && leaves[i].function != 0x1f)
            continue;
        leaves[i].indexed = true;
        for (uint32_t index = 1; index <= 2 && n < room; index++)
            leaves[n++] = (struct kvm_cpuid_leaf) {
                .function = leaves[i].function, .index = index, .indexed = true};
    }
    *n_leaves = n;
}

void
vmm_cpuid_adapt (struct kvm_cpuid_leaf *leaves, size_t *n_leaves, size_t room, unsigned id,
                 const struct vmm_topology *topology, bool tsc_deadline)
{
    struct ids ids = ids_of (id, topology);

    add_topology_leaves (leaves, n_leaves, room);
    for (size_t i = 0; i < *n_leaves; i++)
        adapt_leaf (&leaves[i], &ids, tsc_deadline);
}
