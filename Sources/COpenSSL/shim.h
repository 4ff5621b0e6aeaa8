// OpenSSL 3, with functions for what its headers offer as macros.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/// TLS 1.2 and 1.3 only, with TLS 1.2 ephemeral keys and suites that encrypt and authenticate in one (AEAD), as all others
/// may end an HTTP/2 connection (RFC 9113, appendix A); buffers are given back while a connection is idle; what is shown is the certificate file's chain,
/// not one that each handshake puts together anew from the authorities that are trusted. Without tickets, clients of TLS 1.3
/// get the number of a session in the cache as their ticket: a real one, sealed and signed, is a twentieth of a handshake.
///
/// Returns 0 where this OpenSSL has none of these suites.
static inline int openssl_shim_configure(SSL_CTX *context) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                                     SSL_OP_NO_TICKET);
    // A gRPC client keeps one connection: one ticket for the next is enough, and each costs a client's handshake.
    SSL_CTX_set_num_tickets(context, 1);
    // What TLS 1.3 may use is a list of its own, in which all are such suites.
    return SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
}

/// Records on their way between OpenSSL and a socket, which OpenSSL itself never sees.
struct openssl_shim_records {
    /// What was received and OpenSSL hasn't taken yet; borrowed.
    const unsigned char *received;
    size_t received_count;
    /// Nothing more will be received.
    int has_ended;
    /// Handshake messages that have come in since this was last set to zero.
    size_t messages;
    /// With more of them, OpenSSL is given nothing more.
    size_t most_messages;

    /// What OpenSSL has made and is to be sent; owned.
    unsigned char *made;
    size_t made_count;
    size_t made_capacity;
};

/// OpenSSL asks for the head of a record, and then for the rest of it.
static inline int openssl_shim_take_records(BIO *bio, char *bytes, size_t length, size_t *taken) {
    struct openssl_shim_records *records = (struct openssl_shim_records *)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *taken = 0;
    if (records->messages > records->most_messages) return -1;
    if (records->received_count == 0) {
        if (!records->has_ended) BIO_set_retry_read(bio);
        return records->has_ended ? 0 : -1;
    }
    if (length > records->received_count) length = records->received_count;
    memcpy(bytes, records->received, length);
    records->received += length;
    records->received_count -= length;
    *taken = length;
    return 1;
}

/// Takes whatever OpenSSL writes; fails only where there is no memory.
static inline int openssl_shim_add_records(BIO *bio, const char *bytes, size_t length, size_t *written) {
    struct openssl_shim_records *records = (struct openssl_shim_records *)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *written = 0;
    if (records->made_capacity - records->made_count < length) {
        size_t least = records->made_count + length, twice = records->made_capacity * 2;
        size_t capacity = twice > least ? twice : least;
        unsigned char *larger = (unsigned char *)realloc(records->made, capacity);
        if (larger == NULL) return -1;
        records->made = larger;
        records->made_capacity = capacity;
    }
    memcpy(records->made + records->made_count, bytes, length);
    records->made_count += length;
    *written = length;
    return 1;
}

static inline long openssl_shim_control_records(BIO *bio, int command, long argument, void *pointer) {
    switch (command) {
    case BIO_CTRL_EOF: {
        const struct openssl_shim_records *records = (const struct openssl_shim_records *)BIO_get_data(bio);
        return records->received_count == 0 && records->has_ended;
    }
    case BIO_CTRL_FLUSH: return 1;
    default: return 0;
    }
}

static inline BIO_METHOD *openssl_shim_make_record_method(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "records");
    if (method == NULL) return NULL;
    BIO_meth_set_read_ex(method, openssl_shim_take_records);
    BIO_meth_set_write_ex(method, openssl_shim_add_records);
    BIO_meth_set_ctrl(method, openssl_shim_control_records);
    return method;
}

static inline void openssl_shim_count_message(int is_sent, int version, int type, const void *bytes, size_t length,
                                              SSL *ssl, void *records) {
    if (!is_sent && type == SSL3_RT_HANDSHAKE) ((struct openssl_shim_records *)records)->messages += 1;
}

/// Has a connection take its records from `records` and put them there, which have to outlive it.
static inline int openssl_shim_connect(SSL *ssl, const BIO_METHOD *method, struct openssl_shim_records *records) {
    BIO *bio = BIO_new(method);
    if (bio == NULL) return 0;
    BIO_set_data(bio, records);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_msg_callback(ssl, openssl_shim_count_message);
    SSL_set_msg_callback_arg(ssl, records);
    return 1;
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

/// How many sessions are kept for clients to resume.
static inline void openssl_shim_set_session_cache_size(SSL_CTX *context, long count) {
    SSL_CTX_sess_set_cache_size(context, count);
}

static inline void openssl_shim_select_alpn(SSL_CTX *context) {
    SSL_CTX_set_alpn_select_cb(context, openssl_shim_select_h2, NULL);
}

/// Asks a server for a name (SNI) and, with `verify`, accepts only a certificate for it: for its alternative names, never
/// its subject (RFC 9525, section 6.3).
static inline int openssl_shim_set_name(SSL *ssl, const char *name, int is_address, int verify) {
    if (!is_address && SSL_set_tlsext_host_name(ssl, name) != 1) return 0;
    if (!verify) return 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) : SSL_set1_host(ssl, name);
}

/// The certificate that a server has shown, also one that was not accepted; borrowed from the connection.
static inline X509 *openssl_shim_shown_certificate(const SSL *ssl) {
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
    return chain != NULL && sk_X509_num(chain) > 0 ? sk_X509_value(chain, 0) : NULL;
}

/// Called where a server asks for a certificate and the context has none: takes note of it on the connection.
static inline int openssl_shim_certificate_asked_for(SSL *ssl, X509 **certificate, EVP_PKEY **key) {
    SSL_set_app_data(ssl, (void *)ssl);
    return 0;
}

/// Has a client's connections remember that they were asked for a certificate and had none.
static inline void openssl_shim_note_certificate_requests(SSL_CTX *context) {
    SSL_CTX_set_client_cert_cb(context, openssl_shim_certificate_asked_for);
}

static inline int openssl_shim_lacks_certificate(const SSL *ssl) { return SSL_get_app_data(ssl) != NULL; }

/// The number of a certificate's alternative names.
static inline int openssl_shim_name_count(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }

/// One of a certificate's alternative names: its type (GEN_URI, GEN_DNS, GEN_IPADD…), and its bytes where it has some.
static inline int openssl_shim_name(const GENERAL_NAMES *names, int index, const unsigned char **bytes, int *length) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
    *bytes = NULL;
    *length = 0;
    switch (name->type) {
    case GEN_URI:
    case GEN_DNS:
    case GEN_EMAIL:
        *bytes = ASN1_STRING_get0_data(name->d.ia5);
        *length = ASN1_STRING_length(name->d.ia5);
        break;
    case GEN_IPADD:
        *bytes = ASN1_STRING_get0_data(name->d.iPAddress);
        *length = ASN1_STRING_length(name->d.iPAddress);
        break;
    }
    return name->type;
}

/// When a certificate expires, in seconds since 1970; -1 where it can't be read.
static inline long long openssl_shim_expiry(const X509 *certificate) {
    struct tm time;
    return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) == 1 ? (long long)timegm(&time) : -1;
}

/// The number of certificates that go with a context's own.
static inline int openssl_shim_chain_count(SSL_CTX *context) {
    STACK_OF(X509) *chain = NULL;
    return SSL_CTX_get0_chain_certs(context, &chain) == 1 && chain != NULL ? sk_X509_num(chain) : 0;
}

static inline X509 *openssl_shim_chain_certificate(SSL_CTX *context, int index) {
    STACK_OF(X509) *chain = NULL;
    return SSL_CTX_get0_chain_certs(context, &chain) == 1 ? sk_X509_value(chain, index) : NULL;
}

/// Writes a certificate's subject as RFC 2253 has it, other bytes than ASCII escaped, and returns its length; 0 where it
/// takes more than `capacity`.
static inline int openssl_shim_subject(X509 *certificate, char *text, int capacity) {
    BIO *memory = BIO_new(BIO_s_mem());
    if (memory == NULL) return 0;
    X509_NAME_print_ex(memory, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
    int length = BIO_pending(memory) <= (size_t)capacity ? BIO_read(memory, text, capacity) : 0;
    BIO_free(memory);
    return length > 0 ? length : 0;
}
