import Pickle

/// A class of scikit-learn that a model may consist of, and how a fitted instance of it is read.
struct EstimatorClass: Sendable {
    typealias Read = @Sendable (PickledEstimator, inout ModelReader) throws(ModelError) -> Estimator

    /// The class's name without its module.
    let name: String
    /// The modules that contain the class: first the one of today, then those of earlier versions.
    let modules: [String]
    let read: Read

    init(_ name: String, in modules: String..., read: @escaping Read) {
        self.name = name
        self.modules = modules
        self.read = read
    }

    /// Every class that is served. Each family lists its own.
    static let all =
        linear + supportVectors + neighbors + neuralNetworks + naiveBayes + trees + ensembles + preprocessing
        + composition
        + decomposition + selection + text + xgboost + lightgbm

    /// The classes by their full names.
    static let byName: [PythonName: EstimatorClass] = {
        var classes: [PythonName: EstimatorClass] = [:]
        for known in all {
            for module in known.modules { classes[PythonName(module: module, name: known.name)] = known }
        }
        return classes
    }()

    /// Classes of which estimators consist and that are none themselves: trees, losses, bin mappers.
    static let parts: Set<PythonName> = treeParts.union(ensembleParts).union(linearParts).union(SplineBasis.names)
        .union(xgboostParts).union(lightgbmParts)

    /// The names of all classes whose instances a pickle may hold.
    static let allNames = Set(byName.keys).union(parts)
}
