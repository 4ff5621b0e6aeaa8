import Connections
import Testing

@Suite struct GRPCTimeoutTests {
    @Test(arguments: [
        ("1H", Duration.seconds(3600)), ("2M", .seconds(120)), ("3S", .seconds(3)),
        ("99999999m", .milliseconds(99_999_999)),
        ("5u", .microseconds(5)), ("6n", .nanoseconds(6)), ("0S", .zero),
    ])
    func reads(text: String, duration: Duration) {
        #expect(GRPCTimeout.parse(Array(text.utf8)) == duration)
    }

    @Test(arguments: ["", "S", "1", "1s", "-1S", "1.5S", "123456789S", "1 S"])
    func leavesOthersToTheBackend(text: String) {
        #expect(GRPCTimeout.parse(Array(text.utf8)) == nil)
    }
}
