import Connections
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

    /// The secret by which keys are told apart.
    var keySecret: ShareSecret { routeWord.keySecret }

    /// Decides where a call goes that begins now. This is the only moment at which the route word decides.
    ///
    /// - Parameter hash: the hash by which the call belongs to a share or not; asked for only while there is one.
    @inline(__always)
    func destination(for wish: ColorWish, hash: (ShareSecret) -> UInt64) -> Destination {
        let route = routeWord.load()
        switch wish {
        case .none:
            if route.share > .none, route.share.contains(hash(routeWord.secret)) { return canary(route) }
            let rest: Destination.Reason = route.share > .none ? .control : .active
            guard failover else { return Destination(epoch: route.epoch, color: route.active, reason: rest) }
            let color = FailoverRule.target(active: route.active, isEnabled: true, routable: health)
            return Destination(epoch: route.epoch, color: color, reason: color == route.active ? rest : .failover)
        case .preview:
            return Destination(epoch: route.epoch, color: route.active.other, reason: .preview)
        case .metadata(let name):
            return Destination(epoch: route.epoch, color: name.color(active: route.active), reason: .metadata)
        }
    }

    /// Where a call goes that belongs to a release's share: to the active color, if the other one is known to be down.
    private func canary(_ route: Route) -> Destination {
        guard health[route.active.other].contains(true) else { return fallback(route) }
        return Destination(epoch: route.epoch, color: route.active.other, reason: .canary)
    }

    private func fallback(_ route: Route) -> Destination {
        Destination(epoch: route.epoch, color: route.active, reason: .fallback)
    }

    /// Where a call goes whose color in a release couldn't be reached.
    ///
    /// - Returns: `nil` if that color is the active one by now.
    func fallback(from color: Color) -> Destination? {
        let route = routeWord.load()
        return route.active == color ? nil : fallback(route)
    }

    /// Chooses an endpoint of a call's color.
    ///
    /// - Returns: the endpoint's pool; `nil` if no endpoint is left to try.
    mutating func choose(for call: Call) -> Lent<EndpointPool>? {
        guard let color = call.destination?.color else {
            preconditionFailure("a call is placed after it has its destination")
        }
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

    /// Whether an endpoint may be chosen.
    func isHealthy(_ color: Color, _ index: Int) -> Bool { health[color][index] }

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
