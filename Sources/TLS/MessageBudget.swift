/// How many TLS handshake messages a peer may send once the handshake is over: each costs a lot more than it moves.
///
/// Key updates are for after millions of records (RFC 8446, section 5.5), and a session has a handful of tickets.
package struct MessageBudget {
    /// Messages that may come at a time.
    package static let capacity = 32
    /// Bytes of data that earn one more.
    package static let bytesForOne = 1024

    /// Below zero if there were too many.
    private var balance = capacity
    private var bytes = 0

    package init() {}

    /// Messages that may still come, at least zero.
    package var left: Int { max(0, balance) }

    package var isExceeded: Bool { balance < 0 }

    package mutating func spend(_ messages: Int) {
        balance -= messages
    }

    package mutating func earn(bytes count: Int) {
        guard !isExceeded else { return }
        bytes += count
        balance = min(Self.capacity, balance + bytes / Self.bytesForOne)
        bytes %= Self.bytesForOne
    }
}
