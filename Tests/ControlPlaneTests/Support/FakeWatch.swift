import HealthCheck
import Synchronization

/// A watch that says what a test has it say.
final class FakeWatch: HealthWatching {
    let words: AsyncStream<WatchWord>
    private let continuation: AsyncStream<WatchWord>.Continuation
    private let state = Mutex((word: WatchWord.good, hasEnded: false))
    private let ask: @Sendable () async -> HealthCheckResult

    init(ask: @escaping @Sendable () async -> HealthCheckResult) {
        self.ask = ask
        (words, continuation) = AsyncStream.makeStream()
    }

    var word: WatchWord { state.withLock { $0.word } }
    var hasEnded: Bool { state.withLock { $0.hasEnded } }

    func say(_ word: WatchWord) {
        state.withLock { $0.word = word }
        continuation.yield(word)
    }

    func check() async -> HealthCheckResult { await ask() }

    func end() {
        state.withLock { $0.hasEnded = true }
        continuation.finish()
    }
}
