import Connections
import DataPlane
import TestSupport

/// The initial conditions of a simulation, chosen by its seed.
struct Scenario {
    enum Kind: CaseIterable {
        /// Nothing fails: every call gets its backend's answer.
        case flawless
        /// Anything may fail, but no limit is reached: calls that no failure touches get their backend's answer.
        case rough
        /// Anything may fail, and every limit can be reached.
        case tight
    }

    let kind: Kind
    let limits: DataPlaneLimits
    let failover: Bool
    let endpoints: PerColor<Int>
    let steps: Int
    /// Approximate size of each socket's send buffer in bytes; `nil` for the system's default.
    let sendBuffer: Int32?
    /// Step at which a shutdown begins among open calls; `nil` if there is none.
    let shutdown: Int?
    let mostClients: Int
    /// Whether clients are told who answers.
    let announces: Bool

    init(using random: inout SplitMix) {
        kind = Kind.allCases.randomElement(using: &random)!
        failover = kind != .flawless && Int.random(in: 0..<4, using: &random) == 0
        let (blue, green) = (Int.random(in: 1...3, using: &random), Int.random(in: 1...2, using: &random))
        endpoints = PerColor(blue: blue, green: green)
        steps = Int.random(in: 60...260, using: &random)
        sendBuffer = [nil, nil, 4_608, 20_000].randomElement(using: &random)!
        let isCutShort = kind != .flawless && Int.random(in: 0..<5, using: &random) == 0
        shutdown = isCutShort ? Int.random(in: 0..<steps, using: &random) : nil
        mostClients = Int.random(in: 1...5, using: &random)
        announces = Bool.random(using: &random)
        limits = Self.limits(of: kind, using: &random)
    }

    private static func limits(of kind: Kind, using random: inout SplitMix) -> DataPlaneLimits {
        var limits = DataPlaneLimits()
        func one<Value>(of values: [Value], _ random: inout SplitMix) -> Value {
            values.randomElement(using: &random)!
        }
        limits.sharedWindow = one(of: [65_535, 65_535, 1 << 20], &random)
        limits.streamWindow = one(of: [2_048, 4_096, 16_384, 65_535], &random)
        limits.connectionWindow = one(of: [8_192, 65_536, 1 << 20], &random)
        limits.maxConcurrentStreams = one(of: [3, 10, 100], &random)
        limits.maxUpstreamStreams = one(of: [1, 3, 100], &random)
        limits.maxReplayBytes = one(of: [0, 1_000, 65_536], &random)
        limits.deadlineGrace = one(of: [.zero, .milliseconds(100), .seconds(1)], &random)
        // A backend may get no turn for a while as the clock moves on, and nothing may fail here.
        limits.connectTimeout = kind == .flawless ? .seconds(600) : .seconds(1)
        limits.minPingInterval = .milliseconds(1)
        limits.ejectionThreshold = one(of: [1, 5], &random)
        limits.ejectionTime = .seconds(1)
        limits.goAwayTimeout = .seconds(1)
        limits.waitTimeout = .seconds(600)
        limits.writeTimeout = .seconds(600)
        limits.prefaceTimeout = .seconds(600)
        limits.headerTimeout = .seconds(600)
        limits.idleTimeout = nil
        limits.upstreamKeepalive = nil
        limits.resetBudget = 100_000
        limits.upstreamResets = 100_000
        limits.controlFrameBudget = 100_000
        limits.maxUpstreamConnections = one(of: [1, 2, 256], &random)
        guard kind == .tight else { return limits }
        limits.waitTimeout = one(of: [.milliseconds(300), .seconds(5)], &random)
        limits.writeTimeout = one(of: [.milliseconds(700), .seconds(5)], &random)
        limits.prefaceTimeout = .seconds(2)
        limits.headerTimeout = .seconds(2)
        limits.idleTimeout = one(of: [nil, .seconds(2)], &random)
        limits.streamIdleTimeout = one(of: [nil, .seconds(1)], &random)
        limits.upstreamKeepalive = one(of: [nil, .milliseconds(500)], &random)
        limits.keepaliveTimeout = .milliseconds(600)
        limits.resetBudget = one(of: [3, 20, 200], &random)
        limits.upstreamResets = one(of: [2, 4, 80], &random)
        limits.maxWaiting = one(of: [1, 3, 1_000], &random)
        limits.maxBufferedBytes = one(of: [60_000, 300_000, 256 << 20], &random)
        limits.minPingInterval = .milliseconds(500)
        limits.maxConnectBackoff = .milliseconds(200)
        return limits
    }
}
