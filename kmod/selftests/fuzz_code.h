/* SPDX-License-Identifier: GPL-2.0 */
/* Instructions, one behind the other: for the parts of tailcall_fuzz that make them. */
#ifndef FUZZ_CODE_H
#define FUZZ_CODE_H

#include <linux/bpf.h>

#include "fuzz.h"

#define MAX_INSNS	8192
#define MAX_FIXUPS	1024

#define INSN(c, d, s, o, i) \
	((struct bpf_insn) { .code = (c), .dst_reg = (d), .src_reg = (s), \
			     .off = (o), .imm = (i) })
#define MOV_IMM(dst, i)		INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, i)
#define MOV_REG(dst, s)		INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, s, 0, 0)
#define MOV32_REG(dst, s)	INSN(BPF_ALU | BPF_MOV | BPF_X, dst, s, 0, 0)
#define ALU_IMM(op, dst, i)	INSN(BPF_ALU64 | (op) | BPF_K, dst, 0, 0, i)
#define ALU_REG(op, dst, s)	INSN(BPF_ALU64 | (op) | BPF_X, dst, s, 0, 0)
#define ALU32_IMM(op, dst, i)	INSN(BPF_ALU | (op) | BPF_K, dst, 0, 0, i)
#define ALU32_REG(op, dst, s)	INSN(BPF_ALU | (op) | BPF_X, dst, s, 0, 0)
#define LOAD(dst, s, o)		INSN(BPF_LDX | BPF_MEM | BPF_DW, dst, s, o, 0)
#define STORE_REG(dst, s, o)	INSN(BPF_STX | BPF_MEM | BPF_DW, dst, s, o, 0)
#define STORE_IMM(dst, o, i)	INSN(BPF_ST | BPF_MEM | BPF_DW, dst, 0, o, i)
#define ATOMIC(dst, s, o, op)	INSN(BPF_STX | BPF_ATOMIC | BPF_DW, dst, s, o, op)
#define JUMP_IMM(op, dst, i, o)	INSN(BPF_JMP | (op) | BPF_K, dst, 0, o, i)
#define JUMP_REG(op, dst, s, o)	INSN(BPF_JMP | (op) | BPF_X, dst, s, o, 0)
#define CALL_INSN(s, i)		INSN(BPF_JMP | BPF_CALL, 0, s, 0, i)
#define EXIT()			INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

#define OFF(field)		((int)offsetof(struct shared, field))

enum label {
	STOP_LABEL,
	BROKEN_LABEL,
	FUNC_LABEL,	/* and the number of a function */
};

struct code {
	struct bpf_insn insn[MAX_INSNS];
	int count;
	struct {
		int at, label;
	} fixup[MAX_FIXUPS];
	int fixups;
	bool too_large;
	const int *array_fd;
	__u32 mask;
	__u32 stack_limit;
	bool measures;
	int prog;
};

/* BTF: of all programs, of a static function with any context, of a map with a timer. */
extern int btf_fd;
extern __u32 timer_key_id, timer_value_id;
__u32 plain_id(int func);

void emit(struct code *c, struct bpf_insn insn);
/* The last instruction goes to a label that has no place yet. */
void to_label(struct code *c, int label);
void place(struct code *c, int label);
void emit_imm64(struct code *c, int reg, int kind, __u64 value);
/* @reg = the address of what is shared. */
void emit_shared(struct code *c, int reg);
/* @reg = the address of function @func, as a callback. */
void emit_func_address(struct code *c, int reg, int func);

#endif /* FUZZ_CODE_H */
