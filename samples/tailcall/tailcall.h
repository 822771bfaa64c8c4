/* SPDX-License-Identifier: GPL-2.0 */
/* What the BPF programs and user space share. */
#ifndef TAILCALL_H
#define TAILCALL_H

/* Slots of the prog_array: which protocol a program is for. */
enum slot_id {
	SLOT_TCP,
	SLOT_UDP,
	SLOT_ICMP,		/* of IPv4 and of IPv6 */
	NR_SLOTS,
};

enum counter_id {
	/* The classifier: each packet is one of these. */
	COUNT_NOT_IP,		/* another EtherType */
	COUNT_BROKEN,		/* ends within a header */
	COUNT_FRAGMENT,		/* not the first of its packet: no ports in it */
	COUNT_NO_SLOT,		/* a protocol that no slot is for */
	COUNT_EMPTY_SLOT,	/* the tail call missed */
	COUNT_HANDLED,		/* the program of its protocol had it */
	/* The programs of the protocols. */
	COUNT_TCP,
	COUNT_TCP_SYN,
	COUNT_UDP,
	COUNT_UDP_DROPPED,
	COUNT_ICMP,
	NR_COUNTERS,
};

struct counter {
	unsigned long long packets;
	unsigned long long bytes;
};

#endif /* TAILCALL_H */
