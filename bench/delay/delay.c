// A distance between two programs of this machine: a TCP relay that hands on every byte a while after it came.
//
//     delay --listen PORT --to PORT --milliseconds N
//
// Both ports are of 127.0.0.1; with --listen 0 it prints which one it took. N is for each direction, so that a round trip
// takes twice as long. There is no limit to how much can be under way but BUFFER_BYTES for each direction.

#define _GNU_SOURCE

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { BUFFER_BYTES = 64 << 20, PIECE_BYTES = 256 << 10, EVENTS = 64 };

/// Bytes that came together, and when they are due.
struct piece {
    struct piece *next;
    uint64_t due;
    size_t start;
    size_t end;
    uint8_t bytes[];
};

/// One direction: what `from` receives goes to `to`.
struct way {
    struct pair *pair;
    int from;
    int to;
    struct piece *first;
    struct piece **last;
    size_t held;
    bool has_ended;
};

struct pair {
    struct pair *next;
    struct way ways[2];
    bool is_dead;
};

static uint64_t delay_ns;
static struct pair *pairs;

static uint64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static struct sockaddr_in loopback(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/// Takes in what has come, as far as there is room. Returns whether the direction lives.
static bool receive(struct way *way)
{
    while (!way->has_ended && way->held < BUFFER_BYTES) {
        struct piece *piece = malloc(sizeof(*piece) + PIECE_BYTES);
        if (piece == NULL) {
            return false;
        }
        ssize_t count = recv(way->from, piece->bytes, PIECE_BYTES, MSG_DONTWAIT);
        if (count <= 0) {
            free(piece);
            if (count < 0) {
                return errno == EAGAIN || errno == EINTR;
            }
            way->has_ended = true;
            return true;
        }
        struct piece *fitting = realloc(piece, sizeof(*piece) + (size_t)count);
        piece = fitting != NULL ? fitting : piece;
        piece->next = NULL;
        piece->due = now_ns() + delay_ns;
        piece->start = 0;
        piece->end = (size_t)count;
        *way->last = piece;
        way->last = &piece->next;
        way->held += piece->end;
    }
    return true;
}

/// Sends what is due. Returns whether the direction lives.
static bool deliver(struct way *way, uint64_t now)
{
    while (way->first != NULL && way->first->due <= now) {
        struct piece *piece = way->first;
        ssize_t count =
            send(way->to, piece->bytes + piece->start, piece->end - piece->start, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        piece->start += (size_t)count;
        if (piece->start < piece->end) {
            return true;
        }
        way->held -= piece->end;
        way->first = piece->next;
        if (way->first == NULL) {
            way->last = &way->first;
        }
        free(piece);
    }
    if (way->has_ended && way->first == NULL) {
        shutdown(way->to, SHUT_WR);
    }
    return true;
}

static void pair_end(struct pair *pair)
{
    for (int index = 0; index < 2; index++) {
        struct way *way = &pair->ways[index];
        close(way->from);
        while (way->first != NULL) {
            struct piece *piece = way->first;
            way->first = piece->next;
            free(piece);
        }
    }
}

static void pair_begin(int poll, int client, unsigned port)
{
    int upstream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = loopback(port);
    struct pair *pair = calloc(1, sizeof(*pair));
    if (pair == NULL || upstream < 0 || connect(upstream, (struct sockaddr *)&address, sizeof(address)) != 0) {
        free(pair);
        close(upstream);
        close(client);
        return;
    }
    int ends[2] = {client, upstream};
    for (int index = 0; index < 2; index++) {
        struct way *way = &pair->ways[index];
        *way = (struct way){.pair = pair, .from = ends[index], .to = ends[1 - index], .last = &way->first};
        setsockopt(ends[index], IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = way};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, ends[index], &event) != 0) {
            fail("epoll_ctl");
        }
    }
    pair->next = pairs;
    pairs = pair;
}

/// Moves all that can be moved. Returns how long until the next piece is due, in milliseconds; -1 for never.
static int move_all(void)
{
    uint64_t now = now_ns(), next = UINT64_MAX;
    for (struct pair **link = &pairs; *link != NULL;) {
        struct pair *pair = *link;
        bool is_over = true;
        for (int index = 0; index < 2; index++) {
            struct way *way = &pair->ways[index];
            if (!receive(way) || !deliver(way, now)) {
                pair->is_dead = true;
            }
            if (way->first != NULL && way->first->due > now && way->first->due < next) {
                next = way->first->due;
            }
            is_over = is_over && way->has_ended && way->first == NULL;
        }
        if (pair->is_dead || is_over) {
            *link = pair->next;
            pair_end(pair);
            free(pair);
        } else {
            link = &pair->next;
        }
    }
    return next == UINT64_MAX ? -1 : (int)((next - now) / 1000000u);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"listen", required_argument, NULL, 'l'},
        {"to", required_argument, NULL, 't'},
        {"milliseconds", required_argument, NULL, 'm'},
        {0},
    };
    unsigned listen_port = 0, to = 0;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'l': listen_port = (unsigned)atoi(optarg); break;
        case 't': to = (unsigned)atoi(optarg); break;
        case 'm': delay_ns = strtoull(optarg, NULL, 10) * 1000000u; break;
        default: return 64;
        }
    }
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    struct sockaddr_in address = loopback(listen_port);
    socklen_t length = sizeof(address);
    if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 128) != 0
        || getsockname(listener, (struct sockaddr *)&address, &length) != 0) {
        fail("can't listen");
    }
    int poll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event) != 0) {
        fail("epoll");
    }
    printf("listening on %u\n", ntohs(address.sin_port));
    fflush(stdout);
    for (int patience = -1;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(poll, events, EVENTS, patience);
        if (count < 0 && errno != EINTR) {
            fail("epoll_wait");
        }
        for (int index = 0; index < count; index++) {
            int client;
            if (events[index].data.ptr == NULL && (client = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
                pair_begin(poll, client, to);
            }
        }
        patience = move_all();
    }
}
