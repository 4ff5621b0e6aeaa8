import HTTP2
import Testing

@Suite struct FrameOutputTests {
    private let pool = HeaderListPool()
    private static let flags = FrameBytes.Flag.endHeaders | FrameBytes.Flag.endStream

    /// Writes one piece of output.
    private func write(
        _ output: inout FrameOutput, capacity: Int = 2 * FrameOutput.largestFrame, _ body: (inout FrameOutput) -> Void
    ) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            unsafe output.begin(UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: capacity))
            body(&output)
            count = output.count
            output.end()
        }
    }

    private func writeHeaders(
        _ output: inout FrameOutput, _ list: HeaderList, with encoder: inout HPACKEncoder, emptyBlock: [UInt8] = [],
        on stream: StreamID = 1
    ) {
        let header = FrameHeader(
            payloadLength: emptyBlock.count, kind: FrameBytes.Kind.headers, flags: Self.flags, stream: stream)
        unsafe emptyBlock.withUnsafeBytes { unsafe output.writeHeaders(header, $0, list, with: &encoder, pool) }
    }

    /// Splits bytes into frames.
    private func frames(_ bytes: [UInt8]) -> [(header: FrameHeader, payload: [UInt8])] {
        var frames: [(header: FrameHeader, payload: [UInt8])] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let header = unsafe rest.withUnsafeBytes { unsafe FrameHeader($0) }
            rest = rest.dropFirst(FrameBytes.headerLength)
            frames.append((header, Array(rest.prefix(header.payloadLength))))
            rest = rest.dropFirst(header.payloadLength)
        }
        return frames
    }

    private func list(_ fields: [(String, String)]) -> HeaderList {
        let list = pool.take()
        for (name, value) in fields { list.append(name: name, value: value) }
        return list
    }

    /// A list whose block takes several frames, as its bytes have long Huffman codes.
    private func longList(_ name: String) -> HeaderList {
        list((0..<5).map { (name + "\($0)", String(repeating: "~", count: 8_000)) })
    }

    @Test func aBlockTakesThePlaceOfTheEmptyOne() throws {
        var output = FrameOutput()
        var encoder = HPACKEncoder(role: .server)
        let list = list([(":status", "200"), ("x", "1")])
        let bytes = write(&output) { writeHeaders(&$0, list, with: &encoder, emptyBlock: [0x83], on: 7) }
        let frames = frames(bytes)
        #expect(frames.count == 1 && frames[0].header.stream == 7 && frames[0].header.flags == Self.flags)
        #expect(frames[0].header.kind == FrameBytes.Kind.headers && !output.hasRest)
        #expect(try Inflater().inflate(frames[0].payload).map(\.description) == [":status: 200", "x: 1"])
        pool.give(list)
    }

    /// RFC 7541, section 6.3.
    @Test func changesOfTheTablesSizeStayInFront() throws {
        var output = FrameOutput()
        var encoder = HPACKEncoder(role: .server)
        let list = list([("x", "1")])
        let resizes: [UInt8] = [0x20, 0x3f, 0xe1, 0x1f]
        let bytes = write(&output) { writeHeaders(&$0, list, with: &encoder, emptyBlock: resizes + [0x83]) }
        let payload = frames(bytes)[0].payload
        #expect(payload.starts(with: resizes))
        #expect(try Inflater().inflate(payload).map(\.description) == ["x: 1"])
        pool.give(list)
    }

    /// RFC 9113, section 6.10.
    @Test(arguments: [1, 100, FrameOutput.largestFrame]) func longBlocksTakeSeveralFrames(capacity: Int) throws {
        var output = FrameOutput()
        var encoder = HPACKEncoder(role: .server)
        let lists = [longList("a"), longList("b")]
        var bytes = write(&output) { output in
            for (list, stream) in zip(lists, [1, 3] as [StreamID]) {
                writeHeaders(&output, list, with: &encoder, on: stream)
            }
        }
        #expect(bytes.isEmpty && output.hasRest, "they go out before anything else")
        while output.hasRest {
            bytes += write(&output, capacity: capacity) { output in
                let (room, hasWrittenAll) = (output.room, output.writeRest())
                #expect(hasWrittenAll == !output.hasRest)
                if !hasWrittenAll { #expect(output.room == 0 && room == capacity) }
            }
        }
        let frames = frames(bytes)
        let inflater = Inflater()
        for (list, stream) in zip(lists, [1, 3] as [StreamID]) {
            let own = frames.filter { $0.header.stream == stream }
            #expect(own.count > 2 && own.allSatisfy { $0.payload.count == $0.header.payloadLength })
            #expect(own.map(\.header.kind) == [1] + [UInt8](repeating: 9, count: own.count - 1))
            #expect(own.dropLast().allSatisfy { $0.payload.count == 16_384 })
            let flags = [FrameBytes.Flag.endStream] + [UInt8](repeating: 0, count: own.count - 2)
            #expect(own.map(\.header.flags) == flags + [FrameBytes.Flag.endHeaders])
            let fields = try inflater.inflate(own.flatMap(\.payload)).map(\.description)
            #expect(fields == list.list.map { "\($0.name): \($0.value)" })
            pool.give(list)
        }
        #expect(frames.map(\.header.stream) == frames.map(\.header.stream).sorted(), "one block after the other")
    }

    /// DATA is written behind a gap for its frame header, provided that a full frame fits there.
    @Test func leavesAGapForDataOnlyIfAFullFrameFits() {
        var output = FrameOutput()
        let length = 100
        let least = 5 + FrameBytes.headerLength + length + FrameOutput.largestFrame
        let before = [UInt8](repeating: 9, count: 5)
        _ = write(&output, capacity: least - 1) { output in
            unsafe before.withUnsafeBytes { unsafe output.write($0) }
            unsafe #expect(output.dataRoom(for: length) == nil)
        }
        let payload = (0..<length).map { UInt8($0) }
        let header = Array(FrameBytes.frame(FrameBytes.Kind.data, 0, 1, payload).prefix(FrameBytes.headerLength))
        let bytes = write(&output, capacity: least) { output in
            unsafe before.withUnsafeBytes { unsafe output.write($0) }
            let room = unsafe output.dataRoom(for: length)
            unsafe #expect(room?.count == length)
            unsafe room?.copyBytes(from: payload)
            unsafe output.dataWritten(header: header, length: length)
        }
        #expect(bytes == before + header + payload)
    }

    @Test func onlyHeadersFramesAreLookedAt() {
        let headers = FrameBytes.frame(FrameBytes.Kind.headers, 0x4, 5, [0x82])
        let stream = unsafe headers.withUnsafeBytes { unsafe FrameOutput.headersHeader(of: $0)?.stream }
        #expect(stream == 5)
        let others = [
            FrameBytes.preface, FrameBytes.frame(FrameBytes.Kind.data, 0, 1, [1]),
            FrameBytes.frame(FrameBytes.Kind.continuation, 0, 1, [1]), Array(headers.prefix(8)),
        ]
        for other in others {
            let isLookedAt = unsafe other.withUnsafeBytes { unsafe FrameOutput.headersHeader(of: $0) != nil }
            #expect(!isLookedAt)
        }
    }
}
