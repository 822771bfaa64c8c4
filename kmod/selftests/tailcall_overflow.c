// SPDX-License-Identifier: GPL-2.0
/*
 * tailcall_overflow - make tail calls with as much stack as the verifier allows
 *
 * A tail call replaces the frame of the function that makes it and leaves those
 * of its callers, so 33 of them pile up:
 *
 *   f0 -call-> f1 ... -call-> fn -tail call-> f0 -call-> f1 ...
 *
 * For every number of callers this looks for the most stack that the verifier
 * lets them have, and below the last tail call for the deepest chain of calls
 * that it allows; plain, with a trampoline at each function, and below a function
 * that an extension replaced. Each shape runs on a process's stack, and on that
 * of a softirq as the classifier of a packet, and must get as far on either.
 *
 * And four more ways to the same end: a program of a perf event on the stack of a
 * debug exception, which is as small as an NMI's; a second run that the first one
 * starts at its limit, by bpf_clone_redirect() to a device whose egress program makes
 * tail calls, too; and a run that begins deep, below a few such redirections, or below
 * as many tunnels as the kernel lets into each other. What of these a stack can't hold
 * is in Documentation/tail-calls.rst.
 *
 * Where nobody looks at what the JIT and trampolines add, this takes the kernel
 * down, and wants to be asked twice.
 */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/hw_breakpoint.h>
#include <linux/if_tunnel.h>
#include <linux/perf_event.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "insn.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* kselftest's exit status for a test that could not run. */
#define EXIT_SKIP	4

#define ENTRIES		34	/* the first program and 33 that are tail called */
#define STACK_RULE	256	/* callers must stay below this */
#define STACK_MAX	512
#define MAX_FUNCS	100
/*
 * More static functions than these do not nest. Global ones do in 7.2, and can use
 * up the stack without any tail call: another bug, which this must not meet.
 */
#define MAX_NESTED	16
#define MAX_CALLERS	(MAX_NESTED - 1)
#define MAX_INSNS	(MAX_FUNCS * 24)

#define LO_IFINDEX	1
#define PORT		9

/* A second run has what the first one leaves: 33 levels of 96 bytes fit. */
#define INNER_STACK	32
/* How often a packet is redirected before the program sees it. */
#define HOPS		3
/* Newer kernels let no more into each other. */
#define TUNNELS		5
#define THREAD_SIZE	16384	/* of a stack, unless KASAN makes it larger */

#define LOAD32(dst, s, off)	INSN(BPF_LDX | BPF_MEM | BPF_W, dst, s, off, 0)
#define STORE32(dst, s, off)	INSN(BPF_STX | BPF_MEM | BPF_W, dst, s, off, 0)

/*
 * Chains that can run at the same time: each has a slot and a counter of its own. One
 * more number is where the stack was when a packet came.
 */
enum run { OUTER, INNER, IN_EXCEPTION, RUNS };
#define STACK_POINTER	RUNS
#define NUMBERS		(RUNS + 1)

struct shape {
	enum run run;
	bool global;		/* functions have global linkage */
	bool ends;		/* the last function is a hook, not a tail call */
	bool nests;		/* at its limit it redirects a clone of the packet */
	int result;		/* of all functions */
	int callers;		/* that stay on the stack under the tail call */
	int stack;		/* of all callers together */
	int below;		/* functions below the last tail call */
	int below_stack;	/* of each of these */
};

static int array_fd[RUNS];
static int count_fd;
static int btf_fd;
static __u32 func_btf_id[2][MAX_FUNCS];
static const __u32 zero;

static void __attribute__((noreturn, format(printf, 2, 3)))
stop(int status, const char *fmt, ...)
{
	va_list ap;

	fputs("tailcall_overflow: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(status);
}

/* Functions are "int f(struct __sk_buff *)", so their BTF can be relied on. */
static void load_btf(void)
{
	struct btf *btf = btf__new_empty();
	int i, global, id, proto;

	if (!btf)
		stop(EXIT_SKIP, "no memory for BTF");
	id = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	btf__add_struct(btf, "__sk_buff", 4);
	btf__add_field(btf, "len", id, 0, 0);
	btf__add_ptr(btf, 2);
	proto = btf__add_func_proto(btf, id);
	btf__add_func_param(btf, "ctx", 3);
	for (global = 0; global < 2; global++) {
		for (i = 0; i < MAX_FUNCS; i++) {
			char name[16];

			snprintf(name, sizeof(name), "%c%d", global ? 'g' : 'f',
				 i);
			id = btf__add_func(btf, name,
					   global ? BTF_FUNC_GLOBAL :
						    BTF_FUNC_STATIC, proto);
			if (id < 0)
				stop(EXIT_SKIP, "cannot make BTF");
			func_btf_id[global][i] = id;
		}
	}
	if (btf__load_into_kernel(btf))
		stop(EXIT_SKIP, "cannot load BTF: %s", strerror(errno));
	/* It stays open until the end. */
	btf_fd = btf__fd(btf);
}

/* Callers have multiples of 32, what is left over goes to the first of them. */
static int stack_of(const struct shape *s, int func)
{
	int share;

	if (func >= s->callers)
		return func > s->callers ? s->below_stack : 0;
	share = s->stack / s->callers / 32 * 32;
	return func ? share : s->stack - share * (s->callers - 1);
}

/* r2 = a map, or the address of what is in it: how many insns that takes. */
static int load_map(struct bpf_insn *insn, int kind, int fd, int off)
{
	insn[0] = INSN(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_2, kind, 0, fd);
	insn[1] = INSN(0, 0, 0, 0, off);
	return 2;
}

/* Send a clone of the packet in r6, with a mark of its own, to lo's egress. */
static int redirect(struct bpf_insn *insn, int mark_reg)
{
	int n = 0;

	insn[n++] = STORE32(BPF_REG_6, mark_reg, offsetof(struct __sk_buff, mark));
	insn[n++] = MOV_REG(BPF_REG_1, BPF_REG_6);
	insn[n++] = MOV_IMM(BPF_REG_2, LO_IFINDEX);
	insn[n++] = MOV_IMM(BPF_REG_3, 0);
	insn[n++] = CALL_INSN(0, BPF_FUNC_clone_redirect);
	return n;
}

/*
 * Load a program of a shape: its fd, or a negative error. Each function uses all
 * callee-saved registers, so that the JIT must save them. An extension has the
 * fd and the number of the function that it replaces.
 */
static int load_shape(const struct shape *s, int target_fd, int target_func)
{
	static struct bpf_insn insns[MAX_INSNS];
	static struct bpf_func_info info[MAX_FUNCS];
	int funcs = s->callers + 1 + s->below;
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .prog_btf_fd = btf_fd,
		    .func_info = info,
		    .func_info_cnt = funcs,
		    .func_info_rec_size = sizeof(info[0]));
	enum bpf_prog_type type = s->run == IN_EXCEPTION ?
		BPF_PROG_TYPE_PERF_EVENT : BPF_PROG_TYPE_SCHED_CLS;
	int call_at = -1, i, n = 0, fd;

	for (i = 0; i < funcs; i++) {
		bool global = i && (s->global || (s->ends && i == s->callers));

		if (call_at >= 0)
			insns[call_at].imm = n - call_at - 1;
		info[i].insn_off = n;
		info[i].type_id = func_btf_id[global][i];
		insns[n++] = MOV_REG(BPF_REG_6, BPF_REG_1);
		insns[n++] = MOV_REG(BPF_REG_7, BPF_REG_1);
		insns[n++] = MOV_REG(BPF_REG_8, BPF_REG_1);
		insns[n++] = MOV_REG(BPF_REG_9, BPF_REG_1);
		if (stack_of(s, i))
			insns[n++] = STORE_IMM(BPF_REG_10, -stack_of(s, i), 0);
		if (!i && !s->ends) {
			n += load_map(&insns[n], BPF_PSEUDO_MAP_VALUE, count_fd,
				      s->run * sizeof(__u64));
			insns[n++] = LOAD(BPF_REG_3, BPF_REG_2, 0);
			insns[n++] = ALU_IMM(BPF_ADD, BPF_REG_3, 1);
			insns[n++] = STORE_REG(BPF_REG_2, BPF_REG_3, 0);
		}
		if (i == s->callers && s->ends) {
			/* may change the packet, and so may its extension */
			insns[n++] = MOV_IMM(BPF_REG_2, 0);
			insns[n++] = CALL_INSN(0, BPF_FUNC_skb_pull_data);
		} else if (i == s->callers) {
			n += load_map(&insns[n], BPF_PSEUDO_MAP_FD,
				      array_fd[s->run], 0);
			insns[n++] = MOV_IMM(BPF_REG_3, 0);
			insns[n++] = CALL_INSN(0, BPF_FUNC_tail_call);
			if (s->nests) {
				insns[n++] = MOV_IMM(BPF_REG_7, 1);
				n += redirect(&insns[n], BPF_REG_7);
			}
		}
		call_at = -1;
		if (i < funcs - 1) {
			insns[n++] = MOV_REG(BPF_REG_1, BPF_REG_6);
			call_at = n;
			insns[n++] = CALL_INSN(BPF_PSEUDO_CALL, 0);
		}
		insns[n++] = MOV_IMM(BPF_REG_0, s->result);
		insns[n++] = EXIT();
	}
	if (target_fd >= 0) {
		type = BPF_PROG_TYPE_EXT;
		opts.attach_prog_fd = target_fd;
		opts.attach_btf_id = func_btf_id[1][target_func];
		/* the main program has the linkage of what it replaces */
		info[0].type_id = func_btf_id[1][0];
	}
	fd = bpf_prog_load(type, "stack", "GPL", insns, n, &opts);
	return fd < 0 ? -errno : fd;
}

/* Put an fexit program on a function: its link, or a negative error. */
static int trace(const struct shape *s, int target_fd, int func)
{
	struct bpf_insn insns[] = { MOV_IMM(BPF_REG_0, 0), EXIT() };
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = BPF_TRACE_FEXIT,
		    .attach_prog_fd = target_fd,
		    .attach_btf_id = func_btf_id[func && s->global][func]);
	int fd, link;

	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "fexit", "GPL", insns, 2,
			   &opts);
	if (fd < 0)
		return -errno;
	link = bpf_raw_tracepoint_open(NULL, fd);
	if (link < 0)
		link = -errno;
	close(fd);
	return link;
}

static __u64 number(int which)
{
	__u64 count[NUMBERS];

	if (bpf_map_lookup_elem(count_fd, &zero, count))
		stop(1, "cannot read the counter: %s", strerror(errno));
	return count[which];
}

static __u64 entries(void)
{
	return number(OUTER);
}

static void reset_entries(void)
{
	__u64 count[NUMBERS] = {};

	if (bpf_map_update_elem(count_fd, &zero, count, BPF_ANY))
		stop(1, "cannot reset the counter: %s", strerror(errno));
}

/* On the stack of this process: how many programs ran. */
static __u64 run_here(int fd)
{
	char packet[64] = "";
	LIBBPF_OPTS(bpf_test_run_opts, opts,
		    .data_in = packet,
		    .data_size_in = sizeof(packet),
		    .repeat = 1);

	reset_entries();
	if (bpf_prog_test_run_opts(fd, &opts))
		stop(1, "cannot run a program: %s", strerror(errno));
	if (entries() < 2 || entries() > ENTRIES)
		stop(1, "process: %llu programs ran, not 2 to %d", entries(),
		     ENTRIES);
	return entries();
}

/* Put a program on lo, or take it away if the fd is none. */
static void set_lo_prog(enum bpf_tc_attach_point point, int priority, int fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = LO_IFINDEX,
		    .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = priority);
	int err;

	if (fd < 0) {
		bpf_tc_detach(&hook, &opts);
		return;
	}
	err = bpf_tc_hook_create(&hook);
	if (err && err != -EEXIST)
		stop(EXIT_SKIP, "no hook on lo: %s", strerror(-err));
	opts.prog_fd = fd;
	err = bpf_tc_attach(&hook, &opts);
	if (err)
		stop(EXIT_SKIP, "cannot attach to lo: %s", strerror(-err));
}

static struct sockaddr_in address(__u32 addr)
{
	return (struct sockaddr_in) {
		.sin_family = AF_INET,
		.sin_port = htons(PORT),
		.sin_addr.s_addr = htonl(addr),
	};
}

/*
 * A packet that goes out on lo. One to lo's address is for who sends it, so that nobody
 * answers as long as the socket that is returned is open: it may be received later.
 */
static int send_packet(__u32 addr, int mark)
{
	struct sockaddr_in to = address(addr);
	int udp = socket(AF_INET, SOCK_DGRAM, 0);

	if (udp < 0 ||
	    (addr == INADDR_LOOPBACK && bind(udp, (struct sockaddr *)&to, sizeof(to))) ||
	    setsockopt(udp, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)))
		stop(EXIT_SKIP, "no socket on lo: %s", strerror(errno));
	if (sendto(udp, "", 1, 0, (struct sockaddr *)&to, sizeof(to)) != 1)
		stop(EXIT_SKIP, "cannot send on lo: %s", strerror(errno));
	return udp;
}

/* On that of the softirq that receives a packet: as many must run. */
static void run_in_softirq(int fd, __u64 count)
{
	int tries, udp;

	set_lo_prog(BPF_TC_INGRESS, 1, fd);
	reset_entries();
	udp = send_packet(INADDR_LOOPBACK, 0);
	for (tries = 0; entries() != count && tries < 100; tries++)
		usleep(10000);
	close(udp);
	if (entries() != count)
		stop(1, "softirq: %llu programs ran, not %llu as in a process",
		     entries(), count);
	set_lo_prog(BPF_TC_INGRESS, 1, -1);
}

static void set_up(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_UP };
	int udp = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (udp < 0 || ioctl(udp, SIOCSIFFLAGS, &ifr))
		stop(EXIT_SKIP, "cannot set %s up: %s", name, strerror(errno));
	close(udp);
}

/* The program that each tail call meets. */
static void set_slot(const struct shape *s, int fd)
{
	if (bpf_map_update_elem(array_fd[s->run], &zero, &fd, BPF_ANY))
		stop(1, "cannot update the slot: %s", strerror(errno));
}

/* With most below the tail call for the callers that it has. */
static int load_deepest(struct shape *s)
{
	int fd;

	for (s->below = MAX_CALLERS - s->callers; s->below; s->below--) {
		int most = (STACK_MAX - s->stack) / s->below / 8 * 8;

		/* a chain that is too long is so without any stack, too */
		s->below_stack = 0;
		fd = load_shape(s, -1, 0);
		if (fd < 0)
			continue;
		for (s->below_stack = most; s->below_stack > 0;
		     s->below_stack -= 8) {
			int more = load_shape(s, -1, 0);

			if (more < 0)
				continue;
			close(fd);
			return more;
		}
		return fd;
	}
	s->below_stack = 0;
	return load_shape(s, -1, 0);
}

/* Most stack for a number of callers; if traced, with all of them traced. */
static int load_worst(struct shape *s, bool traced)
{
	int fd, link;

	for (s->stack = STACK_RULE; s->stack >= 0; s->stack -= 8) {
		s->below = 0;
		fd = load_shape(s, -1, 0);
		if (fd < 0)
			continue;
		if (traced) {
			link = trace(s, fd, s->callers);
			if (link < 0) {
				close(fd);
				continue;
			}
			close(link);
		}
		close(fd);
		return load_deepest(s);
	}
	return -EACCES;
}

static int shapes;

static void describe(const char *what, const struct shape *s, int links)
{
	printf("%s: %d callers with %d bytes, %d functions of %d bytes below",
	       what, s->callers, s->stack, s->below, s->below_stack);
	if (links)
		printf(", %d traced", links);
	puts(s->global ? ", global" : "");
	/* If this is the last line, the next thing that happened was the end. */
	fflush(stdout);
}

static __u64 run(int fd)
{
	__u64 count = run_here(fd);

	run_in_softirq(fd, count);
	printf("  %llu tail calls\n", count - 1);
	shapes++;
	return count;
}

/* With a trampoline at each function where there may be one. */
static void run_with_fexit(const char *what, const struct shape *s, int prog_fd,
			   int run_fd)
{
	int link[MAX_FUNCS], links = 0, i;

	for (i = 0; i <= s->callers + s->below; i++) {
		link[links] = trace(s, prog_fd, i);
		if (link[links] >= 0)
			links++;
	}
	if (links) {
		describe(what, s, links);
		run(run_fd);
	}
	while (links)
		close(link[--links]);
}

static void run_plain(int callers, bool global, bool traced)
{
	struct shape s = { .callers = callers, .global = global };
	int fd = load_worst(&s, false);

	if (fd < 0)
		return;
	set_slot(&s, fd);
	if (traced) {
		run_with_fexit("fexit where it may be", &s, fd, fd);
	} else {
		describe("plain", &s, 0);
		/* One caller with all that it may have is in nobody's way. */
		if (run(fd) != ENTRIES && callers == 1)
			stop(1, "one caller ends below the limit");
	}
	close(fd);
}

static void run_traced(int callers)
{
	struct shape s = { .callers = callers };
	int fd = load_worst(&s, true);

	if (fd < 0)
		return;
	set_slot(&s, fd);
	run_with_fexit("fexit everywhere", &s, fd, fd);
	close(fd);
}

/* A target whose last function is replaced, below callers with most stack. */
static void run_extension(int callers, int target_callers)
{
	struct shape s = { .callers = callers };
	struct shape target = { .callers = target_callers, .ends = true };
	int fd, target_fd, ext_fd = -1, link = -1;

	fd = load_worst(&s, false);
	if (fd < 0)
		return;
	set_slot(&s, fd);
	for (target.stack = STACK_MAX; target.stack >= 0; target.stack -= 8) {
		target_fd = load_shape(&target, -1, 0);
		if (target_fd < 0)
			continue;
		ext_fd = load_shape(&s, target_fd, target_callers);
		if (ext_fd >= 0)
			link = bpf_raw_tracepoint_open(NULL, ext_fd);
		if (link >= 0)
			break;
		close(ext_fd);
		close(target_fd);
	}
	if (link >= 0) {
		printf("extension below %d callers with %d bytes, ",
		       target.callers, target.stack);
		describe("itself", &s, 0);
		run(target_fd);
		run_with_fexit("the same", &s, fd, target_fd);
		close(link);
		close(ext_fd);
		close(target_fd);
	}
	close(fd);
}

/*
 * In front of lo's egress program: packets without a mark pass, those with mark 1 are
 * for it, and others are redirected until they have that.
 */
static int load_hop(void)
{
	struct bpf_insn insns[16];
	int n = 0, fd;

	insns[n++] = MOV_REG(BPF_REG_6, BPF_REG_1);
	insns[n++] = LOAD32(BPF_REG_7, BPF_REG_6,
			    offsetof(struct __sk_buff, mark));
	insns[n++] = MOV_IMM(BPF_REG_0, TC_ACT_OK);
	insns[n++] = JUMP_IMM(BPF_JEQ, BPF_REG_7, 0, 9);
	insns[n++] = MOV_IMM(BPF_REG_0, TC_ACT_UNSPEC);
	insns[n++] = JUMP_IMM(BPF_JEQ, BPF_REG_7, 1, 7);
	insns[n++] = ALU_IMM(BPF_ADD, BPF_REG_7, -1);
	n += redirect(&insns[n], BPF_REG_7);
	insns[n++] = MOV_IMM(BPF_REG_0, TC_ACT_SHOT);
	insns[n++] = EXIT();
	fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "hop", "GPL", insns, n, NULL);
	if (fd < 0)
		stop(EXIT_SKIP, "cannot load a program: %s", strerror(errno));
	return fd;
}

/* lo's egress gets a program, and one that says which packets are for it. */
static void set_egress(int fd)
{
	int hop_fd = load_hop();

	set_lo_prog(BPF_TC_EGRESS, 1, hop_fd);
	set_lo_prog(BPF_TC_EGRESS, 2, fd);
	close(hop_fd);
}

static void clear_egress(void)
{
	set_lo_prog(BPF_TC_EGRESS, 2, -1);
	set_lo_prog(BPF_TC_EGRESS, 1, -1);
}

/* A run that starts another one where it has used all that it may. */
static void run_nested(int callers)
{
	struct shape s = { .callers = callers, .nests = true };
	struct shape inner = {
		.run = INNER,
		.callers = 1,
		.stack = INNER_STACK,
		.result = TC_ACT_SHOT,
	};
	int fd, inner_fd;

	fd = load_worst(&s, false);
	if (fd < 0)
		return;
	inner_fd = load_shape(&inner, -1, 0);
	if (inner_fd < 0)
		stop(1, "one caller with %d bytes is refused", INNER_STACK);
	set_slot(&s, fd);
	set_slot(&inner, inner_fd);
	set_egress(inner_fd);
	describe("another run at the limit", &s, 0);
	run(fd);
	if (number(INNER) != ENTRIES)
		stop(1, "%llu programs ran in the second run, not %d",
		     number(INNER), ENTRIES);
	clear_egress();
	close(inner_fd);
	close(fd);
}

/* How much of the stack is used where the packet gets to lo's egress program, or 0 if
 * it does not get there.
 */
static unsigned long long length_of_way(__u32 addr, int mark)
{
	struct bpf_insn insns[8];
	int n = 0, fd;

	n += load_map(insns, BPF_PSEUDO_MAP_VALUE, count_fd,
		      STACK_POINTER * sizeof(__u64));
	insns[n++] = STORE_REG(BPF_REG_2, BPF_REG_10, 0);
	insns[n++] = MOV_IMM(BPF_REG_0, TC_ACT_SHOT);
	insns[n++] = EXIT();
	fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "way", "GPL", insns, n, NULL);
	if (fd < 0)
		stop(EXIT_SKIP, "cannot load a program: %s", strerror(errno));
	set_egress(fd);
	reset_entries();
	close(send_packet(addr, mark));
	clear_egress();
	close(fd);
	return number(STACK_POINTER) ? THREAD_SIZE - number(STACK_POINTER) % THREAD_SIZE : 0;
}

/* A process sends, and the packet has come a long way before the program runs. */
static void run_behind(int callers, const char *what, __u32 addr, int mark)
{
	struct shape s = { .callers = callers, .result = TC_ACT_SHOT };
	int fd = load_worst(&s, false);
	unsigned long long way;
	__u64 count;

	if (fd < 0)
		return;
	if (callers == 1) {
		way = length_of_way(addr, mark);
		if (!way)
			stop(EXIT_SKIP, "a packet does not get to lo");
		printf("a way of %llu bytes to the program\n", way);
	}
	set_slot(&s, fd);
	set_egress(fd);
	describe(what, &s, 0);
	count = run_here(fd);
	reset_entries();
	close(send_packet(addr, mark));
	if (entries() != count)
		stop(1, "deep: %llu programs ran, not %llu", entries(), count);
	printf("  %llu tail calls\n", count - 1);
	shapes++;
	clear_egress();
	close(fd);
}

static void run_deep(int callers)
{
	run_behind(callers, "deep in the stack", INADDR_LOOPBACK, 1 + HOPS);
}

/* The far end of a tunnel: it is reached through the one before, the first by lo. */
static __u32 far_end(int tunnel)
{
	/* 192.168.tunnel.2 */
	return tunnel ? 0xc0a80002 + (tunnel << 8) : INADDR_LOOPBACK;
}

static void set_address(int udp, const char *name, unsigned long request, __u32 addr)
{
	struct sockaddr_in to = address(addr);
	struct ifreq ifr = {};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	memcpy(&ifr.ifr_addr, &to, sizeof(to));
	if (ioctl(udp, request, &ifr))
		stop(EXIT_SKIP, "no address for %s: %s", name, strerror(errno));
}

/* Tunnels in each other: false if this kernel has none. They stay until it ends. Newer
 * kernels let a packet through fewer of them.
 */
static bool set_tunnels(void)
{
	int udp = socket(AF_INET, SOCK_DGRAM, 0), i;

	for (i = 1; i <= TUNNELS; i++) {
		struct ip_tunnel_parm tunnel = {
			.iph = {
				.version = 4,
				.ihl = 5,
				.protocol = IPPROTO_IPIP,
				.daddr = htonl(far_end(i - 1)),
			},
		};
		struct ifreq ifr = { .ifr_name = "tunl0", .ifr_data = (void *)&tunnel };

		snprintf(tunnel.name, sizeof(tunnel.name), "deep%d", i);
		if (ioctl(udp, SIOCADDTUNNEL, &ifr) && errno != EEXIST) {
			close(udp);
			return false;
		}
		set_up(tunnel.name);
		set_address(udp, tunnel.name, SIOCSIFADDR, far_end(i) - 1);
		set_address(udp, tunnel.name, SIOCSIFDSTADDR, far_end(i));
	}
	close(udp);
	return true;
}

static void run_tunnels(int callers)
{
	static int tunnels = -1;

	if (tunnels < 0) {
		tunnels = set_tunnels() ? TUNNELS : 0;
		while (tunnels && !length_of_way(far_end(tunnels), 1))
			tunnels--;
		printf("%d tunnels in each other\n", tunnels);
	}
	if (tunnels)
		run_behind(callers, "below tunnels", far_end(tunnels), 1);
}

/*
 * The kernel writes a byte that a perf event watches. Its program runs on the stack
 * of the exception then, which has the size of that of an NMI, and for the kernel it
 * is one.
 */
static void run_in_exception(int callers)
{
	static char watched;
	struct shape s = { .run = IN_EXCEPTION, .callers = callers };
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.sample_period = 1,
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = (unsigned long)&watched,
		.bp_len = HW_BREAKPOINT_LEN_1,
	};
	int fd, event_fd, ends[2];
	__u64 count;

	fd = load_worst(&s, false);
	if (fd < 0)
		return;
	set_slot(&s, fd);
	event_fd = syscall(__NR_perf_event_open, &attr, 0, -1, -1, 0);
	if (event_fd < 0 || ioctl(event_fd, PERF_EVENT_IOC_SET_BPF, fd))
		stop(EXIT_SKIP, "cannot watch memory: %s", strerror(errno));
	describe("in an exception", &s, 0);
	reset_entries();
	if (pipe(ends) || write(ends[1], "", 1) != 1 ||
	    read(ends[0], &watched, 1) != 1)
		stop(EXIT_SKIP, "cannot read from a pipe: %s", strerror(errno));
	count = number(IN_EXCEPTION);
	if (count < 2 || count > ENTRIES)
		stop(1, "exception: %llu programs ran, not 2 to %d", count,
		     ENTRIES);
	printf("  %llu tail calls\n", count - 1);
	shapes++;
	close(ends[0]);
	close(ends[1]);
	close(event_fd);
	close(fd);
}

static void run_extensions(int callers)
{
	run_extension(callers, 1);
	run_extension(callers, 2);
	run_extension(callers, 4);
}

static void run_plains(int callers)
{
	run_plain(callers, false, false);
	run_plain(callers, true, false);
}

static void run_traceds(int callers)
{
	run_traced(callers);
	run_plain(callers, false, true);
	run_plain(callers, true, true);
}

static const struct {
	const char *name;
	void (*run)(int callers);
} ways[] = {
	{ "plain", run_plains },
	{ "traced", run_traceds },
	{ "extension", run_extensions },
	{ "exception", run_in_exception },
	{ "nested", run_nested },
	{ "deep", run_deep },
	{ "tunnels", run_tunnels },
};

#define WAYS	((int)ARRAY_SIZE(ways))

static void print_usage(FILE *f)
{
	fputs("Usage: tailcall_overflow --i-know [WAY]\n"
	      "\n"
	      "WAY is plain, traced, extension, exception, nested, deep or tunnels; without\n"
	      "it, all.\n"
	      "\n"
	      "Takes a kernel down that has bug N3 of the tail call family: run it in a\n"
	      "virtual machine. Exit status: 0 survived, 1 a program ran not as often as it\n"
	      "should, 2 wrong option, 4 cannot tell.\n", f);
}

int main(int argc, char **argv)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	int callers, way, first = 0, last = WAYS - 1;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		print_usage(stdout);
		return 0;
	}
	for (way = 0; argc == 3 && way < WAYS; way++)
		if (!strcmp(argv[2], ways[way].name)) {
			first = way;
			last = way;
		}
	if (argc < 2 || argc > 3 || strcmp(argv[1], "--i-know") ||
	    (argc == 3 && first != last)) {
		print_usage(stderr);
		return 2;
	}

	/* Before 5.11 BPF memory counts against this. */
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	libbpf_set_print(NULL);
	for (way = 0; way < RUNS; way++) {
		array_fd[way] = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "slots",
					       sizeof(__u32), sizeof(__u32), 1,
					       NULL);
		if (array_fd[way] < 0)
			stop(EXIT_SKIP, "bpf(2) does not work here: %s",
			     strerror(errno));
	}
	count_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "count", sizeof(__u32),
				  NUMBERS * sizeof(__u64), 1, NULL);
	if (count_fd < 0)
		stop(EXIT_SKIP, "no map: %s", strerror(errno));
	load_btf();
	set_up("lo");

	for (way = first; way <= last; way++)
		for (callers = 1; callers <= MAX_CALLERS; callers++)
			ways[way].run(callers);
	if (!shapes)
		stop(EXIT_SKIP, "the verifier refuses all of them");
	printf("survived %d shapes\n", shapes);
	return 0;
}
