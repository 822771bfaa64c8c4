// SPDX-License-Identifier: GPL-2.0
/*
 * A program with two functions that extensions can replace. It is never run.
 *
 * Since 6.12 an extension may change packet data, as a tail call might, only
 * where the function that it replaces does: hence bpf_skb_pull_data().
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__noinline int first(struct __sk_buff *skb)
{
	volatile int ret = 1;

	bpf_skb_pull_data(skb, 0);
	return skb ? ret : 0;
}

__noinline int second(struct __sk_buff *skb)
{
	volatile int ret = 2;

	bpf_skb_pull_data(skb, 0);
	return skb ? ret : 0;
}

SEC("tc")
int target(struct __sk_buff *skb)
{
	return first(skb) + second(skb);
}

char _license[] SEC("license") = "GPL";
