// SPDX-License-Identifier: GPL-2.0
/* Extensions of keep() in verifier.bpf.c. None is attached. */
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

/* Its prologue may pull data, too. */
SEC("freplace/keep")
int writing_ext(struct __sk_buff *skb)
{
	char *data = (void *)(long)skb->data;

	if (data + 1 <= (char *)(long)skb->data_end)
		*data = 1;
	return 0;
}

char _license[] SEC("license") = "GPL";
