// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that the bases put together and the series does not: for A3 on 5.10, for N8
 * on what is newer, which has bpf_get_func_ip().
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct slots {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
};

struct slots connects SEC(".maps"), entries SEC(".maps");

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *address)
{
	bpf_tail_call(address, &connects, 0);
	return 1;
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *address)
{
	return 1;
}

SEC("fentry/bpf_fentry_test1")
int enter(void *args)
{
	bpf_tail_call(args, &entries, 0);
	return 0;
}

SEC("fentry/bpf_fentry_test1")
int enter_with_ip(void *args)
{
	volatile __u64 ip = bpf_get_func_ip(args);

	(void)ip;
	return 0;
}

char _license[] SEC("license") = "GPL";
