import Connections
import EventLoop
import HTTP2

/// The copy of a live call: takes what its two legs let pass, and never holds them up.
///
/// It has a leg of its own to the color that isn't active, and now and then a second one to the active color. A leg gives
/// up when more would have to be kept of it than is allowed; the live call notices nothing of that. Copies are in no
/// ledger and in no color's totals. Confined to the worker's thread.
///
/// Invariants: the copy has a leg until that is answered and compared, or given up; what `kept` says is counted by the
/// copier.
final class Copy {
    let epoch: UInt64
    let method: String
    /// Lent because every piece of a call goes through it; the copier ends every copy before it ends itself.
    private let copier: Lent<Copier>
    private let chunks: ChunkPool
    /// The most bytes that may be kept.
    private let buffer: Int
    /// What the active color has answered to the live call.
    private var live = AnswerRecord()
    /// Whether all of the request has come.
    private(set) var requestHasEnded = false
    /// The leg to the color that isn't active.
    private var otherLeg: CopyLeg?
    /// The leg to the active color.
    private var sameLeg: CopyLeg?
    /// Bytes kept, besides what each leg costs.
    private var kept = 0

    init(epoch: UInt64, method: String, copier: Copier, now: MonotonicTime) {
        self.epoch = epoch
        self.method = method
        self.copier = Lent(copier)
        chunks = copier.chunks
        buffer = copier.settings.buffer
        live.began = now
    }

    func add(_ leg: CopyLeg) {
        switch leg.source {
        case .otherColor: otherLeg = leg
        case .sameColor: sameLeg = leg
        }
    }

    /// The legs that are neither answered and compared nor given up.
    var legs: [CopyLeg] { [otherLeg, sameLeg].compactMap(\.self) }

    private var hasLegs: Bool { otherLeg != nil || sameLeg != nil }

    func has(_ leg: CopyLeg) -> Bool { otherLeg === leg || sameLeg === leg }

    // MARK: What the live call lets pass

    /// A part of the request has come.
    func requestReceived(_ bytes: UnsafeRawBufferPointer) {
        if let otherLeg, unsafe !take(bytes, for: otherLeg) { return }
        if let sameLeg { _ = unsafe take(bytes, for: sameLeg) }
    }

    /// - Returns: whether the copy goes on.
    private func take(_ bytes: UnsafeRawBufferPointer, for leg: CopyLeg) -> Bool {
        guard leg.isAwaited else { return true }
        if let why = keep(bytes.count) {
            giveUp(why)
            return false
        }
        unsafe leg.requestBody.append(bytes, from: chunks)
        leg.resume()
        return true
    }

    func requestEnded() {
        guard !requestHasEnded else { return }
        requestHasEnded = true
        otherLeg?.resume()
        sameLeg?.resume()
    }

    func liveBegan(_ head: HeaderList) { live.take(head: head) }

    func liveReceived(_ bytes: UnsafeRawBufferPointer) {
        guard hasLegs else { return }
        if let why = keep(bytes.count) { return giveUp(why) }
        unsafe live.take(bytes)
    }

    /// The active color's answer is complete.
    func liveEnded(status: Int, now: MonotonicTime) {
        live.end(status: status, at: now)
        if let otherLeg { compareIfDone(otherLeg) }
        if let sameLeg { compareIfDone(sameLeg) }
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
        legs.reduce(hasLegs ? live.body.count : 0) { $0 + $1.requestBody.count + $1.record.body.count }
    }

    /// Bytes that are held in all.
    var heldBytes: Int { legs.reduce(heldBodies) { $0 + $1.cost } }

    // MARK: What the legs report

    /// Counts bytes that are kept from now on.
    ///
    /// - Returns: why not so many may be kept; `nil` if they are.
    func keep(_ count: Int) -> CopyEnd? {
        guard kept + count <= buffer else { return .tooLarge }
        if let why = copier.use({ $0.keep(count) }) { return why }
        kept += count
        return nil
    }

    /// Counts bytes that are kept no longer.
    func letGo(_ count: Int) {
        kept -= count
        copier.use { $0.letGo(count) }
    }

    /// Hands over a leg's answer once there is the live one to compare it with.
    func compareIfDone(_ leg: CopyLeg) {
        guard let status = live.status, leg.record.status != nil, has(leg) else { return }
        if live.isSame(as: leg.record) {
            let times = AgreedCalls.Times(active: live.nanoseconds, other: leg.record.nanoseconds)
            remove(leg)
            copier.use { $0.agreed(self, by: leg, status: status, times) }
        } else if let active = live.answer, let other = leg.record.answer {
            remove(leg)
            copier.object.differed(
                CopiedCall(epoch: epoch, method: method, source: leg.source, active: active, other: other), by: leg)
        }
    }

    func giveUp(_ why: CopyEnd) {
        if let otherLeg { giveUp(otherLeg, why) }
        if let sameLeg { giveUp(sameLeg, why) }
    }

    /// Ends a leg that comes to no answer.
    func giveUp(_ leg: CopyLeg, _ why: CopyEnd) {
        guard has(leg) else { return }
        remove(leg)
        leg.abandon()
        copier.object.gaveUp(leg, why, epoch: epoch)
    }

    private func remove(_ leg: CopyLeg) {
        switch leg.source {
        case .otherColor: otherLeg = nil
        case .sameColor: sameLeg = nil
        }
        letGo(leg.requestBody.count + leg.record.body.count)
        leg.requestBody.removeAll(to: chunks)
        if hasLegs { return }
        letGo(live.body.count)
        live.dropBody()
    }
}
