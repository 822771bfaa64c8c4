// SPDX-License-Identifier: GPL-2.0
/*
 * send-packets INTERFACE KIND COUNT: send whole frames, which come in at the
 * other end of a veth pair. KIND is one of the names in kinds[].
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <net/if.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define LENGTH 100

struct frame {
	struct ethhdr eth;
	union {
		struct iphdr ip;
		struct ipv6hdr ip6;
		unsigned char bytes[LENGTH - sizeof(struct ethhdr)];
	};
} __attribute__((packed));

static const struct kind {
	const char *name;
	unsigned short type;
	unsigned char protocol;
	bool syn;
	bool fragment;
	int length;
} kinds[] = {
	{ .name = "tcp", .type = ETH_P_IP, .protocol = IPPROTO_TCP },
	{ .name = "tcp_syn", .type = ETH_P_IP, .protocol = IPPROTO_TCP, .syn = true },
	{ .name = "udp", .type = ETH_P_IP, .protocol = IPPROTO_UDP },
	{ .name = "icmp", .type = ETH_P_IP, .protocol = IPPROTO_ICMP },
	{ .name = "gre", .type = ETH_P_IP, .protocol = IPPROTO_GRE },
	{ .name = "fragment", .type = ETH_P_IP, .protocol = IPPROTO_UDP,
	  .fragment = true },
	{ .name = "tcp6", .type = ETH_P_IPV6, .protocol = IPPROTO_TCP },
	{ .name = "udp6", .type = ETH_P_IPV6, .protocol = IPPROTO_UDP },
	{ .name = "icmp6", .type = ETH_P_IPV6, .protocol = IPPROTO_ICMPV6 },
	{ .name = "arp", .type = ETH_P_ARP },
	{ .name = "broken", .type = ETH_P_IP, .length = sizeof(struct ethhdr) + 8 },
};

static int make_frame(struct frame *frame, const struct kind *kind)
{
	struct tcphdr *tcp = (void *)(&frame->ip + 1);

	memset(frame, 0, sizeof(*frame));
	/* Locally administered, and to all: no end has to know the other. */
	memset(frame->eth.h_dest, 0xff, ETH_ALEN);
	frame->eth.h_source[0] = 2;
	frame->eth.h_proto = htons(kind->type);
	if (kind->type == ETH_P_IPV6) {
		frame->ip6.version = 6;
		frame->ip6.nexthdr = kind->protocol;
		tcp = (void *)(&frame->ip6 + 1);
	} else if (kind->type == ETH_P_IP) {
		frame->ip.version = 4;
		frame->ip.ihl = 5;
		frame->ip.protocol = kind->protocol;
		frame->ip.frag_off = htons(kind->fragment ? 1 : 0);
	}
	if (kind->protocol == IPPROTO_TCP)
		tcp->syn = kind->syn;
	return kind->length ?: LENGTH;
}

int main(int argc, char **argv)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	const struct kind *kind = NULL;
	struct frame frame;
	int fd, length;
	long left;
	size_t i;

	if (argc != 4) {
		fputs("usage: send-packets INTERFACE KIND COUNT\n", stderr);
		return 2;
	}
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, argv[2]))
			kind = &kinds[i];
	to.sll_ifindex = if_nametoindex(argv[1]);
	left = strtol(argv[3], NULL, 10);
	if (!kind || !to.sll_ifindex || left < 1) {
		fputs("send-packets: no such interface, kind or count\n", stderr);
		return 2;
	}
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		perror("send-packets: cannot open a packet socket");
		return 1;
	}
	length = make_frame(&frame, kind);
	while (left-- > 0) {
		if (sendto(fd, &frame, length, 0, (struct sockaddr *)&to,
			   sizeof(to)) != length) {
			perror("send-packets: cannot send");
			return 1;
		}
	}
	close(fd);
	return 0;
}
