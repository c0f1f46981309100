/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A guest that goes astray from its first instruction on: in real mode, it jumps to where neither
 * RAM nor ROM is, and there is nothing that KVM could carry out.
 */
        .code16
        .section .reset, "ax"
        ljmp    $0xd000, $0x0010

        .section .note.GNU-stack, "", @progbits
