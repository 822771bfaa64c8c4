// SPDX-License-Identifier: GPL-2.0
/*
 * Functions, calls, source lines and maps of a program that is loaded, as the
 * kernel tells them to those who may see addresses.
 *
 * These are the insns that the verifier left: helpers are addresses, and some
 * were replaced by what they do. What lies on the stack is as in the object,
 * but for an inlined bpf_loop(), which shows what it keeps there.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "tailcall-stack.h"

/* A helper of the program, by where it lies from __bpf_call_base() on. */
struct callee {
	__s32 off;
	int helper;		/* 0: not known */
};

struct loaded {
	__u32 id;
	struct bpf_prog_info info;
	struct bpf_insn *insns;
	struct bpf_func_info *funcs;
	struct bpf_line_info *lines;
	struct btf *btf;
	struct callee *callees;
	size_t nr_callees;
	struct object *obj;
};

static __u32 parse_id(const char *text)
{
	unsigned long id;
	char *end;

	errno = 0;
	id = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end || errno || !id || id > UINT_MAX)
		die("'%s' is no id of a program: bpftool prog lists them", text);
	return id;
}

static void get_info(int fd, struct loaded *p, struct bpf_prog_info *info)
{
	__u32 len = sizeof(*info);

	if (bpf_obj_get_info_by_fd(fd, info, &len))
		die("cannot read program %u: %s", p->id, strerror(errno));
}

/* Asks for the sizes first, then for all. */
static void read_info(struct loaded *p)
{
	struct bpf_prog_info sizes = {};
	int fd = bpf_prog_get_fd_by_id(p->id);

	if (fd < 0 && errno == ENOENT)
		die("no program with the id %u is loaded: bpftool prog lists all",
		    p->id);
	if (fd < 0 && errno == EPERM)
		die("this user may not look at program %u: run it as root", p->id);
	if (fd < 0)
		die("cannot open program %u: %s", p->id, strerror(errno));
	get_info(fd, p, &sizes);
	if (!sizes.xlated_prog_len)
		die("program %u is not shown to this user: run it as root",
		    p->id);
	if (!sizes.btf_id || !sizes.nr_func_info || !sizes.nr_line_info)
		die("program %u has no BTF with line info: compile it with clang -g",
		    p->id);
	p->insns = zalloc(sizes.xlated_prog_len);
	p->funcs = zalloc(sizes.nr_func_info * sizeof(*p->funcs));
	p->lines = zalloc(sizes.nr_line_info * sizeof(*p->lines));
	p->info = (struct bpf_prog_info) {
		.xlated_prog_len = sizes.xlated_prog_len,
		.xlated_prog_insns = (uintptr_t)p->insns,
		.nr_func_info = sizes.nr_func_info,
		.func_info_rec_size = sizeof(*p->funcs),
		.func_info = (uintptr_t)p->funcs,
		.nr_line_info = sizes.nr_line_info,
		.line_info_rec_size = sizeof(*p->lines),
		.line_info = (uintptr_t)p->lines,
	};
	get_info(fd, p, &p->info);
	close(fd);
	if (!p->info.xlated_prog_insns)
		die("program %u is hidden: set kernel.kptr_restrict and bpf_jit_harden to 0",
		    p->id);
	p->btf = btf__load_from_kernel_by_id(p->info.btf_id);
	if (!p->btf)
		die("cannot read the BTF of program %u: %s", p->id,
		    strerror(errno));
}

static bool is_call(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL);
}

static void find_callees(struct loaded *p, size_t nr_insns)
{
	size_t i, j;

	for (i = 0; i < nr_insns; i++) {
		const struct bpf_insn *insn = &p->insns[i];

		if (!is_call(insn) || insn->src_reg)
			continue;
		/* No helper lies at the base itself. */
		if (!insn->imm)
			die("calls of program %u are hidden: set kernel.kptr_restrict below 2",
			    p->id);
		if (insn->imm == BPF_FUNC_tail_call)
			continue;
		for (j = 0; j < p->nr_callees; j++)
			if (p->callees[j].off == insn->imm)
				break;
		if (j < p->nr_callees)
			continue;
		p->callees = grow(p->callees, p->nr_callees, sizeof(*p->callees));
		p->callees[p->nr_callees++] = (struct callee){ .off = insn->imm };
	}
}

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len >= end_len && !strcmp(name + len - end_len, end);
}

/* A map's own function stands where its helper stood. */
static int helper_by_symbol(const char *name)
{
	static const struct {
		const char *end;
		int helper;
	} of_maps[] = {
		{ "_map_lookup_elem", BPF_FUNC_map_lookup_elem },
		{ "_map_update_elem", BPF_FUNC_map_update_elem },
		{ "_map_delete_elem", BPF_FUNC_map_delete_elem },
		{ "_map_push_elem", BPF_FUNC_map_push_elem },
		{ "_map_pop_elem", BPF_FUNC_map_pop_elem },
		{ "_map_peek_elem", BPF_FUNC_map_peek_elem },
	};
	int helper = helper_by_name(name);
	size_t i;

	for (i = 0; !helper && i < ARRAY_SIZE(of_maps); i++)
		if (ends_with(name, of_maps[i].end))
			helper = of_maps[i].helper;
	return helper;
}

/*
 * Call walk() with each symbol of the kernel. Where they are hidden, helpers stay
 * unknown: a pointer that one is given then counts without a size.
 */
static void each_symbol(struct loaded *p,
			void (*walk)(struct loaded *p, __u64 addr, const char *name))
{
	FILE *file = fopen("/proc/kallsyms", "re");
	char line[512], name[256];
	__u64 addr;

	if (!file)
		return;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%" SCNx64 " %*c %255s", (uint64_t *)&addr,
			   name) == 2 && addr)
			walk(p, addr, name);
	fclose(file);
}

static __u64 call_base;

static void find_base(struct loaded *p, __u64 addr, const char *name)
{
	(void)p;
	if (!strcmp(name, "__bpf_call_base"))
		call_base = addr;
}

static void name_callee(struct loaded *p, __u64 addr, const char *name)
{
	size_t i;

	for (i = 0; i < p->nr_callees; i++) {
		struct callee *callee = &p->callees[i];

		if (call_base + (__s64)callee->off == addr && !callee->helper)
			callee->helper = helper_by_symbol(name);
	}
}

/* Put the numbers of helpers where the object had them. */
static void restore_helpers(struct loaded *p, size_t nr_insns)
{
	size_t i, j;

	find_callees(p, nr_insns);
	each_symbol(p, find_base);
	if (call_base)
		each_symbol(p, name_callee);
	for (i = 0; i < nr_insns; i++) {
		struct bpf_insn *insn = &p->insns[i];

		if (!is_call(insn) || insn->src_reg ||
		    insn->imm == BPF_FUNC_tail_call)
			continue;
		for (j = 0; p->callees[j].off != insn->imm; j++)
			;
		insn->imm = p->callees[j].helper;
	}
}

static const struct map *map_by_id(__u32 id)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	struct map *map;
	int fd = bpf_map_get_fd_by_id(id);

	if (fd < 0)
		return NULL;
	if (bpf_obj_get_info_by_fd(fd, &info, &len)) {
		close(fd);
		return NULL;
	}
	close(fd);
	map = zalloc(sizeof(*map));
	map->name = strdup(info.name) ?: "";
	map->key_size = info.key_size;
	map->value_size = info.value_size;
	return map;
}

static void make_funcs(struct loaded *p, size_t nr_insns)
{
	const char *type = libbpf_bpf_prog_type_str(p->info.type) ?: "program";
	struct object *obj = p->obj;
	size_t i, nr = p->info.nr_func_info;

	obj->nr_funcs = nr;
	obj->funcs = zalloc(nr * sizeof(*obj->funcs));
	for (i = 0; i < nr; i++) {
		const struct btf_type *t = btf__type_by_id(p->btf, p->funcs[i].type_id);
		size_t from = p->funcs[i].insn_off;
		size_t to = i + 1 < nr ? p->funcs[i + 1].insn_off : nr_insns;
		struct func *func = &obj->funcs[i];

		if (!t || from >= to || to > nr_insns)
			die("the kernel's func info of program %u is not understood",
			    p->id);
		func->name = btf__name_by_offset(p->btf, t->name_off) ?: "";
		func->section = type;
		func->program = !i;
		func->insns = p->insns + from;
		func->nr_insns = to - from;
		func->targets = zalloc(func->nr_insns * sizeof(*func->targets));
		func->lines = zalloc(func->nr_insns * sizeof(*func->lines));
	}
}

static void resolve_insn(struct loaded *p, struct func *func, size_t idx)
{
	const struct bpf_insn *insn = &func->insns[idx];
	struct target *target = &func->targets[idx];

	if (is_call(insn) && insn->src_reg == BPF_PSEUDO_CALL) {
		/* The JIT's number of the subprogram. */
		if ((size_t)insn->imm >= p->obj->nr_funcs)
			die("program %u calls a subprogram that has no func info",
			    p->id);
		target->func = &p->obj->funcs[insn->imm];
	}
	if (insn->code != (BPF_LD | BPF_IMM | BPF_DW))
		return;
	if (insn->src_reg == BPF_PSEUDO_FUNC)
		target->func = func_at(p->obj, insn + insn->imm + 1, &idx);
	else if (insn->src_reg == BPF_PSEUDO_MAP_FD)
		target->map = map_by_id(insn->imm);
}

static void read_loaded_lines(struct loaded *p)
{
	size_t i, idx;

	for (i = 0; i < p->info.nr_line_info; i++) {
		const struct bpf_line_info *info = &p->lines[i];
		struct func *func = func_at(p->obj, p->insns + info->insn_off, &idx);

		if (func)
			func->lines[idx] = make_line(p->btf, info);
	}
	spread_lines(p->obj);
}

void read_loaded(struct object *obj, const char *text)
{
	struct loaded p = { .id = parse_id(text), .obj = obj };
	size_t i, idx, nr_insns;
	char path[32];

	read_info(&p);
	snprintf(path, sizeof(path), "program %u", p.id);
	obj->path = strdup(path) ?: "";
	nr_insns = p.info.xlated_prog_len / sizeof(*p.insns);
	restore_helpers(&p, nr_insns);
	make_funcs(&p, nr_insns);
	for (i = 0; i < obj->nr_funcs; i++)
		for (idx = 0; idx < obj->funcs[i].nr_insns; idx++)
			resolve_insn(&p, &obj->funcs[i], idx);
	read_loaded_lines(&p);
}
