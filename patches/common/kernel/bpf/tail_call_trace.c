// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where tail calls can be traced.
 *
 * The JIT leaves a nop on both ways that a tail call can go, and says here where.
 */
#include <linux/bpf.h>
#include <linux/bpf_tail_call.h>
#include <linux/filter.h>
#include <linux/hashtable.h>

/* Written under the mutex. sites_by_ip can be read in any context. */
static DEFINE_MUTEX(trace_mutex);
static LIST_HEAD(funcs);
static DEFINE_HASHTABLE(funcs_by_aux, 8);
static DEFINE_HASHTABLE(sites_by_ip, 10);

/**
 * bpf_tail_call_trace_alloc() - room for the sites of a function
 * @prog: the function, for the JIT a program of its own
 * @nr_sites: how many nops it has
 *
 * The caller fills in ip, insn, hit and direct of each site.
 *
 * Return: the function's sites, or NULL without memory for them.
 */
struct bpf_tail_call_func *
bpf_tail_call_trace_alloc(const struct bpf_prog *prog, u32 nr_sites)
{
	struct bpf_tail_call_func *func;

	func = kvzalloc(struct_size(func, site, nr_sites), GFP_KERNEL);
	if (!func)
		return NULL;
	func->aux = prog->aux;
	func->main = prog->aux;
	func->nr_sites = nr_sites;
	return func;
}

/**
 * bpf_tail_call_trace_add() - register the sites of a function
 * @func: its sites, which are code that can be patched, but not run yet
 */
void bpf_tail_call_trace_add(struct bpf_tail_call_func *func)
{
	u32 i;

	mutex_lock(&trace_mutex);
	for (i = 0; i < func->nr_sites; i++) {
		func->site[i].func = func;
		hash_add_rcu(sites_by_ip, &func->site[i].node,
			     (unsigned long)func->site[i].ip);
	}
	hash_add_rcu(funcs_by_aux, &func->node, (unsigned long)func->aux);
	list_add(&func->list, &funcs);
	mutex_unlock(&trace_mutex);
}

static struct bpf_tail_call_func *find_func(const struct bpf_prog_aux *aux)
{
	struct bpf_tail_call_func *func;

	hash_for_each_possible_rcu(funcs_by_aux, func, node, (unsigned long)aux)
		if (func->aux == aux)
			return func;
	return NULL;
}

/**
 * bpf_tail_call_trace_set_main() - say which program functions belong to
 * @prog: program that has just got its functions
 */
void bpf_tail_call_trace_set_main(const struct bpf_prog *prog)
{
	struct bpf_tail_call_func *func;
	u32 i;

	rcu_read_lock();
	for (i = 0; i < prog->aux->func_cnt; i++) {
		func = find_func(prog->aux->func[i]->aux);
		if (func)
			func->main = prog->aux;
	}
	rcu_read_unlock();
}

/**
 * bpf_tail_call_trace_del() - forget the sites of a function
 * @prog: the function, which nobody runs any more and whose code is freed next
 */
void bpf_tail_call_trace_del(const struct bpf_prog *prog)
{
	struct bpf_tail_call_func *func;
	u32 i;

	/* Most have none; nobody else adds or removes those of this function. */
	rcu_read_lock();
	func = find_func(prog->aux);
	rcu_read_unlock();
	if (!func)
		return;

	mutex_lock(&trace_mutex);
	for (i = 0; i < func->nr_sites; i++)
		hash_del_rcu(&func->site[i].node);
	hash_del_rcu(&func->node);
	list_del(&func->list);
	mutex_unlock(&trace_mutex);
	kvfree_rcu(func, rcu);
}
