import Estimators
import Inference
import OpenInference
import Synchronization

/// What answers calls once it is loaded: set once, and read by every call without a lock. Any thread may use it.
final class LoadedModels: Sendable {
    /// The models, with what is worked out once for all calls.
    final class Content: Sendable {
        let inference: OpenInference
        /// The model for requests that can't name one.
        let main: ServedModel?
        /// The most nanoseconds that a row takes, and that a byte of a request may cause, over all models.
        private let worst: (row: Int, byte: Int)

        init(_ repository: ModelRepository) {
            inference = OpenInference(.serving(repository), server: .this)
            main = repository.main
            // A byte takes that much at most to be decoded, whatever the model.
            var worst = (row: 0, byte: 10)
            for model in repository.entries.flatMap(\.versions) {
                let time = model.model.nanosecondsPerRow
                worst.row = max(worst.row, time)
                // The smallest elements have one byte.
                worst.byte = max(worst.byte, time / model.model.features.count + 1)
            }
            self.worst = worst
        }

        /// Whether a request may take so long that it is worked out away from the worker's other calls.
        ///
        /// - Parameter bytes: the length of its message.
        func isLong(_ bytes: Int) -> Bool { worst.row + bytes * worst.byte > Self.longest }

        /// In nanoseconds: about a hundred small calls.
        private static let longest = 1_000_000
    }

    private let reference = AtomicLazyReference<Content>()

    /// `nil` until the models are loaded.
    var content: Content? { reference.load() }

    /// To be called once.
    func publish(_ repository: ModelRepository) {
        _ = reference.storeIfNil(Content(repository))
    }
}

extension OpenInference.Server {
    /// What this program tells of itself.
    static let this = OpenInference.Server(version: "1.0.0")
}

extension OpenInference {
    /// What can be answered in a state of the process.
    init(_ state: ServingState) {
        let repository = state.repository
        switch (state.status, repository) {
        case (.serving, let repository?): self.init(.serving(repository), server: .this)
        case (.stopping, _): self.init(.stopping(repository), server: .this)
        case (.loading, _), (.serving, nil): self.init(.loading, server: .this)
        }
    }
}
