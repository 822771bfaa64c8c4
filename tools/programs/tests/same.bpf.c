// SPDX-License-Identifier: GPL-2.0
/* Programs that the series takes as the base does: loaded, filled in and attached. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

int parser(struct xdp_md *xdp);

/* It begins with a program, which is not there when another one is loaded alone. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, sizeof(__u32));
	__array(values, int (struct xdp_md *));
} parsers SEC(".maps") = {
	.values = { &parser },
};

/* No kernel creates it, and only who uses it has to do without. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 0);
	__uint(value_size, sizeof(__u32));
} nowhere SEC(".maps");

SEC("xdp")
int entry(struct xdp_md *xdp)
{
	bpf_tail_call(xdp, &parsers, 0);
	return XDP_PASS;
}

SEC("xdp")
int parser(struct xdp_md *xdp)
{
	return XDP_PASS;
}

SEC("raw_tp/sched_switch")
int on_switch(struct bpf_raw_tracepoint_args *args)
{
	return 0;
}

SEC("tc")
int classify(struct __sk_buff *skb)
{
	return 0;
}

SEC("tc")
int lost(struct __sk_buff *skb)
{
	__u32 mark = skb->mark;

	return bpf_map_push_elem(&nowhere, &mark, 0);
}

/* No kernel has it: it does not load on the base, and that is said. */
SEC("kprobe")
int unknown_helper(void *regs)
{
	return ((int (*)(void))100000)();
}

char _license[] SEC("license") = "GPL";
