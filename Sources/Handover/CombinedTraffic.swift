import ControlPlane
import DataPlane
import Synchronization

/// The data plane of this process together with those of the processes it has taken over from, which finish their
/// calls: waiting for a color to drain waits for all of them.
package final class CombinedTraffic: TrafficControl {
    private struct State {
        var predecessors: [Predecessor]
        /// Calls that drains have ended in processes that are gone.
        var drainedElsewhere = PerColor<Int> { _ in 0 }
    }

    private let own: any TrafficControl
    private let limit: Duration
    private let state: Mutex<State>

    /// - Parameters:
    ///   - predecessors: the processes taken over from; each must be listening before a question is asked.
    ///   - limit: the time limit for their answers.
    package init(
        own: any TrafficControl, predecessors: [Predecessor], limit: Duration = AnswerPatience.limit
    ) {
        self.own = own
        self.limit = limit
        state = Mutex(State(predecessors: predecessors))
    }

    /// The processes that still exist and answer to this one.
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

    /// Leaves the other processes to a new owner, to which they answer from now on: all that is known here about their
    /// calls is that there may be some.
    package func passPredecessorsOn() {
        for predecessor in state.withLock({ $0.predecessors }) { predecessor.passOn() }
    }

    /// Limits the calls that are left in other processes to a shutdown's grace.
    package func shutDownPredecessors() {
        for predecessor in predecessors { predecessor.shutDown() }
    }

    /// Stays local: the other processes check health themselves.
    package func publish(health: PerColor<[Bool]>) {
        own.publish(health: health)
    }

    /// Stays local: the other processes copy nothing any more.
    package func publish(shadow: ShadowRule?) { own.publish(shadow: shadow) }

    /// Stays local: a process that was taken over from gets no new connections, and its calls end soon.
    package func stepStatistics() async -> StepStatistics { await own.stepStatistics() }

    /// Stays local, too: what another process has served before is handed over with the state.
    package func servedBefore() async -> StepStatistics { await own.servedBefore() }

    /// Without the earlier processes, one of which may not answer.
    package func ownReport() async -> TrafficReport { await own.report() }

    /// As `TrafficControl.report` says, with the calls of the earlier processes. One that doesn't answer in time is
    /// counted with its last report.
    package func report() async -> TrafficReport {
        var report = await own.report()
        let present = present()
        // All processes at once: those that don't answer then cost one time limit together.
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

    /// Ends calls here and orders the earlier processes to do the same.
    package func endCalls(on color: Color, before epoch: UInt64, over spread: Duration) {
        own.endCalls(on: color, before: epoch, over: spread)
        for predecessor in predecessors { predecessor.endCalls(on: color, before: epoch, over: spread) }
    }

    /// Ends no more calls, here and in the earlier processes.
    package func cancelDrain() {
        own.cancelDrain()
        for predecessor in predecessors { predecessor.cancelDrain() }
    }

    /// Waits for this process's calls and those of the earlier ones; `false` if it can't be known any more because an
    /// earlier process answers to another.
    package func waitUntilDrained(_ color: Color, before epoch: UInt64, _ scope: CallScope) async -> Bool {
        // One after the other, as among workers: a process with no such call left never gets another.
        guard await own.waitUntilDrained(color, before: epoch, scope) else { return false }
        for predecessor in present().predecessors {
            guard await predecessor.waitUntilDrained(color, before: epoch, scope) else { return false }
        }
        return true
    }
}

extension TrafficReport {
    /// Adds another process's calls in flight, and those that drains have ended there.
    fileprivate mutating func add(_ left: LeftBehind) {
        for calls in left.inFlight { inFlight.add(InFlight(calls)) }
        for calls in left.askedFor ?? [] { askedFor.add(InFlight(calls)) }
        colors.blue.drained += left.drainedOnBlue
        colors.green.drained += left.drainedOnGreen
    }
}

extension TrafficReport.InFlight {
    fileprivate init(_ calls: LeftBehind.Calls) {
        self.init(epoch: calls.epoch, color: calls.color, calls: calls.calls)
    }
}
