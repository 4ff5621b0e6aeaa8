#include "accounting.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void read_thread(struct accounting *reading, unsigned account, pid_t process, pid_t thread)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", process, thread);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return;
    }
    struct thread_time time = {.account = account, .thread = thread};
    int found = fscanf(file, "%" SCNu64, &time.nanoseconds);
    fclose(file);
    if (found != 1) {
        return;
    }
    snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", process, thread);
    file = fopen(path, "r");
    if (file != NULL) {
        if (fgets(time.name, sizeof(time.name), file) != NULL) {
            time.name[strcspn(time.name, "\n")] = '\0';
        }
        fclose(file);
    }
    if (reading->thread_count == ACCOUNT_THREADS) {
        fprintf(stderr, "bench-driver: more than %d threads to account for\n", ACCOUNT_THREADS);
        exit(2);
    }
    reading->threads[reading->thread_count++] = time;
}

static void read_process(struct accounting *reading, unsigned account, pid_t process)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task", process);
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return;
    }
    struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);
        if (thread > 0) {
            read_thread(reading, account, process, thread);
        }
    }
    closedir(directory);
}

static void read_cores(struct accounting *reading)
{
    FILE *file = fopen("/proc/stat", "r");
    if (file == NULL) {
        return;
    }
    uint64_t tick = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
    char line[512];
    while (fgets(line, sizeof(line), file) != NULL) {
        unsigned core;
        uint64_t user, nice, system, idle, iowait, irq, softirq, steal;
        if (sscanf(
                line,
                "cpu%u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
                &core, &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal)
                == 9
            && core < ACCOUNT_CORES) {
            reading->cores[core].busy = (user + nice + system + irq + softirq) * tick;
            reading->cores[core].stolen = steal * tick;
            reading->core_count = core + 1;
        }
    }
    fclose(file);
}

void accounting_read(struct accounting *reading, const struct account *accounts, unsigned count, uint64_t now)
{
    memset(reading, 0, sizeof(*reading));
    reading->at = now;
    read_cores(reading);
    for (unsigned account = 0; account < count; account++) {
        for (unsigned index = 0; index < accounts[account].process_count; index++) {
            read_process(reading, account, accounts[account].processes[index]);
        }
    }
}

uint64_t accounting_thread_used(const struct accounting *before, const struct thread_time *after)
{
    for (unsigned index = 0; index < before->thread_count; index++) {
        const struct thread_time *time = &before->threads[index];
        if (time->thread == after->thread && time->account == after->account) {
            return after->nanoseconds - time->nanoseconds;
        }
    }
    return after->nanoseconds;
}
