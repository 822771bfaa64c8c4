// SPDX-License-Identifier: GPL-2.0
/*
 * A helper's callback is entered from C, which hands on no counter: a tail call
 * must not be reached from one. The programs that must be refused are never
 * run, because a kernel that takes them may not survive it.
 */
#include "prog.h"
#include "suites.h"

/* Linux 5.10 has no helper that calls back. */
#ifdef TCALL_CALLBACKS

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
	enum tcall_form form;
};

static const struct callback_param callback_params[] = {
	{ IN_CALLBACK, TCALL_DIRECT }, { IN_CALLBACK, TCALL_INDIRECT },
	{ IN_SUBPROGRAM, TCALL_DIRECT }, { IN_SUBPROGRAM, TCALL_INDIRECT },
	{ TWO_LEVELS_DOWN, TCALL_DIRECT }, { TWO_LEVELS_DOWN, TCALL_INDIRECT },
	{ IN_GLOBAL_FUNCTION, TCALL_DIRECT },
	{ IN_GLOBAL_FUNCTION, TCALL_INDIRECT },
	{ HELPER_IN_SUBPROGRAM, TCALL_DIRECT },
	{ HELPER_IN_SUBPROGRAM, TCALL_INDIRECT },
};

static void callback_param_desc(const struct callback_param *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s %s",
		 shape_names[param->shape], tcall_form_name(param->form));
}

KUNIT_ARRAY_PARAM(callback, callback_params, callback_param_desc);

/* bpf_for_each_map_elem(map, func, &ctx, 0); the context is in R6. */
static void emit_for_each(struct tcall_prog *p, int map, int func)
{
	struct bpf_insn ld_map[2] = { BPF_LD_MAP_FD(BPF_REG_1, map) };
	struct bpf_insn ld_func[2] = {
		BPF_LD_IMM64_RAW(BPF_REG_2, BPF_PSEUDO_FUNC, func)
	};

	tcall_emit(p, BPF_STX_MEM(BPF_DW, BPF_REG_10, BPF_REG_6, -8));
	tcall_emit(p, ld_map[0]);
	tcall_emit(p, ld_map[1]);
	tcall_emit(p, ld_func[0]);
	tcall_emit(p, ld_func[1]);
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_3, BPF_REG_10));
	tcall_emit(p, BPF_ALU64_IMM(BPF_ADD, BPF_REG_3, -8));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_4, 0));
	tcall_emit_helper(p, BPF_FUNC_for_each_map_elem);
}

/* Start a callback; the context is in R6 afterwards. */
static void begin_callback(struct tcall_prog *p)
{
	tcall_func_begin(p, "callback", TCALL_STATIC);
	tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_6, BPF_REG_4, 0));
}

static void begin_sub(struct tcall_prog *p, const char *name,
		      enum tcall_linkage linkage)
{
	tcall_func_begin(p, name, linkage);
	tcall_emit_sub_entry(p);
}

static void a_tail_call_is_refused(struct kunit *test)
{
	const struct callback_param *param = tcall_param(test);
	const enum callback_shape shape = param->shape;
	struct tcall_prog *p = tcall_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	int array = tcall_prog_array(test, 1);
	int map = tcall_array(test, 1);
	int err;

	/* main is 0, callback 1, and 2 what the callback calls. */
	tcall_func_begin(p, "main", TCALL_GLOBAL);
	tcall_emit_main_entry(p);
	if (shape == HELPER_IN_SUBPROGRAM)
		tcall_emit_call(p, 3);
	else
		emit_for_each(p, map, 1);
	tcall_emit_return(p, 0);

	begin_callback(p);
	if (shape == IN_CALLBACK)
		tcall_emit_tail_call(p, array, 0, param->form);
	else
		tcall_emit_call(p, 2);
	tcall_emit_return(p, 0);

	if (shape == TWO_LEVELS_DOWN) {
		begin_sub(p, "outer", TCALL_STATIC);
		tcall_emit_call(p, 3);
		tcall_emit_return(p, 0);
	}
	if (shape != IN_CALLBACK) {
		begin_sub(p, "sub", shape == IN_GLOBAL_FUNCTION ? TCALL_GLOBAL :
								  TCALL_STATIC);
		tcall_emit_tail_call(p, array, 0, param->form);
		tcall_emit_return(p, 0);
	}
	if (shape == HELPER_IN_SUBPROGRAM) {
		begin_sub(p, "user", TCALL_STATIC);
		emit_for_each(p, map, 1);
		tcall_emit_return(p, 0);
	}

	err = tcall_load(p);
	KUNIT_EXPECT_EQ_MSG(test, min(err, 0), -EINVAL, "tail call %s, %s",
			    shape_names[shape], tcall_form_name(param->form));
}

/*
 *   main -helper-> callback -call-> plain
 *        -call-> sub -slot 0-> main
 */
static void tail_calls_beside_a_callback_work(struct kunit *test)
{
	struct tcall_prog *p = tcall_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	int array = tcall_prog_array(test, 1);
	int map = tcall_array(test, 3);
	int main_fd;

	tcall_func_begin(p, "main", TCALL_GLOBAL);
	tcall_emit_main_entry(p);
	emit_for_each(p, map, 1);
	tcall_emit_call(p, 2);
	emit_for_each(p, map, 1);
	tcall_emit_call(p, 2);
	tcall_emit_tail_call(p, array, 0, TCALL_INDIRECT);
	tcall_emit_return(p, 0);

	begin_callback(p);
	tcall_emit_call(p, 3);
	tcall_emit_return(p, 0);

	begin_sub(p, "sub", TCALL_STATIC);
	tcall_emit_tail_call(p, array, 0, TCALL_DIRECT);
	tcall_emit_return(p, 0);

	begin_sub(p, "plain", TCALL_STATIC);
	tcall_emit_return(p, 0);

	main_fd = tcall_load_ok(p);
	KUNIT_ASSERT_EQ(test, tcall_set_slot(array, 0, main_fd), 0);
	KUNIT_EXPECT_EQ(test, tcall_run(test, main_fd), (u32)TCALL_ENTRIES);
}

/*
 *   main -call-> user -helper-> callback      (no tail call)
 *        -slot 0-> main
 */
static void a_callback_without_one_is_accepted(struct kunit *test)
{
	struct tcall_prog *p = tcall_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	int array = tcall_prog_array(test, 1);
	int map = tcall_array(test, 3);
	int main_fd;

	tcall_func_begin(p, "main", TCALL_GLOBAL);
	tcall_emit_main_entry(p);
	tcall_emit_call(p, 2);
	tcall_emit_tail_call(p, array, 0, TCALL_DIRECT);
	tcall_emit_return(p, 0);

	begin_callback(p);
	tcall_emit_return(p, 0);

	begin_sub(p, "user", TCALL_STATIC);
	emit_for_each(p, map, 1);
	tcall_emit_return(p, 0);

	main_fd = tcall_load_ok(p);
	KUNIT_ASSERT_EQ(test, tcall_set_slot(array, 0, main_fd), 0);
	KUNIT_EXPECT_EQ(test, tcall_run(test, main_fd), (u32)TCALL_ENTRIES);
}

static struct kunit_case callback_cases[] = {
	KUNIT_CASE_PARAM(a_tail_call_is_refused, callback_gen_params),
	KUNIT_CASE(tail_calls_beside_a_callback_work),
	KUNIT_CASE(a_callback_without_one_is_accepted),
	{}
};

struct kunit_suite tailcall_callback_suite = {
	.name = "tailcall_callback",
	.init = tcall_init,
	.exit = tcall_exit,
	.test_cases = callback_cases,
};

#endif /* TCALL_CALLBACKS */
