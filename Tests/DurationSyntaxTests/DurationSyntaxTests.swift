import DurationSyntax
import Testing

@Suite struct DurationSyntaxTests {
    @Test(arguments: [
        ("250ms", Duration.milliseconds(250)), ("30s", .seconds(30)), ("5m", .seconds(300)), ("1h", .seconds(3600)),
        ("1h30m", .seconds(5400)), ("1m0.5s", .milliseconds(60_500)), ("1.5s", .milliseconds(1500)),
        ("0.25ms", .microseconds(250)), ("0", .zero), ("0s", .zero), ("0.000000001h", .nanoseconds(3600)),
        ("2562047h", .seconds(2_562_047 * 3600)),
    ])
    func reads(text: String, duration: Duration) {
        #expect(Duration(text: text) == duration)
    }

    @Test(arguments: [
        "", " ", "30", "s", "-1s", "+1s", "1 s", "1s ", "1d", "1S", "1.s", ".5s", "1..5s", "1s1m", "1s1s", "1e3s",
        "99999999999999999999s", "2562048h", "1.0000000001s", "٣s", "1\u{0}s",
    ])
    func refuses(text: String) {
        #expect(Duration(text: text) == nil)
    }

    @Test(arguments: [
        (Duration.milliseconds(250), "250ms"), (.seconds(90), "1m30s"), (.zero, "0s"), (.seconds(3600), "1h"),
        (.milliseconds(3_661_001), "1h1m1s1ms"), (.seconds(-3), "0s"), (.microseconds(10), "0s"),
    ])
    func writes(duration: Duration, text: String) {
        #expect(duration.text == text)
    }

    @Test func readsBackWhatItWrites() {
        for milliseconds in stride(from: 0, through: 10_000_000, by: 7_919) {
            let duration = Duration.milliseconds(milliseconds)
            #expect(Duration(text: duration.text) == duration)
        }
    }

    @Test func givesSeconds() {
        #expect(Duration.milliseconds(1500).inSeconds == 1.5)
        #expect(Duration.zero.inSeconds == 0)
    }
}
