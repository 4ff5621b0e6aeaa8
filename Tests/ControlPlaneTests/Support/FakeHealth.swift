import ControlPlane
import DataPlane
import Ground
import Synchronization

/// Health set by a test.
final class FakeHealth: HealthReporting {
    private let current: Mutex<PerColor<ColorHealth>>
    private let settled = Mutex<[Color]>([])

    private let settling: @Sendable () async -> Void

    /// - Parameter settling: what to wait for before the first results are there.
    init(
        blue: HealthState = .healthy, green: HealthState = .healthy,
        settling: @escaping @Sendable () async -> Void = {}
    ) {
        self.settling = settling
        current = Mutex(
            PerColor(blue: ColorHealth.sample(.blue, blue), green: ColorHealth.sample(.green, green)))
    }

    func set(_ color: Color, _ state: HealthState) {
        current.withLock { $0[color] = .sample(color, state) }
    }

    /// Colors whose first results somebody has waited for.
    var waitedFor: [Color] { settled.withLock { $0 } }

    func health() async -> PerColor<ColorHealth> {
        current.withLock { $0 }
    }

    func settledHealth(of color: Color) async -> PerColor<ColorHealth> {
        settled.withLock { $0.append(color) }
        await settling()
        return await health()
    }
}

extension ColorHealth {
    /// A color with one endpoint in `state`, as after one round of checks.
    static func sample(_ color: Color, _ state: HealthState) -> ColorHealth {
        let port: UInt16 = color == .blue ? 50051 : 50052
        var endpoint = EndpointHealth(
            endpoint: Endpoint(host: "127.0.0.1", port: port), state: state, since: Timestamp(milliseconds: 1000))
        if state == .unhealthy {
            endpoint.lastCheck = Timestamp(milliseconds: 2000)
            endpoint.lastFailure = HealthFailure(
                reason: "grpc: connection refused", at: Timestamp(milliseconds: 2000))
            endpoint.consecutiveFailures = 3
        }
        if state == .healthy {
            endpoint.lastCheck = Timestamp(milliseconds: 2000)
            endpoint.latency = .microseconds(1234)
            endpoint.consecutivePasses = 2
        }
        return ColorHealth(color: color, endpoints: [endpoint])
    }
}
