/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _LINUX_BPF_TAIL_CALL_H
#define _LINUX_BPF_TAIL_CALL_H

#include <linux/types.h>

struct bpf_prog;
struct bpf_prog_aux;

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
#else
static inline void bpf_tail_call_trace_set_main(const struct bpf_prog *prog)
{
}

static inline void bpf_tail_call_trace_del(const struct bpf_prog *prog)
{
}
#endif

#endif /* _LINUX_BPF_TAIL_CALL_H */
