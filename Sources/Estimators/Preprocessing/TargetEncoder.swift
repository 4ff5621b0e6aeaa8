import Pickle

/// scikit-learn's `TargetEncoder`: for each feature's category, the target's mean in the training data.
struct TargetEncoder: Transformer {
    private let encoding: CategoryEncoding
    /// The number of outputs for each feature: that of the classes if there are more than two.
    private let width: Int
    /// For each output, the number of each category.
    private let numbers: [[Double]]
    /// The numbers of a value that is no category.
    private let means: [Double]

    var features: Features { encoding.features }
    var outputCount: Int { numbers.count }
    var nanosecondsPerRow: Int { 40 * numbers.count }

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        encoding = try CategoryEncoding(estimator, with: &reader)
        let type = try estimator.option("target_type_", known: ["continuous", "binary", "multiclass"])
        let mean = try estimator.required("target_mean_")
        if type == "multiclass" {
            means = try estimator.vector("target_mean_")
            width = try estimator.classes().count
        } else {
            guard let number = mean.number, number.isFinite else {
                throw estimator.unusable("target_mean_", mean, expected: "a number")
            }
            means = [number]
            width = 1
        }
        var numbers: [[Double]] = []
        for item in try estimator.items("encodings_", atMost: CategoryEncoding.mostFeatures) {
            numbers.append(try estimator.anyNumbers(item, of: "encodings_"))
        }
        self.numbers = numbers
        let categories = encoding.categories
        guard width > 0, means.count == width, numbers.count == categories.count * width,
            numbers.indices.allSatisfy({ [width] in numbers[$0].count == categories[$0 / width].count })
        else {
            throw estimator.disagreement(about: "categories_, encodings_ and target_mean_")
        }
    }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        var matrix = Matrix(rows: table.rows, columns: numbers.count)
        try encoding.encode(table, takesUnknown: true) { row, feature, category in
            for output in 0..<width {
                let place = feature * width + output
                matrix[row, place] = category.map { numbers[place][$0] } ?? means[output]
            }
        }
        return Table(matrix)
    }

    func origin(ofOutput place: Int) -> Int? { place / width }
}
