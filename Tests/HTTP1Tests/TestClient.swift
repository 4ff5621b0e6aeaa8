import NIOCore
import NIOPosix
import Synchronization
import TestSupport

/// A client that sends what it is told to, and keeps what it receives.
final class TestClient: Sendable {
    private let channel: any Channel
    private let kept: Kept

    private final class Kept: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer

        let state = Mutex((text: "", hasEnded: false))

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let text = String(buffer: unwrapInboundIn(data))
            state.withLock { $0.text += text }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if event as? ChannelEvent == .inputClosed { state.withLock { $0.hasEnded = true } }
        }

        func channelInactive(context: ChannelHandlerContext) {
            state.withLock { $0.hasEnded = true }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            state.withLock { $0.hasEnded = true }
        }
    }

    init(port: Int) async throws {
        let kept = Kept()
        self.kept = kept
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { $0.pipeline.addHandler(kept) }
            .connect(host: "127.0.0.1", port: port).get()
    }

    var text: String { kept.state.withLock { $0.text } }
    /// Whether the server has ended its side.
    var hasEnded: Bool { kept.state.withLock { $0.hasEnded } }

    func send(_ text: String) {
        channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
    }

    func get(_ path: String, _ fields: String = "") {
        send("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n")
    }

    func close() {
        channel.close(promise: nil)
    }

    func stopReading() {
        channel.setOption(.autoRead, value: false).whenFailure { _ in }
    }

    func closeOutput() {
        channel.close(mode: .output, promise: nil)
    }

    /// Everything received by the time the server ends the connection.
    func wholeText() async -> String {
        _ = await eventually { self.hasEnded }
        return text
    }
}
