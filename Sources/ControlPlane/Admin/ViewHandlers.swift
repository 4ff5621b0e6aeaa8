import DataPlane
import HTTP1
import HTTPTypes
import NIOCore

/// The views: `/status`, `/history`, `/metrics`, `/openapi.json`, `/healthz` and `/readyz`.
struct ViewHandlers: Sendable {
    private let services: AdminAPI.Services

    init(_ services: AdminAPI.Services) {
        self.services = services
    }

    @Sendable func status(_ request: AdminRequest) async throws -> Response {
        _ = try QueryParameters(request.query, allowed: [])
        let state = services.switchboard.state
        let body = StatusBody(
            state: state, health: await services.health.health(), drain: services.drainer.current,
            failover: services.failover.current, preview: services.preview, audit: services.switchboard.auditHead,
            events: services.events?(), traffic: await services.traffic.report(),
            version: services.version,
            startedAt: services.startedAt, stopping: services.isStopping())
        return try .json(body, headers: [.eTag: "\"\(state.epoch)\""])
    }

    @Sendable func history(_ request: AdminRequest) async throws -> Response {
        let query = try QueryParameters(request.query, allowed: ["limit"])
        var limit = SwitchState.historyLimit
        if let text = query["limit"] {
            guard let number = Int(text), (1...SwitchState.historyLimit).contains(number) else {
                throw AdminError.badRequest("limit is \"\(text)\"; allowed: 1 to \(SwitchState.historyLimit)")
            }
            limit = number
        }
        return try .json(HistoryBody(changes: Array(services.switchboard.state.history.prefix(limit))))
    }

    @Sendable func metrics(_ request: AdminRequest) async throws -> Response {
        _ = try QueryParameters(request.query, allowed: [])
        let text = ProxyMetrics(
            state: services.switchboard.state, changeCounts: services.switchboard.changeCounts,
            drainCounts: services.drainer.counts, isDraining: services.drainer.current != nil,
            isFailingOver: services.failover.current != nil, health: await services.health.health(),
            traffic: await services.traffic.report(), certificates: services.certificates(),
            auditLine: services.switchboard.auditHead.line, events: services.events?(),
            releasesEnded: services.switchboard.releasesEnded, isDurable: services.switchboard.isDurable,
            process: ProcessUsage.read(), startedAt: services.startedAt,
            version: services.version
        ).text
        return Response(
            status: .ok, headers: [.contentType: PrometheusText.contentType, .cacheControl: "no-store"],
            body: ByteBuffer(string: text))
    }

    /// The description of this API.
    @Sendable func openAPI(_ request: AdminRequest) async throws -> Response {
        _ = try QueryParameters(request.query, allowed: [])
        return Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: ByteBuffer(string: OpenAPIDocument.text))
    }

    /// Liveness: the process runs and answers.
    @Sendable func healthz(_ request: AdminRequest) async throws -> Response {
        _ = try QueryParameters(request.query, allowed: [])
        return try .json(ProbeBody(status: "ok"))
    }

    /// Readiness: the active color, or the other one in its place, can take calls, and the process isn't shutting down.
    @Sendable func readyz(_ request: AdminRequest) async throws -> Response {
        _ = try QueryParameters(request.query, allowed: [])
        if services.isStopping() { throw AdminError(.serviceUnavailable, "shutting down") }
        let state = services.switchboard.state
        let health = await services.health.health()[state.active]
        let failover = services.failover.current?.to
        guard health.isHealthy || failover != nil else {
            throw AdminError(
                .serviceUnavailable, "the active color can't take calls: \(ChangeRefusal.targetNotHealthy(health))",
                details: AdminError.Details(active: state.active.name, epoch: state.epoch))
        }
        return try .json(
            ProbeBody(
                status: "ready", active: state.active, epoch: state.epoch, failover: failover,
                durable: services.switchboard.isDurable ? nil : false))
    }
}
