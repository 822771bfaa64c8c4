// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of the QEMU guest: runs the tests it is told to run, one after the
 * other, and reports on two virtio ports.
 *
 *   verdict   "start NAME" before a test, "end NAME STATUS" after it, and
 *             "done" after the last one. STATUS is the exit status of the test
 *             (0 pass, 4 skip, other values fail), "timeout" or "signal N".
 *             A test that has a start line and no end line took the kernel
 *             with it.
 *   output    what the tests print, each part headed by "==> NAME".
 *
 * /etc/modules.d has the modules that a kernel needs before it has those ports, if
 * any; they are loaded in the order of their names.
 *
 * /etc/tests has one test a line: NAME TIMEOUT COMMAND. With "vm.shell" on the
 * kernel command line there is a shell on the console instead.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TESTS "/etc/tests"
#define MODULES "/etc/modules.d"
#define PORT_SECONDS 30

static int verdict_fd = -1;
static int output_fd = -1;

static void __attribute__((noreturn)) power_off(void)
{
	/* Without ACPI only a reboot ends QEMU, which runs with -no-reboot. */
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

static void __attribute__((noreturn, format(printf, 1, 2)))
fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "vm init: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, ": %s\n", strerror(errno));
	va_end(ap);
	power_off();
}

static void mount_one(const char *type, const char *where)
{
	mkdir(where, 0755);
	if (mount(type, where, type, 0, NULL) && errno != EBUSY)
		fatal("cannot mount %s on %s", type, where);
}

/* What scripts expect to be in /dev, and devtmpfs does not have. */
static void link_one(const char *to, const char *name)
{
	if (symlink(to, name) && errno != EEXIST)
		fatal("cannot make %s", name);
}

static void mount_all(void)
{
	mount_one("devtmpfs", "/dev");
	mount_one("proc", "/proc");
	mount_one("sysfs", "/sys");
	mount_one("debugfs", "/sys/kernel/debug");
	mount_one("tracefs", "/sys/kernel/tracing");
	mount_one("cgroup2", "/sys/fs/cgroup");
	mount_one("bpf", "/sys/fs/bpf");
	mount_one("tmpfs", "/tmp");
	link_one("/proc/self/fd", "/dev/fd");
	link_one("fd/0", "/dev/stdin");
	link_one("fd/1", "/dev/stdout");
	link_one("fd/2", "/dev/stderr");
}

static void set_sysctl(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		fatal("cannot write %s to %s", value, path);
	close(fd);
}

/* A kernel without a network has none, and its tests do without. */
static void start_loopback(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0) {
		ioctl(fd, SIOCSIFFLAGS, &lo);
		close(fd);
	}
}

/* Whatever goes wrong in the kernel ends the boot, see also scripts/vm. */
static void make_splats_fatal(void)
{
	set_sysctl("/proc/sys/kernel/panic_on_oops", "1");
	set_sysctl("/proc/sys/kernel/softlockup_panic", "1");
	set_sysctl("/proc/sys/kernel/hung_task_panic", "1");
	set_sysctl("/proc/sys/kernel/hung_task_timeout_secs", "60");
	set_sysctl("/proc/sys/kernel/printk", "7 4 1 7");
}

static void set_limits(void)
{
	/* Kernels before 5.11 charge BPF memory to this limit. */
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_MEMLOCK, &unlimited))
		fatal("cannot lift RLIMIT_MEMLOCK");
	setenv("PATH", "/bin:/sbin", 1);
	setenv("HOME", "/", 1);
}

static void load_module(const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), MODULES "/%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		fatal("cannot load %s", path);
	close(fd);
}

static void load_modules(void)
{
	struct dirent **list;
	int i, count;

	count = scandir(MODULES, &list, NULL, alphasort);
	for (i = 0; i < count; i++)
		if (list[i]->d_name[0] != '.')
			load_module(list[i]->d_name);
}

static int find_port(const char *want)
{
	char path[64], name[64];
	int i;

	for (i = 0; i < 16; i++) {
		FILE *f;

		snprintf(path, sizeof(path),
			 "/sys/class/virtio-ports/vport0p%d/name", i);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (!fgets(name, sizeof(name), f))
			name[0] = 0;
		fclose(f);
		name[strcspn(name, "\n")] = 0;
		if (!strcmp(name, want))
			return i;
	}
	return -1;
}

/* QEMU adds the ports to a console by messages, after the driver is there. */
static int open_port(const char *want)
{
	struct timespec tick = { .tv_nsec = 20 * 1000 * 1000 };
	time_t end = time(NULL) + PORT_SECONDS;
	char path[64];
	int i, fd;

	while ((i = find_port(want)) < 0 && time(NULL) <= end)
		nanosleep(&tick, NULL);
	if (i < 0) {
		errno = ENODEV;
		fatal("no virtio port named %s", want);
	}
	snprintf(path, sizeof(path), "/dev/vport0p%d", i);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		fatal("cannot open %s", path);
	return fd;
}

static void say(int fd, const char *fmt, ...)
{
	char line[256];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (write(fd, line, len) != len)
		fatal("cannot write to a virtio port");
}

/* The kernel log names the test too, so that a splat has an owner. */
static void say_in_log(const char *name)
{
	int fd = open("/dev/kmsg", O_WRONLY);

	if (fd >= 0) {
		say(fd, "vm: test %s\n", name);
		close(fd);
	}
}

static void __attribute__((noreturn)) exec_test(const char *command)
{
	int null = open("/dev/null", O_RDONLY);

	setsid();
	dup2(null, STDIN_FILENO);
	dup2(output_fd, STDOUT_FILENO);
	dup2(output_fd, STDERR_FILENO);
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
}

/* Returns false when the time is up; orphans of earlier tests are reaped. */
static int wait_for(pid_t pid, int seconds, int *status)
{
	struct timespec tick = { .tv_nsec = 20 * 1000 * 1000 };
	time_t end = time(NULL) + seconds;

	while (time(NULL) <= end) {
		pid_t got = waitpid(-1, status, WNOHANG);

		if (got == pid)
			return 1;
		if (got <= 0)
			nanosleep(&tick, NULL);
	}
	return 0;
}

static void run_test(const char *name, int seconds, const char *command)
{
	int status;
	pid_t pid;

	say(output_fd, "==> %s\n", name);
	say_in_log(name);
	say(verdict_fd, "start %s\n", name);

	pid = fork();
	if (pid < 0)
		fatal("cannot fork");
	if (!pid)
		exec_test(command);

	if (!wait_for(pid, seconds, &status)) {
		kill(-pid, SIGKILL);
		/* One that cannot be killed hangs in the kernel: give up. */
		if (!wait_for(pid, 10, &status))
			power_off();
		say(verdict_fd, "end %s timeout\n", name);
		return;
	}
	if (WIFSIGNALED(status))
		say(verdict_fd, "end %s signal %d\n", name, WTERMSIG(status));
	else
		say(verdict_fd, "end %s %d\n", name, WEXITSTATUS(status));
}

static void run_tests(void)
{
	FILE *f = fopen(TESTS, "r");
	char line[1024];

	if (!f)
		fatal("cannot read " TESTS);
	while (fgets(line, sizeof(line), f)) {
		char name[64];
		int seconds, used;

		line[strcspn(line, "\n")] = 0;
		if (sscanf(line, "%63s %d %n", name, &seconds, &used) != 2)
			continue;
		run_test(name, seconds, line + used);
	}
	fclose(f);
	say(verdict_fd, "done\n");
}

static int wants_shell(void)
{
	char cmdline[2048] = "";
	FILE *f = fopen("/proc/cmdline", "r");

	if (!f || !fgets(cmdline, sizeof(cmdline), f))
		fatal("cannot read /proc/cmdline");
	fclose(f);
	return !!strstr(cmdline, "vm.shell");
}

static void run_shell(void)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		fatal("cannot fork");
	if (!pid) {
		setsid();
		ioctl(STDIN_FILENO, TIOCSCTTY, 1);
		execl("/bin/sh", "-sh", NULL);
		_exit(127);
	}
	while (waitpid(-1, &status, 0) != pid)
		;
}

int main(void)
{
	int console;

	if (getpid() != 1) {
		fprintf(stderr, "vm init: only for PID 1 of the project's guest\n");
		return 1;
	}
	mount_all();
	console = open("/dev/console", O_RDWR);
	if (console >= 0) {
		dup2(console, STDIN_FILENO);
		dup2(console, STDOUT_FILENO);
		dup2(console, STDERR_FILENO);
	}
	set_limits();
	start_loopback();
	if (wants_shell()) {
		run_shell();
		power_off();
	}
	make_splats_fatal();
	load_modules();
	verdict_fd = open_port("verdict");
	output_fd = open_port("output");
	run_tests();
	power_off();
}
