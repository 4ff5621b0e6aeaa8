/// Takes a gRPC stream's messages out of its DATA (gRPC's `PROTOCOL-HTTP2.md`).
package struct MessageReader {
    /// The bytes that can't be read as messages.
    package enum Flaw: Error, Equatable {
        /// A message, or what comes before its end, has more bytes than `largest`.
        case tooLong
        /// A message is compressed, although the request offers no compression.
        case compressed
    }

    /// The most bytes of one message.
    package let largest: Int
    /// Compression flag and length before each message.
    private static let headerSize = 5

    private var bytes: [UInt8] = []

    /// - Parameter largest: the most bytes of one message.
    package init(largest: Int) {
        self.largest = largest
    }

    /// Adds bytes and takes out the messages that they complete.
    package mutating func messages(adding new: UnsafeRawBufferPointer) throws(Flaw) -> [[UInt8]] {
        unsafe bytes += new
        var found: [[UInt8]] = []
        var rest = bytes[...]
        while rest.count >= Self.headerSize {
            guard rest[rest.startIndex] == 0 else { throw .compressed }
            let length = rest.dropFirst().prefix(4).reduce(0) { $0 << 8 | Int($1) }
            guard length <= largest else { throw .tooLong }
            guard rest.count >= Self.headerSize + length else { break }
            found.append(Array(rest.dropFirst(Self.headerSize).prefix(length)))
            rest = rest.dropFirst(Self.headerSize + length)
        }
        if !found.isEmpty { bytes = Array(rest) }
        return found
    }

    /// A message with its header.
    package static func framed(_ message: [UInt8]) -> [UInt8] {
        let length = UInt32(message.count)
        return [0] + (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) } + message
    }
}
