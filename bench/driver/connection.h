#ifndef SLUICE_BENCH_CONNECTION_H
#define SLUICE_BENCH_CONNECTION_H

#include <nghttp2/nghttp2.h>

#include "load.h"
#include "transport.h"

enum connection_state {
    /// Not made yet, or over: `retry_at` says when it may be tried again.
    CONNECTION_CLOSED,
    CONNECTION_CONNECTING,
    CONNECTION_SECURING,
    CONNECTION_OPEN,
    /// The server said GOAWAY, or the one call of this connection is done: no new calls.
    CONNECTION_DRAINING,
};

/// One call, or the place for one: a connection has as many as it may have streams.
struct call {
    struct connection *connection;
    /// Chooses the bytes.
    uint64_t number;
    uint64_t begun_at;
    size_t sent;
    size_t received;
    int32_t stream;
    unsigned status;
    unsigned grpc_status;
    bool in_flight;
    bool has_wrong_bytes;
    /// hold-streams: the message has come back and the stream is left open.
    bool is_held;
};

struct connection {
    struct load *load;
    enum connection_state state;
    struct transport transport;
    nghttp2_session *session;
    struct call *calls;
    unsigned in_flight;
    bool was_open;
    /// hold-fresh: the server's first SETTINGS have come.
    bool is_settled;
    bool watches_writable;
    uint64_t connect_begun_at;
    uint64_t retry_at;
};

/// Gives the connection its places for calls. Exits without memory.
void connection_prepare(struct connection *connection, struct load *load);

/// Begins to connect. On failure it is closed again and counted.
void connection_start(struct connection *connection);

/// Handles what epoll reported.
void connection_event(struct connection *connection, uint32_t ready);

/// Begins as many calls as there is room for, and sends them.
void connection_fill(struct connection *connection);

/// hold-streams: ends all requests that are held open, and sends that.
void connection_release(struct connection *connection);

/// Ends it without a word; calls in flight are dropped and not counted.
void connection_abandon(struct connection *connection);

#endif
