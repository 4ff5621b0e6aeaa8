import Synchronization

/// Whether predictions are served, for everyone who asks or waits for a change.
///
/// It begins as loading, becomes serving once, and ends as stopping. Any thread may use it.
package final class ServingState: Sendable {
    /// The state of the service. The raw value is its name in `GET /health`.
    package enum Status: String, Sendable, Hashable {
        /// The model has not been loaded yet.
        case loading
        /// The model is loaded and has answered a warm-up prediction.
        case serving
        /// The process is about to end: it finishes its calls and should get no new ones.
        case stopping
    }

    fileprivate struct State {
        var status = Status.loading
        var repository: ModelRepository?
        var watchers: [Int: AsyncStream<Status>.Continuation] = [:]
        var watchersSoFar = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// The current state.
    package var status: Status {
        state.withLock { $0.status }
    }

    /// The models; nil until they are loaded. They remain while the process is stopping, for the calls in progress.
    package var repository: ModelRepository? {
        state.withLock { $0.repository }
    }

    /// The model for requests that can't name one; nil until it is loaded, or if none of several is chosen.
    package var model: ServedModel? {
        state.withLock { $0.repository?.main }
    }

    /// Changes from loading to serving a single model.
    package func begin(serving model: ServedModel) {
        begin(serving: ModelRepository(model))
    }

    /// Changes from loading to serving.
    package func begin(serving repository: ModelRepository) {
        state.withLock {
            $0.repository = repository
            if $0.status == .loading { $0.change(to: .serving) }
        }
    }

    /// Records that the process is about to end.
    package func stop() {
        state.withLock { $0.change(to: .stopping) }
    }

    /// The current status and every later one; the stream ends after `stopping`. A slow reader gets only the latest
    /// status.
    package func statuses() -> AsyncStream<Status> {
        let (stream, continuation) = AsyncStream.makeStream(of: Status.self, bufferingPolicy: .bufferingNewest(1))
        let identifier = state.withLock { state -> Int? in
            continuation.yield(state.status)
            if state.status == .stopping {
                continuation.finish()
                return nil
            }
            state.watchersSoFar += 1
            state.watchers[state.watchersSoFar] = continuation
            return state.watchersSoFar
        }
        if let identifier {
            continuation.onTermination = { [weak self] termination in
                // A watcher that ends because of `stop` has been removed already, and the lock is held.
                guard case .cancelled = termination else { return }
                _ = self?.state.withLock { $0.watchers.removeValue(forKey: identifier) }
            }
        }
        return stream
    }
}

extension ServingState.State {
    fileprivate mutating func change(to status: ServingState.Status) {
        guard self.status != status else { return }
        self.status = status
        for watcher in watchers.values {
            watcher.yield(status)
            if status == .stopping { watcher.finish() }
        }
        if status == .stopping { watchers = [:] }
    }
}
