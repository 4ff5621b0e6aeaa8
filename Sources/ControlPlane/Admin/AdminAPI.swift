import Certificates
import DataPlane
import Ground
import HTTP1
import HTTPTypes
import Logging
import NIOCore

/// The admin API: changes the active color and reports the Proxy's state, over HTTP/1.1 with JSON bodies.
package struct AdminAPI: Sendable {
    /// The parts of the Proxy that the API reports on and controls.
    package struct Services: Sendable {
        /// Makes the changes.
        package var switchboard: Switchboard
        /// Knows the health of both colors.
        package var health: any HealthReporting
        /// Reports the data plane's counts.
        package var traffic: any TrafficControl
        /// Measures how long a change waits for the calls that it has left behind.
        package var clock: any Clock<Duration>
        /// Knows the drain in progress.
        package var drainer: Drainer
        /// Knows whether new calls go to the other color.
        package var failover: FailoverWatch
        /// The address whose calls go to the color that isn't active; `nil` if there is none.
        package var preview: Endpoint?
        /// The certificates in force.
        package var certificates: @Sendable () -> [CertificateStatus]
        /// How events are delivered; `nil` if nobody is told of any.
        package var events: (@Sendable () -> EventStatus)?
        /// The token that requests must carry; `nil` admits everyone who can connect, which is safe on the loopback
        /// only.
        package var token: BearerToken?
        /// The Proxy's version, as `/status` shows it.
        package var version: String
        /// When the process started.
        package var startedAt: Timestamp
        /// Whether the process is shutting down and so is no longer ready for calls.
        package var isStopping: @Sendable () -> Bool
        /// The destination of the API's own log lines.
        package var logger: Logger

        package init(
            switchboard: Switchboard, health: any HealthReporting, traffic: any TrafficControl,
            clock: any Clock<Duration> = ContinuousClock(), drainer: Drainer, failover: FailoverWatch,
            preview: Endpoint? = nil, certificates: @escaping @Sendable () -> [CertificateStatus] = { [] },
            events: (@Sendable () -> EventStatus)? = nil, token: BearerToken?, version: String,
            startedAt: Timestamp, isStopping: @escaping @Sendable () -> Bool, logger: Logger
        ) {
            self.switchboard = switchboard
            self.health = health
            self.traffic = traffic
            self.clock = clock
            self.drainer = drainer
            self.failover = failover
            self.preview = preview
            self.certificates = certificates
            self.events = events
            self.token = token
            self.version = version
            self.startedAt = startedAt
            self.isStopping = isStopping
            self.logger = logger
        }
    }

    typealias Handler = @Sendable (AdminRequest) async throws -> Response

    /// The methods that a path supports.
    struct Resource: Sendable {
        /// Handlers by method; `GET` serves `HEAD` too.
        var handlers: [HTTPRequest.Method: Handler]
        /// Whether requests are answered without a token, for liveness and readiness probes.
        var isOpen = false
        /// Whether `POST` takes a body.
        var takesBody = false

        var allow: String {
            handlers.keys.flatMap { $0 == .get ? ["GET", "HEAD"] : [$0.rawValue] }.sorted().joined(separator: ", ")
        }
    }

    private let resources: [String: Resource]
    private let gate: AdminGuard
    private let logger: Logger

    package init(_ services: Services) {
        let changes = ChangeHandlers(services)
        let views = ViewHandlers(services)
        let releases = ReleaseHandlers(services)
        resources = [
            "/switch": Resource(handlers: [.post: changes.switch]),
            "/rollback": Resource(handlers: [.post: changes.rollback]),
            "/release": Resource(handlers: [.get: releases.view, .post: releases.begin], takesBody: true),
            "/release/pause": Resource(handlers: [.post: releases.pause]),
            "/release/resume": Resource(handlers: [.post: releases.resume]),
            "/release/promote": Resource(handlers: [.post: releases.promote]),
            "/release/abort": Resource(handlers: [.post: releases.abort]),
            "/releases": Resource(handlers: [.get: releases.list]),
            "/drain/cancel": Resource(handlers: [.post: changes.cancelDrain]),
            "/status": Resource(handlers: [.get: views.status]),
            "/history": Resource(handlers: [.get: views.history]),
            "/metrics": Resource(handlers: [.get: views.metrics]),
            "/openapi.json": Resource(handlers: [.get: views.openAPI]),
            "/healthz": Resource(handlers: [.get: views.healthz], isOpen: true),
            "/readyz": Resource(handlers: [.get: views.readyz], isOpen: true),
        ]
        gate = AdminGuard(token: services.token)
        logger = services.logger
    }

    /// Whether a request only asks if the process is alive and takes calls.
    @Sendable package func isLiveness(_ request: HTTPRequest) -> Bool {
        resources[Request(head: request).path]?.isOpen == true
    }

    /// Answers a request; errors are answers as well. Any thread may call it.
    @Sendable package func respond(to request: Request) async -> Response {
        let start = ContinuousClock.now
        var response: Response
        do {
            response = try await handle(request)
        } catch let error as AdminError {
            response = error.response
        } catch {
            logger.error("an admin request failed", metadata: ["path": "\(request.path)", "cause": "\(error)"])
            response = AdminError(.internalServerError, "\(error)").response
        }
        response.headers[.xContentTypeOptions] = "nosniff"
        logger.debug(
            "admin request",
            metadata: [
                "method": "\(request.method)", "path": "\(request.path)",
                "status": .stringConvertible(response.status.code),
                "peer": "\(request.peer)", "duration": "\(start.duration(to: .now))",
            ])
        return response
    }

    private func handle(_ request: Request) async throws -> Response {
        let resource = resources[request.path]
        // Without a token a client learns nothing, not even which paths exist.
        let who = resource?.isOpen == true ? request.peer : try gate.admit(request)
        guard let resource else {
            throw AdminError(
                .notFound, "unknown path \(request.path); known: \(resources.keys.sorted().joined(separator: ", "))"
            )
        }
        guard let handler = resource.handlers[request.method == .head ? .get : request.method] else {
            throw AdminError(
                .methodNotAllowed,
                "\(request.method) is not allowed for \(request.path); allowed: \(resource.allow)",
                headers: [.allow: resource.allow])
        }
        // If parameters in a body were silently ignored, a switch to a named color would become a toggle.
        let takesBody = resource.takesBody && request.method == .post
        guard takesBody || request.body.readableBytes == 0 else { throw AdminError.badRequest(Self.bodyRefusal) }
        return try await handler(
            AdminRequest(
                query: request.query, ifMatch: request.headers[.ifMatch],
                idempotencyKey: request.headers[Self.idempotencyKey], body: Array(buffer: request.body), who: who))
    }

    private static let idempotencyKey = HTTPField.Name("Idempotency-Key")!

    static let bodyRefusal = "requests have no body; parameters go into the query, as in /switch?to=green"
}

/// A request that was admitted, as handlers see it.
struct AdminRequest: Sendable {
    var query: String?
    var ifMatch: String?
    var idempotencyKey: String?
    /// Empty but for paths that take one.
    var body: [UInt8]
    /// The token's name or the peer's address.
    var who: String
}
