/// One side's answer to a call, as far as it is compared: the status with which it ended, and its messages. Metadata isn't
/// part of it.
package struct Answer: Sendable {
    /// The call's gRPC status, 0 (OK) to 16; a number beyond that is taken for UNKNOWN, as gRPC's clients do.
    package let status: Int
    /// How the messages that are marked as compressed are compressed.
    package let encoding: MessageEncoding
    /// All of the answer's DATA.
    let body: [UInt8]
    /// The messages in it.
    let frames: FrameList
    /// Why the messages end before the body does; `nil` if it was taken apart to the end.
    package let flaw: FramingFlaw?

    /// Takes a body apart into messages.
    ///
    /// - Parameters:
    ///   - status: the gRPC status in the trailers.
    ///   - encoding: the compression that the head names.
    package init(status: Int, encoding: MessageEncoding = .identity, body: [UInt8]) {
        var frames = FrameList()
        var place = 0
        var flaw: FramingFlaw?
        while flaw == nil, place < body.count {
            switch Frame.at(place, of: body) {
            case .success(let frame):
                frames.append(frame)
                place = frame.message.upperBound
            case .failure(let found): flaw = found
            }
        }
        self.status = (0...16).contains(status) ? status : 2
        self.encoding = encoding
        self.body = body
        self.frames = frames
        self.flaw = flaw
    }

    /// The messages, in the order in which they came.
    package var messages: [[UInt8]] { (0..<frames.count).map { Array(body[frames[$0].message]) } }

    /// Whether a message has the same bytes as the one at the same place of another answer with the same encoding.
    func hasSameMessage(_ place: Int, as other: Answer) -> Bool {
        let (frame, its) = (frames[place], other.frames[place])
        guard frame.isCompressed == its.isCompressed else { return false }
        return unsafe body.withUnsafeBufferPointer { left in
            // The closures keep the bytes in place while they are compared.
            unsafe other.body.withUnsafeBufferPointer { right in
                unsafe BorrowedBytes(left).isSame(frame.message, as: BorrowedBytes(right), its.message)
            }
        }
    }

    /// Whether another answer is the same, byte for byte.
    func isSame(as other: Answer) -> Bool {
        guard status == other.status, flaw == nil, other.flaw == nil, frames.count == other.frames.count,
            encoding == other.encoding
        else { return false }
        for place in 0..<frames.count where !hasSameMessage(place, as: other) { return false }
        return true
    }
}
