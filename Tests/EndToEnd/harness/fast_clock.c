/* Preloaded (LD_PRELOAD), it has the monotonic clock of a process run as many times as fast as CLOCK_RATE says. What the
 * system itself counts, as in epoll_wait, stays as it is: timers come late by that clock. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time)
{
    static long rate;
    static long long start;
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (result != 0 || clock != CLOCK_MONOTONIC) {
        return result;
    }
    long long now = time->tv_sec * 1000000000LL + time->tv_nsec;
    if (rate == 0) {
        start = now;
        rate = strtol(getenv("CLOCK_RATE"), NULL, 10);
    }
    now = start + rate * (now - start);
    time->tv_sec = now / 1000000000LL;
    time->tv_nsec = now % 1000000000LL;
    return result;
}
