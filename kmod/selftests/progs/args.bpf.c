// SPDX-License-Identifier: GPL-2.0
/* Functions that extensions in args_ext.bpf.c replace, with what they are handed. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define __arg(tag) __attribute__((btf_decl_tag("arg:" #tag)))

struct grows {
	__u32 first;
};

struct stays {
	__u32 first[4];
};

__noinline int take_grows(struct __sk_buff *skb, struct grows *p)
{
	int len = skb->len;

	return p ? p->first + len : len;
}

__noinline int take_stays(struct __sk_buff *skb, struct stays *p)
{
	int len = skb->len;

	return p ? p->first[3] + len : len;
}

__noinline int take_nonnull(struct __sk_buff *skb, struct stays *p __arg(nonnull))
{
	return p->first[3] + skb->len;
}

SEC("tc")
int hand_memory(struct __sk_buff *skb)
{
	struct grows grows = { skb->len };
	struct stays stays = { { skb->len, 2, 3, 4 } };

	return take_grows(skb, &grows) + take_stays(skb, &stays);
}

SEC("tc")
int hand_nonnull(struct __sk_buff *skb)
{
	/* No constant, which clang would put where nobody may write. */
	struct stays stays = { { skb->len, 2, 3, 4 } };

	return take_nonnull(skb, &stays) + take_stays(skb, 0);
}

__noinline int take_number(struct __sk_buff *skb, int number)
{
	bpf_skb_pull_data(skb, 0);
	return number;
}

SEC("tc")
int hand_number(struct __sk_buff *skb)
{
	return take_number(skb, skb->len);
}

char _license[] SEC("license") = "GPL";
