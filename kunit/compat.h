/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that differs between the kernel lines the suite builds for.
 */
#ifndef TAILCALL_KUNIT_COMPAT_H
#define TAILCALL_KUNIT_COMPAT_H

#include <linux/sched/signal.h>
#include <linux/version.h>
#include <kunit/test.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 10, 0)
#error "The tail call suite needs Linux 5.10 or newer."
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 4, 0)
#error "The tail call suite is not tried on kernels newer than 7.3: try it, then raise this limit."
#endif

/* The kernel line. */
#define TCALL_LINE_MAJOR	(LINUX_VERSION_CODE >> 16)
#define TCALL_LINE_MINOR	(LINUX_VERSION_CODE >> 8 & 0xff)

/* The namespace that kern_sys_bpf() is exported in. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define TCALL_IMPORT_BPF_INTERNAL() MODULE_IMPORT_NS("BPF_INTERNAL")
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define TCALL_IMPORT_BPF_INTERNAL() MODULE_IMPORT_NS(BPF_INTERNAL)
#else
#define TCALL_IMPORT_BPF_INTERNAL()
#endif

/* Newer kernels export it for light skeletons, but no header declares it. */
union bpf_attr;
int kern_sys_bpf(int cmd, union bpf_attr *attr, unsigned int size);

/*
 * Before 5.11 BPF memory is charged against RLIMIT_MEMLOCK, and freed memory
 * counts for a while. A case has a thread of its own, so only that is changed.
 */
static inline void tcall_lift_memlock_limit(void)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
	current->signal->rlim[RLIMIT_MEMLOCK].rlim_cur = RLIM_INFINITY;
#endif
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 13, 0)
/* There are helpers that call back, so the callback suite can be built. */
#define TCALL_CALLBACKS
#define TCALL_CALLBACK_SUITE (&tailcall_callback_suite)
#else
/* The list of suites may end early. */
#define TCALL_CALLBACK_SUITE NULL
#define BPF_PSEUDO_FUNC 4
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
/* What a cpumap says to a program that does not fit. */
#define TCALL_CPUMAP_REFUSES	(-EINVAL)
/* Sleepable programs make tail calls, so the suites about these can be built. */
#define TCALL_SLEEPABLE_CALLERS
/* A kprobe's program can write the registers. */
#define TCALL_KPROBES_WRITE
/* Tracing programs may have stacks of their own. */
#define TCALL_PRIVATE_STACKS
#else
#define TCALL_CPUMAP_REFUSES	(-ENOMEM)
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
/* The verifier tells pointers that RCU keeps from others. */
#define TCALL_RCU_POINTERS
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
/* A raw tracepoint runs a link, not a program. */
#define TCALL_RAW_TP_LINK
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
/* An argument of a function can be said to be the context. */
#define TCALL_ARG_TAGS
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
/*
 * An extension that changes packet data is refused for who holds packet pointers;
 * newer kernels look only at the function that it replaces.
 */
#define TCALL_EXTENSION_RULE_BY_HOLDER
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0) || LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
/* A main program's tail call that failed leaves packet pointers valid. */
#define TCALL_POINTERS_OUTLIVE_A_MISS
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
/* A tail callee returns what its type may; to newer kernels, anything. */
#define TCALL_RESULTS_HAVE_A_RANGE
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0)
/* Since 6.1 a caller may hold a reference over a tail call. */
#define TCALL_CALLERS_MAY_HOLD_REFERENCES
/* Kprobe programs can be sleepable (5.10: only types that need its BTF). */
#define TCALL_SLEEPABLE_KPROBES
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
/* A sample's callchain is made for programs that ask for it, newer kernels make it for all. */
#define TCALL_CALLCHAIN_FOR_ASKERS
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 0, 0)
/* The struct that a kprobe program takes. */
#define TCALL_KPROBE_CTX	"pt_regs"
#else
#define TCALL_KPROBE_CTX	"bpf_user_pt_regs_t"
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 14, 0)
#include <linux/fs.h>
#include <linux/mount.h>

static inline struct file *file_open_root_mnt(struct vfsmount *mnt, const char *name,
					      int flags, umode_t mode)
{
	return file_open_root(mnt->mnt_root, mnt, name, flags, mode);
}
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 18, 0)
/* XDP programs say whether they know of fragments. */
#define TCALL_XDP_FRAGS	BPF_F_XDP_HAS_FRAGS
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
/* There are arenas. */
#define TCALL_ARENA
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 14, 0)
/* A case cannot be skipped: one that does not find what it needs fails. */
#define kunit_skip(test, fmt, ...)	\
	KUNIT_ASSERT_FALSE_MSG(test, true, fmt, ##__VA_ARGS__)
/* Unless it is about another kernel altogether. */
#define kunit_skip_quietly(test, fmt, ...)	\
	kunit_info(test, "skipped: " fmt "\n", ##__VA_ARGS__)

static inline void *kunit_kcalloc(struct kunit *test, size_t n, size_t size,
				  gfp_t gfp)
{
	return kunit_kzalloc(test, array_size(n, size), gfp);
}
#else
#define kunit_skip_quietly	kunit_skip
#endif

#ifdef KUNIT_ARRAY_PARAM
static inline const void *tcall_param(struct kunit *test)
{
	return test->param_value;
}
#else
/*
 * Before 5.11 a case has no parameters. Here it walks them on its own, and
 * prints each one before its turn: the last one printed is the one that failed.
 */
#define KUNIT_PARAM_DESC_SIZE 128

struct tcall_param_case {
	/* A test has a pointer to its case's name: the way to the rest. */
	char name[64];
	void (*run)(struct kunit *test);
	const void *(*next)(const void *prev, char *desc);
	const void *param;
};

static inline struct tcall_param_case *tcall_param_case(struct kunit *test)
{
	return container_of((void *)test->name, struct tcall_param_case, name);
}

static inline const void *tcall_param(struct kunit *test)
{
	return tcall_param_case(test)->param;
}

/* In prog.c: closes what a case has opened. */
void tcall_exit(struct kunit *test);

static inline void tcall_run_param_case(struct kunit *test)
{
	struct tcall_param_case *c = tcall_param_case(test);
	char desc[KUNIT_PARAM_DESC_SIZE] = "";

	c->param = NULL;
	while ((c->param = c->next(c->param, desc))) {
		kunit_info(test, "%s\n", desc);
		c->run(test);
		tcall_exit(test);
	}
}

#define KUNIT_CASE_PARAM(test_name, gen_params) {			\
	.run_case = tcall_run_param_case,				\
	.name = ((struct tcall_param_case) {				\
		.name = #test_name,					\
		.run = test_name,					\
		.next = gen_params,					\
	}).name,							\
}

#define KUNIT_ARRAY_PARAM(_name, _array, _get_desc)			\
static const void *_name##_gen_params(const void *prev, char *desc)	\
{									\
	typeof(_array) *all = &(_array);				\
	typeof(&(*all)[0]) next = prev;					\
									\
	next = prev ? next + 1 : *all;					\
	if (next == *all + ARRAY_SIZE(*all))				\
		return NULL;						\
	_get_desc(next, desc);						\
	return next;							\
}
#endif /* KUNIT_ARRAY_PARAM */

#endif /* TAILCALL_KUNIT_COMPAT_H */
