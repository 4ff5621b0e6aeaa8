import EventLoop

/// Ends the calls left on a color after a change, each at a moment of its own. Confined to the worker's thread.
final class ColorDrain {
    /// Calls that the drain under way is going to end.
    private var queue = DrainQueue<Call>()
    private var timer: TimerID?
    /// Unowned because a drain lives as long as its worker.
    private unowned let worker: Worker

    init(worker: Worker) {
        self.worker = worker
    }

    /// Ends the calls that began on a color before an epoch, those that had asked for it among them, each at a moment of its own within `spread`.
    func begin(on color: Color, before epoch: UInt64, over spread: Duration) {
        cancel()
        let calls = worker.openCalls.filter { call in
            call.destination.map { $0.color == color && $0.epoch < epoch } ?? false
        }
        queue = DrainQueue(calls, over: spread, from: worker.loop.now, using: &worker.random)
        endDueCalls()
    }

    /// Lets all calls continue that haven't been ended yet.
    func cancel() {
        if let timer { worker.loop.cancel(timer) }
        timer = nil
        queue = DrainQueue()
    }

    private func endDueCalls() {
        let now = worker.loop.readClock()
        while let call = queue.popDue(at: now) {
            // A call that has been answered in full ends by itself.
            guard let color = call.destination?.color, !call.response.hasEnded else { continue }
            worker.book.countDrained(color)
            call.end(.ended(.draining, "\(color) is being drained", using: &worker.random), worker)
        }
        timer = queue.nextDeadline.map { next in
            worker.loop.schedule(after: next.since(now)) { [unowned self] in endDueCalls() }
        }
    }
}
