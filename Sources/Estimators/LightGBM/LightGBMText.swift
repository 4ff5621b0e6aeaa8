/// LightGBM's model as text: lines of names and values, first those of the model, then those of each tree.
///
/// Source: LightGBM, `src/boosting/gbdt_model_text.cpp`, `LoadModelFromString`; `src/io/tree.cpp`.
struct LightGBMText {
    typealias Slice = Substring.UTF8View

    /// The values of one part, by name.
    struct Section {
        fileprivate var values: [Substring: Slice] = [:]

        /// The value of a name; empty where the name stands alone.
        subscript(_ name: String) -> Substring? { values[name[...]].map { Substring($0) } }

        /// One whole number.
        func wholeNumber(_ name: String) -> Int? { self[name].flatMap { Int($0) } }

        /// Whole numbers with spaces between them: `count` of them, else nil.
        func wholeNumbers(_ name: String, count: Int) -> [Int]? { list(name, count: count) { Int($0) } }

        /// Numbers with spaces between them: `count` of them, else nil.
        func numbers(_ name: String, count: Int) -> [Double]? { list(name, count: count) { Double($0) } }

        private func list<Number>(_ name: String, count: Int, _ read: (Substring) -> Number?) -> [Number]? {
            guard let value = values[name[...]] else { return nil }
            var numbers: [Number] = []
            for part in value.split(separator: UInt8(ascii: " ")) {
                guard numbers.count < count, let number = read(Substring(part)) else { return nil }
                numbers.append(number)
            }
            return numbers.count == count ? numbers : nil
        }
    }

    /// The model's own values.
    let model: Section
    let treeCount: Int

    /// The lines of the trees, one after the other.
    private let lines: Slice

    /// - Returns: nil for text of another kind.
    init?(_ text: String) {
        var rest = Substring(text).utf8
        guard let first = Self.nextLine(&rest), first.elementsEqual("tree".utf8) else { return nil }
        var model = Section()
        var lines: Slice?
        var treeCount = 0
        var line = rest
        while true {
            let start = rest
            guard let next = Self.nextLine(&rest) else { return nil }
            line = next
            if line.elementsEqual(Self.end) { break }
            if line.starts(with: Self.beginning) {
                if lines == nil { lines = start }
                treeCount += 1
            } else if lines == nil {
                model.add(line)
            }
        }
        self.model = model
        self.treeCount = treeCount
        self.lines = lines ?? rest
    }

    private static let beginning = Array("Tree=".utf8)
    private static let end = Array("end of trees".utf8)

    /// Takes the first line from `rest`; nil if there is none.
    private static func nextLine(_ rest: inout Slice) -> Slice? {
        if rest.isEmpty { return nil }
        let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
        let line = rest[..<end]
        rest = end == rest.endIndex ? rest[end...] : rest[rest.index(after: end)...]
        return line
    }

    /// Reads the trees' values, one tree after the other, so that only one's are in memory.
    func forEachTree(
        first count: Int, _ body: (_ index: Int, _ tree: Section) throws(ModelError) -> Void
    ) throws(ModelError) {
        var rest = lines
        var index = -1
        var tree = Section()
        while let line = Self.nextLine(&rest), !line.elementsEqual(Self.end) {
            if line.starts(with: Self.beginning) {
                if index >= 0 { try body(index, tree) }
                index += 1
                if index == count { return }
                tree = Section()
            } else {
                tree.add(line)
            }
        }
        if index >= 0 { try body(index, tree) }
    }
}

extension LightGBMText.Section {
    /// Adds what a line says, if it is of use.
    fileprivate mutating func add(_ line: Substring.UTF8View) {
        let place = line.firstIndex(of: UInt8(ascii: "="))
        let name = Substring(line[..<(place ?? line.endIndex)])
        guard Self.known.contains(name) else { return }
        values[name] = place.map { line[line.index(after: $0)...] } ?? line[line.endIndex...]
    }

    private static let known: Set<Substring> = [
        "max_feature_idx", "num_tree_per_iteration", "num_class", "average_output", "objective", "feature_names",
        "num_leaves", "leaf_value", "is_linear", "left_child", "right_child", "split_feature", "threshold",
        "decision_type", "internal_count", "leaf_count", "num_cat", "cat_boundaries", "cat_threshold",
    ]
}
