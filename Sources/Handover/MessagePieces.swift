/// Reassembles messages that are larger than a packet and so come in pieces.
///
/// A message that fits into a packet is sent as one, and begins with JSON's brace. A piece begins with a head: a byte
/// that no JSON begins with, the message's number, by which pieces of several messages may be interleaved, and the
/// message's length, both with the lowest byte first. Pieces of one message come in order. If an earlier owner of the
/// line took a message's first pieces, the rest never reaches its length and is dropped.
package struct MessagePieces {
    private struct Head {
        var number: UInt32
        /// The whole message's length in bytes.
        var length: Int

        /// The byte that a head begins with.
        static let mark: UInt8 = 2
        static let size = 9

        init?(_ packet: some Collection<UInt8>) {
            let bytes = Array(packet.prefix(Self.size))
            guard bytes.count == Self.size else { return nil }
            func number(at index: Int) -> UInt32 {
                (0..<4).reduce(0) { $0 | UInt32(bytes[index + $1]) << (8 * $1) }
            }
            (self.number, length) = (number(at: 1), Int(number(at: 5)))
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
        let head = [Head.mark] + littleEndian(number) + littleEndian(UInt32(message.count))
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
        guard packet.first == Head.mark else { return Array(packet) }
        guard let head = Head(packet) else { return nil }
        var message = unfinished.removeValue(forKey: head.number) ?? []
        let size = message.count + packet.count - Head.size
        guard size <= head.length, head.length <= largestMessage else { return nil }
        message += packet.dropFirst(Head.size)
        if size == head.length { return message }
        if unfinished.count == Self.mostUnfinished, let oldest = unfinished.keys.min() { unfinished[oldest] = nil }
        unfinished[head.number] = message
        return nil
    }
}
