// SPDX-License-Identifier: GPL-2.0
/*
 * What is done for a program because of what it asks for: it is done for those
 * that run in its place, too, its tail callees and its extensions.
 */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/kallsyms.h>
#include <linux/mount.h>
#include <linux/perf_event.h>
#include <linux/skbuff.h>
#include <linux/trace_events.h>

#include "prog.h"
#include "suites.h"

static struct bpf_prog *given_get(struct kunit *test, int fd,
				  enum bpf_prog_type type)
{
	struct bpf_prog *prog = bpf_prog_get_type_dev(fd, type, false);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, prog);
	return prog;
}

/* ---- the interpreter's stack ------------------------------------------------ */

struct given_sysctl {
	const char *path;
	const char *value;
	char old[24];
};

static ssize_t given_sysctl_do(struct vfsmount *proc, const char *path, char *buf,
			       size_t len, bool write)
{
	struct file *file = file_open_root_mnt(proc, path, write ? O_WRONLY : O_RDONLY,
					       0);
	loff_t pos = 0;
	ssize_t ret;

	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = write ? kernel_write(file, buf, len, &pos)
		    : kernel_read(file, buf, len, &pos);
	filp_close(file, NULL);
	return ret;
}

/* Keeps what there was. */
static int given_sysctl_set(struct vfsmount *proc, struct given_sysctl *s)
{
	char value[sizeof(s->old)];
	ssize_t ret;

	memset(s->old, 0, sizeof(s->old));
	ret = given_sysctl_do(proc, s->path, s->old, sizeof(s->old) - 1, false);
	if (ret < 0)
		return ret;
	strscpy(value, s->value, sizeof(value));
	ret = given_sysctl_do(proc, s->path, value, strlen(value), true);
	return ret < 0 ? ret : 0;
}

static void given_sysctl_reset(struct vfsmount *proc, struct given_sysctl *s)
{
	given_sysctl_do(proc, s->path, s->old, strlen(s->old), true);
}

/* Kernel threads need not see what is mounted. */
static struct vfsmount *given_proc(struct kunit *test)
{
	struct file_system_type *type = get_fs_type("proc");
	struct vfsmount *proc;

	if (!type || !IS_ENABLED(CONFIG_SYSCTL))
		kunit_skip(test, "Test requires: CONFIG_PROC_FS, CONFIG_SYSCTL");
	proc = kern_mount(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, proc);
	return proc;
}

/* A socket filter with eight bytes of stack. */
static struct tcall_prog *given_filter(struct kunit *test, int array)
{
	struct tcall_prog *p = tcall_prog_new(test, "filter",
					      BPF_PROG_TYPE_SOCKET_FILTER);

	p->plain = true;
	tcall_func_begin(p, "filter", TCALL_GLOBAL);
	tcall_emit_sub_entry(p);
	tcall_emit_stack(p, 8);
	if (array >= 0)
		tcall_emit_tail_call(p, array, 0, TCALL_DIRECT);
	tcall_emit_return(p, 0);
	return p;
}

/* Two programs, one of which makes a tail call, that are loaded with these settings. */
struct given_pair {
	int caller, plain;
};

static struct given_pair given_load(struct kunit *test, struct given_sysctl *settings,
				    size_t count, bool with_caps)
{
	struct tcall_prog *caller = given_filter(test, tcall_prog_array(test, 1));
	struct tcall_prog *plain = given_filter(test, -1);
	struct vfsmount *proc = given_proc(test);
	const struct cred *old = NULL;
	struct given_pair pair = {};
	struct cred *cred;
	size_t set;
	int err = 0;

	cred = prepare_creds();
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cred);
	cap_clear(cred->cap_effective);
	for (set = 0; set < count && !err; set++)
		err = given_sysctl_set(proc, &settings[set]);
	if (!err) {
		if (!with_caps)
			old = override_creds(cred);
		pair.caller = tcall_load(caller);
		pair.plain = tcall_load(plain);
		if (!with_caps)
			revert_creds(old);
	}
	/* What could not be set is as it was. */
	set -= !!err;
	while (set--)
		given_sysctl_reset(proc, &settings[set]);
	put_cred(cred);
	kern_unmount(proc);
	KUNIT_ASSERT_EQ_MSG(test, err, 0, "changing a setting");
	if (pair.caller == -ENOTSUPP)
		kunit_skip(test, "Test requires: no CONFIG_BPF_JIT_ALWAYS_ON");
	KUNIT_ASSERT_GE(test, pair.caller, 0);
	KUNIT_ASSERT_GE(test, pair.plain, 0);
	return pair;
}

/* The interpreter that runs a program has the size of its stack in its name. */
static void expect_interpreter(struct kunit *test, int fd, const char *name)
{
	struct bpf_prog *prog = given_get(test, fd, BPF_PROG_TYPE_SOCKET_FILTER);
	char symbol[KSYM_SYMBOL_LEN];

	KUNIT_EXPECT_FALSE(test, prog->jited);
	sprint_symbol_no_offset(symbol, (unsigned long)prog->bpf_func);
	bpf_prog_put(prog);
	KUNIT_EXPECT_STREQ(test, (const char *)symbol, name);
}

/* A tail callee may use all that a program may, and does in its caller's stack. */
static void expect_room_for_callees(struct kunit *test, struct given_pair pair)
{
	expect_interpreter(test, pair.caller, "__bpf_prog_run512");
	expect_interpreter(test, pair.plain, "__bpf_prog_run32");
}

static void a_callee_has_a_stack_without_the_jit(struct kunit *test)
{
	struct given_sysctl settings[] = {
		{ "sys/net/core/bpf_jit_enable", "0" },
	};

	expect_room_for_callees(test, given_load(test, settings,
						 ARRAY_SIZE(settings), true));
}

/* Beyond the limit only who has capabilities gets memory for the JIT. */
static void a_callee_has_a_stack_when_the_jit_fails(struct kunit *test)
{
	struct given_sysctl settings[] = {
		{ "sys/kernel/unprivileged_bpf_disabled", "0" },
		{ "sys/net/core/bpf_jit_limit", "1" },
	};

	expect_room_for_callees(test, given_load(test, settings,
						 ARRAY_SIZE(settings), false));
}

/* ---- extensions ------------------------------------------------------------- */

enum { GIVEN_MAIN, GIVEN_STUB };

/* A program that returns what a function of it does, which can be replaced. */
static int given_target(struct kunit *test, enum bpf_prog_type type,
			const char *ctx_name)
{
	struct tcall_prog *p = tcall_prog_new(test, "target", type);

	p->ctx_name = ctx_name;
	tcall_func_begin(p, "target", TCALL_GLOBAL);
	tcall_emit_sub_entry(p);
	tcall_emit_call(p, GIVEN_STUB);
	tcall_emit(p, BPF_EXIT_INSN());
	tcall_func_begin(p, "stub", TCALL_GLOBAL);
	tcall_emit_return(p, 1);
	return tcall_load_ok(p);
}

static struct tcall_prog *given_extension(struct kunit *test, int target,
					  const char *ctx_name)
{
	struct tcall_prog *p = tcall_prog_new(test, "extension", BPF_PROG_TYPE_EXT);

	p->ctx_name = ctx_name;
	p->target_fd = target;
	p->target_btf_id = tcall_func_btf_id(GIVEN_STUB);
	tcall_func_begin(p, "extension", TCALL_GLOBAL);
	tcall_emit_sub_entry(p);
	return p;
}

/* ---- the control block of a packet ---------------------------------------- */

#define CB_OF_PROTOCOL	0x55
#define CB_OF_PROGRAM	0x33

static u32 given_run_filter(struct kunit *test, struct bpf_prog *prog, u32 *cb)
{
	struct sk_buff *skb = alloc_skb(64, GFP_KERNEL);
	u32 ret;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, skb);
	skb_put_zero(skb, 64);
	memcpy(bpf_skb_cb(skb), cb, sizeof(*cb));
	local_bh_disable();
	rcu_read_lock();
	ret = bpf_prog_run_save_cb(prog, skb);
	rcu_read_unlock();
	local_bh_enable();
	memcpy(cb, bpf_skb_cb(skb), sizeof(*cb));
	kfree_skb(skb);
	return ret;
}

/* What the protocol keeps there is neither shown to an extension nor lost by it. */
static void an_extension_has_a_control_block_of_its_own(struct kunit *test)
{
	int target = given_target(test, BPF_PROG_TYPE_SOCKET_FILTER, NULL);
	struct tcall_prog *p = given_extension(test, target, NULL);
	const s16 cb_off = offsetof(struct __sk_buff, cb);
	u32 cb = CB_OF_PROTOCOL, seen;
	struct bpf_prog *prog;

	tcall_emit(p, BPF_LDX_MEM(BPF_W, BPF_REG_0, BPF_REG_6, cb_off));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_1, CB_OF_PROGRAM));
	tcall_emit(p, BPF_STX_MEM(BPF_W, BPF_REG_6, BPF_REG_1, cb_off));
	tcall_emit(p, BPF_EXIT_INSN());
	KUNIT_ASSERT_GE(test, tcall_attach(test, tcall_load_ok(p)), 0);
	prog = given_get(test, target, BPF_PROG_TYPE_SOCKET_FILTER);
	seen = given_run_filter(test, prog, &cb);
	bpf_prog_put(prog);
	KUNIT_EXPECT_EQ_MSG(test, seen, 0U, "what the extension reads");
	KUNIT_EXPECT_EQ_MSG(test, cb, (u32)CB_OF_PROTOCOL, "what the protocol has back");
}

static int given_extension_that_asks_for_nothing(struct kunit *test, int target)
{
	struct tcall_prog *p = given_extension(test, target, NULL);

	tcall_emit_return(p, 2);
	return tcall_load_ok(p);
}

static int given_load_one_that_asks_for_nothing(struct kunit *test)
{
	int target = given_target(test, BPF_PROG_TYPE_SOCKET_FILTER, NULL);

	return given_extension_that_asks_for_nothing(test, target);
}

/* Nobody pays for an extension that asks for nothing, nor waits for runs. */
static void an_extension_that_asks_for_nothing_costs_nothing(struct kunit *test)
{
	int target = given_target(test, BPF_PROG_TYPE_SOCKET_FILTER, NULL);
	int ext = given_extension_that_asks_for_nothing(test, target);
	struct bpf_prog *prog;

	KUNIT_EXPECT_GE(test, tcall_attach(test, ext), 0);
	prog = given_get(test, target, BPF_PROG_TYPE_SOCKET_FILTER);
	KUNIT_EXPECT_FALSE(test, prog->cb_access);
	KUNIT_EXPECT_FALSE(test, prog->call_get_stack);
	bpf_prog_put(prog);
	KUNIT_EXPECT_FALSE_MSG(test,
			       tcall_attach_waits(test, given_load_one_that_asks_for_nothing),
			       "the attach waited for a run");
}

static int given_load_one_that_asks(struct kunit *test)
{
	int target = given_target(test, BPF_PROG_TYPE_SOCKET_FILTER, NULL);
	struct tcall_prog *p = given_extension(test, target, NULL);

	tcall_emit(p, BPF_LDX_MEM(BPF_W, BPF_REG_0, BPF_REG_6,
				  offsetof(struct __sk_buff, cb)));
	tcall_emit(p, BPF_EXIT_INSN());
	return tcall_load_ok(p);
}

/* Who runs the target without saving is through before the extension comes. */
static void an_extension_that_asks_waits_for_runs(struct kunit *test)
{
	KUNIT_EXPECT_TRUE_MSG(test,
			      tcall_attach_waits(test, given_load_one_that_asks),
			      "the target was extended while it ran");
}

/* ---- the arguments of a raw tracepoint --------------------------------------- */

/* In newer kernels an extension makes tail calls only where its target does. */
#ifdef TCALL_EXTENSION_RULE_BY_HOLDER
#if IS_ENABLED(CONFIG_BPF_EVENTS)
#define GIVEN_RAW_TP_WORDS	12

/* r1 = where the only value of an array is. */
static void given_emit_value(struct tcall_prog *p, int array)
{
	struct bpf_insn ld_value[2] = {
		BPF_LD_IMM64_RAW(BPF_REG_1, BPF_PSEUDO_MAP_VALUE, array),
	};

	tcall_emit(p, ld_value[0]);
	tcall_emit(p, ld_value[1]);
}

/* Writes 1 to the array if all words behind the first are zero, else 2. */
static int given_word_reader(struct kunit *test, int array, const char *ctx_name)
{
	struct tcall_prog *p = tcall_prog_new(test, "callee", BPF_PROG_TYPE_RAW_TRACEPOINT);
	int word;

	p->ctx_name = ctx_name;
	tcall_func_begin(p, "callee", TCALL_GLOBAL);
	tcall_emit_sub_entry(p);
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_0, 0));
	for (word = 1; word < GIVEN_RAW_TP_WORDS; word++) {
		tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_6,
					  word * sizeof(u64)));
		tcall_emit(p, BPF_ALU64_REG(BPF_OR, BPF_REG_0, BPF_REG_1));
	}
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_7, 1));
	tcall_emit(p, BPF_JMP_IMM(BPF_JEQ, BPF_REG_0, 0, 1));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_7, 2));
	given_emit_value(p, array);
	tcall_emit(p, BPF_STX_MEM(BPF_DW, BPF_REG_1, BPF_REG_7, 0));
	tcall_emit_return(p, 0);
	return tcall_load_ok(p);
}

/* What is in the array. */
static u32 given_value(struct kunit *test, int array)
{
	struct tcall_prog *p = tcall_prog_new(test, "value", BPF_PROG_TYPE_SOCKET_FILTER);
	struct bpf_prog *prog;
	u32 cb = 0, value;

	tcall_func_begin(p, "value", TCALL_GLOBAL);
	given_emit_value(p, array);
	tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_0, BPF_REG_1, 0));
	tcall_emit(p, BPF_EXIT_INSN());
	prog = given_get(test, tcall_load_ok(p), BPF_PROG_TYPE_SOCKET_FILTER);
	value = given_run_filter(test, prog, &cb);
	bpf_prog_put(prog);
	return value;
}

/* As a tracepoint with one argument runs it. */
static void given_trace(struct bpf_prog *prog)
{
#ifdef TCALL_RAW_TP_LINK
	struct bpf_raw_tp_link link = { .link.prog = prog };

	preempt_disable();
	bpf_trace_run1(&link, 1);
#else
	preempt_disable();
	bpf_trace_run1(prog, 1);
#endif
	preempt_enable();
}

/* The target makes no tail calls. Its extension does, to one that reads on. */
static void an_extensions_callee_has_all_arguments(struct kunit *test)
{
	static const char ctx_name[] = "bpf_raw_tracepoint_args";
	int target = given_target(test, BPF_PROG_TYPE_RAW_TRACEPOINT, ctx_name);
	struct tcall_prog *p = given_extension(test, target, ctx_name);
	int slots = tcall_prog_array(test, 1), report = tcall_array(test, 1);
	struct bpf_prog *prog;

	tcall_emit_tail_call(p, slots, 0, TCALL_DIRECT);
	tcall_emit_return(p, 0);
	KUNIT_ASSERT_GE(test, tcall_attach(test, tcall_load_ok(p)), 0);
	KUNIT_ASSERT_EQ(test, tcall_set_slot(slots, 0,
					     given_word_reader(test, report, ctx_name)), 0);
	prog = given_get(test, target, BPF_PROG_TYPE_RAW_TRACEPOINT);
	given_trace(prog);
	bpf_prog_put(prog);
	KUNIT_EXPECT_EQ_MSG(test, given_value(test, report), 1U,
			    "2: it reads the stack, 0: it did not run");
}
#else
static void an_extensions_callee_has_all_arguments(struct kunit *test)
{
	kunit_skip(test, "Test requires: CONFIG_BPF_EVENTS");
}
#endif
#endif

/* ---- the stack of a perf event ---------------------------------------------- */

#if IS_ENABLED(CONFIG_PERF_EVENTS) && IS_ENABLED(CONFIG_BPF_EVENTS)
#define GIVEN_STACK	64
#define GIVEN_MISSED	(-100)

static const char given_event_ctx[] = "bpf_perf_event_data";

static const s32 given_stack_helpers[] = { BPF_FUNC_get_stack, BPF_FUNC_get_stackid };

/* Asks @helper for the stack, and returns what that says. */
static void given_emit_unwinder(struct tcall_prog *p, s32 helper)
{
	if (helper == BPF_FUNC_get_stackid) {
		struct bpf_insn ld_map[2] = {
			BPF_LD_MAP_FD(BPF_REG_2, tcall_stack_trace(p->test)),
		};

		tcall_emit(p, ld_map[0]);
		tcall_emit(p, ld_map[1]);
		/* Whatever stack was there with the same hash. */
		tcall_emit(p, BPF_MOV64_IMM(BPF_REG_3, BPF_F_REUSE_STACKID));
	} else {
		tcall_emit(p, BPF_MOV64_REG(BPF_REG_2, BPF_REG_10));
		tcall_emit(p, BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, -GIVEN_STACK));
		tcall_emit(p, BPF_MOV64_IMM(BPF_REG_3, GIVEN_STACK));
		tcall_emit(p, BPF_MOV64_IMM(BPF_REG_4, 0));
	}
	tcall_emit_helper(p, helper);
	tcall_emit(p, BPF_EXIT_INSN());
}

/* A perf event's program whose extension asks for the stack. */
static struct bpf_prog *given_extended_by_unwinder(struct kunit *test, s32 helper)
{
	int target = given_target(test, BPF_PROG_TYPE_PERF_EVENT, given_event_ctx);
	struct tcall_prog *p = given_extension(test, target, given_event_ctx);

	given_emit_unwinder(p, helper);
	KUNIT_ASSERT_GE(test, tcall_attach(test, tcall_load_ok(p)), 0);
	return given_get(test, target, BPF_PROG_TYPE_PERF_EVENT);
}

/* One whose tail callee does. */
static struct bpf_prog *given_caller_of_unwinder(struct kunit *test, s32 helper)
{
	struct tcall_prog *caller = tcall_prog_new(test, "caller", BPF_PROG_TYPE_PERF_EVENT);
	struct tcall_prog *callee = tcall_prog_new(test, "callee", BPF_PROG_TYPE_PERF_EVENT);
	int array = tcall_prog_array(test, 1), fd;

	caller->ctx_name = given_event_ctx;
	tcall_func_begin(caller, "caller", TCALL_GLOBAL);
	tcall_emit_sub_entry(caller);
	tcall_emit_tail_call(caller, array, 0, TCALL_DIRECT);
	tcall_emit_return(caller, GIVEN_MISSED);
	fd = tcall_load_ok(caller);

	callee->ctx_name = given_event_ctx;
	tcall_func_begin(callee, "callee", TCALL_GLOBAL);
	tcall_emit_sub_entry(callee);
	given_emit_unwinder(callee, helper);
	KUNIT_ASSERT_EQ_MSG(test, tcall_set_slot(array, 0, tcall_load_ok(callee)), 0,
			    "who asks for the stack is no bad tail callee");
	return given_get(test, fd, BPF_PROG_TYPE_PERF_EVENT);
}

/* As perf runs it, at an event of which the sample has no callchain yet. */
static int given_run_event(struct kunit *test, struct bpf_prog *prog, bool precise,
			   u64 sample_type)
{
	struct perf_event *event = kunit_kzalloc(test, sizeof(*event), GFP_KERNEL);
	struct perf_event_context *of = kunit_kzalloc(test, sizeof(*of), GFP_KERNEL);
	struct perf_sample_data *data = kunit_kzalloc(test, sizeof(*data), GFP_KERNEL);
	struct bpf_perf_event_data_kern ctx = { .data = data, .event = event };
	struct pt_regs regs = {};
	int ret;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, event);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, of);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, data);
	event->ctx = of;
	event->attr.precise_ip = precise;
	event->attr.sample_type = sample_type;
	event->attr.sample_max_stack = GIVEN_STACK / sizeof(u64);
	ctx.regs = &regs;
	preempt_disable();
	rcu_read_lock();
	perf_fetch_caller_regs(&regs);
	ret = bpf_prog_run_pin_on_cpu(prog, &ctx);
	rcu_read_unlock();
	preempt_enable();
	return ret;
}

/* Each program that @make makes has a stack, but not of a precise event's registers. */
static void expect_no_precise_stack(struct kunit *test,
				    struct bpf_prog *(*make)(struct kunit *, s32))
{
	struct bpf_prog *prog;
	int plain, precise;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(given_stack_helpers); i++) {
		prog = make(test, given_stack_helpers[i]);
		/* It goes where it could before. */
		KUNIT_EXPECT_FALSE(test, prog->call_get_stack);
		plain = given_run_event(test, prog, false, 0);
		precise = given_run_event(test, prog, true, 0);
		bpf_prog_put(prog);
		KUNIT_EXPECT_GE_MSG(test, plain, 0, "helper %d", given_stack_helpers[i]);
		KUNIT_EXPECT_EQ_MSG(test, precise, -EPROTO, "helper %d",
				    given_stack_helpers[i]);
	}
}

static void an_extension_walks_no_precise_events_stack(struct kunit *test)
{
	expect_no_precise_stack(test, given_extended_by_unwinder);
}

static void a_callee_walks_no_precise_events_stack(struct kunit *test)
{
	expect_no_precise_stack(test, given_caller_of_unwinder);
}

#ifdef TCALL_CALLCHAIN_FOR_ASKERS
/* Its caller does not ask, so nobody has made it. Without the series it reads through
 * what the sample has, which is NULL here.
 */
static void expect_callchain(struct kunit *test,
			     struct bpf_prog *(*make)(struct kunit *, s32))
{
	struct bpf_prog *prog;
	int ret;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(given_stack_helpers); i++) {
		prog = make(test, given_stack_helpers[i]);
		ret = given_run_event(test, prog, false, PERF_SAMPLE_CALLCHAIN);
		KUNIT_EXPECT_GE_MSG(test, ret, 0, "helper %d", given_stack_helpers[i]);
		ret = given_run_event(test, prog, true, PERF_SAMPLE_CALLCHAIN);
		KUNIT_EXPECT_GE_MSG(test, ret, 0, "helper %d, precise",
				    given_stack_helpers[i]);
		bpf_prog_put(prog);
	}
}

static void an_extension_has_the_callchain(struct kunit *test)
{
	expect_callchain(test, given_extended_by_unwinder);
}

static void a_callee_has_the_callchain(struct kunit *test)
{
	expect_callchain(test, given_caller_of_unwinder);
}
#endif
#else
static void given_without_events(struct kunit *test)
{
	kunit_skip(test, "Test requires: CONFIG_PERF_EVENTS, CONFIG_BPF_EVENTS");
}

#define an_extension_walks_no_precise_events_stack given_without_events
#define a_callee_walks_no_precise_events_stack given_without_events
#define an_extension_has_the_callchain given_without_events
#define a_callee_has_the_callchain given_without_events
#endif

static struct kunit_case given_cases[] = {
	KUNIT_CASE(a_callee_has_a_stack_without_the_jit),
	KUNIT_CASE(a_callee_has_a_stack_when_the_jit_fails),
	KUNIT_CASE(an_extension_has_a_control_block_of_its_own),
	KUNIT_CASE(an_extension_that_asks_for_nothing_costs_nothing),
	KUNIT_CASE(an_extension_that_asks_waits_for_runs),
#ifdef TCALL_EXTENSION_RULE_BY_HOLDER
	KUNIT_CASE(an_extensions_callee_has_all_arguments),
#endif
	KUNIT_CASE(an_extension_walks_no_precise_events_stack),
	KUNIT_CASE(a_callee_walks_no_precise_events_stack),
#ifdef TCALL_CALLCHAIN_FOR_ASKERS
	KUNIT_CASE(an_extension_has_the_callchain),
	KUNIT_CASE(a_callee_has_the_callchain),
#endif
	{}
};

struct kunit_suite tailcall_given_suite = {
	.name = "tailcall_given",
	.init = tcall_init,
	.exit = tcall_exit,
	.test_cases = given_cases,
};
