/// The bytes of one client connection's streams that may wait in the Proxy in one direction because their reader
/// doesn't take them.
///
/// A sender sends what its stream's window allows, whether or not anybody reads. Each stream begins with a window of
/// its own, so that there is always one for another stream, and gets more while its reader takes what came. The total
/// growth of the windows is earned by bytes that the reader has proven to take. A stream that has gone quiet gives up
/// its share (`rest`), but its sender can still use what it was granted, which therefore still counts in the worker's
/// `WindowBudget`. Time comes in nowhere; confined to the connection's thread.
@usableFromInline package struct WindowAllowance {
    /// Bytes below which a window would cost more than it saves.
    package static let leastBase = 2048
    /// Bytes that may lie in the reader's and our kernel's buffers without the reader having read any of them.
    package static let unread = 1 << 20
    /// Bytes that grown windows may add up to before anything is proven.
    package static let unproven = 32 * 1024

    /// Bytes of the window that a stream begins with.
    package let base: Int
    /// Bytes of the window that a stream gets without a measurement.
    package let full: Int
    /// The most bytes by which windows in use may have grown altogether, beyond their base.
    private let most: Int

    /// Bytes by which the windows in use have grown.
    package private(set) var inUse = 0
    /// Bytes that were granted to streams at rest and may still be sent.
    package private(set) var owed = 0
    /// Bytes handed to the reader's connection, and bytes of these that it has given credit for.
    private var taken = 0
    private var credited = 0
    /// Whether windows may grow only as far as the reader has proven to take what comes.
    private let isEarned: Bool

    /// - Parameters:
    ///   - base: bytes of the window that a stream begins with.
    ///   - full: bytes of the window that a stream may have without a measurement, at least `base`.
    ///   - most: bytes by which all windows may grow altogether.
    ///   - isEarned: whether growth depends on `took` and `creditCame`; otherwise the streams' own progress is proof
    ///     enough.
    package init(base: Int, full: Int, most: Int, isEarned: Bool) {
        self.base = base
        self.full = max(base, full)
        self.most = most
        self.isEarned = isEarned
    }

    /// The window that responses begin with: half of `total`, divided evenly among the possible streams.
    package static func base(total: Int, streams: Int, full: Int) -> Int {
        min(full, max(leastBase, total / 2 / max(1, streams)))
    }

    /// Bytes that the connection holds of the worker's budget.
    package var held: Int { inUse + owed }

    // MARK: What the reader proves

    /// Counts bytes handed to the reader's connection.
    @usableFromInline package mutating func took(_ count: Int) { taken += count }

    /// Counts credit that the reader has given for all streams. Credit given ahead of any DATA proves nothing.
    package mutating func creditCame(_ count: Int) { credited = min(taken, credited + count) }

    private var earned: Int {
        isEarned ? min(most, Self.unproven + max(credited, taken - Self.unread)) : most
    }

    // MARK: Windows

    /// Grows a stream's window while there is enough: to four times its size, up to a full one, or beyond that up to
    /// what has been measured.
    ///
    /// - Parameters:
    ///   - given: bytes by which its window has grown before.
    ///   - measured: bytes that its sender can have under way, with room to grow; 0 if nothing was measured.
    /// - Returns: the bytes of growth granted.
    package mutating func grow(given: Int, measured: Int, from budget: inout WindowBudget) -> Int {
        let window = base + given
        let wanted = min(min(max(full, measured), 4 * window) - window, earned - inUse)
        guard wanted > 0 else { return 0 }
        let more = budget.take(upTo: wanted, holding: held)
        inUse += more
        return more
    }

    /// Decides on the window of a stream whose reader has taken half of it.
    ///
    /// - Parameters:
    ///   - grant: the stream's growth, which is updated.
    ///   - bandwidth: the estimate for the connection that its bytes come over.
    package mutating func widen(
        _ grant: inout WindowGrant, _ bandwidth: BandwidthEstimate, _ budget: inout WindowBudget
    ) -> WindowChange {
        switch grant {
        case .inUse(let size):
            if base + size >= max(full, bandwidth.window) { return .measure }
            let more = grow(given: size, measured: bandwidth.window, from: &budget)
            guard more > 0 else { return .none }
            grant = .inUse(size + more)
            return .grown(by: size + more, unconsumed: 0)
        case .resting(let size, let owed):
            guard wake(size: size, owed: owed, from: &budget) else { return .none }
            grant = .inUse(size)
            return .grown(by: size, unconsumed: size - owed)
        }
    }

    /// Takes back the growth of a stream that has ended, which can't be filled any more.
    package mutating func takeBack(_ grant: WindowGrant, to budget: inout WindowBudget) {
        switch grant {
        case .inUse(let size):
            inUse -= size
            budget.giveBack(size)
        case .resting(_, let left):
            owed -= left
            budget.giveBack(left)
        }
    }

    // MARK: Streams that rest

    /// Frees the share of a stream that has gone quiet, for others to use.
    package mutating func rest(_ size: Int) -> WindowGrant {
        inUse -= size
        owed += size
        return .resting(size: size, owed: size)
    }

    /// Reduces what a stream at rest owes by bytes that were taken, which can't be sent any more.
    package mutating func paid(_ count: Int, to budget: inout WindowBudget) {
        owed -= count
        budget.giveBack(count)
    }

    /// Gives a stream at rest its former growth back, if that is available.
    ///
    /// - Returns: whether it was.
    package mutating func wake(size: Int, owed left: Int, from budget: inout WindowBudget) -> Bool {
        guard inUse + size <= earned else { return false }
        let missing = size - left
        let more = budget.take(upTo: missing, holding: held)
        guard more == missing else {
            budget.giveBack(more)
            return false
        }
        owed -= left
        inUse += size
        return true
    }
}

/// Growth of one stream's window beyond the size that it began with.
@frozen @usableFromInline package enum WindowGrant: Equatable {
    case inUse(Int)
    /// The window has its first size again, but its sender was granted `size` bytes more, of which it may still send
    /// `owed`.
    case resting(size: Int, owed: Int)

    // Every call asks in another module: what is inlinable here costs it no comparison by a witness.

    /// No growth.
    @inlinable package static var none: WindowGrant { .inUse(0) }

    /// Whether there is no growth.
    @inlinable package var isNone: Bool { if case .inUse(0) = self { true } else { false } }

    /// Bytes by which the window is larger now.
    @inlinable package var inUse: Int { if case .inUse(let size) = self { size } else { 0 } }
}

/// A decision about a stream's window.
package enum WindowChange: Equatable {
    case none
    /// The window is as large as all that is known allows: what more the sender could have under way is to be measured.
    case measure
    /// The window has grown to `by` bytes beyond its base; `unconsumed` bytes that were sent while the stream rested
    /// have been taken without credit.
    case grown(by: Int, unconsumed: Int)
}

/// Whether an endpoint's next response is likely to be larger than the window that its stream begins with.
@usableFromInline package struct ResponseSizeGuess {
    /// Small responses in a row after which large ones are not expected any more.
    package static let memory = 64

    private var largeLately = 0

    package init() {}

    /// Whether the next response is likely to be large.
    @usableFromInline package var expectsLarge: Bool { largeLately > 0 }

    /// Takes note of a response that has ended.
    @usableFromInline package mutating func take(isLarge: Bool) {
        largeLately = isLarge ? Self.memory : max(0, largeLately - 1)
    }
}
