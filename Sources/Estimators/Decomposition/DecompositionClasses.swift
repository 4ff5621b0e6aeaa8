import Pickle

extension EstimatorClass {
    /// What combines features linearly.
    static let decomposition = [
        EstimatorClass("PCA", in: "sklearn.decomposition._pca") { (estimator, _) throws(ModelError) in
            .transformer(try Projection(principalComponents: estimator))
        },
        EstimatorClass("IncrementalPCA", in: "sklearn.decomposition._incremental_pca") {
            (estimator, _) throws(ModelError) in .transformer(try Projection(principalComponents: estimator))
        },
        EstimatorClass("TruncatedSVD", in: "sklearn.decomposition._truncated_svd") {
            (estimator, _) throws(ModelError) in
            .transformer(try Projection(estimator, whitens: false, centering: .never))
        },
        EstimatorClass("FastICA", in: "sklearn.decomposition._fastica") { (estimator, _) throws(ModelError) in
            .transformer(try Projection(independentComponents: estimator))
        },
    ]
}

extension Projection {
    init(principalComponents estimator: PickledEstimator) throws(ModelError) {
        let whitens = try estimator.boolean("whiten", missing: false)
        try self.init(estimator, whitens: whitens, centering: estimator.version < (1, 5) ? .before : .after)
    }

    init(independentComponents estimator: PickledEstimator) throws(ModelError) {
        // The name of a way to whiten, or True in old versions. The mean is there in any case.
        let isWhite = estimator.optional("whiten") != .boolean(false)
        try self.init(estimator, whitens: false, centering: isWhite ? .before : .never)
    }
}
