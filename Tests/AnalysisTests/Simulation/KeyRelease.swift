import Analysis
import Glibc

/// A release whose calls come from clients that differ, and are drawn by client.
struct KeyRelease: Sendable {
    enum Traffic: Sendable, Equatable {
        case canary(Double)
        case afterSwitch
    }

    var traffic: Traffic
    /// Clients; the i-th calls with a frequency of 1/i (Zipf).
    var clients = 200
    /// The share of clients whose calls fail half of the time, under either color.
    var troubled = 0.05
    var base = 0.001
    /// The share of calls that fail under the new color for its own fault.
    var fault = 0.0
    /// Buckets by which the new color is slower.
    var slower = 0
    /// Whether clients differ in their latencies, by up to a factor of 9.
    var hasLatencies = false
    /// How likely a call is to begin a stretch in which both colors fail.
    var burst = 0.0
    /// Calls on both sides until the release is taken to be good.
    var calls = 5_000
    /// Calls of the past, of all clients.
    var past = 10_000
    /// Compared by call although drawn by client: what must not be done.
    var isComparedByCall = false
    /// How many of the clients the new color fails; nil for all.
    var faulty: Int?
    var plan = GuardPlan()

    struct Outcome {
        let finding: Finding
        /// Of the new color, until it was found.
        let calls: Int
    }

    private static let latency = LatencyShape.pareto(least: 0.002, exponent: 1.1)

    private struct Client {
        let isNew: Bool
        let failing: Double
        let slower: Int
        let isFaulty: Bool
    }

    /// The clients by frequency, to draw one with a single number.
    private var order: [Int] {
        let weights = (1...clients).map { 1 / Double($0) }
        let whole = weights.reduce(0, +)
        var (sum, order): (Double, [Int]) = (0, [])
        for (client, weight) in weights.enumerated() {
            sum += weight
            while Double(order.count) < sum / whole * 65_536 - 0.5 { order.append(client) }
        }
        while order.count < 65_536 { order.append(clients - 1) }
        return order
    }

    private func draw(_ random: inout SplitMix) -> [Client] {
        let share: Double = if case .canary(let share) = traffic { share } else { 1 }
        var left = faulty ?? clients
        return (0..<clients).map { _ in
            let isNew = random.chance(share)
            let isFaulty = isNew && left > 0
            if isFaulty { left -= 1 }
            return Client(
                isNew: isNew, failing: random.chance(troubled) ? 0.5 : base,
                slower: hasLatencies ? Int(random.next() % 11) : 0, isFaulty: isFaulty)
        }
    }

    /// Runs releases one after another.
    ///
    /// - Returns: for each its breach, or nil.
    func run(seeds: Range<UInt64>) -> [Outcome?] {
        let order = order
        var watch = ReleaseGuard(plan: plan)
        switch traffic {
        case .canary(let share): watch.begin(.sameTime(share: share, isComparedByCall ? .byCall : .byKey))
        case .afterSwitch: watch.begin(.before(isComparedByCall ? .byCall : .byKey))
        }
        return seeds.map { run(seed: $0, order: order, watch) }
    }

    private func run(seed: UInt64, order: [Int], _ prepared: ReleaseGuard) -> Outcome? {
        var random = SplitMix(seed: seed)
        let drawn = draw(&random)
        var counts = MethodCounts(method: "/prediction.Predictor/Predict")
        counts.keys = drawn.enumerated().map { index, client in
            KeyCounts(key: UInt64(index), side: client.isNew ? .new : .old, counts: SideCounts())
        }
        let service = Service(failing: base, latency: hasLatencies ? Self.latency : nil)
        func next(_ random: inout SplitMix) -> Int { order[Int(random.next() >> 48)] }
        for _ in 0..<past {
            let index = next(&random)
            service.call(
                &counts.keys[index].past, &random, failing: drawn[index].failing, slower: drawn[index].slower)
        }
        var watch = prepared
        if traffic == .afterSwitch {
            for key in counts.keys { counts.old += key.past }
        }
        var looks = Looks(part: 20)
        var (left, failing) = (0, 0.0)
        for call in 1...calls {
            let index = next(&random)
            let client = drawn[index]
            if left > 0 {
                left -= 1
            } else if burst > 0, random.chance(burst) {
                left = Int(random.next() % 800)
                failing = random.unit()
            }
            var probability = left > 0 ? max(failing, client.failing) : client.failing
            if client.isFaulty { probability = max(probability, fault) }
            let slow = client.slower + (client.isNew ? slower : 0) + (left > 0 && hasLatencies ? 6 : 0)
            // Both get the same call.
            var copy = random
            service.call(&counts.keys[index].counts, &copy, failing: probability, slower: slow)
            if client.isNew {
                service.call(&counts.new, &random, failing: probability, slower: slow)
            } else {
                service.call(&counts.old, &random, failing: probability, slower: slow)
            }
            guard looks.isDue(call) else { continue }
            if case .breach(let finding) = watch.look([counts]) {
                return Outcome(finding: finding, calls: counts.new.calls)
            }
        }
        return nil
    }
}
