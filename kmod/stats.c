// SPDX-License-Identifier: GPL-2.0
/*
 * Statistics: a row for each caller, map, index and callee; and how many tail
 * calls runs have made.
 *
 * The rows are shared by all CPUs and each CPU has counters of its own. A row is
 * claimed once and then only read, so a probe never waits: whoever meets a row
 * that is just being written, because it interrupted its writer or because that
 * is on another CPU, takes the next one. So two rows can be for the same; a
 * reader adds them up.
 */
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <asm/local.h>

#include "tracer.h"

#define MIN_ROWS	64
#define MAX_ROWS	16384

/* Rows that a tail call may look at for its own. */
#define MAX_LOOKS	16

static unsigned int stats_rows = 1024;
module_param(stats_rows, uint, 0444);
MODULE_PARM_DESC(stats_rows, "Rows of the statistics, a power of two (64..16384)");

enum { FREE, WRITING, READY };

struct row {
	u32 state;
	u32 caller_id;
	u32 caller_insn;
	u32 map_id;
	u32 index;
	u32 callee_id;
	char caller_name[TCT_NAME_LEN];
	char callee_name[TCT_NAME_LEN];
};

/*
 * Only this CPU writes to its counters, but one context may interrupt another:
 * local_t has an increment that cannot be interrupted.
 */
struct counters {
	local_t outcome[TCT_OUTCOMES];
	local_t highest;
};

struct cpu_stats {
	local_t count[TCT_LIMIT + 1];	/* hits, by the count they made */
	local_t no_row;
	struct counters row[];
};

struct stats {
	struct row *row;
	struct cpu_stats *cpu[];
};

/* Replaced with tct_lock held. */
static struct stats __rcu *tct_stats;

static void stats_free(struct stats *stats)
{
	int cpu;

	if (!stats)
		return;
	for_each_possible_cpu(cpu)
		kvfree(stats->cpu[cpu]);
	kvfree(stats->row);
	kfree(stats);
}

static struct stats *stats_alloc(void)
{
	struct stats *stats;
	int cpu;

	stats = kzalloc(struct_size(stats, cpu, nr_cpu_ids), GFP_KERNEL);
	if (!stats)
		return NULL;
	stats->row = kvcalloc(stats_rows, sizeof(*stats->row), GFP_KERNEL);
	if (!stats->row)
		goto fail;
	for_each_possible_cpu(cpu) {
		stats->cpu[cpu] =
			kvzalloc_node(struct_size(stats->cpu[cpu], row, stats_rows),
				      GFP_KERNEL, cpu_to_node(cpu));
		if (!stats->cpu[cpu])
			goto fail;
	}
	return stats;
fail:
	stats_free(stats);
	return NULL;
}

static bool is_row_of(const struct row *row,
		      const struct bpf_tail_call_event *ev)
{
	return row->caller_id == ev->caller_id &&
	       row->caller_insn == ev->caller_insn &&
	       row->map_id == ev->map_id && row->index == ev->index &&
	       row->callee_id == ev->callee_id &&
	       !strncmp(row->caller_name, ev->caller_name, TCT_NAME_LEN - 1);
}

static void row_write(struct row *row, const struct bpf_tail_call_event *ev)
{
	row->caller_id = ev->caller_id;
	row->caller_insn = ev->caller_insn;
	row->map_id = ev->map_id;
	row->index = ev->index;
	row->callee_id = ev->callee_id;
	strscpy(row->caller_name, ev->caller_name, TCT_NAME_LEN);
	strscpy(row->callee_name, ev->callee_name, TCT_NAME_LEN);
	/* Who sees that it is ready sees all of it; pairs with row_find(). */
	smp_store_release(&row->state, READY);
}

/* The number of the row that is for this tail call, or -1 if none is left. */
static int row_find(struct stats *stats, const struct bpf_tail_call_event *ev)
{
	u64 site = (u64)ev->caller_id << 32 | ev->caller_insn;
	u64 target = (u64)ev->map_id << 32 | ev->callee_id;
	u64 mixed = site * GOLDEN_RATIO_64 ^ (target + ev->index) * GOLDEN_RATIO_64 >> 7;
	unsigned int number = hash_64(mixed, ilog2(stats_rows));
	int look;

	for (look = 0; look < MAX_LOOKS; look++) {
		struct row *row = &stats->row[number];
		/* Pairs with row_write(). */
		u32 state = smp_load_acquire(&row->state);

		if (state == READY && is_row_of(row, ev))
			return number;
		if (state == FREE && cmpxchg(&row->state, FREE, WRITING) == FREE) {
			row_write(row, ev);
			return number;
		}
		number = (number + 1) & (stats_rows - 1);
	}
	return -1;
}

static void raise(local_t *highest, long count)
{
	long had = local_read(highest);

	while (had < count) {
		long seen = local_cmpxchg(highest, had, count);

		if (seen == had)
			break;
		had = seen;
	}
}

/**
 * tct_stats_count() - count a tail call
 * @ev: the tail call
 *
 * Called with preemption disabled, in any context.
 */
void tct_stats_count(const struct bpf_tail_call_event *ev)
{
	struct stats *stats = rcu_dereference_sched(tct_stats);
	struct cpu_stats *cpu = stats->cpu[smp_processor_id()];
	int number;

	if (ev->outcome == BPF_TAIL_CALL_HIT)
		local_inc(&cpu->count[min_t(u32, ev->count, TCT_LIMIT)]);
	number = row_find(stats, ev);
	if (unlikely(number < 0)) {
		local_inc(&cpu->no_row);
		return;
	}
	local_inc(&cpu->row[number].outcome[ev->outcome]);
	raise(&cpu->row[number].highest, ev->count);
}

static struct stats *current_stats(void)
{
	return rcu_dereference_protected(tct_stats, lockdep_is_held(&tct_lock));
}

/* All CPUs together. */
struct sums {
	const struct row *row;
	unsigned long outcome[TCT_OUTCOMES];
	long highest;
};

static void add_up(const struct stats *stats, unsigned int number,
		   struct sums *sums)
{
	int cpu, i;

	sums->row = &stats->row[number];
	for_each_possible_cpu(cpu) {
		const struct counters *c = &stats->cpu[cpu]->row[number];

		for (i = 0; i < TCT_OUTCOMES; i++)
			sums->outcome[i] += local_read(&c->outcome[i]);
		sums->highest = max(sums->highest, local_read(&c->highest));
	}
}

static int compare(const void *first, const void *second)
{
	const struct row *a = ((const struct sums *)first)->row;
	const struct row *b = ((const struct sums *)second)->row;
	int name;

	if (a->caller_id != b->caller_id)
		return a->caller_id < b->caller_id ? -1 : 1;
	name = strcmp(a->caller_name, b->caller_name);
	if (name)
		return name;
	if (a->caller_insn != b->caller_insn)
		return a->caller_insn < b->caller_insn ? -1 : 1;
	if (a->map_id != b->map_id)
		return a->map_id < b->map_id ? -1 : 1;
	if (a->index != b->index)
		return a->index < b->index ? -1 : 1;
	if (a->callee_id != b->callee_id)
		return a->callee_id < b->callee_id ? -1 : 1;
	return 0;
}

static void merge(struct sums *to, const struct sums *from)
{
	int i;

	for (i = 0; i < TCT_OUTCOMES; i++)
		to->outcome[i] += from->outcome[i];
	to->highest = max(to->highest, from->highest);
}

/* All rows in order, each for something else; how many, or an error. */
static int collect(const struct stats *stats, struct sums **list)
{
	struct sums *sums;
	int count = 0, kept = 0, i;

	sums = kvcalloc(stats_rows, sizeof(*sums), GFP_KERNEL);
	if (!sums)
		return -ENOMEM;
	for (i = 0; i < stats_rows; i++)
		/* Pairs with row_write(). */
		if (smp_load_acquire(&stats->row[i].state) == READY)
			add_up(stats, i, &sums[count++]);
	sort(sums, count, sizeof(*sums), compare, NULL);
	for (i = 0; i < count; i++) {
		if (kept && !compare(&sums[kept - 1], &sums[i]))
			merge(&sums[kept - 1], &sums[i]);
		else
			sums[kept++] = sums[i];
	}
	*list = sums;
	return kept;
}

static unsigned long no_row(const struct stats *stats)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += local_read(&stats->cpu[cpu]->no_row);
	return sum;
}

static void show_site(struct seq_file *m, const struct row *row)
{
	seq_printf(m, "caller=%u:%s+%u map=%u index=%u callee=", row->caller_id,
		   row->caller_name, row->caller_insn, row->map_id, row->index);
	if (row->callee_id)
		seq_printf(m, "%u:%s", row->callee_id, row->callee_name);
	else
		seq_putc(m, '-');
}

static int stats_show(struct seq_file *m, void *unused)
{
	const struct stats *stats;
	struct sums *sums;
	int count, i, j;

	mutex_lock(&tct_lock);
	stats = current_stats();
	count = collect(stats, &sums);
	if (count < 0)
		goto unlock;
	seq_printf(m, "# rows=%d/%u without_row=%lu\n", count, stats_rows,
		   no_row(stats));
	for (i = 0; i < count; i++) {
		show_site(m, sums[i].row);
		for (j = 0; j < TCT_OUTCOMES; j++)
			seq_printf(m, " %s=%lu", tct_outcome_name(j),
				   sums[i].outcome[j]);
		seq_printf(m, " highest=%ld/%d\n", sums[i].highest, TCT_LIMIT);
	}
	kvfree(sums);
	count = 0;
unlock:
	mutex_unlock(&tct_lock);
	return count;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static unsigned long hits_at(const struct stats *stats, int count)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += local_read(&stats->cpu[cpu]->count[count]);
	return sum;
}

static int budget_show(struct seq_file *m, void *unused)
{
	const struct stats *stats;
	struct sums *sums;
	unsigned long hits[TCT_LIMIT + 2] = {};
	int count, i;

	mutex_lock(&tct_lock);
	stats = current_stats();
	count = collect(stats, &sums);
	if (count < 0)
		goto unlock;
	seq_printf(m, "# runs by the number of tail calls they made, %d is the limit%s\n",
		   TCT_LIMIT, rcu_access_pointer(tct_filter) ?
		   "; filters are set" : "");
	/*
	 * A run that made n tail calls has made 1, 2, ... n: those that made n and
	 * not n + 1 ended there. The higher number is read first, so a tail call in
	 * between makes no difference that is too small.
	 */
	for (i = TCT_LIMIT; i; i--)
		hits[i] = hits_at(stats, i);
	for (i = 1; i <= TCT_LIMIT; i++)
		if (hits[i] > hits[i + 1])
			seq_printf(m, "tail_calls=%d runs=%lu\n", i,
				   hits[i] - hits[i + 1]);
	for (i = 0; i < count; i++) {
		if (!sums[i].outcome[BPF_TAIL_CALL_LIMIT])
			continue;
		seq_puts(m, "limit ");
		show_site(m, sums[i].row);
		seq_printf(m, " times=%lu\n",
			   sums[i].outcome[BPF_TAIL_CALL_LIMIT]);
	}
	kvfree(sums);
	count = 0;
unlock:
	mutex_unlock(&tct_lock);
	return count;
}
DEFINE_SHOW_ATTRIBUTE(budget);

/**
 * tct_stats_reset() - begin anew
 *
 * Called with tct_lock held. A tail call is counted before or after it, and
 * never both.
 *
 * Return: 0 or -ENOMEM, then all is as before.
 */
int tct_stats_reset(void)
{
	struct stats *old = current_stats(), *new = stats_alloc();

	if (!new)
		return -ENOMEM;
	rcu_assign_pointer(tct_stats, new);
	synchronize_rcu();
	stats_free(old);
	return 0;
}

int tct_stats_init(struct dentry *dir)
{
	struct stats *stats;

	if (stats_rows < MIN_ROWS || stats_rows > MAX_ROWS ||
	    !is_power_of_2(stats_rows)) {
		pr_err("stats_rows=%u is no power of two from %d to %d\n",
		       stats_rows, MIN_ROWS, MAX_ROWS);
		return -EINVAL;
	}
	stats = stats_alloc();
	if (!stats)
		return -ENOMEM;
	rcu_assign_pointer(tct_stats, stats);
	debugfs_create_file("stats", 0444, dir, NULL, &stats_fops);
	debugfs_create_file("budget", 0444, dir, NULL, &budget_fops);
	return 0;
}

void tct_stats_exit(void)
{
	stats_free(rcu_dereference_protected(tct_stats, 1));
}
