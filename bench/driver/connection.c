#include "connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "payload.h"
#include "slab.h"

enum { STREAM_WINDOW = 16 << 20, CONNECTION_WINDOW = 1 << 30 };
enum { RETRY_NANOSECONDS = 10 * 1000 * 1000 };
/// A `grpc_status` of a call that none was received for.
enum { NO_GRPC_STATUS = 1000 };

#define NAME_VALUE(name, value)                                                                                        \
    {                                                                                                                  \
        (uint8_t *)(name), (uint8_t *)(value), sizeof(name) - 1, sizeof(value) - 1,                                    \
            NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE                                               \
    }

/// What a gRPC client sends with every call; where calls come from a file, with that file's path.
static const nghttp2_nv request_fields[] = {
    NAME_VALUE(":method", "POST"),
    NAME_VALUE(":scheme", "http"),
    NAME_VALUE(":path", "/sluice.bench.Echo/Call"),
    NAME_VALUE(":authority", "localhost"),
    NAME_VALUE("content-type", "application/grpc"),
    NAME_VALUE("te", "trailers"),
    NAME_VALUE("user-agent", "grpc-bench/1.0"),
    NAME_VALUE("grpc-accept-encoding", "identity,deflate,gzip"),
};

enum { PATH_FIELD = 2, COMMON_FIELDS = sizeof(request_fields) / sizeof(*request_fields), VARIED_FIELDS = 2 };

/// What is different in each call: what is left of a deadline, and the identifiers of a trace (W3C Trace Context).
struct varied_values {
    char timeout[16];
    char trace[64];
};

/// Writes the fields of a call, of which `varied` keeps the values.
static size_t write_fields(const struct call *call, nghttp2_nv *fields, struct varied_values *varied)
{
    memcpy(fields, request_fields, sizeof(request_fields));
    const struct load *load = call->connection->load;
    if (load->calls.path != NULL) {
        fields[PATH_FIELD].value = (uint8_t *)load->calls.path;
        fields[PATH_FIELD].valuelen = load->path_length;
    }
    if (!load->options.varied) {
        return COMMON_FIELDS;
    }
    // Spread over 64 bits: as alike as random identifiers are.
    uint64_t identifier = (call->number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    int timeout = snprintf(
        varied->timeout, sizeof(varied->timeout), "%uu", 59000000U + (unsigned)(identifier >> 32) % 1000000U);
    int trace = snprintf(
        varied->trace, sizeof(varied->trace), "00-%016llx%016llx-%016llx-01", (unsigned long long)identifier,
        (unsigned long long)~identifier, (unsigned long long)(identifier ^ identifier >> 29));
    fields[COMMON_FIELDS] = (nghttp2_nv)NAME_VALUE("grpc-timeout", "");
    fields[COMMON_FIELDS].value = (uint8_t *)varied->timeout;
    fields[COMMON_FIELDS].valuelen = (size_t)timeout;
    fields[COMMON_FIELDS + 1] = (nghttp2_nv)NAME_VALUE("traceparent", "");
    fields[COMMON_FIELDS + 1].value = (uint8_t *)varied->trace;
    fields[COMMON_FIELDS + 1].valuelen = (size_t)trace;
    for (size_t index = COMMON_FIELDS; index < COMMON_FIELDS + VARIED_FIELDS; index++) {
        fields[index].flags = NGHTTP2_NV_FLAG_NO_COPY_NAME;
    }
    return COMMON_FIELDS + VARIED_FIELDS;
}

static ssize_t read_request(
    nghttp2_session *session, int32_t stream, uint8_t *buffer, size_t room, uint32_t *flags,
    nghttp2_data_source *source, void *user_data)
{
    (void)session;
    (void)stream;
    struct connection *connection = user_data;
    struct call *call = source->ptr;
    bool keeps_open =
        connection->load->options.mode == MODE_HOLD_STREAMS && connection->load->phase < PHASE_RELEASING;
    size_t count = payload_copy(call->number, call->sent, buffer, room);
    call->sent += count;
    if (call->sent == payload_request_length(call->number) && !keeps_open) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        return (ssize_t)count;
    }
    return count > 0 ? (ssize_t)count : NGHTTP2_ERR_DEFERRED;
}

static void call_begin(struct connection *connection, struct call *call)
{
    struct load *load = connection->load;
    *call = (struct call){
        .connection = connection,
        .number = load->calls_begun++,
        .begun_at = load->options.mode == MODE_CONNECTION_PER_CALL ? connection->connect_begun_at : load->now,
        .grpc_status = NO_GRPC_STATUS,
        .in_flight = true,
    };
    nghttp2_data_provider provider = {.source = {.ptr = call}, .read_callback = read_request};
    nghttp2_nv fields[COMMON_FIELDS + VARIED_FIELDS];
    struct varied_values varied;
    size_t count = write_fields(call, fields, &varied);
    call->stream = nghttp2_submit_request(connection->session, NULL, fields, count, &provider, call);
    if (call->stream < 0) {
        fprintf(stderr, "bench-driver: submit: %s\n", nghttp2_strerror(call->stream));
        exit(2);
    }
    load->calls_in_flight += 1;
    connection->in_flight += 1;
}

/// Takes the call out of flight and counts it.
static void call_end(struct call *call, uint64_t *failure)
{
    struct load *load = call->connection->load;
    call->in_flight = false;
    call->connection->in_flight -= 1;
    load->calls_in_flight -= 1;
    load->calls_ended += 1;
    if (call->is_held) {
        load->held -= 1;
    }
    if (failure != NULL) {
        *failure += 1;
        return;
    }
    if (load->options.mode == MODE_HOLD_USED && load->phase < PHASE_HOLDING) {
        load->held += 1;
    }
    if (load->phase == PHASE_COUNTING) {
        load->calls_counted += 1;
        histogram_record(&load->latency, load->now - call->begun_at);
    }
}

/// Where a call that ended with this HTTP/2 error code belongs; NULL if it was answered right.
static uint64_t *call_failure(const struct call *call, uint32_t error_code)
{
    struct failures *failures = &call->connection->load->failures;
    if (error_code == NGHTTP2_REFUSED_STREAM) {
        return &failures->refused;
    }
    if (error_code != NGHTTP2_NO_ERROR) {
        return &failures->reset;
    }
    if (call->status != 200) {
        return &failures->status;
    }
    if (call->grpc_status != 0) {
        return &failures->grpc_status;
    }
    if (call->has_wrong_bytes || call->received != payload_answer_length(call->number)) {
        return &failures->bytes;
    }
    return NULL;
}

static void submit_calls(struct connection *connection)
{
    struct load *load = connection->load;
    if (connection->state != CONNECTION_OPEN || connection->in_flight == load->options.streams) {
        return;
    }
    for (unsigned index = 0; index < load->options.streams && load_wants_call(load); index++) {
        if (!connection->calls[index].in_flight) {
            call_begin(connection, &connection->calls[index]);
        }
    }
}

static unsigned read_number(const uint8_t *text, size_t length)
{
    unsigned value = 0;
    for (size_t index = 0; index < length; index++) {
        if (text[index] < '0' || text[index] > '9' || value > 999) {
            return NO_GRPC_STATUS;
        }
        value = value * 10 + (unsigned)(text[index] - '0');
    }
    return length == 0 ? NO_GRPC_STATUS : value;
}

static int on_header(
    nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_length,
    const uint8_t *value, size_t value_length, uint8_t flags, void *user_data)
{
    (void)flags;
    (void)user_data;
    bool is_status = name_length == 7 && memcmp(name, ":status", 7) == 0;
    if (!is_status && !(name_length == 11 && memcmp(name, "grpc-status", 11) == 0)) {
        return 0;
    }
    struct call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (call != NULL) {
        *(is_status ? &call->status : &call->grpc_status) = read_number(value, value_length);
    }
    return 0;
}

static int on_data_chunk(
    nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *bytes, size_t length, void *user_data)
{
    (void)flags;
    struct connection *connection = user_data;
    struct call *call = nghttp2_session_get_stream_user_data(session, stream);
    if (call == NULL) {
        return 0;
    }
    if (!payload_matches(call->number, call->received, bytes, length)) {
        call->has_wrong_bytes = true;
    }
    call->received += length;
    if (connection->load->options.mode == MODE_HOLD_STREAMS
        && call->received == payload_answer_length(call->number) && !call->has_wrong_bytes && connection->load->phase < PHASE_RELEASING) {
        call->is_held = true;
        connection->load->held += 1;
    }
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    (void)session;
    struct connection *connection = user_data;
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        connection->state = CONNECTION_DRAINING;
    }
    bool is_settings = frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0;
    if (is_settings && connection->load->options.mode == MODE_HOLD_FRESH && !connection->is_settled) {
        connection->is_settled = true;
        connection->load->held += 1;
    }
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t error_code, void *user_data)
{
    struct connection *connection = user_data;
    struct call *call = nghttp2_session_get_stream_user_data(session, stream);
    if (call == NULL) {
        return 0;
    }
    call_end(call, call_failure(call, error_code));
    if (connection->load->options.mode == MODE_CONNECTION_PER_CALL) {
        connection->state = CONNECTION_DRAINING;
    } else if (connection->state == CONNECTION_OPEN && load_wants_call(connection->load)) {
        call_begin(connection, call);
    }
    return 0;
}

static nghttp2_session *session_new(struct connection *connection)
{
    static nghttp2_session_callbacks *callbacks;
    static nghttp2_option *option;
    if (callbacks == NULL) {
        if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0) {
            return NULL;
        }
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
        // What matters of a response is checked here, call by call.
        nghttp2_option_set_no_http_messaging(option, 1);
        nghttp2_option_set_no_closed_streams(option, 1);
    }
    nghttp2_session *session;
    if (nghttp2_session_client_new3(&session, callbacks, connection, option, slab_memory()) != 0) {
        return NULL;
    }
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
    };
    if (nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, sizeof(settings) / sizeof(*settings)) != 0
        || nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW) != 0) {
        nghttp2_session_del(session);
        return NULL;
    }
    return session;
}

void connection_prepare(struct connection *connection, struct load *load)
{
    memset(connection, 0, sizeof(*connection));
    connection->load = load;
    connection->transport.fd = -1;
    connection->calls = calloc(load->options.streams, sizeof(struct call));
    if (connection->calls == NULL) {
        perror("bench-driver: calls");
        exit(2);
    }
}

static void release_resources(struct connection *connection)
{
    // Without its stream-close callbacks: the calls are accounted for by the caller.
    nghttp2_session_del(connection->session);
    connection->session = NULL;
    transport_close(&connection->transport);
    connection->state = CONNECTION_CLOSED;
    connection->watches_writable = false;
}

/// A connection that the server ended while it was to be held idle failed, though no call was in flight.
static void count_if_held(const struct connection *connection)
{
    struct load *load = connection->load;
    if (load_holds_idle(load) && load->phase >= PHASE_HOLDING && connection->in_flight == 0) {
        load->failures.lost += 1;
    }
}

/// Ends the connection for now; calls in flight have failed.
static void connection_lose(struct connection *connection)
{
    struct load *load = connection->load;
    bool was_open = connection->state == CONNECTION_OPEN || connection->state == CONNECTION_DRAINING;
    count_if_held(connection);
    for (unsigned index = 0; index < load->options.streams && connection->in_flight > 0; index++) {
        if (connection->calls[index].in_flight) {
            call_end(&connection->calls[index], &load->failures.lost);
        }
    }
    release_resources(connection);
    if (!was_open) {
        load->failures.connect += 1;
    }
    connection->retry_at = load->now + (was_open ? 0 : RETRY_NANOSECONDS);
    load->resting += 1;
}

/// Ends a connection whose work is done.
static void connection_finish(struct connection *connection)
{
    struct load *load = connection->load;
    count_if_held(connection);
    if (nghttp2_session_terminate_session(connection->session, NGHTTP2_NO_ERROR) == 0) {
        transport_flush(&connection->transport, connection->session);
    }
    release_resources(connection);
    connection->retry_at = load->now;
    load->resting += 1;
}

static void watch(struct connection *connection)
{
    bool needs_room = connection->state == CONNECTION_CONNECTING || connection->transport.pending_length > 0;
    if (needs_room != connection->watches_writable) {
        connection->watches_writable = needs_room;
        struct epoll_event event = {
            .events = needs_room ? EPOLLIN | EPOLLOUT : EPOLLIN, .data = {.ptr = connection}};
        epoll_ctl(connection->load->epoll, EPOLL_CTL_MOD, connection->transport.fd, &event);
    }
}

/// Sends what waits, and ends the connection if that is what is left to do.
static void connection_send(struct connection *connection)
{
    bool over = transport_flush(&connection->transport, connection->session) == TRANSPORT_FAILED
        || (!nghttp2_session_want_read(connection->session) && !nghttp2_session_want_write(connection->session)
            && connection->transport.pending_length == 0);
    if (connection->state == CONNECTION_DRAINING && connection->in_flight == 0) {
        connection_finish(connection);
    } else if (over) {
        connection_lose(connection);
    } else {
        watch(connection);
    }
}

void connection_start(struct connection *connection)
{
    struct load *load = connection->load;
    if (connection->was_open && load->options.mode != MODE_CONNECTION_PER_CALL) {
        load->reconnects += 1;
    }
    connection->connect_begun_at = load->now;
    connection->state = CONNECTION_CONNECTING;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        perror("bench-driver: socket");
        exit(2);
    }
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    bool opened = transport_open(&connection->transport, fd, load->tls);
    connection->session = session_new(connection);
    if (!opened || connection->session == NULL) {
        fprintf(stderr, "bench-driver: no memory for a connection\n");
        exit(2);
    }
    if (connect(fd, (struct sockaddr *)&load->options.address, sizeof(load->options.address)) != 0
        && errno != EINPROGRESS) {
        connection_lose(connection);
        return;
    }
    connection->watches_writable = true;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data = {.ptr = connection}};
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        perror("bench-driver: epoll_ctl");
        exit(2);
    }
}

void connection_fill(struct connection *connection)
{
    if (connection->state == CONNECTION_OPEN) {
        submit_calls(connection);
        connection_send(connection);
    }
}

void connection_release(struct connection *connection)
{
    if (connection->state != CONNECTION_OPEN) {
        return;
    }
    for (unsigned index = 0; index < connection->load->options.streams; index++) {
        if (connection->calls[index].in_flight) {
            nghttp2_session_resume_data(connection->session, connection->calls[index].stream);
        }
    }
    connection_send(connection);
}

void connection_abandon(struct connection *connection)
{
    if (connection->state != CONNECTION_CLOSED) {
        release_resources(connection);
    }
}

/// Goes on with connecting and the TLS handshake. True once the connection is open.
static bool connection_establish(struct connection *connection, uint32_t ready)
{
    if (connection->state == CONNECTION_CONNECTING) {
        int error = 0;
        socklen_t length = sizeof(error);
        getsockopt(connection->transport.fd, SOL_SOCKET, SO_ERROR, &error, &length);
        if (error != 0 || (ready & EPOLLOUT) == 0) {
            connection_lose(connection);
            return false;
        }
        connection->state = CONNECTION_SECURING;
    }
    switch (transport_handshake(&connection->transport)) {
    case TRANSPORT_DONE:
        break;
    case TRANSPORT_AGAIN:
        watch(connection);
        return false;
    case TRANSPORT_FAILED:
        connection_lose(connection);
        return false;
    }
    connection->state = CONNECTION_OPEN;
    connection->was_open = true;
    return true;
}

/// Reads once and lets the session work. False if the connection is over.
static bool connection_read(struct connection *connection)
{
    const uint8_t *bytes;
    ssize_t count = transport_read(&connection->transport, &bytes);
    if (count == TRANSPORT_READ_AGAIN) {
        return true;
    }
    if (count <= 0 || nghttp2_session_mem_recv(connection->session, bytes, (size_t)count) < 0) {
        connection_lose(connection);
        return false;
    }
    return true;
}

void connection_event(struct connection *connection, uint32_t ready)
{
    if (connection->state == CONNECTION_CLOSED) {
        return;
    }
    if (connection->state == CONNECTION_CONNECTING || connection->state == CONNECTION_SECURING) {
        if (!connection_establish(connection, ready)) {
            return;
        }
        submit_calls(connection);
    }
    if ((ready & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        do {
            if (!connection_read(connection)) {
                return;
            }
        } while (transport_has_buffered(&connection->transport));
    }
    connection_send(connection);
}
