/// What releases are judged by elsewhere, for comparison: a threshold on the last calls of the new color, looked at after
/// every call.
struct FixedThreshold: Sendable {
    /// Calls of the new color that are looked at.
    private static let window = 100
    /// The share of them that may fail.
    private static let errorShare = 0.05

    /// What the new color answers.
    let new: Service
    /// The bucket that the 99th percentile of the window may reach; nil where times aren't judged.
    var slowestBucket: Int?
    /// Calls until the release is taken to be good.
    let calls: Int

    /// - Returns: the new color's calls until the threshold is broken; nil if it isn't.
    func run(seed: UInt64) -> Int? {
        var random = SplitMix(seed: seed)
        var (failed, slow) = ([Bool](), [Bool]())
        var (failures, slows) = (0, 0)
        for call in 1...calls {
            let isFailed = random.chance(new.failing)
            let isSlow = slowestBucket.map { new.latency?.bucket(&random) ?? 0 > $0 } ?? false
            failed.append(isFailed)
            slow.append(isSlow)
            failures += isFailed ? 1 : 0
            slows += isSlow ? 1 : 0
            if call > Self.window {
                failures -= failed[call - Self.window - 1] ? 1 : 0
                slows -= slow[call - Self.window - 1] ? 1 : 0
            }
            guard call >= Self.window else { continue }
            if Double(failures) > Self.errorShare * Double(Self.window) || slows > 1 { return call }
        }
        return nil
    }
}
