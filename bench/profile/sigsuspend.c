// Preloaded into programs that run under valgrind.
//
// valgrind 3.19 writes into the mask that a program gives to sigsuspend, to keep its own signals out of it. libdispatch,
// where the main thread of a Swift program waits, gives one in read-only memory, and valgrind crashes. This one gives
// a copy.

#define _GNU_SOURCE

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

/// The kernel's signal sets have 64 bits, glibc's more.
enum { KERNEL_SIGSET_BYTES = 8 };

int sigsuspend(const sigset_t *mask)
{
    sigset_t copy = *mask;
    return (int)syscall(SYS_rt_sigsuspend, &copy, KERNEL_SIGSET_BYTES);
}
