/// Puts the messages of one direction of a call together (gRPC's `PROTOCOL-HTTP2.md`, "Length-Prefixed-Message"): a byte
/// that says whether a message is compressed, its length in four, and its bytes.
///
/// A message's memory grows with what has come, not with what its length claims.
package struct MessageAssembler {
    /// A message that is complete.
    package struct Message {
        package let isCompressed: Bool
        package let bytes: [UInt8]
    }

    /// Why the direction can't go on.
    package enum Flaw: Error, Equatable {
        /// A message is longer than it may be.
        case tooLong(Int)
        /// The first byte of a message is neither 0 nor 1.
        case unknownFlag(UInt8)
    }

    /// The most bytes of a message.
    private let most: Int
    private var prefix: InlineArray<5, UInt8> = [0, 0, 0, 0, 0]
    private var prefixCount = 0
    /// The message that is coming.
    private var message: [UInt8] = []
    private var length = 0

    package init(most: Int) {
        self.most = most
    }

    /// Whether a message has begun and isn't complete.
    package var isWithinMessage: Bool { prefixCount > 0 }

    /// Bytes that are held of a message that isn't complete.
    package var held: Int { message.count }

    /// The memory taken up front for a message; the rest is taken as it comes.
    private static let mostReserved = 64 * 1024

    /// Takes bytes off the front until a message is complete or none are left.
    ///
    /// - Returns: the message; `nil` if it isn't complete.
    package mutating func next(_ bytes: inout UnsafeRawBufferPointer) throws(Flaw) -> Message? {
        while prefixCount < 5 {
            guard let byte = unsafe bytes.first else { return nil }
            prefix[prefixCount] = byte
            prefixCount += 1
            unsafe bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
            if prefixCount == 5 { try begin() }
        }
        let count = min(length - message.count, bytes.count)
        unsafe message.append(contentsOf: bytes.prefix(count))
        unsafe bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(count))
        guard message.count == length else { return nil }
        defer {
            message = []
            prefixCount = 0
        }
        return Message(isCompressed: prefix[0] == 1, bytes: message)
    }

    private mutating func begin() throws(Flaw) {
        guard prefix[0] <= 1 else { throw .unknownFlag(prefix[0]) }
        length = (1..<5).reduce(0) { $0 << 8 | Int(prefix[$1]) }
        guard length <= most else { throw .tooLong(length) }
        message.reserveCapacity(min(length, Self.mostReserved))
    }

    /// The five bytes in front of a message.
    package static func prefix(isCompressed: Bool, length: Int) -> InlineArray<5, UInt8> {
        [
            isCompressed ? 1 : 0, UInt8(truncatingIfNeeded: length >> 24), UInt8(truncatingIfNeeded: length >> 16),
            UInt8(truncatingIfNeeded: length >> 8), UInt8(truncatingIfNeeded: length),
        ]
    }
}
