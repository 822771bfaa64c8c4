// SPDX-License-Identifier: GPL-2.0
/* What is checked when a program is attached, and a tail callee never is. */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "ask.h"
#include "check.h"

static int attach_raw(int fd, const char *tracepoint)
{
	int link = keep(bpf_raw_tracepoint_open(tracepoint, fd));

	return link < 0 ? link : 0;
}

/* It has an int that can be written, and is hit by test runs only. */
static int attach_test_finish(int fd)
{
	return attach_raw(fd, "bpf_test_finish");
}

/* An iterator over a map with keys and values of 8 bytes; nothing is read. */
static int attach_iter(int fd)
{
	union bpf_iter_link_info info = {};
	LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = &info,
		    .iter_info_len = sizeof(info));
	int map = make_map(BPF_MAP_TYPE_HASH, 8, 8);
	int link;

	if (map < 0)
		return map;
	info.map.map_fd = map;
	link = keep(bpf_link_create(fd, 0, BPF_TRACE_ITER, &opts));
	return link < 0 ? link : 0;
}

/*
 * @little is what an attach point has, @much is more. A prog_array must refuse
 * much where a caller has little; and a caller that comes when much is in the
 * array already must not get attached. Only programs with little are attached,
 * and their slots are empty.
 */
static struct verdict probe_limit(const struct ask *little,
				  const struct ask *much,
				  int (*attach)(int fd))
{
	struct ask none = *little;
	int first, second, third, fourth, caller, big, err;

	none.ctx = 0;
	none.bytes = 0;
	first = make_prog_array();
	second = make_prog_array();
	third = make_prog_array();
	fourth = make_prog_array();
	caller = load_asked(with_jump(*little, first));
	big = load_asked(*much);
	if (caller < 0 || big < 0)
		return verdict(NOT_APPLICABLE, "no such program here: %s",
			       strerror(caller < 0 ? -caller : -big));
	err = offer(first, load_asked(none));
	if (!err)
		err = offer(first, load_asked(*little));
	if (!err)
		err = offer(first, load_asked(with_jump(*little, third)));
	if (err)
		return verdict(CANNOT_TELL, "offering a callee that fits: %s",
			       strerror(-err));
	err = load_asked(with_jump(*much, second));
	if (err >= 0)
		err = offer(second, big);
	if (!err)
		err = offer(second, load_asked(with_jump(*little, third)));
	if (err)
		return verdict(CANNOT_TELL, "offering to a caller with more: %s",
			       strerror(-err));
	err = attach ? attach(big) : -EINVAL;
	if (err != -EINVAL && err != -EACCES)
		return verdict(CANNOT_TELL, "attaching more than it has: %s",
			       strerror(-err));
	err = attach ? attach(caller) : 0;
	if (err)
		return verdict(CANNOT_TELL, "attaching a caller: %s",
			       strerror(-err));

	err = offer(first, big);
	if (!err)
		return verdict(OPEN, "the prog_array takes a program that could not be attached");
	if (err != -EINVAL)
		return verdict(CANNOT_TELL, "offering the program: %s",
			       strerror(-err));
	/* The end of a chain: more, little, more. */
	if (!offer(third, big))
		return verdict(OPEN, "the prog_array of a callee takes it");
	err = put(fourth, big);
	caller = load_asked(with_jump(*little, fourth));
	if (err || caller < 0)
		return verdict(CANNOT_TELL, "loading a caller later: %s",
			       strerror(err ? -err : -caller));
	if (attach && !attach(caller))
		return verdict(OPEN, "a caller that came later is attached");
	return verdict(FIXED, "the prog_array refuses the program%s%s",
		       *refused(first) ? " for its " : "", refused(first));
}

/*
 * Not attached: an armed kprobe and another checker's trampolines on one function
 * have taken down 7.2 in QEMU, which no checker may risk.
 */
static struct verdict probe_write_ctx(void)
{
	const struct ask little = { .type = BPF_PROG_TYPE_KPROBE };
	struct ask much = little;

	much.write = true;
	return done(probe_limit(&little, &much, NULL));
}

static struct verdict probe_tp_access(void)
{
	const struct ask little = {
		.type = BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
	};
	struct ask much = little;

	much.bytes = 4008;
	return done(probe_limit(&little, &much, attach_test_finish));
}

static struct verdict probe_buffers(void)
{
	const struct ask iter = {
		.type = BPF_PROG_TYPE_TRACING, .attach = BPF_TRACE_ITER,
		.func = "bpf_map_elem", .bytes = 8,
	};
	struct ask little, much;
	struct verdict v;
	int buffer;

	/* Where struct bpf_iter__bpf_map_elem has the key and the value. */
	for (buffer = 16; buffer <= 24; buffer += 8) {
		little = iter;
		little.buffer = buffer;
		much = little;
		much.bytes = 4008;
		v = done(probe_limit(&little, &much, attach_iter));
		if (v.state != FIXED)
			break;
	}
	return v;
}

/*
 * A callee reads ten words behind the two of sys_enter. They are the stack of
 * the function that runs it, up to its return address at least, or zeroes.
 */
static struct verdict probe_raw_ctx(void)
{
	const struct ask entry = { .type = BPF_PROG_TYPE_RAW_TRACEPOINT };
	int report = make_map(BPF_MAP_TYPE_ARRAY, 4, 8);
	const struct ask reader = { .type = entry.type, .beyond = report };
	int map = make_prog_array();
	int callee = load_asked(reader), caller = load_asked(with_jump(entry, map));
	__u64 unset = 1, value;
	__u32 slot = 0;
	int link, err;

	if (callee < 0 || caller < 0)
		return verdict(NOT_APPLICABLE, "no such program here: %s",
			       strerror(callee < 0 ? -callee : -caller));
	err = put(map, callee);
	if (err == -EINVAL)
		return verdict(FIXED, "the prog_array refuses the program");
	if (err)
		return verdict(CANNOT_TELL, "offering the program: %s",
			       strerror(-err));
	if (bpf_map_update_elem(report, &slot, &unset, BPF_ANY))
		return verdict(CANNOT_TELL, "writing the map: %s",
			       strerror(errno));
	link = keep(bpf_raw_tracepoint_open("sys_enter", caller));
	if (link < 0)
		return verdict(CANNOT_TELL, "attaching a caller: %s",
			       strerror(-link));
	/* This is a system call itself. */
	if (bpf_map_lookup_elem(report, &slot, &value))
		return verdict(CANNOT_TELL, "reading the map: %s",
			       strerror(errno));
	if (value == unset)
		return verdict(CANNOT_TELL, "the tail callee did not run");
	if (value)
		return verdict(OPEN, "a tail callee reads the kernel's stack");
	return verdict(FIXED, "a tail callee reads zeroes");
}

static struct verdict probe_ctx_offset(void)
{
	const struct ask perf = {
		.type = BPF_PROG_TYPE_TRACEPOINT, .ctx = 16,
	};
	struct ask much = perf;
	struct verdict v = done(probe_raw_ctx());

	if (v.state != FIXED)
		return v;
	much.ctx = 1024;
	v = done(probe_limit(&perf, &much, NULL));
	if (v.state != FIXED)
		return v;
	return verdict(FIXED, "zeroes, or the prog_array refuses the program");
}

static const struct bug bugs[] = {
	{
		.id = "N4",
		.title = "a tail callee writes beyond a writable tracepoint's buffer",
		.effect = "the kernel's memory is overwritten",
		.upstream = "none",
		.how =
			"Offers a program that could not be attached to the prog_array of one that can. It never runs.",
		.probe = probe_tp_access,
	}, {
		.id = "N5",
		.title = "a tail callee goes beyond an iterator's buffers",
		.effect = "the kernel's memory is read and overwritten",
		.upstream = "none",
		.how =
			"Offers a program that could not be attached to the prog_array of one that can. It never runs.",
		.probe = probe_buffers,
	}, {
		.id = "N6",
		.title = "a tail callee reads beyond a tracepoint's arguments",
		.effect = "the kernel's memory is read",
		.upstream = "none",
		.how =
			"Runs a tail callee on sys_enter that reads words behind its two: are they zeroes? One that reads far behind the records of perf's tracepoints is only offered.",
		.probe = probe_ctx_offset,
	}, {
		.id = "N7",
		.title = "a tail callee changes the registers of a kprobe",
		.effect = "any function of the kernel runs with other registers",
		.upstream = "none",
		.how =
			"Offers a kprobe program that writes its context to the prog_array of one that does not. Nothing runs.",
		.probe = probe_write_ctx,
	},
};

static void __probes add(void)
{
	add_bugs(bugs, ARRAY_SIZE(bugs));
}
