import CZlib
import Comparison
import Testing

/// Answers as wholes: status, number of messages, encodings.
@Suite("Comparer") struct ComparerTests {
    private let comparer = Comparer.make()
    private let message = WireWriter.message { $0.double(1, 1) }
    private let changed = WireWriter.message { $0.double(1, 2) }

    private func answer(
        _ messages: [[UInt8]], status: Int = 0, _ encoding: MessageEncoding = .identity, isCompressed: Bool = false,
        flaw: FramingFlaw? = nil
    ) -> Answer {
        var body = messages.flatMap { FramingTests.framed($0, flag: isCompressed ? 1 : 0) }
        switch flaw {
        case .badFlag: body.append(2)
        case .truncated: body.append(0)
        case nil: break
        }
        return Answer(status: status, encoding: encoding, body: body)
    }

    private func compare(_ left: Answer, _ right: Answer) -> Outcome {
        comparer.compare(left, right, method: Fixtures.cook)
    }

    /// - Parameter bits: the window as deflateInit2 takes it: 15 for zlib's format, 31 for gzip's, -15 for neither.
    static func compressed(_ bytes: [UInt8], bits: Int32) -> [UInt8] {
        var stream = unsafe z_stream()
        guard unsafe zlib_shim_begin_deflating(&stream, bits) == Z_OK else { preconditionFailure("zlib") }
        defer { unsafe deflateEnd(&stream) }
        var (input, output) = (bytes, [UInt8](repeating: 0, count: bytes.count + bytes.count / 1000 + 100))
        let left: UInt32 = unsafe input.withUnsafeMutableBufferPointer { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                unsafe (stream.next_in, stream.avail_in) = (input.baseAddress, UInt32(input.count))
                unsafe (stream.next_out, stream.avail_out) = (output.baseAddress, UInt32(output.count))
                guard unsafe deflate(&stream, Z_FINISH) == Z_STREAM_END else { preconditionFailure("zlib") }
                return unsafe stream.avail_out
            }
        }
        return Array(output.dropLast(Int(left)))
    }

    @Test("The status comes first, and alone if it differs")
    func status() throws {
        let outcome = compare(answer([message]), answer([changed, changed], status: 14))
        #expect(outcome.only?.path == "(status)" && outcome.only?.pair == "status 0 | status 14")
        #expect(compare(answer([], status: 3), answer([], status: 3)) == .equal)
        #expect(compare(answer([message]), answer([message], status: 13)).only?.path == "(status)")
        #expect(compare(answer([], status: 99), answer([], status: 2)) == .equal, "UNKNOWN, as gRPC has it")
    }

    @Test("Messages are compared pairwise, and their number is a difference of its own")
    func stream() throws {
        let outcome = compare(answer([message, message, message]), answer([message, changed]))
        let list = try #require(outcome.differences?.list)
        #expect(list.map(\.path) == ["(messages)", "f_double"])
        #expect(list[0].pair == "3 in number | 2 in number" && list[1].first.message == 1)
        #expect(compare(answer([message, message]), answer([message, message])) == .equal)
        #expect(compare(answer([]), answer([message])).only?.path == "(messages)")
    }

    @Test("Bytes that can't be taken apart into messages differ from those that can")
    func flaws() {
        #expect(
            compare(answer([message]), answer([], flaw: .badFlag)).only?.pair == "1 in number | not messages after 0")
        #expect(compare(answer([message]), answer([message], flaw: .truncated)).only?.path == "(messages)")
        #expect(compare(answer([], flaw: .badFlag), answer([], flaw: .badFlag)) == .equal)
        #expect(compare(answer([], status: 14), answer([], flaw: .truncated)).only?.path == "(status)")
    }

    @Test(
        "Compressed messages are decompressed",
        arguments: [(MessageEncoding.gzip, 31), (.deflate, 15)] as [(MessageEncoding, Int32)])
    func compression(encoding: MessageEncoding, bits: Int32) {
        let long = WireWriter.message { $0.text(9, String(repeating: "long ", count: 10_000)) }
        let pack: ([UInt8]) -> Answer = { self.answer([Self.compressed($0, bits: bits)], encoding, isCompressed: true) }
        #expect(compare(pack(message), pack(message)) == .equal)
        #expect(compare(pack(message), answer([message])) == .equal)
        #expect(compare(pack(message), answer([message], encoding)) == .equal, "not every message is compressed")
        #expect(compare(pack(message), pack(changed)).only?.path == "f_double")
        #expect(compare(pack(long), answer([long])) == .equal)
        #expect(compare(pack([]), answer([[]])) == .equal)
    }

    @Test("Damaged compression is no message")
    func damaged() {
        let sound = Self.compressed(message, bits: 31)
        let gzip: ([UInt8]) -> Outcome = {
            self.compare(self.answer([self.message]), self.answer([$0], .gzip, isCompressed: true))
        }
        #expect(gzip(sound) == .equal)
        for broken in [
            Array(sound.dropLast()), sound + [0], Array(sound.reversed()), [], Self.compressed(message, bits: 15),
        ] {
            #expect(gzip(broken).only?.first.other == .notAMessage(length: broken.count))
        }
        let members =
            Self.compressed(Array(message.prefix(4)), bits: 31) + Self.compressed(Array(message.dropFirst(4)), bits: 31)
        #expect(gzip(members) == .equal)
        let raw = Self.compressed(message, bits: -15)
        let outcome = compare(answer([message]), answer([raw], .deflate, isCompressed: true))
        #expect(outcome.only?.first.other == .notAMessage(length: raw.count))
        let identity = compare(answer([message]), answer([message], .identity, isCompressed: true))
        #expect(identity.only?.first.other == .notAMessage(length: message.count))
    }

    @Test("What comes out of a compressed message is bounded")
    func bomb() {
        let bomb = Self.compressed([UInt8](repeating: 0, count: 1 << 20), bits: 31)
        let other = Self.compressed([UInt8](repeating: 1, count: 1 << 20), bits: 31)
        let pair: (Int, Int) -> Outcome = { limit, work in
            let comparer = Comparer.make { ($0.largestMessage, $0.work) = (limit, work) }
            return comparer.compare(
                self.answer([bomb], .gzip, isCompressed: true), self.answer([other], .gzip, isCompressed: true),
                method: Fixtures.cook)
        }
        #expect(pair(1 << 20, 64_000_000).only?.path == "(message)")
        #expect(pair(1 << 20 - 1, 64_000_000) == .givenUp(.tooLarge))
        #expect(pair(1 << 10, 64_000_000) == .givenUp(.tooLarge))
        #expect(pair(0, 64_000_000) == .givenUp(.tooLarge))
        #expect(pair(16 << 20, 1 << 20) == .givenUp(.tooComplex))
    }

    @Test("Encodings that aren't known are compared byte for byte")
    func unknown() {
        let zstd = MessageEncoding(name: "zstd")
        #expect(
            compare(answer([[1, 2]], zstd, isCompressed: true), answer([[1, 2]], zstd, isCompressed: true)) == .equal)
        let outcome = compare(answer([[1, 2]], zstd, isCompressed: true), answer([[1, 3]], zstd, isCompressed: true))
        #expect(outcome.only?.path == "(message)" && outcome.only?.pair == "encoded (2 bytes) | encoded (2 bytes)")
        let snappy = answer([[1, 2]], MessageEncoding(name: "snappy"), isCompressed: true)
        #expect(compare(answer([[1, 2]], zstd, isCompressed: true), snappy).paths == ["(message)"])
        #expect(MessageEncoding(name: nil) == .identity && MessageEncoding(name: "identity") == .identity)
        #expect(MessageEncoding(name: "gzip") == .gzip && MessageEncoding(name: "deflate") == .deflate)
    }

    @Test("The number of paths and of differences is bounded, and the report says what is missing")
    func bounds() throws {
        let message: (Double) -> [UInt8] = { value in
            WireWriter.message { writer in for number in 1...100 as ClosedRange<UInt64> { writer.double(number, value) }
            }
        }
        let outcome = Comparer.make(typed: false).compare(message(1), message(2))
        #expect(outcome.differences?.list.count == 32 && outcome.differences?.areComplete == false)
        let few = Comparer.make(typed: false) { $0.mostDifferences = 5 }.compare(message(1), message(2))
        #expect(few.differences?.list.count == 5 && few.differences?.areComplete == false)
    }

    @Test("What differs as a whole can be ignored, too")
    func ignored() throws {
        let patterns = try ["(status)", "(messages)"].map { try PathPattern($0) }
        let comparer = Comparer.make { $0.ignored = patterns }
        #expect(comparer.compare(answer([]), answer([], status: 5), method: "/a/b") == .equal)
        #expect(comparer.compare(answer([message]), answer([]), method: "/a/b") == .equal)
    }
}
