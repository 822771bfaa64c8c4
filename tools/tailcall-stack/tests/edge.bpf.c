// SPDX-License-Identifier: GPL-2.0
/*
 * One caller with STACK bytes of stack, a multiple of 8, in front of a tail
 * call: where the limit is, and how a frame is rounded.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} next SEC(".maps");

static __noinline int dispatch(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &next, 0);
	return 1;
}

SEC("tc")
int edge(struct __sk_buff *skb)
{
	char area[STACK];

	if (bpf_skb_load_bytes(skb, 0, area, sizeof(area)))
		return 0;
	return dispatch(skb) + area[0];
}

char LICENSE[] SEC("license") = "GPL";
