import Glibc
import TestSupport
import Testing

/// The cases that a fuzz test plays. A case follows from its number alone, so a number always means the same case.
///
/// `SLUICE_FUZZ_CASES` sets how many each test plays, instead of the few that an ordinary test run has time for;
/// `SLUICE_FUZZ_TRACE=1` writes each number to standard error before its case begins, which names the one that crashed.
struct FuzzCases: CustomTestStringConvertible, Sendable {
    /// Which of the `shareCount` parallel parts this is.
    let share: Int

    private static let shareCount = 4

    static let shares = (0..<shareCount).map { FuzzCases(share: $0) }

    var testDescription: String { "part \(share + 1) of \(Self.shareCount)" }

    /// Calls `play` with the number of each case and its own source of randomness.
    func forEach(standard: Int, play: (Int, inout SplitMix) throws -> Void) rethrows {
        let count = Self.number(in: "SLUICE_FUZZ_CASES") ?? standard
        let traces = Self.number(in: "SLUICE_FUZZ_TRACE") == 1
        for number in stride(from: share, to: count, by: Self.shareCount) {
            if traces { trace("case \(number)\n") }
            var random = Self.random(of: number)
            try play(number, &random)
        }
    }

    /// Writes unbuffered, because the process may crash during the case.
    private func trace(_ line: String) {
        _ = unsafe Array(line.utf8).withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    static func random(of number: Int) -> SplitMix {
        var numbers = SplitMix(seed: UInt64(truncatingIfNeeded: number))
        return SplitMix(seed: numbers.next())
    }

    private static func number(in variable: String) -> Int? {
        unsafe getenv(variable).flatMap { unsafe Int(String(cString: $0)) }
    }
}
