// SPDX-License-Identifier: GPL-2.0
/*
 * The programs that are measured, insn by insn, so that no compiler changes
 * them. Those of the table in patches/expect/goals have the insns that clang makes of
 * libbpf's bpf_tail_call_static(): it keeps context and map in r6 and r7, so two
 * callee-saved registers are part of what they cost.
 *
 * Nothing counts entries, for that would be measured, too: that it is the limit
 * that ends a chain is what limit and sublimit are for.
 */
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../bench.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, SLOTS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} jump SEC(".maps");

/* hop_N tail calls slot N + 1. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, LIMIT + 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} hops SEC(".maps");

/* A map's name has at most 15 letters. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, SLOTS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} jump_of_fifteen SEC(".maps");

__u32 entries;

/* A program or a subprogram whose insns are TEXT. */
#define BODY(text)							\
{									\
	asm volatile(text						\
		     :: [mark]"i"(offsetof(struct __sk_buff, mark)),	\
			[priority]"i"(offsetof(struct __sk_buff, priority)), \
			[jump]"i"(&jump), [hops]"i"(&hops),		\
			[fifteen]"i"(&jump_of_fifteen),			\
			[self]"i"(SELF), [callee]"i"(CALLEE),		\
			[empty]"i"(EMPTY), [reached]"i"(REACHED),	\
			[body]"i"(MARK_BODY), [before]"i"(MARK_BEFORE),	\
			[after]"i"(MARK_AFTER));			\
}

#define PROG(name, text)						\
	SEC("tc") __attribute__((naked))				\
	int name(void)							\
	BODY(text)

#define SUBPROG(name, text)						\
	static __attribute__((naked, noinline, used))			\
	int name(void)							\
	BODY(text)

/* As bpf_tail_call_static() does it. */
#define TAIL_CALL(slot)							\
	"r6 = r1; r7 = %[jump] ll;"					\
	"r1 = r6; r2 = r7; r3 = " slot "; call 12;"

/* The fewest insns, no callee-saved register. */
#define LEAN_TAIL_CALL(slot)						\
	"r2 = %[jump] ll; r3 = " slot "; call 12;"

#define RETURN_0 "r0 = 0; exit;"

/* ---- calibration: programs of known length -------------------------------- */

PROG(empty, RETURN_0)
PROG(alu_100, ".rept 100; r0 = 0; .endr;" RETURN_0)
PROG(alu_200, ".rept 200; r0 = 0; .endr;" RETURN_0)

/* ---- the table ------------------------------------------------------------ */

/* A tail callee that tells that it was reached, and else is empty. */
PROG(callee, "r0 = %[reached]; exit;")

PROG(direct, TAIL_CALL("%[self]") RETURN_0)

PROG(indirect, "r3 = *(u32 *)(r1 + %[mark]); r2 = %[jump] ll; call 12;" RETURN_0)

SUBPROG(call_self, TAIL_CALL("%[self]") RETURN_0)
PROG(subtail, "call call_self; exit;")

PROG(stk, "r6 = r1;"
	"r1 = *(u32 *)(r6 + %[mark]); *(u64 *)(r10 - 8) = r1;"
	"r1 = *(u32 *)(r6 + %[priority]); *(u64 *)(r10 - 64) = r1;"
	"r7 = %[jump] ll;"
	"r1 = r6; r2 = r7; r3 = %[self]; call 12;" RETURN_0)

PROG(leafcall, TAIL_CALL("%[callee]") RETURN_0)

PROG(miss, TAIL_CALL("%[empty]") RETURN_0)

SUBPROG(nothing, RETURN_0)
PROG(call0, "call nothing; exit;")

/* ---- beyond the table: differences of two programs ------------------------- */

/* The tail call is not reached; without it the same insns run. */
#define NOT_REACHED(text)						\
	"r0 = *(u32 *)(r1 + %[mark]); if r0 == 0 goto 1f;" text "1:"

#define NO_CALL "r2 = 0; r3 = 0; r0 = 0;"

PROG(entry_plain, NOT_REACHED(NO_CALL) RETURN_0)
PROG(entry, NOT_REACHED(LEAN_TAIL_CALL("%[self]")) RETURN_0)

/* One bpf2bpf call and two, in a program without a tail call and in one with. */
#define CALL "call nothing;"
PROG(calls_1_plain, NOT_REACHED(NO_CALL) CALL "exit;")
PROG(calls_2_plain, NOT_REACHED(NO_CALL) CALL CALL "exit;")
PROG(calls_1, NOT_REACHED(LEAN_TAIL_CALL("%[self]")) CALL "exit;")
PROG(calls_2, NOT_REACHED(LEAN_TAIL_CALL("%[self]")) CALL CALL "exit;")

/* A subprogram without a tail call, and one with. */
SUBPROG(sub_plain, NOT_REACHED(NO_CALL) RETURN_0)
SUBPROG(sub, NOT_REACHED(LEAN_TAIL_CALL("%[self]")) RETURN_0)
PROG(entry_sub_plain, "call sub_plain; exit;")
PROG(entry_sub, "call sub; exit;")

/* All callee-saved registers. */
PROG(regs, "r6 = r1; r7 = %[jump] ll; r8 = 0; r9 = 0;"
	"r1 = r6; r2 = r7; r3 = %[self]; call 12;" RETURN_0)

/* A subprogram that fentry is attached to; one tail call in it. */
SUBPROG(traced_sub, LEAN_TAIL_CALL("%[callee]") RETURN_0)
PROG(traced, "call traced_sub; exit;")

/* ---- chains of N tail calls: enter hop_(LIMIT - N) -------------------------- */

#define HOP(n)								\
	PROG(hop_##n, "r2 = %[hops] ll; r3 = " #n " + 1; call 12;" RETURN_0)

HOP(0)	HOP(1)	HOP(2)	HOP(3)	HOP(4)	HOP(5)	HOP(6)	HOP(7)	HOP(8)
HOP(9)	HOP(10)	HOP(11)	HOP(12)	HOP(13)	HOP(14)	HOP(15)	HOP(16)	HOP(17)
HOP(18)	HOP(19)	HOP(20)	HOP(21)	HOP(22)	HOP(23)	HOP(24)	HOP(25)	HOP(26)
HOP(27)	HOP(28)	HOP(29)	HOP(30)	HOP(31)	HOP(32)

/* ---- N levels of subprograms, a tail call in the last ----------------------- */

/* level_N has a tail call in its last subprogram, plain_N has none. */
SUBPROG(sub_level_0, LEAN_TAIL_CALL("%[callee]") RETURN_0)
SUBPROG(sub_level_1, "call sub_level_0; exit;")
SUBPROG(sub_level_2, "call sub_level_1; exit;")
SUBPROG(sub_level_3, "call sub_level_2; exit;")
SUBPROG(sub_level_4, "call sub_level_3; exit;")

PROG(level_0, LEAN_TAIL_CALL("%[callee]") RETURN_0)
PROG(level_1, "call sub_level_0; exit;")
PROG(level_2, "call sub_level_1; exit;")
PROG(level_3, "call sub_level_2; exit;")
PROG(level_4, "call sub_level_3; exit;")
PROG(level_5, "call sub_level_4; exit;")

SUBPROG(sub_plain_0, RETURN_0)
SUBPROG(sub_plain_1, "call sub_plain_0; exit;")
SUBPROG(sub_plain_2, "call sub_plain_1; exit;")
SUBPROG(sub_plain_3, "call sub_plain_2; exit;")
SUBPROG(sub_plain_4, "call sub_plain_3; exit;")

PROG(plain_0, RETURN_0)
PROG(plain_1, "call sub_plain_0; exit;")
PROG(plain_2, "call sub_plain_1; exit;")
PROG(plain_3, "call sub_plain_2; exit;")
PROG(plain_4, "call sub_plain_3; exit;")
PROG(plain_5, "call sub_plain_4; exit;")

/* ---- bytes of code: marked places ------------------------------------------- */

#define HERE "r0 = %[body];"
#define SITE(text) "r0 = %[before];" text "r0 = %[after];"

PROG(bytes_plain, HERE RETURN_0)
PROG(bytes_direct, HERE "r2 = %[jump] ll; r3 = %[self];" SITE("call 12;") RETURN_0)
PROG(bytes_indirect, HERE "r3 = *(u32 *)(r1 + %[mark]); r2 = %[jump] ll;"
	SITE("call 12;") RETURN_0)
SUBPROG(sub_bytes_plain, HERE RETURN_0)
PROG(bytes_subplain, "call sub_bytes_plain; exit;")
SUBPROG(sub_bytes, HERE "r2 = %[jump] ll; r3 = %[self];" SITE("call 12;") RETURN_0)
PROG(bytes_sub, "call sub_bytes; exit;")
PROG(bytes_call_plain, NOT_REACHED(NO_CALL) SITE("call nothing;") RETURN_0)
PROG(bytes_call, NOT_REACHED(LEAN_TAIL_CALL("%[self]")) SITE("call nothing;") RETURN_0)

/* ---- watched: names of 5 letters, and of 60 ------------------------- */

#define TO(map, slot)							\
	"r6 = r1; r7 = " map " ll; r1 = r6; r2 = r7; r3 = " slot "; call 12;"
#define TO_ANY(map)							\
	"r3 = *(u32 *)(r1 + %[mark]); r2 = " map " ll; call 12;"

PROG(hit_d, TO("%[jump]", "%[self]") RETURN_0)
PROG(hit_i, TO_ANY("%[jump]") RETURN_0)
PROG(no_hi, TO("%[jump]", "%[empty]") RETURN_0)
PROG(NAME_60(hit_d), TO("%[fifteen]", "%[self]") RETURN_0)
PROG(NAME_60(hit_i), TO_ANY("%[fifteen]") RETURN_0)
PROG(NAME_60(no_hi), TO("%[fifteen]", "%[empty]") RETURN_0)

/* ---- the limit --------------------------------------------------------------- */

/* They count their entries: it is the limit that ends a chain, not a fault. */
SEC("tc")
int limit(struct __sk_buff *skb)
{
	if (++entries > BOUND)
		return 0;
	bpf_tail_call_static(skb, &jump, SELF);
	return 0;
}

/* volatile: clang drops a return value that nobody reads. */
static __noinline int sub_limit(struct __sk_buff *skb)
{
	volatile int ret = 0;

	bpf_tail_call_static(skb, &jump, SELF);
	return ret;
}

SEC("tc")
int sublimit(struct __sk_buff *skb)
{
	if (++entries > BOUND)
		return 0;
	return sub_limit(skb);
}

char _license[] SEC("license") = "GPL";
