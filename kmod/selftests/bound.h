/* SPDX-License-Identifier: GPL-2.0 */
/* What the BPF programs and the checker have to agree on. */
#ifndef TAILCALL_CHECK_BOUND_H
#define TAILCALL_CHECK_BOUND_H

/* Tail calls that a run may make, as the kernel has it. */
#define LIMIT	33

/*
 * Entries after which a program stops itself: enough to see the limit fail, and
 * few enough for the kernel stack where each adds a frame. The KUnit suites have
 * the same two numbers as TCALL_LIMIT and TCALL_BOUND, in kunit/prog.h.
 */
#define BOUND	48

/* What a tail callee returns where its caller would return zero. */
#define CALLEE_RESULT	5

/* Where a program went: as its insns say, or as the verifier took for granted. */
#define RIGHT_WAY	1
#define WRONG_WAY	2

#endif /* TAILCALL_CHECK_BOUND_H */
