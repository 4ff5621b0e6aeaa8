/// Takes header blocks out of what a peer sends; the rest goes to libnghttp2 unchanged.
///
/// A HEADERS frame that libnghttp2 would not get as far as decoding, because its length or the fields before its header
/// block are wrong, goes through too: libnghttp2 then ends the connection and says why.
package struct FrameInput {
    /// The next part of the input.
    ///
    /// Soundness: what is lent lies in the input, and is used before that ends.
    @safe
    package enum Piece {
        /// Bytes for libnghttp2, lent.
        case through(UnsafeRawBufferPointer)
        /// As `through`, with bytes that had to be kept.
        case kept([UInt8])
        /// A whole header block or a part of one, lent.
        case block(HeadersFrame, UnsafeRawBufferPointer, Extent)
        /// As `block`, with bytes that had to be kept.
        case keptBlock(HeadersFrame, [UInt8], Extent)
        /// A PRIORITY frame of the right length.
        case priority(PriorityFrame)
        /// The next frame interrupts a header block (RFC 9113, section 6.10).
        case interrupted(HeadersFrame)
        /// A frame of a header block is larger than allowed (RFC 9113, section 4.2).
        case oversized
        /// A PUSH_PROMISE, while `passesPushPromises` is false.
        case pushPromise
    }

    /// The part of a header block that a frame has.
    package enum Extent {
        case whole
        case first
        case middle
        case last
    }

    private enum State {
        /// This many bytes go through before the next frame begins.
        case passing(Int)
        /// At the beginning of a frame, or within its header.
        case header
        /// This many bytes of a HEADERS, CONTINUATION or PRIORITY frame are missing.
        case payload(FrameHeader, missing: Int)
    }

    private var state: State
    /// The bytes received of an incomplete header or payload.
    private var kept: [UInt8] = []
    /// The frame whose header block is being continued.
    private var open: HeadersFrame?
    /// What the client has done with its streams, as a server sees it.
    package var streams = PeerStreams()
    private let isServer: Bool
    /// The streams on which DATA came although the client must send none there any more.
    package private(set) var strays: [StreamID] = []
    /// Whether libnghttp2 ends the session for any PUSH_PROMISE, so that it is to see it.
    package var passesPushPromises: Bool

    /// - Parameters:
    ///   - preface: bytes in front of the first frame (RFC 9113, section 3.4).
    ///   - isServer: whether the peer opens the streams.
    package init(preface: Int, isServer: Bool, passesPushPromises: Bool) {
        self.passesPushPromises = passesPushPromises
        self.isServer = isServer
        state = preface > 0 ? .passing(preface) : .header
    }

    /// Whether a header block has begun and not finished.
    package var isWithinBlock: Bool {
        if case .payload(let header, _) = state { !isPriority(header) } else { open != nil }
    }

    /// Takes the next piece from the front of the input.
    ///
    /// - Returns: `nil` if there is nothing to do until more comes.
    package mutating func next(_ input: inout UnsafeRawBufferPointer) -> Piece? {
        while unsafe !input.isEmpty {
            switch state {
            case .passing(let count):
                state = .header
                return unsafe .through(takeRun(count, &input))
            case .header where kept.isEmpty && input.count >= FrameHeader.length:
                let header = unsafe FrameHeader(input)
                if let piece = unsafe takePlainBlock(header, &input) { return piece }
                if let piece = piece(beginning: header) { return piece }
                guard isBlockFrame(header) || isPriority(header) else { return unsafe .through(takeRun(0, &input)) }
                let payload = unsafe input.dropFirst(FrameHeader.length)
                guard unsafe payload.count >= header.payloadLength else {
                    state = .payload(header, missing: header.payloadLength)
                    unsafe input = UnsafeRawBufferPointer(rebasing: payload)
                    continue
                }
                let whole = unsafe UnsafeRawBufferPointer(rebasing: payload.prefix(header.payloadLength))
                guard unsafe isInOrder(header, whole) else {
                    return unsafe .through(takeFrame(header, &input))
                }
                unsafe input = UnsafeRawBufferPointer(rebasing: payload.dropFirst(header.payloadLength))
                return unsafe finish(header, whole)
            case .header:
                unsafe keep(FrameHeader.length - kept.count, of: &input)
                guard kept.count == FrameHeader.length else { return nil }
                if let piece = beginKept() { return piece }
            case .payload(let header, let missing):
                let added = unsafe keep(missing, of: &input)
                guard added == missing else {
                    state = .payload(header, missing: missing - added)
                    return nil
                }
                return finishKept(header)
            }
        }
        return nil
    }

    /// Takes a header block that is whole and fills its frame, as most do.
    @inline(__always)
    private func takePlainBlock(_ header: FrameHeader, _ input: inout UnsafeRawBufferPointer) -> Piece? {
        let end = FrameHeader.length &+ header.payloadLength
        guard header.kind == FrameHeader.Kind.headers, open == nil, end <= input.count,
            header.flags & ~FrameHeader.Flag.endStream == FrameHeader.Flag.endHeaders,
            header.payloadLength <= FrameHeader.largestPayload
        else { return nil }
        let block = unsafe UnsafeRawBufferPointer(rebasing: input[FrameHeader.length..<end])
        unsafe input = UnsafeRawBufferPointer(rebasing: input[end...])
        return unsafe .block(HeadersFrame(header, block), block, .whole)
    }

    // MARK: Frames that go through

    /// Takes bytes that go through, together with all following frames that do so too.
    private mutating func takeRun(_ first: Int, _ input: inout UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var end = first
        while end &+ FrameHeader.length <= input.count {
            let header = unsafe FrameHeader(UnsafeRawBufferPointer(rebasing: input[end...]))
            if isBlockFrame(header) || isUnwanted(header) || isPriority(header) { break }
            if isServer { note(header) }
            end &+= FrameHeader.length &+ header.payloadLength
        }
        if end > input.count { state = .passing(end - input.count) }
        let count = min(end, input.count)
        defer { unsafe input = UnsafeRawBufferPointer(rebasing: input[count...]) }
        return unsafe UnsafeRawBufferPointer(rebasing: input[..<count])
    }

    /// Notes what a frame that goes through does to its stream.
    @inline(__always)
    private mutating func note(_ header: FrameHeader) {
        if header.kind == FrameHeader.Kind.data {
            let isStray = streams.data(on: header.stream, endsStream: header.has(FrameHeader.Flag.endStream))
            if isStray { strays.append(header.stream) }
        } else if header.kind == FrameHeader.Kind.resetStream {
            streams.resetReceived(on: header.stream)
        }
    }

    /// Returns the streams on which DATA came after the client had ended them, and forgets them: each is a stream error
    /// (RFC 9113, section 5.1).
    package mutating func takeStrays() -> [StreamID] {
        defer { strays = [] }
        return strays
    }

    private mutating func takeFrame(
        _ header: FrameHeader, _ input: inout UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer {
        let count = FrameHeader.length + header.payloadLength
        defer { unsafe input = UnsafeRawBufferPointer(rebasing: input[count...]) }
        return unsafe UnsafeRawBufferPointer(rebasing: input[..<count])
    }

    // MARK: Header blocks

    /// Whether a frame carries a header block, and no more than a frame may.
    @inline(__always)
    private func isBlockFrame(_ header: FrameHeader) -> Bool {
        guard header.payloadLength <= FrameHeader.largestPayload else { return false }
        return open == nil ? header.kind == FrameHeader.Kind.headers : header.kind == FrameHeader.Kind.continuation
    }

    /// Whether a frame is a PRIORITY with a payload of the right length; libnghttp2 ends the session for any other
    /// length.
    @inline(__always)
    private func isPriority(_ header: FrameHeader) -> Bool {
        header.kind == FrameHeader.Kind.priority && header.payloadLength == PriorityFrame.payloadLength && open == nil
    }

    @inline(__always)
    private func isUnwanted(_ header: FrameHeader) -> Bool {
        header.kind == FrameHeader.Kind.pushPromise && !passesPushPromises
    }

    /// Whether a HEADERS frame's fields before the header block, and its padding, are in order.
    private func isInOrder(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) -> Bool {
        unsafe open != nil || isPriority(header) || HeadersFrame.blockRange(header, payload) != nil
    }

    /// The piece to report before a frame is taken in; `nil` if there is none.
    @inline(__always)
    private mutating func piece(beginning header: FrameHeader) -> Piece? {
        guard let open else { return isUnwanted(header) ? .pushPromise : nil }
        guard header.kind == FrameHeader.Kind.continuation, header.stream == open.stream else {
            self.open = nil
            return .interrupted(open)
        }
        guard header.payloadLength <= FrameHeader.largestPayload else {
            self.open = nil
            return .oversized
        }
        return nil
    }

    /// Takes in a whole frame.
    private mutating func finish(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) -> Piece {
        if let open {
            guard header.has(FrameHeader.Flag.endHeaders) else { return unsafe .block(open, payload, .middle) }
            self.open = nil
            return unsafe .block(open, payload, .last)
        }
        if isPriority(header) { return unsafe .priority(PriorityFrame(header, payload)) }
        guard let range = unsafe HeadersFrame.blockRange(header, payload) else {
            preconditionFailure("isInOrder has said so")
        }
        let frame = unsafe HeadersFrame(header, payload)
        let block = unsafe UnsafeRawBufferPointer(rebasing: payload[range])
        if header.has(FrameHeader.Flag.endHeaders) { return unsafe .block(frame, block, .whole) }
        open = frame
        return unsafe .block(frame, block, .first)
    }

    // MARK: Frames that come in parts

    @discardableResult
    private mutating func keep(_ most: Int, of input: inout UnsafeRawBufferPointer) -> Int {
        let part = unsafe input.prefix(most)
        unsafe kept += part
        unsafe input = UnsafeRawBufferPointer(rebasing: input.dropFirst(part.count))
        return unsafe part.count
    }

    /// Begins a frame whose header came in parts and is complete.
    private mutating func beginKept() -> Piece? {
        let header = unsafe kept.withUnsafeBytes { unsafe FrameHeader($0) }
        if let piece = piece(beginning: header) { return piece }
        guard isBlockFrame(header) || isPriority(header) else {
            if isServer { note(header) }
            state = header.payloadLength > 0 ? .passing(header.payloadLength) : .header
            return .kept(takeKept())
        }
        kept.removeAll(keepingCapacity: true)
        guard header.payloadLength > 0 else { return finishKept(header) }
        state = .payload(header, missing: header.payloadLength)
        return nil
    }

    /// Finishes a frame whose payload came in parts and is complete.
    private mutating func finishKept(_ header: FrameHeader) -> Piece {
        state = .header
        let payload = takeKept()
        return unsafe payload.withUnsafeBytes { bytes -> Piece in
            guard unsafe isInOrder(header, bytes) else {
                var frame = [UInt8](repeating: 0, count: FrameHeader.length)
                unsafe frame.withUnsafeMutableBytes { unsafe header.write(to: $0) }
                return .kept(frame + payload)
            }
            let piece = unsafe finish(header, bytes)
            if case .block(let frame, let block, let extent) = piece {
                return unsafe .keptBlock(frame, Array(block), extent)
            }
            return piece
        }
    }

    private mutating func takeKept() -> [UInt8] {
        defer { kept = [] }
        return kept
    }
}
