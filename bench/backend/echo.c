#include "echo.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prediction.h"
#include "slab.h"

enum { STREAM_WINDOW = 16 << 20, CONNECTION_WINDOW = 1 << 30, CHUNK_BYTES = 16 * 1024, INLINE_BYTES = 256 };

/// Bytes to be echoed that don't fit into the stream itself.
struct chunk {
    struct chunk *next;
    size_t begin;
    size_t end;
    uint8_t bytes[CHUNK_BYTES];
};

/// One call. Its bytes go back as they come; the trailers follow the end of the request.
struct echo_stream {
    struct echo_stream *next;
    struct echo_stream *previous;
    int32_t id;
    bool is_health_check;
    bool has_response;
    bool is_deferred;
    bool request_ended;
    size_t inline_begin;
    size_t inline_end;
    struct chunk *first;
    struct chunk *last;
    uint8_t inline_bytes[INLINE_BYTES];
};

static struct chunk *free_chunks;
static struct echo_stream *free_streams;

static const uint8_t health_path[] = "/grpc.health.v1.Health/Check";
/// A gRPC message with `HealthCheckResponse { status: SERVING }`.
static const uint8_t serving[] = {0, 0, 0, 0, 2, 0x08, 0x01};

/// Another version's answer: the label, both probabilities and the version differ from those of all the driver's messages.
static const uint8_t other_prediction[] =
    "\0\0\0\0\x40" PREDICTION("versicolor", "\0\0\0\0\0\0\xd0\x3f", "\0\0\0\0\0\0\xd0\x3f", "v1.1.0");
_Static_assert(sizeof(other_prediction) == 5 + PREDICTION_BYTES + 1, "the prefix, the message and C's zero");

static enum answers answers;

#define NAME_VALUE(name, value)                                                                                        \
    {                                                                                                                  \
        (uint8_t *)(name), (uint8_t *)(value), sizeof(name) - 1, sizeof(value) - 1,                                    \
            NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE                                               \
    }

static const nghttp2_nv response_fields[] = {
    NAME_VALUE(":status", "200"),
    NAME_VALUE("content-type", "application/grpc"),
    NAME_VALUE("grpc-accept-encoding", "identity,deflate,gzip"),
};

static const nghttp2_nv trailer_fields[] = {NAME_VALUE("grpc-status", "0")};

static struct echo_stream *stream_new(struct echo_connection *connection, int32_t id)
{
    struct echo_stream *stream = free_streams;
    if (stream != NULL) {
        free_streams = stream->next;
    } else {
        stream = malloc(sizeof(*stream));
        if (stream == NULL) {
            return NULL;
        }
    }
    memset(stream, 0, offsetof(struct echo_stream, inline_bytes));
    stream->id = id;
    stream->next = connection->streams;
    if (stream->next != NULL) {
        stream->next->previous = stream;
    }
    connection->streams = stream;
    return stream;
}

static void drop_first_chunk(struct echo_stream *stream)
{
    struct chunk *chunk = stream->first;
    stream->first = chunk->next;
    if (stream->first == NULL) {
        stream->last = NULL;
    }
    chunk->next = free_chunks;
    free_chunks = chunk;
}

static void stream_free(struct echo_connection *connection, struct echo_stream *stream)
{
    while (stream->first != NULL) {
        drop_first_chunk(stream);
    }
    if (stream->previous != NULL) {
        stream->previous->next = stream->next;
    } else {
        connection->streams = stream->next;
    }
    if (stream->next != NULL) {
        stream->next->previous = stream->previous;
    }
    stream->next = free_streams;
    free_streams = stream;
}

static bool stream_append(struct echo_stream *stream, const uint8_t *bytes, size_t length)
{
    if (stream->first == NULL) {
        if (stream->inline_begin == stream->inline_end) {
            stream->inline_begin = stream->inline_end = 0;
        }
        if (length <= INLINE_BYTES - stream->inline_end) {
            memcpy(stream->inline_bytes + stream->inline_end, bytes, length);
            stream->inline_end += length;
            return true;
        }
    }
    while (length > 0) {
        struct chunk *chunk = stream->last;
        if (chunk == NULL || chunk->end == CHUNK_BYTES) {
            chunk = free_chunks;
            if (chunk != NULL) {
                free_chunks = chunk->next;
            } else if ((chunk = malloc(sizeof(*chunk))) == NULL) {
                return false;
            }
            chunk->next = NULL;
            chunk->begin = chunk->end = 0;
            if (stream->last != NULL) {
                stream->last->next = chunk;
            } else {
                stream->first = chunk;
            }
            stream->last = chunk;
        }
        size_t count = CHUNK_BYTES - chunk->end < length ? CHUNK_BYTES - chunk->end : length;
        memcpy(chunk->bytes + chunk->end, bytes, count);
        chunk->end += count;
        bytes += count;
        length -= count;
    }
    return true;
}

static size_t stream_take(struct echo_stream *stream, uint8_t *into, size_t room)
{
    size_t taken = stream->inline_end - stream->inline_begin;
    if (taken > room) {
        taken = room;
    }
    memcpy(into, stream->inline_bytes + stream->inline_begin, taken);
    stream->inline_begin += taken;
    while (taken < room && stream->first != NULL) {
        struct chunk *chunk = stream->first;
        size_t count = chunk->end - chunk->begin < room - taken ? chunk->end - chunk->begin : room - taken;
        memcpy(into + taken, chunk->bytes + chunk->begin, count);
        chunk->begin += count;
        taken += count;
        if (chunk->begin == chunk->end) {
            drop_first_chunk(stream);
        }
    }
    return taken;
}

static bool stream_is_empty(const struct echo_stream *stream)
{
    return stream->inline_begin == stream->inline_end && stream->first == NULL;
}

static ssize_t read_body(
    nghttp2_session *session, int32_t id, uint8_t *buffer, size_t length, uint32_t *flags, nghttp2_data_source *source,
    void *user_data)
{
    (void)user_data;
    struct echo_stream *stream = source->ptr;
    size_t count = stream_take(stream, buffer, length);
    if (stream->request_ended && stream_is_empty(stream)) {
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        if (nghttp2_submit_trailer(session, id, trailer_fields, sizeof(trailer_fields) / sizeof(*trailer_fields)) != 0) {
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        }
        return (ssize_t)count;
    }
    if (count == 0) {
        stream->is_deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    return (ssize_t)count;
}

/// Begins the response once there is something to say, or goes on with it.
static int stream_wake(nghttp2_session *session, struct echo_stream *stream)
{
    if (!stream->has_response) {
        stream->has_response = true;
        nghttp2_data_provider provider = {.source = {.ptr = stream}, .read_callback = read_body};
        return nghttp2_submit_response(
            session, stream->id, response_fields, sizeof(response_fields) / sizeof(*response_fields), &provider);
    }
    if (stream->is_deferred) {
        stream->is_deferred = false;
        return nghttp2_session_resume_data(session, stream->id);
    }
    return 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        return 0;
    }
    struct echo_stream *stream = stream_new(user_data, frame->hd.stream_id);
    if (stream == NULL) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    return nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
}

static int on_header(
    nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_length,
    const uint8_t *value, size_t value_length, uint8_t flags, void *user_data)
{
    (void)flags;
    (void)user_data;
    if (name_length == 5 && value_length == sizeof(health_path) - 1 && memcmp(name, ":path", 5) == 0
        && memcmp(value, health_path, sizeof(health_path) - 1) == 0) {
        struct echo_stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
        if (stream != NULL) {
            stream->is_health_check = true;
        }
    }
    return 0;
}

static int on_data_chunk(
    nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t length, void *user_data)
{
    (void)flags;
    (void)user_data;
    struct echo_stream *stream = nghttp2_session_get_stream_user_data(session, id);
    if (stream == NULL || stream->is_health_check || answers != ANSWERS_ECHO) {
        return 0;
    }
    return stream_append(stream, bytes, length) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    if (frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS) {
        return 0;
    }
    struct echo_stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (stream == NULL) {
        return 0;
    }
    if (!stream->is_health_check && (answers == ANSWERS_NOTHING || answers == ANSWERS_UNREAD)) {
        ((struct echo_connection *)user_data)->is_unread = answers == ANSWERS_UNREAD;
        return 0;
    }
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
        stream->request_ended = true;
        if (stream->is_health_check) {
            stream_append(stream, serving, sizeof(serving));
        } else if (answers == ANSWERS_OTHER) {
            stream_append(stream, other_prediction, sizeof(other_prediction) - 1);
        }
    }
    if (stream->request_ended || !stream_is_empty(stream)) {
        return stream_wake(session, stream) == 0 ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error_code, void *user_data)
{
    (void)error_code;
    struct echo_stream *stream = nghttp2_session_get_stream_user_data(session, id);
    if (stream != NULL) {
        stream_free(user_data, stream);
    }
    return 0;
}

void echo_choose(enum answers chosen) { answers = chosen; }

static nghttp2_session *session_new(struct echo_connection *connection)
{
    static nghttp2_session_callbacks *callbacks;
    static nghttp2_option *option;
    if (callbacks == NULL) {
        if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0) {
            return NULL;
        }
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
        nghttp2_option_set_no_http_messaging(option, 1);
        nghttp2_option_set_no_closed_streams(option, 1);
    }
    nghttp2_session *session;
    if (nghttp2_session_server_new3(&session, callbacks, connection, option, slab_memory()) != 0) {
        return NULL;
    }
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, INT32_MAX},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
    };
    if (nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, sizeof(settings) / sizeof(*settings)) != 0
        || nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW) != 0) {
        nghttp2_session_del(session);
        return NULL;
    }
    return session;
}

struct echo_connection *echo_connection_new(int fd)
{
    struct echo_connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL) {
        close(fd);
        return NULL;
    }
    transport_open(&connection->transport, fd, NULL);
    connection->session = session_new(connection);
    if (connection->session == NULL) {
        echo_connection_free(connection);
        return NULL;
    }
    return connection;
}

void echo_connection_free(struct echo_connection *connection)
{
    nghttp2_session_del(connection->session);
    while (connection->streams != NULL) {
        stream_free(connection, connection->streams);
    }
    transport_close(&connection->transport);
    free(connection);
}

bool echo_connection_readable(struct echo_connection *connection)
{
    const uint8_t *bytes;
    ssize_t count = transport_read(&connection->transport, &bytes);
    if (count == TRANSPORT_READ_AGAIN) {
        return true;
    }
    if (count <= 0) {
        return false;
    }
    if (nghttp2_session_mem_recv(connection->session, bytes, (size_t)count) < 0) {
        return false;
    }
    return echo_connection_flush(connection);
}

bool echo_connection_flush(struct echo_connection *connection)
{
    if (transport_flush(&connection->transport, connection->session) == TRANSPORT_FAILED) {
        return false;
    }
    return nghttp2_session_want_read(connection->session) || nghttp2_session_want_write(connection->session)
        || connection->transport.pending_length > 0;
}
