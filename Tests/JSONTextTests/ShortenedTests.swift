import JSONText
import Testing

@Suite("Shortened texts") struct ShortenedTests {
    @Test func keepsWhatIsShort() {
        #expect(shortened("setosa") == "setosa")
        #expect(shortened("", to: 0) == "")
        #expect(shortened(String(repeating: "é", count: 200)) == String(repeating: "é", count: 200))
        #expect(shortened(["a", "b"], to: 2) == ["a", "b"])
    }

    @Test func cutsWhatIsLong() {
        #expect(shortened("setosa", to: 3) == "set…")
        // Swift counts this as one character; it is eight megabytes long.
        let endless = "a" + String(repeating: "\u{301}", count: 4 << 20)
        #expect(shortened(endless).utf8.count < 500)
        #expect(shortened(["a", "b", "c"], to: 1) == ["a", "and 2 more"])
    }
}
