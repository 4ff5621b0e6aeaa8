// OpenSSL 3, with functions for what its headers offer as macros.
#pragma once

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

/// TLS 1.2 and 1.3 only; buffers are given back while a connection is idle; a partial write is a success.
static inline void openssl_shim_configure(SSL_CTX *context) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_read_ahead(context, 1);
}

/// Takes `h2` from what a client offers (RFC 7301), and refuses the handshake where it offers only others.
static inline int openssl_shim_select_h2(SSL *ssl, const unsigned char **out, unsigned char *length,
                                         const unsigned char *offered, unsigned int offered_length, void *unused) {
    for (unsigned int at = 0; at + 1 + offered[at] <= offered_length; at += 1 + offered[at]) {
        if (offered[at] == 2 && memcmp(offered + at + 1, "h2", 2) == 0) {
            *out = offered + at + 1;
            *length = 2;
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static inline void openssl_shim_select_alpn(SSL_CTX *context) {
    SSL_CTX_set_alpn_select_cb(context, openssl_shim_select_h2, NULL);
}

static inline int openssl_shim_offer_alpn(SSL_CTX *context) {
    return SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\x02h2", 3);
}

/// Asks a server for a name (SNI) and, with `verify`, accepts only a certificate for it.
static inline int openssl_shim_set_name(SSL *ssl, const char *name, int is_address, int verify) {
    if (!is_address && SSL_set_tlsext_host_name(ssl, name) != 1) return 0;
    if (!verify) return 1;
    return is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) : SSL_set1_host(ssl, name);
}

/// Writes a certificate's subject as RFC 2253 has it; returns its length, cut to `capacity`.
static inline int openssl_shim_subject(X509 *certificate, char *text, int capacity) {
    BIO *memory = BIO_new(BIO_s_mem());
    if (memory == NULL) return 0;
    X509_NAME_print_ex(memory, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
    int length = BIO_read(memory, text, capacity);
    BIO_free(memory);
    return length > 0 ? length : 0;
}
