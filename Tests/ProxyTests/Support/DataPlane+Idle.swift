import Connections
import DataPlane
import Ground

extension DataPlane {
    /// A data plane that is never started.
    static func idle(accessLog: AccessLogDestination = .off) throws -> DataPlane {
        let endpoints = PerColor { _ in [Endpoint(host: "127.0.0.1", port: 1)] }
        return try DataPlane(
            configuration: DataPlaneConfiguration(endpoints: endpoints, workers: 1, accessLog: accessLog),
            listeners: Listeners(main: try ListeningSocket.open(Endpoint(host: "127.0.0.1", port: 0))),
            route: try RouteWord(Route(epoch: 1, active: .blue)), log: { _ in })
    }
}
