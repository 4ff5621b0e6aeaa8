#ifndef SLUICE_BENCH_TRANSPORT_H
#define SLUICE_BENCH_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

/// One non-blocking socket, in plain text or with TLS on it, and what couldn't be sent yet.
struct transport {
    int fd;
    /// NULL in plain text.
    SSL *ssl;
    /// Bytes taken from the session that the socket hasn't.
    uint8_t *pending;
    size_t pending_offset;
    size_t pending_length;
    size_t pending_capacity;
};

enum transport_result {
    /// Everything the session had is sent.
    TRANSPORT_DONE,
    /// Wait until the socket is writable (or, within a TLS handshake, readable).
    TRANSPORT_AGAIN,
    TRANSPORT_FAILED,
};

/// What `transport_read` returns besides a count of bytes over 0 and the end, 0.
enum { TRANSPORT_READ_AGAIN = -1, TRANSPORT_READ_FAILED = -2 };

/// Room of the shared read buffer, in bytes.
enum { TRANSPORT_READ_BYTES = 256 * 1024 };

/// A transport for a connected or connecting socket. With `tls`, the client's side of TLS with ALPN `h2`.
///
/// Returns false without memory. The socket is closed by `transport_close`, also then.
bool transport_open(struct transport *transport, int fd, SSL_CTX *tls);

/// Closes the socket and frees everything.
void transport_close(struct transport *transport);

/// Goes on with the TLS handshake; done at once in plain text. Fails if the server doesn't choose `h2`.
enum transport_result transport_handshake(struct transport *transport);

/// Reads once, at most `TRANSPORT_READ_BYTES`, into a buffer that all transports share.
ssize_t transport_read(struct transport *transport, const uint8_t **bytes);

/// Whether TLS holds decrypted bytes that no readiness of the socket will announce.
bool transport_has_buffered(const struct transport *transport);

/// Sends what the session has to send, as much as the socket takes.
enum transport_result transport_flush(struct transport *transport, nghttp2_session *session);

/// A context for TLS 1.3 clients with the cipher TLS_AES_128_GCM_SHA256, X25519, no resumption. Exits on failure.
SSL_CTX *transport_client_tls(void);

#endif
