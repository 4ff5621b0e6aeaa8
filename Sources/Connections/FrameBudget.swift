import EventLoop

/// A limit on frames from a connection that move nothing.
///
/// Honest peers send WINDOW_UPDATE, PING and SETTINGS in proportion to the DATA that flows either way, so each frame
/// that moves something earns credit; frames beyond that only cost work. Confined to one thread.
@usableFromInline package struct FrameBudget {
    /// Frames that a connection may send before it has earned any, and the most that it can save up.
    private let capacity: Int
    private var tokens: Int
    private var lastRefill: MonotonicTime
    /// Cost of skipped header lists since the last token taken for them, in bytes.
    private var skippedBytes = 0

    /// Tokens earned by each frame that moves something.
    private static let earnedByUsefulFrame = 4
    /// Tokens earned every second, whatever happens.
    private static let earnedBySecond: UInt64 = 10
    /// Bytes of a header list beyond its limits that cost as much as a frame, and the bytes that each of its fields
    /// counts for, however few encode it: either takes about as long as reading the frame.
    private static let bytesPerToken = 4096
    private static let bytesPerField = 16

    package init(capacity: Int, now: MonotonicTime) {
        self.capacity = capacity
        tokens = capacity
        lastRefill = now
    }

    /// Earns credit for HEADERS that belong to a call, or DATA that isn't empty, in either direction.
    @usableFromInline package mutating func moved() {
        tokens = min(capacity, tokens + Self.earnedByUsefulFrame)
    }

    /// Charges for any other frame that has come in.
    ///
    /// - Returns: whether the connection may go on.
    package mutating func received(now: MonotonicTime) -> Bool { spend(1, now) }

    /// Charges for the part of a header list beyond its limits: bytes of its header block, and fields.
    ///
    /// - Returns: whether the connection may go on.
    package mutating func skipped(bytes: Int, fields: Int, now: MonotonicTime) -> Bool {
        let (tokens, rest) = (skippedBytes + bytes + Self.bytesPerField * fields)
            .quotientAndRemainder(dividingBy: Self.bytesPerToken)
        skippedBytes = rest
        return spend(tokens, now)
    }

    private mutating func spend(_ count: Int, _ now: MonotonicTime) -> Bool {
        if tokens < count {
            let earned = now.nanosecondsSince(lastRefill) / (1_000_000_000 / Self.earnedBySecond)
            guard earned > 0 else { return false }
            tokens = min(capacity, tokens + Int(clamping: min(earned, UInt64(capacity))))
            lastRefill = now
        }
        guard tokens >= count else { return false }
        tokens -= count
        return true
    }
}
