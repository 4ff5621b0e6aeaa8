import ControlPlane
import DataPlane
import Synchronization

/// The data plane of this process together with those of the processes it has taken over from, which finish the calls
/// that they have: whoever waits for a color to drain waits for all of them.
package final class CombinedTraffic: TrafficControl {
    private struct State {
        var predecessors: [Predecessor]
        /// What drains have ended in processes that are gone.
        var drainedElsewhere = PerColor<Int> { _ in 0 }
    }

    private let own: any TrafficControl
    private let limit: Duration
    private let state: Mutex<State>

    /// - Parameters:
    ///   - predecessors: each must be listening.
    ///   - limit: how long their answers may take.
    package init(
        own: any TrafficControl, predecessors: [Predecessor], limit: Duration = AnswerPatience.limit
    ) {
        self.own = own
        self.limit = limit
        state = Mutex(State(predecessors: predecessors))
    }

    /// Those that are still there, and answer to this process.
    package var predecessors: [Predecessor] { present().predecessors.filter { !$0.isPassedOn } }

    private func present() -> State {
        state.withLock { state in
            for predecessor in state.predecessors where predecessor.isGone {
                guard let last = predecessor.last else { continue }
                state.drainedElsewhere.blue += last.drainedOnBlue
                state.drainedElsewhere.green += last.drainedOnGreen
            }
            state.predecessors.removeAll(where: \.isGone)
            return state
        }
    }

    /// The processes answer to someone else from now on: of their calls nothing more is known here, but that there may be
    /// some.
    package func passPredecessorsOn() {
        for predecessor in state.withLock({ $0.predecessors }) { predecessor.passOn() }
    }

    /// Gives the calls that are left in other processes no more than a shutdown's grace.
    package func shutDownPredecessors() {
        for predecessor in predecessors { predecessor.shutDown() }
    }

    /// The other processes check health themselves.
    package func publish(health: PerColor<[Bool]>) {
        own.publish(health: health)
    }

    package func report() async -> TrafficReport {
        var report = await own.report()
        let present = present()
        // All at once: those that don't answer cost the time of one.
        await withTaskGroup(of: (Predecessor.Answer, LeftBehind?).self) { group in
            for predecessor in present.predecessors {
                group.addTask { (await predecessor.report(within: self.limit), predecessor.last) }
            }
            for await (answer, last) in group {
                switch answer {
                case .left(let left): report.add(left)
                case .gone, .drained: break
                case .silent:
                    report.unanswered += 1
                    if let last { report.add(last) }
                }
            }
        }
        for color in Color.allCases { report.colors[color].drained += present.drainedElsewhere[color] }
        report.inFlight.sort { $0.epoch < $1.epoch }
        return report
    }

    package func endCalls(on color: Color, before epoch: UInt64, over spread: Duration) {
        own.endCalls(on: color, before: epoch, over: spread)
        for predecessor in predecessors { predecessor.endCalls(on: color, before: epoch, over: spread) }
    }

    package func cancelDrain() {
        own.cancelDrain()
        for predecessor in predecessors { predecessor.cancelDrain() }
    }

    package func waitUntilDrained(_ color: Color, before epoch: UInt64) async -> Bool {
        // One after the other, as among workers: what has no such call left gets none any more.
        guard await own.waitUntilDrained(color, before: epoch) else { return false }
        for predecessor in present().predecessors {
            guard await predecessor.waitUntilDrained(color, before: epoch) else { return false }
        }
        return true
    }
}

extension TrafficReport {
    /// Adds the calls in flight, and those that drains have ended, of another process.
    fileprivate mutating func add(_ left: LeftBehind) {
        for calls in left.inFlight {
            if let index = inFlight.firstIndex(where: { $0.epoch == calls.epoch && $0.color == calls.color }) {
                inFlight[index].calls += calls.calls
            } else {
                inFlight.append(InFlight(epoch: calls.epoch, color: calls.color, calls: calls.calls))
            }
        }
        colors.blue.drained += left.drainedOnBlue
        colors.green.drained += left.drainedOnGreen
    }
}
