/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/irq-internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/kvm.h"
#include "engine/machine.h"

#define MAX_ROUTES 1024

struct vmm_irq {
    struct kvm_vm *vm;
    struct vmm_irq_observer observer;
    pthread_mutex_t mutex;                    /* the table */
    struct vmm_msi_route *routes[MAX_ROUTES]; /* index + KVM_FIRST_MSI_GSI is the GSI */
};

int
vmm_irq_create (struct kvm_vm *vm, struct vmm_irq **ret_irq)
{
    struct vmm_irq *irq = calloc (1, sizeof *irq);

    if (!irq)
        return -ENOMEM;
    irq->vm = vm;
    pthread_mutex_init (&irq->mutex, NULL);
    *ret_irq = irq;
    return 0;
}

void
vmm_irq_destroy (struct vmm_irq *irq)
{
    if (!irq)
        return;
    pthread_mutex_destroy (&irq->mutex);
    free (irq);
}

void
vmm_irq_observe (struct vmm_irq *irq, const struct vmm_irq_observer *observer)
{
    irq->observer = *observer;
}

void
vmm_irq_set (struct vmm_machine *machine, unsigned gsi, bool level)
{
    struct vmm_irq *irq = vmm_machine_irq (machine);

    if (irq->vm)
        kvm_vm_irq_line (irq->vm, gsi, level);
    else if (irq->observer.line)
        irq->observer.line (irq->observer.data, gsi, level);
}

void
vmm_msi_send (struct vmm_machine *machine, uint64_t address, uint32_t data)
{
    struct vmm_irq *irq = vmm_machine_irq (machine);

    if (irq->vm)
        kvm_vm_signal_msi (irq->vm, address, data);
    else if (irq->observer.message)
        irq->observer.message (irq->observer.data, address, data);
}

/* Hands KVM the table of every route that has an address. Locked. */
static int
commit (struct vmm_irq *irq)
{
    struct kvm_msi_entry entries[MAX_ROUTES];
    size_t n = 0;

    for (unsigned i = 0; i < MAX_ROUTES; i++) {
        const struct vmm_msi_route *route = irq->routes[i];

        if (route && route->address)
            entries[n++] = (struct kvm_msi_entry) {
                .gsi = (unsigned) route->gsi, .address = route->address, .data = route->data};
    }
    return kvm_vm_set_routes (irq->vm, entries, n);
}

int
vmm_msi_route_init (struct vmm_machine *machine, struct vmm_msi_route *route)
{
    struct vmm_irq *irq = vmm_machine_irq (machine);
    int fd = -1, r = -ENOSPC;

    pthread_mutex_lock (&irq->mutex);
    for (unsigned i = 0; i < MAX_ROUTES; i++) {
        if (irq->routes[i])
            continue;
        fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
        r = fd < 0 ? -errno : 0;
        if (r == 0 && irq->vm)
            r = kvm_vm_irqfd (irq->vm, fd, KVM_FIRST_MSI_GSI + i, true);
        if (r == 0) {
            *route = (struct vmm_msi_route) {
                .machine = machine, .fd = fd, .gsi = (int) (KVM_FIRST_MSI_GSI + i)};
            irq->routes[i] = route;
        }
        break;
    }
    pthread_mutex_unlock (&irq->mutex);
    if (r < 0)
        close_fd (fd);
    return r;
}

int
vmm_msi_route_update (struct vmm_msi_route *route, uint64_t address, uint32_t data)
{
    struct vmm_irq *irq = vmm_machine_irq (route->machine);
    int r = 0;

    pthread_mutex_lock (&irq->mutex);
    if (route->address != address || route->data != data) {
        route->address = address;
        route->data = data;
        if (irq->vm)
            r = commit (irq);
    }
    pthread_mutex_unlock (&irq->mutex);
    return r;
}

void
vmm_msi_route_trigger (struct vmm_msi_route *route)
{
    uint64_t one = 1;

    if (!vmm_machine_irq (route->machine)->vm)
        vmm_msi_send (route->machine, route->address, route->data);
    else if (write (route->fd, &one, sizeof one) < 0)
        return; /* a full counter: the interrupt is on its way already */
}

void
vmm_msi_route_fini (struct vmm_msi_route *route)
{
    struct vmm_irq *irq;

    if (!route->machine)
        return;
    irq = vmm_machine_irq (route->machine);
    pthread_mutex_lock (&irq->mutex);
    irq->routes[route->gsi - KVM_FIRST_MSI_GSI] = NULL;
    if (irq->vm)
        kvm_vm_irqfd (irq->vm, route->fd, (unsigned) route->gsi, false);
    pthread_mutex_unlock (&irq->mutex);
    close_fd (route->fd);
    *route = (struct vmm_msi_route) {.fd = -1, .gsi = -1};
}
