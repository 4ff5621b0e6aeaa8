extension EstimatorClass {
    /// What makes features of texts.
    static let text = [
        EstimatorClass("CountVectorizer", in: "sklearn.feature_extraction.text") {
            (estimator, reader) throws(ModelError) in .transformer(try CountVectorizer(estimator, with: &reader))
        },
        EstimatorClass("TfidfVectorizer", in: "sklearn.feature_extraction.text") {
            (estimator, reader) throws(ModelError) in .transformer(try TfidfVectorizer(estimator, with: &reader))
        },
        EstimatorClass("TfidfTransformer", in: "sklearn.feature_extraction.text") {
            (estimator, _) throws(ModelError) in .transformer(try TfidfTransformer(estimator))
        },
    ]
}
