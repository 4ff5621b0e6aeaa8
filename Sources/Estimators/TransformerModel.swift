import ModelFiles
import Pickle

/// A fitted transformer by itself, without an estimator behind it: what a model's step makes of its features.
package struct TransformerModel: Sendable {
    private let transformer: any Transformer

    /// The features that a row has.
    package var features: Features { transformer.features }

    /// Reads a transformer from the bytes of a file.
    ///
    /// - Throws: ``ModelError`` that says what was found and at which byte.
    package init(file bytes: [UInt8], limits: PickleLimits? = nil) throws(ModelError) {
        self = try ModelFile.read(bytes, limits: limits) { document throws(ModelError) in
            try TransformerModel(document)
        }
    }

    private init(_ document: PickledDocument) throws(ModelError) {
        var reader = ModelReader(document)
        guard case .transformer(let transformer) = try reader.estimator(document.root, part: "transformer") else {
            throw .unusable(
                part: "transformer", found: document.summary(of: document.root), expected: "a transformer",
                offset: document.offset(of: document.root))
        }
        self.transformer = transformer
    }

    /// Makes the new features of each row.
    ///
    /// - Throws: ``FeatureError`` if a row is not one that the transformer takes.
    package func transform(_ table: Table) throws(FeatureError) -> Table {
        try transformer.transform(table)
    }
}
