import DataPlane
import EventLoop

/// A call as its client and its backends know it: what each side has sent, and what the other side got.
final class CallRecord {
    /// How the client's stream has ended.
    enum Outcome: Equatable {
        case open
        /// Both sides have sent END_STREAM.
        case complete
        case reset(UInt32)
        /// The connection closed with the stream still open.
        case lost
    }

    /// A reason why a call need not end with its backend's answer.
    enum Excuse {
        case clientReset
        case clientLost
        case backendLost
        case deadline
        case drained
        case shutdown
    }

    let id: Int
    let isGRPC: Bool
    let uploadSize: Int
    /// Index of the route word in force when the call started: it may have been routed by this one or any later one.
    let firstWord: Int
    /// The color that the call asks for.
    let wish: ColorWish
    /// What a release keeps on one color; `nil` if each call is drawn by lot.
    let key: String?
    /// What the bodies begin with, where they have to be messages.
    var requestPrefix: [UInt8] = []
    var responsePrefix: [UInt8] = []

    // MARK: The client's side

    var stream: Int32 = 0
    /// Bytes of the request's body that the client has ready to send.
    var ready = 0
    /// Whether the client ends the request once its body is sent, rather than keeping the stream open.
    var ends = true
    var sent = 0
    var hasEnded = false
    /// Bytes of the response for which the client has given no credit.
    var unread = 0
    var outcome = Outcome.open
    var excuses: Set<Excuse> = []

    // MARK: The response, as the client got it

    var status: Int?
    /// Who has answered, and in which epoch, as far as the client is told.
    var announced: (color: String, epoch: String)?
    /// The attempt whose response this is; `nil` while there is none, and for the Proxy's own answers.
    var answering: Attempt?
    var received = 0
    var grpcStatus: Int?
    /// Whether the response's end came from the backend and not from the Proxy.
    var endIsBackends = false

    /// The times that the call has reached a backend, in order: more than one if it was placed again.
    var attempts: [Attempt] = []
    /// The copies of it that have reached a backend.
    var copies: [Attempt] = []

    init(id: Int, isGRPC: Bool, uploadSize: Int, firstWord: Int, wish: ColorWish = .none, key: String? = nil) {
        self.id = id
        self.isGRPC = isGRPC
        self.uploadSize = uploadSize
        self.firstWord = firstWord
        self.wish = wish
        self.key = key
    }

    /// Whether the call may have been routed to a color by one of the words since it started that satisfy `isMeant`.
    func mayBe(on color: Color, by words: [Route], where isMeant: (Route) -> Bool = { _ in true }) -> Bool {
        words[firstWord...].contains { word in
            guard isMeant(word) else { return false }
            return switch wish {
            case .none: word.active == color || word.share > .none
            case .preview: word.active.other == color
            case .metadata(let name): name.color(active: word.active) == color
            }
        }
    }

    var name: String { "call \(id)" }
    var requestKey: UInt64 { UInt64(id) &* 0x9e37_79b9_7f4a_7c15 }

    /// The value of the `x-mark` field, which the other end has to get unchanged.
    static func mark(_ id: Int) -> String {
        let text = String(UInt64(id) &* 0xbf58_476d_1ce4_e5b9, radix: 36)
        // Calls share some values, which recur in header tables; some values are long, so they don't fit.
        return id % 3 == 0 ? "same" : id % 7 == 0 ? String(repeating: text, count: 12) : text
    }
}

/// A call as one backend got it.
final class Attempt {
    enum Plan {
        /// A body of `size` bytes, sent at once if `early`, otherwise when the request is complete.
        case answer(size: Int, early: Bool)
        /// No body and no separate trailers: the head carries the status and ends the stream.
        case trailersOnly
        case refuse
        /// RST_STREAM, before the head unless `afterHead`, and otherwise after `bytes` bytes of the body.
        case reset(UInt32, afterHead: Bool, bytes: Int)
        /// No answer until everybody cooperates.
        case hold
    }

    /// Unowned, as calls own their attempts.
    unowned let call: CallRecord
    let number: Int
    let color: Color
    let stream: Int32
    var plan: Plan
    var received = 0
    /// Bytes of the request for which the backend has given no credit.
    var unread = 0
    var requestHasEnded = false
    var headIsSent = false
    /// Bytes of the response that the backend has ready to send.
    var ready = 0
    var sent = 0
    /// Whether the backend has given libnghttp2 the end of its answer.
    var hasEnded = false
    /// Code of the backend's RST_STREAM, if it has sent one.
    var resetCode: UInt32?
    /// Whether the stream has closed.
    var isOver = false
    /// Status that the backend's trailers carry. The Proxy never answers with one of these, so the two can be told
    /// apart.
    let grpcStatus: Int

    /// Whether this is a copy, whose answer no client gets.
    let isCopy: Bool

    init(_ call: CallRecord, _ color: Color, _ stream: Int32, _ plan: Plan, grpcStatus: Int, isCopy: Bool = false) {
        self.call = call
        self.color = color
        self.stream = stream
        self.plan = plan
        self.grpcStatus = grpcStatus
        self.isCopy = isCopy
        number = isCopy ? 100 + call.copies.count : call.attempts.count
    }

    var name: String { "\(call.id).\(number)" }
    var key: UInt64 { UInt64(call.id) &* 0x94d0_49bb_1331_11eb &+ UInt64(number + 1) }

    var size: Int { if case .answer(let size, _) = plan { size } else { 0 } }
}

/// Body contents. Each byte follows from the body's key and its offset, so a lost, repeated or misplaced byte is
/// noticed.
enum BodyPattern {
    @inline(__always)
    static func byte(_ key: UInt64, _ offset: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: ((key &+ UInt64(truncatingIfNeeded: offset)) &* 0x9e37_79b9_7f4a_7c15) >> 53)
    }

    static func write(
        _ key: UInt64, after prefix: [UInt8] = [], from offset: Int, into buffer: UnsafeMutableBufferPointer<UInt8>
    ) {
        for index in buffer.indices { unsafe buffer[index] = byte(key, offset + index) }
        for index in offset..<max(offset, min(prefix.count, offset + buffer.count)) {
            unsafe buffer[index - offset] = prefix[index]
        }
    }

    static func matches(
        _ bytes: UnsafeBufferPointer<UInt8>, _ key: UInt64, after prefix: [UInt8] = [], at offset: Int
    ) -> Bool {
        for index in bytes.indices {
            let place = offset + index
            let expected = place < prefix.count ? prefix[place] : byte(key, place)
            if unsafe bytes[index] != expected { return false }
        }
        return true
    }
}
