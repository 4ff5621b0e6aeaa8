import EventLoop

/// Streams that a client may still abandon, and so may have at a time: by its connection's own budget for resets, and by
/// what its peer has left. Confined to the worker's thread.
package struct ClientBudget {
    /// How a connection begins whose peer has little left.
    package struct Beginning: Equatable {
        /// Streams that it may have at a time.
        package var streams: Int
        /// Whether the client has to be told.
        package var isNews: Bool

        package init(streams: Int, isNews: Bool) {
            self.streams = streams
            self.isNews = isNews
        }
    }

    private var resets: ResetBudget
    private var deadlines: DeadlineAllowance
    /// Streams for a connection whose peer has its budget left.
    private let full: Int
    /// The peer's, from the client's SETTINGS on; `nil` for one that is trusted.
    package private(set) var account: PeerAccount?
    /// As long as the client may have fewer streams than others.
    private var earned: EarnedStreams?

    /// - Parameter left: resets that the peer has left, if that is known by now: for the first SETTINGS.
    package init(_ limits: ConnectionLimits, left: Int?, now: MonotonicTime) {
        resets = ResetBudget(capacity: limits.resetBudget, refill: limits.resetRefill, now: now)
        deadlines = DeadlineAllowance(perSecond: 2 * limits.maxConcurrentStreams, now: now)
        full = limits.maxConcurrentStreams
        earned = left.flatMap { EarnedStreams(left: $0, full: full, capacity: limits.resetBudget) }
    }

    /// Streams that the client may have at a time, as it has been told.
    package var announced: Int { earned?.announced ?? full }

    /// The connection is one of its peer's from now on.
    package mutating func join(_ account: PeerAccount) {
        self.account = account
    }

    /// Takes over what the peer has left of its budget, where that is less than the connection has.
    ///
    /// - Returns: how the connection begins; `nil` if with everything.
    package mutating func beginWithWhatIsLeft(now: MonotonicTime) -> Beginning? {
        guard let account else { return nil }
        let left = max(1, account.resets.left(now: now))
        guard left < resets.left(now: now) else { return nil }
        resets = ResetBudget(capacity: account.resets.capacity, refill: account.resets.refill, now: now, left: left)
        guard let fewer = EarnedStreams(left: left, full: full, capacity: account.resets.capacity) else { return nil }
        let isNews = announced > fewer.announced
        if isNews { earned = fewer }
        return Beginning(streams: fewer.announced, isNews: isNews)
    }

    /// A call has run to its end.
    package mutating func endedCleanly() {
        resets.endedCleanly()
        account?.resets.endedCleanly()
    }

    /// A call was given up: by a reset, or with the connection.
    ///
    /// - Returns: whether the connection may go on.
    package mutating func endedUncleanly(now: MonotonicTime) -> Bool {
        account?.resets.endedUncleanly(now: now)
        return resets.endedUncleanly(now: now)
    }

    /// Whether a call that was given up costs nothing, as its own deadline is over: so many a second are forgiven.
    package mutating func forgives(_ deadline: MonotonicTime, began: MonotonicTime, now: MonotonicTime) -> Bool {
        DeadlineAllowance.isOver(deadline, began: began, now: now) && deadlines.forgives(now: now)
    }

    /// Whether the client has fewer streams than others.
    package var isReduced: Bool { earned != nil }

    /// - Returns: how many streams the client is to be told of, if it has earned more.
    package mutating func earnMore(now: MonotonicTime) -> Int? {
        guard let more = earned?.update(left: resets.left(now: now)) else { return nil }
        if earned?.isFull == true { earned = nil }
        return more
    }
}
