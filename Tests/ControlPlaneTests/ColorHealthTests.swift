import ControlPlane
import DataPlane
import Ground
import Testing

@Suite struct ColorHealthTests {
    private func color(_ states: HealthState...) -> ColorHealth {
        ColorHealth(
            color: .blue,
            endpoints: states.map {
                EndpointHealth(
                    endpoint: Endpoint(host: "localhost", port: 1), state: $0, since: Timestamp(milliseconds: 0))
            })
    }

    @Test func hasTheStateOfItsBestEndpoint() {
        #expect(color(.unhealthy, .healthy).state == .healthy)
        #expect(color(.unknown, .healthy).state == .healthy)
        #expect(color(.unknown, .unhealthy).state == .unknown)
        #expect(color(.unhealthy, .unhealthy).state == .unhealthy)
    }

    @Test func isSettledOnceEnoughIsKnown() {
        #expect(!color(.unknown, .unhealthy).isSettled)
        #expect(color(.unknown, .healthy).isSettled)
        #expect(color(.unhealthy).isSettled)
    }

    @Test func routesToEndpointsNotKnownToBeUnhealthy() {
        #expect(color(.unknown, .unhealthy, .healthy).routable == [true, false, true])
    }
}
