// The benchmark's client: see `options.c` for its command line. It ends with status 1 if any call failed.

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "load.h"
#include "report.h"

int main(int count, char **arguments)
{
    static struct load load;
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    options_read(&load.options, count, arguments);
    load_run(&load);
    report_write(&load);
    return load_failure_count(&load.failures) > 0 ? 1 : 0;
}
