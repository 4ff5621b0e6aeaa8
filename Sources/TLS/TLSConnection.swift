import COpenSSL
import EventLoop
import Glibc

/// TLS over one socket. Confined to one thread.
package final class TLSConnection {
    /// How far the handshake has come.
    package enum Handshake: Equatable {
        case done
        /// It goes on once the socket is ready for this.
        case waits(for: Readiness)
        case failed(TLSError)
    }

    private let socket: Socket
    /// OpenSSL's half: made in `init`, freed in `deinit`, used in between by one thread.
    private let ssl: OpaquePointer
    package private(set) var isEstablished = false

    /// The server's side of an accepted connection.
    package init(server socket: Socket, context: TLSContext) throws(TLSError) {
        self.socket = socket
        ssl = try Self.make(context, socket)
        SSL_set_accept_state(ssl)
    }

    /// The client's side.
    ///
    /// - Parameter host: the name or address that was connected to; verified unless the context says otherwise.
    package init(client socket: Socket, host: String, context: TLSContext) throws(TLSError) {
        self.socket = socket
        ssl = try Self.make(context, socket)
        SSL_set_connect_state(ssl)
        let options = context.clientOptions
        let name = options?.serverName ?? host
        let isAddress = SocketAddress(numeric: name, port: 0) != nil
        guard openssl_shim_set_name(ssl, name, isAddress ? 1 : 0, options?.verifies == true ? 1 : 0) == 1 else {
            throw .fromQueue("cannot ask for the name \(name)")
        }
    }

    deinit {
        SSL_free(ssl)
    }

    private static func make(_ context: TLSContext, _ socket: Socket) throws(TLSError) -> OpaquePointer {
        guard let ssl = SSL_new(context.pointer) else { throw .fromQueue("cannot set up TLS") }
        SSL_set_fd(ssl, socket.descriptor.number)
        return ssl
    }

    // MARK: Handshake

    package func handshake() -> Handshake {
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result == 1 {
            guard speaksHTTP2 else { return .failed(TLSError("the peer did not agree to HTTP/2 (ALPN h2)")) }
            isEstablished = true
            return .done
        }
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: return .waits(for: .readable)
        case SSL_ERROR_WANT_WRITE: return .waits(for: .writable)
        default: return .failed(handshakeError())
        }
    }

    private func handshakeError() -> TLSError {
        let verification = SSL_get_verify_result(ssl)
        if verification != Int(X509_V_OK) {
            ERR_clear_error()
            return TLSError(
                "the certificate is not accepted: \(String(cString: X509_verify_cert_error_string(verification)))")
        }
        return ERR_peek_error() == 0
            ? TLSError("the connection was closed during the TLS handshake") : .fromQueue("the TLS handshake failed")
    }

    private var speaksHTTP2: Bool {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &length)
        return UnsafeBufferPointer(start: name, count: Int(length)).elementsEqual("h2".utf8)
    }

    /// The subject of the peer's verified certificate (RFC 2253), where it has shown one.
    package var peerIdentity: String? {
        guard let certificate = SSL_get1_peer_certificate(ssl) else { return nil }
        defer { X509_free(certificate) }
        guard SSL_get_verify_result(ssl) == Int(X509_V_OK) else { return nil }
        var text = [CChar](repeating: 0, count: 1024)
        let count = openssl_shim_subject(certificate, &text, Int32(text.count))
        return count > 0 ? String(decoding: text[..<Int(count)].map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }

    // MARK: Bytes

    /// Reads what there is, up to the buffer's size: OpenSSL reads ahead, so that the socket alone doesn't tell whether
    /// there is more.
    package func read(into buffer: UnsafeMutableRawBufferPointer) -> Socket.Transfer {
        var total = 0
        while total < buffer.count {
            var count = 0
            ERR_clear_error()
            let result = SSL_read_ex(ssl, buffer.baseAddress! + total, buffer.count - total, &count)
            if result == 1 {
                total += count
                continue
            }
            if total > 0 { break }
            return transfer(afterError: SSL_get_error(ssl, result), "read")
        }
        return .bytes(total)
    }

    /// Whether OpenSSL holds bytes that the socket no longer reports.
    package var hasPending: Bool { SSL_has_pending(ssl) == 1 }

    package func write(_ bytes: UnsafeRawBufferPointer) -> Socket.Transfer {
        var count = 0
        ERR_clear_error()
        let result = SSL_write_ex(ssl, bytes.baseAddress, bytes.count, &count)
        return result == 1 ? .bytes(count) : transfer(afterError: SSL_get_error(ssl, result), "write")
    }

    private func transfer(afterError code: Int32, _ operation: String) -> Socket.Transfer {
        let number = errno
        switch code {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .wouldBlock
        case SSL_ERROR_ZERO_RETURN: return .end
        case SSL_ERROR_SYSCALL where number == 0: return .end
        case SSL_ERROR_SYSCALL: return .failed(SystemError(operation: operation, code: number))
        default:
            ERR_clear_error()
            return .failed(SystemError(operation: "TLS \(operation)", code: EPROTO))
        }
    }

    /// Tells the peer that nothing more comes (close_notify), as far as the socket takes it now.
    package func close() {
        if isEstablished { SSL_shutdown(ssl) }
        ERR_clear_error()
    }
}
