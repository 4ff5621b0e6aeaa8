import Ground
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// Sends events by HTTP/1.1, each on a connection of its own: events are rare, and a connection that was kept open is as
/// likely as not to be closed by then.
package final class EventClient: EventSending {
    /// How long the receiver may take.
    package struct Limits: Sendable {
        /// For the name, and a connection.
        package var connect = TimeAmount.seconds(5)
        /// From then on for the TLS handshake and the whole answer.
        package var answer = TimeAmount.seconds(10)

        package init() {}
    }

    // Never shut down: it lives as long as the process.
    private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    private let address: WebAddress
    private let trust: EventTrust
    private let limits: Limits

    package init(address: WebAddress, trust: EventTrust, limits: Limits = Limits()) {
        self.address = address
        self.trust = trust
        self.limits = limits
    }

    package func send(_ request: EventRequest) async throws -> EventAnswer {
        let promise = Self.group.next().makePromise(of: EventAnswer.self)
        let tls = trust.context
        // The handlers come once there is a connection: of several addresses more than one may be tried.
        let connecting = ClientBootstrap(group: Self.group)
            .connectTimeout(limits.connect)
            .connect(host: address.server.host, port: Int(address.server.port))
            .flatMap { [address, limits] channel in
                channel.eventLoop.submit {
                    do {
                        let pipeline = channel.pipeline.syncOperations
                        if let tls {
                            try pipeline.addHandler(
                                NIOSSLClientHandler(context: tls, serverHostname: address.nameForTLS))
                        }
                        try pipeline.addHTTPClientHandlers()
                        try pipeline.addHandler(
                            EventExchange(request, to: address, within: limits.answer, promise: promise))
                        return channel
                    } catch {
                        channel.close(promise: nil)
                        throw error
                    }
                }
            }
        let ending = Mutex<(channel: (any Channel)?, isCancelled: Bool)>((nil, false))
        return try await withTaskCancellationHandler {
            do {
                let channel = try await connecting.get()
                let isCancelled = ending.withLock { ending in
                    ending.channel = channel
                    return ending.isCancelled
                }
                if isCancelled { channel.close(promise: nil) }
            } catch {
                promise.fail(error)
            }
            return try await promise.futureResult.get()
        } onCancel: {
            let channel = ending.withLock { ending in
                ending.isCancelled = true
                return ending.channel
            }
            channel?.close(promise: nil)
        }
    }
}

extension WebAddress {
    /// The name that the receiver's certificate must be for; `nil` for an address, which is known from the connection.
    fileprivate var nameForTLS: String? {
        (try? SocketAddress(ipAddress: server.host, port: 0)) == nil ? server.host : nil
    }
}

/// One request and its answer on a connection; then the connection is closed.
private final class EventExchange: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// Why there is no whole answer.
    enum Failure: Error, CustomStringConvertible {
        case closed
        case timeout

        var description: String {
            switch self {
            case .closed: "the connection was closed before an answer"
            case .timeout: "no answer in time"
            }
        }
    }

    /// The largest body that is read, in bytes; nothing depends on it.
    private static let bodyLimit = 65_536

    private let request: EventRequest
    private let address: WebAddress
    private let limit: TimeAmount
    private var promise: EventLoopPromise<EventAnswer>?
    private var answer: EventAnswer?
    private var bodySize = 0
    private var deadline: Scheduled<Void>?

    init(
        _ request: EventRequest, to address: WebAddress, within limit: TimeAmount,
        promise: EventLoopPromise<EventAnswer>
    ) {
        self.request = request
        self.address = address
        self.limit = limit
        self.promise = promise
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        guard channel.isActive else { return end(channel, nil) }
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: limit) { [self] in
            // Who has said its status has answered, whatever becomes of the body.
            end(channel, answer.map { .success($0) } ?? .failure(Failure.timeout))
        }
        var head = HTTPRequestHead(version: .http1_1, method: .POST, uri: address.target)
        head.headers.add(name: "host", value: address.host)
        for (name, value) in request.fields { head.headers.add(name: name, value: value) }
        head.headers.add(name: "content-length", value: "\(request.body.count)")
        head.headers.add(name: "connection", value: "close")
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        let body = context.channel.allocator.buffer(bytes: request.body)
        context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            answer = EventAnswer(
                status: Int(head.status.code), retryAfter: head.headers.first(name: "retry-after").flatMap { Int($0) })
        case .body(let part):
            bodySize += part.readableBytes
            if bodySize > Self.bodyLimit { end(context.channel, nil) }
        case .end:
            end(context.channel, nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(context.channel, nil)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Many servers close without TLS's goodbye; what was read before that counts.
        end(context.channel, answer == nil ? .failure(error) : nil)
    }

    /// - Parameter result: `nil` for what has arrived so far.
    private func end(_ channel: any Channel, _ result: Result<EventAnswer, any Error>?) {
        guard let promise else { return }
        self.promise = nil
        deadline?.cancel()
        promise.completeWith(result ?? answer.map { .success($0) } ?? .failure(Failure.closed))
        channel.close(promise: nil)
    }
}
