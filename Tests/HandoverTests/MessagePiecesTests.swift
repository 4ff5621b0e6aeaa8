import Testing

import Handover

@Suite struct MessagePiecesTests {
    private func message(_ count: Int) -> [UInt8] {
        [UInt8(ascii: "{")] + (1..<count).map { UInt8(truncatingIfNeeded: $0) }
    }

    @Test(arguments: [1, 99, 100]) func shortMessageIsItsPacket(count: Int) {
        let message = message(count)
        #expect(MessagePieces.packets(of: message, number: 7, size: 100) == [message])
        var pieces = MessagePieces(largestMessage: 10)
        #expect(pieces.take(message) == message)
    }

    @Test(arguments: [101, 182, 183, 5000]) func longMessageComesInPieces(count: Int) {
        let message = message(count)
        let packets = MessagePieces.packets(of: message, number: .max, size: 100)
        #expect(packets.count == (count + 90) / 91)
        #expect(packets.allSatisfy { $0.count <= 100 })
        var pieces = MessagePieces(largestMessage: count)
        #expect(packets.map { pieces.take($0) } == Array(repeating: nil, count: packets.count - 1) + [message])
    }

    @Test func messagesMayMix() {
        let (first, second) = (message(200), message(300))
        let packets = [first, second].enumerated().map {
            MessagePieces.packets(of: $1, number: UInt32($0), size: 100)
        }
        var pieces = MessagePieces(largestMessage: 300)
        var whole: [[UInt8]] = []
        for index in 0..<4 {
            for packets in packets where index < packets.count {
                if let message = pieces.take(packets[index]) { whole.append(message) }
                if let message = pieces.take([UInt8(ascii: "{"), UInt8(index)]) { whole.append(message) }
            }
        }
        #expect(whole.filter { $0.count > 2 } == [first, second])
        #expect(whole.count == 2 + packets[0].count + packets[1].count)
    }

    @Test func messagesTooLargeAreDropped() {
        var pieces = MessagePieces(largestMessage: 199)
        let packets = MessagePieces.packets(of: message(200), number: 1, size: 100)
        #expect(packets.allSatisfy { pieces.take($0) == nil })
        // The next message is not affected.
        let next = message(150)
        #expect(MessagePieces.packets(of: next, number: 2, size: 100).map { pieces.take($0) }.last == next)
    }

    @Test func unfinishedMessagesAreBounded() {
        var pieces = MessagePieces(largestMessage: 1000)
        let last = MessagePieces.packets(of: message(150), number: 100, size: 100)
        #expect(pieces.take(last[0]) == nil)
        for number in 0..<UInt32(100) {
            #expect(pieces.take(MessagePieces.packets(of: message(200), number: number, size: 100)[0]) == nil)
        }
        // The newest message is kept.
        #expect(pieces.take(last[1])?.count == 150)
    }

    /// The first pieces went to the process that had the line before.
    @Test func messageWithoutItsBeginning() {
        var pieces = MessagePieces(largestMessage: 1000)
        let packets = MessagePieces.packets(of: message(300), number: 1, size: 100)
        #expect(packets.dropFirst().allSatisfy { pieces.take($0) == nil })
        let whole = MessagePieces.packets(of: message(150), number: 2, size: 100)
        #expect(whole.map { pieces.take($0) }.last == message(150))
    }

    @Test(arguments: [[2], [2, 0, 0, 0, 0, 1, 0, 0]] as [[UInt8]])
    func headThatIsCut(packet: [UInt8]) {
        var pieces = MessagePieces(largestMessage: 100)
        #expect(pieces.take(packet) == nil)
    }
}
