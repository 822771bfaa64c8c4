// SPDX-License-Identifier: GPL-2.0
/*
 * The tail call tracer: its switches.
 *
 * A kernel with CONFIG_BPF_TAIL_CALL_TRACE has a tracepoint for tail calls that
 * hit and one for those that miss. The first probe of one patches the sites of
 * all programs, the last one that goes patches them back: what is not looked at
 * costs nothing. So a probe is only registered for what somebody wants.
 */
#include <linux/ctype.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/security.h>
#include <linux/tracepoint.h>
#include <linux/uaccess.h>
#include <trace/events/bpf_tail_call.h>

#include "tracer.h"

/* Held while anything is switched, resized or reset. */
DEFINE_MUTEX(tct_lock);

static struct dentry *tct_dir;

/* Changed with tct_lock held. The last two choose what the first one starts. */
static unsigned int tracing_wanted;
static unsigned int events_wanted = 1;
static unsigned int stats_wanted = 1;

static unsigned int counted;	/* outcomes that are counted */
static unsigned int probed;	/* and those that have a probe */

/* One switch is for all kinds of misses. */
static unsigned int kinds(unsigned int outcomes)
{
	return outcomes & TCT_MISSES ? outcomes | TCT_MISSES : outcomes;
}

static int count(unsigned int want)
{
	unsigned int change = counted ^ want;
	int err = 0;

	if (change & BIT(BPF_TAIL_CALL_HIT))
		err = bpf_tail_call_trace_count(true, want & BIT(BPF_TAIL_CALL_HIT));
	if (err)
		return err;
	counted ^= change & BIT(BPF_TAIL_CALL_HIT);
	if (change & TCT_MISSES)
		err = bpf_tail_call_trace_count(false, want & TCT_MISSES);
	if (!err)
		counted ^= change & TCT_MISSES;
	return err;
}

static void disarm(unsigned int what)
{
	if (what & probed & BIT(BPF_TAIL_CALL_HIT))
		unregister_trace_bpf_tail_call_hit(tct_probe, NULL);
	if (what & probed & TCT_MISSES)
		unregister_trace_bpf_tail_call_miss(tct_probe, NULL);
	probed &= ~what;
}

static int arm(unsigned int what)
{
	int err = 0;

	if (what & ~probed & BIT(BPF_TAIL_CALL_HIT)) {
		err = register_trace_bpf_tail_call_hit(tct_probe, NULL);
		if (err)
			return err;
		probed |= BIT(BPF_TAIL_CALL_HIT);
	}
	if (what & ~probed & TCT_MISSES) {
		err = register_trace_bpf_tail_call_miss(tct_probe, NULL);
		if (!err)
			probed |= TCT_MISSES;
	}
	return err;
}

/**
 * tct_rearm() - make the probes what the switches and filters say
 *
 * Called with tct_lock held. If it fails, some of the probes that are wanted are
 * missing, and none is there that is not.
 *
 * Return: 0 or an error.
 */
int tct_rearm(void)
{
	bool was = probed;
	unsigned int want = 0;
	int err;

	lockdep_assert_held(&tct_lock);
	if (tracing_wanted && events_wanted)
		want = kinds(tct_filter_outcomes());
	if (want && !was)
		tct_events_begin();
	if (probed & ~want) {
		disarm(~want);
		/* Who switches off wants to read what is complete. */
		tracepoint_synchronize_unregister();
	}
	if (was && !want)
		tct_events_end();
	err = count(tracing_wanted && stats_wanted ? kinds(tct_filter_outcomes()) : 0);
	return err ? err : arm(want);
}

/**
 * tct_may_look() - may what runs in the kernel be seen?
 *
 * Return: 0, or -EPERM if the kernel is locked down.
 */
int tct_may_look(void)
{
	int err = security_locked_down(LOCKDOWN_TRACEFS);

	if (err)
		pr_notice_once("the kernel is locked down: tail calls are not traced\n");
	return err;
}

/**
 * tct_open() - open a file that is a switch or a number
 * @inode: the file
 * @file: how it was opened
 *
 * Return: 0, or -EPERM if the kernel is locked down.
 */
int tct_open(struct inode *inode, struct file *file)
{
	int err = tct_may_look();

	return err ? err : simple_open(inode, file);
}

/**
 * tct_tracing() - do events still come?
 *
 * Return: true if tail calls go to the buffer.
 */
bool tct_tracing(void)
{
	return READ_ONCE(probed);
}

/**
 * tct_format_head() - how each line of events begins, in ftrace's style
 * @to: where to
 * @size: of @to
 * @task: who it was
 * @cpu: where
 * @ns: when, of the local trace clock
 *
 * Return: the length.
 */
int tct_format_head(char *to, size_t size, const struct tct_task *task, int cpu,
		    u64 ns)
{
	u32 rest = do_div(ns, NSEC_PER_SEC);
	char comm[TASK_COMM_LEN];
	int i;

	/* A task can call itself what it likes, and must not fake lines. */
	memcpy(comm, task->comm, sizeof(comm));
	for (i = 0; comm[i]; i++)
		if (comm[i] < ' ' || comm[i] > '~')
			comm[i] = '?';
	return scnprintf(to, size, "%16s-%-7d [%03d] %c %5llu.%06u: ", comm,
			 task->pid, cpu, task->context, ns,
			 (u32)(rest / NSEC_PER_USEC));
}

static const char *const outcome_names[] = {
	[BPF_TAIL_CALL_HIT]	= "hit",
	[BPF_TAIL_CALL_EMPTY]	= "empty",
	[BPF_TAIL_CALL_RANGE]	= "range",
	[BPF_TAIL_CALL_LIMIT]	= "limit",
	[BPF_TAIL_CALL_STACK]	= "stack",
};

static_assert(ARRAY_SIZE(outcome_names) == TCT_OUTCOMES);

/**
 * tct_outcome_name() - what the outcome of a tail call is called in all files
 * @outcome: one of enum bpf_tail_call_outcome
 *
 * Return: its name.
 */
const char *tct_outcome_name(unsigned int outcome)
{
	return outcome_names[outcome];
}

/**
 * tct_read_number() - read a number that somebody wrote to a file
 * @from: what was written
 * @count: and how much of it
 * @to: the number
 *
 * Return: 0, -EFAULT, or -EINVAL for all that is not one decimal number.
 */
int tct_read_number(const char __user *from, size_t count, unsigned int *to)
{
	char text[16];

	if (!count || count >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, from, count))
		return -EFAULT;
	text[count] = 0;
	/* kstrtouint() would take a sign. */
	if (strlen(text) != count || !isdigit(*text) ||
	    kstrtouint(text, 10, to))
		return -EINVAL;
	return 0;
}

static ssize_t switch_read(struct file *file, char __user *to, size_t count,
			   loff_t *pos)
{
	unsigned int *value = file->private_data;
	char text[4];
	int len;

	len = scnprintf(text, sizeof(text), "%u\n", READ_ONCE(*value));
	return simple_read_from_buffer(to, count, pos, text, len);
}

static ssize_t switch_write(struct file *file, const char __user *from,
			    size_t count, loff_t *pos)
{
	unsigned int *value = file->private_data;
	unsigned int want, had;
	int err;

	err = tct_read_number(from, count, &want);
	if (err)
		return err;
	if (want > 1)
		return -EINVAL;
	err = mutex_lock_interruptible(&tct_lock);
	if (err)
		return err;
	had = *value;
	/* It may have been locked down since the file was opened. */
	if (want && !had)
		err = tct_may_look();
	if (!err) {
		WRITE_ONCE(*value, want);
		err = tct_rearm();
		if (err) {
			WRITE_ONCE(*value, had);
			tct_rearm();
		}
	}
	mutex_unlock(&tct_lock);
	/* Those who wait for events that do not come any more. */
	tct_events_wake();
	return err ? err : count;
}

static const struct file_operations switch_fops = {
	.owner	= THIS_MODULE,
	.open	= tct_open,
	.read	= switch_read,
	.write	= switch_write,
	.llseek	= default_llseek,
};

static ssize_t reset_write(struct file *file, const char __user *from,
			   size_t count, loff_t *pos)
{
	unsigned int want;
	int err;

	err = tct_read_number(from, count, &want);
	if (err)
		return err;
	if (want != 1)
		return -EINVAL;
	err = mutex_lock_interruptible(&tct_lock);
	if (err)
		return err;
	tct_stats_reset();
	tct_events_reset();
	mutex_unlock(&tct_lock);
	return count;
}

static const struct file_operations reset_fops = {
	.owner	= THIS_MODULE,
	.open	= tct_open,
	.write	= reset_write,
	.llseek	= default_llseek,
};

static int __init tct_init(void)
{
	int err;

	tct_dir = debugfs_create_dir("bpf_tail_call", NULL);
	if (IS_ERR(tct_dir))
		return PTR_ERR(tct_dir);
	tct_stats_init(tct_dir);
	err = tct_events_init(tct_dir);
	if (err)
		goto no_events;
	/*
	 * Slots are written to now and then, and the write that explains a miss
	 * comes before it: these two are recorded as long as the module is there.
	 */
	if (!tct_may_look()) {
		err = tct_history_init(tct_dir);
		if (err)
			goto no_history;
	}
	tct_filter_init(tct_dir);
	debugfs_create_file("tracing_on", 0640, tct_dir, &tracing_wanted,
			    &switch_fops);
	debugfs_create_file("events_on", 0640, tct_dir, &events_wanted,
			    &switch_fops);
	debugfs_create_file("stats_on", 0640, tct_dir, &stats_wanted, &switch_fops);
	debugfs_create_file("reset", 0200, tct_dir, NULL, &reset_fops);
	return 0;

no_history:
	debugfs_remove_recursive(tct_dir);
	tct_dir = NULL;
	tct_events_exit();
no_events:
	debugfs_remove_recursive(tct_dir);
	return err;
}

/* An open file holds the module, so nobody reads or writes any more. */
static void __exit tct_exit(void)
{
	debugfs_remove_recursive(tct_dir);
	mutex_lock(&tct_lock);
	tracing_wanted = 0;
	tct_rearm();
	mutex_unlock(&tct_lock);
	tct_history_exit();
	tct_filter_exit();
	tct_events_exit();
}

module_init(tct_init);
module_exit(tct_exit);
MODULE_DESCRIPTION("BPF tail call tracer");
MODULE_VERSION(TCT_VERSION);
MODULE_LICENSE("GPL");
