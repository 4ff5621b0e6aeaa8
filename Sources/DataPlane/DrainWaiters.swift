/// Callbacks for when the calls that began on a color before an epoch are gone from a worker.
///
/// Confined to the worker's thread.
package struct DrainWaiters {
    private struct Waiter {
        var color: Color
        var epoch: UInt64
        var scope: CallScope
        var whenDrained: @Sendable () -> Void
    }

    /// Keyed by the number that each wait has in the whole data plane.
    private var waiters: [UInt64: Waiter] = [:]

    package init() {}

    /// Whether nobody waits.
    package var isEmpty: Bool { waiters.isEmpty }

    /// Adds a wait. `whenDrained` is called once: when no such call is left, or by `notifyAll`.
    ///
    /// - Parameter number: the wait's number in the whole data plane, not in use here.
    package mutating func add(
        _ number: UInt64, _ color: Color, before epoch: UInt64, _ scope: CallScope = .placed,
        whenDrained: @escaping @Sendable () -> Void
    ) {
        waiters[number] = Waiter(color: color, epoch: epoch, scope: scope, whenDrained: whenDrained)
    }

    /// Removes a wait, whose callback is then never called; without effect if it is over.
    package mutating func remove(_ number: UInt64) {
        waiters[number] = nil
    }

    /// Calls everyone back, as the calls end with their worker.
    package mutating func notifyAll() {
        let told = waiters.values
        waiters = [:]
        for waiter in told { waiter.whenDrained() }
    }

    /// Calls back, once, those for whom no call is left.
    package mutating func notify(_ ledger: EpochLedger) {
        for (number, waiter) in waiters
        where !ledger.hasCalls(on: waiter.color, before: waiter.epoch, waiter.scope) {
            waiters[number] = nil
            waiter.whenDrained()
        }
    }
}
