import Glibc

/// What a simulation has observed: the rules that were broken, and a checksum over every byte and step. Two runs with
/// the same checksum went the same way.
final class Journal {
    private(set) var violations: [String] = []
    /// FNV-1a over every byte and number added.
    private(set) var sum: UInt64 = 0xcbf2_9ce4_8422_2325
    /// What happened, in words, for tracing a violation to its cause; empty unless lines are kept.
    private(set) var lines: [String] = []
    var step = 0
    private let keepsLines: Bool

    /// Violations kept. One broken rule usually breaks others, again and again, so the first few are enough.
    private static let mostViolations = 20

    init(keepsLines: Bool) {
        self.keepsLines = keepsLines
    }

    func violated(_ rule: String) {
        note { "VIOLATED: \(rule)" }
        if violations.count < Self.mostViolations { violations.append("step \(step): \(rule)") }
    }

    func expect(_ holds: Bool, _ rule: @autoclosure () -> String) {
        if !holds { violated(rule()) }
    }

    func note(_ line: () -> String) {
        if keepsLines { lines.append("\(step): \(line())") }
    }

    func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { sum = (sum ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }

    func add(_ number: Int) {
        sum = (sum ^ UInt64(truncatingIfNeeded: number)) &* 0x100_0000_01b3
    }
}
