// SPDX-License-Identifier: GPL-2.0
/*
 * miss - make tail calls that miss: three of a tc program, of packets with the mark
 * 0x2a, and three of an XDP program, of packets that come by lo
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <bpf/bpf.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define INSN(c, d, s, i) \
	((struct bpf_insn) { .code = (c), .dst_reg = (d), .src_reg = (s), .imm = (i) })

#define EMPTY	3
#define TIMES	3

static int make_misses(enum bpf_prog_type type, const char *prog_name,
		       const char *map_name, struct __sk_buff *skb)
{
	int map = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, map_name, 4, 4, EMPTY + 1, NULL);
	struct bpf_insn insns[] = {
		INSN(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_2, BPF_PSEUDO_MAP_FD, map),
		INSN(0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, EMPTY),
		INSN(BPF_JMP | BPF_CALL, 0, 0, BPF_FUNC_tail_call),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0),
	};
	char packet[64] = "";
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet,
		    .data_size_in = sizeof(packet), .repeat = TIMES, .ctx_in = skb,
		    .ctx_size_in = skb ? sizeof(*skb) : 0);
	int prog;

	prog = bpf_prog_load(type, prog_name, "GPL", insns, ARRAY_SIZE(insns), NULL);
	if (map < 0 || prog < 0 || bpf_prog_test_run_opts(prog, &opts)) {
		fprintf(stderr, "miss: %s: %s\n", prog_name, strerror(errno));
		return 1;
	}
	return 0;
}

int main(void)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct __sk_buff skb = { .mark = 0x2a };

	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	return make_misses(BPF_PROG_TYPE_SCHED_CLS, "of_tc", "tc_jump", &skb) ||
	       make_misses(BPF_PROG_TYPE_XDP, "of_xdp", "xdp_jump", NULL);
}
