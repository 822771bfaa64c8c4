// SPDX-License-Identifier: GPL-2.0
/*
 * Who may meet in a prog_array. A tail callee runs in the place of its caller,
 * with what that was given and checked for when it was attached, so it can do
 * with as much or less. Programs here are loaded and offered, and never run.
 */
#include "prog.h"
#include "suites.h"

#define FIRST_LEVEL	8
#define MORE		8
/* The kernel's BPF_SYSCALL_TP_SIZE and MAX_BPF_FUNC_ARGS. */
#define SYSCALL_TP_SIZE	64
#define RAW_TP_WORDS	12

/* What a program needs of who attaches it. */
struct owner_need {
	enum bpf_prog_type type;
	enum bpf_attach_type attach_type;
	u32 flags;
	u32 ctx;	/* bytes of the context */
	u32 buffer;	/* bytes of the buffer that the context starts with */
	bool write;	/* it writes to the context */
	bool faults;	/* it reads user memory, and sleeps for that */
	bool unwinds;	/* it takes stack traces, which can be had without sleeping */
	bool walks;	/* it hands a helper a pointer that is good under RCU's lock */
	bool overrides;	/* it returns in the place of a function */
	bool ctx_tag;	/* for tcall_prog.ctx_tag, and the next for tcall_prog.ctx_name */
	const char *ctx_name;
	const int *storage;	/* fd of a cgroup storage; the first fd is 0 */
	const int *devmap;	/* fd of one, where it looks something up */
	const int *array;	/* fd of a prog_array that it could tail call */
};

/* Some types of programs are there only with an option. */
static void owner_needs_cgroups(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_CGROUP_BPF))
		kunit_skip(test, "Test requires: CONFIG_CGROUP_BPF");
}

static void owner_needs_events(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_BPF_EVENTS))
		kunit_skip(test, "Test requires: CONFIG_BPF_EVENTS");
}

/* R1 is the map. */
static void owner_emit_map(struct tcall_prog *p, int fd)
{
	struct bpf_insn ld_map[2] = { BPF_LD_MAP_FD(BPF_REG_1, fd) };

	tcall_emit(p, ld_map[0]);
	tcall_emit(p, ld_map[1]);
}

#ifdef TCALL_SLEEPABLE_KPROBES
/* Of what R1 points to. */
static void owner_emit_stack(struct tcall_prog *p, s32 helper)
{
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_2, BPF_REG_10));
	tcall_emit(p, BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, -8));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_3, 8));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_4, 0));
	tcall_emit_helper(p, helper);
}

static void owner_emit_task(struct tcall_prog *p, const struct owner_need *need)
{
	if (need->unwinds) {
		tcall_emit(p, BPF_MOV64_REG(BPF_REG_1, BPF_REG_6));
		owner_emit_stack(p, BPF_FUNC_get_stack);
		tcall_emit_helper(p, BPF_FUNC_get_current_task_btf);
		tcall_emit(p, BPF_MOV64_REG(BPF_REG_1, BPF_REG_0));
		owner_emit_stack(p, BPF_FUNC_get_task_stack);
	}
	if (need->walks) {
		tcall_emit_helper(p, BPF_FUNC_get_current_task_btf);
		tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_0,
					  offsetof(struct task_struct, real_parent)));
		tcall_emit_helper(p, BPF_FUNC_task_pt_regs);
	}
}
#else
static void owner_emit_task(struct tcall_prog *p, const struct owner_need *need)
{
	/* 5.10 has no such helpers, and no case here wants them. */
}
#endif

/* With the need, and a tail call of slot 0 of @array if that is an fd. */
static struct tcall_prog *owner_prog(struct kunit *test, const char *name,
				     const struct owner_need *need, int array)
{
	struct tcall_prog *p = tcall_prog_new(test, name, need->type);

	p->attach_type = need->attach_type;
	p->flags = need->flags;
	p->ctx_tag = need->ctx_tag;
	p->ctx_name = need->ctx_name;
	tcall_func_begin(p, name, TCALL_GLOBAL);
	tcall_emit_sub_entry(p);
	if (need->ctx)
		tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_0, BPF_REG_6,
					  need->ctx - sizeof(u64)));
	if (need->buffer) {
		tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_6, 0));
		tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_0, BPF_REG_1,
					  need->buffer - sizeof(u64)));
	}
	if (need->write) {
		tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_0, BPF_REG_6, 0));
		tcall_emit(p, BPF_STX_MEM(BPF_DW, BPF_REG_6, BPF_REG_0, 0));
	}
	if (need->storage) {
		owner_emit_map(p, *need->storage);
		tcall_emit(p, BPF_MOV64_IMM(BPF_REG_2, 0));
		tcall_emit_helper(p, BPF_FUNC_get_local_storage);
	}
	if (need->overrides) {
		tcall_emit(p, BPF_MOV64_REG(BPF_REG_1, BPF_REG_6));
		tcall_emit(p, BPF_MOV64_IMM(BPF_REG_2, 0));
		tcall_emit_helper(p, BPF_FUNC_override_return);
	}
	if (need->faults) {
		tcall_emit(p, BPF_MOV64_REG(BPF_REG_1, BPF_REG_10));
		tcall_emit(p, BPF_ALU64_IMM(BPF_ADD, BPF_REG_1, -8));
		tcall_emit(p, BPF_MOV64_IMM(BPF_REG_2, 8));
		tcall_emit(p, BPF_MOV64_IMM(BPF_REG_3, 0));
		tcall_emit_helper(p, BPF_FUNC_copy_from_user);
	}
	owner_emit_task(p, need);
	if (need->devmap) {
		tcall_emit(p, BPF_ST_MEM(BPF_W, BPF_REG_10, -4, 0));
		tcall_emit(p, BPF_MOV64_REG(BPF_REG_2, BPF_REG_10));
		tcall_emit(p, BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, -4));
		owner_emit_map(p, *need->devmap);
		tcall_emit_helper(p, BPF_FUNC_map_lookup_elem);
	}
	if (need->array)
		owner_emit_map(p, *need->array);
	if (array >= 0)
		tcall_emit_tail_call(p, array, 0, TCALL_DIRECT);
	tcall_emit_return(p, 1);
	return p;
}

static int owner_load(struct kunit *test, const char *name,
		      const struct owner_need *need, int array)
{
	return tcall_load_ok(owner_prog(test, name, need, array));
}

/* A caller with @has refuses what needs @more, and takes what does with less. */
static void expect_limit(struct kunit *test, const struct owner_need *has,
			 const struct owner_need *more)
{
	const struct owner_need none = {
		.type = has->type, .attach_type = has->attach_type,
	};
	int array = tcall_prog_array(test, 1);
	int wide = tcall_prog_array(test, 1);
	int much = owner_load(test, "more", more, -1);

	owner_load(test, "caller", has, array);
	KUNIT_EXPECT_EQ_MSG(test, tcall_set_slot(array, 0,
						 owner_load(test, "none", &none, -1)),
			    0, "a tail callee that needs nothing");
	KUNIT_EXPECT_EQ_MSG(test, tcall_set_slot(array, 0,
						 owner_load(test, "same", has, -1)),
			    0, "a tail callee that needs the same");
	KUNIT_EXPECT_EQ_MSG(test, tcall_set_slot(array, 0, much), -EINVAL,
			    "a tail callee that needs more");

	owner_load(test, "wide", more, wide);
	KUNIT_EXPECT_EQ_MSG(test, tcall_set_slot(wide, 0, much), 0,
			    "a caller that has more");
}

static void a_writable_buffer_is_a_limit(struct kunit *test)
{
	struct owner_need has = {
		.type = BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
		.buffer = FIRST_LEVEL,
	};
	struct owner_need more = has;

	owner_needs_events(test);
	more.buffer += MORE;
	expect_limit(test, &has, &more);
}

/* Those of perf. All have SYSCALL_TP_SIZE bytes: what reads more is compared. */
static void a_tracepoints_arguments_are_a_limit(struct kunit *test)
{
	struct owner_need has = {
		.type = BPF_PROG_TYPE_TRACEPOINT,
		.ctx = SYSCALL_TP_SIZE,
	};
	struct owner_need more = has;

	owner_needs_events(test);
	more.ctx += MORE;
	expect_limit(test, &has, &more);
	has.ctx += MORE;
	more.ctx += MORE;
	expect_limit(test, &has, &more);
}

static u32 owner_ctx_offset(struct kunit *test, int prog_fd,
			    enum bpf_prog_type type)
{
	struct bpf_prog *prog;
	u32 offset;

	prog = bpf_prog_get_type_dev(prog_fd, type, false);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, prog);
	offset = prog->aux->max_ctx_offset;
	bpf_prog_put(prog);
	return offset;
}

/* An array that is filled before its caller is loaded. */
static void a_caller_that_comes_later_takes_over(struct kunit *test)
{
	struct owner_need less = {
		.type = BPF_PROG_TYPE_TRACEPOINT,
		.ctx = SYSCALL_TP_SIZE,
	};
	struct owner_need more = less;
	int array, caller;

	owner_needs_events(test);
	array = tcall_prog_array(test, 1);
	more.ctx += MORE;
	KUNIT_ASSERT_EQ(test, tcall_set_slot(array, 0,
					     owner_load(test, "more", &more, -1)), 0);
	caller = owner_load(test, "caller", &less, array);
	KUNIT_EXPECT_EQ_MSG(test, owner_ctx_offset(test, caller, more.type),
			    more.ctx, "what the caller will be attached by");
}

/* With three programs, each of which fits the next. */
static void a_limit_holds_along_a_chain(struct kunit *test)
{
	struct owner_need less = {
		.type = BPF_PROG_TYPE_TRACEPOINT,
		.ctx = SYSCALL_TP_SIZE,
	};
	struct owner_need more = less;
	int first, second, bridge;

	owner_needs_events(test);
	first = tcall_prog_array(test, 1);
	second = tcall_prog_array(test, 1);
	more.ctx += MORE;
	owner_load(test, "caller", &more, first);
	bridge = owner_load(test, "bridge", &less, second);
	KUNIT_EXPECT_EQ(test, tcall_set_slot(first, 0, bridge), 0);
	KUNIT_EXPECT_EQ_MSG(test, tcall_set_slot(second, 0,
						 owner_load(test, "more", &more, -1)),
			    -EINVAL, "the bridge may be attached, too");
}

/* The caller reads nothing, the callee what all contexts of its type have. It
 * may come before the caller or after it, and adds nothing to what the caller is
 * attached by; nor does a callee in between limit who comes after it.
 */
static void expect_no_limit(struct kunit *test, enum bpf_prog_type type,
			    int ctx)
{
	const struct owner_need none = { .type = type };
	const struct owner_need reads = { .type = type, .ctx = ctx };
	int filled = tcall_prog_array(test, 1);
	int array = tcall_prog_array(test, 1);
	int callee, caller;

	owner_needs_events(test);
	callee = owner_load(test, "reads", &reads, filled);
	KUNIT_EXPECT_EQ_MSG(test, tcall_set_slot(filled, 0, callee), 0,
			    "a callee that is a caller, too");
	caller = owner_load(test, "later", &none, filled);
	KUNIT_EXPECT_EQ(test, owner_ctx_offset(test, caller, type), 0);
	KUNIT_EXPECT_EQ_MSG(test, tcall_set_slot(filled, 0, callee), 0,
			    "after a caller that reads nothing");

	caller = owner_load(test, "first", &none, array);
	KUNIT_EXPECT_EQ_MSG(test, tcall_set_slot(array, 0, callee), 0,
			    "a callee that comes later");
	KUNIT_EXPECT_EQ(test, owner_ctx_offset(test, caller, type), 0);
}

static void a_raw_tracepoints_arguments_are_no_limit(struct kunit *test)
{
	expect_no_limit(test, BPF_PROG_TYPE_RAW_TRACEPOINT,
			RAW_TP_WORDS * sizeof(u64));
	expect_no_limit(test, BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
			RAW_TP_WORDS * sizeof(u64));
}

static void what_all_records_have_is_no_limit(struct kunit *test)
{
	expect_no_limit(test, BPF_PROG_TYPE_TRACEPOINT, SYSCALL_TP_SIZE);
}

#ifdef TCALL_KPROBES_WRITE
static void a_kprobes_registers_are_not_written(struct kunit *test)
{
	const struct owner_need has = { .type = BPF_PROG_TYPE_KPROBE };
	struct owner_need more = has;

	owner_needs_events(test);
	more.write = true;
	expect_limit(test, &has, &more);
}
#endif

#ifdef TCALL_KPROBES_WRITE
/* What is for a link of uprobes is attached to nothing else. */
static void the_registers_of_uprobes_may_be_written(struct kunit *test)
{
	static const enum bpf_attach_type types[] = {
		BPF_TRACE_UPROBE_MULTI, BPF_TRACE_UPROBE_SESSION,
	};
	struct owner_need has = { .type = BPF_PROG_TYPE_KPROBE }, more;
	size_t i;
	int array;

	owner_needs_events(test);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		has.attach_type = types[i];
		more = has;
		more.write = true;
		array = tcall_prog_array(test, 1);
		owner_load(test, "caller", &has, array);
		KUNIT_EXPECT_EQ(test, tcall_set_slot(array, 0,
						     owner_load(test, "more", &more, -1)),
				0);
	}
}
#endif

#ifdef TCALL_SLEEPABLE_KPROBES
static void sleepable_programs_are_kept_apart(struct kunit *test)
{
	const struct owner_need has = { .type = BPF_PROG_TYPE_KPROBE };
	struct owner_need sleeps = has;
	int array;

	owner_needs_events(test);
	array = tcall_prog_array(test, 1);
	sleeps.flags = BPF_F_SLEEPABLE;
	owner_load(test, "caller", &has, array);
	KUNIT_EXPECT_EQ(test, tcall_set_slot(array, 0,
					     owner_load(test, "sleeps", &sleeps, -1)),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, tcall_set_slot(array, 0,
					     owner_load(test, "same", &has, -1)), 0);
}
#endif

static void attach_types_are_kept_apart(struct kunit *test)
{
	const struct owner_need v4 = {
		.type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
		.attach_type = BPF_CGROUP_INET4_CONNECT,
	};
	struct owner_need v6 = v4;
	int array;

	owner_needs_cgroups(test);
	array = tcall_prog_array(test, 1);
	v6.attach_type = BPF_CGROUP_INET6_CONNECT;
	owner_load(test, "caller", &v4, array);
	KUNIT_EXPECT_EQ(test, tcall_set_slot(array, 0,
					     owner_load(test, "v6", &v6, -1)), -EINVAL);
	KUNIT_EXPECT_EQ(test, tcall_set_slot(array, 0,
					     owner_load(test, "v4", &v4, -1)), 0);
}

static void types_are_kept_apart(struct kunit *test)
{
	const struct owner_need tc = { .type = BPF_PROG_TYPE_SCHED_CLS };
	const struct owner_need xdp = { .type = BPF_PROG_TYPE_XDP };
	int array = tcall_prog_array(test, 1);
	int used = tcall_prog_array(test, 1);

	owner_load(test, "caller", &tc, array);
	KUNIT_EXPECT_EQ(test, tcall_set_slot(array, 0,
					     owner_load(test, "xdp", &xdp, -1)),
			-EINVAL);
	/* The first to come owns the array, also if it is a tail callee. */
	KUNIT_EXPECT_EQ(test, tcall_set_slot(used, 0,
					     owner_load(test, "xdp", &xdp, -1)), 0);
	KUNIT_EXPECT_EQ(test, tcall_load(owner_prog(test, "caller", &tc, used)),
			-EINVAL);
}

static struct owner_need with_storage(struct owner_need need, const int *storage)
{
	need.storage = storage;
	return need;
}

/*
 * bpf_get_local_storage() gives what was allocated for the attached program, so a
 * tail callee must use the same or none. Nor must one without be a bridge to one
 * with another.
 */
static void storages_are_kept_apart(struct kunit *test)
{
	const struct owner_need none = { .type = BPF_PROG_TYPE_CGROUP_SKB };
	struct owner_need has, other;
	int small, large, array, second, bridge;

	owner_needs_cgroups(test);
	small = tcall_cgroup_storage(test, 8);
	large = tcall_cgroup_storage(test, 64);
	has = with_storage(none, &small);
	other = with_storage(none, &large);
	array = tcall_prog_array(test, 1);
	second = tcall_prog_array(test, 1);
	owner_load(test, "caller", &has, array);
	KUNIT_EXPECT_EQ_MSG(test, tcall_set_slot(array, 0,
						 owner_load(test, "none", &none, -1)),
			    0, "a tail callee without storage");
	KUNIT_EXPECT_EQ_MSG(test, tcall_set_slot(array, 0,
						 owner_load(test, "same", &has, -1)),
			    0, "a tail callee with the same storage");
	KUNIT_EXPECT_EQ_MSG(test, tcall_set_slot(array, 0,
						 owner_load(test, "other", &other, -1)),
			    -EINVAL, "a tail callee with another storage");

	KUNIT_ASSERT_EQ(test, tcall_set_slot(second, 0,
					     owner_load(test, "other", &other, -1)), 0);
	bridge = tcall_load(owner_prog(test, "bridge", &none, second));
	if (bridge >= 0)
		KUNIT_EXPECT_EQ(test, tcall_set_slot(array, 0, bridge), -EINVAL);
	else
		KUNIT_EXPECT_EQ(test, bridge, -EINVAL);
}

/* A function that an extension can replace, of a program with or without. */
static int owner_target(struct kunit *test, const struct owner_need *need)
{
	struct tcall_prog *p = owner_prog(test, "target", need, -1);

	/* In place of the return. */
	p->insn_cnt -= 2;
	tcall_emit_call(p, 1);
	tcall_emit_return(p, 1);
	tcall_func_begin(p, "stub", TCALL_GLOBAL);
	if (need->type == BPF_PROG_TYPE_XDP) {
		/* Since 6.12 only then may an extension make a tail call. */
		tcall_emit(p, BPF_MOV64_IMM(BPF_REG_2, 0));
		tcall_emit_helper(p, BPF_FUNC_xdp_adjust_head);
	}
	tcall_emit_return(p, 1);
	return tcall_load_ok(p);
}

/* With the same needs as one that runs alone. */
static struct tcall_prog *owner_extension_prog(struct kunit *test, int target,
					       struct owner_need need)
{
	struct tcall_prog *p;

	need.type = BPF_PROG_TYPE_EXT;
	need.flags = 0;
	p = owner_prog(test, "extension", &need, -1);
	p->target_fd = target;
	p->target_btf_id = tcall_func_btf_id(1);
	return p;
}

static int owner_extension(struct kunit *test, int target, struct owner_need need)
{
	return tcall_load_ok(owner_extension_prog(test, target, need));
}

static int owner_xdp_target(struct kunit *test, enum bpf_attach_type type,
			    u32 flags)
{
	const struct owner_need need = {
		.type = BPF_PROG_TYPE_XDP, .ctx_name = "xdp_md",
		.attach_type = type, .flags = flags,
	};

	return owner_target(test, &need);
}

/* An extension of such a target, which tail calls slot 0 of @array if that is an fd. */
static int owner_xdp_extension(struct kunit *test, int target, u32 flags,
			       int array)
{
	const struct owner_need need = {
		.type = BPF_PROG_TYPE_EXT, .ctx_name = "xdp_md", .flags = flags,
	};
	struct tcall_prog *p = owner_prog(test, "extension", &need, array);

	p->target_fd = target;
	p->target_btf_id = tcall_func_btf_id(1);
	return tcall_load_ok(p);
}

/* A prog_array that an extension of a program with this attach type tail calls. */
static int owner_extension_array(struct kunit *test, enum bpf_attach_type type)
{
	int array = tcall_prog_array(test, 1);

	owner_xdp_extension(test, owner_xdp_target(test, type, 0), 0, array);
	return array;
}

static int owner_offer_xdp_as(struct kunit *test, int array,
			      enum bpf_attach_type type, u32 flags)
{
	const struct owner_need need = {
		.type = BPF_PROG_TYPE_XDP, .ctx_name = "xdp_md",
		.attach_type = type, .flags = flags,
	};

	return tcall_set_slot(array, 0, owner_load(test, "callee", &need, -1));
}

static int owner_offer_xdp(struct kunit *test, int array,
			   enum bpf_attach_type type)
{
	return owner_offer_xdp_as(test, array, type, 0);
}

/* It runs as a part of its target, so its tail callees run in that one's place. */
static void an_extension_tail_calls_what_its_target_could(struct kunit *test)
{
	int array = owner_extension_array(test, BPF_XDP_DEVMAP);

	KUNIT_EXPECT_EQ_MSG(test, owner_offer_xdp(test, array, 0), -EINVAL,
			    "a plain XDP program");
	KUNIT_EXPECT_EQ_MSG(test, owner_offer_xdp(test, array, BPF_XDP_CPUMAP),
			    -EINVAL, "a program for a cpumap");
	KUNIT_EXPECT_EQ_MSG(test, owner_offer_xdp(test, array, BPF_XDP_DEVMAP),
			    0, "a program for a devmap");
}

/* The attach type that libbpf gives to XDP programs, the dispatcher's among them. */
static void an_extension_of_a_dispatcher_tail_calls_xdp(struct kunit *test)
{
	int array = owner_extension_array(test, BPF_XDP);

	KUNIT_EXPECT_EQ_MSG(test, owner_offer_xdp(test, array, BPF_XDP_DEVMAP),
			    -EINVAL, "a program for a devmap");
	KUNIT_EXPECT_EQ_MSG(test, owner_offer_xdp(test, array, BPF_XDP), 0,
			    "a plain XDP program");
}

#ifdef TCALL_XDP_FRAGS
/* The packets are those that its target was attached for. */
static void an_extension_tail_calls_what_knows_fragments(struct kunit *test)
{
	int target = owner_xdp_target(test, BPF_XDP, TCALL_XDP_FRAGS);
	int array = tcall_prog_array(test, 1);

	owner_xdp_extension(test, target, 0, array);
	KUNIT_EXPECT_EQ_MSG(test, owner_offer_xdp(test, array, BPF_XDP), -EINVAL,
			    "a program that does not know of fragments");
	KUNIT_EXPECT_EQ_MSG(test, owner_offer_xdp_as(test, array, BPF_XDP,
						     TCALL_XDP_FRAGS),
			    0, "a program that knows of fragments");
}

/* Its prog_array has been filled for another target. */
static void an_extension_goes_where_its_tail_callees_can(struct kunit *test)
{
	int plain = owner_xdp_target(test, BPF_XDP, 0);
	int frags = owner_xdp_target(test, BPF_XDP, TCALL_XDP_FRAGS);
	int other = owner_xdp_target(test, BPF_XDP, TCALL_XDP_FRAGS);
	int knows = tcall_prog_array(test, 1);
	int array = tcall_prog_array(test, 1);
	int ext, link;

	ext = owner_xdp_extension(test, plain, 0, array);
	KUNIT_EXPECT_EQ(test, owner_offer_xdp(test, array, BPF_XDP), 0);
	KUNIT_EXPECT_EQ_MSG(test, tcall_attach_to(test, ext, frags, tcall_func_btf_id(1)),
			    -EINVAL, "where its tail callees would meet fragments");

	/* What says so itself makes tail calls of such alone, and can go anywhere. */
	ext = owner_xdp_extension(test, plain, TCALL_XDP_FRAGS, knows);
	KUNIT_EXPECT_EQ(test, owner_offer_xdp(test, knows, BPF_XDP), -EINVAL);
	link = tcall_attach_to(test, ext, frags, tcall_func_btf_id(1));
	KUNIT_EXPECT_GE_MSG(test, link, 0, "one that knows of fragments");

	/* And so can one without tail calls, and one of a target that has them. */
	ext = owner_xdp_extension(test, plain, 0, -1);
	KUNIT_EXPECT_GE_MSG(test, tcall_attach_to(test, ext, other, tcall_func_btf_id(1)),
			    0, "one without tail calls");
	ext = owner_xdp_extension(test, frags, 0, tcall_prog_array(test, 1));
	KUNIT_EXPECT_GE_MSG(test, tcall_attach_to(test, ext, plain, tcall_func_btf_id(1)),
			    0, "where there are no fragments");
}
#endif

static void an_extension_has_the_storage_of_its_target(struct kunit *test)
{
	const struct owner_need none = { .type = BPF_PROG_TYPE_CGROUP_SKB };
	int storage, with, without, same, more, less;
	struct owner_need has;

	owner_needs_cgroups(test);
	storage = tcall_cgroup_storage(test, 8);
	has = with_storage(none, &storage);
	with = owner_target(test, &has);
	without = owner_target(test, &none);
	same = owner_extension(test, with, has);
	more = owner_extension(test, without, has);
	less = owner_extension(test, without, none);

	KUNIT_EXPECT_GE_MSG(test, tcall_attach(test, same), 0,
			    "the storage of its target");
	KUNIT_EXPECT_EQ_MSG(test, tcall_attach(test, more), -EINVAL,
			    "a storage that its target lacks");
	KUNIT_EXPECT_GE_MSG(test, tcall_attach(test, less), 0, "no storage");
}

#ifdef TCALL_SLEEPABLE_KPROBES
static const struct owner_need owner_awake = {
	.type = BPF_PROG_TYPE_KPROBE, .ctx_name = "pt_regs",
};

static const struct owner_need owner_sleeps = {
	.type = BPF_PROG_TYPE_KPROBE, .ctx_name = "pt_regs",
	.flags = BPF_F_SLEEPABLE,
};

/*
 * What is in a devmap lives as long as RCU's readers, which programs that may sleep
 * are not: they cannot use one, and nor can what replaces a function of theirs.
 */
static void an_extension_keeps_rcus_rules(struct kunit *test)
{
	const struct owner_need awake = owner_awake;
	struct owner_need sleeps = owner_sleeps, looks = awake;
	int sleeper, waker, devmap, ext;

	owner_needs_events(test);
	devmap = tcall_devmap(test);
	looks.devmap = &devmap;
	sleeper = owner_target(test, &sleeps);
	waker = owner_target(test, &awake);

	sleeps.devmap = &devmap;
	KUNIT_ASSERT_EQ_MSG(test, tcall_load(owner_prog(test, "known", &sleeps, -1)),
			    -EINVAL, "a program that may sleep");
	ext = owner_extension(test, waker, looks);
	KUNIT_EXPECT_EQ_MSG(test, tcall_attach_to(test, ext, sleeper, tcall_func_btf_id(1)),
			    -EINVAL, "verified for another target, which does not sleep");
	KUNIT_EXPECT_GE_MSG(test, tcall_attach(test, ext), 0,
			    "of a program that does not sleep");
	KUNIT_EXPECT_EQ_MSG(test, tcall_load(owner_extension_prog(test, sleeper, looks)),
			    -EINVAL, "of a program that may sleep");
}

/* Its tail callees would be programs that may sleep. */
static void an_extension_has_no_prog_array(struct kunit *test)
{
	const struct owner_need awake = owner_awake;
	struct owner_need sleeps = owner_sleeps, jumps = awake;
	int array;

	owner_needs_events(test);
	array = tcall_prog_array(test, 1);
	jumps.array = &array;
	KUNIT_EXPECT_GE_MSG(test,
			    tcall_load(owner_extension_prog(test, owner_target(test, &awake),
							    jumps)),
			    0, "of a program that does not sleep");
	KUNIT_EXPECT_EQ_MSG(test,
			    tcall_load(owner_extension_prog(test, owner_target(test, &sleeps),
							    jumps)),
			    -EINVAL, "of a program that may sleep");
}

/* Nobody has looked at where its target calls it, so it does not sleep itself. */
static void an_extension_does_not_sleep(struct kunit *test)
{
	struct owner_need sleeps = owner_sleeps;
	int target;

	owner_needs_events(test);
	target = owner_target(test, &sleeps);
	sleeps.faults = true;
	tcall_load_ok(owner_prog(test, "known", &sleeps, -1));
	KUNIT_EXPECT_EQ(test, tcall_load(owner_extension_prog(test, target, sleeps)),
			-EINVAL);
}

#ifdef TCALL_RCU_POINTERS
/* A pointer that is good as long as RCU's lock is held is none for a helper else. */
static void an_extension_has_no_rcu_pointers(struct kunit *test)
{
	const struct owner_need awake = owner_awake;
	struct owner_need sleeps = owner_sleeps, walks = awake;
	int sleeper, waker;

	owner_needs_events(test);
	sleeper = owner_target(test, &sleeps);
	waker = owner_target(test, &awake);
	walks.walks = true;
	sleeps.walks = true;
	KUNIT_ASSERT_EQ_MSG(test, tcall_load(owner_prog(test, "known", &sleeps, -1)),
			    -EACCES, "a program that may sleep");
	KUNIT_EXPECT_GE_MSG(test, tcall_load(owner_extension_prog(test, waker, walks)),
			    0, "of a program that does not sleep");
	KUNIT_EXPECT_EQ_MSG(test, tcall_load(owner_extension_prog(test, sleeper, walks)),
			    -EACCES, "of a program that may sleep");
}
#endif

/* One that uses nothing of RCU's, and that one also where RCU's lock is held. */
static void what_may_sleep_can_be_extended(struct kunit *test)
{
	struct owner_need awake = owner_awake;
	const struct owner_need sleeps = owner_sleeps;
	int sleeper, waker;

	owner_needs_events(test);
	sleeper = owner_target(test, &sleeps);
	waker = owner_target(test, &awake);
	awake.unwinds = true;
	KUNIT_EXPECT_GE(test, tcall_attach(test, owner_extension(test, sleeper, awake)),
			0);
	KUNIT_EXPECT_GE(test, tcall_attach_to(test,
					      owner_extension(test, sleeper, awake),
					      waker, tcall_func_btf_id(1)), 0);
}
#endif

#ifdef CONFIG_BPF_KPROBE_OVERRIDE
static struct tcall_prog *owner_kprobe(struct kunit *test, bool overrides)
{
	struct tcall_prog *p = tcall_prog_new(test, "kprobe", BPF_PROG_TYPE_KPROBE);

	tcall_func_begin(p, "kprobe", TCALL_GLOBAL);
	tcall_emit_sub_entry(p);
	if (overrides) {
		tcall_emit(p, BPF_MOV64_IMM(BPF_REG_2, 0));
		tcall_emit_helper(p, BPF_FUNC_override_return);
	}
	return p;
}

/* What may override a result is asked when a program is attached, of that one. */
static void an_overriding_program_is_refused(struct kunit *test)
{
	struct tcall_prog *overrides = owner_kprobe(test, true);
	struct tcall_prog *caller = owner_kprobe(test, true);
	struct tcall_prog *plain = owner_kprobe(test, false);
	int array = tcall_prog_array(test, 1);

	tcall_emit_return(overrides, 0);
	KUNIT_EXPECT_EQ(test, tcall_set_slot(array, 0, tcall_load_ok(overrides)),
			-EINVAL);
	tcall_emit_tail_call(caller, array, 0, TCALL_DIRECT);
	tcall_emit_return(caller, 0);
	KUNIT_EXPECT_EQ(test, tcall_load(caller), -EINVAL);
	tcall_emit_return(plain, 0);
	KUNIT_EXPECT_EQ(test, tcall_set_slot(array, 0, tcall_load_ok(plain)), 0);
}

/* And where it is attached is asked of its target. */
static void an_extension_overrides_what_its_target_could(struct kunit *test)
{
	const struct owner_need plain = {
		.type = BPF_PROG_TYPE_KPROBE, .ctx_name = TCALL_KPROBE_CTX,
	};
	struct owner_need overrides = plain;
	int anywhere, allowed;

	owner_needs_events(test);
	overrides.overrides = true;
	anywhere = owner_target(test, &plain);
	allowed = owner_target(test, &overrides);
	KUNIT_EXPECT_EQ_MSG(test, tcall_attach(test, owner_extension(test, anywhere,
								     overrides)),
			    -EINVAL, "of a program that may be anywhere");
	KUNIT_EXPECT_GE_MSG(test, tcall_attach(test, owner_extension(test, anywhere,
								     plain)),
			    0, "of the same, without overriding");
	KUNIT_EXPECT_GE_MSG(test, tcall_attach(test, owner_extension(test, allowed,
								     overrides)),
			    0, "of a program that overrides, too");
}
#else
static void an_extension_overrides_what_its_target_could(struct kunit *test)
{
	kunit_skip(test, "Test requires: CONFIG_BPF_KPROBE_OVERRIDE");
}

static void an_overriding_program_is_refused(struct kunit *test)
{
	kunit_skip(test, "Test requires: CONFIG_BPF_KPROBE_OVERRIDE");
}
#endif

static int owner_cpumap(struct kunit *test, u32 flags)
{
	struct tcall_prog *p = tcall_prog_new(test, "cpu", BPF_PROG_TYPE_XDP);

	p->attach_type = BPF_XDP_CPUMAP;
	p->flags = flags;
	tcall_func_begin(p, "cpu", TCALL_GLOBAL);
	tcall_emit_return(p, XDP_DROP);
	return tcall_load_ok(p);
}

/* That map has an owner, too. */
static void a_cpumap_takes_programs_that_are_alike(struct kunit *test)
{
	int map = tcall_cpumap(test);

	KUNIT_EXPECT_EQ(test, tcall_set_cpu(map, 0, owner_cpumap(test, 0)), 0);
	KUNIT_EXPECT_EQ(test, tcall_set_cpu(map, 0, owner_cpumap(test, 0)), 0);
#ifdef TCALL_XDP_FRAGS
	KUNIT_EXPECT_EQ(test, tcall_set_cpu(map, 0,
					    owner_cpumap(test, TCALL_XDP_FRAGS)),
			TCALL_CPUMAP_REFUSES);
	/* That was not for want of memory, as older kernels have it. */
	KUNIT_EXPECT_EQ(test, tcall_set_cpu(map, 0, owner_cpumap(test, 0)), 0);
#endif
}

#ifdef TCALL_ARG_TAGS
/*
 * Whoever runs a syscall program hands over what that reads. A target does so
 * with one extension at a time, so there are three.
 */
static void an_extension_has_the_context_of_its_target(struct kunit *test)
{
	const struct owner_need has = {
		.type = BPF_PROG_TYPE_SYSCALL, .flags = BPF_F_SLEEPABLE,
		.ctx = FIRST_LEVEL, .ctx_tag = true,
	};
	struct owner_need less = has, more = has;
	int target[3], i;

	less.ctx = 0;
	more.ctx += MORE;
	for (i = 0; i < ARRAY_SIZE(target); i++)
		target[i] = owner_target(test, &has);
	KUNIT_EXPECT_GE_MSG(test, tcall_attach(test, owner_extension(test, target[0],
								     less)),
			    0, "less of the context than its target");
	KUNIT_EXPECT_GE_MSG(test, tcall_attach(test, owner_extension(test, target[1],
								     has)),
			    0, "as much of the context as its target");
	KUNIT_EXPECT_EQ_MSG(test, tcall_attach(test, owner_extension(test, target[2],
								     more)),
			    -EINVAL, "more of the context than its target");
}
#endif

static struct kunit_case owner_cases[] = {
	KUNIT_CASE(types_are_kept_apart),
	KUNIT_CASE(attach_types_are_kept_apart),
#ifdef TCALL_SLEEPABLE_KPROBES
	KUNIT_CASE(sleepable_programs_are_kept_apart),
	KUNIT_CASE(an_extension_keeps_rcus_rules),
#ifdef TCALL_RCU_POINTERS
	KUNIT_CASE(an_extension_has_no_rcu_pointers),
#endif
	KUNIT_CASE(an_extension_has_no_prog_array),
	KUNIT_CASE(an_extension_does_not_sleep),
	KUNIT_CASE(what_may_sleep_can_be_extended),
#endif
	KUNIT_CASE(storages_are_kept_apart),
	KUNIT_CASE(an_extension_has_the_storage_of_its_target),
	KUNIT_CASE(an_extension_tail_calls_what_its_target_could),
	KUNIT_CASE(an_extension_of_a_dispatcher_tail_calls_xdp),
#ifdef TCALL_XDP_FRAGS
	KUNIT_CASE(an_extension_tail_calls_what_knows_fragments),
	KUNIT_CASE(an_extension_goes_where_its_tail_callees_can),
#endif
#ifdef TCALL_ARG_TAGS
	KUNIT_CASE(an_extension_has_the_context_of_its_target),
#endif
	KUNIT_CASE(a_writable_buffer_is_a_limit),
	KUNIT_CASE(a_tracepoints_arguments_are_a_limit),
	KUNIT_CASE(a_caller_that_comes_later_takes_over),
	KUNIT_CASE(a_limit_holds_along_a_chain),
	KUNIT_CASE(a_raw_tracepoints_arguments_are_no_limit),
	KUNIT_CASE(what_all_records_have_is_no_limit),
	KUNIT_CASE(an_overriding_program_is_refused),
	KUNIT_CASE(an_extension_overrides_what_its_target_could),
	KUNIT_CASE(a_cpumap_takes_programs_that_are_alike),
#ifdef TCALL_KPROBES_WRITE
	KUNIT_CASE(a_kprobes_registers_are_not_written),
	KUNIT_CASE(the_registers_of_uprobes_may_be_written),
#endif
	{}
};

struct kunit_suite tailcall_owner_suite = {
	.name = "tailcall_owner",
	.init = tcall_init,
	.exit = tcall_exit,
	.test_cases = owner_cases,
};
