import Ground
import Testing

@Suite struct GRPCStatusTests {
    @Test func numbersFollowEachOther() {
        #expect(GRPCStatus.allCases.map(\.rawValue) == Array(0...16))
        #expect(GRPCStatus(rawValue: 17) == nil)
    }

    @Test(arguments: [
        (GRPCStatus.ok, 0, "OK"), (.deadlineExceeded, 4, "DEADLINE_EXCEEDED"), (.internal, 13, "INTERNAL"),
        (.unavailable, 14, "UNAVAILABLE"), (.unauthenticated, 16, "UNAUTHENTICATED"),
    ])
    func hasItsNumberAndName(status: GRPCStatus, number: Int, name: String) {
        #expect(status.rawValue == number)
        #expect(status.name == name)
    }
}
