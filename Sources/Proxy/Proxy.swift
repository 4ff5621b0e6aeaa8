import Certificates
import Connections
import Asking
import ControlPlane
import DataPlane
import EventLoop
import FoundationEssentials
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
    /// Whether that process has started this one.
    private let isChild: Bool
    /// Told once signals have something to end in order.
    private let termination: Termination

    init(
        settings: ProxySettings, inherited: InheritedDescriptors, predecessor: Predecessor?, isChild: Bool,
        termination: Termination, reread: @escaping @Sendable () throws(SettingsErrors) -> ProxySettings
    ) {
        self.settings = settings
        self.inherited = inherited
        self.predecessor = predecessor
        self.isChild = isChild
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
        let audit = try AuditLog(path: settings.auditLog) { logger.error("\($0)") }
        let log = DataPlaneLog(logger: logger)
        let tls = try TLSContext.forClients(settings)
        let adminTLS = try AdminTLS.make(settings)
        let upstreamTLS = try TLSContext.forUpstreams(settings)
        let eventTrust = try EventTrust.make(settings)
        let inbox = eventTrust == nil ? nil : EventInbox(limit: settings.eventBacklog)
        // Each socket has one owner, who closes it: if another process listens too, this one must release it at its
        // end.
        let (clients, adminListener) = try ListeningSockets.open(settings, inherited, logger)
        let handoverSocket = try settings.handoverSocket.map { try HandoverSocket(path: $0) }
        let decision = try inherited.take(.decision).map { try TakeoverDecision(sharing: $0) }
        // Everything that may fail has been done by now, as far as possible: from here on the other process waits.
        let takeover = try await takeover(decision, logger)
        // The other process has written to it, and doesn't any more.
        if predecessor != nil { audit.takeUp() }
        let state = try takeover.map { try takeOver($0, store) } ?? takeUpState(store, audit, at: startedAt, logger)
        let route = try inherited.take(.route).map { try RouteWord(sharing: $0) } ?? RouteWord(state.routeWithoutShare)
        // A process that has ended instead of handing over may have saved a state without putting it in force.
        if takeover == nil { state.putInForce(route) }
        let asker = try Asker(tls: upstreamTLS)
        let shadowing = try Shadowing(settings, asker)
        let takeCopies: @Sendable ([CopyOutcome]) -> Void = { shadowing?.comparer.take($0) }
        let dataPlane = try DataPlane(
            configuration: DataPlaneConfiguration(settings, tls: tls, upstreamTLS: upstreamTLS),
            listeners: consume clients, route: route, takeCopies: takeCopies, log: log.take)
        let earlier = try inherited.takeAll(.predecessor).map { try Predecessor($0, unsent: Restart.report) }
        let traffic = CombinedTraffic(own: dataPlane, predecessors: earlier + [predecessor].compactMap { $0 })
        let failover = FailoverWatch(
            active: state.active, isEnabled: settings.failover,
            onTurn: { inbox?.leave(EventDraft(.failover($0), auditHead: audit.head)) }, logger: logger)
        let monitor = HealthMonitor(
            configuration: HealthMonitor.Configuration(settings), checker: HealthChecker(asker), traffic: traffic,
            failover: failover, known: takeover?.health ?? [], logger: logger)
        let drainer = Drainer(traffic: traffic, timeout: settings.drainTimeout, logger: logger)
        let switchboard = Switchboard(
            state: state, store: store, audit: audit, route: route, traffic: traffic, health: monitor,
            versions: VersionInquiry(asker) { await monitor.configuration }, drainer: drainer, failover: failover,
            stickyKey: settings.stickyKey, shadowing: shadowing, events: inbox, logger: logger)
        let events = try eventDelivery(inbox, eventTrust, audit, failover, dataPlane.address, logger)
        let certificates = CertificateReload(
            [
                .forClients(settings, inForce: tls, dataPlane),
                .forAdmin(settings, adminTLS),
                .forUpstreams(settings, inForce: upstreamTLS, dataPlane, asker),
                .forEvents(settings, eventTrust),
            ].compactMap { $0 }, logger: logger)
        let leaving = Leaving(grace: Leaving.Grace(settings))
        let eventStatus: (@Sendable () -> EventStatus)? = if let events { { events.status } } else { nil }
        let api = AdminAPI(
            AdminAPI.Services(
                switchboard: switchboard, health: monitor, traffic: traffic,
                drainer: drainer, failover: failover, preview: dataPlane.previewAddress,
                certificates: { certificates.statuses }, events: eventStatus, token: token,
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
            api: api, listener: consume adminListener, isPaused: predecessor != nil, tls: adminTLS, logger: logger,
            onServing: adminServes.set)
        let takingOver = predecessor.map {
            TakingOver(
                decision: decision, predecessor: $0, earlier: earlier, drain: takeover?.drain, drainer: drainer,
                store: store, admin: admin)
        }
        let serves = OneTimeEvent()
        let service = DataPlaneService(
            dataPlane: dataPlane, traffic: traffic, leaving: leaving, logger: logger,
            facts: Logger.Metadata(
                uniqueKeysWithValues: [
                    ("admin", "\(adminAddress)"), ("active", "\(state.active)"),
                    ("epoch", .stringConvertible(state.epoch)), ("version", "\(ProxyVersion.current)"),
                    ("workers", .stringConvertible(settings.workers)),
                    ("process", .stringConvertible(Int(getpid()))),
                ] + (dataPlane.previewAddress.map { [("preview", "\($0)")] } ?? [])), adminServes: adminServes,
            takingOver: takingOver,
            onServing: {
                Self.publish(handoverSocket, logger)
                events?.begin()
                serves.set()
            })
        // They end in reverse order: the admin API answers for as long as calls are finishing, and then the last events
        // are told.
        var services: [any Service] = [
            admin, reload, monitor, certificates,
            ReleaseDriver(switchboard: switchboard, traffic: traffic, health: monitor),
            NetworkWatch(leaving: leaving, logger: logger), service,
        ]
        if let events { services.insert(events, at: 0) }
        let group = ServiceGroup(configuration: ServiceGroupConfiguration(services: services, logger: logger))
        termination.serve { Task { await group.triggerGracefulShutdown() } }
        await group.addServiceUnlessShutdown(
            Restart(
                signals: restartRequests, socket: handoverSocket, serves: serves,
                program: .current(isChild: isChild),
                parts: Restart.Parts(
                    dataPlane: dataPlane, traffic: traffic, admin: admin, route: route, store: store,
                    switchboard: switchboard, health: monitor, drainer: drainer, events: events),
                leaving: leaving, leave: { await group.triggerGracefulShutdown() }, logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await log.write() }
            defer { log.finish() }
            try await ShutdownLimit(leaving: leaving, logger: logger).run(group)
        }
        asker.stop()
    }

    /// Tells of changes; `nil` if nobody is to be told.
    private func eventDelivery(
        _ inbox: EventInbox?, _ trust: EventTrust?, _ audit: AuditLog, _ failover: FailoverWatch, _ listen: Endpoint,
        _ logger: Logger
    ) throws -> EventDelivery? {
        guard let address = settings.onEvent, let inbox, let trust else { return nil }
        return try EventDelivery(
            EventDelivery.Parts(
                inbox: inbox, file: settings.eventQueueFile, limit: settings.eventBacklog,
                sender: EventClient(address: address, trust: trust), trust: trust, audit: audit, failover: failover,
                proxy: "\(ProcessInfo.processInfo.hostName):\(listen.port)", version: "\(ProxyVersion.current)",
                logger: logger))
    }

    /// What the other process hands over; `nil` if there is none, or if it has ended before it could: then this one goes
    /// on from the state file, with the sockets that it has got already.
    private func takeover(_ decision: TakeoverDecision?, _ logger: Logger) async throws -> Takeover? {
        guard let predecessor else { return nil }
        do {
            return try await predecessor.takeOver()
        } catch {
            // One that has changed its mind has broken off the takeover first.
            guard predecessor.isHungUp, decision?.takeOver() == true else { throw error }
            logger.warning("the process to take over from has ended before it handed over: its state file is taken up")
            return nil
        }
    }

    /// Has the next process find this one. Without it everything else works.
    private static func publish(_ socket: HandoverSocket?, _ logger: Logger) {
        do {
            try socket?.publish()
        } catch {
            logger.error("no process can take over from this one", metadata: ["cause": "\(error)"])
        }
    }

    /// The state of the process that this one takes over from, saved here too, as the state file may have another name.
    private func takeOver(_ takeover: Takeover, _ store: StateStore) throws -> SwitchState {
        if (try? store.load()) != takeover.state { try store.save(takeover.state) }
        return takeover.state
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
            return state.comingBack(at: time)
        }
        let state = SwitchState(initial: settings.initial, at: time)
        try store.save(state)
        try audit.append(AuditEntry(state.current))
        return state
    }
}
