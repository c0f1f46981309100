/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A machine without vCPUs, for device tests and fuzzers: builds real devices on the real bus, and
 * lets a test play the guest (port and memory accesses, RAM contents) and the interrupt controller.
 * Everything runs on the caller's thread.
 */
#pragma once

#include "engine/device.h"
#include "engine/posada-engine.h"

struct testbed;

#define TESTBED_RAM (UINT64_C (64) << 20)

/* Devices in this order; log output is collected. Aborts (test failure) if creation fails. Devices
 * are reset, running. */
struct testbed *testbed_new (const struct vmm_device_config *devices, size_t n_devices);
/* As above but returns NULL and fills @error. */
struct testbed *testbed_try_new (const struct vmm_device_config *devices, size_t n_devices,
                                 struct vmm_error *error);
/* The same with device classes of the test's own (NULL-terminated). */
struct testbed *testbed_try_new_classes (const struct vmm_device_class *const *classes,
                                         const struct vmm_device_config *devices, size_t n_devices,
                                         struct vmm_error *error);
void testbed_free (struct testbed *bed);

struct vmm_machine *testbed_machine (struct testbed *bed);
struct vmm_device *testbed_device (struct testbed *bed, const char *id);

uint64_t testbed_in (struct testbed *bed, uint16_t port, unsigned size);
void testbed_out (struct testbed *bed, uint16_t port, unsigned size, uint64_t value);
uint64_t testbed_read (struct testbed *bed, uint64_t address, unsigned size);
void testbed_write (struct testbed *bed, uint64_t address, unsigned size, uint64_t value);
/* RAM; aborts outside it. */
void *testbed_ram (struct testbed *bed, uint64_t address, size_t length);

bool testbed_irq_level (struct testbed *bed, unsigned gsi);
unsigned testbed_irq_raises (struct testbed *bed, unsigned gsi); /* 0→1 transitions so far */
/* Takes the oldest message-signalled interrupt sent; false if none. */
bool testbed_pop_msi (struct testbed *bed, uint64_t *ret_address, uint32_t *ret_data);

/* Iterates the I/O loop until nothing is in flight and nothing happened for a moment (doorbells,
 * completions). */
void testbed_settle (struct testbed *bed);
/* Iterates until @condition (@data), at most @timeout_ms: returns whether it came true. */
bool testbed_wait (struct testbed *bed, bool (*condition) (void *data), void *data, int timeout_ms);

/* What the device asked of the machine so far, and clears it. */
bool testbed_took_reset (struct testbed *bed);
bool testbed_took_power_off (struct testbed *bed);
bool testbed_took_pause (struct testbed *bed);
/* Has the general-purpose events raised that devices asked for; how many there were. */
unsigned testbed_raise_events (struct testbed *bed);
/* Of the machine; a device is told when it loads a state. */
void testbed_set_generation (struct testbed *bed, const uint8_t generation[16]);
void testbed_press_power_button (struct testbed *bed);
void testbed_reset (struct testbed *bed);

/* PCI by configuration mechanism 1. testbed_pci_enable assigns BARs and enables decoding and bus
 * mastering. */
uint32_t testbed_pci_read (struct testbed *bed, unsigned devfn, unsigned offset, unsigned size);
void testbed_pci_write (struct testbed *bed, unsigned devfn, unsigned offset, unsigned size,
                        uint32_t value);
int testbed_pci_find (struct testbed *bed, uint16_t vendor, uint16_t device); /* devfn or -1 */
void testbed_pci_enable (struct testbed *bed);
uint64_t testbed_pci_bar (struct testbed *bed, unsigned devfn, unsigned bar);
unsigned testbed_pci_capability (struct testbed *bed, unsigned devfn, uint8_t id,
                                 unsigned nth); /* 0: none */

/*
 * Saves every device, resets, loads, saves again and compares: the generic round trip. Also loads
 * every truncation of the stream, and the stream with single bytes changed, into a second machine:
 * nothing may crash. Aborts on a difference.
 */
void testbed_check_round_trip (struct testbed *bed);
