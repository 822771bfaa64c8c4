// SPDX-License-Identifier: GPL-2.0
/*
 * A program as people have it: a subprogram keeps two structs on its stack, and
 * the tail call is made further down. Kernels up to 6.1 load it without
 * DEBUG_PRINTK and refuse it with: the format string lies on the stack, too,
 * where there is no global data.
 */
#define BPF_NO_GLOBAL_DATA
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

/* 44 bytes */
struct tunnel {
	__u32 id;
	__u32 src[4];
	__u32 dst[4];
	__u32 flags;
	__u32 mark;
};

/* 48 bytes */
struct sflow {
	__u64 first;
	__u64 last;
	__u64 bytes;
	__u64 packets;
	__u64 hash;
	__u64 ifindex;
};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} next SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct tunnel);
	__type(value, struct sflow);
} flows SEC(".maps");

static __noinline int dispatch(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &next, skb->mark & 3);
	return 1;
}

static __noinline int record(struct __sk_buff *skb)
{
	struct tunnel tunnel = {};
	struct sflow flow = {};

	tunnel.mark = skb->mark;
	tunnel.flags = skb->protocol;
	flow.first = bpf_ktime_get_ns();
	flow.bytes = skb->len;
	flow.ifindex = skb->ifindex;
	bpf_map_update_elem(&flows, &tunnel, &flow, BPF_ANY);
#ifdef DEBUG_PRINTK
	bpf_printk("tunnel: recorded a flow with mark %u on interface %u, and it has %u bytes...",
		   skb->mark, skb->ifindex, skb->len);
#endif
	return dispatch(skb);
}

static __noinline int inspect(struct __sk_buff *skb)
{
	if (!skb->len)
		return 0;
	return record(skb) + 1;
}

SEC("tc")
int classify(struct __sk_buff *skb)
{
	return inspect(skb) ? TC_ACT_OK : TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "GPL";
