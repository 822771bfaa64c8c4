// SPDX-License-Identifier: GPL-2.0
/* A kernel that is locked down for one task, as far as tracing goes. */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* The kernel's own: only the name counts. */
enum lockdown_reason {
	LOCKDOWN_TRACEFS = 1,
};

volatile __u32 task;

SEC("lsm/locked_down")
int BPF_PROG(locked_down, int what, int ret)
{
	if (bpf_get_current_pid_tgid() >> 32 == task &&
	    what == (int)bpf_core_enum_value(enum lockdown_reason, LOCKDOWN_TRACEFS))
		return -1;
	return ret;
}

char _license[] SEC("license") = "GPL";
