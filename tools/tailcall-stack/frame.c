// SPDX-License-Identifier: GPL-2.0
/*
 * Follows pointers to the stack through a function, as the verifier does, but
 * without its knowledge of values: all branches are taken.
 *
 * The verifier's depth of a frame is the lowest byte that is accessed. A pointer
 * that is handed to a call, or stored, counts as an access of what it points to:
 * helpers and subprograms access memory from there upwards.
 */
#include <stdlib.h>
#include <string.h>

#include "tailcall-stack.h"

#define MAX_STACK 512
/* No offset from an argument that matters is larger. */
#define MAX_ARG_OFF 4096

enum kind {
	UNSEEN,			/* no path has come here yet */
	UNKNOWN,
	CONST,
	POINTER,		/* to the own frame, or to what an argument has */
	MAP,
};

struct val {
	enum kind kind;
	bool var;		/* at off or above, by an amount not known */
	int arg;		/* 0: own frame */
	__s64 off;		/* or the constant */
	const struct map *map;
};

struct state {
	struct val reg[MAX_BPF_REG];
};

/* What helpers do with memory: which argument points to it, how long it is. */
enum { KEY = -1, VALUE = -2 };

static const struct helper_mem {
	int helper;
	int ptr;		/* argument */
	int size;		/* argument, or the size of the map's KEY or VALUE */
	bool write;
} helper_mem[] = {
	{ BPF_FUNC_map_lookup_elem, 2, KEY, false },
	{ BPF_FUNC_map_update_elem, 2, KEY, false },
	{ BPF_FUNC_map_update_elem, 3, VALUE, false },
	{ BPF_FUNC_map_delete_elem, 2, KEY, false },
	{ BPF_FUNC_map_push_elem, 2, VALUE, false },
	{ BPF_FUNC_map_pop_elem, 2, VALUE, true },
	{ BPF_FUNC_map_peek_elem, 2, VALUE, true },
	{ BPF_FUNC_map_lookup_percpu_elem, 2, KEY, false },
	{ BPF_FUNC_trace_printk, 1, 2, false },
	{ BPF_FUNC_perf_event_output, 4, 5, false },
	{ BPF_FUNC_ringbuf_output, 2, 3, false },
	{ BPF_FUNC_probe_read, 1, 2, true },
	{ BPF_FUNC_probe_read_str, 1, 2, true },
	{ BPF_FUNC_probe_read_user, 1, 2, true },
	{ BPF_FUNC_probe_read_kernel, 1, 2, true },
	{ BPF_FUNC_probe_read_user_str, 1, 2, true },
	{ BPF_FUNC_probe_read_kernel_str, 1, 2, true },
	{ BPF_FUNC_get_current_comm, 1, 2, true },
	{ BPF_FUNC_copy_from_user, 1, 2, true },
	{ BPF_FUNC_skb_load_bytes, 3, 4, true },
	{ BPF_FUNC_skb_load_bytes_relative, 3, 4, true },
	{ BPF_FUNC_skb_store_bytes, 3, 4, false },
	{ BPF_FUNC_skb_get_tunnel_key, 2, 3, true },
	{ BPF_FUNC_skb_set_tunnel_key, 2, 3, false },
	{ BPF_FUNC_skb_get_tunnel_opt, 2, 3, true },
	{ BPF_FUNC_skb_set_tunnel_opt, 2, 3, false },
	{ BPF_FUNC_xdp_load_bytes, 3, 4, true },
	{ BPF_FUNC_xdp_store_bytes, 3, 4, false },
	{ BPF_FUNC_fib_lookup, 2, 3, true },
	{ BPF_FUNC_sk_lookup_tcp, 2, 3, false },
	{ BPF_FUNC_sk_lookup_udp, 2, 3, false },
	{ BPF_FUNC_skc_lookup_tcp, 2, 3, false },
	{ BPF_FUNC_csum_diff, 1, 2, false },
	{ BPF_FUNC_csum_diff, 3, 4, false },
	{ BPF_FUNC_get_stack, 2, 3, true },
	{ BPF_FUNC_getsockopt, 4, 5, true },
	{ BPF_FUNC_setsockopt, 4, 5, false },
	{ BPF_FUNC_perf_event_read_value, 3, 4, true },
	{ BPF_FUNC_perf_prog_read_value, 2, 3, true },
	{ BPF_FUNC_get_ns_current_pid_tgid, 3, 4, true },
	{ BPF_FUNC_d_path, 2, 3, true },
	{ BPF_FUNC_snprintf, 1, 2, true },
	{ BPF_FUNC_snprintf, 4, 5, false },
	{ BPF_FUNC_snprintf_btf, 1, 2, true },
	{ BPF_FUNC_seq_write, 2, 3, false },
};

static const struct {
	int id;
	const char *name;
} helpers[] = {
#define HELPER_NAME(name, ...) { BPF_FUNC_##name, "bpf_" #name }
	__BPF_FUNC_MAPPER(HELPER_NAME)
#undef HELPER_NAME
};

const char *helper_name(int id)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(helpers); i++)
		if (helpers[i].id == id)
			return helpers[i].name;
	return "a helper";
}

int helper_by_name(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(helpers); i++)
		if (!strcmp(helpers[i].name, name))
			return helpers[i].id;
	return 0;
}

static void add_access(struct func *func, struct access access)
{
	size_t i;

	for (i = 0; i < func->nr_accesses; i++) {
		const struct access *old = &func->accesses[i];

		if (old->arg == access.arg && old->off == access.off &&
		    old->size == access.size && old->write == access.write &&
		    old->line == access.line && old->helper == access.helper)
			return;
	}
	func->accesses = grow(func->accesses, func->nr_accesses, sizeof(access));
	func->accesses[func->nr_accesses++] = access;
}

static void touch(struct func *func, const struct val *ptr, struct access access)
{
	if (ptr->kind != POINTER)
		return;
	access.arg = ptr->arg;
	access.off += ptr->off;
	if (!access.arg && access.off < 0 && func->stack < (unsigned int)-access.off)
		func->stack = -access.off;
	add_access(func, access);
}

static struct val merge(struct val a, struct val b)
{
	if (a.kind == UNSEEN)
		return b;
	if (b.kind == UNSEEN)
		return a;
	if (a.kind != b.kind || a.arg != b.arg || a.map != b.map)
		return (struct val){ .kind = UNKNOWN };
	if (a.off == b.off) {
		a.var |= b.var;
		return a;
	}
	if (a.kind != POINTER)
		return (struct val){ .kind = UNKNOWN };
	a.off = a.off < b.off ? a.off : b.off;
	a.var = true;
	return a;
}

static struct val moved(struct val v, __s64 by)
{
	v.off += by;
	/* A loop that walks down ends here, so the search for states ends. */
	if (v.kind == POINTER && (v.off < -MAX_ARG_OFF || v.off > MAX_ARG_OFF))
		v.kind = UNKNOWN;
	return v;
}

static void do_alu(struct state *st, const struct bpf_insn *insn)
{
	struct val *dst = &st->reg[insn->dst_reg];
	struct val src = { .kind = CONST, .off = insn->imm };
	bool wide = BPF_CLASS(insn->code) == BPF_ALU64;

	if (BPF_SRC(insn->code) == BPF_X)
		src = st->reg[insn->src_reg];
	switch (BPF_OP(insn->code)) {
	case BPF_MOV:
		/* off: a move that extends the sign. */
		if ((wide && !insn->off) || src.kind == CONST)
			*dst = src;
		else
			*dst = (struct val){ .kind = UNKNOWN };
		return;
	case BPF_ADD:
	case BPF_SUB:
		if (wide && src.kind == CONST &&
		    (dst->kind == POINTER || dst->kind == CONST)) {
			*dst = moved(*dst, BPF_OP(insn->code) == BPF_ADD ?
					   src.off : -src.off);
			return;
		}
		if (wide && dst->kind == POINTER && src.kind == UNKNOWN) {
			dst->var = true;
			return;
		}
		if (wide && src.kind == POINTER && dst->kind != POINTER &&
		    BPF_OP(insn->code) == BPF_ADD) {
			if (dst->kind == CONST) {
				*dst = moved(src, dst->off);
			} else {
				*dst = src;
				dst->var = true;
			}
			return;
		}
		break;
	}
	*dst = (struct val){ .kind = UNKNOWN };
}

static unsigned int access_size(const struct bpf_insn *insn)
{
	switch (BPF_SIZE(insn->code)) {
	case BPF_B:
		return 1;
	case BPF_H:
		return 2;
	case BPF_W:
		return 4;
	default:
		return 8;
	}
}

/* A subprogram's accesses through its arguments are accesses of our frame. */
static void use_by_func(struct func *func, const struct state *st,
			const struct func *callee)
{
	size_t i;

	for (i = 0; i < callee->nr_accesses; i++) {
		const struct access *access = &callee->accesses[i];

		if (access->arg && access->arg <= 5)
			touch(func, &st->reg[access->arg], (struct access) {
				.off = access->off,
				.size = access->size,
				.write = access->write,
				.line = access->line,
				.via = access->via ?: callee,
				.helper = access->helper,
				.role = access->role,
			});
	}
}

static void use_by_helper(struct func *func, const struct state *st, int helper,
			  const struct line *line)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(helper_mem); i++) {
		const struct helper_mem *mem = &helper_mem[i];
		const struct val *size = &st->reg[mem->size > 0 ? mem->size : 1];
		unsigned int bytes = 0;

		if (mem->helper != helper)
			continue;
		if (size->kind == MAP && mem->size == KEY)
			bytes = size->map->key_size;
		else if (size->kind == MAP && mem->size == VALUE)
			bytes = size->map->value_size;
		else if (size->kind == CONST && mem->size > 0 && size->off > 0)
			bytes = size->off;
		touch(func, &st->reg[mem->ptr], (struct access) {
			.size = bytes,
			.write = mem->write,
			.line = line,
			.helper = helper,
			.role = mem->size == KEY ? "key" :
				mem->size == VALUE ? "value" : NULL,
		});
	}
}

static void store(struct func *func, const struct state *st,
		  const struct bpf_insn *insn, const struct line *line)
{
	touch(func, &st->reg[insn->dst_reg], (struct access) {
		.off = insn->off,
		.size = access_size(insn),
		.write = true,
		.line = line,
	});
}

bool is_tail_call(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL) && !insn->src_reg &&
	       insn->imm == BPF_FUNC_tail_call;
}

static void use(struct func *func, const struct state *st, size_t idx)
{
	const struct bpf_insn *insn = &func->insns[idx];
	const struct line *line = func->lines[idx];
	const struct func *callee = func->targets[idx].func;
	int i;

	switch (BPF_CLASS(insn->code)) {
	case BPF_LDX:
		touch(func, &st->reg[insn->src_reg], (struct access) {
			.off = insn->off,
			.size = access_size(insn),
			.line = line,
		});
		break;
	case BPF_STX:
		/* A pointer that goes to memory is out of sight. */
		touch(func, &st->reg[insn->src_reg], (struct access) {
			.line = line,
		});
		store(func, st, insn, line);
		break;
	case BPF_ST:
		store(func, st, insn, line);
		break;
	case BPF_JMP:
		if (BPF_OP(insn->code) != BPF_CALL)
			break;
		for (i = 1; i <= 5; i++)
			touch(func, &st->reg[i], (struct access) { .line = line });
		if (callee)
			use_by_func(func, st, callee);
		else if (!insn->src_reg)
			use_by_helper(func, st, insn->imm, line);
		if (!insn->src_reg && insn->imm == BPF_FUNC_loop)
			func->loops = true;
		if (is_tail_call(insn) && !func->tail_call)
			func->tail_call = line;
		break;
	}
}

static void step(const struct func *func, struct state *st, size_t idx)
{
	const struct bpf_insn *insn = &func->insns[idx];
	const struct map *map = func->targets[idx].map;
	int i;

	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		do_alu(st, insn);
		break;
	case BPF_LDX:
		st->reg[insn->dst_reg] = (struct val){ .kind = UNKNOWN };
		break;
	case BPF_STX:
		/* An atomic operation may fetch into either. */
		if (BPF_MODE(insn->code) == BPF_ATOMIC) {
			st->reg[insn->src_reg] = (struct val){ .kind = UNKNOWN };
			st->reg[0] = (struct val){ .kind = UNKNOWN };
		}
		break;
	case BPF_LD:
		if (insn->code != (BPF_LD | BPF_IMM | BPF_DW)) {
			for (i = 0; i <= 5; i++)
				st->reg[i] = (struct val){ .kind = UNKNOWN };
		} else if (map) {
			st->reg[insn->dst_reg] = (struct val) {
				.kind = MAP,
				.map = map,
			};
		} else {
			st->reg[insn->dst_reg] = (struct val){ .kind = UNKNOWN };
		}
		break;
	case BPF_JMP:
		if (BPF_OP(insn->code) == BPF_CALL) {
			for (i = 0; i <= 5; i++)
				st->reg[i] = (struct val){ .kind = UNKNOWN };
		}
		break;
	}
}

static bool same(const struct val *a, const struct val *b)
{
	return a->kind == b->kind && a->var == b->var && a->arg == b->arg &&
	       a->off == b->off && a->map == b->map;
}

/* Bring a state to an insn; true if that tells it something new. */
static bool arrive(struct state *to, const struct state *from)
{
	bool news = false;
	int i;

	for (i = 0; i < MAX_BPF_REG; i++) {
		struct val v = merge(to->reg[i], from->reg[i]);

		if (!same(&v, &to->reg[i]))
			news = true;
		to->reg[i] = v;
	}
	return news;
}

static size_t length(const struct bpf_insn *insn)
{
	return insn->code == (BPF_LD | BPF_IMM | BPF_DW) ? 2 : 1;
}

/* The insns that may come next: 0, 1 or 2. */
static int successors(const struct bpf_insn *insn, size_t idx, size_t next[2])
{
	unsigned char class = BPF_CLASS(insn->code);
	unsigned char op = BPF_OP(insn->code);

	next[0] = idx + length(insn);
	if (class != BPF_JMP && class != BPF_JMP32)
		return 1;
	if (op == BPF_CALL)
		return 1;
	if (op == BPF_EXIT)
		return 0;
	if (op == BPF_JA) {
		next[0] = idx + 1 + (class == BPF_JMP32 ? insn->imm : insn->off);
		return 1;
	}
	next[1] = idx + 1 + insn->off;
	return 2;
}

/* Is there a way to the end of the function that leaves this insn out? */
static bool can_do_without(const struct func *func, size_t without)
{
	bool *waits = zalloc(func->nr_insns * sizeof(*waits));
	bool *seen = zalloc(func->nr_insns * sizeof(*seen));
	bool again = true, found = false;
	size_t idx, next[2];
	int i;

	waits[0] = true;
	while (again && !found) {
		again = false;
		for (idx = 0; idx < func->nr_insns; idx++) {
			if (!waits[idx] || seen[idx] || idx == without)
				continue;
			seen[idx] = true;
			again = true;
			i = successors(&func->insns[idx], idx, next);
			if (!i)
				found = true;
			while (i-- > 0)
				if (next[i] < func->nr_insns)
					waits[next[i]] = true;
		}
	}
	free(waits);
	free(seen);
	return found;
}

bool on_all_paths(struct func *func, size_t idx)
{
	if (!func->always)
		func->always = zalloc(func->nr_insns * sizeof(*func->always));
	if (!func->always[idx])
		func->always[idx] = can_do_without(func, idx) ? -1 : 1;
	return func->always[idx] > 0;
}

static void follow(struct func *func)
{
	struct state *states = zalloc(func->nr_insns * sizeof(*states));
	bool *waits = zalloc(func->nr_insns * sizeof(*waits));
	bool *seen = zalloc(func->nr_insns * sizeof(*seen));
	bool again = true;
	size_t idx;
	int i;

	states[0].reg[0].kind = UNKNOWN;
	for (i = 1; i <= 5; i++)
		states[0].reg[i] = (struct val){ .kind = POINTER, .arg = i };
	for (i = 6; i <= 9; i++)
		states[0].reg[i].kind = UNKNOWN;
	states[0].reg[BPF_REG_10].kind = POINTER;
	waits[0] = true;

	while (again) {
		again = false;
		for (idx = 0; idx < func->nr_insns; idx++) {
			struct state st = states[idx];
			size_t next[2];

			if (!waits[idx])
				continue;
			waits[idx] = false;
			seen[idx] = true;
			again = true;
			step(func, &st, idx);
			i = successors(&func->insns[idx], idx, next);
			while (i-- > 0) {
				if (next[i] >= func->nr_insns)
					die("%s() leaves its code: the object is damaged",
					    func->name);
				if (arrive(&states[next[i]], &st) ||
				    !seen[next[i]])
					waits[next[i]] = true;
			}
		}
	}
	for (idx = 0; idx < func->nr_insns; idx++)
		if (seen[idx])
			use(func, &states[idx], idx);
	free(states);
	free(waits);
	free(seen);
}

static bool same_line(const struct line *a, const struct line *b)
{
	return a == b || (a->nr == b->nr && !strcmp(a->file, b->file));
}

static int end_of(const struct range *range)
{
	return range->off + (int)range->size;
}

/*
 * Accesses of one line that touch or overlap are one range; but two structs that
 * lie next to each other and go to one helper are two.
 */
static bool join(struct range *range, const struct access *access)
{
	int end = access->off + (int)access->size;
	int gap = access->helper ? 0 : 1;

	if (!same_line(range->line, access->line) || range->via != access->via ||
	    access->off >= end_of(range) + gap || end <= range->off - gap)
		return false;
	if (end < end_of(range))
		end = end_of(range);
	if (access->off < range->off)
		range->off = access->off;
	range->size = end - range->off;
	if (access->helper) {
		range->helper = access->helper;
		range->role = access->role;
	}
	range->format |= access->helper == BPF_FUNC_trace_printk;
	return true;
}

static int by_offset(const void *a, const void *b)
{
	const struct access *one = a, *other = b;

	return one->off - other->off;
}

static int by_size(const void *a, const void *b)
{
	const struct range *one = a, *other = b;

	if (one->size != other->size)
		return one->size < other->size ? 1 : -1;
	/* Who fills a struct comes before who takes it. */
	if (!one->helper != !other->helper)
		return one->helper ? 1 : -1;
	return one->off - other->off;
}

/* The bytes that no other range uses are what goes if this one goes. */
static unsigned int frees(const struct func *func, const struct range *range)
{
	bool own[MAX_STACK] = {};
	unsigned int bytes = 0;
	size_t i;
	int off;

	for (off = range->off; off < end_of(range); off++)
		if (off >= -MAX_STACK && off < 0)
			own[-off - 1] = true;
	for (i = 0; i < func->nr_ranges; i++) {
		const struct range *other = &func->ranges[i];

		if (other == range || other->within == range)
			continue;
		for (off = other->off; off < end_of(other); off++)
			if (off >= -MAX_STACK && off < 0)
				own[-off - 1] = false;
	}
	for (off = 0; off < MAX_STACK; off++)
		bytes += own[off];
	/* Clang keeps slots of 8 bytes. */
	if (bytes == range->size)
		return (bytes + 7) & ~7u;
	return bytes & ~7u;
}

static void make_ranges(struct func *func)
{
	size_t i, j;

	if (!func->nr_accesses)
		return;
	qsort(func->accesses, func->nr_accesses, sizeof(*func->accesses), by_offset);
	for (i = 0; i < func->nr_accesses; i++) {
		const struct access *access = &func->accesses[i];

		if (access->arg || !access->size || access->off >= 0 ||
		    (!access->write && !access->helper))
			continue;
		for (j = 0; j < func->nr_ranges; j++)
			if (join(&func->ranges[j], access))
				break;
		if (j < func->nr_ranges)
			continue;
		func->ranges = grow(func->ranges, func->nr_ranges,
				    sizeof(*func->ranges));
		func->ranges[func->nr_ranges++] = (struct range) {
			.off = access->off,
			.size = access->size,
			.line = access->line,
			.via = access->via,
			.helper = access->helper,
			.role = access->role,
			.format = access->helper == BPF_FUNC_trace_printk,
		};
	}
	if (!func->nr_ranges)
		return;
	qsort(func->ranges, func->nr_ranges, sizeof(*func->ranges), by_size);
	for (i = 0; i < func->nr_ranges; i++) {
		struct range *range = &func->ranges[i];

		for (j = 0; j < i && !range->within; j++) {
			struct range *outer = &func->ranges[j];

			if (outer->within || range->off < outer->off ||
			    end_of(range) > end_of(outer))
				continue;
			range->within = outer;
			outer->format |= range->format;
		}
	}
	for (i = 0; i < func->nr_ranges; i++)
		func->ranges[i].frees = frees(func, &func->ranges[i]);
}

void analyse(struct func *func)
{
	size_t i;

	if (func->analysed)
		return;
	if (func->busy)
		die("%s() calls itself: the verifier refuses recursion", func->name);
	func->busy = true;
	/* What a callee does with its arguments is part of the caller. */
	for (i = 0; i < func->nr_insns; i++)
		if (func->targets[i].func)
			analyse((struct func *)func->targets[i].func);
	if (func->nr_insns)
		follow(func);
	make_ranges(func);
	func->busy = false;
	func->analysed = true;
}
