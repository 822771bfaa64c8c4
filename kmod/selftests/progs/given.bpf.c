// SPDX-License-Identifier: GPL-2.0
/*
 * Two programs with a function that an extension can replace: one of them has a
 * cgroup storage. Neither is ever run.
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

char _license[] SEC("license") = "GPL";
