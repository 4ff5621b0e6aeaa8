import ControlPlane
import DataPlane
import Testing

@Suite struct SharePercentTests {
    @Test(
        arguments: [
            ("0.01%", 1), ("0.1%", 10), ("0.10%", 10), ("1%", 100), ("5.25%", 525), ("50%", 5_000), ("99.99%", 9_999),
            ("100%", 10_000), ("100.00%", 10_000), ("007%", 700),
        ] as [(String, UInt16)]) func isReadAsPeopleWriteIt(text: String, parts: UInt16)
    {
        #expect(Share(percent: text) == Share(parts: parts))
    }

    @Test(arguments: [
        "", "%", "5", "0%", "0.00%", "100.01%", "101%", "1000%", "-1%", "+1%", "5.%", ".5%", "5.123%", "5,5%", "5 %",
        "1.2.3%", "٥%",
    ]) func othersAreNoShares(text: String) {
        #expect(Share(percent: text) == nil)
    }

    @Test func isWrittenAsItIsRead() {
        for parts in UInt16(1)...Share.whole {
            let share = Share(parts: parts)
            #expect(Share(percent: share.percent) == share)
        }
        #expect(
            [1, 10, 100, 525, 10_000, 0].map { Share(parts: $0).percent } == [
                "0.01%", "0.1%", "1%", "5.25%", "100%", "0%",
            ])
    }
}
