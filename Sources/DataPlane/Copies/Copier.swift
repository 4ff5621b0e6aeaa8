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
    private unowned let worker: Worker
    private var rule: ShadowRule?
    private var pools = PerColor<[CopyPool]>(blue: [], green: [])
    /// Offset at which the next search for an endpoint begins.
    private var searchStart = 0
    private var outcomes: [CopyOutcome] = []
    /// Legs whose streams are closed, kept until the turn ends because something may still refer to them.
    private var over: [CopyLeg] = []
    private let handOver: @Sendable ([CopyOutcome]) -> Void

    /// Time that a copy has beyond the live call's answer.
    private static let patience = Duration.seconds(10)
    /// Outcomes after which they are handed over within a turn.
    private static let mostOutcomes = 256

    init(
        settings: CopySettings, endpoints: PerColor<[Endpoint]>, worker: Worker,
        handOver: @escaping @Sendable ([CopyOutcome]) -> Void
    ) {
        self.settings = settings
        self.worker = worker
        self.handOver = handOver
        pools = PerColor { color in
            endpoints[color].map { CopyPool(endpoint: $0, copier: self, worker: worker) }
        }
    }

    /// Sets which calls are copied from now on; `nil` for none.
    func publish(_ rule: ShadowRule?) {
        self.rule = rule
        // The copies that wait are of a step that is over.
        for leg in waiting where leg.copy.epoch != rule?.epoch { leg.copy.giveUp(leg, .cancelled) }
    }

    // MARK: Beginning

    /// Copies a call that has been placed, if it belongs to the sample.
    func copy(_ call: Call) {
        guard let rule, let destination = call.destination, destination.epoch == rule.epoch,
            destination.reason == .active, call.isGRPC, !call.isAnswered, let head = call.requestHead
        else { return }
        guard rule.share.contains(worker.random.next()), let method = head.text(of: .path),
            settings.methods.contains(where: { $0.matches(method) })
        else { return }
        let copy = Copy(epoch: rule.epoch, method: method, copier: self, now: worker.loop.now)
        if call.request.hasEnded { copy.requestEnded() }
        call.copy = copy
        begin(copy, .otherColor, destination.color.other, head)
        guard !copy.legs.isEmpty, rule.noise.contains(worker.random.next()),
            settings.noiseMethods.contains(where: { $0.matches(method) })
        else { return }
        begin(copy, .sameColor, destination.color, head)
    }

    private func begin(_ copy: Copy, _ source: CopiedCall.Source, _ color: Color, _ head: HeaderList) {
        counts.started += 1
        guard let pool = pool(of: color) else { return count(.unreachable, source, epoch: copy.epoch) }
        let cost = CopyLeg.cost(head)
        if let why = keep(cost) { return count(why, source, epoch: copy.epoch) }
        counts.open += 1
        let leg = CopyLeg(copy, source, head: marked(head), cost: cost)
        copy.add(leg)
        pool.start(leg)
    }

    /// A healthy endpoint's pool.
    private func pool(of color: Color) -> CopyPool? {
        let count = pools[color].count
        searchStart = (searchStart + 1) % count
        for offset in 0..<count {
            let index = (searchStart + offset) % count
            if worker.router.isHealthy(color, index) { return pools[color][index] }
        }
        return nil
    }

    /// The head with the mark by which a backend knows a copy.
    private func marked(_ head: HeaderList) -> HeaderList {
        head.hold()
        let own = worker.headerLists.own(head)
        own.append("sluice-shadow", "1")
        return own
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

    func answered(_ call: CopiedCall, by leg: CopyLeg) {
        counts.answered += 1
        ended(leg)
        add(.answered(call))
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
        if source == .otherColor { add(.givenUp(why, epoch: epoch)) }
    }

    private func add(_ outcome: CopyOutcome) {
        outcomes.append(outcome)
        if outcomes.count >= Self.mostOutcomes { deliver() }
    }

    /// Whether a leg has had its time.
    func isLate(_ leg: CopyLeg, _ now: MonotonicTime) -> Bool {
        leg.copy.liveEndedAt.map { now > $0 + Self.patience } ?? false
    }

    /// Keeps a leg to the end of the turn.
    func isOver(_ leg: CopyLeg) { over.append(leg) }

    private func deliver() {
        guard !outcomes.isEmpty else { return }
        handOver(outcomes)
        outcomes.removeAll(keepingCapacity: true)
    }

    // MARK: Turns

    /// Hands over what has come to an end. Called at the end of a turn, after everything has been sent.
    func endTurn() {
        deliver()
        over.removeAll()
    }

    func sweep(_ now: MonotonicTime) {
        for pool in allPools { pool.sweep(now) }
    }

    /// Ends all copies at the end of the process.
    func closeAll() {
        rule = nil
        for pool in allPools { pool.closeAll() }
    }

    var connections: [CopyConnection] { allPools.flatMap { $0.open.values } }

    var waiting: [CopyLeg] { allPools.flatMap(\.waiting) }

    private var allPools: [CopyPool] { Color.allCases.flatMap { pools[$0] } }
}
