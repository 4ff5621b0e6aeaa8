import ControlPlane
import DataPlane
import HealthCheck
import JSONLogging
import Logging
import ServiceLifecycle
import Settings
import TLS
import UnixSignals

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The whole Proxy, wired together: settings, then state, then listeners, then health checks.
struct Proxy {
    private let settings: ProxySettings
    /// Reads the settings again, as at the start.
    private let reread: @Sendable () throws(SettingsErrors) -> ProxySettings

    init(settings: ProxySettings, reread: @escaping @Sendable () throws(SettingsErrors) -> ProxySettings) {
        self.settings = settings
        self.reread = reread
    }

    /// Runs until a signal ends it, or throws what keeps it from running.
    func run() async throws {
        let startedAt = ControlPlane.Timestamp.now()
        let token = try BearerToken.read(settings)
        let threshold = LogThreshold(settings.logLevel)
        LoggingSystem.bootstrap { JSONLogHandler(label: $0, threshold: threshold) }
        signal(SIGPIPE, SIG_IGN)
        let reloadRequests = await UnixSignalsSequence(trapping: .sighup)
        FileDescriptorLimit.raise()
        let logger = Logger(label: "sluice")

        let store = try StateStore(path: settings.stateFile)
        let audit = try AuditLog(path: settings.auditLog)
        let state = try takeUpState(store, audit, at: startedAt, logger)
        let route = RouteWord(state.route)
        let log = DataPlaneLog(logger: logger)
        let tls = try TLSContext.forClients(settings)
        let adminTLS = try AdminTLS.make(settings)
        let upstreamTLS = try TLSContext.forUpstreams(settings)
        let dataPlane = try DataPlane(
            configuration: DataPlaneConfiguration(settings, tls: tls, upstreamTLS: upstreamTLS),
            route: route, log: log.take)
        let checker = try HealthChecker(tls: upstreamTLS)
        let failover = FailoverWatch(active: state.active, isEnabled: settings.failover, logger: logger)
        let monitor = HealthMonitor(
            configuration: HealthMonitor.Configuration(settings), checker: checker, traffic: dataPlane,
            failover: failover, logger: logger)
        let drainer = Drainer(traffic: dataPlane, timeout: settings.drainTimeout, logger: logger)
        let switchboard = Switchboard(
            state: state, store: store, audit: audit, route: route, traffic: dataPlane, health: monitor,
            drainer: drainer, failover: failover, logger: logger)
        let certificates = CertificateReload(
            [
                .forClients(settings, inForce: tls, dataPlane),
                .forAdmin(settings, adminTLS),
                .forUpstreams(settings, inForce: upstreamTLS, dataPlane, checker),
            ].compactMap { $0 }, logger: logger)
        let stopping = StoppingFlag()
        let api = AdminAPI(
            AdminAPI.Services(
                switchboard: switchboard, health: monitor, traffic: dataPlane, drain: DrainWait(traffic: dataPlane),
                drainer: drainer, failover: failover, certificates: { certificates.statuses }, token: token,
                version: ProxyVersion.current, startedAt: startedAt, isStopping: { stopping.isSet }, logger: logger))

        let grace = LiveValue(settings.shutdownGrace)
        let reload = SettingsReload(
            requests: reloadRequests, settings: settings, read: reread,
            parts: [
                .logLevel(threshold), .shutdownGrace(grace), .drainTimeout(drainer), .health(monitor),
                .traffic(dataPlane, failover),
            ], certificates: certificates, logger: logger)
        let limit = ShutdownLimit(stopping: stopping, grace: grace, logger: logger)
        try await serve(api, adminTLS, log, limit, logger) { admin in
            [
                reload, monitor, certificates,
                DataPlaneService(
                    dataPlane: dataPlane, grace: grace, stopping: stopping, logger: logger,
                    facts: [
                        "admin": "\(admin)", "active": "\(state.active)", "epoch": .stringConvertible(state.epoch),
                        "version": "\(ProxyVersion.current)", "workers": .stringConvertible(settings.workers),
                    ]),
            ]
        }
        checker.stop()
    }

    /// The state of the last run, or that of a first start, which is saved and audited.
    private func takeUpState(
        _ store: StateStore, _ audit: AuditLog, at time: ControlPlane.Timestamp, _ logger: Logger
    ) throws -> SwitchState {
        if let state = try store.load() {
            if settings.source(of: .initial) != .standard && settings.initial != state.active {
                logger.info(
                    "the state file decides which color is active, not --initial",
                    metadata: ["active": "\(state.active)", "initial": "\(settings.initial)"])
            }
            return state
        }
        let state = SwitchState(initial: settings.initial, at: time)
        try store.save(state)
        try audit.append(AuditEntry(state.current))
        return state
    }

    /// Serves the admin API and, once it listens, everything else; ends the other way round, so that the admin API
    /// answers for as long as calls are finishing.
    ///
    /// - Parameter others: makes the other services, given the admin API's real address.
    private func serve(
        _ api: AdminAPI, _ tls: AdminTLS?, _ log: DataPlaneLog, _ limit: ShutdownLimit, _ logger: Logger,
        _ others: @escaping @Sendable (Endpoint) -> [any Service]
    ) async throws {
        let (listening, announce) = AsyncStream.makeStream(of: Endpoint.self)
        let server = AdminServer(api: api, address: settings.admin, tls: tls, logger: logger) { announce.yield($0) }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [server], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                for await address in listening {
                    for service in others(address) { await group.addServiceUnlessShutdown(service) }
                }
            }
            tasks.addTask { await log.write() }
            defer {
                announce.finish()
                log.finish()
            }
            try await limit.run(group)
        }
    }
}
