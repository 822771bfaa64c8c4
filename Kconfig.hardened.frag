# The other conditions that the JIT emits code for, on top of Kconfig.frag: the
# variant "hardened". patches/trees says which lines are tested with it.
CONFIG_PREEMPT=y
CONFIG_CPU_MITIGATIONS=y
CONFIG_RETPOLINE=y # 5.10 6.1
CONFIG_MITIGATION_RETPOLINE=y # 6.12 7.2
CONFIG_RETHUNK=y # 6.1
CONFIG_MITIGATION_RETHUNK=y # 6.12 7.2
CONFIG_SLS=y # 6.1
CONFIG_MITIGATION_SLS=y # 6.12 7.2
CONFIG_MITIGATION_ITS=y # 6.1 6.12 7.2
CONFIG_X86_KERNEL_IBT=y # 6.1 6.12 7.2
CONFIG_UNWINDER_ORC=y
