// SPDX-License-Identifier: GPL-2.0
/*
 * misses - print each BPF tail call that is not made: where it was to go, why not, and
 * of a packet the device that it came by and its mark
 *
 * Needs a kernel with the tracepoint bpf_tail_call_miss, and root.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <linux/types.h>
#include <bpf/libbpf.h>

#include "misses.h"
#include "misses.skel.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
	(void)signal;
	stop = 1;
}

/* As enum bpf_tail_call_outcome has them. */
static const char *reason_name(__u32 reason)
{
	static const char *const names[] = { "hit", "empty", "range", "limit", "stack" };

	return reason < ARRAY_SIZE(names) ? names[reason] : "?";
}

static int print_miss(void *unused, void *data, size_t size)
{
	const struct miss *miss = data;

	(void)unused;
	(void)size;
	printf("%u:%s[%u] %s caller=%u:%s count=%u", miss->map_id, miss->map, miss->index,
	       reason_name(miss->reason), miss->caller_id, miss->caller, miss->count);
	if (miss->ifindex)
		printf(" ifindex=%u mark=%#x", miss->ifindex, miss->mark);
	printf("\n");
	return 0;
}

static int run(struct misses_bpf *skel)
{
	struct ring_buffer *ring;
	int err;

	err = misses_bpf__attach(skel);
	if (err) {
		fprintf(stderr, "misses: %s: it needs a kernel with bpf_tail_call_miss\n",
			strerror(-err));
		return 1;
	}
	ring = ring_buffer__new(bpf_map__fd(skel->maps.misses), print_miss, NULL, NULL);
	if (!ring) {
		fprintf(stderr, "misses: cannot read the ring: %s\n", strerror(errno));
		return 1;
	}
	fprintf(stderr, "misses: waiting for tail calls that are not made, Ctrl-C ends\n");
	while (!stop) {
		err = ring_buffer__poll(ring, 200);
		if (err < 0 && err != -EINTR)
			break;
		fflush(stdout);
	}
	ring_buffer__consume(ring);
	ring_buffer__free(ring);
	if (skel->bss->lost)
		fprintf(stderr, "misses: %llu more were lost\n",
			(unsigned long long)skel->bss->lost);
	return 0;
}

int main(int argc, char **argv)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct sigaction action = { .sa_handler = on_signal };
	struct misses_bpf *skel;
	int ret;

	(void)argv;
	if (argc != 1) {
		fprintf(stderr, "Usage: misses\n");
		return 2;
	}
	/* Before 5.11 BPF memory counts against this. */
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	libbpf_set_print(NULL);
	skel = misses_bpf__open_and_load();
	if (!skel) {
		fprintf(stderr, "misses: cannot load, be root: %s\n", strerror(errno));
		return 1;
	}
	ret = run(skel);
	misses_bpf__destroy(skel);
	return ret;
}
