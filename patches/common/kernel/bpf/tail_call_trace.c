// SPDX-License-Identifier: GPL-2.0-only
/*
 * The functions that make tail calls, and where.
 */
#include <linux/bpf.h>
#include <linux/bpf_tail_call.h>
#include <linux/filter.h>
#include <linux/xarray.h>

static DEFINE_XARRAY(funcs);		/* by trace_key() */

static unsigned long trace_key(const struct bpf_prog_aux *aux)
{
	return (unsigned long)aux >> 3;
}

/**
 * bpf_tail_call_trace_func() - room for what is known of a function's tail calls
 * @prog: the function, for the JIT a program of its own
 *
 * Return: the same each time, or NULL without tail calls or memory for them.
 */
struct bpf_tail_call_func *bpf_tail_call_trace_func(const struct bpf_prog *prog)
{
	struct bpf_tail_call_func *func = xa_load(&funcs, trace_key(prog->aux));
	u32 i, nr_sites = 0;

	if (func)
		return func;
	for (i = 0; i < prog->len; i++)
		nr_sites += prog->insnsi[i].code == (BPF_JMP | BPF_TAIL_CALL);
	if (!nr_sites)
		return NULL;
	func = kvzalloc(struct_size(func, site, nr_sites), GFP_KERNEL);
	if (!func)
		return NULL;
	func->aux = prog->aux;
	func->main = prog->aux;
	func->nr_sites = nr_sites;
	for (i = 0; i < nr_sites; i++)
		func->site[i].func = func;
	if (xa_is_err(xa_store(&funcs, trace_key(prog->aux), func, GFP_KERNEL))) {
		kvfree(func);
		return NULL;
	}
	return func;
}

/**
 * bpf_tail_call_trace_add() - from now on trace a function's tail calls
 * @prog: the function, whose code is in its place, but not run yet
 */
void bpf_tail_call_trace_add(const struct bpf_prog *prog)
{
	struct bpf_tail_call_func *func = xa_load(&funcs, trace_key(prog->aux));

	if (func)
		func->ready = true;
}

/**
 * bpf_tail_call_trace_set_main() - say which program functions belong to
 * @prog: program that has just got its functions
 */
void bpf_tail_call_trace_set_main(const struct bpf_prog *prog)
{
	struct bpf_tail_call_func *func;
	u32 i;

	for (i = 0; i < prog->aux->func_cnt; i++) {
		func = xa_load(&funcs, trace_key(prog->aux->func[i]->aux));
		if (func)
			WRITE_ONCE(func->main, prog->aux);
	}
}

/**
 * bpf_tail_call_trace_del() - forget a function's tail calls
 * @prog: the function, which nobody runs any more and whose code is freed next
 */
void bpf_tail_call_trace_del(const struct bpf_prog *prog)
{
	kvfree(xa_erase(&funcs, trace_key(prog->aux)));
}
