// SPDX-License-Identifier: GPL-2.0
/*
 * Programs whose callback reaches a tail call. They are only loaded: a kernel
 * that accepts one would panic if it ran.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} jump SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} elements SEC(".maps");

struct callback_ctx {
	struct __sk_buff *skb;
};

/* volatile: clang drops a return value that nobody reads. */
static __noinline int sub(struct __sk_buff *skb)
{
	volatile int ret = 0;

	bpf_tail_call_static(skb, &jump, 0);
	return ret;
}

static long call_directly(void *map, __u32 *key, __u64 *value,
			  struct callback_ctx *c)
{
	bpf_tail_call_static(c->skb, &jump, 0);
	return 0;
}

static long call_in_sub(void *map, __u32 *key, __u64 *value,
			struct callback_ctx *c)
{
	sub(c->skb);
	return 0;
}

static long call_nothing(void *map, __u32 *key, __u64 *value,
			 struct callback_ctx *c)
{
	return 0;
}

SEC("tc")
int callback_direct(struct __sk_buff *skb)
{
	struct callback_ctx c = { .skb = skb };

	bpf_for_each_map_elem(&elements, call_directly, &c, 0);
	return 0;
}

SEC("tc")
int callback_subprog(struct __sk_buff *skb)
{
	struct callback_ctx c = { .skb = skb };

	bpf_for_each_map_elem(&elements, call_in_sub, &c, 0);
	return 0;
}

/* The control: a kernel that refuses this one too says nothing about the bug. */
SEC("tc")
int callback_control(struct __sk_buff *skb)
{
	struct callback_ctx c = { .skb = skb };

	bpf_for_each_map_elem(&elements, call_nothing, &c, 0);
	bpf_tail_call_static(skb, &jump, 0);
	return 0;
}

char _license[] SEC("license") = "GPL";
