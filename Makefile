# SPDX-License-Identifier: GPL-2.0
#
# Thin: every target is one script in scripts/, which has its own --help.

# What can be set on the command line; see make help.
TREE    ?= 6.1
VARIANT ?= patched
ALL_TREES := $(shell awk '!/^\#/ && NF { print $$1 }' patches/trees)
# What a plain make check tests: patches/trees says which lines have to be named. A fix
# is for all, unless TREES names some.
NAMED   := $(if $(filter undefined,$(origin TREES)),,$(TREES))
EVERY   := $(or $(NAMED),$(ALL_TREES))
TREES   ?= $(shell awk '!/^\#/ && NF && $$NF !~ /named/ { print $$1 }' patches/trees)
KDIR    ?=
CONFIG  ?=
KERNEL  ?=
MODULES ?=
FORMAT  ?=
DEST    ?=
SETS    ?= 1000
SEED    ?=
OBJECT  ?=
OBJECTS ?=
STATS   ?=
FULL    ?=
DEBUG   ?=
BUDGET  ?=
NATIVE  ?=
DRYRUN  ?=
SERIES  ?=
FROM    ?=
REPORT  ?=
CONTINUE ?=
export TREES FULL DEBUG BUDGET NATIVE DRYRUN
# A series of the user's own is for these only.
apply kconfig prove port bump: export OWN_SERIES = $(SERIES)
port: export FROM := $(FROM)
port bump: export REPORT := $(REPORT)
port bump: export CONTINUE := $(CONTINUE)
ifdef O
export O
endif
ifdef JOBS
export JOBS
endif

S := ./scripts

help:
	@echo 'Main targets:'
	@echo '  demo           - From nothing to a proven 6.1 kernel: unpatched against patched'
	@echo '  check          - All tests for TREES; last line: N passed, N failed'
	@echo '  status         - The table of bugs and trees, from the results of make check'
	@echo '  ktap, junit    - Its results for a CI: as KTAP, as XML'
	@echo '  checker        - Build the checker, one program that tells which bugs a running kernel has'
	@echo '  bench          - What tail calls cost in TREES, against the goals in patches/expect/goals'
	@echo ''
	@echo 'A kernel tree of your own:'
	@echo '  apply          - Apply the series of its line to KDIR'
	@echo '  unapply        - Take it out again'
	@echo '  kconfig        - Print the options that the series needs in KDIR'
	@echo '  prove          - Build and boot KDIR without and with the series: which bugs are open?'
	@echo '  port           - Make a series for KDIR, of a line that has none, from those that have'
	@echo '  try            - Boot KERNEL, a bzImage of your own, with the checker'
	@echo '  export         - Write the series of TREE to the new folder DEST, for FORMAT'
	@echo '  kselftest-into - The checker as tools/testing/selftests/tailcall of KDIR'
	@echo '  kunit-into     - The KUnit suites as kernel/bpf/tailcall_kunit of KDIR'
	@echo ''
	@echo 'Your own BPF programs:'
	@echo '  programs       - The objects in OBJECTS on TREES: what does the series change for them?'
	@echo '  stack          - What uses the stack of OBJECT, or of the loaded program ID'
	@echo '  sample         - Build samples/tailcall, the sample to start from'
	@echo ''
	@echo 'The tail call tracer:'
	@echo '  trace-demo     - What it says of a hit, each miss, a slot and a refusal, in TREE'
	@echo '  tailcall-graph - Draw STATS, a copy of its file stats, as SVG'
	@echo ''
	@echo 'Kernels:'
	@echo '  image          - Build TREE VARIANT; last line: the path of its bzImage'
	@echo '  boot           - A shell in TREE VARIANT, in QEMU'
	@echo ''
	@echo 'More tests; make check FULL=1 runs most of them:'
	@echo '  fuzz           - SETS random sets of programs of SEED on TREE VARIANT, against a model'
	@echo '  check-cloud    - The checker on the newest Debian cloud kernels of TREES'
	@echo '  selftests      - The BPF selftests of TREES: as before, or better'
	@echo '  veristat       - The BPF programs of TREES: does the verifier still take them?'
	@echo '  check-range    - The series of TREES on every point release that the archive has'
	@echo '  bisect-check   - Build, boot and test every prefix of the series of TREES'
	@echo '  mutants        - Break the patched kernels of TREES on purpose: a test must fail'
	@echo '  coverage       - The lines of the series of TREES that no test reaches'
	@echo '  kunitpy        - The KUnit suites in TREES by the kernel'"'"'s own kunit.py'
	@echo ''
	@echo 'The series:'
	@echo '  fix            - One patch on all trees, side by side: make fix PATCH=name'
	@echo '  carry          - Bring PATCH of the line FROM, or FROM=common, to all lines that have'
	@echo '                   it, or to TREES, by a merge'
	@echo '  refresh        - Write the patches of all lines, or of TREES, anew with quilt'
	@echo '  bump           - Move TREE to the newest point release in the archive, if all is green;'
	@echo '                   with SERIES, from make port, that one to KDIR'
	@echo '  vary           - Merge what of TREE does not fit KDIR, a point release before BEFORE'
	@echo '  bugs-rst       - Write Documentation/bugs.rst anew, a paragraph a bug'
	@echo '  fields         - Write Documentation/fields.rst anew, a row a field of a program'
	@echo '  readme-status  - Write the table in README.md anew, from make check'
	@echo '  golden         - Write kunit/golden.h anew, from what make check has seen'
	@echo ''
	@echo 'Cleaning:'
	@echo '  clean          - Remove build trees and results, keep sources and ccache'
	@echo '  distclean      - Remove the whole cache folder'
	@echo ''
	@echo 'Variables:'
	@echo '  TREES=...      - Kernel lines to check ($(TREES))'
	@echo '  TREE=...       - One kernel line ($(TREE))'
	@echo '  VARIANT=...    - base (as Debian ships it), patched, hardened, debug, coverage ($(VARIANT))'
	@echo '  FULL=1         - make check: all of it, see Documentation/testing.rst;'
	@echo '                   make check-range: compile, too'
	@echo '  DEBUG=1        - make check: kernels with KASAN and lockdep, too'
	@echo '  AT_A_TIME=...  - make check: parts that run at a time'
	@echo '  BUDGET=...     - make check: minutes after which no further part begins'
	@echo '  NATIVE=1       - make bench: also time the code on this processor'
	@echo '  VARIANTS=...   - make bench: the kernels to measure (base patched)'
	@echo '  KDIR=...       - A kernel source tree of your own'
	@echo '  DRYRUN=1       - make apply, unapply, bump: say what would be done'
	@echo '  CONFIG=...     - make prove: a .config of your own, in place of the small one'
	@echo '  SERIES=...     - make apply, kconfig, prove, bump: a folder that make port has written'
	@echo '  FROM=...       - make port: the lines to take patches from (all)'
	@echo '  REPORT=...     - make port: what the checker said of the unpatched kernel, or boot: ask it'
	@echo '  CONTINUE=1     - make port: go on, after a conflict was solved or an interruption'
	@echo '  KERNEL=...     - A bzImage of your own; MODULES=... its folder lib/modules/RELEASE'
	@echo '  FORMAT=...     - make export: git (for git am; SIGN=1 signs), debian, rpm, oe or nix'
	@echo '  DEST=...       - make export, port: the new folder to write to'
	@echo '  OBJECTS=...    - A folder with object files of your own'
	@echo '  OBJECT=...     - An object file of your own, from clang -g -target bpf'
	@echo '  ID=...         - The id of a program that is loaded'
	@echo '  STATS=...      - A copy of the tracer'\''s file stats'
	@echo '  SETS=...       - make fuzz: how many sets ($(SETS))'
	@echo '  SEED=...       - make fuzz: the number that they begin with (a random one)'
	@echo '  LIST=1         - make mutants: only try the expressions; BY=... lets other tests judge'
	@echo '  AGAIN=1        - make coverage: read again what was counted; BRANCHES=1: conditions, too'
	@echo '  PATCH=...      - make fix, carry: the name of a patch; STAT=1: how much of it is the same'
	@echo '  O=...          - Cache folder ($${XDG_CACHE_HOME:-~/.cache}/bpf-tailcall)'
	@echo '  JOBS=...       - Parallel jobs (all cores)'
	@echo ''
	@echo 'Packages are installed as root or through sudo [1].'
	@echo ''
	@echo 'Examples:'
	@echo '  make check TREES=6.1'
	@echo '  make apply KDIR=~/linux-6.1.192'
	@echo '  make prove KDIR=~/linux-6.1.192 CONFIG=/boot/config-6.1.0-56-amd64'
	@echo '  make boot TREE=7.3 VARIANT=base'
	@echo '  make stack OBJECT=~/prog.bpf.o'
	@echo '  make programs OBJECTS=~/objects TREES=6.1'
	@echo ''
	@echo '[1] demo, check, bench, prove, port, try, programs, trace-demo, image, boot and bump do,'
	@echo '    and all of "More tests".'

# What is named wrongly is said before packages are installed.
known-trees:
	$(if $(strip $(TREES)),,@echo "no line named: TREES= is some of $(ALL_TREES)" >&2; exit 1)
	$(if $(filter-out $(ALL_TREES),$(TREES)),@echo "no kernel line '$(firstword $(filter-out $(ALL_TREES),$(TREES)))': patches/trees has $(ALL_TREES)" >&2; exit 1)

known-kernel:
	$(if $(filter-out $(ALL_TREES),$(or $(TREE),none)),@echo "no kernel line '$(TREE)': patches/trees has $(ALL_TREES)" >&2; exit 1)
	$(if $(filter gates mutant,$(VARIANT)),@echo "the variant $(VARIANT) is for the tests of the series: make help names those for you" >&2; exit 1)

demo:
	@$(S)/demo "$(TREE)"

check:
	@$(S)/check $(TREES)

status: export TREES := $(EVERY)
status ktap:
	@$(S)/$@

junit:
	@$(S)/ktap --junit

checker:
	@$(S)/step/build-checker

bench: known-trees
	@$(S)/step/install-deps
	@$(S)/bench $(TREES)

apply unapply kconfig kselftest-into kunit-into:
	@$(S)/$@ "$(KDIR)"

prove:
	@$(S)/prove "$(KDIR)" "$(CONFIG)"

port:
	@$(S)/port "$(KDIR)" $(if $(DEST),"$(DEST)")

try:
	@$(S)/try "$(KERNEL)" "$(MODULES)"

export:
	@$(S)/export $(TREE) "$(FORMAT)" "$(DEST)"

programs: known-trees
	@$(S)/step/install-deps
	@$(S)/programs "$(OBJECTS)" $(TREES)

stack:
	@$(S)/stack $(if $(ID),--id "$(ID)","$(OBJECT)")

sample:
	@$(S)/step/build-user samples/tailcall

trace-demo:
	@$(S)/trace-demo $(TREE)

tailcall-graph:
	@$(S)/tailcall-graph "$(STATS)"

image boot: known-kernel
	@$(S)/step/install-deps
	@$(S)/$@ $(TREE) $(VARIANT)

fuzz: known-kernel
	@$(S)/step/install-deps
	@$(S)/fuzz $(TREE) $(VARIANT) "$(SETS)" "$(SEED)"

check-cloud: known-trees
	@$(S)/step/install-deps
	@set -e; for tree in $(TREES); do $(S)/check.d/checker $$tree cloud; done

selftests veristat: known-trees
	@$(S)/step/install-deps
	@$(S)/step/install-deps selftests
	@set -e; for tree in $(TREES); do $(S)/$@ $$tree; done

check-range bisect-check mutants coverage: known-trees
	@$(S)/step/install-deps
	@set -e; for tree in $(TREES); do $(S)/$@ $$tree; done

kunitpy: known-trees
	$(if $(filter-out 5.10,$(TREES)),,@echo "kunitpy: 5.10's kunit.py runs UML only: name a newer line" >&2; exit 1)
	@$(S)/step/install-deps
	@set -e; for tree in $(filter-out 5.10,$(TREES)); do $(S)/kunitpy $$tree; done

fix:
	@$(S)/fix $(if $(STAT),--stat) "$(PATCH)"

carry:
	@$(S)/carry "$(PATCH)" "$(FROM)" $(NAMED)

refresh:
	@set -e; for tree in $(EVERY); do $(S)/refresh $$tree; done

bump: $(if $(SERIES),,known-kernel)
	@$(S)/step/install-deps
	@$(S)/$(if $(SERIES),port "$(KDIR)" $(if $(DEST),"$(DEST)"),bump $(TREE))

vary:
	@$(S)/vary $(TREE) "$(KDIR)" "$(BEFORE)"

bugs-rst fields:
	@$(S)/$@

readme-status:
	@$(S)/status --readme

golden:
	@$(S)/golden --write

clean distclean:
	@$(S)/$@

.PHONY: help checker known-trees known-kernel bugs-rst fields demo check trace-demo tailcall-graph check-cloud bench status ktap junit readme-status apply unapply kconfig export prove port try kselftest-into kunit-into image boot fuzz fix carry refresh bisect-check check-range vary bump clean distclean programs stack sample selftests veristat mutants coverage golden kunitpy
