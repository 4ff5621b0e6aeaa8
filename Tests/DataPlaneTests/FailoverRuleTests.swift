import DataPlane
import Testing

@Suite struct FailoverRuleTests {
    private func target(_ active: Color, _ blue: [Bool], _ green: [Bool], isEnabled: Bool = true) -> Color {
        FailoverRule.target(active: active, isEnabled: isEnabled, routable: PerColor(blue: blue, green: green))
    }

    @Test func staysWhileAnEndpointIsLeft() {
        #expect(target(.blue, [false, true], [true]) == .blue)
        #expect(target(.green, [true], [true]) == .green)
    }

    @Test func leavesAColorThatIsWhollyDown() {
        #expect(target(.blue, [false, false], [false, true]) == .green)
        #expect(target(.green, [true], [false]) == .blue)
    }

    @Test func staysWhereTheOtherIsNoBetter() {
        #expect(target(.blue, [false], [false]) == .blue)
    }

    @Test func staysUnlessItIsAskedFor() {
        #expect(target(.blue, [false], [true], isEnabled: false) == .blue)
    }
}
