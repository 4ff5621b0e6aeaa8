import ControlPlane
import DataPlane
import EventLoop
import Glibc
import Ground
import Handover
import HealthCheck
import JSONLogging
import Logging
import ServiceLifecycle
import Settings
import TLS
import UnixSignals

/// The whole Proxy, wired together: settings, then state, then listeners, then health checks.
struct Proxy {
    private let settings: ProxySettings
    /// Reads the settings again, as at the start.
    private let reread: @Sendable () throws(SettingsErrors) -> ProxySettings
    private let inherited: InheritedDescriptors
    /// The process to take over from.
    private let predecessor: Predecessor?
    /// Told once signals have something to end in order.
    private let termination: Termination

    init(
        settings: ProxySettings, inherited: InheritedDescriptors, predecessor: Predecessor?, termination: Termination,
        reread: @escaping @Sendable () throws(SettingsErrors) -> ProxySettings
    ) {
        self.settings = settings
        self.inherited = inherited
        self.predecessor = predecessor
        self.termination = termination
        self.reread = reread
    }

    /// Runs until a signal ends it; throws the reason if it can't run.
    func run() async throws {
        let startedAt = Timestamp.now()
        let token = try BearerToken.read(settings)
        let threshold = LogThreshold(settings.logLevel)
        LoggingSystem.bootstrap { JSONLogHandler(label: $0, threshold: threshold) }
        signal(SIGPIPE, SIG_IGN)
        let reloadRequests = await UnixSignalsSequence(trapping: .sighup)
        let restartRequests = await UnixSignalsSequence(trapping: .sigusr2)
        EarlySignals.raiseAgain()
        FileDescriptorLimit.raise()
        let logger = Logger(label: "sluice")

        let store = try StateStore(path: settings.stateFile, sharing: inherited.take(.lock))
        let audit = try AuditLog(path: settings.auditLog)
        let log = DataPlaneLog(logger: logger)
        let tls = try TLSContext.forClients(settings)
        let adminTLS = try AdminTLS.make(settings)
        let upstreamTLS = try TLSContext.forUpstreams(settings)
        // Each socket has one owner, who closes it: if another process listens too, this one must release it at its
        // end.
        let (clients, adminListener) = try ListeningSockets.open(settings, inherited, logger)
        // Everything that may fail has been done by now, as far as possible: from here on the other process waits.
        let takeover = try await predecessor?.takeOver()
        let state = try takeover.map { try takeOver($0, store) } ?? takeUpState(store, audit, at: startedAt, logger)
        let route = try inherited.take(.route).map { try RouteWord(sharing: $0) } ?? RouteWord(state.route)
        let dataPlane = try DataPlane(
            configuration: DataPlaneConfiguration(settings, tls: tls, upstreamTLS: upstreamTLS),
            listener: consume clients, route: route, log: log.take)
        let traffic = try CombinedTraffic(own: dataPlane, predecessors: predecessors())
        let checker = try HealthChecker(tls: upstreamTLS)
        let failover = FailoverWatch(active: state.active, isEnabled: settings.failover, logger: logger)
        let monitor = HealthMonitor(
            configuration: HealthMonitor.Configuration(settings), checker: checker, traffic: traffic,
            failover: failover, known: takeover?.health ?? [], logger: logger)
        let drainer = Drainer(traffic: traffic, timeout: settings.drainTimeout, logger: logger)
        if let drain = takeover?.drain { drainer.takeOver(drain) }
        let switchboard = Switchboard(
            state: state, store: store, audit: audit, route: route, traffic: traffic, health: monitor,
            drainer: drainer, failover: failover, logger: logger)
        let certificates = CertificateReload(
            [
                .forClients(settings, inForce: tls, dataPlane),
                .forAdmin(settings, adminTLS),
                .forUpstreams(settings, inForce: upstreamTLS, dataPlane, checker),
            ].compactMap { $0 }, logger: logger)
        let leaving = Leaving(grace: Leaving.Grace(settings))
        let api = AdminAPI(
            AdminAPI.Services(
                switchboard: switchboard, health: monitor, traffic: traffic,
                drainer: drainer, failover: failover, certificates: { certificates.statuses }, token: token,
                version: ProxyVersion.current, startedAt: startedAt, isStopping: { leaving.begun.isSet },
                logger: logger))

        let reload = ReloadService(
            requests: reloadRequests,
            reload: SettingsReload(
                settings: settings, read: reread,
                parts: LiveParts(
                    threshold: threshold, leaving: leaving, drainer: drainer, monitor: monitor, dataPlane: dataPlane,
                    failover: failover), certificates: certificates, logger: logger))
        let adminServes = OneTimeEvent()
        let adminAddress = adminListener.address
        let admin = AdminServer(
            api: api, listener: consume adminListener, tls: adminTLS, logger: logger, onServing: adminServes.set)
        let service = DataPlaneService(
            dataPlane: dataPlane, traffic: traffic, leaving: leaving, logger: logger,
            facts: [
                "admin": "\(adminAddress)", "active": "\(state.active)",
                "epoch": .stringConvertible(state.epoch), "version": "\(ProxyVersion.current)",
                "workers": .stringConvertible(settings.workers), "process": .stringConvertible(Int(getpid())),
            ], adminServes: adminServes, predecessor: predecessor)
        // They end in reverse order: the admin API answers for as long as calls are finishing.
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [admin, reload, monitor, certificates, service], logger: logger))
        termination.serve { Task { await group.triggerGracefulShutdown() } }
        await group.addServiceUnlessShutdown(
            Restart(
                requests: restartRequests, program: .current(hasPredecessor: predecessor != nil),
                parts: Restart.Parts(
                    dataPlane: dataPlane, traffic: traffic, admin: admin, route: route, store: store,
                    switchboard: switchboard, health: monitor, drainer: drainer),
                leaving: leaving, leave: { await group.triggerGracefulShutdown() }, logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await log.write() }
            defer { log.finish() }
            try await ShutdownLimit(leaving: leaving, logger: logger).run(group)
        }
        checker.stop()
    }

    /// The processes that are still finishing calls: the one that this one takes over from, and earlier ones.
    private func predecessors() throws -> [Predecessor] {
        let earlier = try inherited.takeAll(.predecessor).map { try Predecessor($0, unsent: Restart.report) }
        // They listen for as long as the process lives.
        for predecessor in earlier { Task { await predecessor.listen() } }
        return earlier + [predecessor].compactMap { $0 }
    }

    /// The state of the process that this one takes over from, saved here too, as the state file may have another name.
    private func takeOver(_ takeover: Takeover, _ store: StateStore) throws -> SwitchState {
        guard let state = SwitchState(history: takeover.history) else { throw Predecessor.Failure() }
        if (try? store.load()) != state { try store.save(state) }
        return state
    }

    /// The state of the last run, or that of a first start, which is then saved and audited.
    private func takeUpState(
        _ store: StateStore, _ audit: AuditLog, at time: Timestamp, _ logger: Logger
    ) throws -> SwitchState {
        if let state = try store.load() {
            if settings.source(of: SettingTable.colors.initial) != .standard && settings.initial != state.active {
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
}
