/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A ROM whose first instructions send a byte to the first serial port; then it turns the machine
 * off, for which an ICH9 must be told where its ACPI registers are (Intel ICH9 datasheet, 13.1.14
 * and 13.1.15: PMBASE and ACPI_CNTL of 00:1f.0).
 */
        .macro  select register
        mov     $0xcf8, %dx
        mov     $0x8000f800 | \register, %eax
        out     %eax, %dx
        mov     $0xcfc, %dx
        .endm

        .code16
        .text
start:
        select  0x40
        mov     $0x601, %eax
        out     %eax, %dx
        select  0x44
        mov     $0x80, %al
        out     %al, %dx
        mov     $0x604, %dx
        mov     $0x2000, %ax            /* SLP_EN, SLP_TYP 0: S5 */
        out     %ax, %dx
1:      hlt
        jmp     1b

        .org    0xfff0
        mov     $0x3f8, %dx
        mov     $'A', %al
        out     %al, %dx
        jmp     start

        .org    0x10000
        .section .note.GNU-stack, "", @progbits
