#ifndef SLUICE_BENCH_ACCOUNTING_H
#define SLUICE_BENCH_ACCOUNTING_H

#include <stdint.h>
#include <sys/types.h>

enum { ACCOUNT_LIMIT = 4, ACCOUNT_PROCESSES = 64, ACCOUNT_THREADS = 1024, ACCOUNT_CORES = 64 };

/// Whose processor time is taken: one name, any number of processes.
struct account {
    const char *name;
    pid_t processes[ACCOUNT_PROCESSES];
    unsigned process_count;
};

/// One thread's processor time so far.
struct thread_time {
    unsigned account;
    pid_t thread;
    char name[16];
    uint64_t nanoseconds;
};

/// One core's time so far, in nanoseconds at the resolution of /proc/stat (10 ms).
struct core_time {
    uint64_t busy;
    uint64_t stolen;
};

/// A moment's reading of every account and core.
struct accounting {
    uint64_t at;
    struct thread_time threads[ACCOUNT_THREADS];
    unsigned thread_count;
    struct core_time cores[ACCOUNT_CORES];
    unsigned core_count;
};

/// Reads /proc/PID/task/*/schedstat of all processes, and /proc/stat. Threads over the limit end the program.
void accounting_read(struct accounting *reading, const struct account *accounts, unsigned count, uint64_t now);

/// What a thread used between two readings, in nanoseconds; all of it if it began between them.
uint64_t accounting_thread_used(const struct accounting *before, const struct thread_time *after);

#endif
