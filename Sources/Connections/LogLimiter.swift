import EventLoop

/// Keeps a peer that is turned away again and again from filling the log: a few lines for each rule and peer, then one
/// that says how many were left out. Unlike `LogPace` it counts each peer by itself, so that one who causes many lines
/// hides nobody else's. Confined to one thread.
package struct LogLimiter {
    /// The lines that are limited together.
    package struct Key: Hashable, Sendable {
        /// The name of the rule or limit.
        package var rule: String
        /// `nil` for all the peers that are too many to be told apart.
        package var peer: Peer?

        package init(rule: String, peer: Peer?) {
            self.rule = rule
            self.peer = peer
        }
    }

    private struct Entry {
        var began: MonotonicTime
        var lines = 0
        var leftOut = 0
    }

    private let most: Int
    private let window: Duration
    private let capacity: Int
    private var entries: [Key: Entry] = [:]

    /// - Parameters:
    ///   - most: lines for a rule and peer within `window`, which begins with the first.
    ///   - capacity: pairs of rule and peer that are told apart; all further peers together get what one has.
    package init(most: Int = 5, window: Duration = .seconds(10), capacity: Int = 1024) {
        self.most = most
        self.window = window
        self.capacity = capacity
    }

    /// Number of rules and peers with an entry.
    package var count: Int { entries.count }

    /// - Returns: whether a line is to be written now.
    package mutating func admits(_ rule: String, _ peer: Peer, now: MonotonicTime) -> Bool {
        var key = Key(rule: rule, peer: peer)
        if entries[key] == nil, entries.count >= capacity { key.peer = nil }
        var entry = entries[key] ?? Entry(began: now)
        // `takeEnded`, called now and then, reports what was left out of a window that is over.
        let isAdmitted = entry.lines < most
        if isAdmitted { entry.lines += 1 } else { entry.leftOut += 1 }
        entries[key] = entry
        return isAdmitted
    }

    /// Forgets the windows that are over.
    ///
    /// - Returns: those in which lines were left out, with the number of lines.
    package mutating func takeEnded(now: MonotonicTime) -> [(key: Key, leftOut: Int)] {
        guard !entries.isEmpty else { return [] }
        var ended: [(key: Key, leftOut: Int)] = []
        for (key, entry) in entries where now >= entry.began + window {
            entries[key] = nil
            if entry.leftOut > 0 { ended.append((key, entry.leftOut)) }
        }
        return ended
    }
}
