// SPDX-License-Identifier: GPL-2.0
/* What an extension takes, and what its target hands over. Nothing here runs. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "args.skel.h"
#include "args_ext.skel.h"
#include "check.h"

/* Load program @name of args.bpf.c. */
static struct args_bpf *load_target(const char *name)
{
	struct args_bpf *skel = args_bpf__open();
	int err;

	if (!skel)
		return NULL;
	choose_programs(skel->obj, name, NULL);
	err = args_bpf__load(skel);
	if (err) {
		args_bpf__destroy(skel);
		errno = -err;
		return NULL;
	}
	return skel;
}

static int fd_of(const struct args_bpf *skel, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(skel->obj, name));
}

/* Load extension @name for function @func of @target; NULL and errno if it is refused. */
static struct args_ext_bpf *load_extension(int target, const char *func,
					   const char *name)
{
	struct args_ext_bpf *ext = args_ext_bpf__open();
	struct bpf_program *prog;
	int err;

	if (!ext)
		return NULL;
	choose_programs(ext->obj, name, NULL);
	prog = bpf_object__find_program_by_name(ext->obj, name);
	err = bpf_program__set_attach_target(prog, target, func);
	if (!err)
		err = args_ext_bpf__load(ext);
	if (err) {
		args_ext_bpf__destroy(ext);
		errno = -err;
		return NULL;
	}
	return ext;
}

/* 0 or an error. */
static int try_extension(int target, const char *func, const char *name)
{
	struct args_ext_bpf *ext = load_extension(target, func, name);

	if (!ext)
		return -errno;
	args_ext_bpf__destroy(ext);
	return 0;
}

static struct verdict judge_tags(void)
{
	struct args_bpf *skel = load_target("hand_nonnull");
	struct verdict v;
	int target;

	/* Before 6.8 tags say nothing, so what is tagged may be NULL, and is not read. */
	if (!skel)
		return errno == EACCES ?
		       verdict(FIXED, "an extension gets no more memory than its target") :
		       verdict(CANNOT_TELL, "loading the target with a tag: %s",
			       strerror(errno));
	target = fd_of(skel, "hand_nonnull");
	if (try_extension(target, "take_nonnull", "no_null") ||
	    try_extension(target, "take_nonnull", "less_memory"))
		v = verdict(CANNOT_TELL,
			    "an extension that assumes no more than its target is refused");
	else if (try_extension(target, "take_stays", "no_null"))
		v = verdict(FIXED,
			    "an extension may assume no more than its target");
	else
		v = verdict(OPEN,
			    "an extension takes for granted that it is not handed NULL");
	args_bpf__destroy(skel);
	return v;
}

static struct verdict probe_arguments(void)
{
	struct args_bpf *skel = load_target("hand_memory");
	struct verdict v;
	int err, target;

	/* Before 5.12 a global function takes no memory. */
	if (!skel)
		return errno == EINVAL ?
		       verdict(NOT_APPLICABLE, "no pointers to memory as arguments here") :
		       verdict(CANNOT_TELL, "loading the target: %s", strerror(errno));
	target = fd_of(skel, "hand_memory");
	err = try_extension(target, "take_stays", "less_memory");
	if (err)
		v = verdict(CANNOT_TELL, "loading an extension that is sound: %s",
			    strerror(-err));
	else if (try_extension(target, "take_grows", "more_memory"))
		v = judge_tags();
	else
		v = verdict(OPEN, "an extension takes 64 bytes where there are 4");
	args_bpf__destroy(skel);
	return v;
}

/* Does one of the insns before the first call keep R2, the second argument? */
static struct verdict judge_prologue(int prog_fd)
{
	struct bpf_insn insns[64] = {};
	struct bpf_prog_info info = {
		.xlated_prog_insns = (unsigned long)insns,
		.xlated_prog_len = sizeof(insns),
	};
	__u32 i, len = sizeof(info);

	if (bpf_obj_get_info_by_fd(prog_fd, &info, &len) || !info.xlated_prog_insns)
		return verdict(CANNOT_TELL, "no insns of the extension: %s",
			       strerror(errno));
	for (i = 0; i < ARRAY_SIZE(insns); i++) {
		if (insns[i].code == (BPF_JMP | BPF_CALL))
			return verdict(OPEN,
				       "the prologue calls a helper, and nobody keeps the second argument");
		if (insns[i].src_reg == BPF_REG_2 &&
		    (insns[i].code == (BPF_ALU64 | BPF_MOV | BPF_X) ||
		     insns[i].code == (BPF_STX | BPF_MEM | BPF_DW)))
			return verdict(FIXED, "the prologue keeps the second argument");
	}
	return verdict(CANNOT_TELL, "the extension has no prologue");
}

static struct verdict probe_prologue(void)
{
	struct args_bpf *skel = load_target("hand_number");
	struct args_ext_bpf *ext;
	struct verdict v;

	if (!skel)
		return verdict(CANNOT_TELL, "loading the target: %s", strerror(errno));
	ext = load_extension(fd_of(skel, "hand_number"), "take_number", "writing");
	if (!ext) {
		v = verdict(CANNOT_TELL, "loading the extension: %s", strerror(errno));
	} else {
		v = judge_prologue(bpf_program__fd(ext->progs.writing));
		args_ext_bpf__destroy(ext);
	}
	args_bpf__destroy(skel);
	return v;
}

static const struct bug bugs[] = {
	{
		.id = "N37",
		.title = "an extension assumes more of its arguments than its target",
		.effect = "a verified program reads and writes beyond memory, or through NULL",
		.upstream = "none",
		.how =
			"Loads extensions whose argument is larger than that of the function that they are for, or is said not to be NULL. They are never attached.",
		.probe = probe_arguments,
	}, {
		.id = "N38",
		.title = "an extension's prologue clobbers its arguments",
		.effect = "a verified program follows wild pointers",
		.upstream = "none",
		.how =
			"Loads an extension that writes to the packet, and reads its insns. It is never attached.",
		.probe = probe_prologue,
	},
};

static void __probes add(void)
{
	add_bugs(bugs, ARRAY_SIZE(bugs));
}
