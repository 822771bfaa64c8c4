// SPDX-License-Identifier: GPL-2.0
/* Callers that stay on the stack under a tail call: programs only to load. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} slots SEC(".maps");

static __noinline int tail(struct __sk_buff *skb)
{
	bpf_tail_call_static(skb, &slots, 0);
	return 0;
}

/* Each keeps a little of its own, so that no call can become a jump. */
static __noinline int caller6(struct __sk_buff *skb)
{
	volatile int kept = tail(skb);

	return kept + 1;
}

static __noinline int caller5(struct __sk_buff *skb)
{
	volatile int kept = caller6(skb);

	return kept + 1;
}

static __noinline int caller4(struct __sk_buff *skb)
{
	volatile int kept = caller5(skb);

	return kept + 1;
}

static __noinline int caller3(struct __sk_buff *skb)
{
	volatile int kept = caller4(skb);

	return kept + 1;
}

static __noinline int caller2(struct __sk_buff *skb)
{
	volatile int kept = caller3(skb);

	return kept + 1;
}

static __noinline int caller1(struct __sk_buff *skb)
{
	volatile int kept = caller2(skb);

	return kept + 1;
}

/* Seven callers use 8 bytes each, and the JIT adds 56 or 64 to each. */
SEC("tc")
int seven_callers(struct __sk_buff *skb)
{
	volatile int kept = caller1(skb);

	return kept + 1;
}

static __noinline int big_caller(struct __sk_buff *skb)
{
	volatile __u64 kept[12] = {};

	kept[0] = tail(skb);
	return kept[skb->len & 7];
}

/* What has to work: two callers with 224 bytes. */
SEC("tc")
int two_callers(struct __sk_buff *skb)
{
	volatile __u64 kept[16] = {};

	kept[0] = big_caller(skb);
	return kept[skb->len & 7];
}

char LICENSE[] SEC("license") = "GPL";
