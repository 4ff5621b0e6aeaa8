// Tells ThreadSanitizer how Swift's libraries, which are not instrumented, hand memory over between threads.
//
// These functions are linked into the tested program, take the place of the libraries' functions, call them, and report
// what they have done. Nothing is suppressed: memory that is not handed over is reported as before. Written for Swift
// 6.3.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

// Weak, because tools that a build makes for its own use are linked with this but not with the sanitizer.
extern void __tsan_acquire(void *) __attribute__((weak));
extern void __tsan_release(void *) __attribute__((weak));

#define SWIFT __attribute__((swiftcall))
#define SWIFT_ASYNC __attribute__((swiftasynccall))
#define SELF __attribute__((swift_context)) void *

static void acquire(void *object) {
    if (object && __tsan_acquire) __tsan_acquire(object);
}

static void release(void *object) {
    if (object && __tsan_release) __tsan_release(object);
}

// MARK: Mutex
//
// Locking an uncontended Mutex uses atomics that are inlined, and instrumented with the code around them. Locking a
// contended one uses these functions of libswiftSynchronization.so: ThreadSanitizer then doesn't see that one thread
// has handed the lock to another, and reports a race on what the lock protects.

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

SWIFT void lock_slow(uint32_t thread, SELF mutex) __asm__(LOCK);
SWIFT bool try_lock_slow(SELF mutex) __asm__(TRY_LOCK);
SWIFT void unlock_slow(SELF mutex) __asm__(UNLOCK);

static SWIFT void (*library_lock)(uint32_t, SELF);
static SWIFT bool (*library_try_lock)(SELF);
static SWIFT void (*library_unlock)(SELF);

SWIFT void lock_slow(uint32_t thread, SELF mutex) {
    library_lock(thread, mutex);
    acquire(mutex);
}

SWIFT bool try_lock_slow(SELF mutex) {
    bool is_locked = library_try_lock(mutex);
    if (is_locked) acquire(mutex);
    return is_locked;
}

SWIFT void unlock_slow(SELF mutex) {
    release(mutex);
    library_unlock(mutex);
}

// MARK: Continuations
//
// The thread that resumes a continuation reports this to ThreadSanitizer (release), and so does the one that then runs
// the task (acquire), unless the continuation is resumed before the task has begun to wait for it. In that case the
// task continues at once: in swift_continuation_await, or after the second of these functions if that has lost the
// race.

SWIFT void *swift_task_getCurrent(void) __attribute__((weak));
SWIFT_ASYNC void swift_continuation_await(void *context);
SWIFT void swift_task_enterThreadLocalContext(char *state);

static SWIFT_ASYNC void (*library_await)(void *);
static SWIFT void (*library_enter)(char *);

static void acquire_task(void) {
    if (swift_task_getCurrent) acquire(swift_task_getCurrent());
}

SWIFT_ASYNC void swift_continuation_await(void *context) {
    acquire_task();
    __attribute__((musttail)) return library_await(context);
}

SWIFT void swift_task_enterThreadLocalContext(char *state) {
    library_enter(state);
    acquire_task();
}

// MARK: Copy on write
//
// A thread that releases an array has finished with it, and a thread that then finds itself the only owner may write to
// it in place. Both happen in libswiftCore.so, by the reference count.

void swift_release(void *object);
bool swift_isUniquelyReferenced_nonNull_native(const void *object);

static void (*library_release)(void *);
static bool (*library_is_unique)(const void *);

void swift_release(void *object) {
    // Other values are not objects; and a library may release one before the constructor has run.
    if ((intptr_t)object > 0) release(object);
    if (!library_release) library_release = dlsym(RTLD_NEXT, "swift_release");
    library_release(object);
}

bool swift_isUniquelyReferenced_nonNull_native(const void *object) {
    bool is_unique = library_is_unique(object);
    if (is_unique) acquire((void *)object);
    return is_unique;
}

// Runs before there is a second thread.
__attribute__((constructor)) static void find_library(void) {
    library_lock = dlsym(RTLD_NEXT, LOCK);
    library_try_lock = dlsym(RTLD_NEXT, TRY_LOCK);
    library_unlock = dlsym(RTLD_NEXT, UNLOCK);
    library_await = dlsym(RTLD_NEXT, "swift_continuation_await");
    library_enter = dlsym(RTLD_NEXT, "swift_task_enterThreadLocalContext");
    library_release = dlsym(RTLD_NEXT, "swift_release");
    library_is_unique = dlsym(RTLD_NEXT, "swift_isUniquelyReferenced_nonNull_native");
}
