// SPDX-License-Identifier: GPL-2.0
/*
 * A slot is emptied while a sleepable program runs. A program that has passed the
 * start of a direct tail call has given up its frame, so it must find the jump to
 * the tail callee; and nobody may wait for it, since it can sleep for as long as it
 * likes, or be the one that empties the slot.
 */
#include "prog.h"

#ifdef TC_SLEEPABLE_CALLERS

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

struct grace_delete {
	int caller;
	int callee;
	/* Was the reader still running when the delete returned? */
	bool running;
};

static void grace_delete(struct kunit *test, struct grace_delete *d)
{
	struct tc_reader reader;
	int array = tc_prog_array(test, 1);

	d->caller = grace_load(test, "caller", array);
	d->callee = grace_load(test, "callee", -1);
	KUNIT_ASSERT_EQ(test, tc_set_slot(array, 0, d->callee), 0);

	tc_reader_begin(test, &reader, true);
	KUNIT_EXPECT_EQ(test, tc_clear_slot(array, 0), 0);
	d->running = tc_reader_running(&reader);
	tc_reader_end(&reader);
}

static void a_sleepable_caller_on_its_way_finds_the_jump(struct kunit *test)
{
	struct grace_delete d;

	grace_delete(test, &d);
	if (tc_blinded(test, d.caller, BPF_PROG_TYPE_SYSCALL))
		kunit_skip(test, "Test requires: constants that are not blinded");
	if (d.running)
		KUNIT_EXPECT_TRUE(test, tc_jumps_to(test, d.caller, d.callee,
						    BPF_PROG_TYPE_SYSCALL));
}

/* The reader could be who deletes, or who needs what the delete holds. */
static void a_delete_waits_for_no_sleepable_program(struct kunit *test)
{
	struct grace_delete d;

	grace_delete(test, &d);
	KUNIT_EXPECT_TRUE(test, d.running);
}

/* Its extension makes no tail calls, so nobody waits, who could be the one that runs. */
static void a_sleeping_callee_is_extended_at_once(struct kunit *test)
{
	struct tc_prog *p = tc_prog_new(test, "target", BPF_PROG_TYPE_SYSCALL);
	int array = tc_prog_array(test, 1);
	struct tc_reader reader;
	int target, ext;

	p->flags = BPF_F_SLEEPABLE;
	tc_func_begin(p, "target", TC_GLOBAL);
	tc_emit_sub_entry(p);
	tc_emit_call(p, 1);
	tc_emit_return(p, 0);
	tc_func_begin(p, "replaced", TC_GLOBAL);
	tc_emit_return(p, 0);
	target = tc_load_ok(p);

	p = tc_prog_new(test, "extension", BPF_PROG_TYPE_EXT);
	p->target_fd = target;
	p->target_btf_id = tc_func_btf_id(1);
	tc_func_begin(p, "extension", TC_GLOBAL);
	tc_emit_return(p, 0);
	ext = tc_load_ok(p);

	KUNIT_ASSERT_EQ(test, tc_set_slot(array, 0, target), 0);
	tc_reader_begin(test, &reader, true);
	KUNIT_EXPECT_EQ(test, tc_clear_slot(array, 0), 0);
	KUNIT_EXPECT_GE(test, tc_attach(test, ext), 0);
	KUNIT_EXPECT_TRUE_MSG(test, tc_reader_running(&reader),
			      "the attach waited for a run");
	tc_reader_end(&reader);
}

static struct kunit_case grace_cases[] = {
	KUNIT_CASE(a_sleepable_caller_on_its_way_finds_the_jump),
	KUNIT_CASE(a_delete_waits_for_no_sleepable_program),
	KUNIT_CASE(a_sleeping_callee_is_extended_at_once),
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
