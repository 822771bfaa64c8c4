// SPDX-License-Identifier: GPL-2.0
/* Extensions of the programs in owner_target.bpf.c: of each pair one that needs more. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, __u64);
} storage SEC(".maps");

/* What is read and not used would not be read. */
static __always_inline void use(__u64 value)
{
	asm volatile("" : : "r"(value));
}

SEC("freplace")
int taker(struct __sk_buff *skb)
{
	__u64 *count = bpf_get_local_storage(&storage, 0);

	++*count;
	return skb ? 1 : 0;
}

SEC("freplace")
int modest(struct __sk_buff *skb)
{
	return skb ? 1 : 0;
}

SEC("freplace")
int far(struct bpf_raw_tracepoint_args *ctx)
{
	use(ctx->args[11]);
	return 0;
}

SEC("freplace")
int near(struct bpf_raw_tracepoint_args *ctx)
{
	use(ctx->args[0]);
	return 0;
}

SEC("freplace")
int far_buffer(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 *buffer = (__u64 *)ctx->args[0];

	use(buffer[500]);
	return 0;
}

SEC("freplace")
int near_buffer(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 *buffer = (__u64 *)ctx->args[0];

	use(buffer[0]);
	return 0;
}

char _license[] SEC("license") = "GPL";
