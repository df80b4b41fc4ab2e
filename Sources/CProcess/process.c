// fork and exec with what posix_spawn(3) cannot do: limits, a parent-death signal, no_new_privs.
// It is C because only async-signal-safe calls are allowed between fork and exec in a program with
// threads (fork(2)), and Swift may allocate anywhere.

#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int limit(int resource, rlim_t soft, rlim_t hard) {
  struct rlimit wanted = {soft, hard}, current;
  if (getrlimit(resource, &current) != 0) return -1;
  // Only root may raise a hard limit; one that is tighter already is as good.
  if (current.rlim_max != RLIM_INFINITY && wanted.rlim_max > current.rlim_max)
    wanted.rlim_max = current.rlim_max;
  if (wanted.rlim_cur > wanted.rlim_max) wanted.rlim_cur = wanted.rlim_max;
  return setrlimit(resource, &wanted);
}

static int set_limits(const struct cprocess_launch *launch) {
  if (limit(RLIMIT_CORE, 0, 0) != 0) return -1;
  // The soft limit sends SIGXCPU, the hard one SIGKILL.
  if (launch->cpu_seconds != 0 &&
      limit(RLIMIT_CPU, launch->cpu_seconds, launch->cpu_seconds + 1) != 0)
    return -1;
  if (launch->address_space != 0 &&
      limit(RLIMIT_AS, launch->address_space, launch->address_space) != 0)
    return -1;
  if (launch->file_size != 0 && limit(RLIMIT_FSIZE, launch->file_size, launch->file_size) != 0)
    return -1;
  if (launch->open_files != 0 && limit(RLIMIT_NOFILE, launch->open_files, launch->open_files) != 0)
    return -1;
  return launch->is_childless ? limit(RLIMIT_NPROC, 0, 0) : 0;
}

// What asks a program to end stays ignored where it is: nohup(1), and a shell's background (POSIX), mean all
// programs of a run.
static int stays_ignored(int number) {
  struct sigaction now;
  if (number != SIGHUP && number != SIGINT && number != SIGQUIT && number != SIGTERM) return 0;
  return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

static void reset_signals(void) {
  struct sigaction standard = {.sa_handler = SIG_DFL};
  for (int number = 1; number < NSIG; number++)
    if (!stays_ignored(number)) sigaction(number, &standard, NULL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

// Copies above the standard descriptors first, so that none overwrites another.
static int set_descriptors(const struct cprocess_launch *launch) {
  int given[3] = {launch->standard_input, launch->standard_output, launch->standard_error};
  for (int i = 0; i < 3; i++)
    if ((given[i] = fcntl(given[i], F_DUPFD_CLOEXEC, 3)) < 0) return -1;
  for (int i = 0; i < 3; i++)
    if (dup2(given[i], i) < 0) return -1;
  if (syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return 0;
  // Kernels before 5.11. Ours are all close-on-exec; this is for those that we inherited.
  for (int i = 3; i < 1024; i++) fcntl(i, F_SETFD, FD_CLOEXEC);
  return 0;
}

// A network of its own, with nothing in it. Who is not root needs a user namespace for that, which
// some systems forbid; files belong to whom they did.
static int leave_network(void) {
  if (unshare(CLONE_NEWNET) == 0) return 0;
  return unshare(CLONE_NEWUSER | CLONE_NEWNET);
}

int cprocess_can_be_offline(void) {
  pid_t child = fork();
  if (child == 0) _exit(leave_network() == 0 ? 0 : 1);
  int status = 1;
  if (child > 0) waitpid(child, &status, 0);
  return status == 0;
}

// All that changes a file, as Linux 5.13 knows it (landlock(7)). Newer kinds are not needed: what
// may not be opened for writing cannot be cut short either.
static const uint64_t changes =
    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
    LANDLOCK_ACCESS_FS_MAKE_SYM;

static void allow(int rules, const char *path, uint64_t access) {
  int place = open(path, O_PATH | O_CLOEXEC);
  struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = place};
  syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
  close(place);
}

// Nothing but what is below the working directory is to be changed by this process from now on.
// Needs no_new_privs. A system without it lets the process run as it is.
static void confine(void) {
  struct landlock_ruleset_attr handled = {.handled_access_fs = changes};
  int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
  if (rules < 0) return;
  allow(rules, ".", changes);
  allow(rules, "/dev/null", LANDLOCK_ACCESS_FS_WRITE_FILE);
  syscall(SYS_landlock_restrict_self, rules, 0);
  close(rules);
}

int cprocess_can_be_confined(void) {
  return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

// In the child: becomes the program, or returns with errno set.
static void become(const struct cprocess_launch *launch, pid_t parent) {
  // First: with new credentials, the signal below might be forgotten (prctl(2)).
  if (launch->is_offline) leave_network();
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return;
  if (getppid() != parent) _exit(1);  // The parent died before the line above.
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return;
  if (launch->leads_group && setpgid(0, 0) != 0) return;
  if (launch->directory != NULL && chdir(launch->directory) != 0) return;
  if (set_descriptors(launch) != 0 || set_limits(launch) != 0) return;
  if (launch->is_confined) confine();
  reset_signals();
  execve(launch->path, launch->arguments, launch->environment);
}

pid_t cprocess_start(const struct cprocess_launch *launch) {
  // The write end closes when exec succeeds; otherwise errno comes through it.
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return -errno;
  pid_t parent = getpid();
  // No handler of ours may run in the child before it has reset them.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t child = fork();
  if (child == 0) {
    int failure_end = fcntl(report[1], F_DUPFD_CLOEXEC, 3);
    become(launch, parent);
    int reason = errno;
    if (write(failure_end, &reason, sizeof reason) < 0) _exit(126);
    _exit(127);
  }
  int reason = child < 0 ? errno : 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close(report[1]);
  if (child > 0) {
    ssize_t count;
    do count = read(report[0], &reason, sizeof reason);
    while (count < 0 && errno == EINTR);
    // An end without a word is also that of a child killed before exec; wait(2) will tell.
    if (count == (ssize_t)sizeof reason)
      waitpid(child, NULL, 0);
    else
      reason = 0;
  }
  close(report[0]);
  return reason != 0 ? -reason : child;
}

int cprocess_exit_status(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }

int cprocess_signal(int status) { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }
