#ifndef SLUICE_BENCH_LOAD_H
#define SLUICE_BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "accounting.h"
#include "calls.h"
#include "histogram.h"
#include "options.h"

/// Why a call didn't count as answered.
struct failures {
    /// The connection couldn't be made, or its TLS handshake failed.
    uint64_t connect;
    /// The connection was lost with the call in flight.
    uint64_t lost;
    /// The stream was reset, with any code but REFUSED_STREAM.
    uint64_t reset;
    /// The server refused the stream unprocessed: REFUSED_STREAM, or over the last stream of its GOAWAY.
    uint64_t refused;
    /// Another `:status` than 200.
    uint64_t status;
    /// Other bytes, or fewer or more, than were sent.
    uint64_t bytes;
    /// Another `grpc-status` than 0, or none.
    uint64_t grpc_status;
    /// Not answered five seconds after the load ended.
    uint64_t unfinished;
};

/// How far a run is.
enum phase {
    PHASE_WARM_UP,
    PHASE_COUNTING,
    /// hold-*: waits for the end of standard input.
    PHASE_HOLDING,
    /// hold-*: the input has ended, the last calls run.
    PHASE_RELEASING,
    /// No new calls; waits for those in flight.
    PHASE_ENDING,
    PHASE_OVER,
};

/// A run: its connections, its clock and what it counted.
struct load {
    struct options options;
    /// Without a path where messages are random bytes.
    struct calls calls;
    size_t path_length;
    SSL_CTX *tls;
    int epoll;
    struct connection *connections;
    /// Connections that haven't been made for the first time yet start at this index.
    unsigned unstarted;
    /// Connections waiting for their next try.
    unsigned resting;
    enum phase phase;
    /// Nanoseconds of the monotonic clock, read once per event.
    uint64_t now;
    /// When the phase ends by time.
    uint64_t deadline;
    uint64_t calls_begun;
    uint64_t calls_in_flight;
    /// Since the start, well or not.
    uint64_t calls_ended;
    /// Answered right, while counting.
    uint64_t calls_counted;
    /// hold-*: connections or streams that have reached the state to be held.
    uint64_t held;
    /// Connections made again after a loss or the server's GOAWAY.
    uint64_t reconnects;
    struct failures failures;
    struct histogram latency;
    struct accounting before;
    struct accounting after;
};

/// Nanoseconds of the monotonic clock.
uint64_t load_clock(void);

/// Whether the run is about connections that are held idle.
bool load_holds_idle(const struct load *load);

/// Whether another call may begin now.
bool load_wants_call(const struct load *load);

/// Sets the run up and lets it go to its end. Exits on what prevents any run at all.
void load_run(struct load *load);

/// All failures together.
uint64_t load_failure_count(const struct failures *failures);

#endif
