#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/epoll.h>

#include "connection.h"
#include "payload.h"

enum { EVENTS = 512, CONNECTING_AT_ONCE = 64 };
#define SECOND 1000000000ull
/// How long a run by count, or the way to the state to be held, may go without an ended call.
#define STALL (30 * SECOND)
#define PATIENCE (5 * SECOND)

uint64_t load_clock(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

bool load_holds_idle(const struct load *load)
{
    return load->options.mode == MODE_HOLD_FRESH || load->options.mode == MODE_HOLD_USED;
}

static bool holds(const struct load *load)
{
    return load_holds_idle(load) || load->options.mode == MODE_HOLD_STREAMS;
}

static uint64_t places(const struct load *load)
{
    return (uint64_t)load->options.connections * load->options.streams;
}

bool load_wants_call(const struct load *load)
{
    switch (load->phase) {
    case PHASE_WARM_UP:
    case PHASE_COUNTING:
        if (holds(load)) {
            return load->options.mode != MODE_HOLD_FRESH && load->calls_begun < places(load);
        }
        return load->options.requests == 0 || load->calls_begun < load->options.requests;
    case PHASE_RELEASING:
        return load_holds_idle(load)
            && load->calls_begun < (load->options.mode == MODE_HOLD_FRESH ? 1 : 2) * places(load);
    case PHASE_HOLDING:
    case PHASE_ENDING:
    case PHASE_OVER:
        return false;
    }
    return false;
}

uint64_t load_failure_count(const struct failures *failures)
{
    return failures->connect + failures->lost + failures->reset + failures->refused + failures->status
        + failures->bytes + failures->grpc_status + failures->unfinished;
}

static void begin_counting(struct load *load)
{
    load->phase = PHASE_COUNTING;
    accounting_read(&load->before, load->options.accounts, load->options.account_count, load_clock());
    load->deadline = load->before.at + (uint64_t)(load->options.seconds * (double)SECOND);
}

static void end_counting(struct load *load)
{
    accounting_read(&load->after, load->options.accounts, load->options.account_count, load_clock());
    load->phase = PHASE_ENDING;
    load->deadline = load->now + PATIENCE;
}

static void begin_holding(struct load *load)
{
    end_counting(load);
    load->phase = PHASE_HOLDING;
    load->failures.unfinished += places(load) - load->held;
    printf("{\"held\": %llu}\n", (unsigned long long)load->held);
    fflush(stdout);
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = NULL}};
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0) {
        perror("bench-driver: standard input");
        exit(2);
    }
}

/// Standard input has something: whatever it is, its end or a line, what is held is let go.
static void begin_releasing(struct load *load)
{
    epoll_ctl(load->epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
    load->phase = PHASE_RELEASING;
    load->deadline = load->now + PATIENCE;
    for (unsigned index = 0; index < load->options.connections; index++) {
        if (load_holds_idle(load)) {
            connection_fill(&load->connections[index]);
        } else {
            connection_release(&load->connections[index]);
        }
    }
}

/// Moves on to the next phase when this one's time or work is over.
static void advance_once(struct load *load)
{
    bool is_late = load->now >= load->deadline;
    switch (load->phase) {
    case PHASE_WARM_UP:
        if (is_late) {
            begin_counting(load);
        }
        break;
    case PHASE_COUNTING:
        if (holds(load)) {
            if (load->held == places(load) || is_late) {
                begin_holding(load);
            }
        } else if (load->options.requests == 0 ? is_late : load->calls_ended >= load->options.requests || is_late) {
            end_counting(load);
        }
        break;
    case PHASE_HOLDING:
        break;
    case PHASE_RELEASING:
    case PHASE_ENDING:
        if (is_late || load->calls_in_flight == 0) {
            load->failures.unfinished += load->calls_in_flight;
            load->phase = PHASE_OVER;
        }
        break;
    case PHASE_OVER:
        break;
    }
}

/// As `advance_once`, through phases that have nothing to wait for too.
static void advance(struct load *load)
{
    enum phase phase;
    do {
        phase = load->phase;
        advance_once(load);
    } while (load->phase != phase);
}

/// Begins to connect where a place is free: new connections a few at a time, so that no listen queue overflows.
static void connect_more(struct load *load)
{
    if (load->unstarted < load->options.connections) {
        unsigned connecting = 0;
        for (unsigned index = 0; index < load->unstarted; index++) {
            enum connection_state state = load->connections[index].state;
            connecting += state == CONNECTION_CONNECTING || state == CONNECTION_SECURING;
        }
        for (; connecting < CONNECTING_AT_ONCE && load->unstarted < load->options.connections; connecting++) {
            connection_start(&load->connections[load->unstarted++]);
        }
    }
    if (load->resting == 0 || load->phase > PHASE_COUNTING
        || (load->options.requests > 0 && !load_wants_call(load))) {
        return;
    }
    unsigned resting = load->resting;
    for (unsigned index = 0; index < load->unstarted && resting > 0; index++) {
        struct connection *connection = &load->connections[index];
        if (connection->state == CONNECTION_CLOSED) {
            resting -= 1;
            if (load->now >= connection->retry_at) {
                load->resting -= 1;
                connection_start(connection);
            }
        }
    }
}

static int milliseconds_to_wait(const struct load *load)
{
    if (load->phase == PHASE_HOLDING) {
        return -1;
    }
    if (load->resting > 0 && load->phase <= PHASE_COUNTING) {
        return 1;
    }
    return load->deadline > load->now ? (int)((load->deadline - load->now) / 1000000 + 1) : 0;
}

static void prepare(struct load *load)
{
    payload_prepare(load->options.message_bytes, load->options.are_predictions);
    if (load->options.calls != NULL) {
        calls_read(&load->calls, load->options.calls);
        load->path_length = strlen(load->calls.path);
        payload_use(&load->calls, load->options.record != NULL);
    }
    if (load->options.record != NULL) {
        load->options.requests = load->calls.count;
    }
    load->tls = load->options.tls ? transport_client_tls() : NULL;
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->connections = calloc(load->options.connections, sizeof(struct connection));
    if (load->epoll < 0 || load->connections == NULL) {
        perror("bench-driver: set-up");
        exit(2);
    }
    for (unsigned index = 0; index < load->options.connections; index++) {
        connection_prepare(&load->connections[index], load);
    }
    load->now = load_clock();
    if (holds(load) || load->options.requests > 0) {
        begin_counting(load);
        load->deadline = load->now + STALL;
    } else {
        load->phase = PHASE_WARM_UP;
        load->deadline = load->now + (uint64_t)(load->options.warm_up * (double)SECOND);
    }
}

void load_run(struct load *load)
{
    static struct epoll_event events[EVENTS];
    prepare(load);
    uint64_t ended = 0;
    while (load->phase != PHASE_OVER) {
        connect_more(load);
        int ready = epoll_wait(load->epoll, events, EVENTS, milliseconds_to_wait(load));
        if (ready < 0 && errno != EINTR) {
            perror("bench-driver: epoll_wait");
            exit(2);
        }
        load->now = load_clock();
        for (int index = 0; index < ready; index++) {
            if (events[index].data.ptr == NULL) {
                begin_releasing(load);
                continue;
            }
            connection_event(events[index].data.ptr, events[index].events);
            load->now = load_clock();
        }
        if (load->phase == PHASE_COUNTING && load->calls_ended + load->held != ended
            && (load->options.requests > 0 || holds(load))) {
            ended = load->calls_ended + load->held;
            load->deadline = load->now + STALL;
        }
        advance(load);
    }
    for (unsigned index = 0; index < load->options.connections; index++) {
        connection_abandon(&load->connections[index]);
    }
    if (load->options.record != NULL && load_failure_count(&load->failures) == 0) {
        calls_write(&load->calls, load->options.record);
    }
}
