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
        case .lists(let lists): lists.goesLeft(value, set: Int(node.number))
        }
    }
}

/// Sets of categories that go one way; all others go the other.
///
/// Sources: XGBoost, `src/common/categorical.h`, `Decision`; LightGBM, `include/LightGBM/tree.h`, `CategoricalDecision`.
struct CategoryLists: Sendable {
    /// Which way the categories of a set go, and which numbers are categories once they are cut off at their point.
    enum Rule: Sendable {
        /// Those from 0 to `largest`: XGBoost's, which 32 bits can hold as floating-point numbers.
        case goRight
        /// Those above -1 that 32 bits can hold as integers: LightGBM's.
        case goLeft
    }

    let rule: Rule
    /// All sets, each in rising order, one after the other.
    private var categories: [UInt32] = []
    /// Where each set begins, and behind them where the last one ends.
    private var starts = [0]

    init(rule: Rule) { self.rule = rule }

    /// The largest of XGBoost's categories.
    static let largest = (1 << 24) - 1

    var count: Int { starts.count - 1 }

    mutating func append(_ set: [UInt32]) {
        categories += set
        starts.append(categories.count)
    }

    func goesLeft(_ value: Double, set: Int) -> Bool {
        switch rule {
        case .goRight: !(value >= 0 && value <= Double(Self.largest) && contains(UInt32(value), in: set))
        case .goLeft: value > -1 && value < 2_147_483_648 && contains(UInt32(value), in: set)
        }
    }

    private func contains(_ category: UInt32, in set: Int) -> Bool {
        var (low, high) = (starts[set], starts[set + 1])
        while low < high {
            let middle = (low + high) / 2
            if categories[middle] < category { low = middle + 1 } else { high = middle }
        }
        return low < starts[set + 1] && categories[low] == category
    }
}
