/// Reassembles messages that are larger than a packet and so come in pieces.
///
/// A message that fits into a packet is sent as one, and begins with JSON's brace. A piece begins with a head: a byte
/// that no JSON begins with, the message's number, by which pieces of several messages may be interleaved, and the
/// message's length, both with the lowest byte first. Pieces of one message come in order. If an earlier owner of the
/// line took a message's first pieces, the rest never reaches its length and is dropped.
///
/// The second version of the handover sent a byte that is 1 for the last piece instead of the length: that is still
/// read.
package struct MessagePieces {
    /// The byte that a head begins with, by version.
    private enum Mark {
        static let second: UInt8 = 1
        static let third: UInt8 = 2
    }

    private struct Head {
        var number: UInt32
        /// The whole message's length in bytes, if the head gives it.
        var length: Int?
        /// Whether the head marks this piece as the last.
        var isLast: Bool
        var size: Int

        static let size = 9

        init?(_ packet: some Collection<UInt8>) {
            let bytes = Array(packet.prefix(Self.size))
            func number(at index: Int) -> UInt32 {
                (0..<4).reduce(0) { $0 | UInt32(bytes[index + $1]) << (8 * $1) }
            }
            switch bytes.first {
            case Mark.second where bytes.count >= 6:
                (self.number, length, isLast, size) = (number(at: 2), nil, bytes[1] == 1, 6)
            case Mark.third where bytes.count == Self.size:
                (self.number, length, isLast, size) = (number(at: 1), Int(number(at: 5)), false, Self.size)
            default:
                return nil
            }
        }
    }

    private var unfinished: [UInt32: [UInt8]] = [:]

    /// The number of messages that may wait for their last piece: an end that never finishes a message takes no more
    /// memory.
    private static let mostUnfinished = 8
    private let largestMessage: Int

    /// - Parameter largestMessage: in bytes; a larger one is dropped.
    package init(largestMessage: Int) {
        self.largestMessage = largestMessage
    }

    /// Splits a message into packets.
    ///
    /// - Parameters:
    ///   - message: less than 4 GiB.
    ///   - number: differs between messages that may be in transit at the same time.
    ///   - size: the largest packet, in bytes.
    package static func packets(of message: [UInt8], number: UInt32, size: Int) -> [[UInt8]] {
        guard message.count > size else { return [message] }
        let head = [Mark.third] + littleEndian(number) + littleEndian(UInt32(message.count))
        let step = size - head.count
        return stride(from: 0, to: message.count, by: step).map { start in
            head + message[start..<min(start + step, message.count)]
        }
    }

    private static func littleEndian(_ number: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    /// Takes a packet.
    ///
    /// - Returns: the message that this packet completes; `nil` if there is none yet.
    package mutating func take(_ packet: some Collection<UInt8>) -> [UInt8]? {
        guard let first = packet.first, first == Mark.second || first == Mark.third else { return Array(packet) }
        guard let head = Head(packet) else { return nil }
        var message = unfinished.removeValue(forKey: head.number) ?? []
        let size = message.count + packet.count - head.size
        guard size <= min(head.length ?? .max, largestMessage), head.length ?? 0 <= largestMessage else { return nil }
        message += packet.dropFirst(head.size)
        if head.isLast || size == head.length { return message }
        if unfinished.count == Self.mostUnfinished, let oldest = unfinished.keys.min() { unfinished[oldest] = nil }
        unfinished[head.number] = message
        return nil
    }
}
