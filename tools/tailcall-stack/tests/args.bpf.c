// SPDX-License-Identifier: GPL-2.0
/*
 * What a tool that reads code can miss: stack that is only written by helpers,
 * by a subprogram through its argument, by a callback, at an index, and a
 * pointer that two paths leave with another value.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

struct pair {
	__u64 a;
	__u64 b;
};

static __noinline void fill(struct pair *pair, __u64 by)
{
	pair->a = by;
	pair->b = by + 1;
}

SEC("tc")
int by_subprogram(struct __sk_buff *skb)
{
	struct pair pair;

	fill(&pair, skb->len);
	return pair.a == pair.b;
}

SEC("tc")
int by_helper(struct __sk_buff *skb)
{
	char head[40];

	if (bpf_skb_load_bytes(skb, 0, head, sizeof(head)))
		return 0;
	return head[12];
}

SEC("tc")
int by_index(struct __sk_buff *skb)
{
	volatile char digits[24] = {};

	digits[skb->len & 15] = 1;
	return digits[skb->mark & 15];
}

SEC("tc")
int by_path(struct __sk_buff *skb)
{
	struct pair one, other, *pair = &other;

	one.a = skb->len;
	other.b = skb->mark;
	asm volatile ("" : : "r"(&one), "r"(&other) : "memory");
	if (skb->hash)
		pair = &one;
	asm volatile ("" : "+r"(pair));
	pair->a = 1;
	pair->b = 2;
	return one.a + other.b;
}

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} numbers SEC(".maps");

static long each(void *map, __u32 *key, __u64 *value, void *ctx)
{
	struct pair *pair = ctx;

	pair->a += *value;
	return 0;
}

SEC("tc")
int by_callback(struct __sk_buff *skb)
{
	struct pair pair = {};

	bpf_for_each_map_elem(&numbers, each, &pair, 0);
	return pair.a;
}

char LICENSE[] SEC("license") = "GPL";
