// SPDX-License-Identifier: GPL-2.0
/* Arguments on the stack of a traced function, in a program with tail calls. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "check.h"
#include "insn.h"

#define ARGS	7
/* The last argument, which is the first on the stack. */
#define VALUE	7
/* The register that names arguments beyond the fifth. */
#define REG_PARAMS 11

#define PASS(off, i)	STORE_IMM(REG_PARAMS, off, i)
#define TAKE(dst, off)	LOAD(dst, REG_PARAMS, off)

enum { MAIN, PASSES, TAKES, TAILS, FUNCS };

/* All that a probe opens; 0 is none. */
struct fds {
	int array, prog, tracer, link;
	struct btf *btf;
	int func_id[FUNCS];
};

static int make_btf(struct fds *f)
{
	static const char *const name[] = { "main", "passes", "takes", "tails" };
	int num, ctx, one, seven, i;
	char arg[] = "a";

	f->btf = btf__new_empty();
	if (!f->btf)
		return -ENOMEM;
	num = btf__add_int(f->btf, "long", 8, BTF_INT_SIGNED);
	ctx = btf__add_struct(f->btf, "__sk_buff", 8);
	btf__add_field(f->btf, "len", num, 0, 0);
	ctx = btf__add_ptr(f->btf, ctx);
	one = btf__add_func_proto(f->btf, num);
	btf__add_func_param(f->btf, "ctx", ctx);
	seven = btf__add_func_proto(f->btf, num);
	for (i = 0; i < ARGS; i++, arg[0]++)
		btf__add_func_param(f->btf, arg, num);
	for (i = 0; i < FUNCS; i++)
		f->func_id[i] = btf__add_func(f->btf, name[i],
					      i == MAIN ? BTF_FUNC_GLOBAL :
							  BTF_FUNC_STATIC,
					      i == TAKES ? seven : one);
	return btf__load_into_kernel(f->btf);
}

/*
 *   main -call-> passes -call-> takes(1, ... 7)
 *        -call-> tails -slot 0, which is empty
 * returns the seventh argument of takes().
 */
static int load_target(struct fds *f)
{
	struct bpf_insn insns[] = {
		MOV_REG(BPF_REG_6, BPF_REG_1),
		CALL_INSN(BPF_PSEUDO_CALL, 5),
		MOV_REG(BPF_REG_7, BPF_REG_0),
		MOV_REG(BPF_REG_1, BPF_REG_6),
		CALL_INSN(BPF_PSEUDO_CALL, 13),
		MOV_REG(BPF_REG_0, BPF_REG_7),
		EXIT(),
		/* passes, 7 */
		MOV_IMM(BPF_REG_1, 1),
		MOV_IMM(BPF_REG_2, 2),
		MOV_IMM(BPF_REG_3, 3),
		MOV_IMM(BPF_REG_4, 4),
		MOV_IMM(BPF_REG_5, 5),
		PASS(-8, 6),
		PASS(-16, VALUE),
		CALL_INSN(BPF_PSEUDO_CALL, 1),
		EXIT(),
		/* takes, 16 */
		TAKE(BPF_REG_0, 16),
		EXIT(),
		/* tails, 18 */
		MAP_FD(BPF_REG_2, f->array),
		IMM64_END(0),
		MOV_IMM(BPF_REG_3, 0),
		CALL_INSN(0, BPF_FUNC_tail_call),
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};
	struct bpf_func_info info[FUNCS] = {
		{ 0, f->func_id[MAIN] },
		{ 7, f->func_id[PASSES] },
		{ 16, f->func_id[TAKES] },
		{ 18, f->func_id[TAILS] },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .prog_btf_fd = btf__fd(f->btf),
		    .func_info = info,
		    .func_info_cnt = FUNCS,
		    .func_info_rec_size = sizeof(info[0]));

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "stackarg", "GPL", insns,
			     ARRAY_SIZE(insns), &opts);
}

static int load_tracer(struct fds *f)
{
	struct bpf_insn insns[] = { MOV_IMM(BPF_REG_0, 0), EXIT() };
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = BPF_TRACE_FEXIT,
		    .attach_prog_fd = f->prog,
		    .attach_btf_id = f->func_id[TAKES]);

	return bpf_prog_load(BPF_PROG_TYPE_TRACING, "tracer", "GPL", insns,
			     ARRAY_SIZE(insns), &opts);
}

/* What takes() returned, or a negative error. */
static __s64 run_target(const struct fds *f)
{
	char packet[64] = "";
	LIBBPF_OPTS(bpf_test_run_opts, opts,
		    .data_in = packet,
		    .data_size_in = sizeof(packet),
		    .repeat = 1);
	int err = bpf_prog_test_run_opts(f->prog, &opts);

	return err ? err : (__s64)opts.retval;
}

static struct verdict probe_with(struct fds *f)
{
	__s64 seen;

	f->array = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "slots",
				  sizeof(__u32), sizeof(__u32), 1, NULL);
	if (f->array < 0 || make_btf(f))
		return verdict(CANNOT_TELL, "no map or no BTF: %s",
			       strerror(errno));
	f->prog = load_target(f);
	if (f->prog < 0)
		return verdict(NOT_APPLICABLE,
			       "no functions of %d arguments beside tail calls here",
			       ARGS);
	seen = run_target(f);
	if (seen != VALUE)
		return verdict(CANNOT_TELL, "untraced, argument %d is %lld",
			       ARGS, (long long)seen);
	f->tracer = load_tracer(f);
	if (f->tracer < 0)
		return verdict(CANNOT_TELL, "loading the fexit program: %s",
			       strerror(errno));
	f->link = bpf_raw_tracepoint_open(NULL, f->tracer);
	if (f->link < 0)
		return verdict(CANNOT_TELL, "attaching the fexit program: %s",
			       strerror(errno));
	seen = run_target(f);
	return verdict(seen == VALUE ? FIXED : OPEN,
		       "a traced function gets %s%d as argument %d",
		       seen == VALUE ? "" : "something else than ", VALUE, ARGS);
}

static struct verdict probe_stackarg(void)
{
	struct fds f = {};
	struct verdict v = probe_with(&f);

	if (f.link > 0)
		close(f.link);
	if (f.tracer > 0)
		close(f.tracer);
	if (f.prog > 0)
		close(f.prog);
	if (f.array > 0)
		close(f.array);
	btf__free(f.btf);
	return v;
}

static const struct bug bugs[] = {
	{
		.id = "N14",
		.title = "fexit shifts arguments on the stack",
		.effect = "a traced function reads a kernel address as an argument",
		.upstream = "none",
		.how =
			"Runs a program with tail calls in which a function of seven arguments is traced by fexit, and returns what the seventh is. It is only returned.",
		.probe = probe_stackarg,
	},
};

static void __probes add(void)
{
	add_bugs(bugs, ARRAY_SIZE(bugs));
}
