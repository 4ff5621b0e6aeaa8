import Connections
import HTTP2

/// A copy's way to one color: a stream of its own, on a connection that carries nothing but copies.
///
/// Whoever has the leg keeps it: a pool while it waits, a connection while it has a stream there, and its copy until it
/// is answered and compared.
final class CopyLeg: StreamContext {
    enum Place {
        case none
        case waiting(CopyPool)
        /// Lent: a connection keeps its legs, and tells each when its stream is closed.
        case open(Lent<CopyConnection>, StreamID)
    }

    let copy: Copy
    let source: CopiedCall.Source
    private(set) var place = Place.none
    /// The head until it has gone out.
    private var head: HeaderList?
    /// What has come of the request and hasn't gone out.
    var requestBody = ByteQueue()
    var record = AnswerRecord()
    /// Whether nobody waits for the answer any more; what still comes of it is dropped.
    private(set) var isAbandoned = false
    /// Whether the session has asked for more of the request and was told to wait.
    var awaitsBody = false
    /// The leg's index in its connection's list.
    var index = 0
    /// Bytes that it takes besides its bodies: the leg, its head, a stream in a session of libnghttp2.
    let cost: Int

    private static let baseCost = 3072

    /// - Parameter head: held for the leg.
    init(_ copy: Copy, _ source: CopiedCall.Source, head: HeaderList, cost: Int) {
        self.copy = copy
        self.source = source
        self.head = head
        self.cost = cost
    }

    /// Bytes that a leg with such a head takes.
    static func cost(_ head: HeaderList) -> Int { baseCost + head.listSize }

    /// Whether its answer is awaited: more of the request is of use.
    var isAwaited: Bool { !isAbandoned && record.endedAt == nil }

    /// Whether its copy still waits for it.
    var isInCopy: Bool { copy.has(self) }

    /// The head, for the one who sends it and gives it back.
    func takeHead() -> HeaderList? {
        defer { head = nil }
        return head
    }

    func waits(at pool: CopyPool) { place = .waiting(pool) }

    func opened(on connection: CopyConnection, _ stream: StreamID) { place = .open(Lent(connection), stream) }

    /// The stream is closed, or was never opened.
    func closed() { place = .none }

    /// Tells the session that there is more of the request, or its end.
    func resume() {
        guard awaitsBody, case .open(let connection, let stream) = place else { return }
        awaitsBody = false
        connection.use { connection in
            connection.resume(stream)
            connection.markDirty()
        }
    }

    /// Ends the leg at its color, as nobody waits for its answer.
    func abandon() {
        guard !isAbandoned else { return }
        isAbandoned = true
        switch place {
        case .none: break
        case .waiting(let pool):
            place = .none
            pool.remove(self)
        case .open(let connection, let stream): connection.object.abandon(self, stream)
        }
    }
}

extension StreamContext {
    /// The leg of a stream: a copy's connection gives its session no other context.
    var leg: CopyLeg { unsafe unsafeDowncast(self, to: CopyLeg.self) }
}
