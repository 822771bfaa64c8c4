// SPDX-License-Identifier: GPL-2.0
/*
 * On the tracepoint of tail calls that are not made. A probe is given the program and
 * the map as the kernel has them, and what the program has in R1: of a tc program that
 * is the sk_buff and of an XDP program the xdp_buff, so the device and the mark are
 * there to be read.
 *
 * Only what is read of the kernel's structures is declared: libbpf finds it. (As tp_btf
 * it could do without most of the helpers, but 6.1 does not give such a program
 * an argument that is a const void *.)
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "misses.h"

struct bpf_prog_aux {
	__u32 id;
	char name[16];
} __attribute__((preserve_access_index));

struct bpf_prog {
	enum bpf_prog_type type;
	struct bpf_prog_aux *aux;
} __attribute__((preserve_access_index));

struct bpf_map {
	__u32 id;
	char name[16];
} __attribute__((preserve_access_index));

struct net_device {
	int ifindex;
} __attribute__((preserve_access_index));

struct sk_buff {
	struct net_device *dev;
	__u32 mark;
} __attribute__((preserve_access_index));

struct xdp_rxq_info {
	struct net_device *dev;
} __attribute__((preserve_access_index));

struct xdp_buff {
	struct xdp_rxq_info *rxq;
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} misses SEC(".maps");

/* What the ring had no room for. */
__u64 lost;

static void read_packet(struct miss *miss, enum bpf_prog_type type, const void *r1)
{
	const struct xdp_buff *xdp = r1;
	const struct sk_buff *skb = r1;

	switch (type) {
	case BPF_PROG_TYPE_SCHED_CLS:
	case BPF_PROG_TYPE_SCHED_ACT:
		miss->ifindex = BPF_CORE_READ(skb, dev, ifindex);
		miss->mark = BPF_CORE_READ(skb, mark);
		break;
	case BPF_PROG_TYPE_XDP:
		miss->ifindex = BPF_CORE_READ(xdp, rxq, dev, ifindex);
		break;
	default:
		break;
	}
}

SEC("raw_tp/bpf_tail_call_miss")
int BPF_PROG(miss, const struct bpf_prog *caller, const struct bpf_map *map, __u32 index,
	     const struct bpf_prog *callee, __u32 reason, __u32 count, const void *r1)
{
	struct miss *miss = bpf_ringbuf_reserve(&misses, sizeof(*miss), 0);

	if (!miss) {
		__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	__builtin_memset(miss, 0, sizeof(*miss));
	miss->map_id = BPF_CORE_READ(map, id);
	miss->index = index;
	miss->reason = reason;
	miss->count = count;
	miss->caller_id = BPF_CORE_READ(caller, aux, id);
	BPF_CORE_READ_STR_INTO(&miss->map, map, name);
	BPF_CORE_READ_STR_INTO(&miss->caller, caller, aux, name);
	read_packet(miss, BPF_CORE_READ(caller, type), r1);
	bpf_ringbuf_submit(miss, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
