/// What a finding rests on, and with that, what its guarantee depends on.
package enum Basis: String, Sendable, Codable {
    /// Calls that were assigned by lot, at the same time: the guarantee depends on the lot alone.
    case callsAtTheSameTime = "calls at the same time"
    /// Keys that were assigned by lot, at the same time: the guarantee depends on the lot alone.
    case keysAtTheSameTime = "keys at the same time"
    /// Calls after against calls before: it holds while the service's own rates stay.
    case callsBefore = "calls before"
    /// Each key after against itself before: it holds while the keys' own rates stay.
    case keysBefore = "keys before"
    /// One of a few keys against its own past, and, in a canary, against the old color's calls of the same time as
    /// well: it holds while either of the two rates stays.
    case ownPast = "a key's own past"
    /// A limit that was set: it holds if no call's chance of breaking it, given those before, is above the limit.
    case limit = "limit"
}
