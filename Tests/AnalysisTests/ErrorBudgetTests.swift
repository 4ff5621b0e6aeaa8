import Analysis
import Testing

/// Whatever is divided must not add up to more than there is.
@Suite struct ErrorBudgetTests {
    @Test func signals() {
        let sum = Signal.allCases.reduce(0) { $0 + ErrorBudget.part(of: $1) }
        #expect(abs(sum - 1) < 1e-12)
    }

    @Test(arguments: [1, 3, 10]) func stages(planned: Int) {
        let sum = (0..<1_000).reduce(0) { $0 + ErrorBudget.part(ofStage: $1, planned: planned) }
        #expect(sum <= 1 && sum > 0.99)
    }

    @Test func methodsAndWindows() {
        let methods = (0..<1_000).reduce(0) { $0 + ErrorBudget.part(ofMethod: $1) }
        let windows = (0..<10_000).reduce(0) { $0 + ErrorBudget.part(ofWindow: $1) }
        #expect(methods <= 1 && methods > 0.99)
        #expect(windows <= 1 && windows > 0.99)
    }
}
