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

    private(set) var model = Section()
    private(set) var trees: [Section] = []

    /// - Returns: nil for text of another kind.
    init?(_ text: String) {
        let lines = Substring(text).utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)
        guard let first = lines.first, first.elementsEqual("tree".utf8) else { return nil }
        for line in lines.dropFirst() {
            if line.elementsEqual("end of trees".utf8) { return }
            let name: Slice
            let value: Slice
            if let place = line.firstIndex(of: UInt8(ascii: "=")) {
                (name, value) = (line[..<place], line[line.index(after: place)...])
            } else {
                (name, value) = (line, line[line.endIndex...])
            }
            if name.elementsEqual("Tree".utf8) {
                trees.append(Section())
            } else if trees.isEmpty {
                model.values[Substring(name)] = value
            } else {
                trees[trees.count - 1].values[Substring(name)] = value
            }
        }
        // There is no end.
        return nil
    }
}
