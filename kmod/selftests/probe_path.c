// SPDX-License-Identifier: GPL-2.0
/* Where a tracing program may ask for a path. Nothing here is attached. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "check.h"
#include "path.skel.h"

#define ALLOWED	"filp_close"
#define TRACED	"program"

/* BTF in which function TRACED, with the context as its argument, has this id. */
static struct btf *btf_with(int id)
{
	struct btf *btf = btf__new_empty();
	int number, ctx, err = 0;

	if (!btf)
		return NULL;
	/* Five types in all stand for the function. */
	while (err >= 0 && (int)btf__type_cnt(btf) < id - 4)
		err = btf__add_ptr(btf, 0);
	number = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	btf__add_struct(btf, "__sk_buff", 0);
	ctx = btf__add_ptr(btf, number + 1);
	btf__add_func_proto(btf, number);
	btf__add_func_param(btf, "ctx", ctx);
	if (btf__add_func(btf, TRACED, BTF_FUNC_GLOBAL, ctx + 1) == id)
		return btf;
	btf__free(btf);
	return NULL;
}

/* A program whose only function has this id: a descriptor, or a negative error. */
static int program_with(int id)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct bpf_func_info info = { .type_id = id };
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	struct btf *btf = btf_with(id);
	int err;

	if (!btf)
		return -errno;
	opts.func_info = &info;
	opts.func_info_cnt = 1;
	opts.func_info_rec_size = sizeof(info);
	err = btf__load_into_kernel(btf);
	if (!err) {
		opts.prog_btf_fd = btf__fd(btf);
		err = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, TRACED, "GPL",
				    insns, ARRAY_SIZE(insns), &opts);
	}
	btf__free(btf);
	return err;
}

/* Load program @name of path.bpf.c; @target is what it traces, or -1. */
static int try_path(const char *name, int target)
{
	struct path_bpf *skel = path_bpf__open();
	int err = 0;

	if (!skel)
		return -errno;
	choose_programs(skel->obj, name, NULL);
	if (target >= 0)
		err = bpf_program__set_attach_target(skel->progs.path_in_program,
						     target, TRACED);
	if (!err)
		err = path_bpf__load(skel);
	path_bpf__destroy(skel);
	return err;
}

static struct verdict probe_path(void)
{
	struct btf *vmlinux = btf__load_vmlinux_btf();
	struct verdict v;
	int id, other, target, err;

	if (!vmlinux)
		return verdict(CANNOT_TELL, "no BTF of the kernel: %s", strerror(errno));
	id = btf__find_by_name_kind(vmlinux, ALLOWED, BTF_KIND_FUNC);
	btf__free(vmlinux);
	if (id < 0)
		return verdict(CANNOT_TELL, "no %s in the kernel's BTF", ALLOWED);
	err = try_path("path_in_kernel", -1);
	if (err)
		return verdict(CANNOT_TELL, "loading a tracer of %s, which is sound: %s",
			       ALLOWED, strerror(-err));
	target = program_with(id);
	if (target < 0)
		return verdict(CANNOT_TELL, "loading a program to trace: %s",
			       strerror(-target));
	other = program_with(5);
	if (other >= 0 && !try_path("path_in_program", other))
		v = verdict(CANNOT_TELL, "a program's function is allowed whatever its number");
	else
		v = from_load(try_path("path_in_program", target), "tracer");
	if (other >= 0)
		close(other);
	close(target);
	return v;
}

static const struct bug bugs[] = {
	{
		.id = "N39",
		.title = "a program's function is taken for one of the kernel where d_path is safe",
		.effect = "a tracing program waits for a lock that its own CPU holds",
		.upstream = "none",
		.how =
			"Loads a tracer of a program whose function has the BTF id of one of the kernel's. It is never attached.",
		.probe = probe_path,
	},
};

static void __probes add(void)
{
	add_bugs(bugs, ARRAY_SIZE(bugs));
}
