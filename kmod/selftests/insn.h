/* SPDX-License-Identifier: GPL-2.0 */
/* Instructions of BPF, for programs that are not compiled. */
#ifndef INSN_H
#define INSN_H

#include <linux/bpf.h>

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
#define MAY_GOTO(o)		INSN(BPF_JMP | 0xe0, 0, 0, o, 0)
#define CALL_INSN(s, i)		INSN(BPF_JMP | BPF_CALL, 0, s, 0, i)
#define EXIT()			INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

/* The first half of an insn of 64 bits, a map's descriptor, and the second one. */
#define MAP_FD(dst, fd)		INSN(BPF_LD | BPF_IMM | BPF_DW, dst, BPF_PSEUDO_MAP_FD, 0, fd)
#define IMM64_END(i)		INSN(0, 0, 0, 0, i)

#endif /* INSN_H */
