import EventLoop
import Ground
import HTTP2
import TLS

/// One health check under way: resolve, connect, ask. Confined to its loop's thread; it keeps itself alive until it has
/// an outcome.
final class Probe: EventHandler {
    private enum Phase {
        case resolving
        case connecting(Socket, rest: ArraySlice<SocketAddress>)
        case shakingHands(Transport, any ProbeExchange)
        case asking(Transport, any ProbeExchange)
        case done
    }

    private let request: ProbeRequest
    private let loop: EventLoop
    private let began: MonotonicTime
    private let completion: (HealthCheckResult) -> Void
    private var phase = Phase.resolving
    private var timeout: TimerID?
    /// Whether the upstream has sent anything yet.
    private var hasReceived = false

    /// Starts at once; `completion` is called on the loop's thread, once.
    static func start(
        _ request: ProbeRequest, on loop: EventLoop, resolver: Resolver,
        completion: @escaping (HealthCheckResult) -> Void
    ) {
        let probe = Probe(request, loop, completion)
        probe.limit(to: request.connectTimeout) {
            probe.finish(.connectFailed(reason: "no connection within \(request.connectTimeout)"))
        }
        let carried = LoopConfined(probe)
        let mailbox = loop.mailbox
        resolver.resolve(host: request.host, port: request.port) { outcome in
            mailbox.post { carried.value.resolved(outcome) }
        }
    }

    private init(_ request: ProbeRequest, _ loop: EventLoop, _ completion: @escaping (HealthCheckResult) -> Void) {
        self.request = request
        self.loop = loop
        began = loop.readClock()
        self.completion = completion
    }

    // MARK: Connecting

    private func resolved(_ outcome: Resolver.Outcome) {
        guard case .resolving = phase else { return }
        switch outcome {
        case .addresses(let addresses): connect(to: addresses[...], lastReason: "no address")
        case .failed(let reason): finish(.connectFailed(reason: "the name can't be resolved: \(reason)"))
        }
    }

    private func connect(to addresses: ArraySlice<SocketAddress>, lastReason: String) {
        guard let address = addresses.first else { return finish(.connectFailed(reason: lastReason)) }
        do {
            let socket = try Socket.connect(to: address)
            try loop.add(socket.descriptor, for: .writable, handler: self)
            phase = .connecting(socket, rest: addresses.dropFirst())
        } catch {
            connect(to: addresses.dropFirst(), lastReason: error.reason)
        }
    }

    func ready(_ readiness: Readiness) {
        switch phase {
        case .resolving, .done: break
        case .connecting(let socket, let rest): connected(socket, rest)
        case .shakingHands(let transport, let exchange): shakeHands(transport, exchange)
        case .asking(let transport, let exchange):
            if !readiness.isDisjoint(with: [.readable, .broken]) { read(transport, exchange) }
            write(transport, exchange)
        }
    }

    private func connected(_ socket: Socket, _ rest: ArraySlice<SocketAddress>) {
        if let error = socket.connectionError() {
            loop.remove(socket.descriptor)
            return connect(to: rest, lastReason: error.reason)
        }
        let exchange: any ProbeExchange
        switch request.check {
        case .tcp: return finish(.healthy)
        case .http(let path): exchange = HTTPProbeExchange(request, path: path)
        case .grpc(let service): exchange = GRPCProbeExchange(request, service: service)
        }
        guard let tls = request.tls else { return ask(Transport(socket), exchange) }
        do {
            let secured = try TLSConnection(
                client: socket, host: request.host, context: tls, records: RecordBuffer(),
                offering: exchange.applicationProtocol)
            shakeHands(Transport(socket, tls: secured), exchange)
        } catch {
            finish(.connectFailed(reason: error.description))
        }
    }

    private func shakeHands(_ transport: Transport, _ exchange: any ProbeExchange) {
        phase = .shakingHands(transport, exchange)
        switch transport.handshake() {
        case .waits(let interest): watch(transport, for: interest)
        case .failed(let error): finish(.connectFailed(reason: error.description))
        case .done:
            ask(transport, exchange)
            // The socket doesn't report again what came in with the end of the handshake.
            if case .asking = phase { read(transport, exchange) }
        }
    }

    private func ask(_ transport: Transport, _ exchange: any ProbeExchange) {
        phase = .asking(transport, exchange)
        limit(to: request.requestTimeout) { [self] in
            finish(.requestFailed(reason: "no answer within \(request.requestTimeout)"))
        }
        write(transport, exchange)
    }

    // MARK: Asking

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
        if let outcome = exchange.outcome { return finish(outcome) }
        if isAsking { watch(transport, for: .readable) }
    }

    private func watch(_ transport: Transport, for interest: Readiness) {
        do {
            try loop.change(transport.socket.descriptor, to: interest)
        } catch {
            finish(.requestFailed(reason: error.description))
        }
    }

    // MARK: The end

    private func limit(to duration: Duration, _ action: @escaping () -> Void) {
        if let timeout { loop.cancel(timeout) }
        timeout = loop.schedule(after: duration, action)
    }

    private func finish(_ outcome: HealthCheckResult.Outcome) {
        switch phase {
        case .done: return
        case .resolving: break
        case .connecting(let socket, _): loop.remove(socket.descriptor)
        case .shakingHands(let transport, _), .asking(let transport, _): loop.remove(transport.socket.descriptor)
        }
        phase = .done
        if let timeout { loop.cancel(timeout) }
        completion(HealthCheckResult(outcome: outcome, latency: loop.readClock().since(began)))
    }
}
