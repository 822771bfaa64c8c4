// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites for tail calls of the x86-64 BPF JIT.
 */
#include <linux/bpf.h>
#include <linux/module.h>

#include "compat.h"
#include "suites.h"

kunit_test_suites(&tailcall_limit_suite,
		  &tailcall_hierarchy_suite,
		  &tailcall_miss_suite,
		  &tailcall_patch_suite,
		  &tailcall_frame_suite,
		  &tailcall_unwind_suite,
		  &tailcall_extension_suite,
		  &tailcall_owner_suite,
		  &tailcall_stack_suite,
		  &tailcall_given_suite,
		  &tailcall_verifier_suite,
		  &tailcall_golden_suite,
		  TCALL_CALLBACK_SUITE);

MODULE_DESCRIPTION("KUnit suites for BPF tail calls");
MODULE_LICENSE("GPL");
TCALL_IMPORT_BPF_INTERNAL();
