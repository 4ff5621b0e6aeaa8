import Foundation
import Pickle

/// What a vectorizer does with accents.
enum Accents: Sendable {
    case keep
    /// Leaves out combining characters (`strip_accents="unicode"`).
    case combining
    /// Leaves out everything but ASCII (`strip_accents="ascii"`).
    case notASCII

    init(_ estimator: PickledEstimator) throws(ModelError) {
        switch estimator.optional("strip_accents") ?? .none {
        case .none: self = .keep
        case .string("unicode"): self = .combining
        case .string("ascii"): self = .notASCII
        case let value: throw estimator.unusable("strip_accents", value, expected: "'ascii', 'unicode' or None")
        }
    }

    /// A text without its accents, taken apart by Unicode's compatible decomposition (NFKD).
    func stripped(from text: String) -> String {
        if case .keep = self { return text }
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text }
        var stripped = String.UnicodeScalarView()
        for scalar in text.decomposedStringWithCompatibilityMapping.unicodeScalars {
            switch self {
            case .keep: stripped.append(scalar)
            case .combining:
                if scalar.properties.canonicalCombiningClass == .notReordered { stripped.append(scalar) }
            case .notASCII: if scalar.isASCII { stripped.append(scalar) }
            }
        }
        return String(stripped)
    }
}
