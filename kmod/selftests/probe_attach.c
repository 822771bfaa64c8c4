// SPDX-License-Identifier: GPL-2.0
/*
 * What is asked of a program where it is attached, and not of one that takes its
 * place: the next program of a link, and a tail callee.
 *
 * Links are made at the checker's own cgroup, and go with their descriptors. What
 * is under them lets everything pass, so nobody else in there is disturbed.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <netinet/in.h>
#include <unistd.h>

#include <linux/perf_event.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "check.h"
#include "insn.h"

/* How long a datagram may take on a busy machine, and how long after the next. */
#define ARRIVAL_MS	5000
#define LATE_MS		200

/* An event's clock, and no answer of a helper. */
#define EVENT_NS	1000000
#define UNSAID		1000

/* Where struct bpf_iter__bpf_map_elem has the key and the value. */
#define ITER_KEY	16
#define ITER_VALUE	24

/* ---- making programs ------------------------------------------------------ */

#define LOAD_SIZE(size, dst, src, off)	INSN(BPF_LDX | BPF_MEM | (size), dst, src, off, 0)
#define STORE_SIZE(size, dst, src, off)	INSN(BPF_STX | BPF_MEM | (size), dst, src, off, 0)
#define MAP_VALUE(dst, fd)	INSN(BPF_LD | BPF_IMM | BPF_DW, dst, BPF_PSEUDO_MAP_VALUE, 0, fd)

static int load_insns(enum bpf_prog_type type, enum bpf_attach_type attach,
		      const struct bpf_insn *insns, size_t count)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = attach);

	return keep(bpf_prog_load(type, NULL, "GPL", insns, count, &opts));
}

/* A program that returns a number. */
static int load_const(enum bpf_prog_type type, enum bpf_attach_type attach,
		      int ret)
{
	const struct bpf_insn insns[] = { MOV_IMM(0, ret), EXIT() };

	return load_insns(type, attach, insns, ARRAY_SIZE(insns));
}

/* A program that tail calls slot 0, and returns a number if there is none. */
static int load_caller(enum bpf_prog_type type, enum bpf_attach_type attach,
		       int map, int ret)
{
	const struct bpf_insn insns[] = {
		MAP_FD(2, map), IMM64_END(0), MOV_IMM(3, 0), CALL_INSN(0, BPF_FUNC_tail_call),
		MOV_IMM(0, ret), EXIT(),
	};

	return load_insns(type, attach, insns, ARRAY_SIZE(insns));
}

/* ---- the next program of a link -------------------------------------------- */

/* Where cgroup2 is mounted: true if it is. */
static bool find_cgroup2(char *dir, size_t size)
{
	FILE *f = setmntent("/proc/self/mounts", "r");
	struct mntent *m;
	bool found = false;

	while (f && !found && (m = getmntent(f))) {
		found = !strcmp(m->mnt_type, "cgroup2");
		if (found)
			snprintf(dir, size, "%s", m->mnt_dir);
	}
	if (f)
		endmntent(f);
	return found;
}

/* The cgroup that the checker is in. */
static int own_cgroup(void)
{
	char dir[PATH_MAX], line[PATH_MAX], path[2 * PATH_MAX] = "";
	FILE *f;

	if (!find_cgroup2(dir, sizeof(dir)))
		return -ENOENT;
	f = fopen("/proc/self/cgroup", "r");
	if (!f)
		return -errno;
	while (!*path && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "0::", 3))
			continue;
		line[strcspn(line, "\n")] = 0;
		snprintf(path, sizeof(path), "%s%s", dir, line + 3);
	}
	fclose(f);
	if (!*path)
		return -ENOENT;
	return keep(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int update(int link, int prog)
{
	return bpf_link_update(link, prog, NULL) ? -errno : 0;
}

/*
 * For egress, it returns 2, but for no packet that there is: none has a length of
 * 0. The verifier does not know that.
 */
static int load_egress_only(void)
{
	const struct bpf_insn insns[] = {
		LOAD_SIZE(BPF_W, 2, 1, offsetof(struct __sk_buff, len)),
		MOV_IMM(0, 1), JUMP_IMM(BPF_JNE, 2, 0, 1), MOV_IMM(0, 2), EXIT(),
	};

	return load_insns(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS,
			  insns, ARRAY_SIZE(insns));
}

/* It uses a storage, but likewise for no packet that there is. */
static int load_with_storage(int map)
{
	const struct bpf_insn insns[] = {
		LOAD_SIZE(BPF_W, 2, 1, offsetof(struct __sk_buff, len)),
		JUMP_IMM(BPF_JNE, 2, 0, 4),
		MAP_FD(1, map), IMM64_END(0), MOV_IMM(2, 0),
		CALL_INSN(0, BPF_FUNC_get_local_storage),
		MOV_IMM(0, 1), EXIT(),
	};

	return load_insns(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS,
			  insns, ARRAY_SIZE(insns));
}

/* A link of one program, and two that are to follow. */
struct succession {
	enum bpf_attach_type attach;
	int cgroup;
	int first, good, bad;
	const char *what;	/* what the bad one is */
};

/* Is the good one taken, and the bad one not? */
static struct verdict try_succession(const struct succession *s)
{
	int link, err;

	if (s->first < 0 || s->good < 0 || s->bad < 0)
		return verdict(NOT_APPLICABLE, "no such program here: %s",
			       strerror(s->first < 0 ? -s->first :
					s->good < 0 ? -s->good : -s->bad));
	if (s->cgroup < 0)
		return verdict(CANNOT_TELL, "no cgroup of cgroup2: %s",
			       strerror(-s->cgroup));
	link = keep(bpf_link_create(s->first, s->cgroup, s->attach, NULL));
	if (link < 0)
		return verdict(CANNOT_TELL, "making a link at the cgroup: %s",
			       strerror(-link));
	err = update(link, s->good);
	if (err)
		return verdict(CANNOT_TELL, "updating it to a program that fits: %s",
			       strerror(-err));
	err = update(link, s->bad);
	if (!err)
		return verdict(OPEN, "the link is updated to %s", s->what);
	if (err != -EINVAL)
		return verdict(CANNOT_TELL, "updating it to %s: %s", s->what,
			       strerror(-err));
	return verdict(FIXED, "the link is not updated to %s", s->what);
}

static struct verdict probe_cgroup_link(void)
{
	const enum bpf_prog_type addr = BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
	const enum bpf_prog_type sock = BPF_PROG_TYPE_CGROUP_SOCK;
	const enum bpf_prog_type skb = BPF_PROG_TYPE_CGROUP_SKB;
	int cgroup = own_cgroup();
	const struct succession tries[] = { {
		.attach = BPF_CGROUP_INET4_CONNECT,
		.cgroup = cgroup,
		.first = load_const(addr, BPF_CGROUP_INET4_CONNECT, 1),
		.good = load_const(addr, BPF_CGROUP_INET4_CONNECT, 1),
		.bad = load_const(addr, BPF_CGROUP_UDP4_SENDMSG, 1),
		.what = "a program of another attach type",
	}, {
		.attach = BPF_CGROUP_INET_SOCK_CREATE,
		.cgroup = cgroup,
		.first = load_const(sock, BPF_CGROUP_INET_SOCK_CREATE, 1),
		.good = load_const(sock, BPF_CGROUP_INET_SOCK_CREATE, 1),
		.bad = load_const(sock, BPF_CGROUP_INET4_POST_BIND, 1),
		.what = "a program of another attach type",
	}, {
		/* The good one would do for both. */
		.attach = BPF_CGROUP_INET_INGRESS,
		.cgroup = cgroup,
		.first = load_const(skb, BPF_CGROUP_INET_INGRESS, 1),
		.good = load_const(skb, BPF_CGROUP_INET_EGRESS, 1),
		.bad = load_egress_only(),
		.what = "a program that returns what only egress knows",
	} };
	struct verdict v;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		v = try_succession(&tries[i]);
		if (v.state != FIXED)
			return done(v);
	}
	return done(verdict(FIXED,
			    "a link is not updated to a program of another attach type"));
}

static struct verdict probe_storage_link(void)
{
	int storage = make_map(BPF_MAP_TYPE_CGROUP_STORAGE,
			       sizeof(struct bpf_cgroup_storage_key), 8);
	int other = make_map(BPF_MAP_TYPE_CGROUP_STORAGE,
			     sizeof(struct bpf_cgroup_storage_key), 64);
	const struct succession s = {
		.attach = BPF_CGROUP_INET_EGRESS,
		.cgroup = own_cgroup(),
		.first = load_with_storage(storage),
		.good = load_with_storage(storage),
		.bad = load_with_storage(other),
		.what = "a program with another storage",
	};

	return done(try_succession(&s));
}

/* An iterator that reads 8 bytes of each key or value, or none if @off is negative. */
static int load_iter(int buffer, int off, __u32 flags)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = BPF_TRACE_ITER,
		    .prog_flags = flags);
	const struct bpf_insn insns[] = {
		LOAD_SIZE(BPF_DW, 1, 1, buffer),
		JUMP_IMM(BPF_JEQ, 1, 0, 1), off < 0 ? MOV_IMM(0, 0) : LOAD_SIZE(BPF_DW, 0, 1, off),
		MOV_IMM(0, 0), EXIT(),
	};
	int id = libbpf_find_vmlinux_btf_id("bpf_map_elem", BPF_TRACE_ITER);

	if (id < 0)
		return id;
	opts.attach_btf_id = id;
	return keep(bpf_prog_load(BPF_PROG_TYPE_TRACING, NULL, "GPL", insns,
				  ARRAY_SIZE(insns), &opts));
}

static int link_iter(int prog, int map)
{
	union bpf_iter_link_info info = { .map.map_fd = map };
	LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = &info,
		    .iter_info_len = sizeof(info));

	return keep(bpf_link_create(prog, 0, BPF_TRACE_ITER, &opts));
}

/*
 * A link over @map, of a program that reads nothing. The next one reads at @fits,
 * and the one after that too far.
 */
static struct verdict try_iter(int map, int buffer, int fits)
{
	int first = load_iter(buffer, -1, 0);
	int good = load_iter(buffer, fits, 0);
	int bad = load_iter(buffer, fits + 8, 0);
	int link, err;

	if (first < 0 || good < 0 || bad < 0)
		return verdict(NOT_APPLICABLE, "no such program here: %s",
			       strerror(first < 0 ? -first :
					good < 0 ? -good : -bad));
	link = link_iter(bad, map);
	if (link != -EACCES)
		return verdict(CANNOT_TELL, "making a link of one that goes too far: %s",
			       link < 0 ? strerror(-link) : "it is made");
	link = link_iter(first, map);
	if (link < 0)
		return verdict(CANNOT_TELL, "making a link: %s",
			       strerror(-link));
	err = update(link, good);
	if (err)
		return verdict(CANNOT_TELL, "updating it to a program that fits: %s",
			       strerror(-err));
	err = update(link, bad);
	if (!err)
		return verdict(OPEN, "the link is updated to one that reads behind the map's %s",
			       buffer == ITER_KEY ? "keys" : "values");
	if (err != -EACCES)
		return verdict(CANNOT_TELL, "updating it to one that goes too far: %s",
			       strerror(-err));
	return verdict(FIXED, "the link is not updated to what could have none");
}

/* Most iterators may not sleep. 5.10 does not ask, not even when a link is made. */
static struct verdict try_sleepable_iter(int map)
{
	int sleeper = load_iter(ITER_VALUE, -1, BPF_F_SLEEPABLE);
	int link = link_iter(load_iter(ITER_VALUE, -1, 0), map);

	if (sleeper >= 0 && link_iter(sleeper, map) == -EINVAL &&
	    !update(link, sleeper))
		return verdict(OPEN, "the link is updated to a sleepable program");
	return verdict(FIXED, "the link is not updated to what could have none");
}

static struct verdict probe_iter_link(void)
{
	int hash = make_map(BPF_MAP_TYPE_HASH, 8, 8);
	/* It has the values of all processors, one behind the other. */
	int percpu = make_map(BPF_MAP_TYPE_PERCPU_HASH, 8, 8);
	struct verdict v = try_iter(hash, ITER_VALUE, 0);

	if (v.state == FIXED)
		v = try_iter(hash, ITER_KEY, 0);
	if (v.state == FIXED)
		v = try_iter(percpu, ITER_VALUE,
			     8 * (libbpf_num_possible_cpus() - 1));
	if (v.state == FIXED)
		v = try_sleepable_iter(hash);
	return done(v);
}

/* ---- programs for many probes ------------------------------------------------- */

/* As the kernel has them; headers may be older. */
#define KPROBE_MULTI	42
#define UPROBE_MULTI	48
#define KPROBE_SESSION	56
#define UPROBE_SESSION	57

/*
 * Does the kernel know links of that kind? It is asked for one at an address in user
 * space that nobody has, so none is made. Kernels before know no such attach type.
 */
static bool knows_multi_link(int prog, enum bpf_attach_type attach)
{
	bool uprobes = attach == UPROBE_MULTI || attach == UPROBE_SESSION;
	struct {
		__u32 prog, target, attach, flags;
		union {
			struct {
				__u32 flags, count;
				__u64 syms, addrs, cookies;
			} kprobes;
			struct {
				__u64 path, offsets, ref_ctr_offsets, cookies;
				__u32 count, flags, pid;
			} uprobes;
		};
	} attr = { .prog = prog, .attach = attach };
	int fd;

	if (uprobes) {
		attr.uprobes.path = 1;
		attr.uprobes.offsets = 1;
		attr.uprobes.count = 1;
	} else {
		attr.kprobes.syms = 1;
		attr.kprobes.count = 1;
	}
	fd = syscall(__NR_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	if (fd >= 0)
		close(fd);
	/* Without CONFIG_FPROBE it is EOPNOTSUPP. */
	return fd >= 0 || errno == EFAULT || errno == EOPNOTSUPP;
}

/* A kprobe that is never enabled. */
static int open_kprobe(void)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.config1 = (unsigned long)"kernel_restart",
		.disabled = 1,
	};
	FILE *f = fopen("/sys/bus/event_source/devices/kprobe/type", "re");
	int n;

	if (!f)
		return -errno;
	n = fscanf(f, "%u", &attr.type);
	fclose(f);
	if (n != 1)
		return -EINVAL;
	return keep(syscall(__NR_perf_event_open, &attr, -1, 0, -1,
			    PERF_FLAG_FD_CLOEXEC));
}

static struct verdict probe_multi_on_event(void)
{
	static const struct {
		enum bpf_attach_type attach;
		const char *name;
	} kinds[] = {
		{ KPROBE_MULTI, "kprobe.multi" }, { UPROBE_MULTI, "uprobe.multi" },
		{ KPROBE_SESSION, "kprobe.session" },
		{ UPROBE_SESSION, "uprobe.session" },
	};
	int plain = load_const(BPF_PROG_TYPE_KPROBE, 0, 0);
	bool known = false;
	int event, prog;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		prog = load_const(BPF_PROG_TYPE_KPROBE, kinds[i].attach, 0);
		if (prog < 0 || !knows_multi_link(prog, kinds[i].attach))
			continue;
		known = true;
		event = open_kprobe();
		if (event < 0)
			return done(verdict(CANNOT_TELL, "opening an event of a kprobe: %s",
					    strerror(-event)));
		if (!ioctl(event, PERF_EVENT_IOC_SET_BPF, prog))
			return done(verdict(OPEN, "an event of one kprobe takes a program for %s",
					    kinds[i].name));
		if (errno != EINVAL)
			return done(verdict(CANNOT_TELL, "setting a program for %s: %s",
					    kinds[i].name, strerror(errno)));
		/* That was for the program, and not for the event. */
		if (plain < 0 || ioctl(event, PERF_EVENT_IOC_SET_BPF, plain))
			return done(verdict(CANNOT_TELL, "setting a program for one kprobe: %s",
					    strerror(plain < 0 ? -plain : errno)));
	}
	if (!known)
		return done(verdict(NOT_APPLICABLE, "no links of many probes here"));
	return done(verdict(FIXED, "an event of one kprobe takes no program for many"));
}

/* ---- a tail callee of a program that is attached ----------------------------- */

/* A clock of the checker's own time, which begins to run when it is enabled. */
static int open_event(bool precise)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = EVENT_NS,
		.disabled = 1,
		.precise_ip = precise,
	};

	return keep(syscall(__NR_perf_event_open, &attr, 0, -1, -1,
			    PERF_FLAG_FD_CLOEXEC));
}

static int attach_to_event(bool precise, int prog)
{
	int event = open_event(precise);

	if (event < 0)
		return event;
	return ioctl(event, PERF_EVENT_IOC_SET_BPF, prog) ? -errno : event;
}

/*
 * Reports what bpf_get_stackid() says. It asks for the stack of user space, which the
 * registers of a clock fit, whatever is said of them.
 */
static int load_stackid(int stacks, int report)
{
	const struct bpf_insn insns[] = {
		MAP_FD(2, stacks), IMM64_END(0), MOV_IMM(3, BPF_F_USER_STACK | BPF_F_REUSE_STACKID),
		CALL_INSN(0, BPF_FUNC_get_stackid),
		MAP_VALUE(1, report), IMM64_END(0), STORE_SIZE(BPF_DW, 1, 0, 0),
		MOV_IMM(0, 0), EXIT(),
	};

	return load_insns(BPF_PROG_TYPE_PERF_EVENT, 0, insns,
			  ARRAY_SIZE(insns));
}

/* Let an event happen: what has its program's tail callee reported? */
static int said_at(int event, int report)
{
	const __s64 nothing = UNSAID;
	struct timespec from, now;
	__s64 said = UNSAID;
	__u32 slot = 0;

	if (bpf_map_update_elem(report, &slot, &nothing, BPF_ANY) ||
	    ioctl(event, PERF_EVENT_IOC_ENABLE, 0))
		return -errno;
	clock_gettime(CLOCK_MONOTONIC, &from);
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (bpf_map_lookup_elem(report, &slot, &said))
			return -errno;
	} while (said == UNSAID &&
		 (now.tv_sec - from.tv_sec) * 1000 < ARRIVAL_MS);
	ioctl(event, PERF_EVENT_IOC_DISABLE, 0);
	return said == UNSAID ? -ETIMEDOUT : said;
}

static struct verdict probe_callchain(void)
{
	/* Each stack takes the place of what was there, and needs a free one for that. */
	int stacks = keep(bpf_map_create(BPF_MAP_TYPE_STACK_TRACE, NULL, 4, 8 * 16, 16,
					 NULL));
	int report = make_map(BPF_MAP_TYPE_ARRAY, 4, 8);
	int map = make_map(BPF_MAP_TYPE_PROG_ARRAY, 4, 4);
	int caller = load_caller(BPF_PROG_TYPE_PERF_EVENT, 0, map, 0);
	int callee = load_stackid(stacks, report);
	int err, event, said;

	if (caller < 0 || callee < 0)
		return done(verdict(NOT_APPLICABLE, "no such program here: %s",
				    strerror(caller < 0 ? -caller : -callee)));
	err = put(map, callee);
	if (err == -EINVAL)
		return done(verdict(FIXED, "the prog_array refuses the program"));
	if (err)
		return done(verdict(CANNOT_TELL, "offering the program: %s",
				    strerror(-err)));
	err = attach_to_event(true, callee);
	if (err != -EPROTO)
		return done(verdict(CANNOT_TELL, "attaching the callee to a precise event: %s",
				    err < 0 ? strerror(-err) : "it is attached"));
	event = attach_to_event(false, caller);
	if (event < 0)
		return done(verdict(CANNOT_TELL, "attaching the caller to an event: %s",
				    strerror(-event)));
	said = said_at(event, report);
	if (said < 0)
		return done(verdict(CANNOT_TELL, "the stack at an event that is not precise: %s",
				    strerror(-said)));
	event = attach_to_event(true, caller);
	if (event == -EPROTO)
		return done(verdict(FIXED, "its caller is not attached either"));
	if (event < 0)
		return done(verdict(CANNOT_TELL, "attaching the caller to a precise event: %s",
				    strerror(-event)));
	said = said_at(event, report);
	if (said >= 0)
		return done(verdict(OPEN, "the callee walks a stack from such registers"));
	if (said != -EPROTO)
		return done(verdict(CANNOT_TELL, "the stack at a precise event: %s",
				    strerror(-said)));
	return done(verdict(FIXED, "the callee has no stack where it could not be attached"));
}

/* It returns @ret for what goes to @port, and keeps everything else. */
static int load_port(int port, int ret)
{
	const struct bpf_insn insns[] = {
		LOAD_SIZE(BPF_W, 2, 1, offsetof(struct __sk_buff, local_port)),
		MOV_IMM(0, 1), JUMP_IMM(BPF_JNE, 2, port, 1), MOV_IMM(0, ret), EXIT(),
	};

	return load_insns(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS,
			  insns, ARRAY_SIZE(insns));
}

/* A socket on the loopback device: its port is left in @addr. */
static int open_udp(struct sockaddr_in *addr)
{
	int fd = keep(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	socklen_t size = sizeof(*addr);

	*addr = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	if (fd < 0)
		return fd;
	if (bind(fd, (struct sockaddr *)addr, size) ||
	    getsockname(fd, (struct sockaddr *)addr, &size))
		return -errno;
	return fd;
}

static int send_one(int fd, const struct sockaddr_in *to)
{
	char byte = 0;

	if (sendto(fd, &byte, 1, 0, (const struct sockaddr *)to,
		   sizeof(*to)) != 1)
		return -errno;
	return 0;
}

/* Take what has come: 1, 0 if nothing has, or an error. */
static int take_one(int fd, int timeout)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;
	int n = poll(&p, 1, timeout);

	if (n == 1 && recv(fd, &byte, 1, 0) != 1)
		n = -1;
	return n < 0 ? -errno : n;
}

struct pair {
	int fd, next;
	struct sockaddr_in addr, next_addr;
};

/*
 * Does a datagram arrive? When the one after it has, to a port that everything is
 * kept for, it is there or will not come any more.
 */
static int arrives(const struct pair *p)
{
	int err = send_one(p->fd, &p->addr);

	if (!err)
		err = send_one(p->fd, &p->next_addr);
	if (!err)
		err = take_one(p->next, ARRIVAL_MS);
	if (!err)
		err = -ETIMEDOUT;
	return err < 0 ? err : take_one(p->fd, LATE_MS);
}

/* The same with a tail callee that returns @ret. */
static int arrives_by(const struct pair *p, int map, int ret)
{
	int callee = load_port(ntohs(p->addr.sin_port), ret);
	int err = callee < 0 ? callee : put(map, callee);

	return err ? err : arrives(p);
}

static struct verdict probe_ingress(void)
{
	const enum bpf_prog_type skb = BPF_PROG_TYPE_CGROUP_SKB;
	int map = make_map(BPF_MAP_TYPE_PROG_ARRAY, 4, 4);
	int caller = load_caller(skb, BPF_CGROUP_INET_EGRESS, map, 1);
	int cgroup = own_cgroup();
	struct pair p;
	int link, n;

	if (caller < 0)
		return done(verdict(NOT_APPLICABLE, "no such program here: %s",
				    strerror(-caller)));
	if (cgroup < 0)
		return done(verdict(CANNOT_TELL, "no cgroup of cgroup2: %s",
				    strerror(-cgroup)));
	p.fd = open_udp(&p.addr);
	p.next = open_udp(&p.next_addr);
	n = p.fd < 0 ? p.fd : p.next < 0 ? p.next : arrives(&p);
	if (n != 1)
		return done(verdict(CANNOT_TELL, "sending to the loopback device: %s",
				    n ? strerror(-n) : "nothing arrives"));
	link = keep(bpf_link_create(caller, cgroup, BPF_CGROUP_INET_INGRESS,
				    NULL));
	if (link == -EINVAL)
		return done(verdict(FIXED, "a caller for egress is not attached at ingress"));
	if (link < 0)
		return done(verdict(CANNOT_TELL, "making a link at the cgroup: %s",
				    strerror(-link)));
	n = arrives_by(&p, map, 1);
	if (n != 1)
		return done(verdict(CANNOT_TELL, "a tail callee that keeps the packet: %s",
				    n ? strerror(-n) : "it does not arrive"));
	n = arrives_by(&p, map, 0);
	if (n)
		return done(verdict(CANNOT_TELL, "a tail callee that drops the packet: %s",
				    n < 0 ? strerror(-n) : "it arrives"));
	n = arrives_by(&p, map, 2);
	if (n == -EINVAL)
		return done(verdict(FIXED, "the prog_array refuses the program"));
	if (n < 0)
		return done(verdict(CANNOT_TELL, "a tail callee that returns 2: %s",
				    strerror(-n)));
	if (n)
		return done(verdict(OPEN, "what a tail callee drops arrives"));
	return done(verdict(FIXED, "what a tail callee drops does not arrive"));
}

static const struct bug bugs[] = {
	{
		.id = "N21",
		.title = "a cgroup link is updated to a program of another attach type",
		.effect = "a context is taken for what it is not: NULL dereference",
		.upstream = "none",
		.how =
			"Makes links at its own cgroup, and updates them to programs for elsewhere, which let everything pass.",
		.probe = probe_cgroup_link,
	}, {
		.id = "N22",
		.title = "an iterator's link is updated to a program that goes beyond its map",
		.effect = "the kernel's memory is read and overwritten",
		.upstream = "none",
		.how =
			"Makes links of iterators over a map, and updates them to programs that read behind its keys or values, or sleep. Nothing runs, since nobody reads from them.",
		.probe = probe_iter_link,
	}, {
		.id = "N23",
		.title = "a cgroup link is updated to a program with another storage",
		.effect = "a program writes beyond a buffer, or to NULL",
		.upstream = "Linux 6.1",
		.how =
			"Makes a link at its own cgroup, and updates it to a program with another storage, which uses it for no packet that there is.",
		.probe = probe_storage_link,
	}, {
		.id = "N27",
		.title = "a tail callee asks for the stack at a precise event",
		.effect = "the unwinder starts from the wrong registers",
		.upstream = "none",
		.how =
			"Attaches the caller of a program that calls bpf_get_stackid() to a precise perf event without callchains, a clock of its own time, and asks for its own stack of user space.",
		.probe = probe_callchain,
	}, {
		.id = "N28",
		.title = "a tail callee's drop at ingress is taken for a pass",
		.effect = "a packet arrives that a program has dropped",
		.upstream = "none",
		.how =
			"Sends datagrams to itself, with a program at the ingress of its own cgroup whose tail callee returns 2 for them and keeps everything else.",
		.probe = probe_ingress,
	}, {
		.id = "N36",
		.title = "an event takes a program that is for many probes",
		.effect = "the kernel's stack is taken for a struct with pointers",
		.upstream = "none",
		.how =
			"Offers programs for kprobe.multi links and the like to a perf event of a kprobe, which is never enabled.",
		.probe = probe_multi_on_event,
	},
};

static void __probes add(void)
{
	add_bugs(bugs, ARRAY_SIZE(bugs));
}
