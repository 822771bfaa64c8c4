/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The chains of direct and indirect, as emitted on 6.1, but the counter is a
 * register: what they would take with nothing counted in memory. They run as copies
 * elsewhere, so no address of theirs is in them; that of the copy is in floor_array.
 */
#include "bench.h"

	.text

.globl floor_direct
.p2align 6
floor_direct:
	push	%rbp
	mov	%rsp, %rbp
	mov	$LIMIT, %ecx
1:	push	%rbx
	push	%r13
	mov	%rdi, %rbx
	movabs	$floor_array, %r13
	mov	%rbx, %rdi
	mov	%r13, %rsi
	xor	%edx, %edx
	dec	%ecx
	js	2f
	pop	%r13
	pop	%rbx
	jmp	1b
2:	xor	%eax, %eax
	pop	%r13
	pop	%rbx
	leave
	ret
.globl floor_direct_end
floor_direct_end:

.globl floor_indirect
.p2align 6
floor_indirect:
	push	%rbp
	mov	%rsp, %rbp
	mov	$LIMIT, %r8d
floor_entry:
	mov	0x98(%rdi), %edx
	movabs	$floor_array, %rsi
	mov	%edx, %edx
	cmp	%edx, (%rsi)
	jbe	3f
	dec	%r8d
	js	3f
	mov	16(%rsi,%rdx,8), %rcx
	test	%rcx, %rcx
	je	3f
	mov	8(%rcx), %rcx
	add	$floor_entry - floor_indirect, %rcx
	jmp	*%rcx
3:	xor	%eax, %eax
	leave
	ret
.globl floor_indirect_end
floor_indirect_end:

	.section .note.GNU-stack, "", @progbits
