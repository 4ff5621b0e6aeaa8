#include "transport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

/// Room of the shared write buffer, and the most that one frame of the session can take of it.
enum { WRITE_BYTES = 256 * 1024, LARGEST_FRAME = 20 * 1024 };

static uint8_t read_buffer[TRANSPORT_READ_BYTES];
static uint8_t write_buffer[WRITE_BYTES];

bool transport_open(struct transport *transport, int fd, SSL_CTX *tls)
{
    memset(transport, 0, sizeof(*transport));
    transport->fd = fd;
    if (tls == NULL) {
        return true;
    }
    transport->ssl = SSL_new(tls);
    if (transport->ssl == NULL) {
        return false;
    }
    if (SSL_set_fd(transport->ssl, fd) != 1 || SSL_set_tlsext_host_name(transport->ssl, "localhost") != 1) {
        return false;
    }
    SSL_set_connect_state(transport->ssl);
    return true;
}

void transport_close(struct transport *transport)
{
    if (transport->ssl != NULL) {
        // close_notify as far as it goes; the answer isn't waited for.
        if (SSL_is_init_finished(transport->ssl)) {
            SSL_shutdown(transport->ssl);
        }
        SSL_free(transport->ssl);
        ERR_clear_error();
    }
    if (transport->fd >= 0) {
        close(transport->fd);
    }
    free(transport->pending);
    memset(transport, 0, sizeof(*transport));
    transport->fd = -1;
}

enum transport_result transport_handshake(struct transport *transport)
{
    if (transport->ssl == NULL) {
        return TRANSPORT_DONE;
    }
    int result = SSL_do_handshake(transport->ssl);
    if (result != 1) {
        int error = SSL_get_error(transport->ssl, result);
        ERR_clear_error();
        return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? TRANSPORT_AGAIN : TRANSPORT_FAILED;
    }
    const unsigned char *protocol = NULL;
    unsigned length = 0;
    SSL_get0_alpn_selected(transport->ssl, &protocol, &length);
    return length == 2 && memcmp(protocol, "h2", 2) == 0 ? TRANSPORT_DONE : TRANSPORT_FAILED;
}

ssize_t transport_read(struct transport *transport, const uint8_t **bytes)
{
    *bytes = read_buffer;
    if (transport->ssl == NULL) {
        ssize_t count = recv(transport->fd, read_buffer, sizeof(read_buffer), 0);
        if (count >= 0) {
            return count;
        }
        return errno == EAGAIN || errno == EINTR ? TRANSPORT_READ_AGAIN : TRANSPORT_READ_FAILED;
    }
    // One call gives at most one record: fill the buffer, as a plain read would.
    size_t filled = 0;
    while (filled < sizeof(read_buffer)) {
        int count = SSL_read(transport->ssl, read_buffer + filled, (int)(sizeof(read_buffer) - filled));
        if (count > 0) {
            filled += (size_t)count;
            continue;
        }
        int error = SSL_get_error(transport->ssl, count);
        ERR_clear_error();
        if (filled > 0) {
            break;
        }
        if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
            return TRANSPORT_READ_AGAIN;
        }
        return error == SSL_ERROR_ZERO_RETURN ? 0 : TRANSPORT_READ_FAILED;
    }
    return (ssize_t)filled;
}

bool transport_has_buffered(const struct transport *transport)
{
    return transport->ssl != NULL && SSL_pending(transport->ssl) > 0;
}

/// Bytes sent, 0 if the socket takes none now, -1 on failure.
static ssize_t write_some(struct transport *transport, const uint8_t *bytes, size_t length)
{
    if (transport->ssl == NULL) {
        ssize_t count = send(transport->fd, bytes, length, MSG_NOSIGNAL);
        if (count >= 0) {
            return count;
        }
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    }
    size_t sent = 0;
    while (sent < length) {
        int count = SSL_write(transport->ssl, bytes + sent, (int)(length - sent));
        if (count > 0) {
            sent += (size_t)count;
            continue;
        }
        int error = SSL_get_error(transport->ssl, count);
        ERR_clear_error();
        if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) {
            break;
        }
        return -1;
    }
    return (ssize_t)sent;
}

static bool keep_pending(struct transport *transport, const uint8_t *bytes, size_t length)
{
    if (transport->pending_capacity < length) {
        uint8_t *grown = realloc(transport->pending, length);
        if (grown == NULL) {
            return false;
        }
        transport->pending = grown;
        transport->pending_capacity = length;
    }
    memcpy(transport->pending, bytes, length);
    transport->pending_offset = 0;
    transport->pending_length = length;
    return true;
}

static enum transport_result flush_pending(struct transport *transport)
{
    while (transport->pending_length > 0) {
        ssize_t count =
            write_some(transport, transport->pending + transport->pending_offset, transport->pending_length);
        if (count < 0) {
            return TRANSPORT_FAILED;
        }
        if (count == 0) {
            return TRANSPORT_AGAIN;
        }
        transport->pending_offset += (size_t)count;
        transport->pending_length -= (size_t)count;
    }
    return TRANSPORT_DONE;
}

enum transport_result transport_flush(struct transport *transport, nghttp2_session *session)
{
    enum transport_result result = flush_pending(transport);
    if (result != TRANSPORT_DONE) {
        return result;
    }
    for (;;) {
        size_t filled = 0;
        while (sizeof(write_buffer) - filled >= LARGEST_FRAME) {
            const uint8_t *chunk;
            ssize_t count = nghttp2_session_mem_send(session, &chunk);
            if (count < 0 || count > LARGEST_FRAME) {
                return TRANSPORT_FAILED;
            }
            if (count == 0) {
                break;
            }
            memcpy(write_buffer + filled, chunk, (size_t)count);
            filled += (size_t)count;
        }
        if (filled == 0) {
            return TRANSPORT_DONE;
        }
        ssize_t sent = write_some(transport, write_buffer, filled);
        if (sent < 0) {
            return TRANSPORT_FAILED;
        }
        if ((size_t)sent < filled) {
            return keep_pending(transport, write_buffer + sent, filled - (size_t)sent) ? TRANSPORT_AGAIN
                                                                                      : TRANSPORT_FAILED;
        }
    }
}

SSL_CTX *transport_client_tls(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    static const unsigned char alpn[] = {2, 'h', '2'};
    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1
        || SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") != 1
        || SSL_CTX_set1_groups_list(context, "X25519") != 1
        || SSL_CTX_set_alpn_protos(context, alpn, sizeof(alpn)) != 0) {
        ERR_print_errors_fp(stderr);
        exit(2);
    }
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    // The certificate is the benchmark's own, made for the run; checking its chain would load the driver alone.
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    return context;
}
