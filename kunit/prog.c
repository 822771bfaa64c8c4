// SPDX-License-Identifier: GPL-2.0
/*
 * Build, load and run BPF programs from a KUnit case, see prog.h.
 */
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/delay.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/kthread.h>
#include <linux/skbuff.h>
#include <linux/srcu.h>
/* needs srcu.h, and does not say so */
#include <linux/rcupdate_trace.h>
#include <net/sch_generic.h>
#include <asm/nospec-branch.h>

#include "prog.h"

/* The slot number of an indirect tail call, as the run puts it in cb[]. */
#define TCALL_CB_OFF(i)	(offsetof(struct __sk_buff, cb) + 4 * (i))
#define TCALL_CB_WORDS	5

struct tcall_case {
	int fd[TCALL_MAX_FDS];
	u32 fd_cnt;
};

int tcall_init(struct kunit *test)
{
	tcall_lift_memlock_limit();
	test->priv = kunit_kzalloc(test, sizeof(struct tcall_case), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

static void tcall_close_fd(int fd)
{
	close_fd(fd);
	/* A kernel thread's last fput() is done by a work item. */
	flush_delayed_fput();
}

void tcall_exit(struct kunit *test)
{
	struct tcall_case *c = test->priv;

	/* Links first: they were made last. */
	while (c && c->fd_cnt)
		tcall_close_fd(c->fd[--c->fd_cnt]);
}

static int tcall_keep_fd(struct kunit *test, int fd)
{
	struct tcall_case *c = test->priv;

	if (fd < 0)
		return fd;
	if (c->fd_cnt == TCALL_MAX_FDS) {
		tcall_close_fd(fd);
		KUNIT_FAIL(test, "a case has more than %d fds", TCALL_MAX_FDS);
		return -EMFILE;
	}
	c->fd[c->fd_cnt++] = fd;
	return fd;
}

void tcall_close(struct kunit *test, int fd)
{
	struct tcall_case *c = test->priv;
	u32 i;

	for (i = 0; i < c->fd_cnt; i++) {
		if (c->fd[i] != fd)
			continue;
		tcall_close_fd(fd);
		memmove(&c->fd[i], &c->fd[i + 1],
			(--c->fd_cnt - i) * sizeof(c->fd[0]));
		return;
	}
	KUNIT_FAIL(test, "closing fd %d, which the case does not have", fd);
}

struct tcall_prog *tcall_prog_new(struct kunit *test, const char *name,
				  enum bpf_prog_type type)
{
	struct tcall_prog *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, p);
	p->test = test;
	p->name = name;
	p->type = type;
	return p;
}

int tcall_func_begin(struct tcall_prog *p, const char *name, enum tcall_linkage linkage)
{
	KUNIT_ASSERT_LT(p->test, p->func_cnt, (u32)TCALL_MAX_FUNCS);
	p->func[p->func_cnt] = (struct tcall_func) {
		.name = name,
		.linkage = linkage,
		.start = p->insn_cnt,
	};
	return p->func_cnt++;
}

void tcall_emit(struct tcall_prog *p, struct bpf_insn insn)
{
	KUNIT_ASSERT_LT(p->test, p->insn_cnt, (u32)TCALL_MAX_INSNS);
	p->insn[p->insn_cnt++] = insn;
}

void tcall_emit_main_entry(struct tcall_prog *p)
{
	const s16 mark = offsetof(struct __sk_buff, mark);

	tcall_emit_sub_entry(p);
	tcall_emit(p, BPF_LDX_MEM(BPF_W, BPF_REG_2, BPF_REG_6, mark));
	tcall_emit(p, BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, 1));
	tcall_emit(p, BPF_STX_MEM(BPF_W, BPF_REG_6, BPF_REG_2, mark));
	tcall_emit(p, BPF_JMP_IMM(BPF_JLE, BPF_REG_2, TCALL_BOUND, 2));
	tcall_emit_return(p, 0);
}

void tcall_emit_sub_entry(struct tcall_prog *p)
{
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_6, BPF_REG_1));
}

void tcall_emit_helper(struct tcall_prog *p, s32 helper)
{
	tcall_emit(p, BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper));
}

void tcall_emit_stack(struct tcall_prog *p, u32 bytes)
{
	if (bytes)
		tcall_emit(p, BPF_ST_MEM(BPF_DW, BPF_REG_10, -(s32)bytes, 0));
}

void tcall_emit_callee_regs(struct tcall_prog *p)
{
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_7, 7));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_8, 8));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_9, 9));
}

void tcall_emit_tail_call(struct tcall_prog *p, int array_fd, u32 slot,
			  enum tcall_form form)
{
	struct bpf_insn ld_map[2] = { BPF_LD_MAP_FD(BPF_REG_2, array_fd) };

	tcall_emit(p, BPF_MOV64_REG(BPF_REG_1, BPF_REG_6));
	tcall_emit(p, ld_map[0]);
	tcall_emit(p, ld_map[1]);
	if (form == TCALL_DIRECT) {
		tcall_emit(p, BPF_MOV64_IMM(BPF_REG_3, slot));
	} else {
		KUNIT_ASSERT_LT(p->test, slot, (u32)TCALL_CB_WORDS);
		tcall_emit(p, BPF_LDX_MEM(BPF_W, BPF_REG_3, BPF_REG_6,
					  TCALL_CB_OFF(slot)));
	}
	tcall_emit_helper(p, BPF_FUNC_tail_call);
}

/* Until the program is loaded, imm is the number of the function. */
void tcall_emit_call(struct tcall_prog *p, int func)
{
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_1, BPF_REG_6));
	tcall_emit(p, BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0,
				   func));
}

void tcall_emit_return(struct tcall_prog *p, s32 value)
{
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_0, value));
	tcall_emit(p, BPF_EXIT_INSN());
}

/*
 * BTF with one prototype, like int (struct __sk_buff *ctx), and one FUNC for each
 * function. That is what the verifier wants to see for global functions,
 * callbacks, extensions, and their targets.
 */
enum tcall_btf_id {
	TCALL_BTF_INT = 1,
	TCALL_BTF_CTX,
	TCALL_BTF_CTX_PTR,
	TCALL_BTF_PROTO,
	TCALL_BTF_FIRST_FUNC,
};

u32 tcall_func_btf_id(int func)
{
	return TCALL_BTF_FIRST_FUNC + func;
}

struct tcall_btf_common {
	struct btf_type int_type;
	u32 int_data;
	struct btf_type ctx;
	struct btf_type ctx_ptr;
	struct btf_type proto;
	struct btf_param arg;
};

#ifdef TCALL_ARG_TAGS
struct tcall_btf_tag {
	struct btf_type type;
	struct btf_decl_tag data;
};
#else
struct tcall_btf_tag { };
#endif

struct tcall_btf {
	struct btf_header hdr;
	struct tcall_btf_common common;
	struct btf_type func[TCALL_MAX_FUNCS];
	struct tcall_btf_tag tag[TCALL_MAX_FUNCS];
};

#define TCALL_BTF_INFO(kind, vlen)	(((kind) << 24) | (vlen))

static u32 tcall_btf_string(char *strings, u32 *len, const char *string)
{
	u32 off = *len;

	memcpy(strings + off, string, strlen(string) + 1);
	*len += strlen(string) + 1;
	return off;
}

/* Writes a tag for each function, and returns how much that is. */
static u32 tcall_btf_tags(const struct tcall_prog *p, struct tcall_btf_tag *tag,
			  char *strings, u32 *len)
{
#ifdef TCALL_ARG_TAGS
	u32 i, name;

	if (!p->ctx_tag)
		return 0;
	name = tcall_btf_string(strings, len, "arg:ctx");
	for (i = 0; i < p->func_cnt; i++) {
		tag[i].type.name_off = name;
		tag[i].type.info = TCALL_BTF_INFO(BTF_KIND_DECL_TAG, 0);
		tag[i].type.type = tcall_func_btf_id(i);
		tag[i].data.component_idx = 0;
	}
	return p->func_cnt * sizeof(*tag);
#else
	return 0;
#endif
}

/* Writes a prototype with p->args arguments, and returns how much that is. */
static u32 tcall_btf_args(const struct tcall_prog *p, struct btf_type *proto, u32 name)
{
	struct btf_param *arg = (struct btf_param *)(proto + 1);
	u32 i;

	if (!p->args)
		return 0;
	proto->info = TCALL_BTF_INFO(BTF_KIND_FUNC_PROTO, p->args);
	proto->type = TCALL_BTF_INT;
	for (i = 0; i < p->args; i++) {
		arg[i].name_off = name;
		arg[i].type = i + 1 == p->ctx_arg ? TCALL_BTF_CTX_PTR : TCALL_BTF_INT;
	}
	return sizeof(*proto) + p->args * sizeof(*arg);
}

static int tcall_load_btf(struct tcall_prog *p)
{
	struct tcall_btf_common *c;
	union bpf_attr attr = {};
	struct tcall_btf *btf;
	u32 i, types, last, len = 1;
	char *strings;
	void *blob;
	int fd;

	blob = kunit_kzalloc(p->test, sizeof(*btf) + 512, GFP_KERNEL);
	strings = kunit_kzalloc(p->test, 512, GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(p->test, blob);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(p->test, strings);

	btf = blob;
	c = &btf->common;
	c->int_type.name_off = tcall_btf_string(strings, &len, "int");
	c->int_type.info = TCALL_BTF_INFO(BTF_KIND_INT, 0);
	c->int_type.size = 4;
	c->int_data = (BTF_INT_SIGNED << 24) | 32;
	c->ctx.name_off = tcall_btf_string(strings, &len,
					   p->ctx_name ?: "__sk_buff");
	c->ctx.info = TCALL_BTF_INFO(BTF_KIND_STRUCT, 0);
	c->ctx_ptr.info = TCALL_BTF_INFO(BTF_KIND_PTR, 0);
	c->ctx_ptr.type = TCALL_BTF_CTX;
	c->proto.info = TCALL_BTF_INFO(BTF_KIND_FUNC_PROTO, 1);
	c->proto.type = TCALL_BTF_INT;
	c->arg.name_off = tcall_btf_string(strings, &len, "ctx");
	c->arg.type = TCALL_BTF_CTX_PTR;
	for (i = 0; i < p->func_cnt; i++) {
		const struct tcall_func *f = &p->func[i];

		btf->func[i].name_off = tcall_btf_string(strings, &len, f->name);
		btf->func[i].info = TCALL_BTF_INFO(BTF_KIND_FUNC,
						   f->linkage == TCALL_GLOBAL);
		btf->func[i].type = TCALL_BTF_PROTO;
	}
	types = sizeof(*c) + p->func_cnt * sizeof(btf->func[0]);
	types += tcall_btf_tags(p, blob + sizeof(btf->hdr) + types, strings, &len);
	last = tcall_func_btf_id(p->func_cnt) + (p->ctx_tag ? p->func_cnt : 0);
	for (i = 0; p->args && i < p->func_cnt; i++)
		btf->func[i].type = last;
	types += tcall_btf_args(p, blob + sizeof(btf->hdr) + types, c->arg.name_off);

	btf->hdr.magic = BTF_MAGIC;
	btf->hdr.version = BTF_VERSION;
	btf->hdr.hdr_len = sizeof(btf->hdr);
	btf->hdr.type_len = types;
	btf->hdr.str_off = types;
	btf->hdr.str_len = len;
	memcpy(blob + sizeof(btf->hdr) + types, strings, len);

	attr.btf = (unsigned long)blob;
	attr.btf_size = sizeof(btf->hdr) + types + len;
	fd = kern_sys_bpf(BPF_BTF_LOAD, &attr, sizeof(attr));
	KUNIT_ASSERT_GE_MSG(p->test, fd, 0, "loading the BTF of %s", p->name);
	return fd;
}

/* Turn function numbers into distances. */
static void tcall_resolve_calls(struct tcall_prog *p)
{
	u32 i;

	for (i = 0; i < p->insn_cnt; i++) {
		struct bpf_insn *insn = &p->insn[i];

		if ((insn->code == (BPF_JMP | BPF_CALL) &&
		     insn->src_reg == BPF_PSEUDO_CALL) ||
		    (insn->code == (BPF_LD | BPF_IMM | BPF_DW) &&
		     insn->src_reg == BPF_PSEUDO_FUNC))
			insn->imm = p->func[insn->imm].start - i - 1;
	}
}

int tcall_load(struct tcall_prog *p)
{
	struct bpf_func_info *info;
	union bpf_attr attr = {};
	int btf_fd, fd;
	u32 i;

	info = kunit_kcalloc(p->test, TCALL_MAX_FUNCS, sizeof(*info), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(p->test, info);
	for (i = 0; i < p->func_cnt; i++) {
		info[i].insn_off = p->func[i].start;
		info[i].type_id = tcall_func_btf_id(i);
	}
	tcall_resolve_calls(p);

	attr.prog_type = p->type;
	attr.expected_attach_type = p->attach_type;
	attr.prog_flags = p->flags;
	attr.attach_prog_fd = p->target_fd;
	attr.attach_btf_id = p->target_btf_id;
	attr.insns = (unsigned long)p->insn;
	attr.insn_cnt = p->insn_cnt;
	attr.license = (unsigned long)"GPL";
	strscpy(attr.prog_name, p->name, sizeof(attr.prog_name));
	if (p->plain)
		return tcall_keep_fd(p->test, kern_sys_bpf(BPF_PROG_LOAD, &attr,
							   sizeof(attr)));
	btf_fd = tcall_load_btf(p);
	attr.prog_btf_fd = btf_fd;
	attr.func_info_rec_size = sizeof(*info);
	attr.func_info = (unsigned long)info;
	attr.func_info_cnt = p->func_cnt;
	fd = kern_sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
	/* The program has its own reference. */
	tcall_close_fd(btf_fd);
	return tcall_keep_fd(p->test, fd);
}

int tcall_load_ok(struct tcall_prog *p)
{
	int fd = tcall_load(p);

	KUNIT_ASSERT_GE_MSG(p->test, fd, 0, "loading %s", p->name);
	return fd;
}

static int tcall_map_create(struct kunit *test, union bpf_attr *attr)
{
	int fd = kern_sys_bpf(BPF_MAP_CREATE, attr, sizeof(*attr));

	KUNIT_ASSERT_GE(test, fd, 0);
	return tcall_keep_fd(test, fd);
}

static int tcall_map(struct kunit *test, enum bpf_map_type type, u32 value_size,
		     u32 entries)
{
	union bpf_attr attr = {
		.map_type = type,
		.key_size = sizeof(u32),
		.value_size = value_size,
		.max_entries = entries,
	};

	return tcall_map_create(test, &attr);
}

int tcall_cgroup_storage(struct kunit *test, u32 value_size)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_CGROUP_STORAGE,
		.key_size = sizeof(struct bpf_cgroup_storage_key),
		.value_size = value_size,
	};

	return tcall_map_create(test, &attr);
}

int tcall_prog_array(struct kunit *test, u32 slots)
{
	return tcall_map(test, BPF_MAP_TYPE_PROG_ARRAY, sizeof(u32), slots);
}

int tcall_array(struct kunit *test, u32 entries)
{
	return tcall_map(test, BPF_MAP_TYPE_ARRAY, sizeof(u64), entries);
}

int tcall_cpumap(struct kunit *test)
{
	return tcall_map(test, BPF_MAP_TYPE_CPUMAP, sizeof(struct bpf_cpumap_val), 1);
}

int tcall_devmap(struct kunit *test)
{
	return tcall_map(test, BPF_MAP_TYPE_DEVMAP, sizeof(u32), 1);
}

int tcall_stack_trace(struct kunit *test)
{
	return tcall_map(test, BPF_MAP_TYPE_STACK_TRACE, 8 * sizeof(u64), 16);
}

#ifdef TCALL_ARENA
int tcall_arena(struct kunit *test)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARENA,
		.map_flags = BPF_F_MMAPABLE,
		.max_entries = 1,
		/* Nobody maps it: where it would be in user space. */
		.map_extra = 1ULL << 44,
	};

	/* It has 4 GiB of addresses, and so takes 512 MiB of shadow. */
	if (IS_ENABLED(CONFIG_KASAN_VMALLOC))
		kunit_skip(test, "Test requires: no CONFIG_KASAN_VMALLOC");
	return tcall_map_create(test, &attr);
}
#endif

static int tcall_update(int map_fd, u32 key, const void *value)
{
	union bpf_attr attr = {
		.map_fd = map_fd,
		.key = (unsigned long)&key,
		.value = (unsigned long)value,
	};

	return kern_sys_bpf(BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr));
}

int tcall_set_cpu(int cpumap_fd, u32 cpu, int prog_fd)
{
	struct bpf_cpumap_val value = { .qsize = 1, .bpf_prog.fd = prog_fd };

	return tcall_update(cpumap_fd, cpu, &value);
}

int tcall_set_slot(int array_fd, u32 slot, int prog_fd)
{
	return tcall_update(array_fd, slot, &prog_fd);
}

int tcall_clear_slot(int array_fd, u32 slot)
{
	union bpf_attr attr = {
		.map_fd = array_fd,
		.key = (unsigned long)&slot,
	};

	return kern_sys_bpf(BPF_MAP_DELETE_ELEM, &attr, sizeof(attr));
}

int tcall_attach(struct kunit *test, int prog_fd)
{
	union bpf_attr attr = { .raw_tracepoint.prog_fd = prog_fd };

	return tcall_keep_fd(test, kern_sys_bpf(BPF_RAW_TRACEPOINT_OPEN, &attr,
						sizeof(attr)));
}

int tcall_attach_to(struct kunit *test, int prog_fd, int target_fd, u32 btf_id)
{
	union bpf_attr attr = {
		.link_create.prog_fd = prog_fd,
		.link_create.target_fd = target_fd,
		.link_create.target_btf_id = btf_id,
	};

	return tcall_keep_fd(test, kern_sys_bpf(BPF_LINK_CREATE, &attr,
						sizeof(attr)));
}

int tcall_tracer_load(struct kunit *test, enum bpf_attach_type type, int target_fd,
		      int func)
{
	struct tcall_prog *p = tcall_prog_new(test, "tracer", BPF_PROG_TYPE_TRACING);

	p->attach_type = type;
	p->target_fd = target_fd;
	p->target_btf_id = tcall_func_btf_id(func);
	tcall_func_begin(p, "tracer", TCALL_GLOBAL);
	tcall_emit_return(p, 0);
	return tcall_load_ok(p);
}

int tcall_tracer(struct kunit *test, enum bpf_attach_type type, int target_fd,
		 int func)
{
	int prog_fd = tcall_tracer_load(test, type, target_fd, func);
	int link_fd = tcall_attach(test, prog_fd);

	KUNIT_ASSERT_GE(test, link_fd, 0);
	return link_fd;
}

/* Are the constants of a program blinded? Then no tail call of it is direct, for
 * the verifier does not know which slot it is for.
 */
bool tcall_blinded(struct kunit *test, int prog_fd, enum bpf_prog_type type)
{
	struct bpf_prog *prog = bpf_prog_get_type_dev(prog_fd, type, false);
	bool blinded;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, prog);
	blinded = prog->blinded ||
		  (prog->aux->func_cnt && prog->aux->func[0]->blinded);
	bpf_prog_put(prog);
	return blinded;
}

/* Does the first direct tail call of a program end in a jump to @callee_fd? */
bool tcall_jumps_to(struct kunit *test, int caller_fd, int callee_fd,
		    enum bpf_prog_type type)
{
	struct bpf_prog *caller = bpf_prog_get_type_dev(caller_fd, type, false);
	struct bpf_prog *callee = bpf_prog_get_type_dev(callee_fd, type, false);
	const struct bpf_jit_poke_descriptor *poke;
	const u8 *jump;
	s32 offset;
	bool ret;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, caller);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, callee);
	KUNIT_ASSERT_EQ(test, caller->aux->size_poke_tab, 1U);
	poke = caller->aux->poke_tab;
	jump = poke->tailcall_target;
	memcpy(&offset, jump + 1, sizeof(offset));
	ret = jump[0] == 0xe9 &&
	      jump + 5 + offset == (const u8 *)callee->bpf_func + poke->adj_off;
	bpf_prog_put(callee);
	bpf_prog_put(caller);
	return ret;
}

struct tcall_runnable {
	struct bpf_prog *prog;
	struct sk_buff *skb;
};

struct tcall_runnable *tcall_runnable_get(struct kunit *test, int prog_fd)
{
	struct tcall_runnable *run = kunit_kzalloc(test, sizeof(*run), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, run);
	run->skb = alloc_skb(64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, run->skb);
	skb_put_zero(run->skb, 64);

	run->prog = bpf_prog_get_type_dev(prog_fd, BPF_PROG_TYPE_SCHED_CLS,
					  false);
	if (IS_ERR(run->prog)) {
		kfree_skb(run->skb);
		KUNIT_ASSERT_FALSE_MSG(test, true, "fd %d is no tc program",
				       prog_fd);
	}
	return run;
}

void tcall_runnable_put(struct tcall_runnable *run)
{
	bpf_prog_put(run->prog);
	kfree_skb(run->skb);
}

static void tcall_runnable_ready(struct tcall_runnable *run)
{
	u32 *cb = (u32 *)qdisc_skb_cb(run->skb)->data;
	u32 i;

	for (i = 0; i < TCALL_CB_WORDS; i++)
		cb[i] = i;
	run->skb->mark = 0;
	bpf_compute_data_pointers(run->skb);
}

u32 tcall_runnable_run(struct tcall_runnable *run)
{
	tcall_runnable_ready(run);

	/* As the tc hook runs it. */
	local_bh_disable();
	rcu_read_lock();
	bpf_prog_run_pin_on_cpu(run->prog, run->skb);
	rcu_read_unlock();
	local_bh_enable();
	return run->skb->mark;
}

#ifdef TCALL_ARENA
unsigned long tcall_runnable_r12(struct tcall_runnable *run, unsigned long value)
{
	register unsigned long r12 asm("r12") = value;
	const struct bpf_insn *insns = run->prog->insnsi;
	struct sk_buff *skb = run->skb;
	void *func = run->prog->bpf_func;

	tcall_runnable_ready(run);
	local_bh_disable();
	rcu_read_lock();
	asm volatile(ANNOTATE_RETPOLINE_SAFE "\n\t"
		     "call *%[func]"
		     : [func] "+a" (func), "+r" (r12), "+D" (skb), "+S" (insns),
		       ASM_CALL_CONSTRAINT
		     :
		     : "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc");
	rcu_read_unlock();
	local_bh_enable();
	return r12;
}
#endif

u32 tcall_run(struct kunit *test, int prog_fd)
{
	struct tcall_runnable *run = tcall_runnable_get(test, prog_fd);
	u32 entries = tcall_runnable_run(run);

	tcall_runnable_put(run);
	return entries;
}

u32 tcall_run_shared(struct kunit *test, int prog_fd, bool *kept)
{
	struct tcall_runnable *run = tcall_runnable_get(test, prog_fd);
	struct sk_buff *other = skb_clone(run->skb, GFP_KERNEL);
	u32 entries;

	if (!other)
		tcall_runnable_put(run);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	entries = tcall_runnable_run(run);
	*kept = !memchr_inv(other->data, 0, other->len);
	kfree_skb(other);
	tcall_runnable_put(run);
	return entries;
}

/* The longest read: much longer than an attach takes that does not wait for it. */
#define READ_MS	4000

/*
 * Stands for a program that is running: they run under these locks. Nobody but RCU
 * is kept waiting. It goes on until it is told to end, or for so long.
 */
static int tcall_read(void *data)
{
	struct tcall_reader *reader = data;
	int ms;

#ifdef TCALL_SLEEPABLE_CALLERS
	if (reader->sleepable) {
		rcu_read_lock_trace();
		complete(&reader->entered);
		for (ms = 0; ms < READ_MS && !kthread_should_stop(); ms += 20)
			msleep(20);
		WRITE_ONCE(reader->left, true);
		rcu_read_unlock_trace();
		return 0;
	}
#endif
	rcu_read_lock();
	complete(&reader->entered);
	for (ms = 0; ms < READ_MS && !kthread_should_stop(); ms++)
		mdelay(1);
	WRITE_ONCE(reader->left, true);
	rcu_read_unlock();
	return 0;
}

/*
 * One that spins is on a CPU of its own, or who waits for it to begin would go on
 * only when it has ended.
 */
void tcall_reader_begin(struct kunit *test, struct tcall_reader *reader, bool sleepable)
{
	int cpu;

	if (!sleepable && num_online_cpus() < 2)
		kunit_skip(test, "Test requires: two CPUs, one of which runs a program");
	init_completion(&reader->entered);
	reader->sleepable = sleepable;
	reader->left = false;
	reader->task = kthread_create(tcall_read, reader, "tailcall_reader");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, reader->task);
	if (!sleepable) {
		cpu = raw_smp_processor_id();
		set_cpus_allowed_ptr(current, cpumask_of(cpu));
		kthread_bind(reader->task, cpumask_any_but(cpu_online_mask, cpu));
	}
	get_task_struct(reader->task);
	wake_up_process(reader->task);
	wait_for_completion(&reader->entered);
}

bool tcall_reader_running(const struct tcall_reader *reader)
{
	return !READ_ONCE(reader->left);
}

void tcall_reader_end(struct tcall_reader *reader)
{
	kthread_stop(reader->task);
	put_task_struct(reader->task);
	set_cpus_allowed_ptr(current, cpu_possible_mask);
}

bool tcall_attach_waits(struct kunit *test, int (*load)(struct kunit *test))
{
	struct tcall_reader reader;
	bool waits = true;
	int i, ext, link;

	for (i = 0; i < 2 && waits; i++) {
		ext = load(test);
		/* What frees the programs of earlier cases takes those locks. */
		rcu_barrier();
		tcall_reader_begin(test, &reader, false);
		link = tcall_attach(test, ext);
		waits = !tcall_reader_running(&reader);
		tcall_reader_end(&reader);
		KUNIT_EXPECT_GE(test, link, 0);
	}
	return waits;
}
