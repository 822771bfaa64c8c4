// SPDX-License-Identifier: GPL-2.0
/*
 * Slots, prog_arrays and tracers that change while programs run. A direct tail
 * call is an instruction that is patched when its slot changes, so every run must
 * see the slot as it was before or as it is after, and nothing between.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/skbuff.h>

#include "graph.h"
#include "suites.h"

/* How often a case changes something under the running program. */
#define PATCH_ROUNDS	20
/* How many runs must end before the next change. */
#define PATCH_RUNS	3
/* How long a reader stands for a program that is running. */
#define PATCH_READ_MS	300

/* A thread that runs one program over and over. */
struct patch_runner {
	struct task_struct *task;
	struct tcall_runnable *run;
	unsigned long runs;
	/* seen[n]: runs that entered n main programs */
	unsigned long seen[TCALL_BOUND + 2];
};

static int patch_runner_thread(void *data)
{
	struct patch_runner *r = data;

	while (!kthread_should_stop()) {
		u32 entries = tcall_runnable_run(r->run);

		r->seen[min_t(u32, entries, ARRAY_SIZE(r->seen) - 1)]++;
		/* Pairs with the acquire in patch_runner_wait(). */
		smp_store_release(&r->runs, r->runs + 1);
		cond_resched();
	}
	return 0;
}

static struct patch_runner *patch_runner_start(struct kunit *test, int prog_fd)
{
	struct patch_runner *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, r);
	r->run = tcall_runnable_get(test, prog_fd);
	r->task = kthread_run(patch_runner_thread, r, "tailcall_runner");
	if (IS_ERR(r->task))
		tcall_runnable_put(r->run);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, r->task);
	return r;
}

/* Not KUNIT_ASSERT from here on: a thread that runs must be stopped. */
static void patch_runner_wait(struct kunit *test, struct patch_runner *r)
{
	unsigned long start, runs;
	int ms;

	/* Pairs with the release in the thread. */
	start = smp_load_acquire(&r->runs);
	for (ms = 0; ms < 10000; ms++) {
		/* Pairs with the release in the thread. */
		runs = smp_load_acquire(&r->runs);
		if (runs - start > PATCH_RUNS)
			return;
		usleep_range(1000, 2000);
	}
	KUNIT_FAIL(test, "the program does not run any more");
}

static void patch_runner_stop(struct patch_runner *r)
{
	kthread_stop(r->task);
	tcall_runnable_put(r->run);
}

/* Every run entered one of the numbers in @allowed, and each was seen. */
static void patch_runner_expect(struct kunit *test, struct patch_runner *r,
				const u32 *allowed, u32 count)
{
	u32 n, i;

	for (n = 0; n < ARRAY_SIZE(r->seen); n++) {
		for (i = 0; i < count && allowed[i] != n; i++)
			;
		if (i < count)
			KUNIT_EXPECT_GT_MSG(test, r->seen[n], 0UL,
					    "no run of %lu entered %u programs",
					    r->runs, n);
		else
			KUNIT_EXPECT_EQ_MSG(test, r->seen[n], 0UL,
					    "runs that entered %u programs, of %lu",
					    n, r->runs);
	}
}

struct patch_param {
	enum tcall_form form;
	bool in_sub;
};

static const struct patch_param patch_params[] = {
	{ TCALL_DIRECT, false }, { TCALL_DIRECT, true },
	{ TCALL_INDIRECT, false }, { TCALL_INDIRECT, true },
};

static void patch_param_desc(const struct patch_param *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s in %s",
		 tcall_form_name(param->form), param->in_sub ? "sub" : "main");
}

KUNIT_ARRAY_PARAM(patch, patch_params, patch_param_desc);

enum { CALLER, SHORT, LONG, END };

/*
 *   caller --slot 1--> short
 *   long   --slot 3--> end       (long is put into slot 1 by the cases)
 */
static struct tcall_graph *patch_setup(struct kunit *test)
{
	const struct patch_param *param = tcall_param(test);
	struct tcall_graph *g = tcall_graph_new(test);
	u32 func = 0;

	tcall_graph_prog(g, "caller", 0, false);
	tcall_graph_prog(g, "short", 64, true);
	tcall_graph_prog(g, "long", 8, false);
	tcall_graph_prog(g, "end", 0, false);
	if (param->in_sub) {
		func = tcall_graph_sub(g, CALLER);
		tcall_graph_step(g, CALLER, 0, TCALL_CALL, func, 0);
	}
	tcall_graph_step(g, CALLER, func, TCALL_TAIL, SHORT, param->form);
	tcall_graph_step(g, LONG, 0, TCALL_TAIL, END, TCALL_DIRECT);
	tcall_graph_load(test, g);
	return g;
}

/* Give the slot to program @other, or to none for CALLER, and back to short. */
static void change_slot_under_runner(struct kunit *test, u32 other,
				     const u32 *allowed, u32 count)
{
	struct tcall_graph *g = patch_setup(test);
	struct patch_runner *r = patch_runner_start(test, g->fd[CALLER]);
	u32 i;

	for (i = 0; i < PATCH_ROUNDS; i++) {
		if (other != CALLER)
			KUNIT_EXPECT_EQ(test, tcall_set_slot(g->array, SHORT,
							     g->fd[other]), 0);
		else
			KUNIT_EXPECT_EQ(test, tcall_clear_slot(g->array, SHORT), 0);
		patch_runner_wait(test, r);
		KUNIT_EXPECT_EQ(test, tcall_set_slot(g->array, SHORT,
						     g->fd[SHORT]), 0);
		patch_runner_wait(test, r);
	}
	patch_runner_stop(r);
	patch_runner_expect(test, r, allowed, count);
}

static void a_slot_is_emptied_and_filled(struct kunit *test)
{
	const u32 allowed[] = { 1, 2 };

	change_slot_under_runner(test, CALLER, allowed, ARRAY_SIZE(allowed));
}

/* A slot that gets another program is at no time empty. */
static void a_slot_gets_another_program(struct kunit *test)
{
	const u32 allowed[] = { 2, 3 };

	change_slot_under_runner(test, LONG, allowed, ARRAY_SIZE(allowed));
}

/* Stands for a caller that is past the bypass and not yet at the jump. */
struct patch_reader {
	struct completion entered;
	bool left;
};

static int patch_read(void *data)
{
	struct patch_reader *reader = data;

	rcu_read_lock();
	complete(&reader->entered);
	mdelay(PATCH_READ_MS);
	WRITE_ONCE(reader->left, true);
	rcu_read_unlock();
	return 0;
}

/*
 * A caller that is on its way to the jump of a direct tail call when its slot is
 * emptied finds it: because the jump stays, or because the delete waits.
 */
static void a_caller_on_its_way_finds_the_jump(struct kunit *test)
{
	struct patch_reader reader = {
		.entered = COMPLETION_INITIALIZER_ONSTACK(reader.entered),
	};
	struct tcall_graph *g = tcall_graph_new(test);
	struct task_struct *task;
	unsigned int here, there;
	bool left;

	tcall_graph_prog(g, "caller", 0, false);
	tcall_graph_prog(g, "callee", 0, false);
	tcall_graph_step(g, 0, 0, TCALL_TAIL, 1, TCALL_DIRECT);
	tcall_graph_load(test, g);
	if (tcall_blinded(test, g->fd[0], BPF_PROG_TYPE_SCHED_CLS)) {
		kunit_skip_quietly(test, "Test requires: constants that are not blinded");
		return;
	}

	/* Or the delete would wait, too: for the processor. */
	here = cpumask_first(cpu_online_mask);
	there = cpumask_next(here, cpu_online_mask);
	if (there >= nr_cpu_ids) {
		kunit_skip_quietly(test, "Test requires: two processors");
		return;
	}
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(here)),
			0);

	task = kthread_create(patch_read, &reader, "tailcall_reader");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	kthread_bind(task, there);
	get_task_struct(task);
	wake_up_process(task);
	wait_for_completion(&reader.entered);
	KUNIT_EXPECT_EQ(test, tcall_clear_slot(g->array, 1), 0);
	left = READ_ONCE(reader.left);
	kthread_stop(task);
	put_task_struct(task);
	if (!left)
		KUNIT_EXPECT_TRUE(test, tcall_jumps_to(test, g->fd[0], g->fd[1],
						       BPF_PROG_TYPE_SCHED_CLS));
}

/* The last user reference to a prog_array empties it; programs still hold it. */
static void a_prog_array_is_released(struct kunit *test)
{
	struct tcall_graph *g = patch_setup(test);
	struct patch_runner *r = patch_runner_start(test, g->fd[CALLER]);
	const u32 allowed[] = { 1, 2 };
	u32 ms;

	patch_runner_wait(test, r);
	tcall_close(test, g->array);
	/* A work item does it. */
	for (ms = 0; ms < 5000 && !READ_ONCE(r->seen[1]); ms++)
		usleep_range(1000, 2000);
	patch_runner_wait(test, r);
	patch_runner_stop(r);
	patch_runner_expect(test, r, allowed, ARRAY_SIZE(allowed));
	KUNIT_EXPECT_EQ(test, tcall_run(test, g->fd[CALLER]), 1U);
}

/*
 *   main -call-> sub -slot 0-> main       with tracers that come and go on sub
 */
static void a_tracer_comes_and_goes(struct kunit *test)
{
	struct tcall_graph *g = tcall_graph_new(test);
	const u32 allowed[] = { TCALL_ENTRIES };
	int tracer[PATCH_ROUNDS][2];
	struct patch_runner *r;
	u32 i, j;

	tcall_graph_prog(g, "main", 0, false);
	tcall_graph_sub(g, 0);
	tcall_graph_step(g, 0, 0, TCALL_CALL, 1, 0);
	tcall_graph_step(g, 0, 1, TCALL_TAIL, 0, TCALL_DIRECT);
	tcall_graph_load(test, g);
	/* What was attached to a program once cannot be attached again. */
	for (i = 0; i < PATCH_ROUNDS; i++) {
		tracer[i][0] = tcall_tracer_load(test, BPF_TRACE_FENTRY, g->fd[0],
						 1);
		tracer[i][1] = tcall_tracer_load(test, BPF_TRACE_FEXIT, g->fd[0],
						 1);
	}

	r = patch_runner_start(test, g->fd[0]);
	for (i = 0; i < PATCH_ROUNDS; i++) {
		int link[2];

		for (j = 0; j < ARRAY_SIZE(link); j++) {
			link[j] = tcall_attach(test, tracer[i][j]);
			KUNIT_EXPECT_GE(test, link[j], 0);
			patch_runner_wait(test, r);
		}
		for (j = 0; j < ARRAY_SIZE(link); j++) {
			if (link[j] >= 0)
				tcall_close(test, link[j]);
			patch_runner_wait(test, r);
		}
	}
	patch_runner_stop(r);
	patch_runner_expect(test, r, allowed, ARRAY_SIZE(allowed));
}

/* Their fds are closed; the slot and the run still hold them. */
static void a_program_is_unloaded(struct kunit *test)
{
	struct tcall_graph *g = patch_setup(test);
	struct patch_runner *r = patch_runner_start(test, g->fd[CALLER]);
	const u32 allowed[] = { 1, 2 };

	/* The slot and the runner hold them. */
	tcall_close(test, g->fd[SHORT]);
	tcall_close(test, g->fd[CALLER]);
	patch_runner_wait(test, r);
	KUNIT_EXPECT_EQ(test, tcall_clear_slot(g->array, SHORT), 0);
	patch_runner_wait(test, r);
	patch_runner_stop(r);
	patch_runner_expect(test, r, allowed, ARRAY_SIZE(allowed));
}

static struct kunit_case patch_cases[] = {
	KUNIT_CASE_PARAM(a_slot_is_emptied_and_filled, patch_gen_params),
	KUNIT_CASE_PARAM(a_slot_gets_another_program, patch_gen_params),
	KUNIT_CASE_PARAM(a_prog_array_is_released, patch_gen_params),
	KUNIT_CASE_PARAM(a_program_is_unloaded, patch_gen_params),
	KUNIT_CASE(a_tracer_comes_and_goes),
	KUNIT_CASE(a_caller_on_its_way_finds_the_jump),
	{}
};

struct kunit_suite tailcall_patch_suite = {
	.name = "tailcall_patch",
	.init = tcall_init,
	.exit = tcall_exit,
	.test_cases = patch_cases,
};
