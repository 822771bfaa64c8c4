// SPDX-License-Identifier: GPL-2.0
/* What they extend is set when they are loaded. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} jump SEC(".maps");

/* The array belongs to the extension: what it takes, that can be called. */
SEC("freplace/first")
int first_ext(struct __sk_buff *skb)
{
	volatile int ret = 3;

	bpf_tail_call_static(skb, &jump, 0);
	return skb ? ret : 0;
}

SEC("freplace/second")
int second_ext(struct __sk_buff *skb)
{
	volatile int ret = 4;

	return skb ? ret : 0;
}

char _license[] SEC("license") = "GPL";
