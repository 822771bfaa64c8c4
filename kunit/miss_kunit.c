// SPDX-License-Identifier: GPL-2.0
/*
 * A tail call that is not made goes on with the next insn and costs nothing.
 */
#include "prog.h"
#include "suites.h"

/* More misses than a run has tail calls. */
#define MISSES	(TCALL_LIMIT + 7)

enum {
	SLOT_SELF,
	SLOT_EMPTY,
	SLOTS,
	SLOT_OUT_OF_RANGE,
};

struct miss_param {
	u32 slot;
	enum tcall_form form;
};

static const struct miss_param miss_params[] = {
	{ SLOT_EMPTY, TCALL_DIRECT }, { SLOT_EMPTY, TCALL_INDIRECT },
	{ SLOT_OUT_OF_RANGE, TCALL_DIRECT }, { SLOT_OUT_OF_RANGE, TCALL_INDIRECT },
};

static void miss_param_desc(const struct miss_param *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s %s",
		 param->slot == SLOT_EMPTY ? "empty slot" : "out of range",
		 tcall_form_name(param->form));
}

KUNIT_ARRAY_PARAM(miss, miss_params, miss_param_desc);

/*
 *   main: the first entry misses 40 times; every entry then calls slot 0
 */
static int miss_load(struct kunit *test, int array, u32 slot,
		     enum tcall_form form)
{
	struct tcall_prog *p = tcall_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	u32 jump, i;

	tcall_func_begin(p, "main", TCALL_GLOBAL);
	tcall_emit_main_entry(p);
	tcall_emit(p, BPF_LDX_MEM(BPF_W, BPF_REG_2, BPF_REG_6,
				  offsetof(struct __sk_buff, mark)));
	jump = p->insn_cnt;
	tcall_emit(p, BPF_JMP_IMM(BPF_JNE, BPF_REG_2, 1, 0));
	for (i = 0; i < MISSES; i++)
		tcall_emit_tail_call(p, array, slot, form);
	p->insn[jump].off = p->insn_cnt - jump - 1;
	tcall_emit_tail_call(p, array, SLOT_SELF, form);
	tcall_emit_return(p, 0);
	return tcall_load_ok(p);
}

static void a_miss_costs_nothing(struct kunit *test)
{
	const struct miss_param *param = tcall_param(test);
	int array = tcall_prog_array(test, SLOTS);
	int main_fd = miss_load(test, array, param->slot, param->form);

	KUNIT_ASSERT_EQ(test, tcall_set_slot(array, SLOT_SELF, main_fd), 0);
	KUNIT_EXPECT_EQ_MSG(test, tcall_run(test, main_fd), (u32)TCALL_ENTRIES,
			    "after %d misses, slot %u, %s", MISSES, param->slot,
			    tcall_form_name(param->form));
}

static void a_slot_that_was_emptied_is_a_miss(struct kunit *test)
{
	const struct miss_param *param = tcall_param(test);
	int array = tcall_prog_array(test, SLOTS);
	int main_fd = miss_load(test, array, param->slot, param->form);

	KUNIT_EXPECT_EQ(test, tcall_run(test, main_fd), 1U);
	KUNIT_ASSERT_EQ(test, tcall_set_slot(array, SLOT_SELF, main_fd), 0);
	KUNIT_EXPECT_GT(test, tcall_run(test, main_fd), 0U);
	KUNIT_ASSERT_EQ(test, tcall_clear_slot(array, SLOT_SELF), 0);
	KUNIT_EXPECT_EQ(test, tcall_run(test, main_fd), 1U);
}

static struct kunit_case miss_cases[] = {
	KUNIT_CASE_PARAM(a_miss_costs_nothing, miss_gen_params),
	KUNIT_CASE_PARAM(a_slot_that_was_emptied_is_a_miss, miss_gen_params),
	{}
};

struct kunit_suite tailcall_miss_suite = {
	.name = "tailcall_miss",
	.init = tcall_init,
	.exit = tcall_exit,
	.test_cases = miss_cases,
};
