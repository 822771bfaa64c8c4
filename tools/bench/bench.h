/* SPDX-License-Identifier: GPL-2.0 */
/* What the BPF programs and user space have to agree on. */
#ifndef TAILCALL_BENCH_H
#define TAILCALL_BENCH_H

/* Tail calls that a run may make, as the kernel has it. */
#define LIMIT	33

/* Entries after which a program that counts them stops itself. */
#define BOUND	48

/* Subprogram levels of the deepest program: the patched verifier takes no more under
 * a tail call, see "stack" in Documentation/tail-calls.rst.
 */
#define LEVELS	5

/* A name of five letters makes one of 60, which is a long one. */
#define NAME_60(name)	name##_in_a_program_with_a_name_of_sixty_letters_as_some_have

/* Slots of the prog_array; macros, because insns are written as text. */
#define SELF	0
#define CALLEE	1
#define EMPTY	2
#define SLOTS	3

/* What a tail callee returns. */
#define REACHED	7

/* Immediates that mark places in the emitted code. */
#define MARK_BODY	0x11c0de11	/* first insn of a function's body */
#define MARK_BEFORE	0x22c0de22	/* last insn before a site */
#define MARK_AFTER	0x33c0de33	/* first insn behind it */

#endif /* TAILCALL_BENCH_H */
