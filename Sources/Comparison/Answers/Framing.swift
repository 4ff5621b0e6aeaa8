/// Where a message is in an answer's body (gRPC's `PROTOCOL-HTTP2.md`, Length-Prefixed-Message): one byte that is 1 for a
/// compressed message and 0 for any other, the length in four bytes, highest first, and the message.
struct Frame: Sendable, Equatable {
    /// Whether the bytes are compressed, in the encoding that the answer's head names.
    let isCompressed: Bool
    /// The message without the five bytes before it.
    let message: Range<Int>

    /// Compression flag and length before each message.
    private static let headerSize = 5

    /// The frame that begins at a place of a body, which has at least one more byte there.
    static func at(_ place: Int, of body: [UInt8]) -> Result<Frame, FramingFlaw> {
        let flag = body[place]
        guard flag <= 1 else { return .failure(.badFlag) }
        let start = place + headerSize
        guard start <= body.count else { return .failure(.truncated) }
        let length = (place + 1..<start).reduce(0) { $0 << 8 | Int(body[$1]) }
        guard length <= body.count - start else { return .failure(.truncated) }
        return .success(Frame(isCompressed: flag == 1, message: start..<start + length))
    }
}

/// The frames of an answer, in the order in which they came. Most answers have one, for which no list is made.
struct FrameList: Sendable, Equatable {
    private var first: Frame?
    private var others: [Frame] = []

    var count: Int { first == nil ? 0 : 1 + others.count }

    subscript(place: Int) -> Frame {
        guard place > 0 else {
            guard let first else { preconditionFailure("there are no frames") }
            return first
        }
        return others[place - 1]
    }

    mutating func append(_ frame: Frame) {
        if first == nil { first = frame } else { others.append(frame) }
    }
}

/// Why a response's bytes can't be taken apart into messages.
package enum FramingFlaw: String, Error, Sendable, Equatable {
    /// The bytes end within a message, or within the five bytes before it.
    case truncated
    /// A message begins with something else than 0 or 1.
    case badFlag
}
