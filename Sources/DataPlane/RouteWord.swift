import Synchronization

/// Which color takes new streams, and the number of the change that made it so.
package struct Route: Equatable, Sendable {
    /// Counts up by one per change, from 1 for the first start; below 2^62.
    package var epoch: UInt64
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
/// new color: whoever learned of the switch from the admin API's answer can only send afterwards. Any thread may load;
/// only the switchboard stores.
package final class RouteWord: Sendable {
    private let word: Atomic<UInt64>

    package init(_ route: Route) {
        word = Atomic(Self.encode(route))
    }

    package func load() -> Route {
        let bits = word.load(ordering: .acquiring)
        return Route(epoch: bits >> 1, active: bits & 1 == 0 ? .blue : .green)
    }

    package func store(_ route: Route) {
        word.store(Self.encode(route), ordering: .sequentiallyConsistent)
    }

    private static func encode(_ route: Route) -> UInt64 {
        route.epoch << 1 | UInt64(route.active.rawValue)
    }
}
