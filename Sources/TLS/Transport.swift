import EventLoop
import Ground

/// Bytes over one connected socket, in plaintext or by TLS: what connections and health checks read and write.
///
/// It keeps what the socket doesn't take, and says what the socket has to be watched for until then; watching is its owner's
/// business. Confined to one thread.
package final class Transport {
    /// What a read has brought.
    package struct Arrival {
        package var transfer: Socket.Transfer
        package var behind: Behind
    }

    /// What is known to come behind what a read has brought, of which the socket tells no more.
    package enum Behind {
        /// Nothing; or, where the socket was reported to have ended, that end has been read.
        case unknown
        /// There was no room for more: there may be some.
        case more
        /// The peer's end: the next read brings it.
        case end
    }

    /// What a write has come to.
    package enum Sent {
        /// Everything has gone out, and there is room for more.
        case all
        /// The rest is kept. Nothing more may be written before `flush()`, once the socket is ready for this.
        case blocked(until: Readiness)
        case failed(reason: String)
    }

    package let socket: Socket
    private let tls: TLSConnection?
    /// Plaintext that the socket hasn't taken. TLS keeps its own.
    private var unsent: [UInt8] = []

    /// - Parameter tls: over this socket; `nil` for plaintext.
    package init(_ socket: Socket, tls: TLSConnection? = nil) {
        self.socket = socket
        self.tls = tls
    }

    /// How the socket is to be watched. With TLS a read takes what fits into one buffer of records, and what it leaves has to
    /// be reported again.
    package var trigger: Trigger { tls == nil ? .edge : .level }

    // MARK: Handshake

    /// Whether bytes can be read and written: at once in plaintext, after the handshake with TLS.
    package var isSecured: Bool { tls?.isEstablished != false }

    /// Takes the TLS handshake as far as it goes now. Once it is done there may be something to read of which the socket no
    /// longer tells.
    package func handshake() -> TLSConnection.Handshake { tls?.handshake() ?? .done }

    /// Who the peer is by its verified certificate, where it has shown one.
    package var peerIdentity: PeerIdentity? { tls?.peerIdentity }

    // MARK: Bytes

    /// Reads what there is, by one read of the socket at most. With TLS there may be something to be sent afterwards.
    ///
    /// - Parameters:
    ///   - buffer: with room for `RecordBuffer.leastPlaintext` bytes.
    ///   - endFollows: whether the socket has told, once and for all, that the peer has ended.
    package func read(into buffer: UnsafeMutableRawBufferPointer, endFollows: Bool = false) -> Arrival {
        if let tls {
            let transfer = unsafe tls.read(into: buffer)
            return Arrival(transfer: transfer, behind: tls.hasEnding ? .end : .unknown)
        }
        let transfer = unsafe socket.read(into: buffer)
        guard case .bytes(let count) = transfer else { return Arrival(transfer: transfer, behind: .unknown) }
        return Arrival(transfer: transfer, behind: count == buffer.count ? .more : endFollows ? .end : .unknown)
    }

    /// Takes all the bytes, and sends what the socket takes.
    package func write(_ bytes: UnsafeRawBufferPointer) -> Sent {
        assert(unsent.isEmpty, "what is left comes first")
        if let tls { return unsafe sent(tls.write(bytes)) }
        var rest = unsafe bytes
        while unsafe !rest.isEmpty {
            let transfer = unsafe socket.write(rest)
            guard case .bytes(let count) = transfer else {
                unsent = unsafe Array(rest)
                return sent(transfer)
            }
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        return .all
    }

    /// Sends what is left to be sent.
    package func flush() -> Sent {
        if let tls { return sent(tls.flush()) }
        let bytes = unsent
        unsent = []
        return unsafe bytes.withUnsafeBytes { unsafe write($0) }
    }

    /// Whether there is something left to be sent. With TLS that may come of a read.
    package var hasUnsent: Bool { tls?.hasUnsent ?? !unsent.isEmpty }

    private func sent(_ transfer: Socket.Transfer) -> Sent {
        switch transfer {
        case .bytes: .all
        case .wouldBlock, .end: .blocked(until: tls?.waitsForPeer == true ? .readable : [.readable, .writable])
        case .failed(let error): .failed(reason: reason(of: error))
        }
    }

    // MARK: Ends

    /// Why TLS has failed after the handshake, as by an alert of the peer; `nil` in plaintext.
    package var failure: TLSError? { tls?.failure }

    /// Whether it has failed because the peer sent too much that carries no data.
    package var isFlooded: Bool { tls?.isFlooded ?? false }

    /// What a failed read or write is told as: TLS knows better than the socket.
    package func reason(of error: SystemError) -> String { failure?.description ?? error.reason }

    /// Says with TLS that nothing more comes, as far as the socket takes it now. The socket is to be closed right away.
    package func close() { tls?.close() }
}
