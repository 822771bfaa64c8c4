// SPDX-License-Identifier: GPL-2.0
/*
 * The stack rule: 33 tail calls may each leave the callers of the function that
 * makes them on the kernel stack, so these can have only so much of it, with
 * what the JIT adds. Programs here are only loaded.
 */
#include <linux/btf.h>
#include <linux/string.h>

#include "prog.h"
#include "suites.h"

struct stack_param {
	/* Of them the last makes the tail call, and is not on the stack then. */
	u32 functions;
	/* What each caller uses. */
	u32 bytes;
	bool tail_call;
	bool loads;
};

/*
 * Before the JIT's part was counted the verifier allowed 256 bytes of BPF stack
 * for the callers, whatever their number.
 */
static const struct stack_param stack_params[] = {
	{ 2, 8, true, true },
	{ 2, 224, true, true },
	{ 3, 96, true, true },
	{ 3, 256, true, false },
	/* What is not under a tail call may use all there is. */
	{ 8, 32, false, true },
	{ 2, 256, false, true },
	{ 8, 8, true, false },
	{ 8, 24, true, false },
};

static void stack_desc(const struct stack_param *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u callers with %u bytes, %s",
		 param->functions - 1, param->bytes,
		 param->tail_call ? "tail call" : "no tail call");
}

KUNIT_ARRAY_PARAM(stack, stack_params, stack_desc);

static const char * const stack_names[TC_MAX_FUNCS] = {
	"main", "sub1", "sub2", "sub3", "sub4", "sub5", "sub6", "sub7",
};

/*
 *   main -call-> sub1 ... -call-> the last -slot 0->, if @tail_call
 *   with @bytes[] of stack for each but the last.
 */
static struct tc_prog *stack_chain(struct kunit *test, const u32 *bytes,
				   u32 callers, bool tail_call)
{
	struct tc_prog *p = tc_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	int array = tc_prog_array(test, 1);
	u32 i;

	for (i = 0; i <= callers; i++) {
		tc_func_begin(p, stack_names[i], i ? TC_STATIC : TC_GLOBAL);
		tc_emit_sub_entry(p);
		if (i < callers) {
			tc_emit_stack(p, bytes[i]);
			tc_emit_call(p, i + 1);
		} else if (tail_call) {
			tc_emit_tail_call(p, array, 0, TC_DIRECT);
		}
		tc_emit_return(p, 0);
	}
	return p;
}

static void callers_have_their_share(struct kunit *test)
{
	const struct stack_param *param = tc_param(test);
	u32 bytes[TC_MAX_FUNCS];
	int fd;

	memset32(bytes, param->bytes, ARRAY_SIZE(bytes));
	fd = tc_load(stack_chain(test, bytes, param->functions - 1,
				 param->tail_call));
	if (param->loads)
		KUNIT_EXPECT_GE(test, fd, 0);
	else
		KUNIT_EXPECT_EQ(test, fd, -EACCES);
}

#ifdef TC_ARENA
/* The JIT has the base of an arena in a register, which each frame saves. */
static void an_arena_takes_its_part(struct kunit *test)
{
	static const u32 bytes[] = { 112, 128 };
	int arena = tc_arena(test);
	struct bpf_insn ld_map[2] = {
		BPF_LD_MAP_FD(BPF_REG_1, arena),
	};
	struct tc_prog *p = stack_chain(test, bytes, ARRAY_SIZE(bytes), true);

	KUNIT_EXPECT_GE(test, tc_load(p), 0);
	p = stack_chain(test, bytes, ARRAY_SIZE(bytes), true);
	/* In the place of the last function's result and exit. */
	p->insn_cnt -= 2;
	tc_emit(p, ld_map[0]);
	tc_emit(p, ld_map[1]);
	tc_emit_return(p, 0);
	KUNIT_EXPECT_EQ(test, tc_load(p), -EACCES);
}
#endif

#ifdef TC_SESSION_COOKIES
/* Load an fsession program for a main program, with a cookie or without. */
static int stack_session(struct kunit *test, int target, bool cookie)
{
	struct tc_prog *p = tc_prog_new(test, "session", BPF_PROG_TYPE_TRACING);
	struct btf *btf;
	s32 id = bpf_find_btf_id("bpf_session_cookie", BTF_KIND_FUNC, &btf);

	if (id < 0)
		kunit_skip(test, "Test requires: bpf_session_cookie()");
	p->attach_type = BPF_TRACE_FSESSION;
	p->target_fd = target;
	p->target_btf_id = tc_func_btf_id(0);
	tc_func_begin(p, "session", TC_GLOBAL);
	if (cookie)
		tc_emit(p, BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0,
					BPF_PSEUDO_KFUNC_CALL, 0, id));
	tc_emit_return(p, 0);
	return tc_load(p);
}

/* Nobody knows how many cookies there will be in a trampoline's frame. */
static void cookies_have_no_room(struct kunit *test)
{
	static const u32 bytes[1];
	struct tc_prog *plain = tc_prog_new(test, "plain",
					    BPF_PROG_TYPE_SCHED_CLS);
	int target = tc_load_ok(stack_chain(test, bytes, 1, true));

	tc_func_begin(plain, "plain", TC_GLOBAL);
	tc_emit_return(plain, 0);
	KUNIT_EXPECT_GE(test, stack_session(test, tc_load_ok(plain), true), 0);
	KUNIT_EXPECT_GE(test, stack_session(test, target, false), 0);
	KUNIT_EXPECT_EQ(test, stack_session(test, target, true), -EACCES);
}
#endif

static struct kunit_case stack_cases[] = {
	KUNIT_CASE_PARAM(callers_have_their_share, stack_gen_params),
#ifdef TC_ARENA
	KUNIT_CASE(an_arena_takes_its_part),
#endif
#ifdef TC_SESSION_COOKIES
	KUNIT_CASE(cookies_have_no_room),
#endif
	{}
};

struct kunit_suite tailcall_stack_suite = {
	.name = "tailcall_stack",
	.init = tc_init,
	.exit = tc_exit,
	.test_cases = stack_cases,
};
