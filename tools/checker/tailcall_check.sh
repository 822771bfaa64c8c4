#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The checker as a test: an open bug is a failure.

exec "$(dirname "$0")/tailcall_check" --tap
