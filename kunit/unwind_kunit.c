// SPDX-License-Identifier: GPL-2.0
/*
 * Stack traces of programs that can reach a tail call. A kprobe handler takes one when
 * a helper, or a function that the helper calls, is entered.
 */
#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <asm/unwind.h>

#include "prog.h"
#include "suites.h"

enum { SLOT_CALLEE, SLOT_EMPTY, SLOTS };

/* Where the helper is called. */
enum trace_shape {
	/* main -> helper */
	IN_MAIN,
	/* main -call-> sub -> helper */
	IN_SUB,
	/* main -slot-> callee -> helper */
	IN_CALLEE,
	/* main -call-> sub -slot-> callee -> helper */
	IN_CALLEE_OF_SUB,
	/* main -call-> sub -slot-> callee -call-> inner -> helper */
	IN_SUB_OF_CALLEE,
};

struct trace_param {
	enum trace_shape shape;
	enum tcall_form form;
	u32 stack;
	/*
	 * fexit on sub: a trampoline calls the rest of sub. Older kernels call
	 * the trampoline from sub, which has no frame yet, so that main is
	 * passed over; newer ones jump to it.
	 */
	bool traced;
	const char *frames;
};

static const struct trace_param trace_params[] = {
	{ IN_MAIN, TCALL_DIRECT, 0, false, "main" },
	{ IN_MAIN, TCALL_INDIRECT, 64, false, "main" },
	{ IN_SUB, TCALL_DIRECT, 0, false, "sub main" },
	{ IN_SUB, TCALL_INDIRECT, 64, false, "sub main" },
	{ IN_SUB, TCALL_DIRECT, 8, true, "sub trampoline sub" },
	{ IN_CALLEE, TCALL_DIRECT, 0, false, "callee" },
	{ IN_CALLEE, TCALL_INDIRECT, 64, false, "callee" },
	{ IN_CALLEE_OF_SUB, TCALL_DIRECT, 0, false, "callee main" },
	{ IN_CALLEE_OF_SUB, TCALL_INDIRECT, 64, false, "callee main" },
	{ IN_CALLEE_OF_SUB, TCALL_DIRECT, 8, true, "callee trampoline sub" },
	{ IN_SUB_OF_CALLEE, TCALL_DIRECT, 0, false, "inner callee main" },
	{ IN_SUB_OF_CALLEE, TCALL_INDIRECT, 64, false, "inner callee main" },
	{ IN_SUB_OF_CALLEE, TCALL_DIRECT, 8, true, "inner callee trampoline sub" },
};

static void trace_param_desc(const struct trace_param *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %s stack %u", param->frames,
		 tcall_form_name(param->form), param->stack);
}

KUNIT_ARRAY_PARAM(trace, trace_params, trace_param_desc);

/* The programs of a shape; returns the fd of the one to run. */
static int trace_setup(struct kunit *test, const struct trace_param *param)
{
	struct tcall_prog *caller = tcall_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	struct tcall_prog *callee = tcall_prog_new(test, "callee",
						   BPF_PROG_TYPE_SCHED_CLS);
	const bool has_sub = param->shape != IN_MAIN && param->shape != IN_CALLEE;
	const bool has_inner = param->shape == IN_SUB_OF_CALLEE;
	int array = tcall_prog_array(test, SLOTS);
	int main_fd, callee_fd;

	tcall_func_begin(caller, "main", TCALL_GLOBAL);
	tcall_emit_sub_entry(caller);
	tcall_emit_stack(caller, param->stack);
	if (param->shape == IN_MAIN)
		tcall_emit_helper(caller, BPF_FUNC_get_prandom_u32);
	if (has_sub)
		tcall_emit_call(caller, 1);
	else
		tcall_emit_tail_call(caller, array, SLOT_CALLEE, param->form);
	tcall_emit_return(caller, 0);
	if (has_sub) {
		tcall_func_begin(caller, "sub", TCALL_STATIC);
		tcall_emit_sub_entry(caller);
		tcall_emit_stack(caller, param->stack);
		if (param->shape == IN_SUB)
			tcall_emit_helper(caller, BPF_FUNC_get_prandom_u32);
		tcall_emit_tail_call(caller, array, SLOT_CALLEE, param->form);
		tcall_emit_return(caller, 0);
	}
	main_fd = tcall_load_ok(caller);

	tcall_func_begin(callee, "callee", TCALL_GLOBAL);
	tcall_emit_sub_entry(callee);
	tcall_emit_stack(callee, param->stack);
	if (has_inner)
		tcall_emit_call(callee, 1);
	else
		tcall_emit_helper(callee, BPF_FUNC_get_prandom_u32);
	tcall_emit_tail_call(callee, array, SLOT_EMPTY, param->form);
	tcall_emit_return(callee, 0);
	if (has_inner) {
		tcall_func_begin(callee, "inner", TCALL_STATIC);
		tcall_emit_sub_entry(callee);
		tcall_emit_helper(callee, BPF_FUNC_get_prandom_u32);
		tcall_emit_tail_call(callee, array, SLOT_EMPTY, param->form);
		tcall_emit_return(callee, 0);
	}
	callee_fd = tcall_load_ok(callee);
	if (param->shape != IN_MAIN && param->shape != IN_SUB)
		KUNIT_ASSERT_EQ(test, tcall_set_slot(array, SLOT_CALLEE, callee_fd), 0);
	if (param->traced)
		tcall_tracer(test, BPF_TRACE_FEXIT, main_fd, 1);
	return main_fd;
}

#ifdef CONFIG_KPROBES
#define MAX_TRACE	64

/* One run at a time: cases follow each other. */
static struct {
	struct task_struct *task;
	unsigned long addr[MAX_TRACE];
	u32 cnt;
} trace;

static void trace_add(unsigned long addr)
{
	if (trace.cnt < MAX_TRACE)
		trace.addr[trace.cnt++] = addr;
}

/* bpf_prog_0123456789abcdef_main and bpf_trampoline_123 without the number. */
static bool trace_name(char *buf, size_t size, unsigned long addr)
{
	static const char prog[] = "bpf_prog_", tramp[] = "bpf_trampoline_";
	char name[KSYM_SYMBOL_LEN];

	snprintf(name, sizeof(name), "%ps", (void *)addr);
	name[strcspn(name, " ")] = '\0';
	if (!strncmp(name, tramp, strlen(tramp)))
		strscpy(buf, "trampoline", size);
	else if (!strncmp(name, prog, strlen(prog)) &&
		 strlen(name) > strlen(prog) + 17)
		strscpy(buf, name + strlen(prog) + 17, size);
	else
		return false;
	return true;
}

/* What the kernel's own unwinder finds. */
static int trace_by_unwinder(struct kprobe *kp, struct pt_regs *regs)
{
	struct unwind_state state;

	if (current != trace.task)
		return 0;
	for (unwind_start(&state, current, regs, NULL); !unwind_done(&state);
	     unwind_next_frame(&state))
		trace_add(unwind_get_return_address(&state));
	return 0;
}

/*
 * The chain of rbp, from the first insn of the helper: its return address is
 * on top of the stack, and rbp is the caller's.
 */
static int trace_by_rbp(struct kprobe *kp, struct pt_regs *regs)
{
	const unsigned long *frame = (const unsigned long *)regs->bp;
	unsigned long addr = *(const unsigned long *)regs->sp;
	char name[KSYM_NAME_LEN];

	if (current != trace.task)
		return 0;
	while (trace.cnt < MAX_TRACE && trace_name(name, sizeof(name), addr)) {
		trace_add(addr);
		addr = frame[1];
		frame = (const unsigned long *)frame[0];
	}
	return 0;
}

/* The names of all BPF frames of the trace, innermost first. */
static void trace_names(char *buf, size_t size)
{
	char name[KSYM_NAME_LEN];
	u32 i;

	buf[0] = '\0';
	for (i = 0; i < trace.cnt; i++) {
		if (!trace_name(name, sizeof(name), trace.addr[i]))
			continue;
		if (buf[0])
			strlcat(buf, " ", size);
		strlcat(buf, name, size);
	}
}

/* Are all the words of @words in @text, in that order? */
static bool in_order(const char *text, const char *words)
{
	while (*words) {
		size_t len = strcspn(words, " ");

		while (*text && (strcspn(text, " ") != len ||
				 strncmp(text, words, len)))
			text += strcspn(text, " ") + !!text[strcspn(text, " ")];
		if (!*text)
			return false;
		text += len + !!text[len];
		words += len + !!words[len];
	}
	return true;
}

/* A kprobe with a post handler is never turned into a jump. */
static void trace_post_handler(struct kprobe *kp, struct pt_regs *regs,
			       unsigned long flags)
{
}

static void expect_trace(struct kunit *test, const char *symbol,
			 kprobe_pre_handler_t handler, bool strict)
{
	const struct trace_param *param = tcall_param(test);
	const u32 endbr = IS_ENABLED(CONFIG_X86_KERNEL_IBT) ? 4 : 0;
	struct kprobe kp = {
		.symbol_name = symbol,
		/* Behind the call that ftrace patches. */
		.offset = endbr + (IS_ENABLED(CONFIG_DYNAMIC_FTRACE) ?
				   MCOUNT_INSN_SIZE : 0),
		.pre_handler = handler,
		.post_handler = trace_post_handler,
	};
	int main_fd = trace_setup(test, param);
	char *names = kunit_kzalloc(test, 1024, GFP_KERNEL);
	const char *jump = "trampoline main";
	char *end;
	int err;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, names);
	memset(&trace, 0, sizeof(trace));
	trace.task = current;
	err = register_kprobe(&kp);
	if (err == -EILSEQ) {
		/* In an insn: this function has no such call, as all of lib/. */
		kp.offset = endbr;
		kp.addr = NULL;
		err = register_kprobe(&kp);
	}
	KUNIT_ASSERT_EQ_MSG(test, err, 0, "a kprobe on %s", symbol);
	tcall_run(test, main_fd);
	unregister_kprobe(&kp);

	trace_names(names, 1024);
	end = strstr(names, jump);
	if (param->traced && end)
		strscpy(end, "trampoline sub", 1024 - (end - names));
	if (strict)
		KUNIT_EXPECT_STREQ(test, names, param->frames);
	else
		KUNIT_EXPECT_TRUE_MSG(test, in_order(names, param->frames),
				      "want %s, got %s", param->frames, names);
}

/*
 * ORC takes a program for a function with a frame pointer; the frame pointer
 * unwinder passes over the caller of a function that was just entered, so the
 * trace starts one call further inside. The guessing one also finds what
 * earlier calls have left on the stack.
 */
static void the_unwinder_names_all_frames(struct kunit *test)
{
	expect_trace(test, "prandom_u32_state", trace_by_unwinder,
		     !IS_ENABLED(CONFIG_UNWINDER_GUESS));
}

/* Whichever unwinder the kernel has: frames are chained by rbp. */
static void the_frames_are_chained_by_rbp(struct kunit *test)
{
	expect_trace(test, "bpf_user_rnd_u32", trace_by_rbp, true);
}
#else
static void the_unwinder_names_all_frames(struct kunit *test)
{
	kunit_skip(test, "Test requires: CONFIG_KPROBES");
}

static void the_frames_are_chained_by_rbp(struct kunit *test)
{
	kunit_skip(test, "Test requires: CONFIG_KPROBES");
}
#endif

static struct kunit_case unwind_cases[] = {
	KUNIT_CASE_PARAM(the_unwinder_names_all_frames, trace_gen_params),
	KUNIT_CASE_PARAM(the_frames_are_chained_by_rbp, trace_gen_params),
	{}
};

struct kunit_suite tailcall_unwind_suite = {
	.name = "tailcall_unwind",
	.init = tcall_init,
	.exit = tcall_exit,
	.test_cases = unwind_cases,
};
