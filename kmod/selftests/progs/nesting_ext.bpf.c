// SPDX-License-Identifier: GPL-2.0
/* Programs that use a map whose values live as long as RCU's readers; and one that
 * does not.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} devices SEC(".maps");

static __always_inline int look(void)
{
	__u32 key = 0, *ifindex = bpf_map_lookup_elem(&devices, &key);

	if (ifindex)
		asm volatile("" : : "r"(*ifindex));
	return 0;
}

/* The verifier knows that this one may sleep. */
SEC("lsm.s/bprm_committed_creds")
int known(void *ctx)
{
	return look();
}

SEC("freplace")
int borrower(int x)
{
	return look();
}

/* It has no map, so it may run anywhere. */
SEC("freplace")
int harmless(int x)
{
	return x;
}

char _license[] SEC("license") = "GPL";
