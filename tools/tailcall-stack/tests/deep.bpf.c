// SPDX-License-Identifier: GPL-2.0
/*
 * Many callers with little stack: CALLERS of 8 bytes each. What the JIT adds to
 * a frame is more than what the program uses, which only the series counts.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} next SEC(".maps");

static __noinline int caller0(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &next, 0);
	return 1;
}

#define CALLER(n, callee)						\
static __noinline int caller##n(struct __sk_buff *skb)			\
{									\
	char area[8];							\
									\
	if (bpf_skb_load_bytes(skb, 0, area, sizeof(area)))		\
		return 0;						\
	return caller##callee(skb) + area[0];				\
}

CALLER(1, 0)
CALLER(2, 1)
CALLER(3, 2)
CALLER(4, 3)
#if CALLERS > 5
CALLER(5, 4)
#define LAST caller5
#else
#define LAST caller4
#endif

SEC("tc")
int deep(struct __sk_buff *skb)
{
	char area[8];

	if (bpf_skb_load_bytes(skb, 0, area, sizeof(area)))
		return 0;
	return LAST(skb) + area[0];
}

char LICENSE[] SEC("license") = "GPL";
