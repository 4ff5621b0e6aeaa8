import CNghttp2
import Glibc

/// Finds out whether libnghttp2 has a frame buffer that many sessions can share, as `SessionMemory` wants to have it.
///
/// Its interface promises nothing of the kind: which block it is, `SessionMemory` guesses by its size, and that what is in it
/// is needed no longer than one `nghttp2_session_mem_send` is how libnghttp2 is written today. So it is looked at, with the
/// library that this process runs with, before the first server session is made:
///
/// 1. A session alone: of the right size it asks for one block, all that it sends lies in that block, and a full frame fills
///    it, so that there is room for nothing else in it.
/// 2. Two sessions on one block, in turns, each's bytes overwritten as soon as they have been copied: what they send is what
///    sessions send that have a buffer each.
package enum FrameBufferCheck {
    /// When bytes that a session has sent are overwritten.
    package enum Disturbance {
        case afterTheCopy
        /// As if another session ran before; what is sent is damaged, which has to be noticed. For a test.
        case beforeTheCopy
    }

    /// What `SessionMemory` is to lend in this process.
    package static let lentSizes: ClosedRange<Int>? =
        holds(for: SessionMemory.frameBufferSizes)
        ? SessionMemory.frameBufferSizes : nil

    /// - Parameter sizes: a guess how large the frame buffer is.
    package static func holds(for sizes: ClosedRange<Int>, disturbing disturbance: Disturbance = .afterTheCopy) -> Bool
    {
        isFrameBuffer(sizes) && canBeShared(sizes, disturbance)
    }

    /// The first part. The block is one session's, so that nothing can go wrong by a wrong guess.
    private static func isFrameBuffer(_ sizes: ClosedRange<Int>) -> Bool {
        let memory = SessionMemory(lending: sizes)
        guard let session = TrialSession(memory: memory, number: 0) else { return false }
        let lent = unsafe UnsafeRawBufferPointer(rebasing: memory.lentBytes.prefix(memory.lent.size))
        guard memory.lent.count == 1, let start = lent.baseAddress else { return false }
        // How far from the ends of the block anything that was sent begins and ends.
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

    /// What a full frame leaves of the buffer: libnghttp2 keeps a byte for the length of padding.
    private static let mostUnused = 16

    /// The second part.
    private static func canBeShared(_ sizes: ClosedRange<Int>, _ disturbance: Disturbance) -> Bool {
        guard let shared = conversation(SessionMemory(lending: sizes), disturbance),
            let alone = conversation(SessionMemory(lending: nil), nil)
        else { return false }
        return shared == alone
    }

    /// What two sessions send, which take turns after each piece.
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

    /// The bytes lie in memory of ours, which libnghttp2 has only been lent, and which it wrote to just now.
    private static func overwrite(_ bytes: UnsafeRawBufferPointer) {
        unsafe memset(UnsafeMutableRawPointer(mutating: bytes.baseAddress!), 0xA5, bytes.count)
    }
}

/// A server's session of libnghttp2, without anything of ours, and what a client says to it.
///
/// libnghttp2 copies callbacks and allocator; the memory that the allocator stands for is kept here.
///
/// Soundness: `session` and `bodyTaken` are made in `init` and given up in `deinit`, and `memory` is kept until then.
@safe
private final class TrialSession {
    /// What happens, one after the other; between two steps all is sent.
    static let steps = Step.allCases

    enum Step: CaseIterable {
        case settings, request, response, ping, windowUpdate, secondRequest, reset, goAway
    }

    private let memory: SessionMemory
    private let session: OpaquePointer
    /// Makes the sessions' bytes differ.
    private let number: UInt8
    /// Of the response, in bytes: more than two full frames.
    private let bodyLength = 40_000
    /// How much of it libnghttp2 has taken; also for the callback, which gets its address.
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

    /// Does a step, without sending.
    ///
    /// - Returns: whether libnghttp2 took it.
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

    /// What is to be sent next; valid until the next call of any method.
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

    /// HEADERS that end their stream: GET, http, the path "/" and the authority "a", without a table.
    private static func request(stream: UInt8) -> [UInt8] {
        frame(1, flags: 0x5, stream: stream, [0x82, 0x86, 0x84, 0x01, 1, UInt8(ascii: "a")])
    }

    /// Lends fields in libnghttp2's form, which copies them.
    private static func withFields<Result>(
        _ fields: [(String, String)], _ body: (UnsafePointer<nghttp2_nv>) -> Result
    ) -> Result {
        // Owned here until the call is over.
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
