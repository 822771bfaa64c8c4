#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Does the module of KUnit suites load and unload? What the suites find is in the
# kernel log: a module of KUnit loads whatever that is.

exec "$(dirname "$0")/../kselftest/module.sh" "tailcall_kunit" tailcall_kunit
