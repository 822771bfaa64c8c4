// SPDX-License-Identifier: GPL-2.0
/*
 * A helper's callback is entered from C, which hands on no counter: a tail call
 * must not be reached from one. The programs that must be refused are never
 * run, because a kernel that takes them may not survive it.
 */
#include "prog.h"
#include "suites.h"

/* Linux 5.10 has no helper that calls back. */
#ifdef TC_CALLBACKS

/* Who makes the tail call. */
enum callback_shape {
	/* main -helper-> callback -tail call */
	IN_CALLBACK,
	/* main -helper-> callback -call-> sub -tail call */
	IN_SUBPROGRAM,
	/* main -helper-> callback -call-> outer -call-> sub -tail call */
	TWO_LEVELS_DOWN,
	/* main -helper-> callback -call-> sub, global -tail call */
	IN_GLOBAL_FUNCTION,
	/* main -call-> user -helper-> callback -call-> sub -tail call */
	HELPER_IN_SUBPROGRAM,
};

static const char *const shape_names[] = {
	[IN_CALLBACK] = "in the callback",
	[IN_SUBPROGRAM] = "in its subprogram",
	[TWO_LEVELS_DOWN] = "two levels down",
	[IN_GLOBAL_FUNCTION] = "in a global function",
	[HELPER_IN_SUBPROGRAM] = "helper in a subprogram",
};

struct callback_param {
	enum callback_shape shape;
	enum tc_form form;
};

static const struct callback_param callback_params[] = {
	{ IN_CALLBACK, TC_DIRECT }, { IN_CALLBACK, TC_INDIRECT },
	{ IN_SUBPROGRAM, TC_DIRECT }, { IN_SUBPROGRAM, TC_INDIRECT },
	{ TWO_LEVELS_DOWN, TC_DIRECT }, { TWO_LEVELS_DOWN, TC_INDIRECT },
	{ IN_GLOBAL_FUNCTION, TC_DIRECT },
	{ IN_GLOBAL_FUNCTION, TC_INDIRECT },
	{ HELPER_IN_SUBPROGRAM, TC_DIRECT },
	{ HELPER_IN_SUBPROGRAM, TC_INDIRECT },
};

static void callback_param_desc(const struct callback_param *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s %s",
		 shape_names[param->shape], tc_form_name(param->form));
}

KUNIT_ARRAY_PARAM(callback, callback_params, callback_param_desc);

/* bpf_for_each_map_elem(map, func, &ctx, 0); the context is in R6. */
static void emit_for_each(struct tc_prog *p, int map, int func)
{
	struct bpf_insn ld_map[2] = { BPF_LD_MAP_FD(BPF_REG_1, map) };
	struct bpf_insn ld_func[2] = {
		BPF_LD_IMM64_RAW(BPF_REG_2, BPF_PSEUDO_FUNC, func)
	};

	tc_emit(p, BPF_STX_MEM(BPF_DW, BPF_REG_10, BPF_REG_6, -8));
	tc_emit(p, ld_map[0]);
	tc_emit(p, ld_map[1]);
	tc_emit(p, ld_func[0]);
	tc_emit(p, ld_func[1]);
	tc_emit(p, BPF_MOV64_REG(BPF_REG_3, BPF_REG_10));
	tc_emit(p, BPF_ALU64_IMM(BPF_ADD, BPF_REG_3, -8));
	tc_emit(p, BPF_MOV64_IMM(BPF_REG_4, 0));
	tc_emit(p, BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 0, 0,
				BPF_FUNC_for_each_map_elem));
}

/* Start a callback; the context is in R6 afterwards. */
static void begin_callback(struct tc_prog *p)
{
	tc_func_begin(p, "callback", TC_STATIC);
	tc_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_6, BPF_REG_4, 0));
}

static void begin_sub(struct tc_prog *p, const char *name,
		      enum tc_linkage linkage)
{
	tc_func_begin(p, name, linkage);
	tc_emit_sub_entry(p);
}

static void a_tail_call_is_refused(struct kunit *test)
{
	const struct callback_param *param = tc_param(test);
	const enum callback_shape shape = param->shape;
	struct tc_prog *p = tc_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	int array = tc_prog_array(test, 1);
	int map = tc_array(test, 1);
	int err;

	/* main is 0, callback 1, and 2 what the callback calls. */
	tc_func_begin(p, "main", TC_GLOBAL);
	tc_emit_main_entry(p);
	if (shape == HELPER_IN_SUBPROGRAM)
		tc_emit_call(p, 3);
	else
		emit_for_each(p, map, 1);
	tc_emit_return(p, 0);

	begin_callback(p);
	if (shape == IN_CALLBACK)
		tc_emit_tail_call(p, array, 0, param->form);
	else
		tc_emit_call(p, 2);
	tc_emit_return(p, 0);

	if (shape == TWO_LEVELS_DOWN) {
		begin_sub(p, "outer", TC_STATIC);
		tc_emit_call(p, 3);
		tc_emit_return(p, 0);
	}
	if (shape != IN_CALLBACK) {
		begin_sub(p, "sub", shape == IN_GLOBAL_FUNCTION ? TC_GLOBAL :
								  TC_STATIC);
		tc_emit_tail_call(p, array, 0, param->form);
		tc_emit_return(p, 0);
	}
	if (shape == HELPER_IN_SUBPROGRAM) {
		begin_sub(p, "user", TC_STATIC);
		emit_for_each(p, map, 1);
		tc_emit_return(p, 0);
	}

	err = tc_load(p);
	KUNIT_EXPECT_EQ_MSG(test, min(err, 0), -EINVAL, "tail call %s, %s",
			    shape_names[shape], tc_form_name(param->form));
}

/*
 *   main -helper-> callback -call-> plain
 *        -call-> sub -slot 0-> main
 */
static void tail_calls_beside_a_callback_work(struct kunit *test)
{
	struct tc_prog *p = tc_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	int array = tc_prog_array(test, 1);
	int map = tc_array(test, 3);
	int main_fd;

	tc_func_begin(p, "main", TC_GLOBAL);
	tc_emit_main_entry(p);
	emit_for_each(p, map, 1);
	tc_emit_call(p, 2);
	emit_for_each(p, map, 1);
	tc_emit_call(p, 2);
	tc_emit_tail_call(p, array, 0, TC_INDIRECT);
	tc_emit_return(p, 0);

	begin_callback(p);
	tc_emit_call(p, 3);
	tc_emit_return(p, 0);

	begin_sub(p, "sub", TC_STATIC);
	tc_emit_tail_call(p, array, 0, TC_DIRECT);
	tc_emit_return(p, 0);

	begin_sub(p, "plain", TC_STATIC);
	tc_emit_return(p, 0);

	main_fd = tc_load_ok(p);
	KUNIT_ASSERT_EQ(test, tc_set_slot(array, 0, main_fd), 0);
	KUNIT_EXPECT_EQ(test, tc_run(test, main_fd), (u32)TC_ENTRIES);
}

/*
 *   main -call-> user -helper-> callback      (no tail call)
 *        -slot 0-> main
 */
static void a_callback_without_one_is_accepted(struct kunit *test)
{
	struct tc_prog *p = tc_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	int array = tc_prog_array(test, 1);
	int map = tc_array(test, 3);
	int main_fd;

	tc_func_begin(p, "main", TC_GLOBAL);
	tc_emit_main_entry(p);
	tc_emit_call(p, 2);
	tc_emit_tail_call(p, array, 0, TC_DIRECT);
	tc_emit_return(p, 0);

	begin_callback(p);
	tc_emit_return(p, 0);

	begin_sub(p, "user", TC_STATIC);
	emit_for_each(p, map, 1);
	tc_emit_return(p, 0);

	main_fd = tc_load_ok(p);
	KUNIT_ASSERT_EQ(test, tc_set_slot(array, 0, main_fd), 0);
	KUNIT_EXPECT_EQ(test, tc_run(test, main_fd), (u32)TC_ENTRIES);
}

static struct kunit_case callback_cases[] = {
	KUNIT_CASE_PARAM(a_tail_call_is_refused, callback_gen_params),
	KUNIT_CASE(tail_calls_beside_a_callback_work),
	KUNIT_CASE(a_callback_without_one_is_accepted),
	{}
};

struct kunit_suite tailcall_callback_suite = {
	.name = "tailcall_callback",
	.init = tc_init,
	.exit = tc_exit,
	.test_cases = callback_cases,
};

#endif /* TC_CALLBACKS */
