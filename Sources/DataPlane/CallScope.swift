/// Which of a color's calls a count or a wait is about.
package enum CallScope: String, Codable, Sendable {
    /// Calls that the route word, a failover or a release has placed: those that a change leaves behind.
    case placed
    /// Calls that asked for their color, too: a drain ends them with the others, though nobody else waits for them.
    case all
}
