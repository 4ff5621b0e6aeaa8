/// Wakes who looks after releases once there is one. Any thread may use it.
package final class OpenReleases: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// A release is under way.
    func open() { continuation.yield() }

    /// One element for each time that a release has come under way, or several such times. One task may await them.
    package var turns: AsyncStream<Void> { stream }
}
