import DataPlane
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// The admin API: changes the active color and tells how things stand, over HTTP/1.1 with JSON bodies.
package struct AdminAPI: HTTPResponder {
    /// What the API speaks for.
    package struct Services: Sendable {
        package var switchboard: Switchboard
        package var health: any HealthReporting
        package var traffic: any TrafficControl
        package var drain: DrainWait
        package var drainer: Drainer
        package var failover: FailoverWatch
        /// The certificates in force.
        package var certificates: @Sendable () -> [CertificateStatus]
        /// Who may use it; `nil` lets everyone who reaches it, which is for the loopback alone.
        package var token: BearerToken?
        package var version: String
        package var startedAt: Timestamp
        /// Whether the process is shutting down, so that it is not ready for calls any more.
        package var isStopping: @Sendable () -> Bool
        package var logger: Logger

        package init(
            switchboard: Switchboard, health: any HealthReporting, traffic: any TrafficControl, drain: DrainWait,
            drainer: Drainer, failover: FailoverWatch,
            certificates: @escaping @Sendable () -> [CertificateStatus] = { [] }, token: BearerToken?, version: String,
            startedAt: Timestamp, isStopping: @escaping @Sendable () -> Bool, logger: Logger
        ) {
            self.switchboard = switchboard
            self.health = health
            self.traffic = traffic
            self.drain = drain
            self.drainer = drainer
            self.failover = failover
            self.certificates = certificates
            self.token = token
            self.version = version
            self.startedAt = startedAt
            self.isStopping = isStopping
            self.logger = logger
        }
    }

    typealias Handler = @Sendable (AdminRequest) async throws -> Response

    /// What a path can do.
    struct Resource: Sendable {
        /// By method; `GET` serves `HEAD` too.
        var handlers: [HTTPRequest.Method: Handler]
        /// Answers without a token, for the probes of whoever runs the process.
        var isOpen = false

        var allow: String {
            handlers.keys.flatMap { $0 == .get ? ["GET", "HEAD"] : [$0.rawValue] }.sorted().joined(separator: ", ")
        }
    }

    private static let bodyLimit = 65_536

    private let resources: [String: Resource]
    private let gate: AdminGuard
    private let logger: Logger

    package init(_ services: Services) {
        let changes = ChangeHandlers(services)
        let views = ViewHandlers(services)
        resources = [
            "/switch": Resource(handlers: [.post: changes.switch]),
            "/rollback": Resource(handlers: [.post: changes.rollback]),
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

    package func respond(to request: Request, context: AdminContext) async throws -> Response {
        let start = ContinuousClock.now
        var response: Response
        do {
            response = try await handle(request, context)
        } catch let error as AdminError {
            response = try error.response()
        } catch {
            logger.error(
                "an admin request failed", metadata: ["path": "\(request.uri.path)", "cause": "\(error)"])
            response = try AdminError(.internalServerError, "\(error)").response()
        }
        response.headers[.xContentTypeOptions] = "nosniff"
        if request.method == .head { response = response.createHeadResponse() }
        if response.headers[.connection] == "close", let channel = context.channel {
            response.body = response.body.closing(channel)
        }
        logger.debug(
            "admin request",
            metadata: [
                "method": "\(request.method)", "path": "\(request.uri.path)",
                "status": .stringConvertible(response.status.code),
                "peer": "\(context.peer)", "duration": "\(start.duration(to: .now))",
            ])
        return response
    }

    private func handle(_ request: Request, _ context: AdminContext) async throws -> Response {
        let resource = resources[request.uri.path]
        // A stranger learns nothing, not even which paths there are.
        let who = resource?.isOpen == true ? context.peer : try gate.admit(request, peer: context.peer)
        guard let resource else {
            throw AdminError(
                .notFound, "unknown path \(request.uri.path); known: \(resources.keys.sorted().joined(separator: ", "))"
            )
        }
        guard let handler = resource.handlers[request.method == .head ? .get : request.method] else {
            throw AdminError(
                .methodNotAllowed,
                "\(request.method) is not allowed for \(request.uri.path); allowed: \(resource.allow)",
                headers: [.allow: resource.allow])
        }
        try await requireEmptyBody(request)
        return try await handler(
            AdminRequest(query: request.uri.query, ifMatch: request.headers[.ifMatch], who: who))
    }

    /// A request has no body: parameters in one that were passed over in silence would make a switch to a named color a
    /// toggle.
    private func requireEmptyBody(_ request: Request) async throws {
        var size = 0
        for try await part in request.body {
            size += part.readableBytes
            guard size <= Self.bodyLimit else {
                // Not read to its end, which may never come: the connection can't be used again.
                throw AdminError(.contentTooLarge, Self.bodyRefusal, headers: [.connection: "close"])
            }
        }
        guard size == 0 else { throw AdminError.badRequest(Self.bodyRefusal) }
    }

    private static let bodyRefusal = "requests have no body; parameters go into the query, as in /switch?to=green"
}

/// A request that was let in, as handlers see it.
struct AdminRequest: Sendable {
    var query: String?
    var ifMatch: String?
    /// The token's name or the peer's address.
    var who: String
}

extension ResponseBody {
    /// The same body, after which the connection is closed.
    fileprivate func closing(_ channel: any Channel) -> ResponseBody {
        ResponseBody(contentLength: contentLength) { writer in
            try await self.write(writer)
            channel.close(promise: nil)
        }
    }
}
