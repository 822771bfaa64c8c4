// SPDX-License-Identifier: GPL-2.0
/*
 * Statistics: a row for each tail call of each program that is there.
 *
 * The kernel counts, for each tail call and CPU, and its counters live and die with
 * the program. All that is here puts names to them when somebody reads.
 */
#include <linux/bpf.h>
#include <linux/cpu.h>
#include <linux/filter.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "tracer.h"

/* All CPUs together. */
static u64 sum(const u64 __percpu *counts, size_t at)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*per_cpu_ptr(counts + at, cpu));
	return sum;
}

static size_t place(u32 nr)
{
	return bpf_tail_call_counts_at(nr) / sizeof(u64);
}

/* Hits of a function that were the @count-th tail call of their run. */
static u64 hits_at(const struct bpf_tail_call_func *func, int count)
{
	u64 hits = 0;
	u32 nr;

	for (nr = 0; nr < func->nr_sites; nr += BPF_TAIL_CALL_GROUP)
		if (func->site[nr].counts)
			hits += sum(func->site[nr].counts, count);
	return hits;
}

static int highest(const struct bpf_tail_call_func *func)
{
	int count;

	for (count = TCT_LIMIT; count; count--)
		if (hits_at(func, count))
			break;
	return count;
}

static struct bpf_prog *program(const struct bpf_tail_call_func *func)
{
	return func->main->prog;
}

/* The next function, of a program that stays until it is put. */
static const struct bpf_tail_call_func *next(loff_t *pos)
{
	const struct bpf_tail_call_func *func;
	unsigned long key = *pos;

	func = bpf_tail_call_trace_next(&key);
	if (func)
		*pos = key;
	return func;
}

/* ---- rows ---------------------------------------------------------------- */

/*
 * Where a tail call goes. A direct one knows its map and its slot, of one that is
 * not only the map can be known: if the program has no other.
 */
struct target {
	const struct bpf_map *map;
	bool one;	/* of its slots, and that is ... */
	u32 index;
	u32 callee_id;	/* who is in it now, or 0 */
	char callee[TCT_NAME_LEN];
};

static const struct bpf_map *only_map(const struct bpf_prog_aux *aux)
{
	const struct bpf_map *map = NULL;
	u32 i;

	for (i = 0; i < aux->used_map_cnt; i++) {
		if (aux->used_maps[i]->map_type != BPF_MAP_TYPE_PROG_ARRAY)
			continue;
		if (map)
			return NULL;
		map = aux->used_maps[i];
	}
	return map;
}

static void find_target(const struct bpf_tail_call_site *site, struct target *to)
{
	const struct bpf_prog_aux *aux = site->func->main;
	const struct bpf_jit_poke_descriptor *poke;
	const struct bpf_prog *callee;

	memset(to, 0, sizeof(*to));
	if (!site->direct) {
		to->map = only_map(aux);
		return;
	}
	poke = &site->func->aux->poke_tab[site->func->aux->prog->insnsi[site->insn].imm - 1];
	to->map = poke->tail_call.map;
	to->index = poke->tail_call.key;
	to->one = true;
	/* Who leaves the slot is there until this is through. */
	rcu_read_lock();
	callee = READ_ONCE(container_of(to->map, struct bpf_array, map)->ptrs[to->index]);
	if (callee) {
		to->callee_id = callee->aux->id;
		strscpy(to->callee, bpf_tail_call_prog_name(callee), sizeof(to->callee));
	}
	rcu_read_unlock();
}

static void show_site(struct seq_file *m, const struct bpf_tail_call_site *site,
		      const struct target *to)
{
	seq_printf(m, "caller=%u:%s+%u map=", site->func->main->id,
		   bpf_tail_call_func_name(site->func), site->insn);
	if (to->map)
		seq_printf(m, "%u:%s", to->map->id, to->map->name);
	else
		seq_putc(m, '*');
	if (to->one)
		seq_printf(m, " index=%u callee=", to->index);
	else
		seq_puts(m, " index=* callee=");
	if (to->callee_id)
		seq_printf(m, "%u:%s", to->callee_id, to->callee);
	else
		seq_putc(m, to->one ? '-' : '*');
}

/*
 * The line of the source that the tail call is in, if the program came with one. It is
 * often made by an inline function of a header; what is wanted is the line in the
 * function's own file.
 */
static void show_source(struct seq_file *m, const struct bpf_tail_call_site *site)
{
	const struct bpf_prog_aux *aux = site->func->aux;
	const struct bpf_line_info *line = NULL;
	const char *file, *slash;
	u32 begin, i;

	if (!aux->linfo || !aux->btf || aux->linfo_idx >= aux->nr_linfo)
		return;
	/* Those of a subprogram count from where it begins in the whole. */
	begin = aux->linfo[aux->linfo_idx].insn_off;
	for (i = aux->linfo_idx; i < aux->nr_linfo; i++) {
		if (aux->linfo[i].insn_off - begin > site->insn)
			break;
		if (aux->linfo[i].file_name_off == aux->linfo[aux->linfo_idx].file_name_off)
			line = &aux->linfo[i];
	}
	if (!line)
		return;
	file = bpf_tail_call_source(aux, line);
	slash = strrchr(file, '/');
	seq_puts(m, " source=");
	seq_escape(m, slash ? slash + 1 : file, " \t\n\\");
	seq_printf(m, ":%u", BPF_LINE_INFO_LINE_NUM(line->line_col));
}

static void show_row(struct seq_file *m, const struct bpf_tail_call_func *func, u32 nr)
{
	const struct bpf_tail_call_site *site = &func->site[nr];
	u64 counts[TCT_OUTCOMES], any = 0;
	struct target to;
	int i;

	for (i = 0; i < TCT_OUTCOMES; i++) {
		counts[i] = sum(site->counts, place(nr) + i);
		any |= counts[i];
	}
	if (!any)
		return;
	find_target(site, &to);
	if (!tct_filter_row(func->main->id, bpf_tail_call_prog_name(program(func)),
			    to.callee_id, to.callee, to.map))
		return;
	show_site(m, site, &to);
	for (i = 0; i < TCT_OUTCOMES; i++)
		seq_printf(m, " %s=%llu", tct_outcome_name(i), counts[i]);
	seq_printf(m, " highest=%d/%d tag=%*phN", highest(func), TCT_LIMIT,
		   BPF_TAG_SIZE, program(func)->tag);
	show_source(m, site);
	seq_putc(m, '\n');
}

/* Position 0 is the head line, and others are keys of functions. */
static void *stats_start(struct seq_file *m, loff_t *pos)
{
	int err = tct_may_look();

	if (err)
		return ERR_PTR(err);
	return *pos ? (void *)next(pos) : SEQ_START_TOKEN;
}

static void stats_put(void *v)
{
	if (!IS_ERR_OR_NULL(v) && v != SEQ_START_TOKEN)
		bpf_prog_put(program(v));
}

static void *stats_next(struct seq_file *m, void *v, loff_t *pos)
{
	stats_put(v);
	++*pos;
	return (void *)next(pos);
}

static void stats_stop(struct seq_file *m, void *v)
{
	stats_put(v);
}

static int stats_show(struct seq_file *m, void *v)
{
	const struct bpf_tail_call_func *func = v;
	u32 nr;

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "# callee: who is in the slot now\n");
		return 0;
	}
	for (nr = 0; nr < func->nr_sites; nr++)
		if (func->site[nr].counts)
			show_row(m, func, nr);
	return 0;
}

static const struct seq_operations stats_ops = {
	.start	= stats_start,
	.next	= stats_next,
	.stop	= stats_stop,
	.show	= stats_show,
};

static int stats_open(struct inode *inode, struct file *file)
{
	int err = tct_may_look();

	return err ? err : seq_open(file, &stats_ops);
}

static const struct file_operations stats_fops = {
	.owner	 = THIS_MODULE,
	.open	 = stats_open,
	.read	 = seq_read,
	.llseek	 = seq_lseek,
	.release = seq_release,
};

/* ---- budget -------------------------------------------------------------- */

static void show_limits(struct seq_file *m, const struct bpf_tail_call_func *func)
{
	struct target to;
	u64 times;
	u32 nr;

	for (nr = 0; nr < func->nr_sites; nr++) {
		if (!func->site[nr].counts)
			continue;
		times = sum(func->site[nr].counts, place(nr) + BPF_TAIL_CALL_LIMIT);
		if (!times)
			continue;
		find_target(&func->site[nr], &to);
		seq_puts(m, "limit ");
		show_site(m, &func->site[nr], &to);
		seq_printf(m, " times=%llu\n", times);
	}
}

static void show_func_budget(struct seq_file *m, const struct bpf_tail_call_func *func,
			     u64 *all)
{
	bool any = false;
	int count;
	u64 hits;

	for (count = 1; count <= TCT_LIMIT; count++) {
		hits = hits_at(func, count);
		all[count] += hits;
		if (!hits)
			continue;
		if (!any)
			seq_printf(m, "caller=%u:%s", func->main->id,
				   bpf_tail_call_func_name(func));
		any = true;
		seq_printf(m, " %d:%llu", count, hits);
	}
	if (any)
		seq_putc(m, '\n');
}

static int budget_show(struct seq_file *m, void *unused)
{
	const struct bpf_tail_call_func *func;
	u64 all[TCT_LIMIT + 2] = {};
	loff_t pos;
	int err, i;

	err = tct_may_look();
	if (err)
		return err;
	seq_printf(m, "# callers by the number of the tail call in its run, %d is the limit\n",
		   TCT_LIMIT);
	for (pos = 1; (func = next(&pos)); pos++) {
		show_func_budget(m, func, all);
		bpf_prog_put(program(func));
		cond_resched();
	}
	/*
	 * A run that made n tail calls has made 1, 2, ... n: those that made n and
	 * not n + 1 ended there.
	 */
	seq_puts(m, "# runs by the number of tail calls they made\n");
	for (i = 1; i <= TCT_LIMIT; i++)
		if (all[i] > all[i + 1])
			seq_printf(m, "tail_calls=%d runs=%llu\n", i, all[i] - all[i + 1]);
	for (pos = 1; (func = next(&pos)); pos++) {
		show_limits(m, func);
		bpf_prog_put(program(func));
		cond_resched();
	}
	return 0;
}

static int budget_open(struct inode *inode, struct file *file)
{
	int err = tct_may_look();

	return err ? err : single_open(file, budget_show, NULL);
}

static const struct file_operations budget_fops = {
	.owner	 = THIS_MODULE,
	.open	 = budget_open,
	.read	 = seq_read,
	.llseek	 = seq_lseek,
	.release = single_release,
};

/* ---- reset --------------------------------------------------------------- */

/* As many as a CPU clears at once, with its interrupts off. */
#define BATCH	32

struct batch {
	const struct bpf_tail_call_func *func[BATCH];
	int count;
};

static void clear(const struct batch *batch, int cpu)
{
	u32 nr, i, last;
	u64 *counts;
	int at;

	for (at = 0; at < batch->count; at++) {
		const struct bpf_tail_call_func *func = batch->func[at];

		for (nr = 0; nr < func->nr_sites; nr += BPF_TAIL_CALL_GROUP) {
			if (!func->site[nr].counts)
				continue;
			last = min_t(u32, func->nr_sites - nr, BPF_TAIL_CALL_GROUP) - 1;
			counts = per_cpu_ptr(func->site[nr].counts, cpu);
			for (i = 0; i < place(last) + TCT_OUTCOMES; i++)
				WRITE_ONCE(counts[i], 0);
		}
	}
}

/* A store of this CPU comes before or after its own increment, not in between. */
static void clear_here(void *batch)
{
	clear(batch, smp_processor_id());
}

static void clear_batch(struct batch *batch)
{
	int cpu, at;

	cpus_read_lock();
	on_each_cpu(clear_here, batch, 1);
	/* Nobody counts on the others. */
	for_each_possible_cpu(cpu)
		if (!cpu_online(cpu))
			clear(batch, cpu);
	cpus_read_unlock();
	for (at = 0; at < batch->count; at++)
		bpf_prog_put(program(batch->func[at]));
	batch->count = 0;
	cond_resched();
}

/**
 * tct_stats_reset() - begin anew
 *
 * A tail call is counted before or after it.
 */
void tct_stats_reset(void)
{
	const struct bpf_tail_call_func *func;
	struct batch batch = {};
	loff_t pos;

	for (pos = 1; (func = next(&pos)); pos++) {
		batch.func[batch.count++] = func;
		if (batch.count == BATCH)
			clear_batch(&batch);
	}
	clear_batch(&batch);
}

void tct_stats_init(struct dentry *dir)
{
	debugfs_create_file("stats", 0440, dir, NULL, &stats_fops);
	debugfs_create_file("budget", 0440, dir, NULL, &budget_fops);
}
