/// A limit on TLS handshake messages that a peer may send once the handshake is over: each costs far more work than it
/// moves data.
///
/// Key updates are for after millions of records (RFC 8446, section 5.5), and a session has a handful of tickets.
package struct MessageBudget {
    /// Number of messages that may come in a row.
    package static let capacity = 32
    /// Bytes of data that earn one more message.
    package static let bytesForOne = 1024

    /// The messages left; below zero if there were too many.
    private var balance = capacity
    private var bytes = 0

    package init() {}

    /// Number of messages that may still come, at least zero.
    package var left: Int { max(0, balance) }

    /// Whether more messages have come than were allowed; this stays so.
    package var isExceeded: Bool { balance < 0 }

    /// Counts messages that have come.
    package mutating func spend(_ messages: Int) {
        balance -= messages
    }

    /// Counts bytes of data that have come; each `bytesForOne` of them earn a message, up to the capacity.
    package mutating func earn(bytes count: Int) {
        guard !isExceeded else { return }
        bytes += count
        balance = min(Self.capacity, balance + bytes / Self.bytesForOne)
        bytes %= Self.bytesForOne
    }
}
