import NIOCore

/// Decides who may hold bytes: of a body that is arriving or being answered, or of an answer being sent.
///
/// If the total would exceed the limit, the holder that has waited for its client longest makes room: clients that send
/// and receive quickly are not held up by those that don't. Not thread-safe.
package struct ByteAllowance<Holder: Hashable> {
    /// The answer to a holder that takes bytes.
    package enum Verdict: Equatable {
        /// - Parameter ending: holders that have lost their bytes.
        case granted(ending: [Holder])
        /// Nothing has changed.
        case refused
    }

    private struct Holding {
        var bytes: Int
        /// When the holder's request began.
        var since: NIODeadline
        /// Whether the next move is the client's.
        var isWaiting: Bool
    }

    private let limit: Int
    private var holdings: [Holder: Holding] = [:]
    /// Bytes held by all holders.
    package private(set) var total = 0

    package init(limit: Int) {
        self.limit = limit
    }

    /// Takes bytes for a holder that waits for its client.
    ///
    /// - Parameters:
    ///   - bytes: in addition to what it already holds.
    ///   - since: when its request began; used only if it holds nothing yet.
    package mutating func take(_ bytes: Int, for holder: Holder, since: NIODeadline) -> Verdict {
        var ending: [Holder] = []
        // A single holder may have what it needs: an answer can be larger than the limit.
        let isAlone = holdings.isEmpty || (holdings.count == 1 && holdings[holder] != nil)
        if total + bytes > limit, !isAlone {
            var excess = total + bytes - limit
            let own = holdings[holder]?.since ?? since
            let older = holdings.filter { $0.key != holder && $0.value.isWaiting && $0.value.since <= own }
            for (other, holding) in older.sorted(by: { $0.value.since < $1.value.since }) where excess > 0 {
                excess -= holding.bytes
                ending.append(other)
            }
            guard excess <= 0 else { return .refused }
            for other in ending { release(other) }
        }
        holdings[holder, default: Holding(bytes: 0, since: since, isWaiting: true)].bytes += bytes
        holdings[holder]?.isWaiting = true
        total += bytes
        return .granted(ending: ending)
    }

    /// Records that a holder's request is complete: the next move is the server's.
    package mutating func answering(_ holder: Holder) {
        holdings[holder]?.isWaiting = false
    }

    /// Takes all bytes back from a holder; without effect if it has none.
    package mutating func release(_ holder: Holder) {
        total -= holdings.removeValue(forKey: holder)?.bytes ?? 0
    }
}
