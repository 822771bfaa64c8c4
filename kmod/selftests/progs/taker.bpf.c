// SPDX-License-Identifier: GPL-2.0
/* Extensions of the programs in given.bpf.c, with a cgroup storage and without. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, __u64);
} storage SEC(".maps");

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

char _license[] SEC("license") = "GPL";
