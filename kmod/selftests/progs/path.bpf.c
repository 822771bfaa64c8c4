// SPDX-License-Identifier: GPL-2.0
/* Two programs that ask for a path. Neither is attached. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define kernel_type __attribute__((preserve_access_index))

struct path {
	void *mnt;
} kernel_type;

struct file {
	struct path f_path;
} kernel_type;

struct socket {
	struct file *file;
} kernel_type;

struct sock {
	struct socket *sk_socket;
} kernel_type;

struct sk_buff {
	struct sock *sk;
} kernel_type;

/* fentry of a function of a program; which one is said when it is loaded. */
SEC("fentry/program")
int path_in_program(__u64 *ctx)
{
	struct sk_buff *skb = (void *)ctx[0];
	char name[16] = {};

	bpf_d_path(&skb->sk->sk_socket->file->f_path, name, sizeof(name));
	return 0;
}

/* A function of the kernel that is allowed, where its argument is a file. */
SEC("fentry/filp_close")
int path_in_kernel(__u64 *ctx)
{
	struct file *file = (void *)ctx[0];
	char name[16] = {};

	bpf_d_path(&file->f_path, name, sizeof(name));
	return 0;
}

char _license[] SEC("license") = "GPL";
