import EventLoop
import Ground

/// The color that takes new streams, and the number of the change that made it so.
package struct Route: Equatable, Sendable {
    /// The number of the change: 1 for the first start, and one more with each change; below 2^62.
    package var epoch: UInt64
    /// The color that takes new streams.
    package var active: Color

    package init(epoch: UInt64, active: Color) {
        precondition(epoch < 1 << 62, "an epoch must fit the route word")
        self.epoch = epoch
        self.active = active
    }
}

/// The one word in which the two planes meet: a switch is one atomic store into it.
///
/// Every worker loads it once as a stream begins. A stream whose HEADERS arrive after the store is visible goes to the
/// new color: anyone who learned of the switch from the admin API's answer can only send afterwards. Any thread may
/// load; only the switchboard stores.
///
/// A process that takes over from another keeps using its word, so workers still finishing calls in the old process
/// follow the new one's switches.
package final class RouteWord: Sendable {
    private let word: SharedWord

    /// Makes a word of its own.
    package init(_ route: Route) throws(SystemError) {
        word = try SharedWord(named: "sluice-route")
        store(route)
    }

    /// Joins the word of another process.
    package init(sharing descriptor: FileDescriptor) throws(SystemError) {
        word = try SharedWord(sharing: descriptor)
    }

    /// The word's descriptor, for a process that takes over from this one.
    package var descriptor: FileDescriptor { word.descriptor }

    /// The route in force. Any thread may call it.
    package func load() -> Route {
        let bits = word.load()
        return Route(epoch: bits >> 1, active: bits & 1 == 0 ? .blue : .green)
    }

    /// Puts a route in force: the next stream of every worker follows it. Only the switchboard calls it.
    package func store(_ route: Route) {
        word.store(Self.encode(route))
    }

    private static func encode(_ route: Route) -> UInt64 {
        route.epoch << 1 | UInt64(route.active.rawValue)
    }
}
