/// How answers are compared.
package struct ComparisonSettings: Sendable {
    /// How far apart two numbers may be.
    package var tolerance = Tolerance()
    /// Paths whose values may differ.
    package var ignored: [PathPattern] = []
    /// Whether differences show strings and bytes, cut off at 64 bytes; otherwise only their lengths.
    package var reveal = false
    /// The most bytes that a compressed message may have when it is decompressed; beyond them the comparison is given up.
    package var largestMessage = 16 << 20
    /// The most work for one comparison, in units of about a nanosecond; beyond it the comparison is given up. It bounds the
    /// memory, too: 24 bytes for 64 units. Answers whose bytes are equal cost next to none of it.
    package var work = 64_000_000
    /// The most values that are reported as different for one comparison. With more the report is marked as incomplete. The
    /// numbers of one packed field or one tensor count as one.
    package var mostDifferences = 10_000
    /// The most paths with differences that are kept for one comparison. With more the report is marked as incomplete.
    package var mostPaths = 32

    package init() {}
}
