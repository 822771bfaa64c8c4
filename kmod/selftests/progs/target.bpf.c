// SPDX-License-Identifier: GPL-2.0
/* A program with two functions that extensions can replace. It is never run. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} jump SEC(".maps");

__noinline int first(struct __sk_buff *skb)
{
	volatile int ret = 1;

	return skb ? ret : 0;
}

__noinline int second(struct __sk_buff *skb)
{
	volatile int ret = 2;

	return skb ? ret : 0;
}

SEC("tc")
int target(struct __sk_buff *skb)
{
	/* The owner of the array is a tc program. */
	bpf_tail_call_static(skb, &jump, 0);
	return first(skb) + second(skb);
}

char _license[] SEC("license") = "GPL";
