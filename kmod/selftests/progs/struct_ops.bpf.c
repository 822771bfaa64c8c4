// SPDX-License-Identifier: GPL-2.0
/* A program that is a member of a struct of the kernel, with a function to extend. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct sock;

/* What is used of it, and what the kernel asks for. */
struct tcp_congestion_ops {
	__u32 (*ssthresh)(struct sock *sk);
	__u32 (*undo_cwnd)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	char name[16];
} __attribute__((preserve_access_index));

__noinline int window(int packets)
{
	asm volatile("" : "+r"(packets));
	return packets;
}

SEC("struct_ops/ssthresh")
__u32 ssthresh(unsigned long long *ctx)
{
	return window(2);
}

SEC("struct_ops/undo_cwnd")
__u32 undo_cwnd(unsigned long long *ctx)
{
	return 2;
}

SEC("struct_ops/cong_avoid")
void cong_avoid(unsigned long long *ctx)
{
}

/* It is loaded, and never registered. */
SEC(".struct_ops")
struct tcp_congestion_ops tailcall_ops = {
	.ssthresh = (void *)ssthresh,
	.undo_cwnd = (void *)undo_cwnd,
	.cong_avoid = (void *)cong_avoid,
	.name = "tailcall_test",
};

char _license[] SEC("license") = "GPL";
