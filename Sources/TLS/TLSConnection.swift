import COpenSSL
import EventLoop
import Glibc
import Ground

/// TLS over one socket. OpenSSL only turns bytes into records and back: it reads and writes a `RecordBuffer`. Confined
/// to one thread.
///
/// Soundness: `ssl` is never `nil`, is freed in `deinit` only, and points to `records`, which this object keeps alive.
@safe
package final class TLSConnection {
    /// The progress of the handshake.
    package enum Handshake: Equatable {
        case done
        /// It continues once the socket is ready for this.
        case waits(for: Readiness)
        case failed(TLSError)
    }

    private enum Phase {
        /// A client's first step doesn't wait for the peer.
        case handshaking(hasBegun: Bool)
        /// `hasRead` says whether the peer has sent data: until then it may still reject what the handshake has shown
        /// it.
        case established(hasRead: Bool)
        /// The peer has ended; the next read reports that, after the bytes that came before.
        case ended
        case failed(TLSError, Socket.Transfer, isFlood: Bool)
    }

    private let socket: Socket
    private var phase = Phase.handshaking(hasBegun: false)
    /// Empty except within a call. Kept alive because the OpenSSL object points to it.
    private let records: RecordBuffer
    /// Records that came in with the end of the handshake.
    private var unread: [UInt8] = []
    /// Records that wait for room in the socket or, after the handshake, for data to go out with.
    private var unsent: [UInt8] = []
    /// The most bytes that wait. Beyond what one write leaves, these are only answers to a peer that keeps asking and
    /// doesn't read them.
    private static let mostUnsent = 512 * 1024
    /// Plaintext that OpenSSL doesn't take until it has the rest of a message that has begun to arrive.
    private var unwritten: [UInt8] = []
    /// The OpenSSL object: made in `init`, freed in `deinit`, and used by one thread in between.
    private let ssl: OpaquePointer
    /// Budget for further messages from the peer that aren't data: key updates, tickets, attempts to renegotiate.
    private var messages = MessageBudget()
    /// The protocol that the peer has to agree to.
    private let requiredProtocol: ApplicationProtocol?

    /// The server's side of an accepted connection.
    package init(server socket: Socket, context: TLSContext, records: RecordBuffer) throws(TLSError) {
        self.socket = socket
        self.records = records
        requiredProtocol = .http2
        unsafe ssl = try unsafe Self.make(context, records)
        unsafe SSL_set_accept_state(ssl)
    }

    /// The client's side.
    ///
    /// - Parameters:
    ///   - host: the name or address that was connected to; verified unless the context says otherwise.
    ///   - offer: the protocol to be spoken.
    package init(
        client socket: Socket, host: String, context: TLSContext, records: RecordBuffer,
        offering offer: ApplicationProtocol = .http2
    ) throws(TLSError) {
        self.socket = socket
        self.records = records
        requiredProtocol = offer == .http2 ? offer : nil
        unsafe ssl = try unsafe Self.make(context, records)
        unsafe SSL_set_connect_state(ssl)
        let list = offer.offer
        guard unsafe SSL_set_alpn_protos(ssl, list, UInt32(list.count)) == 0 else {
            throw .fromQueue("cannot offer ALPN")
        }
        let options = context.clientOptions
        let name = options?.serverName ?? host
        let isAddress = SocketAddress(numeric: name, port: 0) != nil
        guard unsafe openssl_shim_set_name(ssl, name, isAddress ? 1 : 0, options?.verifies == true ? 1 : 0) == 1 else {
            throw .fromQueue("cannot ask for the name \(name)")
        }
    }

    deinit {
        unsafe SSL_free(ssl)
    }

    private static func make(
        _ context: TLSContext, _ records: RecordBuffer
    ) throws(TLSError) -> OpaquePointer {
        guard let ssl = unsafe SSL_new(context.pointer) else { throw .fromQueue("cannot set up TLS") }
        guard unsafe openssl_shim_connect(ssl, RecordMethod.shared.pointer, records.records) == 1 else {
            unsafe SSL_free(ssl)
            throw .fromQueue("cannot set up TLS")
        }
        return unsafe ssl
    }

    // MARK: Handshake

    /// Continues the handshake as far as it goes now. The first `write(_:)` or `flush()` sends what ends it on this
    /// side.
    package func handshake() -> Handshake {
        let outcome = records.receive(from: socket) { transfer -> Handshake? in
            if case .handshaking(hasBegun: true) = phase, transfer == .wouldBlock { return nil }
            phase = .handshaking(hasBegun: true)
            return advance()
        }
        switch outcome {
        case .done: return .done
        case .failed(let error):
            // Sends the alert that tells the peer, as far as the socket takes it.
            _ = flush()
            return .failed(error)
        case .waits, nil:
            switch flush() {
            case .bytes, .end: return .waits(for: .readable)
            case .wouldBlock: return .waits(for: [.readable, .writable])
            case .failed(let error): return .failed(TLSError(error.description))
            }
        }
    }

    private func advance() -> Handshake {
        ERR_clear_error()
        records.mostMessages = .max
        let result = unsafe SSL_do_handshake(ssl)
        keepRecords()
        guard result == 1 else {
            return unsafe SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ
                ? .waits(for: .readable) : .failed(handshakeError())
        }
        if let name = requiredProtocol?.name, unsafe !selectedProtocol.elementsEqual(name.utf8) {
            return .failed(TLSError("the peer did not agree to HTTP/2 (ALPN \(name))"))
        }
        phase = .established(hasRead: false)
        unread = unsafe Array(records.rest)
        return .done
    }

    private func handshakeError() -> TLSError {
        let verification = unsafe SSL_get_verify_result(ssl)
        guard verification != Int(X509_V_OK) else {
            return ERR_peek_error() == 0
                ? TLSError("the connection was closed during the TLS handshake")
                : .fromQueue("the TLS handshake failed")
        }
        ERR_clear_error()
        var reason = unsafe String(cString: X509_verify_cert_error_string(verification))
        if let detail = detail(of: verification) { reason += " (\(detail))" }
        return TLSError("the certificate is not accepted: \(reason)")
    }

    /// Details that help to fix the cause of a failed verification.
    private func detail(of verification: Int) -> String? {
        guard let certificate = unsafe openssl_shim_shown_certificate(ssl) else { return nil }
        switch Int32(clamping: verification) {
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            let names = unsafe SubjectAlternativeName.all(of: certificate).map(\.value).joined(separator: ", ")
            return names.isEmpty ? "it has no alternative names" : "it is for \(names)"
        default: return nil
        }
    }

    private var selectedProtocol: UnsafeBufferPointer<UInt8> {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        unsafe SSL_get0_alpn_selected(ssl, &name, &length)
        return unsafe UnsafeBufferPointer(start: name, count: Int(length))
    }

    /// The peer's identity by its verified certificate; `nil` if it has shown none.
    package var peerIdentity: PeerIdentity? {
        guard let certificate = unsafe SSL_get1_peer_certificate(ssl) else { return nil }
        defer { unsafe X509_free(certificate) }
        guard unsafe SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER != 0,
            unsafe SSL_get_verify_result(ssl) == Int(X509_V_OK)
        else {
            return nil
        }
        return unsafe PeerIdentity(certificate: certificate)
    }

    // MARK: Bytes

    /// Reads what there is, with one read of the socket at most. Afterwards there may be something to be sent.
    ///
    /// - Precondition: the buffer has room for `RecordBuffer.leastPlaintext` bytes.
    package func read(into buffer: UnsafeMutableRawBufferPointer) -> Socket.Transfer {
        precondition(buffer.count >= RecordBuffer.leastPlaintext)
        switch phase {
        case .ended: return .end
        case .failed(_, let transfer, _): return transfer
        case .handshaking, .established: break
        }
        let transfer = unsafe readRecords(into: buffer)
        keepRecords()
        if case .failed = transfer { return transfer }
        if !unwritten.isEmpty { writeAgain() }
        if unsent.count > Self.mostUnsent {
            _ = fail(TLSError("the peer asks for more than it reads"), "read", isFlood: true)
        }
        return transfer
    }

    private func readRecords(into buffer: UnsafeMutableRawBufferPointer) -> Socket.Transfer {
        guard unread.isEmpty else {
            let bytes = unread
            unread = []
            return unsafe bytes.withUnsafeBytes { bytes in unsafe records.lend(bytes) { unsafe open(into: buffer) } }
        }
        return records.receive(from: socket) { transfer in
            switch transfer {
            case .wouldBlock: transfer
            case .failed where !lacksCertificate: transfer
            case .bytes, .end, .failed: unsafe open(into: buffer)
            }
        }
    }

    /// Lets OpenSSL decrypt everything received.
    private func open(into buffer: UnsafeMutableRawBufferPointer) -> Socket.Transfer {
        var total = 0
        ERR_clear_error()
        while true {
            var count = 0
            records.messages = 0
            records.mostMessages = messages.left
            let result = unsafe SSL_read_ex(ssl, buffer.baseAddress! + total, buffer.count - total, &count)
            messages.spend(records.messages)
            if result == 1 {
                total += count
                phase = .established(hasRead: true)
                messages.earn(bytes: count)
                continue
            }
            let outcome: Socket.Transfer
            if messages.isExceeded {
                outcome = fail(
                    TLSError("more than \(MessageBudget.capacity) TLS handshake messages, and no data"), "read",
                    isFlood: true)
            } else {
                outcome = unsafe transfer(afterError: SSL_get_error(ssl, result), "read")
            }
            if outcome == .end { phase = .ended }
            return total > 0 ? .bytes(total) : outcome
        }
    }

    /// Whether the next read reports the end without reading the socket.
    package var hasEnding: Bool {
        switch phase {
        case .handshaking, .established: false
        case .ended, .failed: true
        }
    }

    /// Whether the handshake is over, whatever has come of the connection since.
    package var isEstablished: Bool {
        if case .handshaking = phase { false } else { true }
    }

    /// Why TLS has failed after the handshake, as by an alert of the peer: more than a `Socket.Transfer` can say.
    package var failure: TLSError? {
        if case .failed(let reason, _, _) = phase { reason } else { nil }
    }

    /// Whether TLS has failed because the peer sent too much that carries no data.
    package var isFlooded: Bool {
        if case .failed(_, _, let isFlood) = phase { isFlood } else { false }
    }

    /// Takes all the bytes, and sends what the socket takes.
    ///
    /// - Returns: the number of bytes, or `.wouldBlock` if something is left. Then nothing more must be written before
    ///   `flush()` has sent the rest, once the socket is writable, or readable if `waitsForPeer` says so.
    package func write(_ bytes: UnsafeRawBufferPointer) -> Socket.Transfer {
        assert(unwritten.isEmpty, "what is left comes first")
        switch unsafe seal(bytes) {
        case .bytes: break
        case .wouldBlock:
            unwritten = unsafe Array(bytes)
            return .wouldBlock
        case let other: return other
        }
        let sent: Socket.Transfer
        if unsent.isEmpty {
            // The usual case: straight from OpenSSL's memory into the socket.
            sent = unsafe send(records.made) { unsent = unsafe Array($0) }
            records.removeMade()
        } else {
            keepRecords()
            sent = flush()
        }
        return if case .bytes = sent { .bytes(bytes.count) } else { sent }
    }

    /// Lets OpenSSL make records of the bytes: of all of them or, if it waits for the peer, of none.
    private func seal(_ bytes: UnsafeRawBufferPointer) -> Socket.Transfer {
        var count = 0
        ERR_clear_error()
        let result = unsafe SSL_write_ex(ssl, bytes.baseAddress, bytes.count, &count)
        if result == 1 {
            assert(count == bytes.count, "without SSL_MODE_ENABLE_PARTIAL_WRITE all is taken or nothing")
            return .bytes(count)
        }
        let code = unsafe SSL_get_error(ssl, result)
        keepRecords()
        return code == SSL_ERROR_WANT_READ ? .wouldBlock : fail(.fromQueue("TLS has failed"), "write")
    }

    private func writeAgain() {
        let sealed = unsafe unwritten.withUnsafeBytes { unsafe seal($0) }
        switch sealed {
        case .bytes:
            unwritten = []
            keepRecords()
        case .wouldBlock: break
        case .end, .failed: break
        }
    }

    /// Whether what is left can only go out after a read.
    package var waitsForPeer: Bool { !unwritten.isEmpty && unsent.isEmpty }

    /// Sends what is left to be sent.
    package func flush() -> Socket.Transfer {
        let bytes = unsent
        unsent = []
        let sent = unsafe bytes.withUnsafeBytes { unsafe send($0) { unsent = unsafe Array($0) } }
        // Bytes that OpenSSL hasn't taken yet are left too.
        if case .bytes = sent, !unwritten.isEmpty { return .wouldBlock }
        return sent
    }

    /// Whether there is something left to be sent.
    package var hasUnsent: Bool { !unsent.isEmpty }

    /// - Parameter keep: receives what the socket doesn't take.
    private func send(
        _ bytes: UnsafeRawBufferPointer, keep: (UnsafeRawBufferPointer) -> Void
    ) -> Socket.Transfer {
        var rest = unsafe bytes
        while unsafe !rest.isEmpty {
            switch unsafe socket.write(rest) {
            case .bytes(let count): unsafe rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            case .wouldBlock, .end:
                unsafe keep(rest)
                return .wouldBlock
            case .failed(let error): return .failed(error)
            }
        }
        return .bytes(bytes.count)
    }

    /// Takes over what OpenSSL has written of its own accord: alerts, answers to key updates, the handshake.
    private func keepRecords() {
        guard unsafe !records.made.isEmpty else { return }
        unsafe unsent += records.made
        records.removeMade()
    }

    private func transfer(afterError code: Int32, _ operation: String) -> Socket.Transfer {
        switch code {
        case SSL_ERROR_WANT_READ: .wouldBlock
        case SSL_ERROR_ZERO_RETURN where lacksCertificate, SSL_ERROR_SYSCALL where lacksCertificate:
            fail(
                TLSError("the peer has closed the connection: it asked for a client's certificate and got none"),
                operation)
        case SSL_ERROR_ZERO_RETURN, SSL_ERROR_SYSCALL: .end
        default: fail(.fromQueue("TLS has failed"), operation)
        }
    }

    /// Records a failure; only the first one counts.
    private func fail(_ reason: TLSError, _ operation: String, isFlood: Bool = false) -> Socket.Transfer {
        if case .failed(_, let transfer, _) = phase { return transfer }
        let transfer = Socket.Transfer.failed(SystemError(operation: "TLS \(operation)", code: EPROTO))
        phase = .failed(reason, transfer, isFlood: isFlood)
        return transfer
    }

    /// Whether the peer wants a certificate, has got none and has sent nothing since: in TLS 1.3 it says only after the
    /// handshake that it won't go on, and some servers just close.
    private var lacksCertificate: Bool {
        switch phase {
        case .handshaking, .established(hasRead: false): unsafe openssl_shim_lacks_certificate(ssl) == 1
        case .established(hasRead: true), .ended, .failed: false
        }
    }

    /// Tells the peer that nothing more comes (close_notify), as far as the socket takes it now. The socket is to be
    /// closed right away.
    package func close() {
        if isEstablished { unsafe SSL_shutdown(ssl) }
        ERR_clear_error()
        keepRecords()
        guard !unsent.isEmpty else { return }
        // Sent with the FIN; but an alert goes at once: bytes that came in after its cause may be left unread, and the
        // system then ends the connection by a reset.
        _ = unsafe unsent.withUnsafeBytes { unsafe socket.write($0, isLast: failure == nil) }
        unsent = []
    }
}
