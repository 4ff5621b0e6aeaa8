// Makes fsync(2) take five seconds while the file that SLOW_DISK names is there. For LD_PRELOAD.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

int fsync(int descriptor) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    const char *flag = getenv("SLOW_DISK");
    if (flag && access(flag, F_OK) == 0) sleep(5);
    return real(descriptor);
}
