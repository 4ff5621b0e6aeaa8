import Connections
import EventLoop
import HTTP2

/// A worker's calls: those under way, those over within this turn, and those to be placed again at its end, with their
/// counts and log lines. Confined to the worker's thread.
///
/// Invariants: a call is in `calls` from `keep(_:)` until it is booked, and knows its place there; the ledger has one
/// entry for each call that is routed and not booked; a call is booked once.
struct CallBook: ~Copyable {
    /// Every call with a leg that isn't closed; each knows its index here.
    private(set) var calls: [Call] = []
    /// Calls that are over, kept until the turn ends because something may still refer to them.
    private(set) var overCalls: [Call] = []
    /// Calls to be placed again because, in this turn, an upstream refused them or couldn't be reached.
    private(set) var unplaced: [Call] = []
    /// Calls whose response was cut short by an upstream in this turn.
    private(set) var cutShort: [Call] = []

    private(set) var ledger = EpochLedger()
    private var drainWaiters = DrainWaiters()
    private(set) var totals = PerColor<TrafficReport.ColorTotals> { _ in TrafficReport.ColorTotals() }
    private let accessLog: AccessLogBuffer?
    /// What the calls of a release's step have come to.
    private(set) var statistics = StepStatistics()
    /// What the active color has answered, in a release and without one.
    private(set) var served: ServedCounts

    /// Calls begun since queued output was last sent.
    private(set) var begunSinceSent = 0

    /// - Parameters:
    ///   - endpoints: of the color that has more of them.
    ///   - hasKeys: whether calls have keys that a release would keep on one color.
    init(accessLog: AccessLogBuffer?, endpoints: Int, hasKeys: Bool) {
        self.accessLog = accessLog
        served = ServedCounts(endpoints: endpoints, hasKeys: hasKeys)
    }

    /// Whether calls must keep the fields that the access log reports.
    var logsAccess: Bool { accessLog != nil }

    /// Whether a call must keep its path to the end.
    func keepsPath(of call: Call) -> Bool {
        logsAccess || call.methodPlace == ServedCounts.unknown || call.destination?.isDrawn == true
    }

    /// Bytes that calls hold besides their bodies and header lists.
    var heldBytes: Int { calls.count * Call.cost }

    // MARK: The life of a call

    /// Keeps a call alive until it is over.
    mutating func keep(_ call: Call) {
        call.indexInBook = calls.count
        calls.append(call)
    }

    /// Records where a call goes.
    mutating func begin(_ call: Call, _ head: HeaderList, _ destination: Destination) {
        enter(call, destination)
        begunSinceSent += 1
        switch destination.reason {
        case .active, .control: served.begin(call, head, destination)
        case .failover: totals[destination.color].failedOver += 1
        case .canary: totals[destination.color].canary += 1
        // It was never at the color of the release.
        case .fallback: totals[destination.color.other].fallenBack += 1
        case .preview: totals[destination.color].previewed += 1
        case .metadata: totals[destination.color].named += 1
        }
    }

    /// Sends a call of a release's share to the active color, as its own couldn't be reached. All of it is still here.
    mutating func fallBack(_ call: Call, from old: Destination, to destination: Destination) {
        leave(old)
        totals[old.color].fallenBack += 1
        totals[old.color].left += 1
        enter(call, destination)
        call.triedEndpoints = 0
        call.endpoint = nil
    }

    /// Takes a call out of the ledger.
    private mutating func leave(_ destination: Destination) {
        ledger.end(destination)
        if !drainWaiters.isEmpty { drainWaiters.notify(ledger) }
    }

    private mutating func enter(_ call: Call, _ destination: Destination) {
        call.stage = .routed(destination)
        ledger.begin(destination)
        totals[destination.color].started += 1
    }

    /// Books a call whose legs are both closed.
    mutating func finishIfOver(_ call: Call, _ worker: Worker) {
        guard case .closed = call.client else { return }
        switch call.upstream {
        case .waiting, .open: return
        case .none, .closed: break
        }
        let destination: Destination?
        switch call.stage {
        case .booked: return
        case .arriving: destination = nil
        case .routed(let its): destination = its
        }
        call.stage = .booked
        letGo(of: call)
        call.requestBody.removeAll(to: worker.chunks)
        call.responseBody.removeAll(to: worker.chunks)
        if case .ended(let trailers?) = call.response { worker.headerLists.give(trailers) }
        call.request = .ended(trailers: nil)
        call.response = .ended(trailers: nil)
        if let destination { book(call, destination, now: worker.loop.now) }
        if let head = call.requestHead {
            call.requestHead = nil
            worker.headerLists.give(head)
        }
    }

    private mutating func book(_ call: Call, _ destination: Destination, now: MonotonicTime) {
        leave(destination)
        totals[destination.color].book(call, duration: now.nanosecondsSince(call.began) / 1_000)
        if destination.isActive { served.book(call, destination, now: now) }
        if destination.isDrawn { statistics.book(call, destination, now: now) }
        accessLog?.append(call, destination, ended: now)
    }

    private mutating func letGo(of call: Call) {
        let index = call.indexInBook
        // Swapping in the buffer moves the elements; the array would copy them and count references.
        unsafe calls.withUnsafeMutableBufferPointer { unsafe $0.swapAt(index, $0.count - 1) }
        calls[index].indexInBook = index
        overCalls.append(calls.removeLast())
    }

    // MARK: Work deferred to the end of the turn

    /// Queues a call to be placed once more at the end of this turn, with its request from the beginning.
    mutating func placeAgain(_ call: Call) {
        call.rewind()
        call.upstream = .none
        unplaced.append(call)
    }

    /// As `placeAgain(_:)`, for a call that an upstream refused unprocessed: this is its second try.
    mutating func retry(_ call: Call) {
        call.hasBeenRetried = true
        if let destination = call.destination { totals[destination.color].retried += 1 }
        placeAgain(call)
    }

    /// Takes out the next call to be placed again.
    ///
    /// Since the refusal the client may have left, or the Proxy may have answered because of a deadline, a drain or the
    /// end of the process. What was kept for a second try is gone then, and the call is finished here.
    mutating func nextUnplaced(_ worker: Worker) -> Call? {
        while let call = unplaced.popLast() {
            if case .open = call.client, !call.isAnswered { return call }
            finishIfOver(call, worker)
        }
        return nil
    }

    /// Records that a response ends in a reset, which its client gets after what came before it.
    mutating func isCutShort(_ call: Call) {
        cutShort.append(call)
    }

    /// Takes out one of the calls recorded by `isCutShort(_:)`.
    mutating func nextCutShort() -> Call? { cutShort.popLast() }

    /// Starts counting new calls again, as queued output is being sent.
    mutating func sendingBegins() {
        begunSinceSent = 0
    }

    /// Releases the calls that are over, as nothing refers to them any more.
    mutating func forgetOver() {
        overCalls.removeAll(keepingCapacity: overCalls.count < 4096)
    }

    func endTurn(_ loop: EventLoop) {
        accessLog?.endTurn(loop)
    }

    /// Closes the book at the end of the process: hands the last lines to the access log and ends every wait.
    mutating func close() {
        accessLog?.handOver()
        drainWaiters.notifyAll()
    }

    // MARK: Waiting for calls to end

    /// Calls back once no call is left that began on a color before an epoch.
    ///
    /// - Parameter number: identifies the wait within the whole data plane.
    mutating func wait(
        _ number: UInt64, untilDrained color: Color, before epoch: UInt64, _ scope: CallScope,
        whenDrained: @escaping @Sendable () -> Void
    ) {
        drainWaiters.add(number, color, before: epoch, scope, whenDrained: whenDrained)
        drainWaiters.notify(ledger)
    }

    /// Cancels a wait that isn't over yet.
    mutating func stopWaiting(_ number: UInt64) {
        drainWaiters.remove(number)
    }

    // MARK: Counts

    /// Counts a call ended by a drain.
    mutating func countDrained(_ color: Color) {
        totals[color].drained += 1
    }

    /// Keeps the counts of the minutes before moving along.
    mutating func sweep(_ now: MonotonicTime) { served.sweep(now) }

    /// What the calls of the newest epoch have come to: in a step with a share of both colors, else of the active one.
    var newestStatistics: StepStatistics { statistics.epoch >= served.epoch ? statistics : served.present }

    /// Adds this worker's calls to a report.
    func contribute(to report: inout TrafficReport) {
        for entry in ledger.entries { report.inFlight.add(entry) }
        for entry in ledger.askedFor { report.askedFor.add(entry) }
        for color in Color.allCases { report.colors[color].add(totals[color]) }
    }
}
