// SPDX-License-Identifier: GPL-2.0
/* An extension of a function of the program in struct_ops.bpf.c. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("freplace/window")
int larger_window(int packets)
{
	return packets + 1;
}

char _license[] SEC("license") = "GPL";
