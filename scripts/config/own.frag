# What make prove changes in a .config of your own beside what the series and its tests
# need: what would keep a copy of your tree from being built here, or a module of the
# tests from being loaded. Kernels that you use may keep all of it.

# xz, zstd and others need programs that may not be here.
CONFIG_KERNEL_GZIP=y
# BTF is made from all of DWARF.
CONFIG_DEBUG_INFO_DWARF4=y
# CONFIG_DEBUG_INFO_REDUCED is not set
# CONFIG_DEBUG_INFO_SPLIT is not set
# Keys that are on the machine of who signs.
CONFIG_MODULE_SIG_KEY="certs/signing_key.pem"
CONFIG_SYSTEM_TRUSTED_KEYS=""
CONFIG_SYSTEM_REVOCATION_KEYS=""
# CONFIG_MODULE_SIG_FORCE is not set
# CONFIG_LOCK_DOWN_KERNEL_FORCE_INTEGRITY is not set
# CONFIG_LOCK_DOWN_KERNEL_FORCE_CONFIDENTIALITY is not set
# CONFIG_TRIM_UNUSED_KSYMS is not set
