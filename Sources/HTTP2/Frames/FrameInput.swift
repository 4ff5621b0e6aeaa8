/// Takes header blocks out of what a peer sends: the rest is for libnghttp2 as it came.
///
/// A HEADERS frame that libnghttp2 would not get as far as decoding, since its fields in front of the block or its length
/// are wrong, goes through too: it is libnghttp2 that ends the connection then, and says why.
struct FrameInput {
    /// What comes next in the input.
    enum Piece {
        /// Bytes for libnghttp2, lent.
        case through(UnsafeRawBufferPointer)
        /// As `through`, of bytes that had to be kept.
        case kept([UInt8])
        /// A whole header block, lent.
        case block(HeadersFrame, UnsafeRawBufferPointer)
        /// As `block`, of bytes that had to be kept.
        case keptBlock(HeadersFrame, [UInt8])
        /// The frames of a block have been interrupted by what follows (RFC 9113, section 6.10).
        case interrupted(HeadersFrame)
        /// A frame of a block is larger than any may be (RFC 9113, section 4.2).
        case oversized
        /// A block has more frames than any sound one.
        case tooManyContinuations
        /// A block has more bytes than a list within the limits takes.
        case tooLong
        /// A PUSH_PROMISE, while `passesPushPromises` is false.
        case pushPromise
    }

    private enum State {
        /// So many bytes go through before the next frame begins.
        case passing(Int)
        /// At the beginning of a frame, or within its header.
        case header
        /// So many bytes of a HEADERS or CONTINUATION frame are missing.
        case payload(FrameHeader, missing: Int)
    }

    private var state: State
    /// What has come of a header, or of the payload that is incomplete.
    private var kept: [UInt8] = []
    /// The block that is being continued, and what it has so far.
    private var open: (frame: HeadersFrame, block: [UInt8], continuations: Int)?
    private let mostBlockBytes: Int
    /// Whether libnghttp2 ends the session for any PUSH_PROMISE, and so is to see it.
    var passesPushPromises: Bool

    /// As many as libnghttp2 takes.
    private static let mostContinuations = 8

    /// - Parameters:
    ///   - preface: bytes in front of the first frame (RFC 9113, section 3.4).
    ///   - mostBlockBytes: what a block may have, encoded.
    init(preface: Int, mostBlockBytes: Int, passesPushPromises: Bool) {
        self.passesPushPromises = passesPushPromises
        state = preface > 0 ? .passing(preface) : .header
        self.mostBlockBytes = mostBlockBytes
    }

    /// Whether a header block has been begun and not finished.
    var isWithinBlock: Bool {
        if case .payload = state { true } else { open != nil }
    }

    /// Takes the next piece from the front of the input.
    ///
    /// - Returns: `nil` once there is nothing to do until more comes.
    mutating func next(_ input: inout UnsafeRawBufferPointer) -> Piece? {
        while !input.isEmpty {
            switch state {
            case .passing(let count):
                state = .header
                return .through(takeRun(count, &input))
            case .header where kept.isEmpty && input.count >= FrameHeader.length:
                let header = FrameHeader(input)
                if let piece = takePlainBlock(header, &input) { return piece }
                if let piece = piece(beginning: header) { return piece }
                guard isBlockFrame(header) else { return .through(takeRun(0, &input)) }
                let payload = input.dropFirst(FrameHeader.length)
                guard payload.count >= header.payloadLength else {
                    state = .payload(header, missing: header.payloadLength)
                    input = UnsafeRawBufferPointer(rebasing: payload)
                    continue
                }
                let whole = UnsafeRawBufferPointer(rebasing: payload.prefix(header.payloadLength))
                guard isInOrder(header, whole) else {
                    return .through(takeFrame(header, &input))
                }
                input = UnsafeRawBufferPointer(rebasing: payload.dropFirst(header.payloadLength))
                if let piece = finish(header, whole) { return piece }
            case .header:
                keep(FrameHeader.length - kept.count, of: &input)
                guard kept.count == FrameHeader.length else { return nil }
                if let piece = beginKept() { return piece }
            case .payload(let header, let missing):
                let added = keep(missing, of: &input)
                guard added == missing else {
                    state = .payload(header, missing: missing - added)
                    return nil
                }
                if let piece = finishKept(header) { return piece }
            }
        }
        return nil
    }

    /// Takes a block that is whole, and all there is in its frame: most are.
    @inline(__always)
    private func takePlainBlock(_ header: FrameHeader, _ input: inout UnsafeRawBufferPointer) -> Piece? {
        let end = FrameHeader.length &+ header.payloadLength
        guard header.kind == FrameHeader.Kind.headers, open == nil, end <= input.count,
            header.flags & ~FrameHeader.Flag.endStream == FrameHeader.Flag.endHeaders,
            header.payloadLength <= FrameHeader.largestPayload
        else { return nil }
        let block = UnsafeRawBufferPointer(rebasing: input[FrameHeader.length..<end])
        input = UnsafeRawBufferPointer(rebasing: input[end...])
        return .block(HeadersFrame(header, block), block)
    }

    // MARK: What goes through

    /// Takes bytes that go through, with all the frames behind them that do so too.
    private mutating func takeRun(_ first: Int, _ input: inout UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var end = first
        while end &+ FrameHeader.length <= input.count {
            let header = FrameHeader(UnsafeRawBufferPointer(rebasing: input[end...]))
            if isBlockFrame(header) || isUnwanted(header) { break }
            end &+= FrameHeader.length &+ header.payloadLength
        }
        if end > input.count { state = .passing(end - input.count) }
        let count = min(end, input.count)
        defer { input = UnsafeRawBufferPointer(rebasing: input[count...]) }
        return UnsafeRawBufferPointer(rebasing: input[..<count])
    }

    private mutating func takeFrame(
        _ header: FrameHeader, _ input: inout UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer {
        let count = FrameHeader.length + header.payloadLength
        defer { input = UnsafeRawBufferPointer(rebasing: input[count...]) }
        return UnsafeRawBufferPointer(rebasing: input[..<count])
    }

    // MARK: Blocks

    /// Whether a frame carries a header block, and not more than a frame may.
    @inline(__always)
    private func isBlockFrame(_ header: FrameHeader) -> Bool {
        guard header.payloadLength <= FrameHeader.largestPayload else { return false }
        return open == nil ? header.kind == FrameHeader.Kind.headers : header.kind == FrameHeader.Kind.continuation
    }

    @inline(__always)
    private func isUnwanted(_ header: FrameHeader) -> Bool {
        header.kind == FrameHeader.Kind.pushPromise && !passesPushPromises
    }

    /// Whether the fields of a HEADERS frame in front of the block, and its padding, are in order.
    private func isInOrder(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) -> Bool {
        open != nil || HeadersFrame.blockRange(header, payload) != nil
    }

    /// What has to be said before a frame is taken in.
    @inline(__always)
    private mutating func piece(beginning header: FrameHeader) -> Piece? {
        guard let open else { return isUnwanted(header) ? .pushPromise : nil }
        guard header.kind == FrameHeader.Kind.continuation, header.stream == open.frame.stream else {
            self.open = nil
            return .interrupted(open.frame)
        }
        guard header.payloadLength <= FrameHeader.largestPayload else {
            self.open = nil
            return .oversized
        }
        return open.continuations < Self.mostContinuations ? nil : .tooManyContinuations
    }

    /// Takes in a whole frame.
    ///
    /// - Returns: the block, if it ends here.
    private mutating func finish(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) -> Piece? {
        guard open == nil else { return continueBlock(header, payload) }
        guard let range = HeadersFrame.blockRange(header, payload) else { preconditionFailure("isInOrder has said so") }
        let frame = HeadersFrame(header, payload)
        let block = UnsafeRawBufferPointer(rebasing: payload[range])
        if header.has(FrameHeader.Flag.endHeaders) { return .block(frame, block) }
        open = (frame, Array(block), 0)
        return nil
    }

    private mutating func continueBlock(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) -> Piece? {
        open?.block += payload
        open?.continuations += 1
        guard let (frame, block, _) = open else { return nil }
        if block.count > mostBlockBytes { return .tooLong }
        guard header.has(FrameHeader.Flag.endHeaders) else { return nil }
        open = nil
        return .keptBlock(frame, block)
    }

    // MARK: What comes in parts

    @discardableResult
    private mutating func keep(_ most: Int, of input: inout UnsafeRawBufferPointer) -> Int {
        let part = input.prefix(most)
        kept += part
        input = UnsafeRawBufferPointer(rebasing: input.dropFirst(part.count))
        return part.count
    }

    /// A header is complete that came in parts.
    private mutating func beginKept() -> Piece? {
        let header = kept.withUnsafeBytes { FrameHeader($0) }
        if let piece = piece(beginning: header) { return piece }
        guard isBlockFrame(header) else {
            state = header.payloadLength > 0 ? .passing(header.payloadLength) : .header
            return .kept(takeKept())
        }
        kept.removeAll(keepingCapacity: true)
        guard header.payloadLength > 0 else { return finishKept(header) }
        state = .payload(header, missing: header.payloadLength)
        return nil
    }

    /// A payload is complete that came in parts.
    private mutating func finishKept(_ header: FrameHeader) -> Piece? {
        state = .header
        let payload = takeKept()
        return payload.withUnsafeBytes { bytes -> Piece? in
            guard isInOrder(header, bytes) else {
                var frame = [UInt8](repeating: 0, count: FrameHeader.length)
                frame.withUnsafeMutableBytes { header.write(to: $0) }
                return .kept(frame + payload)
            }
            let piece = finish(header, bytes)
            if case .block(let frame, let block) = piece { return .keptBlock(frame, Array(block)) }
            return piece
        }
    }

    private mutating func takeKept() -> [UInt8] {
        defer { kept = [] }
        return kept
    }
}
