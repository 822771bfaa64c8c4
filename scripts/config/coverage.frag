# What counts how often each line ran, on top of Kconfig.frag: the variant "coverage".
# Only the files of the series are compiled for it: see gcov_args() in scripts/lib/common.sh.
CONFIG_GCOV_KERNEL=y
# CONFIG_GCOV_PROFILE_ALL is not set
