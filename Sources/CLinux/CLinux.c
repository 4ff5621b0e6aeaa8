#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

int clinux_accept(int listener) {
    return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int clinux_stream_socket(int family) {
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int clinux_eventfd(void) {
    return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

void clinux_eventfd_signal(int descriptor) {
    // Can fail only where the counter is full, and then the reader is awake anyway.
    (void)eventfd_write(descriptor, 1);
}

void clinux_eventfd_clear(int descriptor) {
    eventfd_t count;
    (void)eventfd_read(descriptor, &count);
}

const char *clinux_error_text(int code) {
    return strerrordesc_np(code);
}

int clinux_shared_memory(const char *name) {
    return memfd_create(name, MFD_CLOEXEC);
}

int clinux_message_pair(int pair[2]) {
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair);
}

int clinux_message_socket(void) {
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int clinux_peer(int socket, uint32_t *user, int *process) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return -1;
    *user = peer.uid;
    *process = peer.pid;
    return 0;
}

/// Room for a control message with the most descriptors, aligned as one.
union passed {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(clinux_most_descriptors * sizeof(int))];
};

ssize_t clinux_send_descriptors(int socket, const void *bytes, size_t size, const int descriptors[], int count) {
    if (count < 0 || count > clinux_most_descriptors) {
        errno = EMSGSIZE;
        return -1;
    }
    union passed control;
    memset(&control, 0, sizeof control);
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > 0) {
        size_t length = (size_t)count * sizeof(int);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(length);
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(length);
        memcpy(CMSG_DATA(head), descriptors, length);
    }
    ssize_t sent;
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent;
}

/// Copies a message's descriptors and returns how many there are.
static int take_descriptors(struct msghdr *message, int descriptors[]) {
    int count = 0;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head != NULL; head = CMSG_NXTHDR(message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
        size_t length = head->cmsg_len - CMSG_LEN(0);
        // All of them fit into one control message's room, which has at most that many.
        memcpy(descriptors + count, CMSG_DATA(head), length);
        count += (int)(length / sizeof(int));
    }
    return count;
}

ssize_t clinux_receive_descriptors(int socket, void *bytes, size_t size, int descriptors[], int *count) {
    union passed control;
    struct iovec part = {.iov_base = bytes, .iov_len = size};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t received;
    *count = 0;
    do {
        received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    } while (received < 0 && errno == EINTR);
    if (received < 0) return -1;
    *count = take_descriptors(&message, descriptors);
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0) return received;
    while (*count > 0) close(descriptors[--*count]);
    errno = EMSGSIZE;
    return -1;
}

/// Has the child take descriptors from `copies` under the numbers from 3 on, and no others.
static int hand_over(posix_spawn_file_actions_t *actions, const int copies[], int count) {
    int error = 0;
    for (int index = 0; error == 0 && index < count; index++) {
        error = posix_spawn_file_actions_adddup2(actions, copies[index], 3 + index);
    }
    return error == 0 ? posix_spawn_file_actions_addclosefrom_np(actions, 3 + count) : error;
}

int clinux_spawn(
    int *process, const char *program, char *const arguments[], char *const environment[], const int descriptors[],
    int count) {
    // Copies above every number that is dealt out, so that none is overwritten before it has been copied itself.
    int *copies = calloc((size_t)count, sizeof *copies);
    if (copies == NULL && count > 0) return ENOMEM;
    int made = 0, error = 0;
    for (; made < count; made++) {
        copies[made] = fcntl(descriptors[made], F_DUPFD_CLOEXEC, 3 + count);
        if (copies[made] < 0) {
            error = errno;
            break;
        }
    }
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    if (error == 0 && (error = posix_spawn_file_actions_init(&actions)) == 0) {
        if ((error = posix_spawnattr_init(&attributes)) == 0) {
            posix_spawnattr_setsigmask(&attributes, &none);
            posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
            error = hand_over(&actions, copies, count);
            pid_t started = 0;
            if (error == 0) error = posix_spawn(&started, program, &actions, &attributes, arguments, environment);
            *process = started;
            posix_spawnattr_destroy(&attributes);
        }
        posix_spawn_file_actions_destroy(&actions);
    }
    while (made > 0) close(copies[--made]);
    free(copies);
    return error;
}

int clinux_unacknowledged(int socket) {
    int bytes = 0;
    return ioctl(socket, SIOCOUTQ, &bytes) == 0 ? bytes : -1;
}

void clinux_name_thread(const char *name) {
    char shortened[16] = {0};
    strncpy(shortened, name, sizeof shortened - 1);
    pthread_setname_np(pthread_self(), shortened);
}
