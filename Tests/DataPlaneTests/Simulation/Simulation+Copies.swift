import DataPlane
import Ground
import Synchronization
import TestSupport

/// What a run copies, and what came of it. A quarter of the seeds copy calls, by chance of their own, so that the others
/// play as they would without.
struct SimulatedCopying {
    /// What the worker has handed over.
    final class Outcomes: Sendable {
        private let all = Mutex<[CopyOutcome]>([])

        @Sendable func take(_ outcomes: [CopyOutcome]) { all.withLock { $0 += outcomes } }

        var taken: [CopyOutcome] { all.withLock { $0 } }
    }

    var random: SplitMix
    let settings: CopySettings
    let outcomes = Outcomes()

    init?(seed: UInt64) {
        guard seed % 4 == 3 else { return nil }
        random = SplitMix(seed: ~seed)
        var settings = CopySettings()
        settings.methods = [.all]
        settings.noiseMethods = Bool.random(using: &random) ? [.all] : []
        settings.buffer = [8_192, 65_536, 1 << 20].randomElement(using: &random)!
        self.settings = settings
    }

    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
}

/// Copies of calls: their backends may do anything, and no live call may notice.
extension Simulation {
    /// Begins or ends a shadow step with a new route.
    func copyCalls(_ route: Route) {
        guard copying != nil else { return }
        let isStep = route.share == .none && copying!.number(0...3) > 0
        let shares: [UInt16] = [1_000, 5_000, 10_000]
        let rule = ShadowRule(
            epoch: route.epoch, share: Share(parts: shares[copying!.number(0...2)]),
            noise: Share(parts: shares[copying!.number(0...2)]))
        worker?.publish(shadow: isStep ? rule : nil)
    }

    func planOfCopy() -> (Attempt.Plan, ready: Int, grpcStatus: Int) {
        guard copying != nil else { return (.hold, 0, 0) }
        let size = [0, 200, 5_000, 40_000][copying!.number(0...3)]
        let (bytes, isEarly) = (copying!.number(0...20_000), copying!.number(0...3) == 0)
        let plan: Attempt.Plan =
            switch copying!.number(0...9) {
            case 0: .refuse
            case 1: .reset(resetCode(), afterHead: false, bytes: 0)
            case 2: .reset(resetCode(), afterHead: true, bytes: bytes)
            case 3: .trailersOnly
            case 4: .hold
            default: .answer(size: size, early: isEarly)
            }
        return (plan, copying!.number(0...1) == 0 ? 1 << 20 : 0, copying!.number(0...1) == 0 ? 0 : 5)
    }

    /// Checks that what was handed over is what the backends have answered.
    func checkCopies() {
        for outcome in copying?.outcomes.taken ?? [] {
            switch outcome {
            case .differed(let calls): for call in calls { check(call) }
            case .agreed(let calls): check(calls)
            case .givenUp: break
            }
        }
    }

    private func record(of method: String) -> CallRecord? {
        guard let id = Int(method.dropFirst("/simulation/".count)), calls.indices.contains(id) else {
            journal.violated("a copy of a call that no client has made: \(method)")
            return nil
        }
        return calls[id]
    }

    /// Each call has a method of its own.
    private func check(_ agreed: AgreedCalls) {
        guard let record = record(of: agreed.method) else { return }
        // Connections that were lost say nothing of what the backend has sent.
        let isLost = agreed.status == GRPCStatus.unavailable.rawValue
        let isSame = record.attempts.contains { active in record.copies.contains { $0.mayEqual(active) } }
        journal.expect(isLost || isSame, "\(record.name): answers that agree are the same")
    }

    private func check(_ call: CopiedCall) {
        if let record = record(of: call.method) {
            journal.expect(
                record.attempts.contains { $0.hasAnswered(call.active) },
                "\(record.name): the active color's answer is the one that was compared")
            // A connection may be lost before the backend has read the request.
            let isLost = call.other.status == GRPCStatus.unavailable.rawValue && call.other.body.isEmpty
            journal.expect(
                isLost || record.copies.contains { $0.hasAnswered(call.other) },
                "\(record.name): the copy's answer is the one that was compared")
        }
    }
}

extension Attempt {
    /// Whether what has come of both answers may be the same. An answer that was cut short may have lost any part of it.
    fileprivate func mayEqual(_ other: Attempt) -> Bool {
        !hasEnded || !other.hasEnded
            || sent == other.sent && grpcStatus == other.grpcStatus && (sent == 0 || key == other.key)
    }

    /// Whether an answer is what the backend has sent.
    fileprivate func hasAnswered(_ answer: CopiedCall.Answer) -> Bool {
        guard answer.body.count <= sent else { return false }
        let isRight = unsafe answer.body.withUnsafeBufferPointer { unsafe BodyPattern.matches($0, key, at: 0) }
        guard isRight else { return false }
        // Of an answer that was cut short the status says how, and a part may have been lost on the way.
        return hasEnded ? answer.body.count == sent && answer.status == grpcStatus : isOver || resetCode != nil
    }
}
