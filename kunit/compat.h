/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that differs between the kernel lines the suite builds for.
 */
#ifndef TAILCALL_KUNIT_COMPAT_H
#define TAILCALL_KUNIT_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 10, 0)
#error "The tail call suite needs Linux 5.10 or newer."
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 4, 0)
#error "The tail call suite is not tried on kernels newer than 7.3: try it, then raise this limit."
#endif

/* The namespace that kern_sys_bpf() is exported in. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define TC_IMPORT_BPF_INTERNAL() MODULE_IMPORT_NS("BPF_INTERNAL")
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define TC_IMPORT_BPF_INTERNAL() MODULE_IMPORT_NS(BPF_INTERNAL)
#else
#define TC_IMPORT_BPF_INTERNAL()
#endif

/* No header declares it: it was made for generated light skeletons. */
int kern_sys_bpf(int cmd, union bpf_attr *attr, unsigned int size);

#endif /* TAILCALL_KUNIT_COMPAT_H */
