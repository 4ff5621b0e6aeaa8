extension EstimatorClass {
    /// Naive Bayes.
    static let naiveBayes =
        [
            EstimatorClass("GaussianNB", in: "sklearn.naive_bayes") { (estimator, _) throws(ModelError) in
                .classifier(try GaussianNB(estimator))
            },
            EstimatorClass("CategoricalNB", in: "sklearn.naive_bayes") { (estimator, _) throws(ModelError) in
                .classifier(try CategoricalNB(estimator))
            },
        ]
        + ["MultinomialNB", "ComplementNB", "BernoulliNB"].map { name in
            EstimatorClass(name, in: "sklearn.naive_bayes") { (estimator, _) throws(ModelError) in
                .classifier(try LinearNaiveBayes(estimator))
            }
        }
}
