// SPDX-License-Identifier: GPL-2.0
/*
 * What the verifier makes of a tail call in a subprogram, and of functions that
 * change packet data. Each pair is a program that must be refused and one that
 * must load. Only unknown_result is run: it neither reads a stale pointer nor
 * leaks anything, whatever the kernel makes of it.
 */
#include <stdbool.h>

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bound.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} jump SEC(".maps");

__u32 callee_entries;
bool result_seen;

/* Zero for the verifier, anything for clang, which else drops a known result. */
static __always_inline int zero(void)
{
	int ret;

	asm volatile("%[ret] = 0" : [ret] "=r"(ret));
	return ret;
}

/* The first byte of the packet, or NULL. */
static __always_inline volatile char *first_byte(struct __sk_buff *skb)
{
	char *data = (char *)(long)skb->data;

	return data + 1 > (char *)(long)skb->data_end ? NULL : data;
}

static __noinline int tail_call(struct __sk_buff *skb)
{
	bpf_tail_call_static(skb, &jump, 0);
	return zero();
}

/* ---- packet pointers after a subprogram's tail call ---------------------- */

SEC("tc")
int stale_after_tail_call(struct __sk_buff *skb)
{
	volatile char *byte = first_byte(skb);

	if (!byte)
		return 0;
	tail_call(skb);
	return *byte;
}

SEC("tc")
int fresh_after_tail_call(struct __sk_buff *skb)
{
	volatile char *byte = first_byte(skb);

	if (!byte)
		return 0;
	tail_call(skb);
	byte = first_byte(skb);
	return byte ? *byte : 0;
}

/* ---- the result of a subprogram that tail calls -------------------------- */

SEC("tc")
int unknown_result(struct __sk_buff *skb)
{
	if (tail_call(skb) == CALLEE_RESULT)
		result_seen = true;
	return 0;
}

SEC("tc")
int callee(struct __sk_buff *skb)
{
	callee_entries++;
	return CALLEE_RESULT;
}

/* ---- references and tail calls ------------------------------------------- */

static __always_inline struct bpf_sock *look_up(struct __sk_buff *skb)
{
	struct bpf_sock_tuple tuple = {};

	return bpf_sk_lookup_udp(skb, &tuple, sizeof(tuple.ipv4),
				 BPF_F_CURRENT_NETNS, 0);
}

static __noinline int tail_call_then_release(struct __sk_buff *skb)
{
	struct bpf_sock *sk = look_up(skb);

	if (sk) {
		bpf_tail_call_static(skb, &jump, 0);
		bpf_sk_release(sk);
	}
	return zero();
}

SEC("tc")
int leaked_reference(struct __sk_buff *skb)
{
	return tail_call_then_release(skb);
}

static __noinline int release_then_tail_call(struct __sk_buff *skb)
{
	struct bpf_sock *sk = look_up(skb);

	if (sk) {
		bpf_sk_release(sk);
		bpf_tail_call_static(skb, &jump, 0);
	}
	return zero();
}

SEC("tc")
int released_reference(struct __sk_buff *skb)
{
	return release_then_tail_call(skb);
}

/* ---- packet pointers and global functions -------------------------------- */

__noinline int pull(struct __sk_buff *skb)
{
	return bpf_skb_pull_data(skb, 0);
}

SEC("tc")
int stale_after_function(struct __sk_buff *skb)
{
	volatile char *byte = first_byte(skb);

	if (!byte)
		return 0;
	pull(skb);
	return *byte;
}

SEC("tc")
int fresh_after_function(struct __sk_buff *skb)
{
	volatile char *byte = first_byte(skb);

	if (!byte)
		return 0;
	pull(skb);
	byte = first_byte(skb);
	return byte ? *byte : 0;
}

/* An extension of this one must not change packet data either. */
__noinline int keep(struct __sk_buff *skb)
{
	return skb->len;
}

SEC("tc")
int held_over_function(struct __sk_buff *skb)
{
	volatile char *byte = first_byte(skb);

	if (!byte)
		return 0;
	return keep(skb) + *byte;
}

__noinline int pull_and_read(struct __sk_buff *skb, char *byte)
{
	if (!byte)
		return 0;
	bpf_skb_pull_data(skb, 0);
	return *(volatile char *)byte;
}

SEC("tc")
int stale_in_function(struct __sk_buff *skb)
{
	volatile char *byte = first_byte(skb);

	if (!byte)
		return 0;
	return pull_and_read(skb, (char *)byte);
}

SEC("tc")
int fresh_in_function(struct __sk_buff *skb)
{
	char byte = 0;

	return pull_and_read(skb, &byte);
}

char _license[] SEC("license") = "GPL";
