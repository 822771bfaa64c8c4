// SPDX-License-Identifier: GPL-2.0
/* What they extend is set when they are loaded. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("freplace/first")
int first_ext(struct __sk_buff *skb)
{
	volatile int ret = 3;

	return skb ? ret : 0;
}

SEC("freplace/second")
int second_ext(struct __sk_buff *skb)
{
	volatile int ret = 4;

	return skb ? ret : 0;
}

char _license[] SEC("license") = "GPL";
