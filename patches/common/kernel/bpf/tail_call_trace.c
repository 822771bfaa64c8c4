// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tracepoints for tail calls.
 *
 * The JIT leaves a nop on both ways that a tail call can go. The first probe of
 * a tracepoint makes all of them calls of a hook, here. A hook finds out where
 * it was called from by its return address.
 */
#include <linux/bpf.h>
#include <linux/bpf_tail_call.h>
#include <linux/filter.h>
#include <linux/hashtable.h>
#include <linux/percpu.h>
#include <linux/sched/task_stack.h>

#define CREATE_TRACE_POINTS
#include <trace/events/bpf_tail_call.h>

EXPORT_TRACEPOINT_SYMBOL_GPL(bpf_tail_call_hit);
EXPORT_TRACEPOINT_SYMBOL_GPL(bpf_tail_call_miss);

/* Written under the mutex, and that is what arms and disarms sites, too. The
 * hooks read sites_by_ip in any context.
 */
static DEFINE_MUTEX(trace_mutex);
static LIST_HEAD(funcs);
static DEFINE_HASHTABLE(funcs_by_aux, 8);
static DEFINE_HASHTABLE(sites_by_ip, 10);
static bool armed[2];

/* Below that much stack a hook does not call probes. It is a part of what the
 * stack rule keeps in reserve.
 */
#define TRACE_STACK_SIZE	1024

/* A probe can make tail calls itself, when it is a BPF program. */
enum { TRACE_TASK, TRACE_SOFTIRQ, TRACE_HARDIRQ, TRACE_NMI, TRACE_LEVELS };

struct trace_cpu {
	bool busy[TRACE_LEVELS];
	u64 lost;
};

static DEFINE_PER_CPU(struct trace_cpu, trace_cpu);

/**
 * bpf_tail_call_trace_lost() - tail calls that no probe was told of
 * @cpu: CPU that they were made on
 *
 * A tail call is lost when a probe makes it, in the context that the probe was
 * called in, when too little stack is left, or when its site is not registered.
 *
 * Return: how many since boot, with those of the tracepoints bpf_tail_call_hit and _miss.
 */
u64 bpf_tail_call_trace_lost(int cpu)
{
	return READ_ONCE(per_cpu_ptr(&trace_cpu, cpu)->lost);
}
EXPORT_SYMBOL_GPL(bpf_tail_call_trace_lost);

static __always_inline unsigned int trace_level(void)
{
	if (in_nmi())
		return TRACE_NMI;
	if (hardirq_count())
		return TRACE_HARDIRQ;
	return in_serving_softirq() ? TRACE_SOFTIRQ : TRACE_TASK;
}

static __always_inline bool trace_has_stack(void)
{
	unsigned long sp = (unsigned long)__builtin_frame_address(0);

	return !on_thread_stack() ||
	       sp - (unsigned long)task_stack_page(current) >= TRACE_STACK_SIZE;
}

/* Returns where to say that the probes are through, or NULL if they can't run. */
static __always_inline bool *trace_enter(void)
{
	struct trace_cpu *cpu;
	bool *busy;

	preempt_disable_notrace();
	cpu = this_cpu_ptr(&trace_cpu);
	busy = &cpu->busy[trace_level()];
	if (!READ_ONCE(*busy) && trace_has_stack()) {
		WRITE_ONCE(*busy, true);
		barrier();
		return busy;
	}
	this_cpu_inc(trace_cpu.lost);
	preempt_enable_notrace();
	return NULL;
}

static __always_inline void trace_exit(bool *busy)
{
	barrier();
	WRITE_ONCE(*busy, false);
	preempt_enable_notrace();
}

static const struct bpf_tail_call_site *find_site(const void *ip)
{
	const struct bpf_tail_call_site *site;

	hash_for_each_possible_rcu_notrace(sites_by_ip, site, node,
					   (unsigned long)ip)
		if (site->ip == ip)
			return site;
	return NULL;
}

static const char *prog_name(const struct bpf_prog *prog)
{
	return prog ? prog->aux->name : "";
}

static u32 prog_id(const struct bpf_prog *prog)
{
	return prog ? prog->aux->id : 0;
}

/* A function's symbol is bpf_prog_TAG_NAME, and behind its end there are zeroes.
 * Functions of those who may not see kernel addresses have none.
 */
static const char *func_name(const struct bpf_prog_aux *aux)
{
	const char *name = aux->ksym.name + sizeof("bpf_prog_") - 1 +
			   BPF_TAG_SIZE * 2 + 1;

	return *name ? name : aux->name;
}

static const struct bpf_tail_call_site *
trace_site(struct bpf_tail_call_event *event, const void *ip, const u64 *count,
	   const struct bpf_array *array, u32 index)
{
	const struct bpf_tail_call_site *site = find_site(ip);

	if (!site)
		return NULL;
	event->caller_id = site->func->main->id;
	event->caller_insn = site->insn;
	event->caller_name = func_name(site->func->aux);
	event->map_id = array->map.id;
	event->index = index;
	event->count = *count;
	return site;
}

/* A direct tail call asks for the slot first, an indirect one last. Both ask for the
 * stack before the limit, in subprograms only.
 */
static __always_inline enum bpf_tail_call_outcome
trace_reason(const struct bpf_tail_call_event *event,
	     const struct bpf_tail_call_site *site,
	     const u64 *count, const struct bpf_array *array)
{
	unsigned long used = (unsigned long)count -
			     (unsigned long)__builtin_frame_address(0);
	u32 budget = bpf_arch_tail_call_stack(site->func->aux->prog);
	bool empty;

	if (event->index >= array->map.max_entries)
		return BPF_TAIL_CALL_RANGE;
	empty = !READ_ONCE(array->ptrs[event->index]);
	if (event->count < BPF_TAIL_CALL_MAX)
		return budget && used > budget ? BPF_TAIL_CALL_STACK :
						 BPF_TAIL_CALL_EMPTY;
	return site->direct && empty ? BPF_TAIL_CALL_EMPTY : BPF_TAIL_CALL_LIMIT;
}

/*
 * The hooks, called by their thunks: with the address of the site, where the
 * run's counter is, and what the JIT has in its registers for the prog_array,
 * the index and, unless the tail call is direct, the tail callee.
 */
void notrace bpf_tail_call_trace_hit(const void *ip, const u64 *count,
				     const struct bpf_array *array, u32 index,
				     const struct bpf_prog *callee)
{
	struct bpf_tail_call_event event = { .outcome = BPF_TAIL_CALL_HIT };
	const struct bpf_tail_call_site *site;
	bool *busy = trace_enter();

	if (!busy)
		return;
	site = trace_site(&event, ip, count, array, index);
	if (site) {
		if (site->direct)
			callee = READ_ONCE(array->ptrs[index]);
		event.callee_id = prog_id(callee);
		event.callee_name = prog_name(callee);
		trace_bpf_tail_call_hit(&event);
	} else {
		this_cpu_inc(trace_cpu.lost);
	}
	trace_exit(busy);
}

void notrace bpf_tail_call_trace_miss(const void *ip, const u64 *count,
				      const struct bpf_array *array, u32 index)
{
	struct bpf_tail_call_event event = { .callee_name = "" };
	const struct bpf_tail_call_site *site;
	bool *busy = trace_enter();

	if (!busy)
		return;
	site = trace_site(&event, ip, count, array, index);
	if (site) {
		event.outcome = trace_reason(&event, site, count, array);
		trace_bpf_tail_call_miss(&event);
	} else {
		this_cpu_inc(trace_cpu.lost);
	}
	trace_exit(busy);
}

static void trace_patch(struct bpf_tail_call_func *func, bool hit, bool on)
{
	u32 i;

	for (i = 0; i < func->nr_sites; i++)
		if (func->site[i].hit == hit)
			WARN_ON_ONCE(bpf_arch_tail_call_trace(&func->site[i], on));
}

static void trace_arm(bool hit, bool on)
{
	struct bpf_tail_call_func *func;

	mutex_lock(&trace_mutex);
	armed[hit] = on;
	list_for_each_entry(func, &funcs, list) {
		trace_patch(func, hit, on);
		cond_resched();
	}
	mutex_unlock(&trace_mutex);
}

int bpf_tail_call_trace_reg_hit(void)
{
	trace_arm(true, true);
	return 0;
}

void bpf_tail_call_trace_unreg_hit(void)
{
	trace_arm(true, false);
}

int bpf_tail_call_trace_reg_miss(void)
{
	trace_arm(false, true);
	return 0;
}

void bpf_tail_call_trace_unreg_miss(void)
{
	trace_arm(false, false);
}

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
	if (armed[true])
		trace_patch(func, true, true);
	if (armed[false])
		trace_patch(func, false, true);
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
