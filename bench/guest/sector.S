/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A boot sector that sends a byte to the first serial port and turns the machine off: SeaBIOS has
 * put the ACPI registers at 0x600. */
        .code16
        .text
        mov     $0x3f8, %dx
        mov     $'A', %al
        out     %al, %dx
        mov     $0x604, %dx
        mov     $0x2000, %ax            /* SLP_EN, SLP_TYP 0: S5 */
        out     %ax, %dx
1:      hlt
        jmp     1b

        .org    510
        .word   0xaa55
        .org    0x100000
        .section .note.GNU-stack, "", @progbits
