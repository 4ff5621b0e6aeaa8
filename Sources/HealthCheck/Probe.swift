import EventLoop
import HTTP2

/// One health check under way: resolve, connect, ask. Confined to its loop's thread; it keeps itself alive until it has
/// an outcome.
final class Probe: EventHandler {
    private enum Phase {
        case resolving
        case connecting(Socket, rest: ArraySlice<SocketAddress>)
        case asking(Socket, any ProbeExchange)
        case done
    }

    private let request: ProbeRequest
    private let loop: EventLoop
    private let began = MonotonicTime.now()
    private let completion: (HealthCheckResult) -> Void
    private var phase = Phase.resolving
    private var timeout: TimerID?

    /// Begins at once; `completion` is called on the loop's thread, once.
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
        case .asking(let socket, let exchange):
            if !readiness.isDisjoint(with: [.readable, .broken]) { read(socket, exchange) }
            write(socket, exchange)
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
        phase = .asking(socket, exchange)
        limit(to: request.requestTimeout) { [self] in
            finish(.requestFailed(reason: "no answer within \(request.requestTimeout)"))
        }
        write(socket, exchange)
    }

    // MARK: Asking

    private func read(_ socket: Socket, _ exchange: any ProbeExchange) {
        withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 16) { buffer in
            switch socket.read(into: buffer) {
            case .bytes(let count): exchange.receive(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            case .wouldBlock: break
            case .end: exchange.end()
            case .failed(let error): finish(.requestFailed(reason: error.reason))
            }
        }
        if let outcome = exchange.outcome { finish(outcome) }
    }

    /// Sends all there is. A probe's few hundred bytes always fit an empty socket's buffer: one that doesn't take them
    /// is as good as dead.
    private func write(_ socket: Socket, _ exchange: any ProbeExchange) {
        withUnsafeTemporaryAllocation(byteCount: Session.largestPiece, alignment: 16) { buffer in
            while case .asking = phase {
                let count = exchange.drain(into: buffer)
                guard count > 0 else { break }
                switch socket.write(UnsafeRawBufferPointer(rebasing: buffer[..<count])) {
                case .bytes(count): continue
                case .failed(let error): finish(.requestFailed(reason: error.reason))
                case .bytes, .wouldBlock, .end: finish(.requestFailed(reason: "the backend doesn't read"))
                }
            }
        }
        if let outcome = exchange.outcome { return finish(outcome) }
        guard case .asking = phase else { return }
        do {
            try loop.change(socket.descriptor, to: .readable)
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
        case .connecting(let socket, _), .asking(let socket, _): loop.remove(socket.descriptor)
        }
        phase = .done
        if let timeout { loop.cancel(timeout) }
        completion(HealthCheckResult(outcome: outcome, latency: MonotonicTime.now().since(began)))
    }
}
