// SPDX-License-Identifier: GPL-2.0
/*
 * A tracing program that makes no tail calls may have stacks of its own, off the
 * kernel's: one on each CPU, so one for each of its runs that can be under way there.
 * Runs that are entered by a tail call, or from an uprobe, nest without anybody's
 * guard.
 */
#include <linux/percpu.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "prog.h"

#ifdef TCALL_PRIVATE_STACKS

#define NR_RUNS 2

/* 64 bytes or more are off the kernel's stack. */
struct private_param {
	u32 main_bytes;
	/* of a subprogram, 0 for no such */
	u32 sub_bytes;
	/* Entered by a tail call. */
	bool tail_call;
	/* The second run has nowhere to go, so it does not begin. */
	bool missed;
};

static const struct private_param private_params[] = {
	{ 64, 0, true, false },
	{ 64, 0, false, false },
	{ 512, 0, true, false },
	/* Each frame that is in use is replaced by one on the kernel's stack ... */
	{ 16, 256, true, false },
	{ 256, 256, true, false },
	{ 256, 256, false, false },
	/* ... also where all of them are too much for it, but main's. */
	{ 512, 32, true, false },
	{ 512, 32, false, false },
	{ 512, 512, true, true },
	{ 512, 512, false, true },
	{ 16, 512, true, true },
};

static void private_desc(const struct private_param *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u and %u bytes, %s",
		 param->main_bytes, param->sub_bytes,
		 param->tail_call ? "tail call" : "no tail call");
}

KUNIT_ARRAY_PARAM(private, private_params, private_desc);

/* Two runs of which the second begins inside the first. */
struct nest {
	struct bpf_prog *prog;
	u32 runs;
	u32 result[NR_RUNS];
};

/* Run @prog with the number of the run, which a program finds on its stack. */
static void nest_run(struct nest *nest)
{
	u32 run = nest->runs++;
	struct pt_regs regs = { .ax = nest->runs };

	rcu_read_lock();
	nest->result[run] = bpf_prog_run_pin_on_cpu(nest->prog, &regs);
	rcu_read_unlock();
}

/* The probe of the tracepoint that a program hits by bpf_trace_printk(). */
static void nest_again(void *data, const char *message)
{
	struct nest *nest = data;

	if (nest->runs < NR_RUNS)
		nest_run(nest);
}

static void nest_find_tracepoint(struct tracepoint *tp, void *found)
{
	if (!strcmp(tp->name, "bpf_trace_printk"))
		*(struct tracepoint **)found = tp;
}

static void nest_twice(struct kunit *test, struct nest *nest)
{
	struct tracepoint *tp = NULL;

	for_each_kernel_tracepoint(nest_find_tracepoint, &tp);
	KUNIT_ASSERT_NOT_NULL(test, tp);
	nest->runs = 0;
	KUNIT_ASSERT_EQ(test, tracepoint_probe_register(tp, nest_again, nest), 0);
	/* Not inside a run of somebody else's program. */
	migrate_disable();
	nest_run(nest);
	migrate_enable();
	tracepoint_probe_unregister(tp, nest_again, nest);
	tracepoint_synchronize_unregister();
	KUNIT_ASSERT_EQ(test, nest->runs, NR_RUNS);
}

/*
 * Fill the stack with the number of the run, let the next one begin, and return
 * the last number that is not right any more: or the run's, if there is none.
 */
static void emit_numbers(struct tcall_prog *p, u32 bytes)
{
	const s16 ax = offsetof(struct pt_regs, ax);
	u32 off;

	tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_7, BPF_REG_6, ax));
	for (off = 8; off <= bytes; off += 8)
		tcall_emit(p, BPF_STX_MEM(BPF_DW, BPF_REG_10, BPF_REG_7, -(s32)off));
	/* A message of one letter, where the last word was. */
	tcall_emit(p, BPF_ST_MEM(BPF_DW, BPF_REG_10, -(s32)bytes, 'x'));
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_1, BPF_REG_10));
	tcall_emit(p, BPF_ALU64_IMM(BPF_ADD, BPF_REG_1, -(s32)bytes));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_2, 2));
	tcall_emit_helper(p, BPF_FUNC_trace_printk);
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_0, BPF_REG_7));
	for (off = 8; off < bytes; off += 8) {
		tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_10, -(s32)off));
		tcall_emit(p, BPF_JMP_REG(BPF_JEQ, BPF_REG_1, BPF_REG_7, 1));
		tcall_emit(p, BPF_MOV64_REG(BPF_REG_0, BPF_REG_1));
	}
}

static int private_load(struct kunit *test, const struct private_param *param)
{
	struct tcall_prog *p = tcall_prog_new(test, "callee", BPF_PROG_TYPE_KPROBE);
	u32 off;

	tcall_func_begin(p, "callee", TCALL_GLOBAL);
	tcall_emit_sub_entry(p);
	if (param->sub_bytes) {
		/* Main's frame has the number at its ends. */
		tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_7, BPF_REG_6,
					  offsetof(struct pt_regs, ax)));
		for (off = 8; off <= param->main_bytes; off += param->main_bytes - 8)
			tcall_emit(p, BPF_STX_MEM(BPF_DW, BPF_REG_10, BPF_REG_7,
						  -(s32)off));
		tcall_emit_call(p, 1);
		for (off = 8; off <= param->main_bytes; off += param->main_bytes - 8) {
			tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_10,
						  -(s32)off));
			tcall_emit(p, BPF_JMP_REG(BPF_JEQ, BPF_REG_1, BPF_REG_7, 1));
			tcall_emit(p, BPF_MOV64_REG(BPF_REG_0, BPF_REG_1));
		}
		tcall_emit(p, BPF_EXIT_INSN());
		tcall_func_begin(p, "numbers", TCALL_STATIC);
		tcall_emit_sub_entry(p);
	}
	emit_numbers(p, param->sub_bytes ?: param->main_bytes);
	tcall_emit(p, BPF_EXIT_INSN());
	return tcall_load_ok(p);
}

/* A program that tail calls @callee. */
static int caller_load(struct kunit *test, int callee)
{
	struct tcall_prog *p = tcall_prog_new(test, "caller", BPF_PROG_TYPE_KPROBE);
	int array = tcall_prog_array(test, 1);
	int fd;

	tcall_func_begin(p, "caller", TCALL_GLOBAL);
	tcall_emit_sub_entry(p);
	tcall_emit_tail_call(p, array, 0, TCALL_DIRECT);
	tcall_emit_return(p, 0);
	fd = tcall_load_ok(p);
	KUNIT_ASSERT_EQ(test, tcall_set_slot(array, 0, callee), 0);
	return fd;
}

static u64 misses(const struct bpf_prog *prog)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += u64_stats_read(&per_cpu_ptr(prog->stats, cpu)->misses);
	return sum;
}

static struct bpf_prog *private_get(struct kunit *test, int fd)
{
	struct bpf_prog *prog = bpf_prog_get_type_dev(fd, BPF_PROG_TYPE_KPROBE,
						      false);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, prog);
	return prog;
}

static void each_run_has_its_own_stack(struct kunit *test)
{
	const struct private_param *param = tcall_param(test);
	int callee_fd = private_load(test, param);
	struct bpf_prog *callee;
	struct nest nest = {};
	int i;

	callee = private_get(test, callee_fd);
	nest.prog = private_get(test, param->tail_call ?
				caller_load(test, callee_fd) : callee_fd);
	/* The second time finds what the first one has left in use. */
	for (i = 1; i <= 2; i++) {
		nest_twice(test, &nest);
		KUNIT_EXPECT_EQ_MSG(test, nest.result[0], 1u, "outer, time %d", i);
		KUNIT_EXPECT_EQ_MSG(test, nest.result[1], param->missed ? 0u : 2u,
				    "inner, time %d", i);
		KUNIT_EXPECT_EQ(test, misses(callee), param->missed ? (u64)i : 0ull);
	}
	bpf_prog_put(nest.prog);
	bpf_prog_put(callee);
}

static struct kunit_case private_cases[] = {
	KUNIT_CASE_PARAM(each_run_has_its_own_stack, private_gen_params),
	{}
};

static struct kunit_suite tailcall_private_stack_suite = {
	.name = "tailcall_private_stack",
	.init = tcall_init,
	.exit = tcall_exit,
	.test_cases = private_cases,
};

/* Only newer kernels have it, so it is not in the list of the others. */
kunit_test_suite(tailcall_private_stack_suite);

#endif /* TCALL_PRIVATE_STACKS */
