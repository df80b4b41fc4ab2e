// What an allocation that failed comes to: neither Swift nor most libraries can tell, they crash. It is C
// because a signal handler may call little (signal-safety(7)), and Swift may allocate anywhere.

#define _GNU_SOURCE
#include "CMemory.h"

#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static size_t least_bytes;
static const char *last_words;
static size_t last_words_length;
static int last_status;

// Swift traps, C++ aborts, C uses a null pointer.
static const int crashes[] = {SIGSEGV, SIGILL, SIGTRAP, SIGABRT, SIGBUS};
enum { crash_count = sizeof crashes / sizeof crashes[0] };
static struct sigaction before[crash_count];

int cmemory_is_limited(void) {
  struct rlimit limit;
  return getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

int cmemory_has_room(size_t bytes) {
  // The kernel counts what is mapped, not what is used.
  void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return 0;
  munmap(pages, bytes);
  return 1;
}

static void met(int number, siginfo_t *info, void *context) {
  (void)context;
  if (!cmemory_has_room(least_bytes)) {
    if (write(STDERR_FILENO, last_words, last_words_length) < 0) _exit(last_status);
    _exit(last_status);
  }
  for (int i = 0; i < crash_count; i++)
    if (crashes[i] == number) sigaction(number, &before[i], NULL);
  // The kernel's own come again as soon as the instruction does; one that was sent does not.
  if (info->si_code <= 0) raise(number);
}

void cmemory_watch(size_t least, const char *message, int status) {
  // Each thread would have a part of the heap to itself, 64 MiB of address space. One that cannot get it maps
  // and unmaps a page for each little allocation (glibc 2.36, malloc/malloc.c, sysmalloc), so that the program
  // stands still, for all that one can see.
  if (cmemory_is_limited()) mallopt(M_ARENA_MAX, 1);
  least_bytes = least;
  last_words = message;
  last_words_length = strlen(message);
  last_status = status;
  struct sigaction action = {.sa_sigaction = met, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigemptyset(&action.sa_mask);
  for (int i = 0; i < crash_count; i++) sigaction(crashes[i], &action, &before[i]);
}
