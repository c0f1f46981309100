/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How every payload begins: a ROM that ends at 4 GiB, from the reset vector to payload_main () in
 * 64-bit mode, ring 3 with I/O privilege, identity-mapped up to 4 GiB, interrupts off. Set-up runs
 * in ring 0 with as few instructions as can be, and only plain ones: there are hosts on which KVM
 * emulates ring 0 one instruction at a time, and ring 3 at full speed.
 *
 * RAM: 0x1000 page tables, 0x80000 top of the stack, 0x100000 .bss.
 */
        .code16
        .section .start, "ax"
start16:
        cli
        lgdtl   %cs:gdt_pointer - start16
        mov     %cr0, %eax
        or      $1, %al
        mov     %eax, %cr0
        ljmpl   $0x08, $start32

        .code32
start32:
        mov     $0x10, %ax
        mov     %ax, %ds
        mov     %ax, %es
        mov     %ax, %ss
        /*
         * PML4 at 0x1000 → PDPT at 0x2000 → four directories of 2 MiB pages from 0x3000, all for
         * ring 3. (Pages of 1 GiB are not offered by every KVM.)
         */
        movl    $0x2007, 0x1000
        movl    $0x3007, 0x2000
        movl    $0x4007, 0x2008
        movl    $0x5007, 0x2010
        movl    $0x6007, 0x2018
        mov     $0x87, %eax
        mov     $0x3000, %edi
1:      mov     %eax, (%edi)
        add     $8, %edi
        add     $0x200000, %eax
        jnc     1b
        mov     %cr4, %eax
        or      $0x20, %eax             /* PAE */
        mov     %eax, %cr4
        mov     $0x1000, %eax
        mov     %eax, %cr3
        mov     $0xc0000080, %ecx       /* EFER */
        xor     %edx, %edx
        mov     $0x100, %eax            /* LME */
        wrmsr
        mov     %cr0, %eax
        or      $0x80000000, %eax
        mov     %eax, %cr0
        ljmpl   $0x18, $start64

        .code64
start64:
        /* sysretq needs neither stack nor memory: the shortest way to ring 3. */
        mov     $0xc0000081, %ecx       /* STAR: user selectors from 0x20 */
        mov     $0x00200018, %edx
        xor     %eax, %eax
        wrmsr
        mov     $0xc0000080, %ecx
        xor     %edx, %edx
        mov     $0x501, %eax            /* LMA, LME, SCE */
        wrmsr
        mov     $payload_main, %ecx
        mov     $0x3002, %r11d
        mov     $0x7fff8, %esp
        sysretq

        .balign 8
gdt:
        .quad   0
        .quad   0x00cf9b000000ffff      /* 0x08 32-bit code */
        .quad   0x00cf93000000ffff      /* 0x10 data */
        .quad   0x00af9b000000ffff      /* 0x18 64-bit code */
        .quad   0x00cffb000000ffff      /* 0x20 user 32-bit code (for STAR) */
        .quad   0x00cff3000000ffff      /* 0x28 user data */
        .quad   0x00affb000000ffff      /* 0x30 user 64-bit code */
gdt_pointer:
        .word   gdt_pointer - gdt - 1
        .long   gdt

        .code16
        .section .reset, "ax"
        jmp     start16
        .balign 16, 0

        .section .note.GNU-stack, "", @progbits
