import COpenSSL
import EventLoop
import Glibc

/// TLS over one socket. Confined to one thread. The process has to ignore SIGPIPE: OpenSSL writes without MSG_NOSIGNAL.
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
    /// Why TLS has failed after the handshake, as by an alert of the peer: more than a `Socket.Transfer` can tell.
    package private(set) var failure: TLSError?
    private var hasRead = false
    /// What the peer has to agree to.
    private let requiredProtocol: ApplicationProtocol?

    /// The server's side of an accepted connection.
    package init(server socket: Socket, context: TLSContext) throws(TLSError) {
        self.socket = socket
        requiredProtocol = .http2
        ssl = try Self.make(context, socket)
        SSL_set_accept_state(ssl)
    }

    /// The client's side.
    ///
    /// - Parameters:
    ///   - host: the name or address that was connected to; verified unless the context says otherwise.
    ///   - offer: what is to be spoken.
    package init(
        client socket: Socket, host: String, context: TLSContext, offering offer: ApplicationProtocol = .http2
    ) throws(TLSError) {
        self.socket = socket
        requiredProtocol = offer == .http2 ? offer : nil
        ssl = try Self.make(context, socket)
        SSL_set_connect_state(ssl)
        let list = offer.offer
        guard SSL_set_alpn_protos(ssl, list, UInt32(list.count)) == 0 else { throw .fromQueue("cannot offer ALPN") }
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
            if let name = requiredProtocol?.name, !selectedProtocol.elementsEqual(name.utf8) {
                return .failed(TLSError("the peer did not agree to HTTP/2 (ALPN \(name))"))
            }
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
        guard verification != Int(X509_V_OK) else {
            return ERR_peek_error() == 0
                ? TLSError("the connection was closed during the TLS handshake")
                : .fromQueue("the TLS handshake failed")
        }
        ERR_clear_error()
        var reason = String(cString: X509_verify_cert_error_string(verification))
        if let detail = detail(of: verification) { reason += " (\(detail))" }
        return TLSError("the certificate is not accepted: \(reason)")
    }

    /// What helps to set right what a verification found.
    private func detail(of verification: Int) -> String? {
        guard let certificate = openssl_shim_shown_certificate(ssl) else { return nil }
        switch Int32(clamping: verification) {
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            let names = SubjectAlternativeName.all(of: certificate).map(\.value).joined(separator: ", ")
            return names.isEmpty ? "it has no alternative names" : "it is for \(names)"
        default: return nil
        }
    }

    private var selectedProtocol: UnsafeBufferPointer<UInt8> {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &length)
        return UnsafeBufferPointer(start: name, count: Int(length))
    }

    /// Who the peer is by its verified certificate, where it has shown one.
    package var peerIdentity: PeerIdentity? {
        guard let certificate = SSL_get1_peer_certificate(ssl) else { return nil }
        defer { X509_free(certificate) }
        guard SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER != 0, SSL_get_verify_result(ssl) == Int(X509_V_OK) else {
            return nil
        }
        return PeerIdentity(certificate: certificate)
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
                hasRead = true
                // Without anything held back, one more try would only ask the socket, which tells by itself.
                if hasPending { continue }
                break
            }
            let outcome = transfer(afterError: SSL_get_error(ssl, result), "read")
            // What ends the connection is found again by the next read.
            if total > 0 { break }
            return outcome
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
        case SSL_ERROR_ZERO_RETURN where lacksCertificate, SSL_ERROR_SYSCALL where lacksCertificate:
            failure = TLSError("the peer has closed the connection: it asked for a client's certificate and got none")
            return .failed(SystemError(operation: "TLS \(operation)", code: EPROTO))
        case SSL_ERROR_ZERO_RETURN: return .end
        case SSL_ERROR_SYSCALL where number == 0: return .end
        case SSL_ERROR_SYSCALL: return .failed(SystemError(operation: operation, code: number))
        default:
            failure = failure ?? .fromQueue("TLS has failed")
            return .failed(SystemError(operation: "TLS \(operation)", code: EPROTO))
        }
    }

    /// Whether the peer wants a certificate, has got none and has said nothing since: in TLS 1.3 it tells only after the
    /// handshake that it won't go on, and some servers just close.
    private var lacksCertificate: Bool { !hasRead && openssl_shim_lacks_certificate(ssl) == 1 }

    /// Tells the peer that nothing more comes (close_notify), as far as the socket takes it now.
    package func close() {
        if isEstablished { SSL_shutdown(ssl) }
        ERR_clear_error()
    }
}
