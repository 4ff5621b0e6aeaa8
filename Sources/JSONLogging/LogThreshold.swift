import Logging
import Synchronization

/// The least severe level that is written, shared by any number of handlers. Any thread may change it, even while they
/// log.
package final class LogThreshold: Sendable {
    /// Index into `Logger.Level.allCases`.
    private let index: Atomic<Int>

    package init(_ level: Logger.Level) {
        index = Atomic(Self.index(of: level))
    }

    /// The least severe level that is written.
    package var level: Logger.Level {
        get { Logger.Level.allCases[index.load(ordering: .relaxed)] }
        set { index.store(Self.index(of: newValue), ordering: .relaxed) }
    }

    private static func index(of level: Logger.Level) -> Int {
        // Always found: `allCases` contains every level.
        Logger.Level.allCases.firstIndex(of: level)!
    }
}
