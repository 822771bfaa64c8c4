// SPDX-License-Identifier: GPL-2.0
/*
 * What the id of a function in a program's BTF is taken for in the kernel's. Nothing
 * here is attached.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "check.h"
#include "insn.h"
#include "path.skel.h"

#define ALLOWED		"filp_close"
#define TRACED		"program"
#define ITERATOR	"bpf_iter_task"
#define HOOK		"bpf_lsm_file_open"
/* It returns 0 or 1, all others 0 or an error. */
#define BOOL_HOOK	"bpf_lsm_inode_xattr_skipcap"
/* Its program may set options of the socket. */
#define SOCKET_HOOK	"bpf_lsm_socket_post_create"

/* One that no function of the kernel has. */
#define OTHER_ID	5

/* BTF in which a function, with the context as its argument, has this id. */
static struct btf *btf_with(const char *name, int id)
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
	if (btf__add_func(btf, name, BTF_FUNC_GLOBAL, ctx + 1) == id)
		return btf;
	btf__free(btf);
	return NULL;
}

static const struct bpf_insn return_0[] = { MOV_IMM(BPF_REG_0, 0), EXIT() };

/* Load with these functions: a descriptor or a negative error. */
static int load_with_btf(struct btf *btf, enum bpf_prog_type type,
			 struct bpf_prog_load_opts *opts, const struct bpf_insn *insns,
			 size_t count)
{
	int err = btf ? btf__load_into_kernel(btf) : -errno;

	if (!err) {
		opts->prog_btf_fd = btf__fd(btf);
		opts->func_info_rec_size = sizeof(struct bpf_func_info);
		err = bpf_prog_load(type, "by_id", "GPL", insns, count, opts);
	}
	btf__free(btf);
	return err;
}

/* A program whose only function has this name and id: a descriptor, or a negative error. */
static int program_with(const char *name, int id)
{
	struct bpf_func_info info = { .type_id = id };
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .func_info = &info,
		    .func_info_cnt = 1);

	return load_with_btf(btf_with(name, id), BPF_PROG_TYPE_SOCKET_FILTER, &opts,
			     return_0, ARRAY_SIZE(return_0));
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
	target = program_with(TRACED, id);
	if (target < 0)
		return verdict(CANNOT_TELL, "loading a program to trace: %s",
			       strerror(-target));
	other = program_with(TRACED, OTHER_ID);
	if (other >= 0 && !try_path("path_in_program", other))
		v = verdict(CANNOT_TELL, "a program's function is allowed whatever its number");
	else
		v = from_load(try_path("path_in_program", target), "tracer");
	if (other >= 0)
		close(other);
	close(target);
	return v;
}

/* Load a program for an iterator's function of @target, or of the kernel: -1. */
static int try_iterator(int target, int id)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = BPF_TRACE_ITER,
		    .attach_btf_id = id);
	int fd;

	if (target >= 0)
		opts.attach_prog_fd = target;
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "iterator", "GPL", return_0,
			   ARRAY_SIZE(return_0), &opts);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static struct verdict probe_iterator(void)
{
	struct btf *vmlinux = btf__load_vmlinux_btf();
	struct verdict v;
	int id, target, err;

	if (!vmlinux)
		return verdict(CANNOT_TELL, "no BTF of the kernel: %s", strerror(errno));
	id = btf__find_by_name_kind(vmlinux, ITERATOR, BTF_KIND_FUNC);
	btf__free(vmlinux);
	if (id < 0)
		return verdict(NOT_APPLICABLE, "no " ITERATOR "() here");
	err = try_iterator(-1, id);
	if (err)
		return verdict(CANNOT_TELL, "loading a program for tasks, which is sound: %s",
			       strerror(-err));
	target = program_with(ITERATOR, OTHER_ID);
	if (target < 0)
		return verdict(CANNOT_TELL, "loading a program with an iterator's name: %s",
			       strerror(-target));
	v = from_load(try_iterator(target, OTHER_ID), "iterator");
	/* The kernel keeps the last one's id. */
	err = try_iterator(-1, id);
	if (err)
		v = verdict(CANNOT_TELL, "the kernel takes no program for tasks any more: %s",
			    strerror(-err));
	close(target);
	return v;
}

/* BTF with main() and function "f", each int (int), of which f has this id. */
static struct btf *btf_of_two(int id)
{
	struct btf *btf = btf__new_empty();
	int number, proto, err = 0;

	if (!btf)
		return NULL;
	number = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	proto = btf__add_func_proto(btf, number);
	btf__add_func_param(btf, "a", number);
	btf__add_func(btf, "main", BTF_FUNC_GLOBAL, proto);
	while (err >= 0 && (int)btf__type_cnt(btf) < id)
		err = btf__add_ptr(btf, 0);
	if (btf__add_func(btf, "f", BTF_FUNC_GLOBAL, proto) == id)
		return btf;
	btf__free(btf);
	return NULL;
}

/*
 * Load an extension of a function with this id, of a program for @hook and cgroups: 0 or
 * a negative error. -ENOENT: there is no such program.
 */
static int try_extension(int hook, int id, const struct bpf_insn *insns, size_t count)
{
	const struct bpf_insn target[] = {
		MOV_IMM(BPF_REG_1, 0),
		CALL_INSN(BPF_PSEUDO_CALL, 2),
		MOV_IMM(BPF_REG_0, 1),
		EXIT(),
		MOV_REG(BPF_REG_0, BPF_REG_1),
		EXIT(),
	};
	struct bpf_func_info info[] = { { 0, 3 }, { 4, id } };
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = BPF_LSM_CGROUP,
		    .attach_btf_id = hook,
		    .func_info = info,
		    .func_info_cnt = 2);
	LIBBPF_OPTS(bpf_prog_load_opts, ext_opts,
		    .attach_btf_id = id,
		    .func_info = info,
		    .func_info_cnt = 1);
	int fd;

	ext_opts.attach_prog_fd = load_with_btf(btf_of_two(id), BPF_PROG_TYPE_LSM, &opts,
						target, ARRAY_SIZE(target));
	if ((int)ext_opts.attach_prog_fd < 0)
		return -ENOENT;
	fd = load_with_btf(btf_of_two(id), BPF_PROG_TYPE_EXT, &ext_opts, insns, count);
	close(ext_opts.attach_prog_fd);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

/* Find HOOK and @other in the kernel's BTF: false, and a verdict, if one is not there. */
static bool find_hooks(const char *other, int *hook, int *id, struct verdict *v)
{
	struct btf *vmlinux = btf__load_vmlinux_btf();

	if (!vmlinux) {
		*v = verdict(CANNOT_TELL, "no BTF of the kernel: %s", strerror(errno));
		return false;
	}
	*hook = btf__find_by_name_kind(vmlinux, HOOK, BTF_KIND_FUNC);
	*id = btf__find_by_name_kind(vmlinux, other, BTF_KIND_FUNC);
	btf__free(vmlinux);
	if (*hook < 0 || *id < 0) {
		*v = verdict(NOT_APPLICABLE, "no " HOOK "() and %s() here", other);
		return false;
	}
	return true;
}

static struct verdict probe_retval(void)
{
	const struct bpf_insn set_1[] = {
		MOV_IMM(BPF_REG_1, 1),
		CALL_INSN(0, BPF_FUNC_set_retval),
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};
	struct verdict v;
	int hook, id, err;

	if (!find_hooks(BOOL_HOOK, &hook, &id, &v))
		return v;
	err = try_extension(hook, OTHER_ID, set_1, ARRAY_SIZE(set_1));
	if (err == -ENOENT)
		return verdict(NOT_APPLICABLE, "no LSM programs for cgroups here");
	if (!err)
		return verdict(NOT_APPLICABLE, "LSM programs may return anything here");
	return from_load(try_extension(hook, id, set_1, ARRAY_SIZE(set_1)), "extension");
}

/*
 * No program gets past the verifier here, for 0 is no socket: who may not call the helper
 * gets -EINVAL before that is seen, who may gets -EACCES.
 */
static struct verdict probe_sockopt(void)
{
	const struct bpf_insn set[] = {
		MOV_IMM(BPF_REG_1, 0),
		CALL_INSN(0, BPF_FUNC_setsockopt),
		MOV_IMM(BPF_REG_0, 1),
		EXIT(),
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_LSM_CGROUP);
	struct verdict v;
	int hook, id, err;

	if (!find_hooks(SOCKET_HOOK, &hook, &id, &v))
		return v;
	opts.attach_btf_id = id;
	err = bpf_prog_load(BPF_PROG_TYPE_LSM, "sockopt", "GPL", set, ARRAY_SIZE(set), &opts);
	if (err != -EACCES)
		return verdict(NOT_APPLICABLE, "LSM programs set no socket options here");
	err = try_extension(hook, OTHER_ID, set, ARRAY_SIZE(set));
	if (err != -EINVAL)
		return verdict(CANNOT_TELL, "an extension that has no such hook's id: %s",
			       strerror(-err));
	err = try_extension(hook, id, set, ARRAY_SIZE(set));
	if (err == -EACCES)
		return verdict(OPEN, "the extension may call the helper");
	if (err == -EINVAL)
		return verdict(FIXED, "the extension may not call the helper");
	return verdict(CANNOT_TELL, "loading the extension: %s", strerror(-err));
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
	}, {
		.id = "N41",
		.title = "a program's function is taken for an iterator",
		.effect = "an iterator's program takes one structure for another",
		.upstream = "none",
		.how =
			"Loads a program for an iterator that names another program's function. It is never attached, and the kernel is shown the right one again.",
		.probe = probe_iterator,
	}, {
		.id = "N42",
		.title = "an extension returns what another LSM hook may",
		.effect = "a hook returns what is no error, and bounds do not hold",
		.upstream = "none",
		.how =
			"Loads an extension that sets a return value of 1, of a function that has the BTF id of a hook that may return that. It is never attached.",
		.probe = probe_retval,
	}, {
		.id = "N43",
		.title = "an extension sets the options of a socket by another LSM hook's right",
		.effect = "a socket's options change while another CPU has it locked",
		.upstream = "none",
		.how =
			"Offers the verifier an extension that calls bpf_setsockopt() without a socket, of a function that has the BTF id of a hook that may. It is never loaded.",
		.probe = probe_sockopt,
	},
};

static void __probes add(void)
{
	add_bugs(bugs, ARRAY_SIZE(bugs));
}
