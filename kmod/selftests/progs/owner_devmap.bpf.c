// SPDX-License-Identifier: GPL-2.0
/*
 * A program for the devices of a devmap, or for packets in fragments, and an extension
 * of its function that owns a prog_array. Neither is ever run nor attached.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} jump SEC(".maps");

__noinline int leave(struct xdp_md *xdp)
{
	volatile int ret = XDP_PASS;

	/* Since 6.12 only then may an extension make a tail call. */
	bpf_xdp_adjust_head(xdp, 0);
	return xdp ? ret : XDP_ABORTED;
}

/* The attach type is set when it is loaded: libbpf has had two names for it. */
SEC("xdp")
int devmap_target(struct xdp_md *xdp)
{
	return leave(xdp);
}

SEC("freplace/leave")
int devmap_ext(struct xdp_md *xdp)
{
	volatile int ret = XDP_DROP;

	bpf_tail_call_static(xdp, &jump, 0);
	return xdp ? ret : XDP_ABORTED;
}

char _license[] SEC("license") = "GPL";
