import Asking
import EventLoop

/// One health check: connects, asks once, and judges the answer.
enum Probe {
    /// Starts at once; `completion` is called on the loop's thread, once.
    static func start(
        _ request: ProbeRequest, on loop: EventLoop, resolver: Resolver,
        completion: @escaping (HealthCheckResult) -> Void
    ) {
        let began = loop.readClock()
        let question = question(request)
        Conversation.start(question?.exchange, with: request.contact, on: loop, resolver: resolver) { ending in
            let outcome: HealthCheckResult.Outcome =
                switch ending {
                // If nothing was asked, the connection was the answer.
                case .over: question.map { $0.outcome() } ?? .healthy
                case .connectFailed(let reason): .connectFailed(reason: reason)
                case .failed(let reason): .requestFailed(reason: reason)
                }
            completion(HealthCheckResult(outcome: outcome, latency: loop.readClock().since(began)))
        }
    }

    /// What is said, and what has come of it; `nil` if a connection is all that is asked for.
    private static func question(
        _ request: ProbeRequest
    ) -> (exchange: any Exchange, outcome: () -> HealthCheckResult.Outcome)? {
        if case .http(let path, _) = request.check {
            let exchange = HTTPExchange(request.contact, path: path)
            return (exchange, { judge(exchange.outcome) })
        }
        guard let session = GRPCProbeSession(for: request) else { return nil }
        let exchange = CallExchange(session) { session.outcome != nil }
        return (exchange, { session.outcome ?? .requestFailed(reason: "there is no answer") })
    }

    private static func judge(_ outcome: HTTPExchange.Outcome?) -> HealthCheckResult.Outcome {
        switch outcome {
        case .answer(let answer):
            (200...299).contains(answer.status) ? .healthy : .unhealthy(reason: "HTTP status \(answer.status)")
        case .failed(let reason): .requestFailed(reason: reason)
        case nil: .requestFailed(reason: "there is no answer")
        }
    }
}
