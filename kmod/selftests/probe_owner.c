// SPDX-License-Identifier: GPL-2.0
/*
 * Who may meet in a prog_array: what a caller was checked for when it was
 * attached, and what a callee needs. The programs are made of single insns, since
 * each differs from the next in one point.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "check.h"
#include "owner_devmap.skel.h"
#include "owner_target.skel.h"
#include "owner_ext.skel.h"

/* What the headers of an older system lack. */
#define XDP_HAS_FRAGS	0x20	/* BPF_F_XDP_HAS_FRAGS */
#define TRACE_FSESSION	58	/* BPF_TRACE_FSESSION */

/* What the probes of a few other checkers may take on a busy machine. */
#define TRACE_ALONE_SECONDS 60

/* ---- making programs ------------------------------------------------------ */

/* The kernel's MAX_BPF_FUNC_ARGS. */
#define RAW_TP_WORDS	12

/* What a program does, and where it belongs; 0 is none. */
struct ask {
	enum bpf_prog_type type;
	enum bpf_attach_type attach;
	const char *func;	/* the kernel's function that it is attached to */
	__u32 flags;
	int ret;
	int ctx;		/* bytes of the context that it reads */
	int beyond;		/* the map for what lies behind two words of it */
	int buffer;		/* where the context has a pointer to a buffer */
	int bytes;		/* bytes of that buffer that it reads */
	bool write;		/* writes its context */
	int storage;		/* the cgroup storage that it uses */
	int ip;			/* the map that it stores the function's address in */
	int cookie;		/* the map for where the session cookie lies */
	int jump;		/* the prog_array that it tail calls slot 0 of */
	bool path;		/* asks for the path that its first argument is */
};

struct code {
	struct bpf_insn insn[64];
	size_t count;
};

static void emit(struct code *c, __u8 code, __u8 dst, __u8 src, __s16 off,
		 __s32 imm)
{
	c->insn[c->count++] = (struct bpf_insn){
		.code = code, .dst_reg = dst, .src_reg = src, .off = off,
		.imm = imm,
	};
}

static void emit_fd(struct code *c, __u8 dst, __u8 kind, int fd)
{
	emit(c, BPF_LD | BPF_DW | BPF_IMM, dst, kind, 0, fd);
	emit(c, 0, 0, 0, 0, 0);
}

static void emit_load(struct code *c, __u8 dst, __u8 src, __s16 off)
{
	emit(c, BPF_LDX | BPF_MEM | BPF_DW, dst, src, off, 0);
}

static void emit_store(struct code *c, __u8 dst, __u8 src, __s16 off)
{
	emit(c, BPF_STX | BPF_MEM | BPF_DW, dst, src, off, 0);
}

static void emit_mov(struct code *c, __u8 dst, __u8 src)
{
	emit(c, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void emit_call(struct code *c, __u8 kind, int function)
{
	emit(c, BPF_JMP | BPF_CALL, 0, kind, 0, function);
}

/* Put R0 into the first value of an array. */
static void emit_report(struct code *c, int map_fd)
{
	emit_fd(c, 1, BPF_PSEUDO_MAP_VALUE, map_fd);
	emit_store(c, 1, 0, 0);
}

static int prog_array(void)
{
	return make_map(BPF_MAP_TYPE_PROG_ARRAY, 4, 4);
}

/* The BTF id of a function of the kernel, or a negative error. */
static int kernel_function(const char *name)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int id;

	if (!btf)
		return -errno;
	id = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);
	btf__free(btf);
	return id;
}

/* Load what is asked for: a descriptor or a negative error. */
static int load(struct ask ask)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = ask.attach,
		    .prog_flags = ask.flags);
	struct code c = {};
	int id;

	if (ask.func) {
		id = libbpf_find_vmlinux_btf_id(ask.func, ask.attach);
		if (id < 0)
			return id;
		opts.attach_btf_id = id;
	}
	emit_mov(&c, 6, 1);
	if (ask.ctx)
		emit_load(&c, 0, 6, ask.ctx - 8);
	if (ask.beyond) {
		emit(&c, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
		for (id = 2; id < RAW_TP_WORDS; id++) {
			emit_load(&c, 1, 6, id * 8);
			emit(&c, BPF_ALU64 | BPF_OR | BPF_X, 0, 1, 0, 0);
		}
		emit_report(&c, ask.beyond);
	}
	if (ask.bytes) {
		emit_load(&c, 1, 6, ask.buffer);
		emit(&c, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1, 0);
		emit_load(&c, 0, 1, ask.bytes - 8);
	}
	if (ask.write) {
		emit_load(&c, 0, 6, 0);
		emit_store(&c, 6, 0, 0);
	}
	if (ask.storage) {
		emit_fd(&c, 1, BPF_PSEUDO_MAP_FD, ask.storage);
		emit(&c, BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, 0);
		emit_call(&c, 0, BPF_FUNC_get_local_storage);
	}
	if (ask.path) {
		/* 5.10 wants the buffer written before. */
		for (id = -64; id < 0; id += 8)
			emit(&c, BPF_ST | BPF_MEM | BPF_DW, 10, 0, id, 0);
		emit_load(&c, 1, 6, 0);
		emit_mov(&c, 2, 10);
		emit(&c, BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -64);
		emit(&c, BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, 64);
		emit_call(&c, 0, BPF_FUNC_d_path);
	}
	if (ask.ip) {
		emit_mov(&c, 1, 6);
		emit_call(&c, 0, BPF_FUNC_get_func_ip);
		emit_report(&c, ask.ip);
	}
	if (ask.cookie) {
		id = kernel_function("bpf_session_cookie");
		if (id < 0)
			return id;
		emit_mov(&c, 1, 6);
		emit_call(&c, BPF_PSEUDO_KFUNC_CALL, id);
		emit(&c, BPF_ALU64 | BPF_SUB | BPF_X, 0, 6, 0, 0);
		emit_report(&c, ask.cookie);
	}
	if (ask.jump) {
		emit_mov(&c, 1, 6);
		emit_fd(&c, 2, BPF_PSEUDO_MAP_FD, ask.jump);
		emit(&c, BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, 0);
		emit_call(&c, 0, BPF_FUNC_tail_call);
	}
	emit(&c, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, ask.ret);
	emit(&c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	return keep(bpf_prog_load(ask.type, NULL, "GPL", c.insn, c.count,
				  &opts));
}

static struct ask with_jump(struct ask ask, int map_fd)
{
	ask.jump = map_fd;
	return ask;
}

static struct ask with_storage(struct ask ask, int map_fd)
{
	ask.storage = map_fd;
	return ask;
}

/* Why a prog_array refused a program, where the kernel tells it. */
static const char *refused(int map_fd)
{
	static char why[64];
	char path[64], line[128];
	FILE *f;

	why[0] = 0;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", map_fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "owner_refused: %63s", why) == 1)
			break;
	if (f)
		fclose(f);
	return why;
}

/* ---- programs that differ -------------------------------------------------- */

/*
 * A caller, a callee like it and one that must not be let in. Nothing runs: the
 * programs are only loaded and offered.
 */
static struct verdict probe_pair(const struct ask *caller,
				 const struct ask *callee)
{
	int map = prog_array();
	int like, other, err, fd;
	bool early;

	/* It may be asked before there is anything to tell, or anybody to ask. */
	early = *refused(map);
	fd = load(with_jump(*caller, map));
	early |= *refused(map);
	if (early)
		return done(verdict(CANNOT_TELL,
				    "the prog_array has refused what nobody offered"));
	if (fd < 0)
		return done(verdict(NOT_APPLICABLE, "no such caller here: %s",
				    strerror(-fd)));
	like = load(*caller);
	err = like < 0 ? like : offer(map, like);
	if (err)
		return done(verdict(CANNOT_TELL, "offering a callee that fits: %s",
				    strerror(-err)));
	other = load(*callee);
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
	int first = prog_array(), second = prog_array(), third = prog_array();
	int caller, callee, bridge, err;

	caller = load(with_jump(with_storage(none, small), first));
	callee = load(with_storage(none, large));
	if (caller < 0 || callee < 0)
		return done(verdict(NOT_APPLICABLE, "no cgroup storage here: %s",
				    strerror(caller < 0 ? -caller : -callee)));
	err = offer(first, load(none));
	if (!err)
		err = offer(first, load(with_storage(none, small)));
	if (!err)
		err = offer(first, load(with_jump(with_storage(none, small),
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
	bridge = load(with_jump(none, second));
	if (bridge < 0 && bridge != -EINVAL)
		return done(verdict(CANNOT_TELL, "loading the bridge: %s",
				    strerror(-bridge)));
	if (bridge >= 0 && !offer(first, bridge))
		return done(verdict(OPEN,
				    "a program without storage leads to one with another storage"));
	return done(verdict(FIXED,
			    "programs with another storage are refused, with a bridge, too"));
}

/* An extension and the function that it is to replace. */
struct replacement {
	struct bpf_program *ext, *target;
	const char *function;
	const char *lacks;	/* what the target has less of, or NULL */
};

/* Attach an extension: 0 or an error. */
static int try_extension(const struct replacement *r)
{
	struct bpf_link *link;

	link = bpf_program__attach_freplace(r->ext,
					    bpf_program__fd(r->target),
					    r->function);
	if (!link)
		return -errno;
	bpf_link__destroy(link);
	return 0;
}

static struct verdict try_extensions(const struct replacement *pairs,
				     size_t count)
{
	size_t i, much = 0, taken = 0;
	char what[120] = "";
	int err;

	for (i = 0; i < count; i++) {
		const struct replacement *r = &pairs[i];

		err = try_extension(r);
		if (err && (!r->lacks || err != -EINVAL))
			return verdict(CANNOT_TELL, "attaching %s to %s: %s",
				       bpf_program__name(r->ext), r->function,
				       strerror(-err));
		much += !!r->lacks;
		if (err || !r->lacks)
			continue;
		snprintf(what + strlen(what), sizeof(what) - strlen(what),
			 "%s%s", taken++ ? ", " : "", r->lacks);
	}
	if (taken)
		return verdict(OPEN, "%zu of %zu are attached that have more than their target: %s",
			       taken, much, what);
	return verdict(FIXED,
		       "an extension is refused that has more than its target");
}

static struct verdict probe_extension_given(void)
{
	struct owner_target_bpf *given = owner_target_bpf__open_and_load();
	struct owner_ext_bpf *taker = NULL;
	struct verdict v;
	int err;

	if (!given) {
		v = verdict(NOT_APPLICABLE, "no cgroup storage here: %s",
			    strerror(errno));
		goto out;
	}
	taker = owner_ext_bpf__open();
	if (!taker) {
		v = verdict(CANNOT_TELL, "opening the extensions: %s",
			    strerror(errno));
		goto out;
	}

	/* Those that fit come first; a program is loaded for its first target. */
	const struct replacement pairs[] = {
		{ taker->progs.taker, given->progs.with_storage,
		  "stub_with", NULL },
		{ taker->progs.modest, given->progs.without_storage,
		  "stub_without", NULL },
		{ taker->progs.far, given->progs.wide,
		  "stub_wide", NULL },
		{ taker->progs.near, given->progs.narrow,
		  "stub_narrow", NULL },
		{ taker->progs.far_buffer, given->progs.long_buffer,
		  "stub_long", NULL },
		{ taker->progs.near_buffer, given->progs.short_buffer,
		  "stub_short", NULL },
		{ taker->progs.taker, given->progs.without_storage,
		  "stub_without", "a storage" },
		{ taker->progs.far, given->progs.narrow,
		  "stub_narrow", "of the context" },
		{ taker->progs.far_buffer, given->progs.short_buffer,
		  "stub_short", "of a buffer" },
	};
	size_t i;

	err = bpf_map__reuse_fd(taker->maps.storage,
				bpf_map__fd(given->maps.storage));
	for (i = 0; !err && !pairs[i].lacks; i++)
		err = bpf_program__set_attach_target(pairs[i].ext,
						     bpf_program__fd(pairs[i].target),
						     pairs[i].function);
	if (!err)
		err = owner_ext_bpf__load(taker);
	if (err)
		v = verdict(CANNOT_TELL, "loading the extensions: %s",
			    strerror(-err));
	else
		v = try_extensions(pairs, ARRAY_SIZE(pairs));
out:
	owner_ext_bpf__destroy(taker);
	owner_target_bpf__destroy(given);
	return v;
}

/*
 * The prog_array of an extension is offered what its target could not tail call,
 * and what it could.
 */
static struct verdict offer_extension(int map)
{
	const struct ask plain = { .type = BPF_PROG_TYPE_XDP, .ret = 2 };
	struct ask devmap = plain;
	int other, like;

	devmap.attach = BPF_XDP_DEVMAP;
	other = load(plain);
	if (other >= 0)
		other = offer(map, other);
	like = load(devmap);
	if (like >= 0)
		like = offer(map, like);
	if (!other)
		return verdict(OPEN,
			       "an extension's prog_array takes a program of another attach type");
	if (other != -EINVAL)
		return verdict(CANNOT_TELL, "offering a plain XDP program: %s",
			       strerror(-other));
	if (like == -EINVAL)
		return verdict(NOT_APPLICABLE,
			       "an extension's prog_array takes no other programs");
	if (like)
		return verdict(CANNOT_TELL, "offering a program for a devmap: %s",
			       strerror(-like));
	return verdict(FIXED,
		       "an extension's prog_array takes what its target could tail call");
}

/* The same, where the target knows packets in fragments, and the callee has to. */
static struct verdict offer_extension_fragments(int map)
{
	const struct ask plain = { .type = BPF_PROG_TYPE_XDP, .ret = 2 };
	struct ask frags = plain;
	int other, like;

	frags.flags = XDP_HAS_FRAGS;
	other = load(plain);
	if (other >= 0)
		other = offer(map, other);
	like = load(frags);
	if (like >= 0)
		like = offer(map, like);
	if (!other)
		return verdict(OPEN,
			       "its prog_array takes a program that does not know of fragments");
	if (other != -EINVAL)
		return verdict(CANNOT_TELL, "offering a program without the flag: %s",
			       strerror(-other));
	if (like)
		return verdict(CANNOT_TELL, "offering a program with the flag: %s",
			       strerror(-like));
	return verdict(FIXED, "its prog_array takes what knows of fragments, as its target does");
}

/* An extension of an XDP program with this attach type and these flags. */
static struct verdict try_xdp_extension(enum bpf_attach_type attach, __u32 flags,
					struct verdict (*offer_to)(int map))
{
	struct owner_devmap_bpf *target = owner_devmap_bpf__open();
	struct owner_devmap_bpf *ext = owner_devmap_bpf__open();
	struct verdict v;
	int err;

	if (!target || !ext) {
		v = verdict(CANNOT_TELL, "opening the programs: %s",
			    strerror(errno));
		goto out;
	}
	choose_programs(target->obj, "devmap_target", NULL);
	choose_programs(ext->obj, "devmap_ext", NULL);
	bpf_program__set_expected_attach_type(target->progs.devmap_target,
					      attach);
	bpf_program__set_flags(target->progs.devmap_target, flags);
	err = owner_devmap_bpf__load(target);
	if (err) {
		v = verdict(NOT_APPLICABLE, "no such XDP program here: %s",
			    strerror(-err));
		goto out;
	}
	err = bpf_program__set_attach_target(ext->progs.devmap_ext,
					     bpf_program__fd(target->progs.devmap_target),
					     "leave");
	if (!err)
		err = owner_devmap_bpf__load(ext);
	if (err)
		v = verdict(CANNOT_TELL, "loading the extension: %s",
			    strerror(-err));
	else
		v = done(offer_to(bpf_map__fd(ext->maps.jump)));
out:
	owner_devmap_bpf__destroy(ext);
	owner_devmap_bpf__destroy(target);
	return v;
}

static struct verdict probe_extension_attach(void)
{
	return try_xdp_extension(BPF_XDP_DEVMAP, 0, offer_extension);
}

static struct verdict probe_extension_fragments(void)
{
	return try_xdp_extension(0, XDP_HAS_FRAGS, offer_extension_fragments);
}

/* ---- limits that are checked when a program is attached ------------------------ */

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
	first = prog_array();
	second = prog_array();
	third = prog_array();
	fourth = prog_array();
	caller = load(with_jump(*little, first));
	big = load(*much);
	if (caller < 0 || big < 0)
		return verdict(NOT_APPLICABLE, "no such program here: %s",
			       strerror(caller < 0 ? -caller : -big));
	err = offer(first, load(none));
	if (!err)
		err = offer(first, load(*little));
	if (!err)
		err = offer(first, load(with_jump(*little, third)));
	if (err)
		return verdict(CANNOT_TELL, "offering a callee that fits: %s",
			       strerror(-err));
	err = load(with_jump(*much, second));
	if (err >= 0)
		err = offer(second, big);
	if (!err)
		err = offer(second, load(with_jump(*little, third)));
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
	caller = load(with_jump(*little, fourth));
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
	int map = prog_array();
	int callee = load(reader), caller = load(with_jump(entry, map));
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

/* ---- what a trampoline provides --------------------------------------------- */

/*
 * Run @entry once on bpf_fentry_test1() and take what it reported. The function
 * is the kernel's own, for tests; it is called by the test run.
 */
static int run_traced(int fd, int report, __u64 *value)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);
	__u64 unset = 1;
	__u32 slot = 0;
	int link, err;

	if (bpf_map_update_elem(report, &slot, &unset, BPF_ANY))
		return -errno;
	link = bpf_raw_tracepoint_open(NULL, fd);
	if (link < 0)
		return -errno;
	err = bpf_prog_test_run_opts(fd, &run) ? -errno : 0;
	close(link);
	if (!err && bpf_map_lookup_elem(report, &slot, value))
		err = -errno;
	if (!err && *value == unset)
		err = -ENODATA;
	return err;
}

/*
 * Where another program on the function asks for the same, the trampoline
 * provides it for all: a second checker would make this one say "fixed". So one
 * traces at a time. The name goes with the process: a socket, or -1.
 */
static int trace_alone(void)
{
	struct sockaddr_un name = {
		.sun_family = AF_UNIX,
		.sun_path = "\0tailcall_check: bpf_fentry_test1",
	};
	struct timespec tick = { .tv_nsec = 20 * 1000 * 1000 };
	time_t end = time(NULL) + TRACE_ALONE_SECONDS;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	while (fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof(name))) {
		if (errno != EADDRINUSE || time(NULL) > end) {
			close(fd);
			return -1;
		}
		nanosleep(&tick, NULL);
	}
	return fd;
}

static struct verdict compare_provided(struct ask ask, int report,
				       const char *what);

static struct verdict probe_provided(struct ask ask, int report,
				     const char *what)
{
	struct verdict v;
	int alone = trace_alone();

	if (alone < 0)
		return verdict(CANNOT_TELL, "another checker is running: %s",
			       strerror(errno));
	v = compare_provided(ask, report, what);
	close(alone);
	return v;
}

/*
 * The address is the same, wherever it is asked for. Cookies lie below the
 * context, where depends on what else the trampoline keeps; at the context, or
 * above it, are the arguments of the traced function.
 */
static bool same_provided(const struct ask *ask, __u64 direct, __u64 called)
{
	if (ask->cookie)
		return (__s64)direct < 0 && (__s64)called < 0;
	return called == direct;
}

/* The same program attached, and tail called by one that does nothing. */
static struct verdict compare_provided(struct ask ask, int report,
				       const char *what)
{
	struct ask silent = ask;
	int map = prog_array();
	__u64 direct, called;
	__u32 slot = 0;
	int callee, caller, err;

	silent.ip = 0;
	silent.cookie = 0;
	callee = load(ask);
	caller = load(with_jump(silent, map));
	if (callee < 0 || caller < 0)
		return verdict(NOT_APPLICABLE, "no such program here: %s",
			       strerror(callee < 0 ? -callee : -caller));
	err = run_traced(callee, report, &direct);
	if (err)
		return verdict(CANNOT_TELL, "running the program: %s",
			       strerror(-err));
	if (bpf_map_update_elem(map, &slot, &callee, BPF_ANY)) {
		if (errno == EINVAL)
			return verdict(FIXED, "the prog_array refuses the program");
		return verdict(CANNOT_TELL, "offering the program: %s",
			       strerror(errno));
	}
	err = run_traced(caller, report, &called);
	if (err)
		return verdict(CANNOT_TELL, "running the caller: %s",
			       strerror(-err));
	if (!same_provided(&ask, direct, called))
		return verdict(OPEN, "a tail callee gets another %s%s", what,
			       called ? "" : ": 0");
	return verdict(FIXED, "a tail callee gets the same %s", what);
}

static struct verdict probe_func_ip(void)
{
	int report = make_map(BPF_MAP_TYPE_ARRAY, 4, 8);
	const struct ask ask = {
		.type = BPF_PROG_TYPE_TRACING, .attach = BPF_TRACE_FENTRY,
		.func = "bpf_fentry_test1", .ip = report,
	};

	return done(probe_provided(ask, report, "address of the function"));
}

static struct verdict probe_cookie(void)
{
	int report = make_map(BPF_MAP_TYPE_ARRAY, 4, 8);
	const struct ask ask = {
		.type = BPF_PROG_TYPE_TRACING, .attach = TRACE_FSESSION,
		.func = "bpf_fentry_test1", .cookie = report,
	};

	return done(probe_provided(ask, report, "kind of session cookie"));
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
	}, {
		.id = "N8",
		.title = "a tail callee asks for the address of the traced function",
		.effect = "it gets a word of the kernel's stack",
		.upstream = "none",
		.how =
			"Runs a program on bpf_fentry_test1(), attached and as a tail callee, and compares what bpf_get_func_ip() gives: it only reads.",
		.probe = probe_func_ip,
	}, {
		.id = "N9",
		.title = "a tail callee asks for its session cookie",
		.effect = "it gets the traced function's arguments, and can change them",
		.upstream = "none",
		.how =
			"Runs a program on bpf_fentry_test1(), attached and as a tail callee: does bpf_session_cookie() point below the context, and not at it? It is not followed.",
		.probe = probe_cookie,
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
	}, {
		.id = "N20",
		.title = "a tail callee of an extension is for another attach type",
		.effect = "a context is taken for what it is not: type confusion",
		.upstream = "none",
		.how =
			"Offers a plain XDP program, and one for a devmap, to the prog_array of an extension of a program for a devmap. Nothing is attached or runs.",
		.probe = probe_extension_attach,
	}, {
		.id = "N32",
		.title = "an extension's tail callee does not know of XDP fragments",
		.effect = "the first fragment is taken for the whole packet",
		.upstream = "none",
		.how =
			"Offers XDP programs with and without the flag for fragments to the prog_array of an extension whose target has it. Nothing is attached or runs.",
		.probe = probe_extension_fragments,
	}, {
		.id = "N12",
		.title = "an extension needs more than its target was given",
		.effect = "a program writes beyond a buffer, or to NULL",
		.upstream = "none",
		.how =
			"Attaches extensions to programs that have no cgroup storage, or that go less far in their context or buffer. None of them runs.",
		.probe = probe_extension_given,
	},
};

static void __probes add(void)
{
	add_bugs(bugs, ARRAY_SIZE(bugs));
}
