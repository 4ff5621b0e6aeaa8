import EventLoop
import Ground
import TLS

/// A connection in the making: name resolution, TCP, and TLS if it is asked for. Confined to its loop's thread; it
/// keeps itself alive until it has an outcome.
package final class Dial: EventHandler {
    /// What comes of it.
    package enum Outcome {
        /// Nobody watches the socket yet. The transport may hold bytes that came with the end of the TLS handshake,
        /// which the socket doesn't report again.
        case connected(Transport)
        case failed(reason: String)
    }

    private enum Phase {
        case resolving
        case connecting(Socket, rest: ArraySlice<SocketAddress>)
        case shakingHands(Transport)
        case done
    }

    private let host: String
    private let tls: (context: TLSContext, offer: ApplicationProtocol)?
    private let loop: EventLoop
    private let completion: (Outcome) -> Void
    private var phase = Phase.resolving
    private var timeout: TimerID?

    /// Starts at once; `completion` is called on the loop's thread, once, in a later turn.
    ///
    /// - Parameter offer: the protocol to speak over TLS; `nil` to connect without TLS, even if the contact has it.
    @discardableResult
    package static func start(
        _ contact: Contact, offering offer: ApplicationProtocol?, on loop: EventLoop, resolver: Resolver,
        completion: @escaping (Outcome) -> Void
    ) -> Dial {
        let tls = contact.tls.flatMap { context in offer.map { (context, $0) } }
        let dial = Dial(host: contact.host, tls: tls, loop, completion)
        let limit = min(contact.connectTimeout, contact.wholeTimeout)
        dial.timeout = loop.schedule(after: limit) {
            dial.finish(.failed(reason: "no connection within \(limit)"))
        }
        let carried = LoopConfined(dial)
        let mailbox = loop.mailbox
        resolver.resolve(host: contact.host, port: contact.port) { outcome in
            mailbox.post { carried.value.resolved(outcome) }
        }
        return dial
    }

    private init(
        host: String, tls: (TLSContext, ApplicationProtocol)?, _ loop: EventLoop,
        _ completion: @escaping (Outcome) -> Void
    ) {
        self.host = host
        self.tls = tls
        self.loop = loop
        self.completion = completion
    }

    /// Gives up without an outcome.
    package func cancel() { release() }

    private func resolved(_ outcome: Resolver.Outcome) {
        guard case .resolving = phase else { return }
        switch outcome {
        case .addresses(let addresses): connect(to: addresses[...], lastReason: "no address")
        case .failed(let reason): finish(.failed(reason: "the name can't be resolved: \(reason)"))
        }
    }

    private func connect(to addresses: ArraySlice<SocketAddress>, lastReason: String) {
        guard let address = addresses.first else { return finish(.failed(reason: lastReason)) }
        do {
            let socket = try Socket.connect(to: address)
            try loop.add(socket.descriptor, for: .writable, handler: self)
            phase = .connecting(socket, rest: addresses.dropFirst())
        } catch {
            connect(to: addresses.dropFirst(), lastReason: error.reason)
        }
    }

    package func ready(_ readiness: Readiness) {
        switch phase {
        case .resolving, .done: break
        case .connecting(let socket, let rest): connected(socket, rest)
        case .shakingHands(let transport): shakeHands(transport)
        }
    }

    private func connected(_ socket: Socket, _ rest: ArraySlice<SocketAddress>) {
        if let error = socket.connectionError() {
            loop.remove(socket.descriptor)
            return connect(to: rest, lastReason: error.reason)
        }
        guard let tls else { return finish(.connected(Transport(socket))) }
        do {
            let secured = try TLSConnection(
                client: socket, host: HostPort.serverName(ofHost: host), context: tls.context,
                records: RecordBuffer(), offering: tls.offer)
            shakeHands(Transport(socket, tls: secured))
        } catch {
            finish(.failed(reason: error.description))
        }
    }

    private func shakeHands(_ transport: Transport) {
        phase = .shakingHands(transport)
        switch transport.handshake() {
        case .done: finish(.connected(transport))
        case .failed(let error): finish(.failed(reason: error.description))
        case .waits(let interest):
            do {
                try loop.change(transport.socket.descriptor, to: interest)
            } catch {
                finish(.failed(reason: error.description))
            }
        }
    }

    private func finish(_ outcome: Outcome) {
        if case .done = phase { return }
        release()
        completion(outcome)
    }

    private func release() {
        switch phase {
        case .done, .resolving: break
        case .connecting(let socket, _): loop.remove(socket.descriptor)
        case .shakingHands(let transport): loop.remove(transport.socket.descriptor)
        }
        phase = .done
        if let timeout { loop.cancel(timeout) }
    }
}
