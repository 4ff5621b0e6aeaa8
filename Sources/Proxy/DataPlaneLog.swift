import Connections
import DataPlane
import Logging
import Synchronization

/// Accepts the data plane's events without ever blocking a worker, and writes them to the log on a task of its own.
///
/// If events come faster than the log can be written, the newest are kept and the lost ones are counted.
package struct DataPlaneLog: Sendable {
    /// The number of events that may wait to be written.
    package static let capacity = 1024

    private let logger: Logger
    private let events: AsyncStream<NotableEvent>
    private let continuation: AsyncStream<NotableEvent>.Continuation
    private let lost = Counter()

    private final class Counter: Sendable {
        let value = Atomic(0)
    }

    package init(logger: Logger) {
        self.logger = logger
        (events, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.capacity))
    }

    /// Accepts an event; any thread may call this.
    package func take(_ event: NotableEvent) {
        if case .dropped = continuation.yield(event) { lost.value.add(1, ordering: .relaxed) }
    }

    /// Writes until `finish()`.
    package func write() async {
        for await event in events {
            let count = lost.value.exchange(0, ordering: .relaxed)
            if count > 0 { logger.warning("events were lost", metadata: ["count": .stringConvertible(count)]) }
            let details = event.details.map { ($0.name, Logger.MetadataValue.string($0.value)) }
            logger.log(
                level: event.severity.level, "\(event.message)",
                metadata: Logger.Metadata(details) { $1 })
        }
    }

    /// Ends the log: no more events come.
    package func finish() {
        continuation.finish()
    }
}

extension NotableEvent.Severity {
    fileprivate var level: Logger.Level {
        switch self {
        case .info: .info
        case .warning: .warning
        case .error: .error
        }
    }
}
