#ifndef SLUICE_BENCH_ECHO_H
#define SLUICE_BENCH_ECHO_H

#include <nghttp2/nghttp2.h>

#include "transport.h"

/// What calls are answered with; health checks are answered all the same.
enum answers {
    /// Their own bytes.
    ANSWERS_ECHO,
    /// A PredictResponse that is none of the driver's.
    ANSWERS_OTHER,
    /// Nothing, though they are read.
    ANSWERS_NOTHING,
    /// Nothing, and after the first of them nothing is read from the connection.
    ANSWERS_UNREAD,
};

/// Chooses what is answered, for all connections.
void echo_choose(enum answers answers);

/// One accepted connection: an HTTP/2 server session that echoes.
struct echo_connection {
    struct transport transport;
    nghttp2_session *session;
    /// All open streams, since `nghttp2_session_del` announces no closes.
    struct echo_stream *streams;
    /// Whether epoll watches the socket for room.
    bool watches_writable;
    /// Whether nothing is to be read from it any more.
    bool is_unread;
};

/// Takes over the socket. NULL without memory; the socket is closed then.
struct echo_connection *echo_connection_new(int fd);

/// Ends the connection and all its streams.
void echo_connection_free(struct echo_connection *connection);

/// Reads once and answers what is complete. False if the connection is over.
bool echo_connection_readable(struct echo_connection *connection);

/// Sends what waits. False if the connection is over.
bool echo_connection_flush(struct echo_connection *connection);

#endif
