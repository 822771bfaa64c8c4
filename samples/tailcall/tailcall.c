// SPDX-License-Identifier: GPL-2.0
/*
 * tailcall [--calls] INTERFACE: attach the classifier of tailcall.bpf.c to what
 * INTERFACE receives, and do what is said on standard input. See usage_text.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <net/if.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tailcall.h"
#include "tailcall.skel.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const char usage_text[] =
"usage: tailcall [--calls] INTERFACE\n"
"       tailcall --measure\n"
"\n"
"Classifies what INTERFACE receives, by tail calls or, with --calls, by bpf2bpf\n"
"calls, and does what standard input says, one command a line:\n"
"\n"
"  show                counters since the start\n"
"  set SLOT PROGRAM    fill or replace a slot: tcp, udp, icmp;\n"
"                      with a program: tcp, udp, udp_drop, icmp\n"
"  empty SLOT          packets of this protocol miss from now on\n"
"  quit                or end of input, or Ctrl-C: detach everything\n"
"\n"
"Each answer ends with a line \"ok\" or \"error: ...\". --measure runs both on a\n"
"packet of each protocol and prints what they take; it attaches nothing.\n";

static const char * const slot_names[NR_SLOTS] = {
	[SLOT_TCP] = "tcp",
	[SLOT_UDP] = "udp",
	[SLOT_ICMP] = "icmp",
};

static const char * const counter_names[NR_COUNTERS] = {
	[COUNT_NOT_IP] = "not_ip",
	[COUNT_BROKEN] = "broken",
	[COUNT_FRAGMENT] = "fragment",
	[COUNT_NO_SLOT] = "no_slot",
	[COUNT_EMPTY_SLOT] = "empty_slot",
	[COUNT_HANDLED] = "handled",
	[COUNT_TCP] = "tcp",
	[COUNT_TCP_SYN] = "tcp_syn",
	[COUNT_UDP] = "udp",
	[COUNT_UDP_DROPPED] = "udp_dropped",
	[COUNT_ICMP] = "icmp",
};

static int find_slot(const char *name)
{
	int slot;

	for (slot = 0; name && slot < NR_SLOTS; slot++)
		if (!strcmp(slot_names[slot], name))
			return slot;
	return -1;
}

/* The programs that may stand in a slot. */
static struct bpf_program *find_program(struct tailcall_bpf *skel, const char *name)
{
	struct bpf_program * const programs[] = {
		skel->progs.tcp,
		skel->progs.udp,
		skel->progs.udp_drop,
		skel->progs.icmp,
	};
	size_t i;

	for (i = 0; name && i < ARRAY_SIZE(programs); i++)
		if (!strcmp(bpf_program__name(programs[i]), name))
			return programs[i];
	return NULL;
}

/* Returns 0 or a negative error. A slot that has a program gets the new one. */
static int set_slot(struct tailcall_bpf *skel, __u32 slot,
		    const struct bpf_program *prog)
{
	int fd = bpf_program__fd(prog);

	return bpf_map__update_elem(skel->maps.protocols, &slot, sizeof(slot),
				    &fd, sizeof(fd), BPF_ANY);
}

static int empty_slot(struct tailcall_bpf *skel, __u32 slot)
{
	return bpf_map__delete_elem(skel->maps.protocols, &slot, sizeof(slot), 0);
}

static int fill_slots(struct tailcall_bpf *skel)
{
	int slot, err;

	for (slot = 0; slot < NR_SLOTS; slot++) {
		err = set_slot(skel, slot, find_program(skel, slot_names[slot]));
		if (err)
			return err;
	}
	return 0;
}

/* The sum over all CPUs. */
static int read_counter(struct tailcall_bpf *skel, __u32 id, struct counter *sum)
{
	int cpu, err, cpus = libbpf_num_possible_cpus();
	struct counter *values;

	memset(sum, 0, sizeof(*sum));
	if (cpus < 0)
		return cpus;
	values = calloc(cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	err = bpf_map__lookup_elem(skel->maps.counters, &id, sizeof(id), values,
				   cpus * sizeof(*values), 0);
	for (cpu = 0; !err && cpu < cpus; cpu++) {
		sum->packets += values[cpu].packets;
		sum->bytes += values[cpu].bytes;
	}
	free(values);
	return err;
}

static int show(struct tailcall_bpf *skel)
{
	struct counter sum;
	int id, err;

	for (id = 0; id < NR_COUNTERS; id++) {
		err = read_counter(skel, id, &sum);
		if (err)
			return err;
		printf("%-12s %10llu packets %12llu bytes\n", counter_names[id],
		       sum.packets, sum.bytes);
	}
	return 0;
}

static void answer(int err)
{
	if (err)
		printf("error: %s\n", strerror(-err));
	else
		printf("ok\n");
}

/* Returns false when it is time to go. */
static bool obey(struct tailcall_bpf *skel, char *line)
{
	const char *word = strtok(line, " \t\n");
	struct bpf_program *prog;
	int slot;

	if (!word)
		return true;
	if (!strcmp(word, "quit"))
		return false;
	if (!strcmp(word, "show")) {
		answer(show(skel));
		return true;
	}
	if (strcmp(word, "set") && strcmp(word, "empty")) {
		printf("error: no command %s: show, set, empty or quit\n", word);
		return true;
	}
	slot = find_slot(strtok(NULL, " \t\n"));
	if (slot < 0) {
		printf("error: name a slot: tcp, udp or icmp\n");
		return true;
	}
	if (!strcmp(word, "empty")) {
		answer(empty_slot(skel, slot));
		return true;
	}
	prog = find_program(skel, strtok(NULL, " \t\n"));
	if (!prog) {
		printf("error: name a program: tcp, udp, udp_drop or icmp\n");
		return true;
	}
	answer(set_slot(skel, slot, prog));
	return true;
}

static void on_signal(int sig)
{
	/* Nothing to do: that it came ends the read of a command. */
	(void)sig;
}

static int run(struct tailcall_bpf *skel)
{
	struct sigaction action = { .sa_handler = on_signal };
	char line[256];

	if (sigaction(SIGINT, &action, NULL) || sigaction(SIGTERM, &action, NULL)) {
		perror("tailcall: cannot catch signals");
		return 1;
	}
	printf("ok\n");
	while (fgets(line, sizeof(line), stdin))
		if (!obey(skel, line))
			break;
	if (ferror(stdin) && errno != EINTR) {
		perror("tailcall: cannot read commands");
		return 1;
	}
	return 0;
}

/* Attach, run, detach: also when something in between fails. */
static int serve(struct tailcall_bpf *skel, const char *name, bool calls)
{
	const struct bpf_program *prog = calls ? skel->progs.classify_call :
						 skel->progs.classify_tail;
	LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = bpf_program__fd(prog));
	bool ours;
	int err;

	hook.ifindex = if_nametoindex(name);
	if (!hook.ifindex) {
		fprintf(stderr, "tailcall: no interface %s: see ip link\n", name);
		return 1;
	}
	/* Others may use the hook, too: then it is there, and stays. */
	err = bpf_tc_hook_create(&hook);
	ours = !err;
	if (err && err != -EEXIST) {
		fprintf(stderr, "tailcall: cannot add clsact to %s: %s\n", name,
			strerror(-err));
		return 1;
	}
	err = bpf_tc_attach(&hook, &opts);
	if (err) {
		fprintf(stderr, "tailcall: cannot attach to %s: %s\n", name,
			strerror(-err));
	} else {
		err = run(skel);
		opts.flags = 0;
		opts.prog_fd = 0;
		opts.prog_id = 0;
		if (bpf_tc_detach(&hook, &opts)) {
			fprintf(stderr, "tailcall: cannot detach from %s\n", name);
			err = 1;
		}
	}
	if (ours) {
		hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
		if (bpf_tc_hook_destroy(&hook)) {
			fprintf(stderr, "tailcall: cannot take clsact off %s\n",
				name);
			err = 1;
		}
	}
	return !!err;
}

static int measure_one(const struct bpf_program *prog, __u8 protocol)
{
	struct {
		struct ethhdr eth;
		struct iphdr ip;
		struct tcphdr tcp;
	} __attribute__((packed)) packet = {
		.eth.h_proto = __builtin_bswap16(ETH_P_IP),
		.ip = { .version = 4, .ihl = 5, .protocol = protocol },
	};
	struct bpf_test_run_opts opts = {
		.sz = sizeof(opts),
		.data_in = &packet,
		.data_size_in = sizeof(packet),
		.repeat = 100000,
	};
	int err = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);

	return err ? err : (int)opts.duration;
}

static int print_size(const struct bpf_program *prog)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int err;

	err = bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len);
	if (err)
		return err;
	printf("%-14s %5zu insns %6u bytes of machine code\n",
	       bpf_program__name(prog),
	       info.xlated_prog_len / sizeof(struct bpf_insn),
	       info.jited_prog_len);
	return 0;
}

static int measure(struct tailcall_bpf *skel)
{
	static const __u8 protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };
	struct bpf_program *prog;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(protocols); i++) {
		int calls = measure_one(skel->progs.classify_call, protocols[i]);
		int tail = measure_one(skel->progs.classify_tail, protocols[i]);
		int missed;

		if (empty_slot(skel, i))
			return -errno;
		missed = measure_one(skel->progs.classify_tail, protocols[i]);
		if (calls < 0 || tail < 0 || missed < 0)
			return -EINVAL;
		printf("%-5s tail call %4d ns, bpf2bpf call %4d ns, miss %4d ns\n",
		       slot_names[i], tail, calls, missed);
	}
	bpf_object__for_each_program(prog, skel->obj) {
		int err = print_size(prog);

		if (err)
			return err;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "calls", no_argument, NULL, 'c' },
		{ "measure", no_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	bool calls = false, measures = false;
	struct tailcall_bpf *skel;
	int opt, err;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			calls = true;
			break;
		case 'm':
			measures = true;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return 0;
		default:
			fputs("Try --help.\n", stderr);
			return 2;
		}
	}
	if (optind + !measures != argc) {
		fputs("tailcall: name one interface, see --help\n", stderr);
		return 2;
	}
	/* Answers are read by scripts, too. */
	setlinebuf(stdout);

	skel = tailcall_bpf__open_and_load();
	if (!skel) {
		err = -errno;
		fprintf(stderr, "tailcall: cannot load the programs: %s%s\n",
			strerror(-err), err == -EPERM ? ": run it as root" : "");
		return 1;
	}
	err = fill_slots(skel);
	if (err) {
		fprintf(stderr, "tailcall: cannot fill the slots: %s\n",
			strerror(-err));
		err = 1;
	} else if (measures) {
		err = measure(skel);
		if (err)
			fprintf(stderr, "tailcall: cannot measure: %s\n",
				strerror(-err));
		err = !!err;
	} else {
		err = serve(skel, argv[optind], calls);
	}
	/* The slots go with the last descriptor of the map, so after detaching. */
	tailcall_bpf__destroy(skel);
	return err;
}
