import DataPlane
import EventLoop

/// A call as its client and its backends know it: what each has sent, and what has come of it at the other end.
final class CallRecord {
    /// What became of the client's stream.
    enum Outcome: Equatable {
        case open
        /// Both sides have ended it.
        case complete
        case reset(UInt32)
        /// The connection has ended.
        case lost
    }

    /// Why a call may end otherwise than its backend has it.
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
    /// The route words from which on the call can have been routed.
    let firstWord: Int

    // MARK: The client's side

    var stream: Int32 = 0
    /// So much of the request's body its client has ready to send.
    var ready = 0
    /// Whether the client says by itself that the request is complete.
    var ends = true
    var sent = 0
    var hasEnded = false
    /// Bytes of the response for which the client has given no credit.
    var unread = 0
    var outcome = Outcome.open
    var excuses: Set<Excuse> = []

    // MARK: The response, as it came to the client

    var status: Int?
    /// Whose answer it is; `nil` for the Proxy's own.
    var answering: Attempt?
    var received = 0
    var grpcStatus: Int?
    /// Whether the end is the backend's, and not the Proxy's.
    var endIsBackends = false

    /// What has reached backends.
    var attempts: [Attempt] = []

    init(id: Int, isGRPC: Bool, uploadSize: Int, firstWord: Int) {
        self.id = id
        self.isGRPC = isGRPC
        self.uploadSize = uploadSize
        self.firstWord = firstWord
    }

    var name: String { "call \(id)" }
    var requestKey: UInt64 { UInt64(id) &* 0x9e37_79b9_7f4a_7c15 }

    /// A field that has to come as it went.
    static func mark(_ id: Int) -> String {
        let text = String(UInt64(id) &* 0xbf58_476d_1ce4_e5b9, radix: 36)
        // Some are the same in many calls, and some are long.
        return id % 3 == 0 ? "same" : id % 7 == 0 ? String(repeating: text, count: 12) : text
    }
}

/// A call as one backend has got it.
final class Attempt {
    enum Plan {
        /// So many bytes; at once, or once the request is complete.
        case answer(size: Int, early: Bool)
        /// Trailers alone.
        case trailersOnly
        case refuse
        /// RST_STREAM once so many bytes are out; before the head where `afterHead` is false.
        case reset(UInt32, afterHead: Bool, bytes: Int)
        /// Nothing, until everybody cooperates.
        case hold
    }

    /// Unowned, as calls own their attempts.
    unowned let call: CallRecord
    let number: Int
    let color: Color
    let stream: Int32
    var plan: Plan
    var received = 0
    /// Bytes of the request without credit.
    var unread = 0
    var requestHasEnded = false
    var headIsSent = false
    /// So much of the response the backend has ready.
    var ready = 0
    var sent = 0
    /// The backend has handed over the end of its answer.
    var hasEnded = false
    /// The code with which the backend has reset the stream.
    var resetCode: UInt32?
    /// The stream is gone.
    var isOver = false
    /// What the backend says at the end; codes that the Proxy doesn't use.
    let grpcStatus: Int

    init(_ call: CallRecord, _ color: Color, _ stream: Int32, _ plan: Plan, grpcStatus: Int) {
        self.call = call
        self.color = color
        self.stream = stream
        self.plan = plan
        self.grpcStatus = grpcStatus
        number = call.attempts.count
    }

    var name: String { "\(call.id).\(number)" }
    var key: UInt64 { UInt64(call.id) &* 0x94d0_49bb_1331_11eb &+ UInt64(number + 1) }

    var size: Int { if case .answer(let size, _) = plan { size } else { 0 } }
}

/// Bodies are told apart by every byte.
enum BodyPattern {
    @inline(__always)
    static func byte(_ key: UInt64, _ offset: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: ((key &+ UInt64(truncatingIfNeeded: offset)) &* 0x9e37_79b9_7f4a_7c15) >> 53)
    }

    static func write(_ key: UInt64, from offset: Int, into buffer: UnsafeMutableBufferPointer<UInt8>) {
        for index in buffer.indices { unsafe buffer[index] = byte(key, offset + index) }
    }

    static func matches(_ bytes: UnsafeBufferPointer<UInt8>, _ key: UInt64, at offset: Int) -> Bool {
        for index in bytes.indices where unsafe bytes[index] != byte(key, offset + index) { return false }
        return true
    }
}
