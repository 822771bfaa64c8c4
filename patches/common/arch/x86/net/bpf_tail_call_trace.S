/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the stubs of tail calls jump to. It counts. To the program that is a nop still.
 *
 * The program's frame has the address of the run's counter at rbp - 16. rdi is the
 * context, rsi the prog_array, edx the index and r11 the site. On the way to the tail
 * callee rax is the address of the counter, too, and rcx the tail callee of an
 * indirect tail call; the program still needs rcx, rdi, r9 and r10. On the way around
 * it, it needs r9 and r10.
 */
#include <linux/linkage.h>
#include <asm/asm-offsets.h>
#include <asm/nospec-branch.h>

	.code64
	.section .text, "ax"

#ifdef CONFIG_SMP
#define THIS_CPU	%gs:
#else
#define THIS_CPU
#endif

SYM_FUNC_START(bpf_tail_call_trace_hit_thunk)
	ANNOTATE_NOENDBR
	movq	TAIL_CALL_SITE_counts(%r11), %r8
	movq	(%rax), %rax
	incq	THIS_CPU (%r8, %rax, 8)
	movl	TAIL_CALL_SITE_at(%r11), %eax
	incq	THIS_CPU (%r8, %rax)
	RET
SYM_FUNC_END(bpf_tail_call_trace_hit_thunk)

/*
 * Asks why in the order in which the tail call asks. It is right unless the slot was
 * written meanwhile: who finds no reason any more takes it that the slot was empty.
 */
SYM_FUNC_START(bpf_tail_call_trace_miss_thunk)
	ANNOTATE_NOENDBR
	cmpb	$0, TAIL_CALL_SITE_direct(%r11)
	je	.Lindirect
	movl	$TAIL_CALL_EMPTY, %ecx
	cmpq	$0, BPF_ARRAY_ptrs(%rsi, %rdx, 8)
	je	.Lcount
.Lmade:
	movl	$TAIL_CALL_STACK, %ecx
	movq	-16(%rbp), %rax
	movl	TAIL_CALL_SITE_budget(%r11), %r8d
	leaq	8(%rsp, %r8), %r8
	cmpq	%rax, %r8
	jb	.Lcount
	movl	$TAIL_CALL_LIMIT, %ecx
	cmpq	$TAIL_CALL_MAX, (%rax)
	jae	.Lcount
	movl	$TAIL_CALL_EMPTY, %ecx
.Lcount:
	movl	TAIL_CALL_SITE_at(%r11), %eax
	addq	TAIL_CALL_SITE_counts(%r11), %rax
	incq	THIS_CPU (%rax, %rcx, 8)
	RET
.Lindirect:
	movl	$TAIL_CALL_RANGE, %ecx
	cmpl	%edx, BPF_ARRAY_max_entries(%rsi)
	jbe	.Lcount
	jmp	.Lmade
SYM_FUNC_END(bpf_tail_call_trace_miss_thunk)
