import Asking
import HTTP2

/// A client session that makes one unary call and judges the answer.
package final class GRPCProbeSession: CallSession {
    /// The answer, as soon as there is one.
    package private(set) var outcome: HealthCheckResult.Outcome?

    init(_ request: ProbeRequest, _ question: HealthQuestion) {
        super.init(request.contact)
        do {
            try ask(question) { [unowned self] outcome, _ in
                if self.outcome == nil { self.outcome = outcome }
            }
        } catch {
            fail("the request can't be made: \(error)")
        }
    }

    /// Makes the call that a check describes; `nil` if it describes none.
    package convenience init?(for request: ProbeRequest) {
        switch request.check {
        case .grpc(let service), .grpcWatch(let service): self.init(request, .check(service: service))
        case .grpcCall(let call): self.init(request, .call(call))
        case .http, .tcp: return nil
        }
    }

    /// Ends the probe without an answer; an existing result stays.
    func fail(_ reason: String) {
        if outcome == nil { outcome = .requestFailed(reason: reason) }
    }
}
