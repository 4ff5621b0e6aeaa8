/// What a pickle has stored under numbers, to use it again.
///
/// Python's writers count from 0, so nearly everything lies in an array, which takes a third of a dictionary's memory.
struct PickleMemo {
    /// The values under 0, 1, 2 and so on.
    private var dense: [PickledValue] = []
    private var others: [UInt64: PickledValue] = [:]

    /// Stores under the number of values that are there already (MEMOIZE).
    mutating func append(_ value: PickledValue) {
        self[UInt64(dense.count + others.count)] = value
    }

    subscript(index: UInt64) -> PickledValue? {
        get { index < UInt64(dense.count) ? dense[Int(index)] : others[index] }
        set {
            guard let newValue else { return }
            if index < UInt64(dense.count) {
                dense[Int(index)] = newValue
            } else if index == UInt64(dense.count) {
                dense.append(newValue)
                others[index] = nil
            } else {
                others[index] = newValue
            }
        }
    }
}
