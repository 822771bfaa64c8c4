// SPDX-License-Identifier: GPL-2.0
/*
 * A qdisc that keeps one packet, and gets it back by a tail call: in the main function
 * of its dequeue program, or in a subprogram. One of the two is loaded.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct Qdisc;

/* Of the kernel's structs, what is used. */
struct sk_buff {
	unsigned int len;
} __attribute__((preserve_access_index));

struct bpf_sk_buff_ptr {
	struct sk_buff *skb;
} __attribute__((preserve_access_index));

struct Qdisc_ops {
	int (*enqueue)(struct sk_buff *skb, struct Qdisc *sch, struct sk_buff **to_free);
	struct sk_buff *(*dequeue)(struct Qdisc *sch);
	int (*init)(struct Qdisc *sch);
	void (*reset)(struct Qdisc *sch);
	void (*destroy)(struct Qdisc *sch);
	char id[16];
} __attribute__((preserve_access_index));

void bpf_qdisc_skb_drop(struct sk_buff *skb, struct bpf_sk_buff_ptr *to_free) __ksym;

/* Who runs this makes the map: to say that this is a reference takes clang 15. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} packet SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} jumps SEC(".maps");

SEC("struct_ops/enqueue")
int keep(unsigned long long *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx[0];
	struct bpf_sk_buff_ptr *to_free = (struct bpf_sk_buff_ptr *)ctx[2];
	struct sk_buff **kept;
	__u32 key = 0;

	kept = bpf_map_lookup_elem(&packet, &key);
	if (kept)
		skb = bpf_kptr_xchg(kept, skb);
	if (skb)
		bpf_qdisc_skb_drop(skb, to_free);
	return 0;
}

/* The tail callee. */
SEC("struct_ops/dequeue")
struct sk_buff *take(unsigned long long *ctx)
{
	struct sk_buff **kept;
	__u32 key = 0;

	kept = bpf_map_lookup_elem(&packet, &key);
	return kept ? bpf_kptr_xchg(kept, 0) : 0;
}

SEC("struct_ops/dequeue")
struct sk_buff *from_main(unsigned long long *ctx)
{
	bpf_tail_call(ctx, &jumps, 0);
	return 0;
}

static __noinline int pick(void *ctx)
{
	bpf_tail_call(ctx, &jumps, 0);
	return 0;
}

SEC("struct_ops/dequeue")
struct sk_buff *from_subprogram(unsigned long long *ctx)
{
	pick(ctx);
	return 0;
}

SEC("struct_ops/init")
int start(unsigned long long *ctx)
{
	return 0;
}

SEC("struct_ops/reset")
void reset(unsigned long long *ctx)
{
}

SEC("struct_ops/destroy")
void destroy(unsigned long long *ctx)
{
}

/* Nobody registers this: it says what take() is. */
SEC(".struct_ops")
struct Qdisc_ops callee_ops = { .dequeue = (void *)take };

SEC(".struct_ops")
struct Qdisc_ops main_ops = {
	.enqueue = (void *)keep,
	.dequeue = (void *)from_main,
	.init = (void *)start,
	.reset = (void *)reset,
	.destroy = (void *)destroy,
	.id = "tailcall_test",
};

SEC(".struct_ops")
struct Qdisc_ops subprogram_ops = {
	.enqueue = (void *)keep,
	.dequeue = (void *)from_subprogram,
	.init = (void *)start,
	.reset = (void *)reset,
	.destroy = (void *)destroy,
	.id = "tailcall_test",
};

char _license[] SEC("license") = "GPL";
