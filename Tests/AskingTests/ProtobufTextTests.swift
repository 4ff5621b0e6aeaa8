import Asking
import Testing

@Suite struct ProtobufTextTests {
    @Test(
        arguments: [
            ([], false), ([0x08, 0], false), ([0x08, 1], true), ([0x08, 0x80, 0x01], true),
            // The last value of a field counts.
            ([0x08, 1, 0x08, 0], false),
            // Fields of other numbers, of every wire type, before and after.
            ([0x10, 5, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x22, 2, 9, 9, 0x2d, 1, 2, 3, 4, 0x08, 1, 0x10, 0], true),
        ] as [([UInt8], Bool)])
    func readsABool(message: [UInt8], value: Bool) {
        #expect(ProtobufText.bool(1, of: message) == value)
    }

    @Test(
        arguments: [
            [0x08], [0x08, 0x80], [0x00, 1], [0x0b], [0x12, 3, 1], [0x19, 1], [0x2d, 1],
            [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            [UInt8](repeating: 0x80, count: 12),
        ] as [[UInt8]])
    func refusesWhatIsNoMessage(message: [UInt8]) {
        #expect(ProtobufText.bool(1, of: message) == nil)
    }

    @Test func readsAndWritesTexts() throws {
        let message = ProtobufText.field(2, "one") + [0x08, 5] + ProtobufText.field(2, "") + ProtobufText.field(3, "x")
        #expect(try ProtobufText.texts(2, of: message[...]) == ["one", ""])
        #expect(try ProtobufText.texts(4, of: message[...]) == [])
        let long = [UInt8](repeating: 7, count: 300)
        #expect(ProtobufText.field(1, long).prefix(3) == [0x0a, 0xac, 0x02])
        #expect(try ProtobufText.all(1, of: ProtobufText.field(1, long)[...]) == [long[...]])
        #expect(throws: ProtobufText.Malformed.self) { try ProtobufText.texts(2, of: message.dropLast()) }
    }
}
