/* SPDX-License-Identifier: GPL-2.0 */
/* Instructions, one behind the other: for the parts of tailcall_fuzz that make them. */
#ifndef FUZZ_CODE_H
#define FUZZ_CODE_H

#include "fuzz.h"
#include "insn.h"

#define MAX_INSNS	8192
#define MAX_FIXUPS	1024

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
