import EventLoop
import Ground

/// Bytes over one connected socket, in plaintext or by TLS, as connections and health checks read and write them.
///
/// It keeps what the socket doesn't take, and says what the socket has to be watched for until then; watching is up to
/// its owner. Confined to one thread.
public final class Transport {
    /// The result of a read.
    package struct Arrival {
        /// The bytes that have come, or why none have.
        package var transfer: Socket.Transfer
        /// What follows those bytes.
        package var behind: Behind
    }

    /// What follows the bytes of a read, if the socket won't report it again.
    package enum Behind {
        /// Nothing; or, if the socket was reported to have ended, that end has been read.
        case unknown
        /// There was no room for more: there may be some.
        case more
        /// The peer's end, which the next read returns.
        case end
    }

    /// The outcome of a write.
    package enum Sent {
        /// Everything has gone out, and there is room for more.
        case all
        /// The rest is kept. Nothing more may be written before `flush()`, once the socket is ready for this.
        case blocked(until: Readiness)
        case failed(reason: String)
    }

    /// The socket that the bytes go over.
    package let socket: Socket
    private let tls: TLSConnection?
    /// Plaintext that the socket hasn't taken. TLS keeps its own.
    private var unsent: [UInt8] = []

    /// - Parameter tls: TLS over this socket; `nil` for plaintext.
    package init(_ socket: Socket, tls: TLSConnection? = nil) {
        self.socket = socket
        self.tls = tls
    }

    /// How the socket is to be watched. With TLS, a read takes what fits into one buffer of records, and what it leaves
    /// has to be reported again.
    package var trigger: Trigger { tls == nil ? .edge : .level }

    // MARK: Handshake

    /// Whether bytes can be read and written: at once in plaintext, after the handshake with TLS.
    package var isSecured: Bool { tls?.isEstablished != false }

    /// Continues the TLS handshake as far as it goes now. Once it is done, there may be something to read that the
    /// socket doesn't report again.
    package func handshake() -> TLSConnection.Handshake { tls?.handshake() ?? .done }

    /// The peer's identity by its verified certificate; `nil` if it has shown none.
    package var peerIdentity: PeerIdentity? { tls?.peerIdentity }

    // MARK: Bytes

    /// Reads what there is, with one read of the socket at most. With TLS there may be something to be sent afterwards.
    ///
    /// - Parameters:
    ///   - buffer: a buffer with room for `RecordBuffer.leastPlaintext` bytes.
    ///   - endFollows: whether the socket has reported, once and for all, that the peer has ended.
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

    /// Whether something is left to be sent. With TLS, a read may cause that.
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

    /// Whether TLS has failed because the peer sent too much that carries no data.
    package var isFlooded: Bool { tls?.isFlooded ?? false }

    /// The reported reason of a failed read or write: TLS knows better than the socket.
    package func reason(of error: SystemError) -> String { failure?.description ?? error.reason }

    /// With TLS, tells the peer that nothing more comes, as far as the socket takes it now. The socket is to be closed
    /// right away.
    package func close() { tls?.close() }
}
