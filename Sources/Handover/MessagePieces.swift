/// Puts messages together that came in pieces, as one that is larger than a packet does.
///
/// A message that fits into a packet is one, and begins as JSON does, with a brace. A piece begins with a head: a byte that no
/// JSON begins with, a byte that is 1 for the last piece, and the message's number, by which the pieces of several messages
/// may come mixed. Pieces of one message come in order.
package struct MessagePieces {
    private static let mark: UInt8 = 1
    private static let headSize = 6

    private var unfinished: [UInt32: [UInt8]] = [:]

    /// What may wait for its last piece: an end that never finishes a message takes no more memory than that.
    private static let mostUnfinished = 8
    private let largestMessage: Int

    /// - Parameter largestMessage: in bytes; a larger one is dropped.
    package init(largestMessage: Int) {
        self.largestMessage = largestMessage
    }

    /// The packets of a message.
    ///
    /// - Parameters:
    ///   - number: another one for each message that may be under way.
    ///   - size: the largest packet, in bytes.
    package static func packets(of message: [UInt8], number: UInt32, size: Int) -> [[UInt8]] {
        guard message.count > size else { return [message] }
        let step = size - headSize
        return stride(from: 0, to: message.count, by: step).map { start in
            let end = min(start + step, message.count)
            let numberBytes = (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
            return [mark, end == message.count ? 1 : 0] + numberBytes + message[start..<end]
        }
    }

    /// Takes a packet in.
    ///
    /// - Returns: the message that is whole by it; `nil` where there is none yet.
    package mutating func take(_ packet: [UInt8]) -> [UInt8]? {
        guard packet.first == Self.mark else { return packet }
        guard packet.count >= Self.headSize else { return nil }
        let number = (0..<4).reduce(UInt32(0)) { $0 | UInt32(packet[2 + $1]) << (8 * $1) }
        var message = unfinished.removeValue(forKey: number) ?? []
        message += packet[Self.headSize...]
        guard message.count <= largestMessage else { return nil }
        if packet[1] == 1 { return message }
        if unfinished.count == Self.mostUnfinished, let oldest = unfinished.keys.min() { unfinished[oldest] = nil }
        unfinished[number] = message
        return nil
    }
}
