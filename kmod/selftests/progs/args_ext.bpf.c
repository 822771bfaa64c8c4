// SPDX-License-Identifier: GPL-2.0
/* Extensions of functions in args.bpf.c. None is attached. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define __arg(tag) __attribute__((btf_decl_tag("arg:" #tag)))

/* The same name, and more of it. */
struct grows {
	__u32 first[16];
};

/* And less. */
struct stays {
	__u32 first[2];
};

SEC("freplace/take_grows")
int more_memory(struct __sk_buff *skb, struct grows *p)
{
	int len = skb->len;

	return p ? p->first[15] + len : len;
}

SEC("freplace/take_stays")
int less_memory(struct __sk_buff *skb, struct stays *p)
{
	int len = skb->len;

	return p ? p->first[1] + len : len;
}

SEC("freplace/take_nonnull")
int no_null(struct __sk_buff *skb, struct stays *p __arg(nonnull))
{
	return p->first[1] + skb->len;
}

SEC("freplace/take_number")
int writing(struct __sk_buff *skb, int number)
{
	char *data = (void *)(long)skb->data;

	if (data + 1 <= (char *)(long)skb->data_end)
		*data = 1;
	return number;
}

char _license[] SEC("license") = "GPL";
