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
        var watchers: [Int: @Sendable (Status) -> Void] = [:]
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

    /// A wish to hear of changes, which ends with this object.
    package final class Watch: Sendable {
        private let number: Int
        private let state: ServingState

        fileprivate init(number: Int, state: ServingState) {
            self.number = number
            self.state = state
        }

        deinit {
            _ = state.state.withLock { $0.watchers.removeValue(forKey: number) }
        }
    }

    /// Calls `tell` with the current status, and with every later one in order, from whichever thread changes it. It must
    /// neither block nor ask this object.
    ///
    /// - Returns: what is to be kept for as long as the changes matter.
    package func watch(_ tell: @escaping @Sendable (Status) -> Void) -> Watch {
        let number = state.withLock { state in
            state.watchersSoFar += 1
            state.watchers[state.watchersSoFar] = tell
            tell(state.status)
            return state.watchersSoFar
        }
        return Watch(number: number, state: self)
    }
}

extension ServingState.State {
    fileprivate mutating func change(to status: ServingState.Status) {
        guard self.status != status else { return }
        self.status = status
        for tell in watchers.values { tell(status) }
    }
}
