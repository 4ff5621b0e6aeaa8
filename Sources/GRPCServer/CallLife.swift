import Synchronization

/// Whether anybody still waits for what a call has worked out elsewhere. Any thread may ask.
final class CallLife: Sendable {
    private let hasEnded = Atomic(false)

    var isOver: Bool { hasEnded.load(ordering: .relaxed) }

    func end() { hasEnded.store(true, ordering: .relaxed) }
}
