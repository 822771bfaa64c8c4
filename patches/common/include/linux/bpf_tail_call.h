/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _LINUX_BPF_TAIL_CALL_H
#define _LINUX_BPF_TAIL_CALL_H

#include <linux/types.h>

struct bpf_prog;
struct bpf_prog_aux;

struct bpf_tail_call_func;

/**
 * struct bpf_tail_call_site - a tail call with the nops that the JIT left
 * @func: the function that it is in
 * @ip: the nop on the way around the tail callee, and that on the way to it; they
 *	are calls of stubs while they are traced
 * @insn: index of the tail call's insn in its function
 * @direct: the tail call is patched to jump to the tail callee
 */
struct bpf_tail_call_site {
	struct bpf_tail_call_func *func;
	void *ip[2];
	u32 insn;
	bool direct;
};

/**
 * struct bpf_tail_call_func - the tail calls of a function
 * @aux: the function
 * @main: the program that it belongs to
 * @nr_sites: length of @site
 * @ready: its code is in place
 * @site: its tail calls
 */
struct bpf_tail_call_func {
	const struct bpf_prog_aux *aux;
	const struct bpf_prog_aux *main;
	u32 nr_sites;
	bool ready;
	struct bpf_tail_call_site site[];
};

#ifdef CONFIG_BPF_TAIL_CALL_TRACE
/* For the JIT and those who load and free programs. */
struct bpf_tail_call_func *bpf_tail_call_trace_func(const struct bpf_prog *prog);
void bpf_tail_call_trace_add(const struct bpf_prog *prog);
void bpf_tail_call_trace_set_main(const struct bpf_prog *prog);
void bpf_tail_call_trace_del(const struct bpf_prog *prog);
#else
static inline void bpf_tail_call_trace_set_main(const struct bpf_prog *prog)
{
}

static inline void bpf_tail_call_trace_add(const struct bpf_prog *prog)
{
}

static inline void bpf_tail_call_trace_del(const struct bpf_prog *prog)
{
}
#endif

#endif /* _LINUX_BPF_TAIL_CALL_H */
