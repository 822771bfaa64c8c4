// SPDX-License-Identifier: GPL-2.0
/* Load a set, fill its slots, attach its tracers, and run each of its programs. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "fuzz.h"

#define HARDEN		"/proc/sys/net/core/bpf_jit_harden"
#define EVENTS_ON	"/sys/kernel/tracing/events/bpf_tail_call/enable"

struct totals totals;
bool load_only;

/* What it was before, as it is to be again. */
static char harden_before[16];
static char harden_now;

static void write_harden(const char *value)
{
	int fd = open(HARDEN, O_WRONLY);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		stop(4, "cannot write to %s: %s", HARDEN, strerror(errno));
	close(fd);
	harden_now = *value;
}

/*
 * Of a kernel with the series: with these on, each tail call calls what writes down
 * that it was made or not. That is nothing to the programs.
 */
static bool watched_now;

static bool set_watched(bool on)
{
	int fd;

	if (watched_now == on)
		return on;
	fd = open(EVENTS_ON, O_WRONLY);
	if (fd < 0)
		return false;
	if (write(fd, on ? "1" : "0", 1) != 1)
		stop(4, "cannot write to %s: %s", EVENTS_ON, strerror(errno));
	close(fd);
	watched_now = on;
	return on;
}

/* At the end, where nothing can be said any more. */
void restore_settings(void)
{
	int fd;

	if (watched_now) {
		fd = open(EVENTS_ON, O_WRONLY);
		if (fd < 0 || write(fd, "0", 1) != 1)
			perror(EVENTS_ON);
		close(fd);
	}
	if (harden_now == *harden_before)
		return;
	fd = open(HARDEN, O_WRONLY);
	if (fd < 0 || write(fd, harden_before, strlen(harden_before)) < 0)
		perror(HARDEN);
	close(fd);
}

/* With blinded constants no tail call is direct. */
static void set_harden(bool on)
{
	const char *value = on ? "2" : "0";
	int fd;

	if (!harden_now) {
		fd = open(HARDEN, O_RDONLY);
		if (fd < 0 || read(fd, harden_before, sizeof(harden_before) - 1) < 1)
			stop(4, "cannot read %s: %s", HARDEN, strerror(errno));
		close(fd);
		harden_now = *harden_before;
	}
	if (harden_now != *value)
		write_harden(value);
}

static bool set_slot(const struct set *set, const int *array_fd, __u32 slot, int prog_fd)
{
	int array = 0, err;

	while (slot >= set->first_slot[array + 1])
		array++;
	slot -= set->first_slot[array];
	if (prog_fd >= 0)
		err = bpf_map_update_elem(array_fd[array], &slot, &prog_fd, BPF_ANY);
	else
		err = bpf_map_delete_elem(array_fd[array], &slot);
	/* What is empty cannot be deleted. */
	if (!err || errno == ENOENT)
		return true;
	refuse("a slot: %s", strerror(errno));
	return false;
}

/* In an early set those of the first round are filled by fill_early(). */
static bool fill(const struct set *set, int round, const int *array_fd, const int *prog_fd)
{
	int i, want;

	for (i = 0; i < (int)slot_count(set); i++) {
		want = set->slot[round][i];
		if (round ? want == set->slot[round - 1][i] : set->early || want == NOTHING)
			continue;
		if (!set_slot(set, array_fd, i, want == NOTHING ? -1 : prog_fd[want]))
			return false;
	}
	return true;
}

/* What is loaded after this finds its slots filled. */
static bool fill_early(const struct set *set, int prog, const int *array_fd,
		       const int *prog_fd)
{
	int i;

	for (i = 0; set->early && i < (int)slot_count(set); i++)
		if (set->slot[0][i] == prog &&
		    !set_slot(set, array_fd, i, prog_fd[prog]))
			return false;
	return true;
}

/* What the program returned. */
static __u32 run_prog(const struct set *set, int prog, int fd, __u32 fuel)
{
	static unsigned long long args[12];
	static char packet[64];
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int type = types[set->prog[prog].type].prog_type, i;

	if (type == BPF_PROG_TYPE_RAW_TRACEPOINT || type == BPF_PROG_TYPE_SYSCALL) {
		opts.ctx_in = args;
		opts.ctx_size_in = sizeof(args);
	} else {
		opts.data_in = packet;
		opts.data_size_in = sizeof(packet);
		opts.repeat = 1;
	}
	shared->used = 0;
	shared->fuel = fuel;
	shared->base = (set->seed + set->number) * 0x9e3779b97f4a7c15;
	shared->stopped = STOPPED;
	shared->top = 0;
	for (i = 0; i < INDEXES; i++)
		shared->index[i] = index_value(i);
	if (bpf_prog_test_run_opts(fd, &opts))
		stop(4, "cannot run a program: %s", strerror(errno));
	return opts.retval;
}

/* ---- a slot that changes meanwhile ---------------------------------------------- */

static struct {
	const struct set *set;
	const int *prog_fd, *array_fd;
	atomic_bool end;
	atomic_int tracers;
} race;

static void *write_slot(void *unused)
{
	int i, to, link = -1;

	for (i = 0; !atomic_load(&race.end) || i % 2; i++) {
		to = race.set->race_to[i % 2];
		totals.writes++;
		if (!set_slot(race.set, race.array_fd, race.set->race_slot,
			      to == NOTHING ? -1 : race.prog_fd[to]))
			stop(4, "slot %u: %s", race.set->race_slot, strerror(errno));
		if (race.set->watched)
			set_watched(i % 4 < 2);
		if (!race.set->race_traced)
			continue;
		if (i % 4 == 0) {
			link = load_tracer(race.set, &race.set->race_tracer,
					   race.prog_fd[race.set->race_tracer.prog]);
			if (link < 0)
				stop(4, "a tracer during runs: %s", refusal());
			totals.tracers++;
			atomic_fetch_add(&race.tracers, 1);
		} else if (i % 4 == 2) {
			close(link);
			link = -1;
		}
	}
	if (link >= 0)
		close(link);
	return unused;
}

static bool run_round(const struct set *set, int round, const int *prog_fd,
		      struct difference *diff)
{
	__u32 fuel, retval;
	int i;

	for (i = 0; i < set->prog_count; i++) {
		if (set->extended && i == set->ext.body)
			continue;
		/* Where a slot changes, nobody knows before. */
		fuel = set->race ? MAX_ENTRIES - SPARE_ENTRIES : model_entries(set, round, i);
		totals.full += fuel >= MAX_ENTRIES;
		fuel += SPARE_ENTRIES;
		retval = run_prog(set, i, prog_fd[i], fuel);
		totals.runs++;
		totals.events += shared->used;
		totals.entries += fuel - shared->fuel;
		model_compare(set, round, i, fuel, retval, diff);
		if (diff->found) {
			diff->round = round;
			diff->prog = i;
			return false;
		}
		totals.tail_calls += model_tail_calls;
		totals.stack_misses += model_stack_misses;
		totals.thrown += model_thrown;
		totals.mixed += model_mixed;
		totals.traced += model_traced;
	}
	return true;
}

static bool run_race(const struct set *set, const int *array_fd, const int *prog_fd,
		     struct difference *diff)
{
	pthread_t writer;
	bool same = true;
	int i;

	race.set = set;
	race.prog_fd = prog_fd;
	race.array_fd = array_fd;
	atomic_store(&race.end, false);
	atomic_store(&race.tracers, 0);
	if (pthread_create(&writer, NULL, write_slot, NULL))
		stop(4, "cannot start a thread");
	for (i = 0; i < RACE_RUNS && same; i++)
		same = run_round(set, 0, prog_fd, diff);
	/* To attach takes longer than some runs. */
	while (same && set->race_traced && atomic_load(&race.tracers) < RACE_TRACERS &&
	       i++ < MAX_RACE_RUNS)
		same = run_round(set, 0, prog_fd, diff);
	atomic_store(&race.end, true);
	pthread_join(writer, NULL);
	return same;
}

/* What interrupts comes seldom: so often is enough, or so many runs. */
static bool run_interrupted(const struct set *set, int round, const int *prog_fd,
			    struct difference *diff)
{
	__u64 before = shared->nested + shared->ticks;
	bool same = true;
	int i;

	for (i = 0; i < MAX_INTERRUPTED && same; i++) {
		if (shared->nested + shared->ticks - before >= INTERRUPTS)
			break;
		same = run_round(set, round, prog_fd, diff);
	}
	return same && interrupts_fit(diff);
}

static bool run_it(const struct set *set, int round, const int *array_fd, const int *prog_fd,
		   struct difference *diff)
{
	if (set->race)
		return run_race(set, array_fd, prog_fd, diff) && interrupts_fit(diff);
	if (set->timer || set->nested)
		return run_interrupted(set, round, prog_fd, diff);
	return run_round(set, round, prog_fd, diff);
}

/* Attach those that begin with this round, and let go of those that end. */
static bool set_tracers(const struct set *set, int round, const int *prog_fd, int *link)
{
	int i;

	for (i = 0; i < set->tracer_count; i++) {
		const struct tracer *t = &set->tracer[i];

		if (link[i] >= 0 && round >= t->end_round) {
			close(link[i]);
			link[i] = -1;
		}
		if (round != t->first_round || round >= t->end_round)
			continue;
		link[i] = load_tracer(set, t, prog_fd[t->prog]);
		if (link[i] < 0)
			return false;
	}
	return true;
}

static bool set_extension(const struct set *set, int round, const int *prog_fd, int *link)
{
	const struct ext *e = &set->ext;

	if (!set->extended)
		return true;
	if (*link >= 0 && round >= e->end_round) {
		close(*link);
		*link = -1;
	}
	if (round != e->first_round)
		return true;
	*link = attach(prog_fd[e->body], "an extension");
	return *link >= 0;
}

/* The time since the last one goes to @phase. */
static void spent(enum phase phase)
{
	static __u64 before;
	struct timespec now;
	__u64 ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = now.tv_sec * 1000000000ull + now.tv_nsec;
	if (before)
		totals.ns[phase] += ns - before;
	before = ns;
}

enum outcome run_set(const struct set *set, struct difference *diff)
{
	int prog_fd[MAX_PROGS], link[MAX_TRACERS + 1], array_fd[MAX_ARRAYS], i, round;
	enum outcome outcome = REFUSED;
	bool same;

	spent(LET_GO);
	memset(prog_fd, -1, sizeof(prog_fd));
	memset(link, -1, sizeof(link));
	memset(diff, 0, sizeof(*diff));
	set_harden(set->harden);
	totals.watched += set_watched(set->watched);
	for (i = 0; i < set->array_count; i++) {
		array_fd[i] = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "fuzz", 4, 4,
					     array_size(set, i), NULL);
		if (array_fd[i] < 0)
			stop(4, "cannot make a prog_array: %s", strerror(errno));
	}
	for (i = 0; i < set->prog_count; i++) {
		prog_fd[i] = load_prog(set, i, array_fd, prog_fd);
		if (prog_fd[i] < 0 || !fill_early(set, i, array_fd, prog_fd))
			goto out;
	}
	spent(LOAD);
	if (!load_only && !interrupt(set))
		goto out;
	for (round = 0; round < set->round_count; round++) {
		if (!fill(set, round, array_fd, prog_fd))
			goto out;
		spent(FILL);
		if (!set_tracers(set, round, prog_fd, link) ||
		    !set_extension(set, round, prog_fd, &link[MAX_TRACERS]))
			goto out;
		spent(ATTACH);
		if (load_only)
			continue;
		model_new_round();
		same = run_it(set, round, array_fd, prog_fd, diff);
		spent(set->race ? RACE : RUN);
		if (!same) {
			outcome = DIFFERS;
			goto out;
		}
	}
	outcome = SAME;
out:
	for (i = 0; i <= MAX_TRACERS; i++)
		if (link[i] >= 0)
			close(link[i]);
	for (i = 0; i < set->prog_count; i++)
		if (prog_fd[i] >= 0)
			close(prog_fd[i]);
	for (i = 0; i < set->array_count; i++)
		close(array_fd[i]);
	leave_alone();
	spent(LET_GO);
	return outcome;
}
