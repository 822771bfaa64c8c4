/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _LINUX_BPF_TAIL_CALL_H
#define _LINUX_BPF_TAIL_CALL_H

#include <linux/types.h>

struct bpf_array;
struct bpf_prog;
struct bpf_prog_aux;

/* How many tail calls a run of a program can make. */
#define BPF_TAIL_CALL_MAX	33

/**
 * enum bpf_tail_call_outcome - what became of a tail call
 * @BPF_TAIL_CALL_HIT: it was made
 * @BPF_TAIL_CALL_EMPTY: it was not, for the slot is empty
 * @BPF_TAIL_CALL_RANGE: it was not, for the prog_array has no such slot
 * @BPF_TAIL_CALL_LIMIT: it was not, for the run has made all that it can
 * @BPF_TAIL_CALL_STACK: it was not, for the run has used its part of the stack
 */
enum bpf_tail_call_outcome {
	BPF_TAIL_CALL_HIT,
	BPF_TAIL_CALL_EMPTY,
	BPF_TAIL_CALL_RANGE,
	BPF_TAIL_CALL_LIMIT,
	BPF_TAIL_CALL_STACK,
};

/**
 * struct bpf_tail_call_event - a tail call, for the tracepoints bpf_tail_call_hit and _miss
 * @caller_id: id of the program that the function belongs to
 * @caller_insn: index of the tail call's insn in its function
 * @caller_name: the function, a main program or a subprogram
 * @map_id: id of the prog_array
 * @index: slot that was asked for
 * @callee_id: id of the tail callee, 0 if there was none
 * @callee_name: name of the tail callee, "" if there was none
 * @count: tail calls that this run has made, with this one if it was
 * @outcome: what became of it
 *
 * Names are never NULL, and are good while the probe runs.
 */
struct bpf_tail_call_event {
	u32 caller_id;
	u32 caller_insn;
	const char *caller_name;
	u32 map_id;
	u32 index;
	u32 callee_id;
	const char *callee_name;
	u32 count;
	enum bpf_tail_call_outcome outcome;
};

struct bpf_tail_call_func;

/**
 * struct bpf_tail_call_site - a nop that the JIT left at a tail call
 * @node: for finding it by its address
 * @func: the function that it is in
 * @ip: its address
 * @insn: index of the tail call's insn in that function
 * @hit: it is on the path to the tail callee, not on that around it
 * @direct: the tail call is patched to jump to the tail callee
 */
struct bpf_tail_call_site {
	struct hlist_node node;
	struct bpf_tail_call_func *func;
	void *ip;
	u32 insn;
	bool hit;
	bool direct;
};

/**
 * struct bpf_tail_call_func - the sites of a function
 * @node: for finding it by @aux
 * @list: all functions that have sites
 * @rcu: for freeing it
 * @aux: the function
 * @main: the program that it belongs to
 * @nr_sites: length of @site
 * @site: its sites
 */
struct bpf_tail_call_func {
	struct hlist_node node;
	struct list_head list;
	struct rcu_head rcu;
	const struct bpf_prog_aux *aux;
	const struct bpf_prog_aux *main;
	u32 nr_sites;
	struct bpf_tail_call_site site[];
};

#ifdef CONFIG_BPF_TAIL_CALL_TRACE
/* For the JIT and those who load and free programs. */
struct bpf_tail_call_func *
bpf_tail_call_trace_alloc(const struct bpf_prog *prog, u32 nr_sites);
void bpf_tail_call_trace_add(struct bpf_tail_call_func *func);
void bpf_tail_call_trace_set_main(const struct bpf_prog *prog);
void bpf_tail_call_trace_del(const struct bpf_prog *prog);

/* From the JIT: make the nop of a site a call of its hook, or a nop again. */
int bpf_arch_tail_call_trace(struct bpf_tail_call_site *site, bool on);

/* What a run may use of the stack before a tail call of this function, or 0. */
u32 bpf_arch_tail_call_stack(const struct bpf_prog *prog);
void bpf_tail_call_trace_hit_thunk(void);
void bpf_tail_call_trace_miss_thunk(void);
void bpf_tail_call_trace_hit(const void *ip, const u64 *count,
			     const struct bpf_array *array, u32 index,
			     const struct bpf_prog *callee);
void bpf_tail_call_trace_miss(const void *ip, const u64 *count,
			      const struct bpf_array *array, u32 index);

/* For those who register probes. */
u64 bpf_tail_call_trace_lost(int cpu);
#else
static inline void bpf_tail_call_trace_set_main(const struct bpf_prog *prog)
{
}

static inline void bpf_tail_call_trace_del(const struct bpf_prog *prog)
{
}
#endif

#endif /* _LINUX_BPF_TAIL_CALL_H */
