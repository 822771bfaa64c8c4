// SPDX-License-Identifier: GPL-2.0
/*
 * confine - run a command with less than root has
 *
 *   confine nobody COMMAND...     as another user, without capabilities
 *   confine seccomp COMMAND...    with bpf(2) forbidden, as a container may have it
 *
 * Exit status 125 if this kernel cannot do it; else that of the command.
 */
#include <errno.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define NOBODY	65534
#define CANNOT	125

static int become_nobody(void)
{
	return setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY);
}

static int forbid_bpf(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_bpf, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {
		.len = ARRAY_SIZE(filter),
		.filter = filter,
	};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

int main(int argc, char **argv)
{
	int err = -1;

	if (argc > 2 && !strcmp(argv[1], "nobody")) {
		err = become_nobody();
	} else if (argc > 2 && !strcmp(argv[1], "seccomp")) {
		err = forbid_bpf();
	} else {
		fprintf(stderr, "Usage: confine nobody|seccomp COMMAND...\n");
		return CANNOT;
	}
	if (err) {
		printf("this kernel cannot confine with %s: %s\n", argv[1],
		       strerror(errno));
		return CANNOT;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return CANNOT;
}
