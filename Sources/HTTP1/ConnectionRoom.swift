import NIOCore

/// Decides who may have a connection.
///
/// A connection costs its client nothing, so places are for clients that use them. If all are taken, a connection that
/// waits for its client makes room: the one whose request has been arriving longest, if that is longer than a
/// well-behaved client needs; otherwise the one that has been idle between requests longest; otherwise the one whose
/// request has been arriving longest. A connection whose request is being answered never makes room: if all are, a
/// reserve is left for liveness probes. Not thread-safe.
package struct ConnectionRoom<Key: Hashable> {
    /// Whose move it is: the client's or the server's.
    package enum Phase: Equatable {
        /// A request is awaited: nothing or only a part of it has arrived.
        case unfinished
        /// A request is being answered.
        case answering
        /// The client has yet to read an answer, or the rest of what it sends is being dropped.
        case leaving
        /// A request has been answered; another may follow.
        case idle
    }

    /// The decision about a new connection.
    package enum Admission: Equatable {
        /// - Parameters:
        ///   - reserved: whether the place is for liveness probes only.
        ///   - closing: the connection that makes room.
        case admitted(reserved: Bool, closing: Key?)
        case refused
    }

    private struct Place {
        var phase: Phase
        var since: NIODeadline
        var isReserved: Bool
    }

    /// How long a request may take to arrive before its connection is the first to make room.
    private static var patience: TimeAmount { .seconds(1) }

    private let size: Int
    private let reserve: Int
    private var places: [Key: Place] = [:]
    private var reserved = 0

    package init(size: Int, reserve: Int) {
        self.size = size
        self.reserve = reserve
    }

    /// Number of connections that have places.
    package var count: Int { places.count }

    /// Decides about a new connection, and gives it a place if it is admitted.
    package mutating func admit(_ key: Key, now: NIODeadline) -> Admission {
        if places.count - reserved < size { return place(key, reserved: false, closing: nil, now) }
        if let next = nextToGo(reserved: false, now) {
            remove(next)
            return place(key, reserved: false, closing: next, now)
        }
        if reserved < reserve { return place(key, reserved: true, closing: nil, now) }
        if let next = nextToGo(reserved: true, now) {
            remove(next)
            return place(key, reserved: true, closing: next, now)
        }
        return .refused
    }

    /// Records that a connection has entered a phase, possibly the same one again.
    package mutating func enter(_ phase: Phase, _ key: Key, now: NIODeadline) {
        places[key]?.phase = phase
        places[key]?.since = now
    }

    /// Frees the place of a connection; without effect if it has none.
    package mutating func remove(_ key: Key) {
        if places.removeValue(forKey: key)?.isReserved == true { reserved -= 1 }
    }

    private mutating func place(_ key: Key, reserved isReserved: Bool, closing: Key?, _ now: NIODeadline) -> Admission {
        places[key] = Place(phase: .unfinished, since: now, isReserved: isReserved)
        if isReserved { reserved += 1 }
        return .admitted(reserved: isReserved, closing: closing)
    }

    private func nextToGo(reserved: Bool, _ now: NIODeadline) -> Key? {
        let waiting = places.lazy.filter { $0.value.isReserved == reserved && $0.value.phase != .answering }
        return waiting.min { left, right in
            let (one, other) = (rank(left.value, now), rank(right.value, now))
            return one == other ? left.value.since < right.value.since : one < other
        }?.key
    }

    private func rank(_ place: Place, _ now: NIODeadline) -> Int {
        if place.phase == .idle { return 1 }
        return now - place.since >= Self.patience ? 0 : 2
    }
}
