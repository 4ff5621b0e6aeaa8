/// scikit-learn's `TfidfVectorizer`: counts terms and weighs them.
struct TfidfVectorizer: Transformer {
    private let counter: CountVectorizer
    private let weighting: TermWeighting

    var features: Features { counter.features }
    var outputCount: Int { counter.outputCount }
    var nanosecondsPerRow: Int { counter.nanosecondsPerRow + 3 * outputCount }

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        counter = try CountVectorizer(estimator, with: &reader)
        let part = try estimator.part(try estimator.required("_tfidf"), "_tfidf", kinds: "TfidfTransformer")
        weighting = try TermWeighting(part)
        guard weighting.count == nil || weighting.count == counter.outputCount else {
            throw estimator.disagreement(about: "vocabulary_ and idf_")
        }
    }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        var matrix = try counter.counts(table)
        weighting.apply(&matrix)
        return Table(matrix)
    }

    func origin(ofOutput place: Int) -> Int? { 0 }
}
