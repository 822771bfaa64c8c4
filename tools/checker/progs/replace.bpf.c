// SPDX-License-Identifier: GPL-2.0
/* Two extensions of keep() in verifier.bpf.c. Neither is attached. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("freplace/keep")
int pulling_ext(struct __sk_buff *skb)
{
	return bpf_skb_pull_data(skb, 0);
}

SEC("freplace/keep")
int keeping_ext(struct __sk_buff *skb)
{
	return skb->len;
}

char _license[] SEC("license") = "GPL";
