import EventLoop

/// Decides where a worker's calls go: the color by the route word, the endpoint by health and load. Confined to the
/// worker's thread.
struct Router: ~Copyable {
    private let routeWord: RouteWord
    /// Whether calls go to the other color while the active one has no healthy endpoint.
    private var failover: Bool
    private(set) var pools = PerColor<[EndpointPool]>(blue: [], green: [])
    /// The same pools, lent to each call's choice without counting references.
    private var lentPools = PerColor<[Lent<EndpointPool>]>(blue: [], green: [])
    private var health: PerColor<[Bool]>
    /// Offset at which the next search for an endpoint begins.
    private var searchStart = 0

    /// - Parameter endpoints: one or more for each color; healthy until `publish(health:)` says otherwise.
    init(endpoints: PerColor<[Endpoint]>, routeWord: RouteWord, failover: Bool) {
        self.routeWord = routeWord
        self.failover = failover
        health = PerColor { endpoints[$0].map { _ in true } }
    }

    /// Makes the pools; this is separate from `init` because they need their worker.
    mutating func makePools(of worker: Worker, for endpoints: PerColor<[Endpoint]>) {
        pools = PerColor { color in
            endpoints[color].enumerated().map { index, endpoint in
                EndpointPool(endpoint: endpoint, color: color, index: index, worker: worker)
            }
        }
        lentPools = PerColor { color in pools[color].map { Lent($0) } }
    }

    /// The route of a call that begins now. This is the only moment at which the route word decides.
    ///
    /// - Returns: the route; `failsOver` is true if its color isn't the active one because that has no healthy
    ///   endpoint.
    func route() -> (route: Route, failsOver: Bool) {
        var route = routeWord.load()
        guard failover else { return (route, false) }
        let active = route.active
        route.active = FailoverRule.target(active: active, isEnabled: true, routable: health)
        return (route, route.active != active)
    }

    /// Chooses an endpoint of a call's color.
    ///
    /// - Returns: the endpoint's pool; `nil` if no endpoint is left to try.
    mutating func choose(for call: Call) -> Lent<EndpointPool>? {
        guard let color = call.route?.active else { preconditionFailure("a call is placed after it has its route") }
        searchStart &+= 1
        let count = lentPools[color].count
        let choice = Placement.choose(count: count, startingAt: searchStart % count) { index in
            Placement.Candidate(
                isHealthy: health[color][index] && !lentPools[color][index].use { $0.isEjected },
                wasTried: call.triedEndpoints & Call.bit(ofEndpoint: index) != 0,
                load: lentPools[color][index].use { $0.load })
        }
        guard let choice else { return nil }
        call.endpoint = choice
        return lentPools[color][choice]
    }

    /// The answer for a call when no endpoint of a color is left to try.
    func unreachable(_ color: Color) -> ProxyAnswer {
        let failures = pools[color].compactMap(\.lastFailure)
        let reasons = failures.map(\.message).joined(separator: "; ")
        return ProxyAnswer(kind: failures.last?.kind ?? .unreachable, message: "\(color) can't be reached: \(reasons)")
    }

    // MARK: Updates from the control plane

    /// Sets which endpoints may be chosen from now on, in the order of the settings.
    mutating func publish(health newHealth: PerColor<[Bool]>) {
        for color in Color.allCases {
            for (index, pool) in pools[color].enumerated() { pool.healthChanged(to: newHealth[color][index]) }
        }
        health = newHealth
    }

    /// Adopts the worker's changed limits.
    mutating func limitsChanged(failover: Bool) {
        self.failover = failover
        for pool in allPools { pool.limitsChanged() }
    }

    func sweep(_ now: MonotonicTime) {
        for pool in allPools { pool.sweep(now) }
    }

    /// Closes all connections at the end of the process, when no call is left.
    func closeAll() {
        for pool in allPools { pool.closeAll() }
    }

    func contribute(to report: inout TrafficReport) {
        for color in Color.allCases {
            report.colors[color].upstreamConnections += pools[color].reduce(0) { $0 + $1.connectionCount }
        }
    }

    private var allPools: [EndpointPool] { Color.allCases.flatMap { pools[$0] } }
}
