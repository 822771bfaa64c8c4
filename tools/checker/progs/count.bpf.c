// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that count how often a run enters them, and stop themselves at
 * BOUND entries: they end on every kernel, whatever its limit does.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bound.h"

enum { SELF, EMPTY, SLOTS };

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, SLOTS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} jump SEC(".maps");

__u32 entries;

/* volatile: clang drops a return value that nobody reads. */
static __noinline int sub(struct __sk_buff *skb)
{
	volatile int ret = 0;

	bpf_tail_call_static(skb, &jump, SELF);
	return ret;
}

/* entry -call-> sub -tail call-> entry, from two call sites */
SEC("tc")
int hierarchy(struct __sk_buff *skb)
{
	if (++entries > BOUND)
		return 0;
	sub(skb);
	sub(skb);
	return 0;
}

/* entry -call-> sub -tail call-> entry; fentry gets attached to sub */
SEC("tc")
int trampoline(struct __sk_buff *skb)
{
	if (++entries > BOUND)
		return 0;
	sub(skb);
	return 0;
}

/* As above, with a stack whose size the JIT has to round up. */
SEC("tc")
int odd_stack(struct __sk_buff *skb)
{
	volatile char odd[9];

	if (++entries > BOUND)
		return 0;
	odd[0] = 1;
	sub(skb);
	return odd[0];
}

/* The first entry misses more often than a run may tail call. */
SEC("tc")
int miss(struct __sk_buff *skb)
{
	int first = !entries;

	if (++entries > BOUND)
		return 0;
	if (first) {
#pragma unroll
		for (int i = 0; i < LIMIT + 2; i++)
			bpf_tail_call_static(skb, &jump, EMPTY);
	}
	bpf_tail_call_static(skb, &jump, SELF);
	return 0;
}

char _license[] SEC("license") = "GPL";
