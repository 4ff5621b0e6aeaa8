/// What has to be kept of one method from look to look in a stage.
struct MethodGuard: Sendable, Codable, Equatable {
    private static let mostWindows = 6

    /// The method's place among those of the release, by their first calls: 0 for the first.
    let rank: Int
    private var windows: [Window] = []

    init(rank: Int) { self.rank = rank }

    /// The evidence of each test with its part of the stage's error budget.
    mutating func look(_ counts: MethodCounts, comparisons: StageComparisons) -> [Evidence] {
        if windows.isEmpty { windows.append(Window(index: 0, from: counts, comparisons: comparisons)) }
        var found: [Evidence] = []
        for index in windows.indices {
            let part = ErrorBudget.part(ofMethod: rank) * ErrorBudget.part(ofWindow: windows[index].index)
            found += windows[index].look(counts, comparisons: comparisons).map { evidence in
                Evidence(
                    signal: evidence.signal, basis: evidence.basis, logarithm: evidence.logarithm,
                    part: evidence.part * part * ErrorBudget.part(of: evidence.signal), newKeys: evidence.newKeys,
                    oldKeys: evidence.oldKeys)
            }
        }
        let latest = counts.new.calls / Window.length
        if latest > windows[windows.count - 1].index {
            windows.append(Window(index: latest, from: counts, comparisons: comparisons))
            thin()
        }
        return found
    }

    /// Lets windows go that lie close to others for their age, so that what remains is about twice as old from one to
    /// the next. The stage's own and the latest two stay.
    private mutating func thin() {
        let latest = windows[windows.count - 1].index
        var place = windows.count - 2
        while place > 1 {
            place -= 1
            if latest - windows[place - 1].index <= 2 * (latest - windows[place + 1].index) {
                windows.remove(at: place)
            }
        }
        if windows.count > Self.mostWindows { windows.remove(at: 1) }
    }
}
