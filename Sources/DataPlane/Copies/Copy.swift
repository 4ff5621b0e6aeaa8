import EventLoop
import HTTP2

/// The copy of a live call: takes what its two legs let pass, and never holds them up.
///
/// It has a leg of its own to the color that isn't active, and now and then a second one to the active color. A leg gives
/// up when more would have to be kept of it than is allowed; the live call notices nothing of that. Copies are in no
/// ledger and in no color's totals. Confined to the worker's thread.
///
/// Invariants: a leg is in `legs` until it is answered and compared, or given up; what `kept` says is counted by the
/// copier.
final class Copy {
    let epoch: UInt64
    let method: String
    /// Unchecked because every piece of a call goes through it; the copier ends every copy before it ends itself.
    @safe private unowned(unsafe) let copier: Copier
    /// What the active color has answered to the live call.
    private var live = AnswerRecord()
    /// Whether all of the request has come.
    private(set) var requestHasEnded = false
    private(set) var legs: [CopyLeg] = []
    /// Bytes kept, besides what each leg costs.
    private var kept = 0

    init(epoch: UInt64, method: String, copier: Copier, now: MonotonicTime) {
        self.epoch = epoch
        self.method = method
        self.copier = copier
        live.began = now
    }

    func add(_ leg: CopyLeg) { legs.append(leg) }

    // MARK: What the live call lets pass

    /// A part of the request has come.
    func requestReceived(_ bytes: UnsafeRawBufferPointer) {
        for leg in legs where leg.isAwaited {
            if let why = keep(bytes.count) { return giveUp(why) }
            unsafe leg.requestBody.append(bytes, from: copier.chunks)
            leg.resume()
        }
    }

    func requestEnded() {
        guard !requestHasEnded else { return }
        requestHasEnded = true
        for leg in legs { leg.resume() }
    }

    func liveBegan(_ head: HeaderList) { live.take(head: head) }

    func liveReceived(_ bytes: UnsafeRawBufferPointer) {
        guard !legs.isEmpty else { return }
        if let why = keep(bytes.count) { return giveUp(why) }
        unsafe live.take(bytes)
    }

    /// The active color's answer is complete.
    func liveEnded(status: Int, now: MonotonicTime) {
        live.end(status: status, at: now)
        for leg in legs { compareIfDone(leg) }
    }

    /// The live call is over: without its answer there is nothing to compare with, and without all of the request nothing
    /// that could be compared.
    func liveIsOver() {
        if live.endedAt == nil || !requestHasEnded { giveUp(.cancelled) }
    }

    /// The time of the live answer's end; `nil` before that.
    var liveEndedAt: MonotonicTime? { live.endedAt }

    /// Bytes of bodies that are held.
    var heldBodies: Int {
        legs.reduce(legs.isEmpty ? 0 : live.body.count) { $0 + $1.requestBody.count + $1.record.body.count }
    }

    /// Bytes that are held in all.
    var heldBytes: Int { legs.reduce(heldBodies) { $0 + $1.cost } }

    // MARK: What the legs report

    /// Counts bytes that are kept from now on.
    ///
    /// - Returns: why not so many may be kept; `nil` if they are.
    func keep(_ count: Int) -> CopyEnd? {
        guard kept + count <= copier.settings.buffer else { return .tooLarge }
        if let why = copier.keep(count) { return why }
        kept += count
        return nil
    }

    /// Counts bytes that are kept no longer.
    func letGo(_ count: Int) {
        kept -= count
        copier.letGo(count)
    }

    /// Hands over a leg's answer once there is the live one to compare it with.
    func compareIfDone(_ leg: CopyLeg) {
        guard let active = live.answer, let other = leg.record.answer, remove(leg) else { return }
        copier.answered(
            CopiedCall(epoch: epoch, method: method, source: leg.source, active: active, other: other), by: leg)
    }

    func giveUp(_ why: CopyEnd) {
        for leg in legs { giveUp(leg, why) }
    }

    /// Ends a leg that comes to no answer.
    func giveUp(_ leg: CopyLeg, _ why: CopyEnd) {
        guard remove(leg) else { return }
        leg.abandon()
        copier.gaveUp(leg, why, epoch: epoch)
    }

    /// - Returns: whether the leg was still there.
    private func remove(_ leg: CopyLeg) -> Bool {
        guard let index = legs.firstIndex(where: { $0 === leg }) else { return false }
        legs.remove(at: index)
        letGo(leg.requestBody.count + leg.record.body.count)
        leg.requestBody.removeAll(to: copier.chunks)
        guard legs.isEmpty else { return true }
        letGo(live.body.count)
        live.dropBody()
        return true
    }
}
