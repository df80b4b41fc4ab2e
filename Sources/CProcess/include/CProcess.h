#pragma once

#include <stdint.h>
#include <sys/types.h>

/// A program to start, and what it may use. A limit of 0 leaves that limit as it is.
struct cprocess_launch {
  const char *path;
  char *const *arguments;
  char *const *environment;
  /// Working directory, or NULL for ours.
  const char *directory;
  int standard_input;
  int standard_output;
  int standard_error;
  /// Whether the program leads a process group of its own.
  int leads_group;
  /// Seconds of processor time; one more and it is killed.
  uint64_t cpu_seconds;
  /// Bytes of address space.
  uint64_t address_space;
  /// Bytes of the largest file that it may write.
  uint64_t file_size;
  /// Highest number of open files.
  uint64_t open_files;
  /// Whether it may start no process and no thread (without effect for root, see setrlimit(2)).
  int is_childless;
  /// Whether it is to have no network, where the system lets us take it away.
  int is_offline;
  /// Whether it may change nothing outside of its working directory, where the system has Landlock.
  int is_confined;
};

/// Starts a program that dies with the thread that starts it, gains no privileges, leaves no core
/// file, has default signal handling (but SIGHUP, SIGINT, SIGQUIT and SIGTERM stay ignored where they
/// are) and inherits only the three given descriptors. Returns its process id, or a negative errno when
/// it could not be started.
pid_t cprocess_start(const struct cprocess_launch *launch);

/// How wait(2) describes an end: the exit status, or -1 where a signal ended it.
int cprocess_exit_status(int status);

/// The signal that ended a process, or 0.
int cprocess_signal(int status);

/// Whether this process may take the network away from one that it starts.
int cprocess_can_be_offline(void);

/// Whether this system can keep a process from changing files outside of a directory.
int cprocess_can_be_confined(void);
