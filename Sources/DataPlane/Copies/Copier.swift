import Connections
import EventLoop
import HTTP2

/// Makes copies of a worker's calls while a release's shadow step asks for them, and hands over what they come to.
/// Confined to the worker's thread.
final class Copier {
    let settings: CopySettings
    /// The bytes of requests that wait here; apart from the worker's, so that copies take nothing of what live calls may
    /// hold.
    let chunks = ChunkPool()
    private(set) var counts = CopyCounts()
    /// Unchecked because every copy goes through it; a copier lives no longer than its worker.
    @safe private unowned(unsafe) let worker: Worker
    private var rule: ShadowRule?
    /// The method of the last call, which most often is that of the next one.
    private var method: CopiedMethod
    /// The head that was marked last, if its list is a known one, and the marked one.
    private var marked: (plain: HeaderList, marked: HeaderList)?
    private var pools = PerColor<[CopyPool]>(blue: [], green: [])
    /// The endpoint that the last copy went to; the search for the next one's begins behind it.
    private var lastPlace = 0
    /// What is to be handed over: calls whose answers differ, and the bytes of these; others.
    private var differed: (calls: [CopiedCall], bytes: Int) = ([], 0)
    private var outcomes: [CopyOutcome] = []
    /// Calls with equal answers that aren't among the outcomes yet, and their number.
    private var agreed: (groups: [AgreedCalls], count: Int) = ([], 0)
    private var timer: TimerID?
    /// Copies of an epoch that were given up and aren't among the outcomes yet; epoch 0, which no step has, if there are
    /// none.
    private var givenUp = (epoch: UInt64(0), counts: CaseCounts<CopyEnd>())
    /// Legs whose streams are closed, kept until the turn ends because something may still refer to them.
    private var over: [CopyLeg] = []
    private let handOver: @Sendable ([CopyOutcome]) -> Void

    /// Time that a copy has beyond the live call's answer.
    private static let patience = Duration.seconds(10)
    /// Time after which outcomes are handed over: another thread wakes up for them, which costs more than to keep them.
    private static let delay = Duration.milliseconds(20)
    /// Calls whose answers differ, the bytes of these, and calls with equal answers after which they are handed over before
    /// that.
    private static let (mostDiffering, mostBytes, mostAgreed) = (256, 256 << 10, 4096)

    init(
        settings: CopySettings, endpoints: PerColor<[Endpoint]>, worker: Worker,
        handOver: @escaping @Sendable ([CopyOutcome]) -> Void
    ) {
        self.settings = settings
        self.worker = worker
        self.handOver = handOver
        method = CopiedMethod([], settings)
        pools = PerColor { color in
            endpoints[color].map { CopyPool(endpoint: $0, copier: self, worker: worker) }
        }
    }

    /// Sets which calls are copied from now on; `nil` for none.
    func publish(_ rule: ShadowRule?) {
        self.rule = rule
        // Copies of a step that is over go no further: those that wait don't begin, and no more of a stream is copied. What
        // was copied whole is compared, if it is answered in time.
        for pool in allPools {
            pool.giveUpWaiting(.cancelled) { $0.copy.epoch != rule?.epoch }
            pool.giveUpUnfinished(exceptOf: rule?.epoch)
        }
        deliver()
    }

    // MARK: Beginning

    /// Copies a call that has been placed, if it belongs to the sample.
    func copy(_ call: Call) {
        guard let rule, let destination = call.destination, destination.epoch == rule.epoch,
            destination.reason == .active, call.isGRPC, !call.isAnswered, let head = call.requestHead
        else { return }
        guard rule.share == .all || rule.share.contains(worker.random.next()) else { return }
        let isSameMethod = unsafe method.path.withUnsafeBufferPointer { unsafe head.value(of: .path, is: $0) }
        if !isSameMethod, let path = unsafe head.bytes(of: .path) {
            unsafe method = CopiedMethod(Array(path), settings)
        }
        guard method.isCopied else { return }
        let isRepeated = method.isRepeated && rule.noise > .none && rule.noise.contains(worker.random.next())
        var copy: Copy?
        begin(.otherColor, destination.color.other, head, call, &copy, rule)
        if isRepeated, copy != nil { begin(.sameColor, destination.color, head, call, &copy, rule) }
    }

    /// Begins a leg, and the copy with the first one.
    private func begin(
        _ source: CopiedCall.Source, _ color: Color, _ head: HeaderList, _ call: Call, _ copy: inout Copy?,
        _ rule: ShadowRule
    ) {
        counts.started += 1
        guard let pool = pool(of: color) else { return count(.unreachable, source, epoch: rule.epoch) }
        let cost = CopyLeg.cost(head)
        if let why = keep(cost) { return count(why, source, epoch: rule.epoch) }
        counts.open += 1
        let its: Copy
        if let copy {
            its = copy
        } else {
            its = Copy(epoch: rule.epoch, method: method.name, copier: self, now: worker.loop.now)
            if call.request.hasEnded { its.requestEnded() }
            call.copy = its
            copy = its
        }
        let leg = CopyLeg(its, source, head: mark(head), cost: cost)
        its.add(leg)
        pool.start(leg)
    }

    /// The pool of an endpoint that is healthy and takes connections, as far as is known.
    private func pool(of color: Color) -> CopyPool? {
        let count = pools[color].count
        var index = lastPlace + 1
        for _ in 0..<count {
            if index >= count { index = 0 }
            let pool = pools[color][index]
            if worker.router.isHealthy(color, index), pool.takesCopies {
                lastPlace = index
                return pool
            }
            index += 1
        }
        return nil
    }

    /// The head with the mark by which a backend knows a copy; held for the caller.
    private func mark(_ head: HeaderList) -> HeaderList {
        if let marked, marked.plain == head {
            marked.marked.hold()
            return marked.marked
        }
        head.hold()
        let own = worker.headerLists.own(head)
        own.append("sluice-shadow", "1")
        guard head.isKnown else { return own }
        // The encoders know the list again, too.
        let known = HeaderList(known: own)
        worker.headerLists.give(own)
        forgetMarked()
        head.hold()
        known.hold()
        marked = (head, known)
        return known
    }

    private func forgetMarked() {
        guard let marked else { return }
        worker.headerLists.give(marked.plain)
        worker.headerLists.give(marked.marked)
        self.marked = nil
    }

    // MARK: Memory

    /// Counts bytes that are kept from now on.
    ///
    /// - Returns: why not so many may be kept; `nil` if they are.
    func keep(_ count: Int) -> CopyEnd? {
        guard counts.bytes + count <= settings.total else { return .memory }
        counts.bytes += count
        return nil
    }

    /// Counts bytes that are kept no longer.
    func letGo(_ count: Int) { counts.bytes -= count }

    // MARK: Ends

    /// Takes two answers that differ.
    func differed(_ call: consuming CopiedCall, by leg: CopyLeg) {
        counts.answered += 1
        ended(leg)
        differed.bytes += call.active.body.count + call.other.body.count
        differed.calls.append(call)
        if differed.calls.count >= Self.mostDiffering || differed.bytes >= Self.mostBytes { deliver() }
    }

    /// Counts two answers that are the same.
    ///
    /// - Parameter status: of both.
    func agreed(_ copy: Copy, by leg: CopyLeg, status: Int, _ times: AgreedCalls.Times) {
        counts.answered += 1
        ended(leg)
        let group = agreed.groups.indices.last { index in
            agreed.groups[index].epoch == copy.epoch && agreed.groups[index].status == status
                && agreed.groups[index].source == leg.source && agreed.groups[index].method == copy.method
        }
        if let group {
            agreed.groups[group].times.append(times)
        } else {
            agreed.groups.append(
                AgreedCalls(
                    epoch: copy.epoch, method: copy.method, source: leg.source, status: status, times: [times]))
        }
        agreed.count += 1
        if agreed.count >= Self.mostAgreed { deliver() }
    }

    func gaveUp(_ leg: CopyLeg, _ why: CopyEnd, epoch: UInt64) {
        if let head = leg.takeHead() { worker.headerLists.give(head) }
        ended(leg)
        count(why, leg.source, epoch: epoch)
    }

    private func ended(_ leg: CopyLeg) {
        counts.open -= 1
        letGo(leg.cost)
    }

    private func count(_ why: CopyEnd, _ source: CopiedCall.Source, epoch: UInt64) {
        counts.givenUp[why] += 1
        guard source == .otherColor else { return }
        // Where a color is down, that is every call: only their number is handed over.
        if givenUp.epoch != epoch { handOverGivenUp() }
        givenUp.epoch = epoch
        givenUp.counts[why] += 1
    }

    private func handOverGivenUp() {
        guard givenUp.epoch != 0 else { return }
        for why in CopyEnd.allCases where givenUp.counts[why] > 0 {
            outcomes.append(.givenUp(why, count: givenUp.counts[why], epoch: givenUp.epoch))
        }
        givenUp = (0, CaseCounts())
    }

    /// Whether a leg has had its time.
    func isLate(_ leg: CopyLeg, _ now: MonotonicTime) -> Bool {
        leg.copy.liveEndedAt.map { now > $0 + Self.patience } ?? false
    }

    /// Keeps a leg to the end of the turn.
    func isOver(_ leg: CopyLeg) { over.append(leg) }

    /// Hands over what has come to an end since the last time.
    func deliver() {
        if let timer { worker.loop.cancel(timer) }
        timer = nil
        handOverGivenUp()
        outcomes += agreed.groups.map(CopyOutcome.agreed)
        agreed = ([], 0)
        if !differed.calls.isEmpty { outcomes.append(.differed(differed.calls)) }
        differed = ([], 0)
        guard !outcomes.isEmpty else { return }
        handOver(outcomes)
        outcomes = []
    }

    // MARK: Turns

    /// Called at the end of a turn, after everything has been sent.
    func endTurn() {
        if timer == nil, !differed.calls.isEmpty || !outcomes.isEmpty || agreed.count > 0 || givenUp.epoch != 0 {
            timer = worker.loop.schedule(after: Self.delay) { [unowned self] in
                timer = nil
                deliver()
            }
        }
        if !over.isEmpty { over.removeAll(keepingCapacity: true) }
    }

    func sweep(_ now: MonotonicTime) {
        for pool in allPools { pool.sweep(now) }
    }

    /// Ends all copies at the end of the process.
    func closeAll() {
        rule = nil
        for pool in allPools { pool.closeAll() }
        forgetMarked()
        deliver()
    }

    var connections: [CopyConnection] { allPools.flatMap { $0.open.values } }

    var waiting: [CopyLeg] { allPools.flatMap(\.waiting) }

    private var allPools: [CopyPool] { Color.allCases.flatMap { pools[$0] } }
}
