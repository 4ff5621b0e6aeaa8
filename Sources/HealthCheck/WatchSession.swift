import Asking
import Ground
import HTTP2

/// The HTTP/2 session of a watch: a `Watch` that stays open, and in each round a `Check` and a PING.
///
/// The PING goes with the `Check` because gRPC servers count PINGs and close the connection at the third one without an
/// answer of their own in between (`ENHANCE_YOUR_CALM`, "too_many_pings"): the answer to the `Check` resets the count.
/// A server that answers the PING and not the `Check` is slow; one that answers neither hangs.
package final class WatchSession: CallSession {
    /// The code of the server's GOAWAY; `nil` while it takes calls.
    package private(set) var goAway: ErrorCode?
    /// Whether the server has answered a call, so that it was there.
    package private(set) var hasAnswered = false

    private let service: String
    private let sendsPings: Bool
    private let tell: (WatchWord) -> Void
    private var backoff = WatchBackoff()
    /// The open `Watch`.
    private var watch: StreamID?
    /// Whether the server doesn't know the method `Watch`, which it will learn in no later round.
    private var lacksWatch = false
    /// The newest state that `Watch` has reported, while it is open.
    private var watched: HealthCheckResult.Outcome?

    /// Whether `Watch` reports a state that isn't healthy.
    package var speaksAgainstItself: Bool { watched.map { $0 != .healthy } ?? false }

    /// - Parameters:
    ///   - sendsPings: `false` for a server that has refused PINGs.
    ///   - tell: called from within `receive(_:)` with what the server says of itself.
    package init(
        _ request: ProbeRequest, service: String, sendsPings: Bool, tell: @escaping (WatchWord) -> Void
    ) {
        self.service = service
        self.sendsPings = sendsPings
        self.tell = tell
        super.init(request.contact)
    }

    /// Begins a round: asks for `Watch` if there is none, and for the state now.
    ///
    /// - Parameter answer: called once with the answer, from within `receive(_:)` or at once; not at all if the session
    ///   ends before. A service that is watched and has no `Check` is what `Watch` says.
    /// - Returns: the stream of the `Check`; `nil` if the session takes no more calls.
    @discardableResult
    package func round(_ answer: @escaping (HealthCheckResult.Outcome) -> Void) -> StreamID? {
        if watch == nil, !lacksWatch, backoff.isDue() { beginWatch() }
        do {
            let stream = try ask(.check(service: service)) { [unowned self] outcome, status in
                let hasNoCheck = status == GRPCStatus.unimplemented.rawValue
                answer(hasNoCheck ? watched ?? outcome : outcome)
            }
            if sendsPings { submitPing(0) }
            return stream
        } catch {
            answer(.requestFailed(reason: "the request can't be made: \(error)"))
            return nil
        }
    }

    private func beginWatch() {
        let message = HealthQuestion.message(service: service)
        watch = try? call("/grpc.health.v1.Health/Watch", message: message, largestAnswer: HealthQuestion.largestAnswer)
        {
            [unowned self] in heard($0)
        }
    }

    private func heard(_ event: CallStream.Event) {
        switch event {
        case .message(let message):
            let outcome = HealthQuestion.outcome(ofStatus: message)
            watched = outcome
            backoff.worked()
            tell(WatchWord(outcome))
        case .ended(let status, _):
            lacksWatch = status == GRPCStatus.unimplemented.rawValue
            watchEnded()
        case .failed: watchEnded()
        }
    }

    /// From here on the server's state is known by `Check` alone.
    private func watchEnded() {
        (watch, watched) = (nil, nil)
        backoff.ended()
        tell(.good)
    }

    public override func answered() { hasAnswered = true }

    public override func goAwayReceived(lastStream: StreamID, _ code: ErrorCode) { goAway = code }
}
