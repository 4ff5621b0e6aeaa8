/// The sets of categories that trees test, in the way of the library that grew them.
enum CategoryTests: Sendable {
    case bits(CategorySets)
    case lists(CategoryLists)

    /// The number of sets.
    var count: Int {
        switch self {
        case .bits(let sets): sets.count
        case .lists(let lists): lists.count
        }
    }

    /// Adds sets, which have the next indices: of bits, each has `CategorySets.wordsPerSet` words; of lists, each is in rising
    /// order.
    mutating func append(_ sets: [[UInt32]]) {
        switch self {
        case .bits(var bits):
            for set in sets { bits.goingLeft += set }
            self = .bits(bits)
        case .lists(var lists):
            for set in sets { lists.append(set) }
            self = .lists(lists)
        }
    }

    /// Whether a value that is not missing goes left at a node that tests categories.
    ///
    /// The node's set and feature are ones that exist.
    func goesLeft(_ value: Double, _ node: TreeNode) -> Bool {
        switch self {
        case .bits(let sets): sets.goesLeft(value, node)
        case .lists(let lists): !lists.contains(value, in: Int(node.number))
        }
    }
}

/// Sets of categories that go right; all others go left.
///
/// Source: XGBoost, `src/common/categorical.h`, `Decision`.
struct CategoryLists: Sendable {
    /// All sets, each in rising order, one after the other.
    private var categories: [UInt32] = []
    /// Where each set begins, and behind them where the last one ends.
    private var starts = [0]

    /// The largest category. XGBoost's are whole numbers that 32 bits can hold as floating-point numbers.
    static let largest = (1 << 24) - 1

    var count: Int { starts.count - 1 }

    mutating func append(_ set: [UInt32]) {
        categories += set
        starts.append(categories.count)
    }

    /// Whether a value, without what is behind its point, is in a set. Numbers that are no category are in none.
    func contains(_ value: Double, in set: Int) -> Bool {
        guard value >= 0, value <= Double(Self.largest) else { return false }
        let category = UInt32(value)
        var (low, high) = (starts[set], starts[set + 1])
        while low < high {
            let middle = (low + high) / 2
            if categories[middle] < category { low = middle + 1 } else { high = middle }
        }
        return low < starts[set + 1] && categories[low] == category
    }
}
