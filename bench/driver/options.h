#ifndef SLUICE_BENCH_OPTIONS_H
#define SLUICE_BENCH_OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "accounting.h"

/// What the driver does with its connections.
enum mode {
    /// Keeps `connections` x `streams` calls in flight on lasting connections.
    MODE_LOAD,
    /// Keeps `connections` calls in flight, each on a connection of its own that ends with it.
    MODE_CONNECTION_PER_CALL,
    /// Exchanges SETTINGS on each connection, then silence until standard input ends; then one call on each.
    MODE_HOLD_FRESH,
    /// One call on each connection, then silence until standard input ends; then one more call on each.
    MODE_HOLD_USED,
    /// Opens `connections` x `streams` calls, has one message echoed in each, and leaves them open until standard
    /// input ends; then ends them.
    MODE_HOLD_STREAMS,
};

/// The command line, read and checked.
struct options {
    struct sockaddr_in address;
    enum mode mode;
    bool tls;
    /// Each call has fields that no other one has.
    bool varied;
    /// Messages are PredictResponses.
    bool are_predictions;
    /// The file that the calls' messages come from; NULL for random bytes, which come back.
    const char *calls;
    /// The file that the same calls are written to with their answers; NULL if they are checked instead.
    const char *record;
    unsigned connections;
    unsigned streams;
    size_t message_bytes;
    /// Seconds; not counted.
    double warm_up;
    /// Seconds; counted.
    double seconds;
    /// Ends after so many calls, all counted, instead of by time; 0 for by time.
    uint64_t requests;
    struct account accounts[ACCOUNT_LIMIT];
    unsigned account_count;
};

/// Reads the command line. Ends the program with a message and status 64 where it is wrong.
void options_read(struct options *options, int count, char **arguments);

#endif
