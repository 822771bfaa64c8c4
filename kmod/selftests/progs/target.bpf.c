// SPDX-License-Identifier: GPL-2.0
/* A program with two functions that extensions can replace. It is never run. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

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
	return first(skb) + second(skb);
}

char _license[] SEC("license") = "GPL";
