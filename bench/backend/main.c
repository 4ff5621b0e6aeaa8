// The backend of the benchmark: answers every HTTP/2 call with its own bytes, shaped as a gRPC response, and
// grpc.health.v1.Health/Check with SERVING. One thread; prior knowledge, plain text.
//
//     echo-backend [PORT [other|nothing|unread]]
//
// With the second argument it answers every call with one other message; or reads calls and answers none; or stops reading
// from a connection after its first call. Health checks are answered all the same.
// Listens on 127.0.0.1, on any free port without PORT or with 0, and writes "listening on PORT" when it does.

#define _GNU_SOURCE

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "echo.h"

enum { EVENTS = 512 };

static int listen_on(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0
        || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 65535) != 0
        || getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        perror("echo-backend: listen");
        exit(1);
    }
    printf("listening on %u\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void accept_all(int epoll, int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
                perror("echo-backend: accept");
            }
            return;
        }
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        struct echo_connection *connection = echo_connection_new(fd);
        if (connection == NULL) {
            continue;
        }
        struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = connection}};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
            echo_connection_free(connection);
        }
    }
}

static void serve(int epoll, struct echo_connection *connection, uint32_t ready)
{
    bool alive = (ready & EPOLLOUT) == 0 || echo_connection_flush(connection);
    if (alive && (ready & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        alive = echo_connection_readable(connection);
    }
    if (!alive) {
        // Closing the descriptor takes it out of epoll.
        echo_connection_free(connection);
        return;
    }
    bool waits = connection->transport.pending_length > 0;
    if (waits != connection->watches_writable || connection->is_unread) {
        connection->watches_writable = waits;
        struct epoll_event event = {
            .events = (waits ? EPOLLOUT : 0u) | (connection->is_unread ? 0u : EPOLLIN), .data = {.ptr = connection}};
        epoll_ctl(epoll, EPOLL_CTL_MOD, connection->transport.fd, &event);
    }
}

static bool choose(const char *name)
{
    static const char *const names[] = {
        [ANSWERS_OTHER] = "other", [ANSWERS_NOTHING] = "nothing", [ANSWERS_UNREAD] = "unread"};
    for (enum answers answers = ANSWERS_OTHER; answers <= ANSWERS_UNREAD; answers++) {
        if (strcmp(name, names[answers]) == 0) {
            echo_choose(answers);
            return true;
        }
    }
    return false;
}

int main(int count, char **arguments)
{
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    long port = count > 1 ? strtol(arguments[1], NULL, 10) : 0;
    if (count > 3 || port < 0 || port > 65535 || (count > 2 && !choose(arguments[2]))) {
        fprintf(stderr, "usage: echo-backend [PORT [other|nothing|unread]]\n");
        return 64;
    }
    int listener = listen_on((uint16_t)port);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = NULL}};
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0) {
        perror("echo-backend: epoll");
        return 1;
    }
    static struct epoll_event events[EVENTS];
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        if (ready < 0 && errno != EINTR) {
            perror("echo-backend: epoll_wait");
            return 1;
        }
        for (int index = 0; index < ready; index++) {
            if (events[index].data.ptr == NULL) {
                accept_all(epoll, listener);
            } else {
                serve(epoll, events[index].data.ptr, events[index].events);
            }
        }
    }
}
