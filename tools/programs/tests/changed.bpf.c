// SPDX-License-Identifier: GPL-2.0
/*
 * Two programs that every base puts together and the series does not (N4): the caller is
 * attached where the buffer is as large as what it uses of it, none, and the callee
 * writes eight bytes of it.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} writers SEC(".maps");

SEC("raw_tp.w/any")
int uses_nothing(struct bpf_raw_tracepoint_args *args)
{
	bpf_tail_call(args, &writers, 0);
	return 0;
}

SEC("raw_tp.w/any")
int writes(struct bpf_raw_tracepoint_args *args)
{
	*(volatile __u64 *)args->args[0] = 0;
	return 0;
}

char _license[] SEC("license") = "GPL";
