// SPDX-License-Identifier: GPL-2.0
/*
 * The shapes of real programs that need functions; the others are made of insns in
 * tailcall_shapes.c. A case loads what it names and nothing else.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} jumps SEC(".maps");

/* What clang cannot know and the verifier does. */
static __always_inline __u64 opaque(__u64 value)
{
	asm volatile("" : "+r"(value));
	return value;
}

/* ---- C: a dispatcher as libxdp has it, and what takes a function's place --------- */

__noinline int slot_of_dispatcher(struct xdp_md *xdp)
{
	volatile int ret = XDP_PASS;

	/* Since 6.12 only then may an extension make a tail call. */
	bpf_xdp_adjust_head(xdp, 0);
	return xdp ? ret : XDP_ABORTED;
}

SEC("?xdp")
int dispatcher(struct xdp_md *xdp)
{
	return slot_of_dispatcher(xdp);
}

SEC("?freplace/slot_of_dispatcher")
int extension(struct xdp_md *xdp)
{
	volatile int ret = XDP_DROP;

	bpf_tail_call(xdp, &jumps, 0);
	return xdp ? ret : XDP_ABORTED;
}

SEC("?freplace/slot_of_dispatcher")
int plain_extension(struct xdp_md *xdp)
{
	volatile int ret = XDP_DROP;

	return xdp ? ret : XDP_ABORTED;
}

/* ---- E: a tail call that the callback's path never takes ------------------------- */

struct loop {
	struct __sk_buff *skb;
};

static __noinline int maybe_jump(struct __sk_buff *skb, int jump)
{
	if (jump)
		bpf_tail_call(skb, &jumps, 0);
	return opaque(1);
}

static int never_jump(__u32 index, struct loop *loop)
{
	maybe_jump(loop->skb, 0);
	return 0;
}

SEC("?tc")
int loop_argument(struct __sk_buff *skb)
{
	struct loop loop = { .skb = skb };

	bpf_loop(2, never_jump, &loop, 0);
	return maybe_jump(skb, 1);
}

const volatile int feature;

static __noinline int jump_if_there(struct __sk_buff *skb)
{
	if (feature)
		bpf_tail_call(skb, &jumps, 0);
	return opaque(1);
}

static int feature_in_loop(__u32 index, struct loop *loop)
{
	jump_if_there(loop->skb);
	return 0;
}

SEC("?tc")
int loop_rodata(struct __sk_buff *skb)
{
	struct loop loop = { .skb = skb };

	bpf_loop(2, feature_in_loop, &loop, 0);
	return jump_if_there(skb);
}

static int jump_in_function(__u32 index, struct loop *loop)
{
	maybe_jump(loop->skb, 1);
	return 0;
}

SEC("?tc")
int loop_function_jumps(struct __sk_buff *skb)
{
	struct loop loop = { .skb = skb };

	bpf_loop(2, jump_in_function, &loop, 0);
	return 1;
}

static int jump_at_once(__u32 index, struct loop *loop)
{
	bpf_tail_call(loop->skb, &jumps, 0);
	return 0;
}

SEC("?tc")
int loop_callback_jumps(struct __sk_buff *skb)
{
	struct loop loop = { .skb = skb };

	bpf_loop(2, jump_at_once, &loop, 0);
	return 1;
}

/* ---- F: functions with a stack of their own, and fexit on each ------------------- */

static __noinline int inner(struct __sk_buff *skb)
{
	volatile char stack[64] = {};

	bpf_tail_call(skb, &jumps, 0);
	return stack[1] + 1;
}

static __noinline int outer(struct __sk_buff *skb)
{
	volatile char stack[64] = {};
	int ret = inner(skb);

	return stack[1] + ret;
}

SEC("?tc")
int nested(struct __sk_buff *skb)
{
	volatile char stack[64] = {};
	int ret = outer(skb);

	return stack[1] + ret;
}

__u64 exits[3];

SEC("?fexit/nested")
int exit_nested(void *args)
{
	__sync_fetch_and_add(&exits[0], 1);
	return 0;
}

SEC("?fexit/outer")
int exit_outer(void *args)
{
	__sync_fetch_and_add(&exits[1], 1);
	return 0;
}

SEC("?fexit/inner")
int exit_inner(void *args)
{
	__sync_fetch_and_add(&exits[2], 1);
	return 0;
}

/* ---- K: what a function with a tail call returns, or fills ----------------------- */

int table[4] = { 10, 11, 12, 13 };

static __noinline int pick(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &jumps, 0);
	return opaque(1);
}

SEC("?tc")
int index_as_returned(struct __sk_buff *skb)
{
	__u64 index = opaque(pick(skb));

	return *(volatile int *)((void *)table + index * sizeof(int));
}

SEC("?tc")
int index_masked(struct __sk_buff *skb)
{
	__u64 index = opaque(opaque(pick(skb)) & 3);

	return *(volatile int *)((void *)table + index * sizeof(int));
}

struct found {
	__u64 index;
};

static __noinline int find(struct __sk_buff *skb, struct found *found)
{
	bpf_tail_call(skb, &jumps, 0);
	found->index = 1;
	return 1;
}

SEC("?tc")
int struct_as_filled(struct __sk_buff *skb)
{
	struct found found;

	/* of which nobody has written a byte, should the callee return here */
	find(skb, &found);
	return found.index;
}

SEC("?tc")
int struct_initialised(struct __sk_buff *skb)
{
	struct found found = {};

	find(skb, &found);
	return found.index;
}

/* Its result is one that programs of this hook may have. */
static __noinline int decide(unsigned long long *ctx)
{
	int result = 0;

	bpf_tail_call(ctx, &jumps, 0);
	/* Or clang lets the caller return 0 without a look at it. */
	asm volatile("" : "+r"(result));
	return result;
}

SEC("?lsm/file_open")
int hook_as_decided(unsigned long long *ctx)
{
	return decide(ctx);
}

char _license[] SEC("license") = "GPL";
