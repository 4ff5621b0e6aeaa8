/// How a stage's calls come to one color or the other. It decides what the evidence can be built on.
package enum Assignment: Sendable, Codable, Equatable {
    /// Both colors serve at the same time, and chance decides which one: the guarantee holds whatever the service's own
    /// rate does meanwhile.
    ///
    /// - `share`: the probability with which a call, or a key, belongs to the new color: the share in the route word,
    ///   not the one that was met. Above 0, below 1.
    case sameTime(share: Double, Draw)
    /// The new color serves all, and is compared with what the old one served before: the guarantee holds while the
    /// service's own rates stay as they were.
    case before(Draw)
    /// No live calls on the new color. Only agreement is judged.
    case shadow
}

/// The unit that chance assigns to a color.
package enum Draw: String, Sendable, Codable {
    /// Each call by itself.
    case byCall = "by call"
    /// A key with all its calls.
    case byKey = "by key"
}
