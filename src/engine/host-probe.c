/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is this host's KVM any good? Opening /dev/kvm tells half of it. The other half: some hosts offer
 * a KVM that runs firmware and small programs, but emulates the kernel half of a processor one
 * instruction at a time, slowly and incompletely, so that no normal kernel ever boots. The probe
 * therefore runs a tiny 64-bit guest that does what every kernel does in its first moments, in ring
 * 0 and at an address in the upper half: takes a page fault and a breakpoint through its own
 * interrupt table, returns from them, is interrupted by the local APIC's timer, and runs a tight
 * loop against a deadline.
 *
 * Guest RAM (2 MiB at 0): 0x1000 PML4, 0x2000 PDPT, 0x3000 directory (first 2 MiB, identity),
 * 0x4000 PDPT and 0x5000 directory of the upper half (0xFFFFFFFF80000000 → 0), 0x6000 directory
 * for the local APIC, 0x7000 IDT, 0x8000 GDT, 0x10000 code, 0x80000 top of the stack.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include "base/util.h"
#include "engine/kvm.h"
#include "engine/posada-engine.h"

#define RAM_SIZE    (2 * MIB)
#define UPPER       UINT64_C (0xffffffff80000000)
#define CODE        0x10000u
#define STACK       0x80000u
#define REPORT_PORT 0xf4
/* A processor needs some 10 ms for the loop; an emulator in software ten times that at most. */
#define DEADLINE_NS UINT64_C (3000000000)
#define RESULT_OK   0x600d

/*
 * The guest's code, position-independent but for the handlers' addresses, which fill_tables () puts
 * into the IDT. Assembled by hand from the listing beside each line.
 */
static const uint8_t code[] = {
    /* 00: read an address nothing is mapped at: the page fault handler adds 1 to EBX and skips it
     */
    0x31, 0xdb,                                     /* xor ebx, ebx */
    0x48, 0xb8, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, /* mov rax, 0xffffffff00000000 */
    0x8a, 0x00,                                     /* mov al, [rax] (2 bytes) */
    0xcc,                                           /* 0e: int3: handler adds 2 */
    /* 0f: the timer: software-enable the APIC, one-shot vector 0x40 */
    0xba, 0x00, 0x00, 0xe0, 0xfe,                   /* mov edx, 0xfee00000 */
    0xc7, 0x82, 0xf0, 0, 0, 0, 0xff, 0x01, 0, 0,    /* mov [rdx+0xf0], 0x1ff */
    0xc7, 0x82, 0xe0, 0x03, 0, 0, 0x0b, 0, 0, 0,    /* mov [rdx+0x3e0], 0xb (divide by 1) */
    0xc7, 0x82, 0x20, 0x03, 0, 0, 0x40, 0, 0, 0,    /* mov [rdx+0x320], 0x40 */
    0xc7, 0x82, 0x80, 0x03, 0, 0, 0x10, 0x27, 0, 0, /* mov [rdx+0x380], 10000 */
    0xfb,                                           /* 3c: sti */
    /* 3d: wait for the timer's handler to add 4 */
    0xf3, 0x90,       /* pause */
    0xf6, 0xc3, 0x04, /* test bl, 4 */
    0x74, 0xf9,       /* jz 3d */
    0xfa,             /* 44: cli */
    /* 45: the loop: 20 million turns */
    0xb9, 0x00, 0x2d, 0x31, 0x01, /* mov ecx, 20000000 */
    0xff, 0xc9,                   /* 4a: dec ecx */
    0x75, 0xfc,                   /* jnz 4a */
    0x83, 0xfb, 0x07,             /* 4e: cmp ebx, 7 */
    0xb8, 0x0d, 0x60, 0x00, 0x00, /* mov eax, 0x600d */
    0x74, 0x02,                   /* je 5a */
    0x89, 0xd8,                   /* mov eax, ebx */
    0xe7, REPORT_PORT,            /* 5a: out 0xf4, eax */
    0xeb, 0xfc,                   /* jmp 5a */
    /* 5e: page fault: an error code lies on top */
    0x48, 0x83, 0xc4, 0x08,       /* add rsp, 8 */
    0x83, 0xc3, 0x01,             /* add ebx, 1 */
    0x48, 0x83, 0x04, 0x24, 0x02, /* add qword [rsp], 2 */
    0x48, 0xcf,                   /* iretq */
    /* 6c: breakpoint */
    0x83, 0xc3, 0x02, /* add ebx, 2 */
    0x48, 0xcf,       /* iretq */
    /* 71: timer */
    0x83, 0xcb, 0x04,                      /* or ebx, 4 */
    0xc7, 0x82, 0xb0, 0, 0, 0, 0, 0, 0, 0, /* mov [rdx+0xb0], 0 (EOI) */
    0x48, 0xcf,                            /* iretq */
};
#define PAGE_FAULT_AT 0x5e
#define BREAKPOINT_AT 0x6c
#define TIMER_AT      0x71

_Static_assert (sizeof code == 0x80, "the handlers' offsets follow from the listing");

struct probe {
    struct kvm_vm *vm;
    struct kvm_cpu *cpu;
    uint8_t *ram;
    sem_t done;
    uint32_t result;
    char detail[120];
};

static void
set_gate (uint8_t *idt, unsigned vector, uint64_t handler)
{
    uint8_t *gate = idt + vector * 16;

    store_le16 (gate, (uint16_t) handler);
    store_le16 (gate + 2, 0x08);
    store_le16 (gate + 4, 0x8e00); /* interrupt gate, present */
    store_le16 (gate + 6, (uint16_t) (handler >> 16));
    store_le32 (gate + 8, (uint32_t) (handler >> 32));
}

static void
fill_tables (uint8_t *ram)
{
    memcpy (ram + CODE, code, sizeof code);
    store_le64 (ram + 0x1000, 0x2003);
    store_le64 (ram + 0x1000 + 511 * 8, 0x4003);
    store_le64 (ram + 0x2000, 0x3003);
    store_le64 (ram + 0x2000 + 3 * 8, 0x6003); /* 3 GiB–4 GiB */
    store_le64 (ram + 0x3000, 0x83);
    store_le64 (ram + 0x4000 + 510 * 8, 0x5003);
    store_le64 (ram + 0x5000, 0x83);
    store_le64 (ram + 0x6000 + 0x1f7 * 8, 0xfee00083 | 0x18); /* uncached */
    store_le64 (ram + 0x8008, 0x00af9b000000ffff);
    store_le64 (ram + 0x8010, 0x00cf93000000ffff);
    set_gate (ram + 0x7000, 14, UPPER + CODE + PAGE_FAULT_AT);
    set_gate (ram + 0x7000, 3, UPPER + CODE + BREAKPOINT_AT);
    set_gate (ram + 0x7000, 0x40, UPPER + CODE + TIMER_AT);
}

static void
ignore_kick (int signal_number)
{
}

static void *
probe_thread (void *data)
{
    struct probe *probe = data;
    struct kvm_exit exit;

    for (;;) {
        kvm_cpu_run (probe->cpu, &exit);
        if (exit.type == KVM_DID_PORT && exit.io.is_write && exit.io.address == REPORT_PORT)
            memcpy (&probe->result, exit.io.data, sizeof probe->result);
        else if (exit.type == KVM_DID_OTHER)
            continue;
        else
            snprintf (probe->detail, sizeof probe->detail, "%.119s",
                      exit.detail[0] ? exit.detail : "the guest stopped early");
        break;
    }
    sem_post (&probe->done);
    return NULL;
}

static int
set_up (struct probe *probe, struct vmm_error *error)
{
    const struct kvm_probe_entry entry = {
        .rip = UPPER + CODE,
        .rsp = UPPER + STACK,
        .cr3 = 0x1000,
        .gdt_base = UPPER + 0x8000,
        .gdt_limit = 0x17,
        .idt_base = UPPER + 0x7000,
        .idt_limit = 0x41 * 16 - 1,
    };
    struct kvm_cpuid_leaf leaves[KVM_MAX_LEAVES];
    size_t n_leaves = KVM_MAX_LEAVES;
    int r;

    r = kvm_vm_create (&probe->vm, error);
    if (r < 0)
        return r;
    probe->ram = mmap (NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (probe->ram == MAP_FAILED) {
        probe->ram = NULL;
        return vmm_error_set (error, -ENOMEM, "out of memory");
    }
    fill_tables (probe->ram);
    r = kvm_vm_set_memory (probe->vm, 0, 0, probe->ram, RAM_SIZE, 0);
    if (r >= 0)
        r = kvm_vm_add_chips (probe->vm, error);
    if (r >= 0)
        r = kvm_cpu_create (probe->vm, 0, &probe->cpu, error);
    if (r >= 0)
        r = kvm_vm_supported_cpuid (probe->vm, leaves, &n_leaves);
    if (r >= 0)
        r = kvm_cpu_set_cpuid (probe->cpu, leaves, n_leaves);
    if (r >= 0)
        r = kvm_cpu_set_probe_entry (probe->cpu, &entry);
    return r;
}

static void
tear_down (struct probe *probe)
{
    kvm_cpu_destroy (probe->cpu);
    if (probe->ram)
        munmap (probe->ram, RAM_SIZE);
    kvm_vm_destroy (probe->vm);
}

/* Runs the guest with a deadline. 0 if it said what it should, else what went wrong in .detail. */
static int
run_guest (struct probe *probe)
{
    struct sigaction action = {.sa_handler = ignore_kick}, before;
    struct timespec deadline;
    pthread_t thread;
    int kick = SIGRTMIN + 5;
    bool late;

    sigemptyset (&action.sa_mask);
    sigaction (kick, NULL, &before);
    if (before.sa_handler == SIG_DFL)
        sigaction (kick, &action, NULL);
    sem_init (&probe->done, 0, 0);
    if (pthread_create (&thread, NULL, probe_thread, probe) != 0) {
        snprintf (probe->detail, sizeof probe->detail, "no thread could be started");
        sem_destroy (&probe->done);
        return -EAGAIN;
    }
    clock_gettime (CLOCK_REALTIME, &deadline);
    deadline.tv_sec += DEADLINE_NS / 1000000000;
    while ((late = sem_timedwait (&probe->done, &deadline) < 0) && errno == EINTR)
        continue;
    if (late) {
        kvm_cpu_set_immediate_exit (probe->cpu, true);
        pthread_kill (thread, kick);
    }
    pthread_join (thread, NULL);
    sem_destroy (&probe->done);
    if (late)
        snprintf (probe->detail, sizeof probe->detail, "it is far too slow");
    else if (probe->result != RESULT_OK && !probe->detail[0])
        snprintf (probe->detail, sizeof probe->detail, "faults and interrupts go astray (%#x)",
                  probe->result);
    return probe->result == RESULT_OK && !late ? 0 : -EIO;
}

static void
read_cpu (struct vmm_host *host)
{
    CLEANUP (cleanup_file) FILE *file = fopen ("/proc/cpuinfo", "re");
    char line[4096], *colon;

    while (file && fgets (line, sizeof line, file)) {
        colon = strchr (line, ':');
        if (colon && !host->cpu_model[0] && strncmp (line, "model name", 10) == 0) {
            colon[strcspn (colon, "\n")] = '\0';
            snprintf (host->cpu_model, sizeof host->cpu_model, "%s", colon + 2);
        }
        if (colon && strncmp (line, "flags", 5) == 0) {
            host->nested_hint = strstr (colon, " hypervisor") != NULL;
            break;
        }
    }
}

static void
judge (struct vmm_host *host, int r, const struct vmm_error *error, const struct probe *probe)
{
    switch (r) {
    case 0:
        host->verdict = VMM_HOST_USABLE;
        host->id = "usable";
        snprintf (host->summary, sizeof host->summary,
                  "This computer runs virtual machines at full speed.");
        return;
    case -ENOENT:
        host->verdict = VMM_HOST_NO_DEVICE;
        host->id = "no-device";
        snprintf (host->summary, sizeof host->summary, "/dev/kvm does not exist.");
        snprintf (host->advice, sizeof host->advice,
                  "Turn virtualization (AMD-V or VT-x) on in the firmware setup and load the "
                  "kernel module kvm-amd or kvm-intel, or use libvirt with QEMU, which can do "
                  "without, slowly.");
        return;
    case -EACCES:
        host->verdict = VMM_HOST_NO_PERMISSION;
        host->id = "no-permission";
        snprintf (host->summary, sizeof host->summary, "/dev/kvm may not be opened.");
        snprintf (host->advice, sizeof host->advice,
                  "Add your user to the group that owns it (“sudo usermod -aG kvm $USER”) and log "
                  "in again.");
        return;
    case -EIO:
        host->verdict = VMM_HOST_EMULATES;
        host->id = "only-emulates";
        snprintf (host->summary, sizeof host->summary,
                  "/dev/kvm runs firmware and small programs, but no normal kernel: %s.",
                  probe->detail);
        snprintf (host->advice, sizeof host->advice,
                  "Turn on nested virtualization for this computer, which is itself a virtual "
                  "machine, or use libvirt with QEMU, which can do without, slowly.");
        return;
    default:
        host->verdict = VMM_HOST_NO_HARDWARE;
        host->id = "no-hardware-virtualization";
        snprintf (host->summary, sizeof host->summary, "KVM cannot run a virtual machine: %.200s.",
                  error->message);
        snprintf (host->advice, sizeof host->advice,
                  "Turn virtualization (AMD-V or VT-x) on in the firmware setup; if this computer "
                  "is itself a virtual machine, turn on nested virtualization for it.");
    }
}

void
vmm_probe_host (struct vmm_host *ret_host)
{
    uint64_t began = vmm_monotonic_now ();
    struct vmm_error error = {0};
    struct probe probe = {0};
    long pages = sysconf (_SC_PHYS_PAGES), cpus = sysconf (_SC_NPROCESSORS_ONLN);
    int r;

    *ret_host = (struct vmm_host) {0};
    read_cpu (ret_host);
    ret_host->host_cpus = cpus > 0 ? (unsigned) cpus : 1;
    ret_host->host_memory = pages > 0 ? (uint64_t) pages * (uint64_t) sysconf (_SC_PAGESIZE) : 0;
    r = set_up (&probe, &error);
    if (probe.vm) {
        ret_host->max_vcpus = kvm_vm_max_cpus (probe.vm);
        ret_host->api_version = KVM_REQUIRED_API_VERSION;
    }
    if (r >= 0)
        r = run_guest (&probe);
    judge (ret_host, r, &error, &probe);
    tear_down (&probe);
    ret_host->probe_ns = vmm_monotonic_now () - began;
}
