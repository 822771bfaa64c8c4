// SPDX-License-Identifier: GPL-2.0
/*
 * Who may meet in a prog_array: a caller and a callee of one kind, for one place, with
 * one cgroup storage.
 */
#include <errno.h>
#include <string.h>

#include "ask.h"
#include "check.h"

/* What the headers of an older system lack. */
#define XDP_HAS_FRAGS	0x20	/* BPF_F_XDP_HAS_FRAGS */

/*
 * A caller, a callee like it and one that must not be let in. Nothing runs: the
 * programs are only loaded and offered.
 */
static struct verdict probe_pair(const struct ask *caller,
				 const struct ask *callee)
{
	int map = make_prog_array();
	int like, other, err, fd;
	bool early;

	/* It may be asked before there is anything to tell, or anybody to ask. */
	early = *refused(map);
	fd = load_asked(with_jump(*caller, map));
	early |= *refused(map);
	if (early)
		return done(verdict(CANNOT_TELL,
				    "the prog_array has refused what nobody offered"));
	if (fd < 0)
		return done(verdict(NOT_APPLICABLE, "no such caller here: %s",
				    strerror(-fd)));
	like = load_asked(*caller);
	err = like < 0 ? like : offer(map, like);
	if (err)
		return done(verdict(CANNOT_TELL, "offering a callee that fits: %s",
				    strerror(-err)));
	other = load_asked(*callee);
	if (other < 0)
		return done(verdict(NOT_APPLICABLE, "no such callee here: %s",
				    strerror(-other)));
	err = offer(map, other);
	if (!err)
		return done(verdict(OPEN, "the prog_array takes the program"));
	if (err == -EINVAL)
		return done(verdict(FIXED, "the prog_array refuses the program%s%s",
				    *refused(map) ? " for its " : "",
				    refused(map)));
	return done(verdict(CANNOT_TELL, "offering the program: %s",
			    strerror(-err)));
}

static struct verdict probe_attach_func(void)
{
	const struct ask caller = {
		.type = BPF_PROG_TYPE_TRACING, .attach = BPF_TRACE_FENTRY,
		.func = "bpf_fentry_test1",
	};
	struct ask callee = caller;

	callee.func = "bpf_fentry_test3";
	return probe_pair(&caller, &callee);
}

/* Both have the same prototype, but only one may ask for its path. */
static struct verdict probe_attach_twin(void)
{
	const struct ask caller = {
		.type = BPF_PROG_TYPE_TRACING, .attach = BPF_TRACE_FENTRY,
		.func = "vfs_getattr_nosec",
	};
	struct ask callee = caller;

	callee.func = "vfs_getattr";
	callee.path = true;
	return probe_pair(&caller, &callee);
}

/* Two tracepoints of one prototype. */
static struct verdict probe_tracepoint(void)
{
	const struct ask caller = {
		.type = BPF_PROG_TYPE_TRACING, .attach = BPF_TRACE_RAW_TP,
		.func = "sched_waking",
	};
	struct ask callee = caller;

	callee.func = "sched_wakeup";
	return probe_pair(&caller, &callee);
}

static struct verdict probe_attach_type(void)
{
	const struct ask caller = {
		.type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
		.attach = BPF_CGROUP_INET4_CONNECT, .ret = 1,
	};
	struct ask callee = caller;

	callee.attach = BPF_CGROUP_INET6_CONNECT;
	return probe_pair(&caller, &callee);
}

static struct verdict probe_frags(void)
{
	const struct ask caller = {
		.type = BPF_PROG_TYPE_XDP, .ret = 2,
	};
	struct ask callee = caller;

	callee.flags = XDP_HAS_FRAGS;
	return probe_pair(&caller, &callee);
}

static struct verdict probe_sleepable(void)
{
	const struct ask caller = {
		.type = BPF_PROG_TYPE_LSM, .attach = BPF_LSM_MAC,
		.func = "bprm_committed_creds",
	};
	struct ask callee = caller;

	callee.flags = BPF_F_SLEEPABLE;
	return probe_pair(&caller, &callee);
}

/* ---- cgroup storage -------------------------------------------------------- */

static struct verdict probe_storage(void)
{
	const struct ask none = { .type = BPF_PROG_TYPE_CGROUP_SKB, .ret = 1 };
	int small = make_map(BPF_MAP_TYPE_CGROUP_STORAGE,
			     sizeof(struct bpf_cgroup_storage_key), 8);
	int large = make_map(BPF_MAP_TYPE_CGROUP_STORAGE,
			     sizeof(struct bpf_cgroup_storage_key), 64);
	int first = make_prog_array(), second = make_prog_array(), third = make_prog_array();
	int caller, callee, bridge, err;

	caller = load_asked(with_jump(with_storage(none, small), first));
	callee = load_asked(with_storage(none, large));
	if (caller < 0 || callee < 0)
		return done(verdict(NOT_APPLICABLE, "no cgroup storage here: %s",
				    strerror(caller < 0 ? -caller : -callee)));
	err = offer(first, load_asked(none));
	if (!err)
		err = offer(first, load_asked(with_storage(none, small)));
	if (!err)
		err = offer(first, load_asked(with_jump(with_storage(none, small),
							third)));
	if (err)
		return done(verdict(CANNOT_TELL, "offering a callee that fits: %s",
				    strerror(-err)));
	err = offer(first, callee);
	if (!err)
		return done(verdict(OPEN,
				    "the prog_array takes a program with another storage"));
	if (err != -EINVAL)
		return done(verdict(CANNOT_TELL, "offering the program: %s",
				    strerror(-err)));

	/* By way of a program without storage, which has an array of its own. */
	err = put(second, callee);
	if (err)
		return done(verdict(CANNOT_TELL, "offering to an empty array: %s",
				    strerror(-err)));
	bridge = load_asked(with_jump(none, second));
	if (bridge < 0 && bridge != -EINVAL)
		return done(verdict(CANNOT_TELL, "loading the bridge: %s",
				    strerror(-bridge)));
	if (bridge >= 0 && !offer(first, bridge))
		return done(verdict(OPEN,
				    "a program without storage leads to one with another storage"));
	return done(verdict(FIXED,
			    "programs with another storage are refused, with a bridge, too"));
}

static const struct bug bugs[] = {
	{
		.id = "A1",
		.title = "a tail callee uses another cgroup storage",
		.effect = "a program writes beyond its caller's buffer, or to NULL",
		.upstream = "commit abad3d0bad72, complete in Linux 6.12",
		.how =
			"Offers programs with another cgroup storage to a prog_array, directly and by way of one without. Nothing runs.",
		.probe = probe_storage,
	}, {
		.id = "A2",
		.title = "a tail callee is for another kernel function",
		.effect = "arguments are taken for what they are not: type confusion",
		.upstream = "commit 28ead3eaabc1",
		.how =
			"Offers an fentry program of one kernel function to the prog_array of another's. Nothing runs.",
		.probe = probe_attach_func,
	}, {
		.id = "A3",
		.title = "a tail callee is for another attach type",
		.effect = "a context is taken for what it is not: type confusion",
		.upstream = "commit 4540aed51b12",
		.how =
			"Offers a connect6 program to the prog_array of a connect4 program. Nothing runs.",
		.probe = probe_attach_type,
	}, {
		.id = "A7",
		.title = "a sleepable program is a tail callee where none may sleep",
		.effect = "a program sleeps in atomic context",
		.upstream = "Linux 7.2",
		.how =
			"Offers a sleepable LSM program to the prog_array of one that is not. Nothing runs.",
		.probe = probe_sleepable,
	}, {
		.id = "A14",
		.title = "a tail callee knows of XDP fragments, its caller does not",
		.effect = "a packet is taken for what it is not",
		.upstream = "Linux 5.18",
		.how =
			"Offers an XDP program for multiple buffers to the prog_array of one that is not. Nothing runs.",
		.probe = probe_frags,
	}, {
		.id = "N18",
		.title = "a tail callee is for a function of the same prototype",
		.effect = "a helper is called where it must not be: NULL dereference",
		.upstream = "none",
		.how =
			"Offers an fentry program that asks for a path to the prog_array of a function of the same prototype, whose programs may not. Nothing runs.",
		.probe = probe_attach_twin,
	}, {
		.id = "N19",
		.title = "a tail callee is for a tracepoint of the same prototype",
		.effect = "an argument that may be NULL is taken for one that is not",
		.upstream = "none",
		.how =
			"Offers a program of one tracepoint to the prog_array of another's. Nothing runs.",
		.probe = probe_tracepoint,
	},
};

static void __probes add(void)
{
	add_bugs(bugs, ARRAY_SIZE(bugs));
}
