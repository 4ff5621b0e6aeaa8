// An experiment: what io_uring would buy a proxy over epoll. A TCP relay of one thread that does only what every proxy
// does: it makes one backend connection per client connection and copies the bytes both ways.
//
//     relay --engine epoll|io_uring --listen PORT --backend PORT
//
// Both ports are of 127.0.0.1. Both engines receive up to 16 KiB at a time, and begin to send them in the same turn.

#define _GNU_SOURCE

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum { BUFFER_BYTES = 16 * 1024, EVENTS = 512, NO_BUFFER = -1 };

/// One direction: what `from` receives goes to `to`.
struct way {
    struct pair *pair;
    int from;
    int to;
    /// `from` has sent its last byte.
    bool has_ended;
    union {
        struct {
            /// What `from` is watched for in epoll.
            uint32_t interest;
            /// Bytes that `to` had no room for. Until they are gone nothing is received.
            size_t rest_length;
            uint8_t *rest;
        };
        struct {
            /// The buffers that are to be sent, in order; the first one is being sent.
            int first;
            int last;
            unsigned sent;
            unsigned held;
            /// Whether nothing is received until `to` has taken all.
            bool is_paused;
            /// Whether the send under way gives up rather than wait for room.
            bool is_trying;
            struct way *next_starved;
        };
    };
};

struct pair {
    struct way ways[2];
    /// In epoll, whether its sockets are closed; in io_uring, whether they are shut down because of an error.
    bool is_broken;
    struct pair *next_broken;
    /// In io_uring, receives and sends that haven't completed. Without any, nothing can happen any more.
    unsigned operations;
};

static uint16_t backend_port;

static void fail(const char *what)
{
    fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
    exit(1);
}

static struct sockaddr_in local(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

static int listen_on(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    struct sockaddr_in address = local(port);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0
        || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 65535) != 0) {
        fail("listen");
    }
    return fd;
}

/// Connects an accepted client to the backend; NULL if that fails. It waits for the connection, which over loopback
/// is there at once.
static struct pair *pair_new(int client)
{
    int backend = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    struct sockaddr_in address = local(backend_port);
    struct pair *pair = calloc(1, sizeof(*pair));
    if (pair == NULL || backend < 0 || connect(backend, (struct sockaddr *)&address, sizeof(address)) != 0) {
        perror("relay: connect");
        free(pair);
        close(backend);
        close(client);
        return NULL;
    }
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(backend, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    pair->ways[0].from = pair->ways[1].to = client;
    pair->ways[1].from = pair->ways[0].to = backend;
    pair->ways[0].pair = pair->ways[1].pair = pair;
    return pair;
}

static struct way *way_back(struct way *way)
{
    return &way->pair->ways[way == way->pair->ways];
}

// MARK: epoll, level-triggered: one receive and one send per message, and a wait for as many as are ready.

static void epoll_watch(int epoll, struct way *way, int operation)
{
    uint32_t interest =
        (way->has_ended || way->rest_length > 0 ? 0 : EPOLLIN) | (way_back(way)->rest_length > 0 ? EPOLLOUT : 0);
    if (interest != way->interest) {
        way->interest = interest;
        struct epoll_event event = {.events = interest, .data = {.ptr = way}};
        if (epoll_ctl(epoll, operation, way->from, &event) != 0) {
            fail("epoll_ctl");
        }
    }
}

/// Sends at once what there is room for, and keeps the rest. False if the connection is lost.
static bool epoll_send(struct way *way, const uint8_t *bytes, size_t length)
{
    ssize_t sent = send(way->to, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        return false;
    }
    way->rest_length = sent < 0 ? length : length - (size_t)sent;
    if (way->rest_length > 0) {
        if (way->rest == NULL && (way->rest = malloc(BUFFER_BYTES)) == NULL) {
            fail("memory");
        }
        memmove(way->rest, bytes + (length - way->rest_length), way->rest_length);
    }
    return true;
}

/// False if the pair is over.
static bool epoll_serve(int epoll, struct way *way, uint32_t ready)
{
    static uint8_t buffer[BUFFER_BYTES];
    struct way *back = way_back(way);
    if ((ready & EPOLLOUT) != 0 && back->rest_length > 0 && !epoll_send(back, back->rest, back->rest_length)) {
        return false;
    }
    if ((way->interest & EPOLLIN) != 0 && (ready & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        ssize_t received = recv(way->from, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (received == 0) {
            way->has_ended = true;
            shutdown(way->to, SHUT_WR);
        } else if (received > 0 ? !epoll_send(way, buffer, (size_t)received) : errno != EAGAIN && errno != EINTR) {
            return false;
        }
    } else if ((ready & EPOLLERR) != 0) {
        return false;
    }
    epoll_watch(epoll, way, EPOLL_CTL_MOD);
    epoll_watch(epoll, back, EPOLL_CTL_MOD);
    return !(way->has_ended && back->has_ended);
}

static void epoll_run(int listener)
{
    static struct epoll_event events[EVENTS];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = NULL}};
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0) {
        fail("epoll");
    }
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        if (ready < 0 && errno != EINTR) {
            fail("epoll_wait");
        }
        // The same turn may still hold an event of a closed pair's other socket.
        struct pair *broken = NULL;
        for (int index = 0; index < ready; index++) {
            struct way *way = events[index].data.ptr;
            if (way == NULL) {
                int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                struct pair *pair = client < 0 ? NULL : pair_new(client);
                if (pair != NULL) {
                    epoll_watch(epoll, &pair->ways[0], EPOLL_CTL_ADD);
                    epoll_watch(epoll, &pair->ways[1], EPOLL_CTL_ADD);
                }
            } else if (!way->pair->is_broken && !epoll_serve(epoll, way, events[index].events)) {
                close(way->from);
                close(way->to);
                way->pair->is_broken = true;
                way->pair->next_broken = broken;
                broken = way->pair;
            }
        }
        while (broken != NULL) {
            struct pair *next = broken->next_broken;
            free(broken->ways[0].rest);
            free(broken->ways[1].rest);
            free(broken);
            broken = next;
        }
    }
}

// MARK: io_uring: every socket has a receive armed for good, which takes buffers from a common ring. What a turn has to
// send is submitted by the same system call that waits for the next turn.
//
// A way that can't send holds HELD buffers, and what else comes until its receive is cancelled. Many of them can still
// hold all buffers; a proxy would have to do better.

enum { SUBMISSIONS = 512, BUFFERS = 512, HELD = 16, FILES = 16384 };
/// The lowest bit of an operation's user data, beside the address of its way.
enum { RECEIVING, SENDING };
/// User data without a way.
enum { ACCEPTING, CANCELLING };

static struct io_uring ring;
static struct io_uring_buf_ring *free_buffers;
/// A line more than a buffer each: the beginnings of all buffers shall not share one set of the cache.
static uint8_t (*buffers)[BUFFER_BYTES + 64];
/// Of each buffer that is to be sent: how much, and the buffer after it.
static struct {
    unsigned length;
    int next;
} filled[BUFFERS];
/// Sends under way that don't wait for room. The submission itself completes them.
static unsigned tries;
/// Whether some way has something to do as soon as its try has completed, so that the wait mustn't go on after that.
static bool is_try_awaited;
/// Receives that have ended for want of a buffer.
static struct way *starved;

static struct io_uring_sqe *uring_entry(void)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring);
    if (entry == NULL) {
        io_uring_submit(&ring);
        entry = io_uring_get_sqe(&ring);
    }
    return entry;
}

static void uring_accept(int listener)
{
    struct io_uring_sqe *entry = uring_entry();
    io_uring_prep_multishot_accept(entry, listener, NULL, NULL, SOCK_CLOEXEC);
    io_uring_sqe_set_data64(entry, ACCEPTING);
}

static void uring_receive(struct way *way)
{
    struct io_uring_sqe *entry = uring_entry();
    io_uring_prep_recv_multishot(entry, way->from, NULL, 0, 0);
    entry->flags |= IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE;
    io_uring_sqe_set_data64(entry, (uintptr_t)way | RECEIVING);
}

static void uring_cancel_receive(struct way *way)
{
    struct io_uring_sqe *entry = uring_entry();
    io_uring_prep_cancel64(entry, (uintptr_t)way | RECEIVING, 0);
    io_uring_sqe_set_data64(entry, CANCELLING);
}

static void uring_note_awaited(const struct way *way)
{
    is_try_awaited |= way->is_trying && (way->first != way->last || way->has_ended || way->is_paused);
}

/// Sends the first buffer. It tries first: a try completes within its submission, so that the wait can count on it and
/// needn't end because of it. What is left then waits for room in the kernel.
static void uring_send(struct way *way, bool tries_only)
{
    struct io_uring_sqe *entry = uring_entry();
    io_uring_prep_send(
        entry, way->to, buffers[way->first] + way->sent, filled[way->first].length - way->sent,
        MSG_NOSIGNAL | (tries_only ? MSG_DONTWAIT : MSG_WAITALL));
    entry->flags |= IOSQE_FIXED_FILE;
    io_uring_sqe_set_data64(entry, (uintptr_t)way | SENDING);
    way->pair->operations++;
    way->is_trying = tries_only;
    tries += tries_only;
    uring_note_awaited(way);
}

static void uring_give_back(int buffer)
{
    io_uring_buf_ring_add(
        free_buffers, buffers[buffer], BUFFER_BYTES, (unsigned short)buffer, io_uring_buf_ring_mask(BUFFERS), 0);
    io_uring_buf_ring_advance(free_buffers, 1);
    if (starved != NULL) {
        struct way *way = starved;
        starved = way->next_starved;
        uring_receive(way);
    }
}

/// Ends whatever is under way on both sockets.
static void uring_break(struct way *way)
{
    way->pair->is_broken = true;
    shutdown(way->from, SHUT_RDWR);
    shutdown(way->to, SHUT_RDWR);
}

static void uring_received(struct way *way, const struct io_uring_cqe *completion)
{
    if ((completion->flags & IORING_CQE_F_BUFFER) != 0) {
        int buffer = (int)(completion->flags >> IORING_CQE_BUFFER_SHIFT);
        if (completion->res <= 0 || way->pair->is_broken) {
            uring_give_back(buffer);
        } else {
            filled[buffer].length = (unsigned)completion->res;
            filled[buffer].next = NO_BUFFER;
            way->held++;
            if (way->first == NO_BUFFER) {
                way->first = way->last = buffer;
                uring_send(way, true);
            } else {
                filled[way->last].next = buffer;
                way->last = buffer;
            }
        }
    }
    if ((completion->flags & IORING_CQE_F_MORE) != 0) {
        if (way->held >= HELD) {
            uring_cancel_receive(way);
        }
    } else if (completion->res == -ECANCELED && way->first != NO_BUFFER) {
        way->is_paused = true;
    } else if (completion->res > 0 || completion->res == -ECANCELED) {
        uring_receive(way);
    } else if (completion->res == -ENOBUFS) {
        way->next_starved = starved;
        starved = way;
    } else {
        way->pair->operations--;
        way->has_ended = true;
        if (completion->res < 0) {
            uring_break(way);
        } else if (way->first == NO_BUFFER) {
            shutdown(way->to, SHUT_WR);
        }
    }
    uring_note_awaited(way);
}

static void uring_sent(struct way *way, int result)
{
    way->pair->operations--;
    tries -= way->is_trying;
    way->is_trying = false;
    if (result < 0 && result != -EAGAIN) {
        uring_break(way);
    }
    way->sent += result > 0 ? (unsigned)result : 0;
    while (way->first != NO_BUFFER && (way->pair->is_broken || way->sent == filled[way->first].length)) {
        int buffer = way->first;
        way->first = filled[buffer].next;
        way->sent = 0;
        way->held--;
        uring_give_back(buffer);
    }
    if (way->first != NO_BUFFER) {
        uring_send(way, way->sent == 0 && result > 0);
    } else if (way->has_ended) {
        shutdown(way->to, SHUT_WR);
    } else if (way->is_paused) {
        way->is_paused = false;
        uring_receive(way);
    }
}

/// Puts a socket into the kernel's table of files, or takes it out: operations needn't look up and hold the file then.
static void uring_register(int fd, bool is_in)
{
    int file = is_in ? fd : -1;
    if (io_uring_register_files_update(&ring, (unsigned)fd, &file, 1) != 1) {
        fail("too many connections");
    }
}

static void uring_begin(int client)
{
    struct pair *pair = pair_new(client);
    for (int index = 0; pair != NULL && index < 2; index++) {
        struct way *way = &pair->ways[index];
        way->first = way->last = NO_BUFFER;
        uring_register(way->from, true);
    }
    for (int index = 0; pair != NULL && index < 2; index++) {
        uring_receive(&pair->ways[index]);
        pair->operations++;
    }
}

static void uring_end(struct pair *pair)
{
    for (int index = 0; index < 2; index++) {
        uring_register(pair->ways[index].from, false);
        close(pair->ways[index].from);
    }
    free(pair);
}

static void uring_open(void)
{
    struct io_uring_params parameters = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN};
    int result = io_uring_queue_init_params(SUBMISSIONS, &ring, &parameters);
    if (result != 0) {
        errno = -result;
        fail("io_uring_setup");
    }
    // Saves looking the ring itself up in every call.
    io_uring_register_ring_fd(&ring);
    buffers = calloc(BUFFERS, sizeof(*buffers));
    free_buffers = aligned_alloc(4096, BUFFERS * sizeof(struct io_uring_buf));
    if (buffers == NULL || free_buffers == NULL) {
        fail("memory");
    }
    struct io_uring_buf_reg registration = {.ring_addr = (uintptr_t)free_buffers, .ring_entries = BUFFERS};
    if ((result = io_uring_register_buf_ring(&ring, &registration, 0)) != 0
        || (result = io_uring_register_files_sparse(&ring, FILES)) != 0) {
        errno = -result;
        fail("io_uring_register");
    }
    io_uring_buf_ring_init(free_buffers);
    for (int buffer = 0; buffer < BUFFERS; buffer++) {
        uring_give_back(buffer);
    }
}

static void uring_run(int listener)
{
    uring_open();
    uring_accept(listener);
    for (;;) {
        bool waits_for_tries = tries > 0 && (is_try_awaited || starved != NULL);
        int result = io_uring_submit_and_wait(&ring, waits_for_tries ? tries : tries + 1);
        if (result < 0 && result != -EINTR) {
            errno = -result;
            fail("io_uring_enter");
        }
        is_try_awaited = false;
        struct io_uring_cqe *completion;
        unsigned head;
        unsigned count = 0;
        io_uring_for_each_cqe(&ring, head, completion) {
            count++;
            struct way *way = (struct way *)(uintptr_t)(completion->user_data & ~1ULL);
            if (completion->user_data == CANCELLING) {
                continue;
            }
            if (completion->user_data == ACCEPTING) {
                if (completion->res >= 0) {
                    uring_begin(completion->res);
                }
                if ((completion->flags & IORING_CQE_F_MORE) == 0) {
                    uring_accept(listener);
                }
                continue;
            }
            if ((completion->user_data & 1) == SENDING) {
                uring_sent(way, completion->res);
            } else {
                uring_received(way, completion);
            }
            if (way->pair->operations == 0) {
                uring_end(way->pair);
            }
        }
        io_uring_cq_advance(&ring, count);
    }
}

int main(int count, char **arguments)
{
    static const struct option names[] = {
        {"engine", required_argument, NULL, 'e'},
        {"listen", required_argument, NULL, 'l'},
        {"backend", required_argument, NULL, 'b'},
        {NULL, 0, NULL, 0},
    };
    void (*run)(int) = NULL;
    uint16_t port = 0;
    int letter;
    while ((letter = getopt_long(count, arguments, "", names, NULL)) != -1) {
        switch (letter) {
        case 'e':
            run = strcmp(optarg, "epoll") == 0 ? epoll_run : strcmp(optarg, "io_uring") == 0 ? uring_run : NULL;
            break;
        case 'l': port = (uint16_t)strtoul(optarg, NULL, 10); break;
        case 'b': backend_port = (uint16_t)strtoul(optarg, NULL, 10); break;
        default: run = NULL; optind = count + 1;
        }
    }
    if (run == NULL || port == 0 || backend_port == 0 || optind != count) {
        fprintf(stderr, "usage: relay --engine epoll|io_uring --listen PORT --backend PORT\n");
        return 64;
    }
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    run(listen_on(port));
}
