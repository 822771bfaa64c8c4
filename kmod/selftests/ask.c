// SPDX-License-Identifier: GPL-2.0
/* From what a program is asked to do to its insns. */
#include <errno.h>
#include <stdio.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "ask.h"
#include "check.h"

/* The kernel's MAX_BPF_FUNC_ARGS. */
#define RAW_TP_WORDS	12

struct code {
	struct bpf_insn insn[64];
	size_t count;
};

static void emit(struct code *c, __u8 code, __u8 dst, __u8 src, __s16 off,
		 __s32 imm)
{
	c->insn[c->count++] = (struct bpf_insn){
		.code = code, .dst_reg = dst, .src_reg = src, .off = off,
		.imm = imm,
	};
}

static void emit_fd(struct code *c, __u8 dst, __u8 kind, int fd)
{
	emit(c, BPF_LD | BPF_DW | BPF_IMM, dst, kind, 0, fd);
	emit(c, 0, 0, 0, 0, 0);
}

static void emit_load(struct code *c, __u8 dst, __u8 src, __s16 off)
{
	emit(c, BPF_LDX | BPF_MEM | BPF_DW, dst, src, off, 0);
}

static void emit_store(struct code *c, __u8 dst, __u8 src, __s16 off)
{
	emit(c, BPF_STX | BPF_MEM | BPF_DW, dst, src, off, 0);
}

static void emit_mov(struct code *c, __u8 dst, __u8 src)
{
	emit(c, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void emit_call(struct code *c, __u8 kind, int function)
{
	emit(c, BPF_JMP | BPF_CALL, 0, kind, 0, function);
}

/* Put R0 into the first value of an array. */
static void emit_report(struct code *c, int map_fd)
{
	emit_fd(c, 1, BPF_PSEUDO_MAP_VALUE, map_fd);
	emit_store(c, 1, 0, 0);
}

int make_prog_array(void)
{
	return make_map(BPF_MAP_TYPE_PROG_ARRAY, 4, 4);
}

/* The BTF id of a function of the kernel, or a negative error. */
static int kernel_function(const char *name)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int id;

	if (!btf)
		return -errno;
	id = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);
	btf__free(btf);
	return id;
}

int load_asked(struct ask ask)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = ask.attach,
		    .prog_flags = ask.flags);
	struct code c = {};
	int id;

	if (ask.func) {
		id = libbpf_find_vmlinux_btf_id(ask.func, ask.attach);
		if (id < 0)
			return id;
		opts.attach_btf_id = id;
	}
	emit_mov(&c, 6, 1);
	if (ask.ctx)
		emit_load(&c, 0, 6, ask.ctx - 8);
	if (ask.beyond) {
		emit(&c, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
		for (id = 2; id < RAW_TP_WORDS; id++) {
			emit_load(&c, 1, 6, id * 8);
			emit(&c, BPF_ALU64 | BPF_OR | BPF_X, 0, 1, 0, 0);
		}
		emit_report(&c, ask.beyond);
	}
	if (ask.bytes) {
		emit_load(&c, 1, 6, ask.buffer);
		emit(&c, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1, 0);
		emit_load(&c, 0, 1, ask.bytes - 8);
	}
	if (ask.write) {
		emit_load(&c, 0, 6, 0);
		emit_store(&c, 6, 0, 0);
	}
	if (ask.storage) {
		emit_fd(&c, 1, BPF_PSEUDO_MAP_FD, ask.storage);
		emit(&c, BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, 0);
		emit_call(&c, 0, BPF_FUNC_get_local_storage);
	}
	if (ask.path) {
		/* 5.10 wants the buffer written before. */
		for (id = -64; id < 0; id += 8)
			emit(&c, BPF_ST | BPF_MEM | BPF_DW, 10, 0, id, 0);
		emit_load(&c, 1, 6, 0);
		emit_mov(&c, 2, 10);
		emit(&c, BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -64);
		emit(&c, BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, 64);
		emit_call(&c, 0, BPF_FUNC_d_path);
	}
	if (ask.ip) {
		emit_mov(&c, 1, 6);
		emit_call(&c, 0, BPF_FUNC_get_func_ip);
		emit_report(&c, ask.ip);
	}
	if (ask.cookie) {
		id = kernel_function("bpf_session_cookie");
		if (id < 0)
			return id;
		emit_mov(&c, 1, 6);
		emit_call(&c, BPF_PSEUDO_KFUNC_CALL, id);
		emit(&c, BPF_ALU64 | BPF_SUB | BPF_X, 0, 6, 0, 0);
		emit_report(&c, ask.cookie);
	}
	if (ask.jump) {
		emit_mov(&c, 1, 6);
		emit_fd(&c, 2, BPF_PSEUDO_MAP_FD, ask.jump);
		emit(&c, BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, 0);
		emit_call(&c, 0, BPF_FUNC_tail_call);
	}
	emit(&c, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, ask.ret);
	emit(&c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	return keep(bpf_prog_load(ask.type, NULL, "GPL", c.insn, c.count,
				  &opts));
}

struct ask with_jump(struct ask ask, int map_fd)
{
	ask.jump = map_fd;
	return ask;
}

struct ask with_storage(struct ask ask, int map_fd)
{
	ask.storage = map_fd;
	return ask;
}

const char *refused(int map_fd)
{
	static char why[64];
	char path[64], line[128];
	FILE *f;

	why[0] = 0;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", map_fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "owner_refused: %63s", why) == 1)
			break;
	if (f)
		fclose(f);
	return why;
}
