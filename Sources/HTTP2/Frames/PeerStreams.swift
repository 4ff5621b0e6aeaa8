/// A record of what a client has done with its recent streams. It tells frames that the client must not send any more
/// from those that crossed this side's own RST_STREAM (RFC 9113, section 5.1), since libnghttp2 forgets a stream when
/// it closes.
///
/// Only what the client itself sends counts: END_STREAM and RST_STREAM end its half, and a stream that it passed over
/// never has one. Frames on a stream that only this side has ended are nobody's fault. Nothing is known of streams
/// older than the last 256, and nothing is held against anybody.
package struct PeerStreams {
    /// What a frame means, given what the client has done with the stream before.
    package enum Verdict {
        case sound
        /// A stream with a larger number was opened first, so this one can't be opened any more (section 5.1.1).
        case passedOver
        /// The client has already ended its half.
        case ended
        /// The client has reset the stream.
        case reset
    }

    /// A bit for each of the last `count` streams.
    private typealias Bits = InlineArray<4, UInt64>
    private static let count = 256

    /// The stream opened last.
    private var latest: StreamID = -1
    private var ended = Bits(repeating: 0)
    /// Of the ended streams, those that were never opened.
    private var passedOver = Bits(repeating: 0)
    /// Of the ended streams, those ended by RST_STREAM.
    private var reset = Bits(repeating: 0)
    /// Streams reset by this side, which does that only once.
    private var refused = Bits(repeating: 0)

    package init() {}

    /// Judges HEADERS that have come.
    package mutating func headers(on stream: StreamID, endsStream: Bool) -> Verdict {
        // A client can't open other streams, and libnghttp2 checks that.
        guard stream & 1 == 1 else { return .sound }
        guard stream <= latest else {
            open(stream, endsStream)
            return .sound
        }
        guard isRecent(stream) else { return .sound }
        if Self.has(stream, in: passedOver) { return .passedOver }
        if Self.has(stream, in: ended) { return Self.has(stream, in: reset) ? .reset : .ended }
        if endsStream { Self.set(stream, in: &ended) }
        return .sound
    }

    private mutating func open(_ stream: StreamID, _ endsStream: Bool) {
        var next = max(latest &+ 2, stream &- 2 * StreamID(Self.count - 1))
        while next < stream {
            Self.set(next, in: &ended)
            Self.set(next, in: &passedOver)
            Self.clear(next, in: &reset)
            Self.clear(next, in: &refused)
            next += 2
        }
        latest = stream
        if endsStream { Self.set(stream, in: &ended) } else { Self.clear(stream, in: &ended) }
        Self.clear(stream, in: &passedOver)
        Self.clear(stream, in: &reset)
        Self.clear(stream, in: &refused)
    }

    /// Takes note of DATA that have come.
    ///
    /// - Returns: whether the client had already ended its half.
    @inline(__always)
    package mutating func data(on stream: StreamID, endsStream: Bool) -> Bool {
        guard isRecent(stream), stream & 1 == 1 else { return false }
        if Self.has(stream, in: ended) { return true }
        if endsStream { Self.set(stream, in: &ended) }
        return false
    }

    /// Notes that the client has reset a stream.
    package mutating func resetReceived(on stream: StreamID) {
        guard isRecent(stream), stream & 1 == 1 else { return }
        Self.set(stream, in: &ended)
        if !Self.has(stream, in: passedOver) { Self.set(stream, in: &reset) }
    }

    /// Notes that this side resets a stream.
    ///
    /// - Returns: whether it is the first time.
    @discardableResult
    package mutating func resetSent(on stream: StreamID) -> Bool {
        guard isRecent(stream), stream & 1 == 1, !Self.has(stream, in: refused) else { return false }
        Self.set(stream, in: &refused)
        return true
    }

    /// Whether a stream has yet to be opened.
    package func isIdle(_ stream: StreamID) -> Bool { stream > latest }

    @inline(__always)
    private func isRecent(_ stream: StreamID) -> Bool {
        // Streams newer than the latest give large numbers.
        UInt32(bitPattern: latest &- stream) < 2 * UInt32(Self.count)
    }

    // The bit of a stream: the numbers of two recent streams differ by less than twice the count.

    @inline(__always)
    private static func has(_ stream: StreamID, in bits: Bits) -> Bool {
        bits[Int(stream >> 7) & 3] & 1 << (UInt64(truncatingIfNeeded: stream) >> 1 & 63) != 0
    }

    @inline(__always)
    private static func set(_ stream: StreamID, in bits: inout Bits) {
        bits[Int(stream >> 7) & 3] |= 1 << (UInt64(truncatingIfNeeded: stream) >> 1 & 63)
    }

    @inline(__always)
    private static func clear(_ stream: StreamID, in bits: inout Bits) {
        bits[Int(stream >> 7) & 3] &= ~(1 << (UInt64(truncatingIfNeeded: stream) >> 1 & 63))
    }
}
