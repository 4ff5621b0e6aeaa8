import FoundationEssentials

/// The processors on which the scheduler may run this process, as limited by `taskset` or a cpuset.
package enum AllowedProcessors {
    /// The number of processors; `nil` if the system doesn't report it.
    package static func count() -> Int? {
        (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)).flatMap(count(status:))
    }

    /// Counts the bits of the `Cpus_allowed` mask in `/proc/PID/status` (proc(5)).
    package static func count(status: String) -> Int? {
        let label = "Cpus_allowed:"
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(label) }) else { return nil }
        let digits = line.dropFirst(label.count).filter { !$0.isWhitespace && $0 != "," }
        let bits = digits.map { $0.hexDigitValue?.nonzeroBitCount ?? 0 }.reduce(0, +)
        return bits > 0 ? bits : nil
    }
}
