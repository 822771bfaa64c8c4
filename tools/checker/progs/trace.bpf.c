// SPDX-License-Identifier: GPL-2.0
/*
 * Programs whose tail calls are known: what the tracer says of them can be
 * checked to the last one.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "../trace.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, TRACE_SLOTS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} jump SEC(".maps"), irq_jump SEC(".maps"), probe_jump SEC(".maps");

/* Where a tail call goes that does not know it beforehand. */
volatile __u32 where;

/* Tail callees that ran, in contexts where nobody else counts. */
volatile __u64 arrived;

SEC("tc")
int parse(struct __sk_buff *skb)
{
	return CALLEE_RAN;
}

SEC("tc")
int drop(struct __sk_buff *skb)
{
	return CALLEE_RAN;
}

/* One hit, as a direct jump. */
SEC("tc")
int entry(struct __sk_buff *skb)
{
	bpf_tail_call_static(skb, &jump, SLOT_PARSE);
	return 0;
}

/* Where user space says. */
SEC("tc")
int anywhere(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &jump, where);
	return 0;
}

/* Two sites, an empty slot and one that there is not, and then a hit. */
SEC("tc")
int misses(struct __sk_buff *skb)
{
	bpf_tail_call_static(skb, &jump, SLOT_EMPTY);
	bpf_tail_call_static(skb, &jump, TRACE_SLOTS + 1);
	bpf_tail_call_static(skb, &jump, SLOT_PARSE);
	return 0;
}

/* As many hits as a run may have, and one more try. */
SEC("tc")
int chain(struct __sk_buff *skb)
{
	bpf_tail_call_static(skb, &jump, SLOT_CHAIN);
	return 0;
}

/* The same, and then an empty slot. */
SEC("tc")
int spent(struct __sk_buff *skb)
{
	bpf_tail_call_static(skb, &jump, SLOT_FREE);
	bpf_tail_call_static(skb, &jump, SLOT_EMPTY);
	return 0;
}

/* volatile: clang drops a return value that nobody reads. */
static __noinline int inner(struct __sk_buff *skb)
{
	volatile int ret = 0;

	bpf_tail_call_static(skb, &jump, SLOT_PARSE);
	return ret;
}

/* Two runs of one site, in a subprogram. */
SEC("tc")
int outer(struct __sk_buff *skb)
{
	inner(skb);
	inner(skb);
	return 0;
}

/* To be refused where the others are welcome. */
SEC("xdp")
int other(struct xdp_md *ctx)
{
	return XDP_PASS;
}

/* In a hard interrupt. */
SEC("perf_event")
int irq_callee(void *ctx)
{
	__sync_fetch_and_add(&arrived, 1);
	return 0;
}

SEC("perf_event")
int irq_entry(void *ctx)
{
	bpf_tail_call(ctx, &irq_jump, 0);
	return 0;
}

/* Where the kernel itself is: at its tracepoints, those of the tracer too. */
SEC("raw_tp")
int probe_callee(void *ctx)
{
	__sync_fetch_and_add(&arrived, 1);
	return 0;
}

SEC("raw_tp")
int probe_entry(void *ctx)
{
	bpf_tail_call(ctx, &probe_jump, 0);
	return 0;
}

char _license[] SEC("license") = "GPL";
