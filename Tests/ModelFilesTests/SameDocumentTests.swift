import ModelFiles
import Pickle
import Testing

/// One model in every format: all of its attributes are the same, whichever file they are from.
@Suite("The same content in every format")
struct SameDocumentTests {
    @Test(
        "A model with attributes of every kind",
        arguments: [
            "objects-2-1.9.1.pkl", "objects-3-1.9.1.pkl", "objects-4-1.9.1.pkl", "objects-gzip-1.9.1.pkl",
            "objects-joblib-1.9.1.joblib", "objects-joblib-zlib-1.9.1.joblib", "objects-joblib-gzip-1.9.1.joblib",
            "objects-joblib-bz2-1.9.1.joblib", "objects-joblib-xz-1.9.1.joblib", "objects-joblib-lzma-1.9.1.joblib",
            "objects-skops-1.9.1.skops",
        ])
    func kinds(file: String) throws {
        let isSkops = file.hasSuffix(".skops")
        let expected = try attributes("objects-5-1.9.1.pkl")
        let found = try attributes(file)
        var compared = 0
        for member in found.document.dictionary(found.kinds) ?? [] {
            guard case .string(let name) = member.key else { continue }
            let other = try #require(
                expected.document.dictionary(expected.kinds)?.first { $0.key == member.key }?.value)
            // skops has no numbers among keys' types but Python's, and writes bytes that can change as bytes.
            let (a, b) = (text(member.value, found.document), text(other, expected.document))
            #expect(a == b || isSkops && (a == "…" || b == "…"), "\(name): \(a), not \(b)")
            if a == b && a != "…" { compared += 1 }
        }
        #expect(compared >= 25, "of \(found.document.dictionary(found.kinds)?.count ?? 0)")
    }

    private func attributes(_ file: String) throws -> (document: PickledDocument, kinds: PickledValue) {
        let document = try ModelFile(FormatFixtures.bytes(file), allowing: FormatFixtures.classes).document
        guard case .node(let node) = document.root, case .instance(_, let attributes?) = document[node] else {
            throw PickleError(offset: 0, reason: .unexpected(found: "something else", expected: "a model"))
        }
        return (document, try #require(document.member("kinds", of: attributes)))
    }

    /// A value with all of its content as text; what isn't understood is `…`, as formats have their own words for it.
    private func text(_ value: PickledValue, _ document: PickledDocument) -> String {
        guard case .node(let node) = value else { return "\(value)" }
        switch document[node] {
        case .tuple(let items): return "(\(items.map { text($0, document) }))"
        case .list(let items): return "[\(items.map { text($0, document) })]"
        case .set(let items): return "{\(items.map { text($0, document) }.sorted())}"
        case .dictionary(let members):
            return "{\(members.map { "\(text($0.key, document)): \(text($0.value, document))" })}"
        case .slice(let start, let stop, let step): return "slice \(start) \(stop) \(step)"
        case .array(let array):
            if case .objects(let items) = array.elements { return "\(array.shape) \(items.map { text($0, document) })" }
            return "\(array)"
        case .records(let records): return "\(records.count) \(String(describing: records.integers("a")))"
        case .dataType(let type): return "\(type)"
        case .instance(let name, _): return "\(name) \(String(describing: document.sparseMatrix(value)))"
        case .opaque(let opaque):
            if case .name(let name) = opaque { return name.name }
            return "…"
        case .joblibArray, .pandasArray: return "unfinished"
        }
    }
}
