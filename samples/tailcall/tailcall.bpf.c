// SPDX-License-Identifier: GPL-2.0
/*
 * One pipeline twice: a tc classifier that finds out a packet's protocol, and a
 * program for each protocol.
 *
 *   classify_tail   reaches them by tail calls, through a prog_array that user
 *                   space fills, changes and empties while packets flow
 *   classify_call   calls them as functions: fixed when the program is loaded
 *
 * Only types of the kernel's stable interface are used, so one object runs on
 * all kernels from 5.10 on.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "tailcall.h"

#define IP_OFFSET 0x1fff	/* of frag_off: where the fragment belongs */

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, NR_SLOTS);
	__type(key, __u32);
	__type(value, __u32);
} protocols SEC(".maps");

/* One set of counters per CPU: no program waits for another. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NR_COUNTERS);
	__type(key, __u32);
	__type(value, struct counter);
} counters SEC(".maps");

static __always_inline void count(struct __sk_buff *skb, __u32 id)
{
	struct counter *counter = bpf_map_lookup_elem(&counters, &id);

	/* Never NULL, but the verifier does not know. */
	if (!counter)
		return;
	counter->packets++;
	counter->bytes += skb->len;
}

/*
 * Where the header of the protocol is. A tail callee gets the packet and nothing
 * else: cb[] of the packet is what a caller can leave for it. (A function could
 * just have an argument.)
 */
static __always_inline void set_header(struct __sk_buff *skb, __u32 offset)
{
	skb->cb[0] = offset;
}

static __always_inline __u32 get_header(const struct __sk_buff *skb)
{
	return skb->cb[0];
}

static __always_inline int slot_of(__u8 protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return SLOT_TCP;
	case IPPROTO_UDP:
		return SLOT_UDP;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return SLOT_ICMP;
	default:
		return -1;
	}
}

/*
 * The slot for a packet; or -1, and the reason is counted. Extension headers of
 * IPv6 are not skipped: such a packet has no slot.
 */
static __always_inline int classify(struct __sk_buff *skb)
{
	void *end = (void *)(long)skb->data_end;
	struct ethhdr *eth = (void *)(long)skb->data;
	struct ipv6hdr *ip6 = (void *)(eth + 1);
	struct iphdr *ip = (void *)(eth + 1);
	__u32 header = sizeof(*eth);
	__u8 protocol;
	int slot;

	if ((void *)(eth + 1) > end)
		goto broken;
	switch (eth->h_proto) {
	case bpf_htons(ETH_P_IP):
		if ((void *)(ip + 1) > end || ip->ihl < 5)
			goto broken;
		if (ip->frag_off & bpf_htons(IP_OFFSET)) {
			count(skb, COUNT_FRAGMENT);
			return -1;
		}
		header += ip->ihl * 4;
		protocol = ip->protocol;
		break;
	case bpf_htons(ETH_P_IPV6):
		if ((void *)(ip6 + 1) > end)
			goto broken;
		header += sizeof(*ip6);
		protocol = ip6->nexthdr;
		break;
	default:
		count(skb, COUNT_NOT_IP);
		return -1;
	}

	slot = slot_of(protocol);
	if (slot < 0)
		count(skb, COUNT_NO_SLOT);
	set_header(skb, header);
	return slot;
broken:
	count(skb, COUNT_BROKEN);
	return -1;
}

static __always_inline int do_tcp(struct __sk_buff *skb)
{
	struct tcphdr tcp;

	if (bpf_skb_load_bytes(skb, get_header(skb), &tcp, sizeof(tcp))) {
		count(skb, COUNT_BROKEN);
		return TC_ACT_OK;
	}
	count(skb, COUNT_HANDLED);
	count(skb, COUNT_TCP);
	if (tcp.syn)
		count(skb, COUNT_TCP_SYN);
	return TC_ACT_OK;
}

static __always_inline int do_udp(struct __sk_buff *skb)
{
	count(skb, COUNT_HANDLED);
	count(skb, COUNT_UDP);
	return TC_ACT_OK;
}

static __always_inline int do_icmp(struct __sk_buff *skb)
{
	count(skb, COUNT_HANDLED);
	count(skb, COUNT_ICMP);
	return TC_ACT_OK;
}

/*
 * With tail calls. Each protocol is a program of its own.
 */
SEC("tc")
int tcp(struct __sk_buff *skb)
{
	return do_tcp(skb);
}

SEC("tc")
int udp(struct __sk_buff *skb)
{
	return do_udp(skb);
}

SEC("tc")
int icmp(struct __sk_buff *skb)
{
	return do_icmp(skb);
}

/* Something else to put into the slot of UDP, at run time. */
SEC("tc")
int udp_drop(struct __sk_buff *skb)
{
	count(skb, COUNT_HANDLED);
	count(skb, COUNT_UDP_DROPPED);
	return TC_ACT_SHOT;
}

SEC("tc")
int classify_tail(struct __sk_buff *skb)
{
	int slot = classify(skb);

	if (slot < 0)
		return TC_ACT_OK;
	bpf_tail_call(skb, &protocols, slot);
	/*
	 * A tail call does not come back. Here it missed, and the reason must
	 * be an empty slot: slot is within the array, and this is the first
	 * tail call of the run, so not the 34th.
	 */
	count(skb, COUNT_EMPTY_SLOT);
	return TC_ACT_OK;
}

/*
 * With calls. Each protocol is a function of this program.
 */
static __noinline int call_tcp(struct __sk_buff *skb)
{
	return do_tcp(skb);
}

static __noinline int call_udp(struct __sk_buff *skb)
{
	return do_udp(skb);
}

static __noinline int call_icmp(struct __sk_buff *skb)
{
	return do_icmp(skb);
}

SEC("tc")
int classify_call(struct __sk_buff *skb)
{
	switch (classify(skb)) {
	case SLOT_TCP:
		return call_tcp(skb);
	case SLOT_UDP:
		return call_udp(skb);
	case SLOT_ICMP:
		return call_icmp(skb);
	default:
		return TC_ACT_OK;
	}
}

char LICENSE[] SEC("license") = "GPL";
