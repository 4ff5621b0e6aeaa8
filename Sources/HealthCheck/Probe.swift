import EventLoop
import Ground
import HTTP2
import TLS

/// One health check under way: connect, ask. Confined to its loop's thread; it keeps itself alive until it has an
/// outcome.
final class Probe: EventHandler {
    private enum Phase {
        case connecting
        case asking(Transport, any ProbeExchange)
        case done
    }

    private let request: ProbeRequest
    private let loop: EventLoop
    private let began: MonotonicTime
    private let completion: (HealthCheckResult) -> Void
    private var phase = Phase.connecting
    private var timeout: TimerID?
    /// Whether the upstream has sent anything yet.
    private var hasReceived = false

    /// Starts at once; `completion` is called on the loop's thread, once.
    static func start(
        _ request: ProbeRequest, on loop: EventLoop, resolver: Resolver,
        completion: @escaping (HealthCheckResult) -> Void
    ) {
        let probe = Probe(request, loop, completion)
        let exchange = request.exchange()
        Dial.start(request, offering: exchange?.applicationProtocol, on: loop, resolver: resolver) { outcome in
            switch outcome {
            case .failed(let reason): probe.finish(.connectFailed(reason: reason))
            case .connected(let transport): probe.connected(transport, exchange)
            }
        }
    }

    private init(_ request: ProbeRequest, _ loop: EventLoop, _ completion: @escaping (HealthCheckResult) -> Void) {
        self.request = request
        self.loop = loop
        began = loop.readClock()
        self.completion = completion
    }

    /// - Parameter exchange: `nil` if the connection is all that was asked for.
    private func connected(_ transport: Transport, _ exchange: (any ProbeExchange)?) {
        guard let exchange else { return finish(.healthy) }
        do {
            try loop.add(transport.socket.descriptor, for: .readable, handler: self)
        } catch {
            return finish(.requestFailed(reason: error.description))
        }
        phase = .asking(transport, exchange)
        timeout = loop.schedule(after: request.requestTimeout) { [self] in
            finish(.requestFailed(reason: "no answer within \(request.requestTimeout)"))
        }
        write(transport, exchange)
        // The socket doesn't report again what came in with the end of the handshake.
        if isAsking { read(transport, exchange) }
    }

    func ready(_ readiness: Readiness) {
        guard case .asking(let transport, let exchange) = phase else { return }
        if !readiness.isDisjoint(with: [.readable, .broken]) { read(transport, exchange) }
        write(transport, exchange)
    }

    private func read(_ transport: Transport, _ exchange: any ProbeExchange) {
        unsafe withUnsafeTemporaryAllocation(byteCount: RecordBuffer.leastPlaintext, alignment: 16) { buffer in
            while isAsking && exchange.outcome == nil {
                let arrival = unsafe transport.read(into: buffer)
                switch arrival.transfer {
                case .bytes(let count):
                    hasReceived = true
                    unsafe exchange.receive(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                case .wouldBlock: return
                case .end: exchange.end()
                case .failed(let error): failed(transport.reason(of: error), byTLS: transport.failure != nil)
                }
                guard case .end = arrival.behind else { return }
            }
        }
        if let outcome = exchange.outcome { finish(outcome) }
    }

    private var isAsking: Bool {
        if case .asking = phase { true } else { false }
    }

    private func failed(_ reason: String, byTLS: Bool) {
        // In TLS 1.3 a server says only after the handshake that it rejects the client's certificate.
        finish(byTLS && !hasReceived ? .connectFailed(reason: reason) : .requestFailed(reason: reason))
    }

    /// Sends everything queued. A probe's few hundred bytes always fit an empty socket's buffer: a socket that doesn't
    /// take them is as good as dead.
    private func write(_ transport: Transport, _ exchange: any ProbeExchange) {
        unsafe withUnsafeTemporaryAllocation(byteCount: Session.leastOutput, alignment: 16) { buffer in
            while isAsking {
                let count = unsafe exchange.write(into: buffer)
                guard count > 0 else { break }
                switch unsafe transport.write(UnsafeRawBufferPointer(rebasing: buffer[..<count])) {
                case .all: continue
                case .failed(let reason): failed(reason, byTLS: transport.failure != nil)
                case .blocked: finish(.requestFailed(reason: "the upstream doesn't read"))
                }
            }
        }
        if let outcome = exchange.outcome { finish(outcome) }
    }

    private func finish(_ outcome: HealthCheckResult.Outcome) {
        switch phase {
        case .done: return
        case .connecting: break
        case .asking(let transport, _): loop.remove(transport.socket.descriptor)
        }
        phase = .done
        if let timeout { loop.cancel(timeout) }
        completion(HealthCheckResult(outcome: outcome, latency: loop.readClock().since(began)))
    }
}
