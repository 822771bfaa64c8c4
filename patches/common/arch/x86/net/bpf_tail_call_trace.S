/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a traced tail call calls instead of a nop. To the program it is a nop
 * still: all registers are as they were.
 */
#include <linux/linkage.h>
#include <asm/nospec-branch.h>

	.code64
	.section .text, "ax"

/*
 * The program's frame has the address of the run's counter at rbp - 16. rsi is
 * the prog_array, edx the index and, in an indirect tail call that is made, rcx
 * the tail callee. The site is 5 bytes before the return address.
 */
.macro TRACE_THUNK name hook
SYM_FUNC_START(\name)
	ANNOTATE_NOENDBR
	pushq	%rbp
	movq	%rsp, %rbp
	pushq	%rax
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11

	movq	%rcx, %r8
	movl	%edx, %ecx
	movq	%rsi, %rdx
	movq	(%rbp), %rsi
	movq	-16(%rsi), %rsi
	movq	8(%rbp), %rdi
	subq	$5, %rdi
	CALL_DEPTH_ACCOUNT
	call	\hook

	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rax
	popq	%rbp
	RET
SYM_FUNC_END(\name)
.endm

TRACE_THUNK bpf_tail_call_trace_hit_thunk bpf_tail_call_trace_hit
TRACE_THUNK bpf_tail_call_trace_miss_thunk bpf_tail_call_trace_miss
