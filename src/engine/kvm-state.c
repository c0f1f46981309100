/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Saving and restoring what KVM keeps of a machine. Order matters when it is put back (kernel,
 * Documentation/virt/kvm/api.rst, and what its code does):
 *
 * - system registers first, as everything else is judged by the mode they say;
 * - a nested guest's state after EFER allows for it, before the registers it would replace;
 * - the time stamp counter before the local APIC, whose deadline is reckoned from it;
 * - the deadline itself after the APIC, which drops it in another timer mode;
 * - pending events last, as other calls change them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/kvm-internal.h"
#include "engine/kvm.h"

#define MSR_TSC_DEADLINE 0x6e0

/* Hyper-V's, which our guests are not offered; one of them is a clock. */
#define MSR_HYPERV_FIRST 0x40000000u
#define MSR_HYPERV_LAST  0x400001ffu

_Static_assert (sizeof (struct kvm_regs) == sizeof ((struct kvm_cpu_state *) 0)->regs, "");
_Static_assert (sizeof (struct kvm_sregs) == sizeof ((struct kvm_cpu_state *) 0)->sregs, "");
_Static_assert (sizeof (struct kvm_xsave) == sizeof ((struct kvm_cpu_state *) 0)->xsave, "");
_Static_assert (sizeof (struct kvm_xcrs) == sizeof ((struct kvm_cpu_state *) 0)->xcrs, "");
_Static_assert (sizeof (struct kvm_debugregs) == sizeof ((struct kvm_cpu_state *) 0)->debug, "");
_Static_assert (sizeof (struct kvm_vcpu_events) == sizeof ((struct kvm_cpu_state *) 0)->events, "");
_Static_assert (sizeof (struct kvm_lapic_state) == sizeof ((struct kvm_cpu_state *) 0)->lapic, "");
_Static_assert (sizeof (struct kvm_pit_state2) == sizeof ((struct kvm_vm_state *) 0)->pit, "");
_Static_assert (sizeof (((struct kvm_irqchip *) 0)->chip) ==
                    sizeof ((struct kvm_vm_state *) 0)->ioapic,
                "");

/* A field of @member's with as many elements as @counter says, at most all. */
#define IN_USE(type_, member, counter)                  \
    {.name = #member,                                   \
     .type = VMM_STATE_ELEMENT_TYPE (type_, member[0]), \
     .offset = offsetof (type_, member),                \
     .count = ARRAY_LENGTH (((type_ *) 0)->member),     \
     .size = sizeof (((type_ *) 0)->member[0]),         \
     .variable = true,                                  \
     .count_offset = offsetof (type_, counter)}

static int
cpu_post_load (void *object, struct vmm_error *error)
{
    struct kvm_cpu_state *state = object;

    if (state->n_indices != state->n_values)
        return vmm_error_set (error, -EPROTO,
                              "the saved state is damaged: it names %u processor registers and "
                              "has %u values",
                              state->n_indices, state->n_values);
    return 0;
}

static const struct vmm_state_field cpu_fields[] = {
    VMM_STATE_ARRAY (struct kvm_cpu_state, features),
    VMM_STATE_ARRAY (struct kvm_cpu_state, regs),
    VMM_STATE_ARRAY (struct kvm_cpu_state, sregs),
    VMM_STATE_ARRAY (struct kvm_cpu_state, xsave),
    VMM_STATE_ARRAY (struct kvm_cpu_state, xcrs),
    VMM_STATE_ARRAY (struct kvm_cpu_state, debug),
    VMM_STATE_ARRAY (struct kvm_cpu_state, events),
    VMM_STATE_ARRAY (struct kvm_cpu_state, lapic),
    VMM_STATE (struct kvm_cpu_state, mp_state),
    VMM_STATE (struct kvm_cpu_state, tsc_khz),
    IN_USE (struct kvm_cpu_state, msr_indices, n_indices),
    IN_USE (struct kvm_cpu_state, msr_values, n_values),
    IN_USE (struct kvm_cpu_state, nested, n_nested),
};

const struct vmm_state_table kvm_cpu_state_table = {
    .name = "cpu",
    .version = 1,
    .fields = cpu_fields,
    .n_fields = ARRAY_LENGTH (cpu_fields),
    .post_load = cpu_post_load,
};

static const struct vmm_state_field vm_fields[] = {
    {.name = "pic",
     .type = VMM_FIELD_U8,
     .offset = offsetof (struct kvm_vm_state, pic),
     .count = sizeof (((struct kvm_vm_state *) 0)->pic),
     .size = 1},
    VMM_STATE_ARRAY (struct kvm_vm_state, ioapic),
    VMM_STATE_ARRAY (struct kvm_vm_state, pit),
    VMM_STATE (struct kvm_vm_state, clock),
    {.name = "realtime",
     .type = VMM_FIELD_U64,
     .offset = offsetof (struct kvm_vm_state, realtime),
     .count = 1,
     .size = sizeof (uint64_t),
     .since = 2},
};

const struct vmm_state_table kvm_vm_state_table = {
    .name = "kvm",
    .version = 2,
    .fields = vm_fields,
    .n_fields = ARRAY_LENGTH (vm_fields),
};

int
kvm_vm_get_state (struct kvm_vm *vm, struct kvm_vm_state *ret_state)
{
    struct kvm_vm_state state = {0};
    struct kvm_clock_data clock = {0};
    uint8_t *const images[] = {state.pic[0], state.pic[1], state.ioapic};
    int r;

    for (unsigned i = 0; i < ARRAY_LENGTH (images); i++) {
        struct kvm_irqchip chip = {.chip_id = i};

        r = kvm_ioctl (vm->fd, KVM_GET_IRQCHIP, &chip);
        if (r < 0)
            return r;
        memcpy (images[i], &chip.chip, sizeof chip.chip);
    }
    r = kvm_ioctl (vm->fd, KVM_GET_PIT2, state.pit);
    if (r >= 0)
        r = kvm_ioctl (vm->fd, KVM_GET_CLOCK, &clock);
    if (r < 0)
        return r;
    state.clock = clock.clock;
    state.realtime = clock.flags & KVM_CLOCK_REALTIME ? clock.realtime : 0;
    *ret_state = state;
    return 0;
}

int
kvm_vm_set_state (struct kvm_vm *vm, const struct kvm_vm_state *state)
{
    const uint8_t *const images[] = {state->pic[0], state->pic[1], state->ioapic};
    struct kvm_clock_data clock = {.clock = state->clock};
    int r, can;

    /* KVM then adds the time since the save: the guest's clock follows the host's, as if it had
     * slept. */
    can = ioctl (vm->device_fd, KVM_CHECK_EXTENSION, (unsigned long) KVM_CAP_ADJUST_CLOCK);
    if (state->realtime && can > 0 && (can & KVM_CLOCK_REALTIME)) {
        clock.flags = KVM_CLOCK_REALTIME;
        clock.realtime = state->realtime;
    }

    for (unsigned i = 0; i < ARRAY_LENGTH (images); i++) {
        struct kvm_irqchip chip = {.chip_id = i};

        memcpy (&chip.chip, images[i], sizeof chip.chip);
        r = kvm_ioctl (vm->fd, KVM_SET_IRQCHIP, &chip);
        if (r < 0)
            return r;
    }
    r = kvm_ioctl (vm->fd, KVM_SET_PIT2, state->pit);
    return r < 0 ? r : kvm_ioctl (vm->fd, KVM_SET_CLOCK, &clock);
}

/* Which words of which leaves make a processor another one: not ids, nor what the host adapts. */
static void
collect_features (const struct kvm_cpu *cpu, uint32_t ret_features[KVM_N_FEATURES])
{
    static const struct {
        uint32_t function, index;
        uint32_t masks[4];
    } wanted[] = {
        {0x00000000, 0, {0, UINT32_MAX, UINT32_MAX, UINT32_MAX}}, /* vendor */
        {0x00000001, 0, {UINT32_MAX, 0, UINT32_MAX, UINT32_MAX}},
        {0x00000007, 0, {0, UINT32_MAX, UINT32_MAX, UINT32_MAX}},
        {0x00000007, 1, {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}},
        {0x0000000d, 0, {UINT32_MAX, 0, UINT32_MAX, UINT32_MAX}}, /* parts of the XSAVE area */
        {0x0000000d, 1, {UINT32_MAX, 0, 0, 0}},
        {0x40000001, 0, {UINT32_MAX, 0, 0, 0}}, /* what is paravirtual */
        {0x80000001, 0, {0, 0, UINT32_MAX, UINT32_MAX}},
        {0x80000008, 0, {UINT32_MAX, UINT32_MAX, 0, 0}},
        {0x8000000a, 0, {0, 0, 0, UINT32_MAX}},
    };

    _Static_assert (ARRAY_LENGTH (wanted) * 4 == KVM_N_FEATURES, "");
    memset (ret_features, 0, KVM_N_FEATURES * sizeof ret_features[0]);
    for (size_t i = 0; i < ARRAY_LENGTH (wanted); i++) {
        for (size_t n = 0; n < cpu->n_leaves; n++) {
            const struct kvm_cpuid_leaf *leaf = &cpu->leaves[n];

            if (leaf->function != wanted[i].function ||
                (leaf->indexed && leaf->index != wanted[i].index))
                continue;
            ret_features[4 * i] = leaf->eax & wanted[i].masks[0];
            ret_features[4 * i + 1] = leaf->ebx & wanted[i].masks[1];
            ret_features[4 * i + 2] = leaf->ecx & wanted[i].masks[2];
            ret_features[4 * i + 3] = leaf->edx & wanted[i].masks[3];
            break;
        }
    }
}

static bool
is_left_alone (uint32_t index)
{
    return index >= MSR_HYPERV_FIRST && index <= MSR_HYPERV_LAST;
}

static int
get_msrs (struct kvm_cpu *cpu, struct kvm_cpu_state *state)
{
    const struct kvm_msrs *known = cpu->power_on.msrs;
    AUTO_FREE struct kvm_msrs *msrs = NULL;
    uint32_t n = 0;
    int r;

    if (!known || known->nmsrs >= KVM_MAX_SAVED_MSRS)
        return -E2BIG;
    msrs = calloc (1, sizeof *msrs + (known->nmsrs + 1) * sizeof msrs->entries[0]);
    if (!msrs)
        return -ENOMEM;
    msrs->entries[n++].index = MSR_TSC;
    for (uint32_t i = 0; i < known->nmsrs; i++) {
        if (!is_left_alone (known->entries[i].index))
            msrs->entries[n++].index = known->entries[i].index;
    }
    msrs->nmsrs = n;
    r = kvm_cpu_access_msrs (cpu, KVM_GET_MSRS, msrs);
    if (r < 0)
        return r;
    state->n_indices = state->n_values = msrs->nmsrs;
    for (uint32_t i = 0; i < msrs->nmsrs; i++) {
        state->msr_indices[i] = msrs->entries[i].index;
        state->msr_values[i] = msrs->entries[i].data;
    }
    return 0;
}

/* The size that KVM's structure of nested state has at most; 0 where it has none. */
static uint32_t
nested_size (struct kvm_cpu *cpu)
{
    int size =
        ioctl (cpu->vm->device_fd, KVM_CHECK_EXTENSION, (unsigned long) KVM_CAP_NESTED_STATE);

    return size > 0 && size <= KVM_MAX_NESTED ? (uint32_t) size : 0;
}

static int
get_nested (struct kvm_cpu *cpu, struct kvm_cpu_state *state)
{
    AUTO_FREE struct kvm_nested_state *nested = NULL;
    uint32_t room = nested_size (cpu);
    int r;

    if (room < sizeof *nested)
        return 0;
    nested = calloc (1, room);
    if (!nested)
        return -ENOMEM;
    nested->size = room;
    r = kvm_ioctl (cpu->fd, KVM_GET_NESTED_STATE, nested);
    if (r < 0)
        return r == -EINVAL || r == -ENOTTY ? 0 : r; /* not on offer to this guest */
    state->n_nested = MIN_OF (nested->size, room);
    memcpy (state->nested, nested, state->n_nested);
    return 0;
}

int
kvm_cpu_get_state (struct kvm_cpu *cpu, struct kvm_cpu_state *ret_state)
{
    struct kvm_cpu_state *state = ret_state;
    struct kvm_mp_state mp = {0};
    int r;

    memset (state, 0, sizeof *state);
    collect_features (cpu, state->features);
    /* Before registers: the first puts what a pending exception brings along into CR2 and DR6, the
     * second settles an INIT or start-up message under way. */
    if ((r = kvm_ioctl (cpu->fd, KVM_GET_VCPU_EVENTS, state->events)) < 0 ||
        (r = kvm_ioctl (cpu->fd, KVM_GET_MP_STATE, &mp)) < 0 ||
        (r = kvm_ioctl (cpu->fd, KVM_GET_REGS, state->regs)) < 0 ||
        (r = kvm_ioctl (cpu->fd, KVM_GET_SREGS, state->sregs)) < 0 ||
        (r = kvm_ioctl (cpu->fd, KVM_GET_XSAVE, state->xsave)) < 0 ||
        (r = kvm_ioctl (cpu->fd, KVM_GET_DEBUGREGS, state->debug)) < 0 ||
        (r = kvm_ioctl (cpu->fd, KVM_GET_LAPIC, state->lapic)) < 0)
        return r;
    state->mp_state = mp.mp_state;
    /* Absent on hosts without XSAVE. */
    if (kvm_ioctl (cpu->fd, KVM_GET_XCRS, state->xcrs) < 0)
        memset (state->xcrs, 0, sizeof state->xcrs);
    r = ioctl (cpu->fd, KVM_GET_TSC_KHZ, 0UL);
    state->tsc_khz = r > 0 ? (uint32_t) r : 0;
    r = get_nested (cpu, state);
    return r < 0 ? r : get_msrs (cpu, state);
}

static void
set_tsc_frequency (struct kvm_cpu *cpu, uint32_t khz)
{
    int present = ioctl (cpu->fd, KVM_GET_TSC_KHZ, 0UL);

    if (khz && present > 0 && (uint32_t) present != khz)
        ioctl (cpu->fd, KVM_SET_TSC_KHZ, (unsigned long) khz); /* where it can be scaled */
}

/* The registers of @state but for the deadline; how many the host will not have as they are. */
static int
set_msrs (struct kvm_cpu *cpu, const struct kvm_cpu_state *state, unsigned *ret_refused)
{
    unsigned refused = 0;

    for (uint32_t i = 0; i < state->n_indices; i++) {
        struct kvm_msr_entry entry = {.index = state->msr_indices[i], .data = state->msr_values[i]};
        struct kvm_msr_entry present = {.index = entry.index};

        if (entry.index == MSR_TSC_DEADLINE || is_left_alone (entry.index))
            continue;
        if (!kvm_cpu_access_msr (cpu, KVM_SET_MSRS, &entry) &&
            (!kvm_cpu_access_msr (cpu, KVM_GET_MSRS, &present) || present.data != entry.data))
            refused++;
    }
    *ret_refused = refused;
    return 0;
}

static void
set_deadline (struct kvm_cpu *cpu, const struct kvm_cpu_state *state)
{
    for (uint32_t i = 0; i < state->n_indices; i++) {
        struct kvm_msr_entry entry = {.index = state->msr_indices[i], .data = state->msr_values[i]};

        if (entry.index == MSR_TSC_DEADLINE)
            kvm_cpu_access_msr (cpu, KVM_SET_MSRS, &entry);
    }
}

static int
set_nested (struct kvm_cpu *cpu, const struct kvm_cpu_state *state)
{
    AUTO_FREE struct kvm_nested_state *nested = NULL;

    if (state->n_nested < sizeof *nested)
        return 0;
    nested = malloc (state->n_nested);
    if (!nested)
        return -ENOMEM;
    memcpy (nested, state->nested, state->n_nested);
    nested->size = state->n_nested;
    return kvm_ioctl (cpu->fd, KVM_SET_NESTED_STATE, nested);
}

static int
set_all (struct kvm_cpu *cpu, const struct kvm_cpu_state *state, unsigned *ret_refused)
{
    struct kvm_mp_state mp = {.mp_state = state->mp_state};
    struct kvm_xcrs xcrs;
    int r;

    memcpy (&xcrs, state->xcrs, sizeof xcrs);
    set_tsc_frequency (cpu, state->tsc_khz);
    if ((r = kvm_ioctl (cpu->fd, KVM_SET_SREGS, state->sregs)) < 0 ||
        (r = set_nested (cpu, state)) < 0 ||
        (r = kvm_ioctl (cpu->fd, KVM_SET_REGS, state->regs)) < 0 ||
        (r = xcrs.nr_xcrs ? kvm_ioctl (cpu->fd, KVM_SET_XCRS, &xcrs) : 0) < 0 ||
        (r = kvm_ioctl (cpu->fd, KVM_SET_XSAVE, state->xsave)) < 0 ||
        (r = set_msrs (cpu, state, ret_refused)) < 0 ||
        (r = kvm_ioctl (cpu->fd, KVM_SET_LAPIC, state->lapic)) < 0)
        return r;
    set_deadline (cpu, state);
    if ((r = kvm_ioctl (cpu->fd, KVM_SET_MP_STATE, &mp)) < 0 ||
        (r = kvm_ioctl (cpu->fd, KVM_SET_DEBUGREGS, state->debug)) < 0)
        return r;
    return kvm_ioctl (cpu->fd, KVM_SET_VCPU_EVENTS, state->events);
}

int
kvm_cpu_set_state (struct kvm_cpu *cpu, const struct kvm_cpu_state *state, unsigned *ret_refused,
                   struct vmm_error *error)
{
    uint32_t features[KVM_N_FEATURES];
    int r;

    collect_features (cpu, features);
    if (memcmp (features, state->features, sizeof features) != 0)
        return vmm_error_set (error, -ENOTSUP,
                              "the machine was saved on another kind of processor, or under "
                              "another kernel: restore it there, or start it anew");
    r = set_all (cpu, state, ret_refused);
    if (r < 0)
        return vmm_error_set_errno (error, r, "the saved state of vCPU %u is damaged", cpu->id);
    return 0;
}
