import EventLoop
import Glibc
import Ground
import TLS

/// The server's and the client's end of a TLS connection over the loopback, driven by one thread.
struct ConnectedPair {
    let server: TLSConnection
    let client: TLSConnection
    /// What `server` reads.
    let serverSocket: Socket

    init(
        server serverContext: TLSContext, client clientContext: TLSContext, host: String = "localhost",
        offering offer: ApplicationProtocol = .http2
    ) throws {
        let any = SocketAddress(family: .ipv4, bytes: [127, 0, 0, 1], port: 0)
        let listener = try Socket.listen(on: any)
        let connecting = try Socket.connect(to: listener.localAddress ?? any)
        var accepted: Socket?
        while accepted == nil { accepted = try listener.accept() }
        serverSocket = accepted!
        let records = RecordBuffer()
        server = try TLSConnection(server: serverSocket, context: serverContext, records: records)
        client = try TLSConnection(
            client: connecting, host: host, context: clientContext, records: records, offering: offer)
    }

    /// Runs the handshake; returns how it ended on each side.
    ///
    /// - Parameter flushing: whether the server's last bytes, which the client doesn't wait for, are sent as well.
    func shakeHands(flushing: Bool = true) -> (server: TLSConnection.Handshake, client: TLSConnection.Handshake) {
        var atServer = TLSConnection.Handshake.waits(for: .readable)
        var atClient = TLSConnection.Handshake.waits(for: .readable)
        // Bounded, because bytes on the loopback arrive at once and a handshake has few flights.
        for _ in 0..<10_000 {
            if case .waits = atClient { atClient = client.handshake() }
            if case .done = atClient { _ = client.flush() }
            if case .waits = atServer { atServer = server.handshake() }
            if case .done = atServer, flushing { _ = server.flush() }
            if case .waits = atServer { continue }
            if case .waits = atClient { continue }
            break
        }
        return (atServer, atClient)
    }

    /// Reads until bytes come or the connection ends.
    static func read(_ connection: TLSConnection, attempts: Int = 1_000_000) -> Socket.Transfer {
        unsafe withUnsafeTemporaryAllocation(byteCount: RecordBuffer.leastPlaintext, alignment: 16) { buffer in
            for _ in 0..<attempts {
                let transfer = unsafe connection.read(into: buffer)
                if transfer != .wouldBlock { return transfer }
            }
            return .wouldBlock
        }
    }

    static func write(_ text: String, to connection: TLSConnection) -> Socket.Transfer {
        unsafe Array(text.utf8).withUnsafeBytes { unsafe connection.write($0) }
    }

    /// POLLRDHUP, which Glibc's module lacks (bits/poll.h).
    private static let ended: Int16 = 0x2000

    /// Waits until the other end's FIN is there, and with it all that was sent before. On a busy machine even the
    /// loopback delivers later than `close` returns.
    static func awaitEnd(at socket: Socket) -> Bool {
        var waited = pollfd(fd: socket.descriptor.number, events: Self.ended, revents: 0)
        return unsafe poll(&waited, 1, 60_000) == 1
    }
}
