// SPDX-License-Identifier: GPL-2.0
/*
 * What the verifier makes of a tail call in a subprogram, and of functions that
 * change packet data. Each pair is a program that must be refused and one that
 * must load. Only unknown_result, failed_load and forgotten_register are run: they
 * neither read a stale pointer nor leak anything, whatever the kernel makes of them.
 */
#include <stdbool.h>
#include <stddef.h>

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

/* ---- what a load from behind the packet leaves a subprogram with ---------- */

__u32 way;

static __noinline int load(struct __sk_buff *skb)
{
	int ret;

	asm volatile("r6 = %[skb]\n\t"
		     "r0 = *(u8 *)skb[65535]\n\t"
		     "%[ret] = %[result]"
		     : [ret] "=r"(ret) : [skb] "r"(skb), [result] "i"(CALLEE_RESULT)
		     : "r0", "r1", "r2", "r3", "r4", "r5", "r6");
	return ret;
}

SEC("tc")
int failed_load(struct __sk_buff *skb)
{
	way = load(skb) == CALLEE_RESULT ? WRONG_WAY : RIGHT_WAY;
	return 0;
}

/*
 * Behind the load it swaps the two pointers that its caller compares, so that the
 * verifier asks for the caller's R7 only where the load fails. Its own R7 is 0, too.
 */
static __attribute__((naked, used)) int load_and_swap(void)
{
	asm volatile("r6 = r1\n\t"
		     "r8 = r2\n\t"
		     "r7 = 0\n\t"
		     "r0 = *(u8 *)skb[65535]\n\t"
		     "r1 = *(u64 *)(r8 + 0)\n\t"
		     "r2 = *(u64 *)(r8 + 8)\n\t"
		     "*(u64 *)(r8 + 0) = r2\n\t"
		     "*(u64 *)(r8 + 8) = r1\n\t"
		     "r0 = 0\n\t"
		     "exit");
}

/* R7 is 0, but for a packet with a mark: that is what the verifier looks at first. */
SEC("tc")
__attribute__((naked)) int forgotten_register(void)
{
	asm volatile("r6 = r1\n\t"
		     "r1 = *(u32 *)(r6 + %[data])\n\t"
		     "r2 = *(u32 *)(r6 + %[data_end])\n\t"
		     "r1 += 32767\n\t"
		     "if r1 > r2 goto 1f\n\t"
		     "r0 = 0\n\t"
		     "exit\n"
		     "1:\t*(u64 *)(r10 - 16) = r1\n\t"
		     "*(u64 *)(r10 - 8) = r2\n\t"
		     "r7 = 0\n\t"
		     "r0 = *(u32 *)(r6 + %[mark])\n\t"
		     "if r0 == 0 goto 2f\n\t"
		     "r7 = 1\n"
		     "2:\tr1 = r6\n\t"
		     "r2 = r10\n\t"
		     "r2 += -16\n\t"
		     "call load_and_swap\n\t"
		     "r1 = *(u64 *)(r10 - 16)\n\t"
		     "r2 = *(u64 *)(r10 - 8)\n\t"
		     "if r1 > r2 goto 3f\n\t"
		     "r0 = 0\n\t"
		     "exit\n"
		     "3:\tr2 = %[way] ll\n\t"
		     "if r7 == 1 goto 4f\n\t"
		     "r1 = %[right]\n\t"
		     "*(u32 *)(r2 + 0) = r1\n\t"
		     "r0 = 0\n\t"
		     "exit\n"
		     "4:\tr1 = %[wrong]\n\t"
		     "*(u32 *)(r2 + 0) = r1\n\t"
		     "r0 = 0\n\t"
		     "exit"
		     :: [data] "i"(offsetof(struct __sk_buff, data)),
		     [data_end] "i"(offsetof(struct __sk_buff, data_end)),
		     [mark] "i"(offsetof(struct __sk_buff, mark)),
		     [way] "i"(&way),
		     [right] "i"(RIGHT_WAY), [wrong] "i"(WRONG_WAY));
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
