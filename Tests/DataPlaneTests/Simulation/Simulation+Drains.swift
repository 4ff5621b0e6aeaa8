import DataPlane
import EventLoop
import Synchronization

/// Drains, those who wait for one, and the shutdown.
extension Simulation {
    func drain() {
        let color: Color = chance(70) ? words[words.count - 1].active.other : words[words.count - 1].active
        let epoch = words[words.count - 1].epoch
        for call in calls where call.outcome == .open {
            let isThere = call.mayBe(on: color, by: words) { $0.epoch < epoch }
            if isThere || scenario.failover { call.excuses.insert(.drained) }
        }
        journal.note { "\(color) is drained before epoch \(epoch)" }
        let spread = Duration.milliseconds(one(of: [0, 50, 1_000])!)
        drained = (color, epoch, time.now + spread)
        worker?.endCalls(on: color, before: epoch, over: spread)
    }

    func cancelDrain() {
        drained = nil
        worker?.cancelDrain()
    }

    func awaitDrain() {
        let wait = Wait(
            chance(50) ? .blue : .green, before: words[words.count - 1].epoch, chance(50) ? .placed : .all)
        waits.append(wait)
        waitCount += 1
        worker?.wait(waitCount, untilDrained: wait.color, before: wait.epoch, wait.scope) {
            wait.isOver.store(true, ordering: .relaxed)
        }
    }

    func checkWaits(_ report: TrafficReport) {
        waits.removeAll { wait in
            let isDrained = report.inFlight(on: wait.color, before: wait.epoch, wait.scope) == 0
            let isOver = wait.isOver.load(ordering: .relaxed)
            journal.expect(isOver == isDrained, "a wait for \(wait.color) ends when it is drained")
            return isOver
        }
    }

    func beginShutdown() {
        let wait = Wait(.blue, before: 0)
        hasLeft = wait
        journal.note { "shutdown" }
        worker?.beginShutdown { wait.isOver.store(true, ordering: .relaxed) }
    }

    func endCallsOfShutdown() {
        guard hasLeft != nil else { return }
        for call in calls where call.outcome == .open { call.excuses.insert(.shutdown) }
        journal.note { "calls are ended" }
        _ = worker?.endCalls()
    }
}
