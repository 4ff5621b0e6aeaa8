import Ground
import Testing

@Suite struct PercentCodingTests {
    @Test func encodesAllButPrintableASCII() {
        #expect(PercentCoding.encoded("row 1: 50 %\n") == "row 1: 50 %25%0A")
        #expect(PercentCoding.encoded("é\u{1f600}") == "%C3%A9%F0%9F%98%80")
        #expect(PercentCoding.encoded("") == "")
    }
}
