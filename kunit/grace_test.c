// SPDX-License-Identifier: GPL-2.0
/*
 * A direct tail call is unmade in two steps: a jump around it comes back, then
 * the jump to the tail callee goes. In between, no program may be left that
 * passed the first place before it changed: its frame is gone at the second, and
 * there is nowhere to go.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/srcu.h>
/* needs srcu.h, and does not say so */
#include <linux/rcupdate_trace.h>

#include "prog.h"

#ifdef TC_SLEEPABLE_CALLERS

#define READ_MS	1000

struct grace_reader {
	struct completion entered;
	bool left;
};

/* Stands for a sleepable program: these run under this lock, and may sleep. */
static int grace_read(void *data)
{
	struct grace_reader *reader = data;

	rcu_read_lock_trace();
	complete(&reader->entered);
	msleep(READ_MS);
	WRITE_ONCE(reader->left, true);
	rcu_read_unlock_trace();
	return 0;
}

/* Load a sleepable program that tail calls slot 0 of @array, if that is an fd. */
static int grace_load(struct kunit *test, const char *name, int array)
{
	struct tc_prog *p = tc_prog_new(test, name, BPF_PROG_TYPE_SYSCALL);

	p->flags = BPF_F_SLEEPABLE;
	tc_func_begin(p, name, TC_GLOBAL);
	tc_emit_sub_entry(p);
	if (array >= 0)
		tc_emit_tail_call(p, array, 0, TC_DIRECT);
	tc_emit_return(p, 0);
	return tc_load_ok(p);
}

static void a_delete_waits_for_sleepable_callers(struct kunit *test)
{
	struct grace_reader reader = {
		.entered = COMPLETION_INITIALIZER_ONSTACK(reader.entered),
	};
	int array = tc_prog_array(test, 1);
	struct task_struct *task;
	int caller, callee;
	bool left;

	caller = grace_load(test, "caller", array);
	callee = grace_load(test, "callee", -1);
	KUNIT_ASSERT_EQ(test, tc_set_slot(array, 0, callee), 0);
	if (tc_blinded(test, caller, BPF_PROG_TYPE_SYSCALL))
		kunit_skip(test, "Test requires: constants that are not blinded");

	task = kthread_run(grace_read, &reader, "grace_reader");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	get_task_struct(task);
	wait_for_completion(&reader.entered);
	KUNIT_EXPECT_EQ(test, tc_clear_slot(array, 0), 0);
	left = READ_ONCE(reader.left);
	kthread_stop_put(task);
	KUNIT_EXPECT_TRUE_MSG(test, left,
			      "the slot was deleted under a running program");
}

static struct kunit_case grace_cases[] = {
	KUNIT_CASE(a_delete_waits_for_sleepable_callers),
	{}
};

static struct kunit_suite tailcall_grace_suite = {
	.name = "tailcall_grace",
	.init = tc_init,
	.exit = tc_exit,
	.test_cases = grace_cases,
};

/* Only newer kernels have it, so it is not in the list of the others. */
kunit_test_suite(tailcall_grace_suite);

#endif /* TC_SLEEPABLE_CALLERS */
