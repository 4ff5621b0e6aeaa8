import DataPlane
import Settings
import TLS

extension DataPlaneConfiguration {
    /// The part of the settings that concerns the data plane.
    init(_ settings: ProxySettings, tls: TLSContext?, upstreamTLS: TLSContext?) {
        self.init(
            endpoints: settings.endpoints, workers: settings.workers,
            busyPoll: settings.busyPoll ?? .zero, accessLog: settings.accessLog, limits: settings.limits,
            failover: settings.failover, tls: tls,
            upstreamTLS: upstreamTLS, forwardsClientIdentity: settings.tls?.forwardsClientIdentity ?? false,
            routeMetadata: settings.routeMetadata, announces: settings.announces,
            stickyKey: settings.stickyKey, copies: settings.copies)
    }
}
