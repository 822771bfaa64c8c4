// SPDX-License-Identifier: GPL-2.0
/*
 * Pairs of programs with a function that an extension can replace: one of each
 * pair has a cgroup storage, or goes further in its context or in a buffer. None
 * is ever run, and those for tracepoints are not attached either.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, __u64);
} storage SEC(".maps");

__noinline int stub_with(struct __sk_buff *skb)
{
	volatile int ret = 1;

	return skb ? ret : 0;
}

__noinline int stub_without(struct __sk_buff *skb)
{
	volatile int ret = 2;

	return skb ? ret : 0;
}

SEC("cgroup_skb/ingress")
int with_storage(struct __sk_buff *skb)
{
	__u64 *count = bpf_get_local_storage(&storage, 0);

	++*count;
	return stub_with(skb) == 1;
}

SEC("cgroup_skb/ingress")
int without_storage(struct __sk_buff *skb)
{
	return stub_without(skb) == 1;
}

__noinline int stub_narrow(struct bpf_raw_tracepoint_args *ctx)
{
	volatile int ret = 3;

	return ctx ? ret : 0;
}

__noinline int stub_wide(struct bpf_raw_tracepoint_args *ctx)
{
	volatile int ret = 4;

	return ctx ? ret : 0;
}

SEC("raw_tp")
int narrow(struct bpf_raw_tracepoint_args *ctx)
{
	return ctx->args[0] + stub_narrow(ctx);
}

SEC("raw_tp")
int wide(struct bpf_raw_tracepoint_args *ctx)
{
	return ctx->args[11] + stub_wide(ctx);
}

__noinline int stub_short(struct bpf_raw_tracepoint_args *ctx)
{
	volatile int ret = 5;

	return ctx ? ret : 0;
}

__noinline int stub_long(struct bpf_raw_tracepoint_args *ctx)
{
	volatile int ret = 6;

	return ctx ? ret : 0;
}

SEC("raw_tp.w")
int short_buffer(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 *buffer = (__u64 *)ctx->args[0];

	return buffer[0] + stub_short(ctx);
}

SEC("raw_tp.w")
int long_buffer(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 *buffer = (__u64 *)ctx->args[0];

	return buffer[500] + stub_long(ctx);
}

char _license[] SEC("license") = "GPL";
