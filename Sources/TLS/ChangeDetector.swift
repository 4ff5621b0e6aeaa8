/// Detects that a value checked now and then has changed and settled: a certificate and its key are written one after
/// the other, and halfway through they don't match.
package struct ChangeDetector<Value: Equatable & Sendable>: Sendable {
    /// The value that was last acted upon.
    private var known: Value
    /// The value that was last seen.
    private var seen: Value

    package init(known: Value) {
        self.known = known
        seen = known
    }

    /// - Returns: whether it is time to act: the value differs from the one last acted upon, and was the same at the
    ///   previous look.
    package mutating func look(at value: Value) -> Bool {
        defer { seen = value }
        guard value != known, value == seen else { return false }
        known = value
        return true
    }

    /// Notes that this value has been acted upon without a look.
    package mutating func take(_ value: Value) {
        known = value
        seen = value
    }
}
