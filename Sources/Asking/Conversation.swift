import EventLoop
import Ground
import HTTP2
import TLS

/// A connection made for one exchange: connect, speak, close. Confined to its loop's thread; it keeps itself alive until
/// its end.
package final class Conversation: EventHandler {
    /// How it has ended.
    package enum Ending: Equatable {
        /// The exchange is over; it knows what has come of it.
        case over
        /// The connection could not be made; the exchange was told so.
        case connectFailed(reason: String)
        /// The exchange was broken off, and told so.
        case failed(reason: String)
    }

    private enum Phase {
        case connecting
        case speaking(Transport)
        case done
    }

    private let exchange: (any Exchange)?
    private let contact: Contact
    private let loop: EventLoop
    private let began: MonotonicTime
    private let completion: (Ending) -> Void
    private var phase = Phase.connecting
    private var timeout: TimerID?
    /// Whether the upstream has sent anything yet.
    private var hasReceived = false

    /// Starts at once; `completion` is called on the loop's thread, once.
    ///
    /// - Parameter exchange: `nil` if a connection is all that is wanted; then it is made without TLS.
    package static func start(
        _ exchange: (any Exchange)?, with contact: Contact, on loop: EventLoop, resolver: Resolver,
        completion: @escaping (Ending) -> Void
    ) {
        let conversation = Conversation(exchange, contact, loop, completion)
        Dial.start(contact, offering: exchange?.applicationProtocol, on: loop, resolver: resolver) { outcome in
            switch outcome {
            case .failed(let reason): conversation.finish(.connectFailed(reason: reason))
            case .connected(let transport): conversation.connected(transport)
            }
        }
    }

    private init(
        _ exchange: (any Exchange)?, _ contact: Contact, _ loop: EventLoop, _ completion: @escaping (Ending) -> Void
    ) {
        self.exchange = exchange
        self.contact = contact
        self.loop = loop
        began = loop.readClock()
        self.completion = completion
    }

    private func connected(_ transport: Transport) {
        guard let exchange else { return finish(.over) }
        do {
            try loop.add(transport.socket.descriptor, for: .readable, handler: self)
        } catch {
            return finish(.failed(reason: error.description))
        }
        phase = .speaking(transport)
        let spent = loop.readClock().since(began)
        let limit = min(contact.requestTimeout, max(.zero, contact.wholeTimeout - spent))
        timeout = loop.schedule(after: limit) { [self] in
            let named = min(contact.requestTimeout, contact.wholeTimeout)
            finish(.failed(reason: "no answer within \(named)"))
        }
        write(transport, exchange)
        // The socket doesn't report again what came in with the end of the handshake.
        if isSpeaking { read(transport, exchange) }
        // What follows from that has to go out, too.
        if isSpeaking { write(transport, exchange) }
    }

    package func ready(_ readiness: Readiness) {
        guard case .speaking(let transport) = phase, let exchange else { return }
        if !readiness.isDisjoint(with: [.readable, .broken]) { read(transport, exchange) }
        write(transport, exchange)
    }

    private func read(_ transport: Transport, _ exchange: any Exchange) {
        unsafe withUnsafeTemporaryAllocation(byteCount: RecordBuffer.leastPlaintext, alignment: 16) { buffer in
            while isSpeaking && !exchange.isOver {
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
        if exchange.isOver { finish(.over) }
    }

    private var isSpeaking: Bool {
        if case .speaking = phase { true } else { false }
    }

    private func failed(_ reason: String, byTLS: Bool) {
        // In TLS 1.3 a server says only after the handshake that it rejects the client's certificate.
        finish(byTLS && !hasReceived ? .connectFailed(reason: reason) : .failed(reason: reason))
    }

    /// Sends everything queued. The few hundred bytes of a question always fit an empty socket's buffer: a socket that
    /// doesn't take them is as good as dead.
    private func write(_ transport: Transport, _ exchange: any Exchange) {
        unsafe withUnsafeTemporaryAllocation(byteCount: Session.leastOutput, alignment: 16) { buffer in
            while isSpeaking {
                let count = unsafe exchange.write(into: buffer)
                guard count > 0 else { break }
                switch unsafe transport.write(UnsafeRawBufferPointer(rebasing: buffer[..<count])) {
                case .all: continue
                case .failed(let reason): failed(reason, byTLS: transport.failure != nil)
                case .blocked: finish(.failed(reason: "the upstream doesn't read"))
                }
            }
        }
        if exchange.isOver { finish(.over) }
    }

    private func finish(_ ending: Ending) {
        switch phase {
        case .done: return
        case .connecting: break
        case .speaking(let transport): loop.remove(transport.socket.descriptor)
        }
        phase = .done
        if let timeout { loop.cancel(timeout) }
        switch ending {
        case .over: break
        case .connectFailed(let reason), .failed(let reason): exchange?.fail(reason)
        }
        completion(ending)
    }
}
