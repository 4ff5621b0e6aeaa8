/// Which of the two colors of a release.
package enum Side: String, Sendable, Codable {
    /// The one that is being released.
    case new
    /// The one that served before, and to which calls go back.
    case old
}
