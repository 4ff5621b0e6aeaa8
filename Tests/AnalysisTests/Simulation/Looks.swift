/// When a simulated release is looked at: after every call at first, and then each time there have been a certain part
/// more. Between two looks evidence can rise and fall again unseen, but so small a part of the calls moves it little.
struct Looks: Sendable {
    private let part: Int
    private var next = 1

    /// - Parameter part: 50 for a look each time there have been a fiftieth more.
    init(part: Int) { self.part = part }

    /// Whether there is a look after so many calls.
    mutating func isDue(_ calls: Int) -> Bool {
        guard calls >= next else { return false }
        next = calls + max(1, calls / part)
        return true
    }
}
