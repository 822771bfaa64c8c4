// SPDX-License-Identifier: GPL-2.0
/*
 * A slot is emptied while a sleepable program runs. A program that has passed the
 * start of a direct tail call has given up its frame, so it must find the jump to
 * the tail callee; and nobody may wait for it, since it can sleep for as long as it
 * likes, or be the one that empties the slot.
 */
#include "prog.h"

#ifdef TCALL_SLEEPABLE_CALLERS

/* Load a sleepable program that tail calls slot 0 of @array, if that is an fd. */
static int grace_load(struct kunit *test, const char *name, int array)
{
	struct tcall_prog *p = tcall_prog_new(test, name, BPF_PROG_TYPE_SYSCALL);

	p->flags = BPF_F_SLEEPABLE;
	tcall_func_begin(p, name, TCALL_GLOBAL);
	tcall_emit_sub_entry(p);
	if (array >= 0)
		tcall_emit_tail_call(p, array, 0, TCALL_DIRECT);
	tcall_emit_return(p, 0);
	return tcall_load_ok(p);
}

struct grace_delete {
	int caller;
	int callee;
	/* Was the reader still running when the delete returned? */
	bool running;
};

static void grace_delete(struct kunit *test, struct grace_delete *d)
{
	struct tcall_reader reader;
	int array = tcall_prog_array(test, 1);

	d->caller = grace_load(test, "caller", array);
	d->callee = grace_load(test, "callee", -1);
	KUNIT_ASSERT_EQ(test, tcall_set_slot(array, 0, d->callee), 0);

	tcall_reader_begin(test, &reader, true);
	KUNIT_EXPECT_EQ(test, tcall_clear_slot(array, 0), 0);
	d->running = tcall_reader_running(&reader);
	tcall_reader_end(&reader);
}

static void a_sleepable_caller_on_its_way_finds_the_jump(struct kunit *test)
{
	struct grace_delete d;

	grace_delete(test, &d);
	if (tcall_blinded(test, d.caller, BPF_PROG_TYPE_SYSCALL))
		kunit_skip(test, "Test requires: constants that are not blinded");
	if (d.running)
		KUNIT_EXPECT_TRUE(test, tcall_jumps_to(test, d.caller, d.callee,
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
	struct tcall_prog *p = tcall_prog_new(test, "target", BPF_PROG_TYPE_SYSCALL);
	int array = tcall_prog_array(test, 1);
	struct tcall_reader reader;
	int target, ext;

	p->flags = BPF_F_SLEEPABLE;
	tcall_func_begin(p, "target", TCALL_GLOBAL);
	tcall_emit_sub_entry(p);
	tcall_emit_call(p, 1);
	tcall_emit_return(p, 0);
	tcall_func_begin(p, "replaced", TCALL_GLOBAL);
	tcall_emit_return(p, 0);
	target = tcall_load_ok(p);

	p = tcall_prog_new(test, "extension", BPF_PROG_TYPE_EXT);
	p->target_fd = target;
	p->target_btf_id = tcall_func_btf_id(1);
	tcall_func_begin(p, "extension", TCALL_GLOBAL);
	tcall_emit_return(p, 0);
	ext = tcall_load_ok(p);

	KUNIT_ASSERT_EQ(test, tcall_set_slot(array, 0, target), 0);
	tcall_reader_begin(test, &reader, true);
	KUNIT_EXPECT_EQ(test, tcall_clear_slot(array, 0), 0);
	KUNIT_EXPECT_GE(test, tcall_attach(test, ext), 0);
	KUNIT_EXPECT_TRUE_MSG(test, tcall_reader_running(&reader),
			      "the attach waited for a run");
	tcall_reader_end(&reader);
}

static struct kunit_case grace_cases[] = {
	KUNIT_CASE(a_sleepable_caller_on_its_way_finds_the_jump),
	KUNIT_CASE(a_delete_waits_for_no_sleepable_program),
	KUNIT_CASE(a_sleeping_callee_is_extended_at_once),
	{}
};

static struct kunit_suite tailcall_grace_suite = {
	.name = "tailcall_grace",
	.init = tcall_init,
	.exit = tcall_exit,
	.test_cases = grace_cases,
};

/* Only newer kernels have it, so it is not in the list of the others. */
kunit_test_suite(tailcall_grace_suite);

#endif /* TCALL_SLEEPABLE_CALLERS */
