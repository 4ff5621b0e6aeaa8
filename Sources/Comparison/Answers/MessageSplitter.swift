/// Why a response's bytes can't be taken apart into messages.
package enum FramingFlaw: String, Error, Sendable, Equatable {
    /// The bytes end within a message, or within the five bytes before it.
    case truncated
    /// A message begins with something else than 0 or 1.
    case badFlag
    /// The messages take more memory than they may.
    case tooLarge
}

/// Takes a gRPC response's body apart into messages, as its bytes arrive (gRPC's `PROTOCOL-HTTP2.md`, Length-Prefixed-Message):
/// one byte that is 1 for a compressed message and 0 for any other, the length in four bytes, highest first, and the message.
///
/// The memory that it takes is bounded, whatever lengths the bytes announce. After a flaw the rest is passed over.
package struct MessageSplitter: Sendable {
    /// Compression flag and length before each message.
    private static let headerSize = 5
    /// What a message takes in memory besides its bytes: an array's head and the place in the list.
    private static let overhead = 64
    /// The most bytes that are set aside for a message before they come.
    private static let mostReserved = 64 << 10

    /// The messages that are complete.
    package private(set) var messages: [FramedMessage] = []
    /// What was wrong, once something was.
    package private(set) var flaw: FramingFlaw?
    /// Memory left, in bytes.
    private var room: Int

    private var header: (bytes: UInt64, count: Int) = (0, 0)
    private var message: [UInt8] = []
    private var missing = 0

    /// - Parameter limit: the most bytes of memory that the messages may take together; each counts for 64 more than it has.
    package init(limit: Int) {
        room = limit
    }

    /// Takes the next bytes, in pieces of any size.
    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        var rest = unsafe bytes[...]
        while unsafe !rest.isEmpty, flaw == nil {
            if header.count < Self.headerSize {
                unsafe header = (header.bytes << 8 | UInt64(rest.removeFirst()), header.count + 1)
                if header.count == Self.headerSize { begin() }
            } else {
                let piece = unsafe rest.prefix(missing)
                unsafe message.append(contentsOf: piece)
                unsafe missing -= piece.count
                unsafe rest = rest.dropFirst(piece.count)
                if missing == 0 { complete() }
            }
        }
    }

    /// The answer that the messages are part of, now that all bytes have come.
    ///
    /// - Parameters:
    ///   - status: the gRPC status in the trailers.
    ///   - encoding: the compression that the head names.
    package consuming func answer(status: Int, encoding: MessageEncoding) -> Answer {
        Answer(
            status: status, encoding: encoding, messages: messages,
            flaw: flaw ?? (header.count > 0 ? .truncated : nil))
    }

    private mutating func begin() {
        guard header.bytes >> 32 <= 1 else { return fail(.badFlag) }
        missing = Int(header.bytes & 0xFFFF_FFFF)
        guard missing + Self.overhead <= room else { return fail(.tooLarge) }
        room -= missing + Self.overhead
        message.reserveCapacity(min(missing, Self.mostReserved))
        if missing == 0 { complete() }
    }

    private mutating func complete() {
        messages.append(FramedMessage(isCompressed: header.bytes >> 32 == 1, bytes: message))
        message = []
        header = (0, 0)
    }

    private mutating func fail(_ flaw: FramingFlaw) {
        self.flaw = flaw
        message = []
        missing = 0
    }
}
