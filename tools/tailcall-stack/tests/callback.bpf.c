// SPDX-License-Identifier: GPL-2.0
/*
 * A helper's callback and a tail call: which ones the verifier refuses hangs on the
 * paths that it takes, and what a tool that takes all branches can say of that.
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

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} numbers SEC(".maps");

struct loop {
	struct __sk_buff *skb;
};

static long itself(void *map, __u32 *key, __u64 *value, struct loop *loop)
{
	bpf_tail_call(loop->skb, &next, 0);
	return 0;
}

/* Refused by 7.2, and with the series. */
SEC("tc")
int in_callback(struct __sk_buff *skb)
{
	struct loop loop = { .skb = skb };

	bpf_for_each_map_elem(&numbers, itself, &loop, 0);
	return 1;
}

static __noinline int jump(struct __sk_buff *skb)
{
	volatile long miss = 1;

	bpf_tail_call(skb, &next, 0);
	return miss;
}

static long by_function(void *map, __u32 *key, __u64 *value, struct loop *loop)
{
	jump(loop->skb);
	return 0;
}

/* With the series only. */
SEC("tc")
int in_function(struct __sk_buff *skb)
{
	struct loop loop = { .skb = skb };

	bpf_for_each_map_elem(&numbers, by_function, &loop, 0);
	return 1;
}

/* Verified apart from those who call it. */
__noinline int global_jump(struct __sk_buff *skb)
{
	volatile long miss = 1;

	bpf_tail_call(skb, &next, 0);
	return miss;
}

static long by_global(void *map, __u32 *key, __u64 *value, struct loop *loop)
{
	global_jump(loop->skb);
	return 0;
}

SEC("tc")
int in_global(struct __sk_buff *skb)
{
	struct loop loop = { .skb = skb };

	bpf_for_each_map_elem(&numbers, by_global, &loop, 0);
	return 1;
}

static __noinline int maybe_jump(struct __sk_buff *skb, int may)
{
	volatile long miss = 1;

	if (may)
		bpf_tail_call(skb, &next, 0);
	return miss;
}

static long must_not(void *map, __u32 *key, __u64 *value, struct loop *loop)
{
	maybe_jump(loop->skb, 0);
	return 0;
}

/* No path of the callback takes it: accepted. */
SEC("tc")
int forbidden(struct __sk_buff *skb)
{
	struct loop loop = { .skb = skb };

	bpf_for_each_map_elem(&numbers, must_not, &loop, 0);
	return maybe_jump(skb, 1);
}

static long may(void *map, __u32 *key, __u64 *value, struct loop *loop)
{
	maybe_jump(loop->skb, 1);
	return 0;
}

/* One does: refused with the series. */
SEC("tc")
int allowed(struct __sk_buff *skb)
{
	struct loop loop = { .skb = skb };

	bpf_for_each_map_elem(&numbers, may, &loop, 0);
	return maybe_jump(skb, 0);
}

static long harmless(void *map, __u32 *key, __u64 *value, struct loop *loop)
{
	return 0;
}

/* The counter goes past the helper. */
SEC("tc")
int beside(struct __sk_buff *skb)
{
	struct loop loop = { .skb = skb };

	bpf_for_each_map_elem(&numbers, harmless, &loop, 0);
	return jump(skb);
}

char LICENSE[] SEC("license") = "GPL";
