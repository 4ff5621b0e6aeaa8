import HTTP2
import TestSupport
import Testing

/// Random but repeatable input for both roles. On any input a session goes on or answers with an error, keeps its
/// promises to its subclass, and writes nothing but valid HTTP/2.
@Suite("Session fuzzing") struct SessionFuzzTests {
    @Test("Sound frames are understood, in whatever pieces they come", arguments: FuzzCases.shares)
    func soundFrames(cases: FuzzCases) {
        cases.forEach(standard: 6_000) { number, random in
            let problems = Self.playSound(&random)
            #expect(problems.isEmpty, "case \(number): \(problems)")
        }
    }

    @Test("Damaged frames", arguments: FuzzCases.shares)
    func damagedFrames(cases: FuzzCases) {
        cases.forEach(standard: 12_000) { number, random in
            let problems = Self.playDamaged(&random)
            #expect(problems.isEmpty, "case \(number): \(problems)")
        }
    }

    @Test("Noise", arguments: FuzzCases.shares)
    func noise(cases: FuzzCases) {
        cases.forEach(standard: 6_000) { number, random in
            let problems = Self.playNoise(&random)
            #expect(problems.isEmpty, "case \(number): \(problems)")
        }
    }

    // MARK: Cases

    /// - Returns: descriptions of everything that was wrong.
    static func playSound(_ random: inout SplitMix) -> [String] {
        let role: Session.Role = Bool.random(using: &random) ? .server : .client
        let count = Int.random(in: 1...6, using: &random)
        let conversation = Conversation(from: role == .server ? .client : .server, streams: count, using: &random)
        let run = Run(role, isPlain: true, streams: count, random: &random)
        run.feed(conversation.frames, using: &random)
        var problems = run.problems
        if let error = run.error { problems.append("sound frames ended in \(error)") }
        for (identifier, message) in conversation.messages {
            let stream = run.session.streams[identifier]
            if stream?.message != message || stream?.hasEnded != true {
                problems.append("stream \(identifier): \(String(describing: stream?.message)) instead of \(message)")
            }
            if stream?.isClosed != true { problems.append("stream \(identifier) is still open") }
        }
        return problems
    }

    static func playDamaged(_ random: inout SplitMix) -> [String] {
        let role: Session.Role = Bool.random(using: &random) ? .server : .client
        let count = Int.random(in: 1...6, using: &random)
        var frames = Conversation(from: role == .server ? .client : .server, streams: count, using: &random).frames
        for _ in 0...Int.random(in: 0..<4, using: &random) {
            FrameMutation.allCases.randomElement(using: &random)!.apply(to: &frames, using: &random)
        }
        let run = Run(role, isPlain: false, streams: count, random: &random)
        run.feed(frames, using: &random)
        return run.problems
    }

    static func playNoise(_ random: inout SplitMix) -> [String] {
        let run = Run(Bool.random(using: &random) ? .server : .client, isPlain: false, streams: 3, random: &random)
        let start = Bool.random(using: &random) ? [FrameBytes.frame(FrameBytes.Kind.settings)] : []
        run.feed(start + [FrameMutation.bytes(Int.random(in: 0..<400, using: &random), &random)], using: &random)
        return run.problems
    }

    /// A session that is fed in pieces and written out in between, as with a socket.
    ///
    /// Soundness: `buffer` lives as long as this object.
    @safe
    private final class Run {
        let session: WatchedSession
        private(set) var error: SessionError?
        private var output: OutputCheck
        private var inputBytes = 0
        private let isPlain: Bool
        private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 40_000, alignment: 16)

        init(_ role: Session.Role, isPlain: Bool, streams: Int, random: inout SplitMix) {
            session = WatchedSession(role, isPlain: isPlain, random: SplitMix(seed: random.next()))
            output = OutputCheck(of: role)
            self.isPlain = isPlain
            guard role == .client else { return }
            for _ in 0..<streams { session.request(hasBody: Bool.random(using: &random)) }
            takeOutput()
        }

        deinit {
            unsafe buffer.deallocate()
        }

        /// Broken promises of the session, and invalid output.
        var problems: [String] {
            var problems = session.broken + output.broken
            // Each frame may be answered by one of its own size or by a few small ones; bodies come on top.
            let most = 4_096 + 32 * inputBytes + 2 * session.bodyBytes
            if output.byteCount > most { problems.append("\(output.byteCount) bytes sent, \(inputBytes) received") }
            return problems
        }

        func feed(_ frames: [[UInt8]], using random: inout SplitMix) {
            let preface = session.role == .server ? FrameBytes.preface : []
            let bytes = preface + frames.joined()
            let whole = isPlain ? Self.continuationHeaders(frames, start: preface.count) : []
            let piece = [1, 7, 60, 1_000, 100_000].randomElement(using: &random)!
            while inputBytes < bytes.count, error == nil {
                var end = min(inputBytes + Int.random(in: 1...piece, using: &random), bytes.count)
                while whole.contains(end) { end += 1 }
                let part = Array(bytes[inputBytes..<end])
                inputBytes = end
                unsafe part.withUnsafeBytes { part in
                    do throws(SessionError) { try unsafe session.receive(part) } catch { self.error = error }
                }
                if !isPlain { session.actAtRandom() }
                if Int.random(in: 0..<3, using: &random) > 0 { takeOutput() }
            }
            takeOutput()
        }

        /// Places where valid input must not be cut: libnghttp2 1.52 counts each piece of a CONTINUATION frame's header
        /// as a frame, and accepts eight at most.
        private static func continuationHeaders(_ frames: [[UInt8]], start: Int) -> Set<Int> {
            var places: Set<Int> = []
            var offset = start
            for frame in frames {
                if frame[3] == FrameBytes.Kind.continuation {
                    places.formUnion(offset..<offset + FrameBytes.headerLength)
                }
                offset += frame.count
            }
            return places
        }

        private func takeOutput() {
            while let count = try? unsafe session.write(into: buffer), count > 0 {
                unsafe output.take(buffer[..<count])
            }
        }
    }
}
