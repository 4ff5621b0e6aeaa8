import CNghttp2
import Glibc

/// Checks that libnghttp2 has a frame buffer that many sessions can share, as `SessionMemory` assumes.
///
/// Its interface promises nothing of the kind: `SessionMemory` guesses by its size which block is the buffer, and only
/// today's implementation needs its contents no longer than one `nghttp2_session_mem_send`. So both are checked, with
/// the library that this process runs with, before the first server session is made:
///
/// 1. A session alone requests one block of the right size, everything that it sends lies in that block, and a full
///    frame fills it, so that it has room for nothing else.
/// 2. Two sessions take turns on one block, and the bytes of each are overwritten as soon as they have been copied:
///    what they send equals what sessions with a buffer of their own send.
package enum FrameBufferCheck {
    /// The moment at which bytes that a session has sent are overwritten.
    package enum Disturbance {
        case afterTheCopy
        /// As if another session ran first: what is sent is damaged, and the check must notice. For a test.
        case beforeTheCopy
    }

    /// Sizes of the blocks that `SessionMemory` lends in this process; `nil` to lend none.
    package static let lentSizes: ClosedRange<Int>? =
        holds(for: SessionMemory.frameBufferSizes)
        ? SessionMemory.frameBufferSizes : nil

    /// - Parameter sizes: the guessed size of the frame buffer, in bytes.
    package static func holds(for sizes: ClosedRange<Int>, disturbing disturbance: Disturbance = .afterTheCopy) -> Bool
    {
        isFrameBuffer(sizes) && canBeShared(sizes, disturbance)
    }

    /// The first part of the check. The block serves one session only, so a wrong guess can do no harm.
    private static func isFrameBuffer(_ sizes: ClosedRange<Int>) -> Bool {
        let memory = SessionMemory(lending: sizes)
        guard let session = TrialSession(memory: memory, number: 0) else { return false }
        let lent = unsafe UnsafeRawBufferPointer(rebasing: memory.lentBytes.prefix(memory.lent.size))
        guard memory.lent.count == 1, let start = lent.baseAddress else { return false }
        // The smallest distance from the block's start, and the largest end, of anything that was sent.
        var (least, most) = (lent.count, 0)
        for step in TrialSession.steps {
            guard session.take(step) else { return false }
            while let bytes = unsafe session.next() {
                guard let first = bytes.baseAddress, unsafe first >= start,
                    unsafe first + bytes.count <= start + lent.count
                else {
                    return false
                }
                least = unsafe min(least, first - start)
                most = unsafe max(most, first - start + bytes.count)
            }
        }
        return session.isWell && least + (lent.count - most) <= mostUnused
    }

    /// Bytes that a full frame leaves of the buffer: libnghttp2 keeps one for the length of padding.
    private static let mostUnused = 16

    /// The second part of the check.
    private static func canBeShared(_ sizes: ClosedRange<Int>, _ disturbance: Disturbance) -> Bool {
        guard let shared = conversation(SessionMemory(lending: sizes), disturbance),
            let alone = conversation(SessionMemory(lending: nil), nil)
        else { return false }
        return shared == alone
    }

    /// The bytes sent by two sessions that take turns after each piece.
    private static func conversation(_ memory: SessionMemory, _ disturbance: Disturbance?) -> [[UInt8]]? {
        let sessions = [1, 2].compactMap { TrialSession(memory: memory, number: UInt8($0)) }
        guard sessions.count == 2 else { return nil }
        var sent: [[UInt8]] = [[], []]
        for step in TrialSession.steps {
            for session in sessions {
                guard session.take(step) else { return nil }
            }
            var isSending = true
            while isSending {
                isSending = false
                for (index, session) in sessions.enumerated() {
                    guard let bytes = unsafe session.next() else { continue }
                    isSending = true
                    if disturbance == .beforeTheCopy { unsafe overwrite(bytes) }
                    unsafe sent[index] += bytes
                    if disturbance == .afterTheCopy { unsafe overwrite(bytes) }
                }
            }
        }
        return sessions.allSatisfy(\.isWell) ? sent : nil
    }

    /// Overwrites bytes in memory of ours, which libnghttp2 only borrows and has just written to.
    private static func overwrite(_ bytes: UnsafeRawBufferPointer) {
        unsafe memset(UnsafeMutableRawPointer(mutating: bytes.baseAddress!), 0xA5, bytes.count)
    }
}

/// A bare server session of libnghttp2, without any code of ours, and a client's bytes for it.
///
/// libnghttp2 copies callbacks and allocator; this object keeps alive the memory that the allocator refers to.
///
/// Soundness: `session` and `bodyTaken` are made in `init` and given up in `deinit`, and `memory` is kept until then.
@safe
private final class TrialSession {
    /// The steps in order; everything is sent between two of them.
    static let steps = Step.allCases

    enum Step: CaseIterable {
        case settings, request, response, ping, windowUpdate, secondRequest, reset, goAway
    }

    private let memory: SessionMemory
    private let session: OpaquePointer
    /// A number that makes the sessions' bytes differ.
    private let number: UInt8
    /// Bytes of the response's body: more than two full frames.
    private let bodyLength = 40_000
    /// Bytes of the body that libnghttp2 has taken; in memory of its own because the callback gets its address.
    private let bodyTaken = UnsafeMutablePointer<(taken: Int, length: Int, number: UInt8)>.allocate(capacity: 1)
    private(set) var isWell = true

    init?(memory: SessionMemory, number: UInt8) {
        self.memory = memory
        self.number = number
        var callbacks: OpaquePointer?
        guard unsafe nghttp2_session_callbacks_new(&callbacks) == 0 else { return nil }
        defer { unsafe nghttp2_session_callbacks_del(callbacks) }
        var pointer: OpaquePointer?
        let result = unsafe memory.withAllocator { allocator in
            unsafe memory.makeServerSession {
                unsafe nghttp2_session_server_new3(&pointer, callbacks, nil, nil, allocator)
            }.0
        }
        guard result == 0, let pointer = unsafe pointer else { return nil }
        unsafe session = pointer
        unsafe bodyTaken.initialize(to: (0, bodyLength, number))
    }

    deinit {
        unsafe nghttp2_session_del(session)
        unsafe bodyTaken.deallocate()
    }

    /// Performs a step, without sending.
    ///
    /// - Returns: whether libnghttp2 accepted it.
    func take(_ step: Step) -> Bool {
        switch step {
        case .settings:
            var entry = nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue), value: 100 + UInt32(number))
            return unsafe nghttp2_submit_settings(session, 0, &entry, 1) == 0
        case .request:
            return receive(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + Self.frame(4) + Self.request(stream: 1))
        case .response:
            var provider = unsafe nghttp2_data_provider()
            unsafe provider.source.ptr = UnsafeMutableRawPointer(bodyTaken)
            unsafe provider.read_callback = { _, _, buffer, length, flags, source, _ in
                let state = unsafe source!.pointee.ptr.assumingMemoryBound(
                    to: (taken: Int, length: Int, number: UInt8).self)
                let count = unsafe min(length, state.pointee.length - state.pointee.taken)
                for index in 0..<count {
                    unsafe buffer![index] =
                        unsafe UInt8(truncatingIfNeeded: (state.pointee.taken + index) &* 7) ^ state.pointee.number
                }
                unsafe state.pointee.taken += count
                if unsafe state.pointee.taken == state.pointee.length {
                    unsafe flags!.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
                }
                return count
            }
            let fields = [(":status", "200"), ("x-number", "\(number)")]
            return unsafe Self.withFields(fields) {
                unsafe nghttp2_submit_response(session, 1, $0, fields.count, &provider) == 0
            }
        case .ping:
            return receive(Self.frame(6, [number, 1, 2, 3, 4, 5, 6, 7]))
        case .windowUpdate:
            return unsafe nghttp2_submit_window_update(session, 0, 0, 1 << 16) == 0
        case .secondRequest:
            return receive(Self.request(stream: 3))
        case .reset:
            return unsafe nghttp2_submit_rst_stream(session, 0, 3, UInt32(number)) == 0
        case .goAway:
            return unsafe nghttp2_submit_goaway(session, 0, 3, UInt32(number), nil, 0) == 0
        }
    }

    /// The bytes to be sent next; valid until the next call of any method.
    func next() -> UnsafeRawBufferPointer? {
        var bytes: UnsafePointer<UInt8>?
        let count = unsafe nghttp2_session_mem_send(session, &bytes)
        if count < 0 { isWell = false }
        return unsafe count > 0 ? UnsafeRawBufferPointer(start: bytes, count: count) : nil
    }

    private func receive(_ bytes: [UInt8]) -> Bool {
        unsafe nghttp2_session_mem_recv(session, bytes, bytes.count) == bytes.count
    }

    private static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt8 = 0, _ payload: [UInt8] = []) -> [UInt8] {
        [0, 0, UInt8(payload.count), type, flags, 0, 0, 0, stream] + payload
    }

    /// HEADERS that end their stream: GET, http, the path "/" and the authority "a", with no entries in the table.
    private static func request(stream: UInt8) -> [UInt8] {
        frame(1, flags: 0x5, stream: stream, [0x82, 0x86, 0x84, 0x01, 1, UInt8(ascii: "a")])
    }

    /// Lends fields in libnghttp2's form; libnghttp2 copies them.
    private static func withFields<Result>(
        _ fields: [(String, String)], _ body: (UnsafePointer<nghttp2_nv>) -> Result
    ) -> Result {
        // Owned here until the call returns.
        let texts = unsafe fields.map { unsafe (strdup($0.0)!, strdup($0.1)!) }
        defer {
            for index in unsafe texts.indices {
                unsafe free(texts[index].0)
                unsafe free(texts[index].1)
            }
        }
        let list = unsafe texts.map { name, value in
            unsafe nghttp2_nv(
                name: UnsafeMutableRawPointer(name).assumingMemoryBound(to: UInt8.self),
                value: UnsafeMutableRawPointer(value).assumingMemoryBound(to: UInt8.self), namelen: strlen(name),
                valuelen: strlen(value), flags: 0)
        }
        return unsafe body(list)
    }
}
