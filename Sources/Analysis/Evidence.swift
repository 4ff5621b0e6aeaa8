/// What one test of a method has gathered.
struct Evidence: Sendable, Equatable {
    let signal: Signal
    let basis: Basis
    /// The logarithm of the e-value.
    let logarithm: Double
    /// The test's part of the method's error budget.
    let part: Double
    /// Where the unit is the key: how many of each side were judged.
    var newKeys = 0
    var oldKeys = 0
}
