// SPDX-License-Identifier: GPL-2.0
/*
 * A program that may sleep and one that may not, each with a function that an
 * extension can replace. None is attached to anything, so none runs.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__noinline int stub_sleeper(int x)
{
	volatile int ret = x;

	return ret;
}

__noinline int stub_awake(int x)
{
	volatile int ret = x;

	return ret;
}

SEC("lsm.s/bprm_committed_creds")
int sleeper(void *ctx)
{
	stub_sleeper(0);
	return 0;
}

SEC("lsm/bprm_committed_creds")
int awake(void *ctx)
{
	stub_awake(0);
	return 0;
}

char _license[] SEC("license") = "GPL";
