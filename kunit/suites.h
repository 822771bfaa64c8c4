/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TAILCALL_KUNIT_SUITES_H
#define TAILCALL_KUNIT_SUITES_H

#include <kunit/test.h>

extern struct kunit_suite tailcall_limit_suite;
extern struct kunit_suite tailcall_hierarchy_suite;
extern struct kunit_suite tailcall_miss_suite;
extern struct kunit_suite tailcall_patch_suite;
extern struct kunit_suite tailcall_frame_suite;
extern struct kunit_suite tailcall_unwind_suite;
extern struct kunit_suite tailcall_callback_suite;
extern struct kunit_suite tailcall_extension_suite;
extern struct kunit_suite tailcall_owner_suite;
extern struct kunit_suite tailcall_stack_suite;
extern struct kunit_suite tailcall_given_suite;
extern struct kunit_suite tailcall_verifier_suite;
extern struct kunit_suite tailcall_golden_suite;

#endif /* TAILCALL_KUNIT_SUITES_H */
