import Estimators
import Testing

@Suite("Trees that can't be walked")
struct TreeErrorTests {
    private static let leaf = PickledNodes.leaf

    private func model(_ nodes: PickledNodes) throws -> Model {
        try Model(file: ModelPickle.bytes { nodes.write(&$0) })
    }

    /// What is found to be wrong, in which part.
    private func flaw(_ nodes: PickledNodes) -> String? {
        flaw(ModelPickle.bytes { nodes.write(&$0) })
    }

    private func flaw(_ bytes: [UInt8]) -> String? {
        do {
            _ = try Model(file: bytes)
            return nil
        } catch {
            guard case .unusable(let part, let found, let expected, let offset) = error else { return "\(error)" }
            #expect((0..<bytes.count).contains(offset))
            return "\(part): \(found), not \(expected)"
        }
    }

    @Test("A sound one is walked, and its nodes may lie in any order")
    func sound() throws {
        let model = try model(
            PickledNodes([(3, 1, 1, 0.5), Self.leaf, Self.leaf, (4, 2, 0, -1), Self.leaf, (5, 5, 9, .nan)]))
        for (row, answer) in [([0, 1], 1.0), ([-2, 0.5], 4), ([-0.5, 0], 2)] {
            #expect(
                try model.predict(Table(row: row), probabilities: false)
                    == .regression(Matrix(rows: 1, columns: 1, values: [answer])))
        }
    }

    @Test("Children that don't exist, are shared, or lead back")
    func children() {
        let part = "DecisionTreeRegressor.tree_: "
        for child in [3, -2, -1, Int.max, Int.min] {
            #expect(
                flaw(PickledNodes([(1, child, 0, 0), Self.leaf, Self.leaf]))
                    == part + "node 0 with a child that doesn't exist, not a tree")
        }
        #expect(
            flaw(PickledNodes([(1, 1, 0, 0), Self.leaf, Self.leaf])) == part + "node 1 as the child of two, not a tree")
        #expect(
            flaw(PickledNodes([(1, 2, 0, 0), (0, 0, 0, 0), Self.leaf])) == part
                + "node 0 as the child of two, not a tree")
        #expect(flaw(PickledNodes([(0, 0, 0, 0)])) == part + "node 0 as the child of two, not a tree")
    }

    @Test("Features and thresholds that can't be")
    func tests() {
        let part = "DecisionTreeRegressor.tree_: node 0 with a "
        for feature in [2, -1, 1 << 29, Int.max, Int.min] {
            #expect(
                flaw(PickledNodes([(1, 2, feature, 0), Self.leaf, Self.leaf]))
                    == part + "feature that doesn't exist, not a tree")
        }
        #expect(
            flaw(PickledNodes([(1, 2, 0, .nan), Self.leaf, Self.leaf]))
                == part + "threshold that is no number, not a tree")
    }

    @Test("Values that are not finite, or not there")
    func values() {
        let part = "DecisionTreeRegressor.tree_: "
        let nodes: [PickledNodes.Node] = [(1, 2, 0, 0), Self.leaf, Self.leaf]
        for value in [Double.nan, .infinity] {
            #expect(
                flaw(PickledNodes(nodes, values: [0, 0, value]))
                    == part + "the leaf 2 with a value that is not finite, not a tree")
        }
        #expect(
            flaw(PickledNodes(nodes, values: [0, 0]))?.hasSuffix("not a tree's values, some for each node") == true)
        var several = PickledNodes(nodes, values: [0, 0, 0, 0, 0, 0])
        several.valueShape = [3, 1, 2]
        #expect(flaw(several)?.hasSuffix("not a tree for numbers with 1 outputs") == true)
        several.outputs = 2
        several.valueShape = [3, 2, 1]
        #expect(flaw(several)?.hasSuffix("not a tree for numbers with 1 outputs") == true)
        #expect(flaw(PickledNodes([]))?.hasSuffix("not a tree's nodes") == true)
    }

    @Test("A tree of a hundred thousand nodes in one line is walked to its end")
    func deep() throws {
        let depth = 100_000
        var nodes: [PickledNodes.Node] = []
        for index in 0..<depth { nodes += [(2 * index + 1, 2 * index + 2, 0, -Double(index)), Self.leaf] }
        nodes.append(Self.leaf)
        // Each node's left child is a leaf, and its right one the next.
        for index in 0..<depth { nodes[2 * index] = (2 * index + 1, 2 * index + 2, 0, -Double(index)) }
        let model = try model(PickledNodes(nodes))
        #expect(model.nanosecondsPerRow > 100_000)
        let answer = try model.predict(Table(row: [1, 0]), probabilities: false)
        #expect(answer == .regression(Matrix(rows: 1, columns: 1, values: [Double(2 * depth)])))
    }

    @Test("A forest of one tree a hundred thousand times is refused before it takes memory")
    func repeated() {
        var nodes: [PickledNodes.Node] = []
        for index in 0..<500 { nodes += [(2 * index + 1, 2 * index + 2, 0, 0), Self.leaf] }
        nodes.append(Self.leaf)
        let bytes = ModelPickle.bytes { pickle in
            pickle.instance(
                "sklearn.ensemble._forest", "RandomForestRegressor",
                [
                    ("n_features_in_", { $0.integer(2) }), ("n_outputs_", { $0.integer(1) }),
                    (
                        "estimators_",
                        { pickle in
                            pickle.opcodes("](")
                            PickledNodes(nodes).write(&pickle)
                            for _ in 0..<100_000 { pickle.opcodes("2") }
                            pickle.opcodes("e")
                        }
                    ),
                ])
        }
        #expect(
            flaw(bytes)
                == "DecisionTreeRegressor.tree_: one use more of the same nodes, not trees of their own")
    }

    @Test("A forest without trees, or of something else")
    func forest() {
        func forest(_ trees: @escaping (inout ModelPickle) -> Void) -> [UInt8] {
            ModelPickle.bytes { pickle in
                pickle.instance(
                    "sklearn.ensemble._forest", "RandomForestRegressor",
                    [("n_features_in_", { $0.integer(2) }), ("n_outputs_", { $0.integer(1) }), ("estimators_", trees)])
            }
        }
        #expect(flaw(forest { $0.list([]) })?.hasSuffix("not a list of at least one estimator") == true)
        #expect(flaw(forest { $0.integer(1) })?.hasSuffix("not a list") == true)
        #expect(
            flaw(
                forest { $0.list([{ $0.instance("sklearn.dummy", "DummyRegressor", [("constant", { $0.none() })]) }]) })
                == "RandomForestRegressor.estimators_: an instance of sklearn.dummy.DummyRegressor, "
                + "not DecisionTreeRegressor or ExtraTreeRegressor")
    }

    @Test("Classes of several outputs are refused by name")
    func outputs() throws {
        var bytes = try #require(Answers.all.first { $0.file == "forest-two-1.9.1.pkl" }).bytes
        let name = Array("n_outputs_".utf8) + [0x94, 0x4B]
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: name) }) + name.count
        bytes[place] = 2
        #expect(
            flaw(bytes)
                == "RandomForestClassifier.n_outputs_: the integer 2, "
                + "not 1 (classifiers of several outputs are not supported)")
    }

    @Test("Numbers that 32 bits can't hold, and missing values where a tree takes none, are the caller's mistake")
    func features() throws {
        let model = try model(PickledNodes([(1, 2, 0, 0), Self.leaf, Self.leaf]))
        func error(_ row: [Double]) -> FeatureError? {
            #expect(throws: FeatureError.self) { try model.predict(Table(row: row), probabilities: false) }
        }
        #expect(error([0, 1e39]) == .row(0, .tooLarge(Feature(index: 1), value: 1e39)))
        #expect(error([-.infinity, 0]) == .row(0, .notFinite(Feature(index: 0), value: -.infinity)))
        #expect(
            error([.nan, 0])?.description == "row 0: feature 0 is NaN, not a finite number")
        #expect(
            error([3.5e38, 0])?.description
                == "row 0: feature 0 is 3.5e+38, which is too large for the 32 bits that the model takes")
    }
}
