import Comparison
import DataPlane

/// How a release compares the answers of its shadow steps.
package struct ComparisonPlan: Sendable, Equatable, Codable {
    /// Distances at which two numbers are equal: in their own unit, and as a share of the larger one.
    package var absolute = 1e-6
    package var relative = 1e-6
    /// Patterns of paths whose values may differ (`PathPattern`).
    package var ignored: [String] = []
    /// The share of the copied calls that the active color is asked a second time, in parts of 10,000, if their methods may
    /// be repeated.
    package var noise: UInt16 = 1_000

    /// The most patterns.
    package static let mostIgnored = 100

    package init() {}

    /// The share of the copied calls that the active color is asked a second time.
    package var noiseShare: Share { Share(parts: noise) }

    /// - Parameter reveals: whether differences show strings and bytes.
    package func settings(reveals: Bool) -> ComparisonSettings {
        var settings = ComparisonSettings()
        // What was read from a file is checked as what was asked for is.
        if absolute >= 0, absolute.isFinite, (0..<1).contains(relative) {
            settings.tolerance = Tolerance(absolute: absolute, relative: relative)
        }
        settings.ignored = ignored.compactMap { try? PathPattern($0) }
        settings.reveal = reveals
        return settings
    }
}

extension ComparisonPlan {
    /// Reads what a plan's JSON says.
    ///
    /// - Returns: `nil` if it says nothing of comparisons.
    init?(
        tolerance: (absolute: Double?, relative: Double?)?, ignore: [String]?, noise: String?
    ) throws(ReleasePlan.Flaw) {
        guard tolerance != nil || ignore != nil || noise != nil else { return nil }
        if let absolute = tolerance?.absolute {
            guard absolute >= 0, absolute.isFinite else {
                throw ReleasePlan.Flaw(text: "tolerance.absolute is \(absolute); allowed: 0 or more")
            }
            self.absolute = absolute
        }
        if let relative = tolerance?.relative {
            guard (0..<1).contains(relative) else {
                throw ReleasePlan.Flaw(text: "tolerance.relative is \(relative); allowed: 0 or more, below 1")
            }
            self.relative = relative
        }
        guard ignore?.count ?? 0 <= Self.mostIgnored else {
            throw ReleasePlan.Flaw(text: "ignore has \(ignore?.count ?? 0) paths; allowed: at most \(Self.mostIgnored)")
        }
        for (index, text) in (ignore ?? []).enumerated() {
            do throws(PathPattern.Flaw) {
                _ = try PathPattern(text)
            } catch {
                throw ReleasePlan.Flaw(text: "ignore[\(index)] is \"\(text)\", which \(error)")
            }
        }
        ignored = ignore ?? []
        if let text = noise {
            guard let share = Share(percentOrNone: text) else {
                throw ReleasePlan.Flaw(text: "noise is \"\(text)\"; allowed: 0% to 100%, with two decimals at most")
            }
            self.noise = share.parts
        }
    }
}
