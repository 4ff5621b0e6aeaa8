/// How much of one client connection's streams may wait in the Proxy in one direction, because their reader doesn't take it.
///
/// A sender sends what its stream's window allows, whether or not anybody reads. Each stream begins with a window of its
/// own, so that there is always one for a further stream, and gets more while its reader takes what came. What the grown
/// windows may add up to is earned: bytes that the reader has proven to take. A stream that has gone quiet lets go of its
/// share (`rest`), although its sender can still use what it was granted, which therefore goes on to count in the worker's
/// `WindowBudget`. Time comes in nowhere; confined to the connection's thread.
package struct WindowAllowance {
    /// A window below this many bytes would cost more than it saves.
    package static let leastBase = 2048
    /// What a reader may have lying in its and our kernel's buffers without having read any of it.
    package static let unread = 1 << 20
    /// What grown windows may add up to before anything is proven.
    package static let unproven = 32 * 1024

    /// The window that a stream begins with.
    package let base: Int
    /// The window that a stream gets without a measurement.
    package let full: Int
    /// The most that windows which are in use may have grown altogether, beyond their base.
    private let most: Int

    /// By how much windows have grown that are in use.
    package private(set) var inUse = 0
    /// What was granted to streams that rest and may still be used.
    package private(set) var owed = 0
    /// Bytes that were handed to the reader's connection, and for how many of them it has given credit.
    private var taken = 0
    private var credited = 0
    /// Whether windows may grow only as far as the reader has proven to take what comes.
    private let isEarned: Bool

    /// - Parameters:
    ///   - base: the window that a stream begins with.
    ///   - full: the window that a stream may have without a measurement, at least `base`.
    ///   - most: by how much all windows may grow altogether.
    ///   - isEarned: whether that depends on `took` and `creditCame`; otherwise the streams' own progress is proof enough.
    package init(base: Int, full: Int, most: Int, isEarned: Bool) {
        self.base = base
        self.full = max(base, full)
        self.most = most
        self.isEarned = isEarned
    }

    /// The window that responses begin with: half of `total` is divided evenly among the streams that there may be.
    package static func base(total: Int, streams: Int, full: Int) -> Int {
        min(full, max(leastBase, total / 2 / max(1, streams)))
    }

    /// What the connection holds of the worker's budget.
    package var held: Int { inUse + owed }

    // MARK: What the reader proves

    /// Bytes were handed to the reader's connection.
    package mutating func took(_ count: Int) { taken += count }

    /// The reader has given credit for bytes of all streams. What it gives ahead of any DATA proves nothing.
    package mutating func creditCame(_ count: Int) { credited = min(taken, credited + count) }

    private var earned: Int {
        isEarned ? min(most, Self.unproven + max(credited, taken - Self.unread)) : most
    }

    // MARK: Windows

    /// Gives a stream more, while there is enough: four times the window it has, up to a full one, or beyond it up to what
    /// has been measured.
    ///
    /// - Parameters:
    ///   - given: by how much its window has grown before.
    ///   - measured: bytes that its sender can have under way, with room to grow; 0 where nothing was measured.
    /// - Returns: how much more it gets.
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
    ///   - grant: what the stream has, and gets.
    ///   - bandwidth: of the connection that it comes over.
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

    /// A stream has ended: nothing that it was given can be filled any more.
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

    /// A stream has gone quiet: others may have its share.
    package mutating func rest(_ size: Int) -> WindowGrant {
        inUse -= size
        owed += size
        return .resting(size: size, owed: size)
    }

    /// Bytes of a stream that rests have been taken: so many can't be sent any more.
    package mutating func paid(_ count: Int, to budget: inout WindowBudget) {
        owed -= count
        budget.giveBack(count)
    }

    /// Gives a stream back what it had before it rested, if that is to be had.
    ///
    /// - Returns: whether it is.
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

/// By how much one stream's window is beyond the one that it began with.
package enum WindowGrant: Equatable {
    case inUse(Int)
    /// The window is as it was at first, but the sender was granted `size` bytes more, of which it may still send `owed`.
    case resting(size: Int, owed: Int)

    package static let none = WindowGrant.inUse(0)

    /// By how much the window is larger now.
    package var inUse: Int { if case .inUse(let size) = self { size } else { 0 } }
}

/// What is to become of a stream's window.
package enum WindowChange: Equatable {
    case none
    /// It is as large as anything that is known allows: how much more the sender could have under way is to be measured.
    case measure
    /// It is so much beyond its base; of what the sender has sent while it rested, so much has been taken without credit.
    case grown(by: Int, unconsumed: Int)
}

/// Whether an endpoint's next response is likely to be larger than the window that its stream begins with.
package struct ResponseSizeGuess {
    /// Small ones in a row after which large ones are not expected any more.
    package static let memory = 64

    private var largeLately = 0

    package init() {}

    package var expectsLarge: Bool { largeLately > 0 }

    /// A response has ended.
    package mutating func take(isLarge: Bool) {
        largeLately = isLarge ? Self.memory : max(0, largeLately - 1)
    }
}
