import Estimators
import Glibc
import TestSupport
import Testing

@Suite("Neural networks")
struct NeuralNetworkTests {
    private static let classifier: [(String, MadeValue)] = [
        (
            "coefs_",
            .list([
                .numbers(shape: [2, 3], [1, 2, 3, 4, 5, 6]), .numbers(shape: [3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1]),
            ])
        ), ("intercepts_", .list([.vector([0, 0, 0]), .vector([0, 0, 0])])), ("activation", .string("relu")),
        ("out_activation_", .string("softmax")), ("classes_", .labels(["a", "b", "c"])),
        ("n_features_in_", .integer(2)),
    ]
    private static let name = "neural_network._multilayer_perceptron.MLPClassifier"

    @Test("Each row has the same answer alone and among others")
    func blocks() throws {
        let model = try Model(file: MadeValue.instance(Self.name, Self.classifier).pickle)
        // More rows than go through the layers together.
        let rows = 3_001
        let matrix = Matrix(rows: rows, columns: 2, values: (0..<2 * rows).map { 0.001 * Double($0 % 97) })
        guard case .classification(let all) = try model.predict(Table(matrix), probabilities: true) else { return }
        for row in [0, 1, 1_364, 1_365, 1_366, 3_000] {
            let one = try model.predict(Table(row: Array(matrix.row(row))), probabilities: true)
            let values = try #require(all.probabilities).row(row)
            #expect(
                one
                    == .classification(
                        Classification(
                            classIndices: [all.classIndices[row]],
                            probabilities: Matrix(rows: 1, columns: 3, values: Array(values)))))
        }
    }

    @Test(
        "What doesn't fit together is refused, with its name",
        arguments: [
            ("coefs_", MadeValue.list([])), ("coefs_", .list([.numbers(shape: [2, 3], [1, 2, 3, 4, 5, 6])])),
            ("coefs_", .list([.vector([1, 2]), .numbers(shape: [3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1])])),
            (
                "coefs_",
                .list([.numbers(shape: [2, 2], [1, 2, 3, 4]), .numbers(shape: [2, 3], [1, 2, 3, 4, 5, 6])])
            ),
            ("coefs_", .numbers(shape: [2, 3], [1, 2, 3, 4, 5, 6])), ("coefs_", nil),
            ("coefs_", .list([.numbers(shape: [0, 3], []), .numbers(shape: [3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1])])),
            ("coefs_", .list([.numbers(shape: [], [1]), .numbers(shape: [3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1])])),
            ("intercepts_", .list([.vector([0, 0, 0])])), ("intercepts_", .list([.vector([]), .vector([0, 0, 0])])),
            ("intercepts_", .list([.vector([0, 0, 0]), .vector([0, 0, .nan])])), ("intercepts_", nil),
            ("activation", .string("softmax")), ("activation", .nothing), ("out_activation_", .string("identity")),
            ("out_activation_", .string("logistic")), ("classes_", .labels(["a", "b"])), ("classes_", .labels([])),
            ("classes_", .list([.labels(["a"]), .labels(["b"])])), ("n_features_in_", .integer(3)),
        ] as [(String, MadeValue?)])
    func refused(attribute: String, value: MadeValue?) {
        let part = MadeValue.instance(Self.name, Self.classifier.with(attribute, value)).refusedPart
        #expect(
            part == "MLPClassifier.\(attribute)" || part == "MLPClassifier.coefs_" || part == "MLPClassifier",
            "\(part ?? "-")")
    }

    /// A network of one layer that changes nothing but by its function.
    @Test("The functions between layers are exact to the last places", arguments: ["tanh", "logistic"])
    func functions(name: String) throws {
        let members: [(String, MadeValue)] = [
            (
                "coefs_",
                .list([.numbers(shape: [1, 5], [1, 1, 1, 1, 1]), .numbers(shape: [5, 1], [0, 0, 0, 0, 1])])
            ),
            ("intercepts_", .list([.vector([0, 0, 0, 0, 0]), .vector([0])])), ("activation", .string(name)),
            ("out_activation_", .string("identity")),
        ]
        let model = try Model(
            file: MadeValue.instance("neural_network._multilayer_perceptron.MLPRegressor", members).pickle)
        var random = SplitMix(seed: 1)
        var numbers = [
            0, -0.0, Double.leastNonzeroMagnitude, -1e-300, 0.625, -0.625, 22, 1e300, -1e300, 708.5, -708.5, 745, -745,
        ]
        for scale in [1e-9, 0.1, 1, 5, 40, 800] {
            numbers += (0..<2_000).map { _ in Double.random(in: -scale...scale, using: &random) }
        }
        guard
            case .regression(let answer) = try model.predict(
                Table(Matrix(rows: numbers.count, columns: 1, values: numbers)), probabilities: false)
        else { return }
        for (number, ours) in zip(numbers, answer.values) {
            let exact = name == "tanh" ? tanh(number) : 1 / (1 + exp(-number))
            // A logistic function below the smallest normal number is cut off.
            #expect(abs(ours - exact) <= max(8e-16 * abs(exact), name == "tanh" ? 0 : 1e-307), "\(number)")
        }
    }

    @Test("A network of several labels a row is refused")
    func multilabel() {
        let members = Self.classifier.with("out_activation_", .string("logistic"))
        #expect(MadeValue.instance(Self.name, members).refusedPart == "MLPClassifier.coefs_")
    }

    @Test("Numbers that overflow are refused with their row")
    func overflow() throws {
        let model = try Model(file: MadeValue.instance(Self.name, Self.classifier).pickle)
        let matrix = Matrix(rows: 2, columns: 2, values: [1, 1, 1e308, 1e308])
        #expect(throws: FeatureError.row(1, .overflow)) { try model.predict(Table(matrix), probabilities: false) }
    }
}
