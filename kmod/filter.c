// SPDX-License-Identifier: GPL-2.0
/*
 * Filters: sets of ids, of names, and of outcomes. What does not pass is no event,
 * and no row of the statistics.
 *
 * A probe sees all sets as one object that never changes: a writer makes
 * another one, and waits until nobody uses the old one.
 */
#include <linux/ctype.h>
#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "tracer.h"

/* A probe walks a whole set. */
#define MAX_IDS		64
#define MAX_NAMES	16
#define MAX_WRITE	4096

enum { PROGS, MAPS, PIDS, ID_SETS, PROG_NAMES = ID_SETS, MAP_NAMES, OUTCOMES };

/* Names with * for any characters and ? for one. */
struct name_set {
	unsigned int count;	/* 0: all pass */
	char name[MAX_NAMES][TCT_NAME_LEN];
};

struct id_set {
	unsigned int count;	/* 0: all pass */
	u32 id[MAX_IDS];
};

struct tct_filter {
	struct id_set ids[ID_SETS];
	struct name_set names[OUTCOMES - ID_SETS];
	unsigned int outcomes;	/* 0: all pass */
	struct rcu_head rcu;
};

/* NULL if nothing is filtered; changed with tct_lock held. */
struct tct_filter __rcu *tct_filter;

static bool has_id(const struct id_set *set, u32 id)
{
	unsigned int i;

	for (i = 0; i < set->count; i++)
		if (set->id[i] == id)
			return true;
	return false;
}

/* Goes back to the last * only, which suffices. */
static bool fits(const char *name, const char *pattern)
{
	const char *star = NULL, *from = NULL;

	while (*name) {
		if (*pattern == '*') {
			star = pattern++;
			from = name;
		} else if (*pattern == '?' || *pattern == *name) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star + 1;
			name = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

static bool has_name(const struct name_set *set, const char *name)
{
	unsigned int i;

	for (i = 0; i < set->count; i++)
		if (fits(name, set->name[i]))
			return true;
	return false;
}

/* A miss has no callee, and 0 is in no set. */
static bool match(const struct tct_filter *filter, u32 caller_id, const char *caller,
		  u32 callee_id, const char *callee, const struct bpf_map *map)
{
	const struct name_set *progs = &filter->names[PROG_NAMES - ID_SETS];
	const struct name_set *maps = &filter->names[MAP_NAMES - ID_SETS];
	const struct id_set *ids = filter->ids;

	if (ids[MAPS].count && (!map || !has_id(&ids[MAPS], map->id)))
		return false;
	if (maps->count && (!map || !has_name(maps, map->name)))
		return false;
	if (ids[PROGS].count && !has_id(&ids[PROGS], caller_id) &&
	    !has_id(&ids[PROGS], callee_id))
		return false;
	return !progs->count || has_name(progs, caller) ||
	       (callee_id && has_name(progs, callee));
}

/**
 * tct_filter_match() - does a tail call pass?
 * @filter: all sets
 * @caller: the program
 * @map: the prog_array
 * @callee: who is called, or NULL
 * @outcome: what became of it
 *
 * Called with preemption disabled, in any context.
 *
 * Return: true if it does.
 */
bool tct_filter_match(const struct tct_filter *filter, const struct bpf_prog *caller,
		      const struct bpf_map *map, const struct bpf_prog *callee, u32 outcome)
{
	const struct id_set *pids = &filter->ids[PIDS];

	if (filter->outcomes && !(filter->outcomes & BIT(outcome)))
		return false;
	if (pids->count && !has_id(pids, current->pid))
		return false;
	return match(filter, caller->aux->id, bpf_tail_call_prog_name(caller),
		     callee ? callee->aux->id : 0, bpf_tail_call_prog_name(callee), map);
}

/**
 * tct_filter_row() - does a row of the statistics pass?
 * @caller_id: id of the program
 * @caller: and its name
 * @callee_id: id of the tail callee, or 0
 * @callee: and its name
 * @map: the prog_array, NULL if that is not known
 *
 * Return: true if it does. Tasks and outcomes are not asked for.
 */
bool tct_filter_row(u32 caller_id, const char *caller, u32 callee_id,
		    const char *callee, const struct bpf_map *map)
{
	const struct tct_filter *filter;
	bool ret;

	rcu_read_lock();
	filter = rcu_dereference(tct_filter);
	ret = !filter || match(filter, caller_id, caller, callee_id, callee, map);
	rcu_read_unlock();
	return ret;
}

static struct tct_filter *current_filter(void)
{
	return rcu_dereference_protected(tct_filter, lockdep_is_held(&tct_lock));
}

/**
 * tct_filter_outcomes() - the outcomes that pass
 *
 * Called with tct_lock held.
 *
 * Return: a set of bits.
 */
unsigned int tct_filter_outcomes(void)
{
	const struct tct_filter *filter = current_filter();

	return filter && filter->outcomes ? filter->outcomes : TCT_ALL;
}

static int change_id(struct id_set *set, const char *word, bool remove, u32 least)
{
	unsigned int i;
	u32 id;

	/* kstrtou32() would take a sign. */
	if (!isdigit(*word) || kstrtou32(word, 10, &id) || id < least)
		return -EINVAL;
	for (i = 0; i < set->count && set->id[i] != id; i++)
		;
	if (remove) {
		if (i == set->count)
			return -EINVAL;
		set->id[i] = set->id[--set->count];
		return 0;
	}
	if (i < set->count)
		return 0;
	if (i == MAX_IDS)
		return -ENOSPC;
	set->id[set->count++] = id;
	return 0;
}

static int change_name(struct name_set *set, const char *word, bool remove)
{
	size_t len = strlen(word), i;

	if (!len || len >= TCT_NAME_LEN)
		return -EINVAL;
	for (i = 0; i < len; i++)
		if (!isascii(word[i]) || (!isalnum(word[i]) && !strchr("_.*?", word[i])))
			return -EINVAL;
	for (i = 0; i < set->count && strcmp(set->name[i], word); i++)
		;
	if (remove) {
		if (i == set->count)
			return -EINVAL;
		set->count--;
		memcpy(set->name[i], set->name[set->count], TCT_NAME_LEN);
		return 0;
	}
	if (i < set->count)
		return 0;
	if (i == MAX_NAMES)
		return -ENOSPC;
	strscpy(set->name[set->count++], word, TCT_NAME_LEN);
	return 0;
}

static int change_outcome(unsigned int *set, const char *word, bool remove)
{
	unsigned int bits = 0, i;

	for (i = 0; i < TCT_OUTCOMES; i++)
		if (!strcmp(word, tct_outcome_name(i)))
			bits = BIT(i);
	if (!strcmp(word, "miss"))
		bits = TCT_MISSES;
	if (!bits || (remove && !(*set & bits)))
		return -EINVAL;
	if (remove)
		*set &= ~bits;
	else
		*set |= bits;
	return 0;
}

static void clear(struct tct_filter *filter, int which)
{
	if (which == OUTCOMES)
		filter->outcomes = 0;
	else if (which >= ID_SETS)
		filter->names[which - ID_SETS].count = 0;
	else
		filter->ids[which].count = 0;
}

/* Carry out what the words of a line say. */
static int change(struct tct_filter *filter, int which, char *line, bool replace)
{
	char *word;
	int err;

	/* A line that only removes has to have something to remove from. */
	line = skip_spaces(line);
	if (replace && *line != '!')
		clear(filter, which);
	while ((word = strsep(&line, " \t\n"))) {
		bool remove = *word == '!';

		if (!*word)
			continue;
		if (which == OUTCOMES)
			err = change_outcome(&filter->outcomes, word + remove,
					     remove);
		else if (which >= ID_SETS)
			err = change_name(&filter->names[which - ID_SETS],
					  word + remove, remove);
		else
			/* ids begin at 1, but the idle task is 0 */
			err = change_id(&filter->ids[which], word + remove,
					remove, which != PIDS);
		if (err)
			return err;
	}
	return 0;
}

static bool is_empty(const struct tct_filter *filter)
{
	int i;

	for (i = 0; i < ID_SETS; i++)
		if (filter->ids[i].count)
			return false;
	for (i = ID_SETS; i < OUTCOMES; i++)
		if (filter->names[i - ID_SETS].count)
			return false;
	return !filter->outcomes;
}

/* All of the line or nothing. */
static int update(int which, char *line, bool replace)
{
	struct tct_filter *old, *new;
	int err;

	new = kzalloc(sizeof(*new), GFP_KERNEL);
	if (!new)
		return -ENOMEM;
	err = mutex_lock_interruptible(&tct_lock);
	if (err)
		goto out;
	old = current_filter();
	if (old)
		*new = *old;
	err = change(new, which, line, replace);
	if (err)
		goto unlock;
	if (is_empty(new)) {
		kfree(new);
		new = NULL;
	}
	rcu_assign_pointer(tct_filter, new);
	err = tct_rearm();
	if (err) {
		rcu_assign_pointer(tct_filter, old);
		tct_rearm();
	} else {
		new = old;
	}
	if (new)
		synchronize_rcu();
unlock:
	mutex_unlock(&tct_lock);
out:
	kfree(new);
	return err;
}

/* What an open file has to remember. */
struct writer {
	int which;
	bool replace;	/* opened with ">", and nothing was written so far */
};

static int filter_show(struct seq_file *m, void *unused)
{
	struct writer *writer = m->private;
	const struct tct_filter *filter;
	unsigned int i;
	int err;

	err = mutex_lock_interruptible(&tct_lock);
	if (err)
		return err;
	filter = current_filter();
	if (filter && writer->which == OUTCOMES) {
		for (i = 0; i < TCT_OUTCOMES; i++)
			if (filter->outcomes & BIT(i))
				seq_printf(m, "%s\n", tct_outcome_name(i));
	} else if (filter && writer->which >= ID_SETS) {
		const struct name_set *set = &filter->names[writer->which - ID_SETS];

		for (i = 0; i < set->count; i++)
			seq_printf(m, "%s\n", set->name[i]);
	} else if (filter) {
		const struct id_set *set = &filter->ids[writer->which];

		for (i = 0; i < set->count; i++)
			seq_printf(m, "%u\n", set->id[i]);
	}
	mutex_unlock(&tct_lock);
	return 0;
}

static int filter_open(struct inode *inode, struct file *file)
{
	struct writer *writer;
	int err;

	err = tct_may_look();
	if (err)
		return err;
	writer = kzalloc(sizeof(*writer), GFP_KERNEL);
	if (!writer)
		return -ENOMEM;
	writer->which = (long)inode->i_private;
	writer->replace = (file->f_mode & FMODE_WRITE) &&
			  (file->f_flags & O_TRUNC);
	err = single_open(file, filter_show, writer);
	if (err)
		kfree(writer);
	return err;
}

static ssize_t filter_write(struct file *file, const char __user *from,
			    size_t count, loff_t *pos)
{
	struct seq_file *m = file->private_data;
	struct writer *writer = m->private;
	bool replace = writer->replace;
	char *line;
	int err;

	/* What is refused has not cleared the set either. */
	writer->replace = false;
	if (count > MAX_WRITE)
		return -EINVAL;
	line = memdup_user_nul(from, count);
	if (IS_ERR(line))
		return PTR_ERR(line);
	err = strlen(line) == count ? 0 : -EINVAL;
	if (!err)
		err = update(writer->which, line, replace);
	kfree(line);
	return err ? err : count;
}

static int filter_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;
	struct writer *writer = m->private;
	char nothing[] = "";

	/* "> file" */
	if (writer->replace)
		update(writer->which, nothing, true);
	kfree(writer);
	return single_release(inode, file);
}

static const struct file_operations filter_fops = {
	.owner	 = THIS_MODULE,
	.open	 = filter_open,
	.read	 = seq_read,
	.write	 = filter_write,
	.llseek	 = seq_lseek,
	.release = filter_release,
};

void tct_filter_init(struct dentry *dir)
{
	static const char *const files[] = {
		[PROGS] = "set_prog_id", [MAPS] = "set_map_id",
		[PIDS] = "set_event_pid", [PROG_NAMES] = "set_prog_name",
		[MAP_NAMES] = "set_map_name", [OUTCOMES] = "set_outcome",
	};
	long i;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		debugfs_create_file(files[i], 0640, dir, (void *)i, &filter_fops);
}

void tct_filter_exit(void)
{
	kfree(rcu_dereference_protected(tct_filter, 1));
}
