/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The protected-mode part of a kernel for test-kernel.c: the 32-bit Linux entry at 0, the PVH entry
 * at 0x100, the 64-bit Linux entry at 0x200, as the protocols have it. Each looks at what it was
 * handed and ends with 0, or the number of the step that went wrong, at the exit port. The marker
 * must be there at every start, so that a reset that does not load the image again is noticed.
 */
#define EXIT_PORT   0xf4 /* PAYLOAD_EXIT_PORT */
#define MARKER      0x300
#define PVH_BASE    0x100000
#define CODE        0x10
#define DATA        0x18

        .macro  expect32 value, place
        inc     %ecx
        cmpl    \value, \place
        jne     end32
        .endm

        .text
        .code32
        .org    0
        xor     %ecx, %ecx
        expect32 $0x53726448, 0x202(%esi)       /* "HdrS" */
        mov     %cs, %eax
        expect32 $CODE, %eax
        mov     %ds, %eax
        expect32 $DATA, %eax
        mov     %cr0, %eax
        and     $0x80000001, %eax               /* PG, PE */
        expect32 $1, %eax
        or      %ebx, %edi
        or      %ebp, %edi
        expect32 $0, %edi
        mov     0x228(%esi), %eax               /* the command line */
        expect32 $0x6c796170, (%eax)            /* "payl" */
        mov     0x218(%esi), %eax               /* the initrd */
        expect32 $0x64726e69, (%eax)            /* "inrd" */
        mov     0x70(%esi), %eax
        expect32 $0x20445352, (%eax)            /* "RSD " */
        mov     0x214(%esi), %ebp
        jmp     marker32

        .org    0x100
        xor     %ecx, %ecx
        expect32 $0x336ec578, (%ebx)
        expect32 $1, 4(%ebx)
        expect32 $1, 12(%ebx)                   /* one module */
        mov     %cr0, %eax
        and     $0x80000001, %eax
        expect32 $1, %eax
        mov     24(%ebx), %eax
        expect32 $0x6c796170, (%eax)
        mov     16(%ebx), %eax
        mov     (%eax), %eax
        expect32 $0x64726e69, (%eax)
        mov     32(%ebx), %eax
        expect32 $0x20445352, (%eax)
        mov     40(%ebx), %eax                  /* the memory map begins with RAM at 0 */
        expect32 $0, (%eax)
        expect32 $1, 16(%eax)
        mov     $PVH_BASE, %ebp
marker32:
        expect32 $0x4b52414d, MARKER(%ebp)
        movl    $0, MARKER(%ebp)
        xor     %ecx, %ecx
end32:  mov     %ecx, %eax
        mov     $EXIT_PORT, %edx
1:      outl    %eax, %dx
        jmp     1b

        .macro  expect64 value, place
        inc     %ecx
        cmpl    \value, \place
        jne     end64
        .endm

        .code64
        .org    0x200
        xor     %ecx, %ecx
        expect64 $0x53726448, 0x202(%rsi)
        mov     %cs, %eax
        expect64 $CODE, %eax
        mov     %ds, %eax
        expect64 $DATA, %eax
        mov     0x228(%rsi), %eax
        expect64 $0x6c796170, (%rax)
        mov     0x218(%rsi), %eax
        expect64 $0x64726e69, (%rax)
        mov     0x70(%rsi), %rax
        expect64 $0x20445352, (%rax)
        mov     $0xfffff000, %eax               /* the last page of 4 GiB is mapped */
        mov     (%rax), %eax
        mov     0x214(%rsi), %ebp
        expect64 $0x4b52414d, MARKER(%rbp)
        movl    $0, MARKER(%rbp)
        xor     %ecx, %ecx
end64:  mov     %ecx, %eax
        mov     $EXIT_PORT, %edx
1:      outl    %eax, %dx
        jmp     1b

        .org    MARKER
        .ascii  "MARK"
        .org    0x400

        .section .note.GNU-stack, "", @progbits
