import Decompression
import ModelFiles
import Pickle
import Testing

/// Arrays in files of skops, and what they may cost.
@Suite("Arrays in files of skops")
struct SkopsArrayTests {
    private typealias S = SkopsAssembler
    private typealias Files = [(name: String, content: [UInt8])]

    private func array(
        _ node: String, files: Files = [], limits: PickleLimits? = nil
    ) throws -> (document: PickledDocument, value: PickledValue) {
        let file = try ModelFile(
            SkopsAssembler(root: S.tuple([node]), files: files).bytes, allowing: [], limits: limits)
        let items = try #require(file.document.tuple(file.document.root))
        return (file.document, items[0])
    }

    private func failure(_ node: String, files: Files = [], limits: PickleLimits? = nil) -> ModelFileError? {
        #expect(throws: ModelFileError.self) { try array(node, files: files, limits: limits) }
    }

    private func numpy(_ file: String, class name: String = "ndarray") -> String {
        S.node("NdArrayNode", "\"type\": \"numpy\", \"file\": \"\(file)\"", class: name, module: "numpy")
    }

    private func objects(_ content: String, shape: [Int]) -> String {
        let shape = S.tuple(shape.map { S.json("\($0)") })
        return S.node("NdArrayNode", "\"type\": \"json\", \"content\": [\(content)], \"shape\": \(shape)")
    }

    private func list(_ items: String...) -> String {
        S.node("ListNode", "\"content\": [\(items.joined(separator: ", "))]")
    }

    private let two: Files = [("1.npy", S.npy("|i1", shape: "(2,)", [5, 6]))]

    @Test("An array in a file, read once however often it is referred to")
    func file() throws {
        let (document, value) = try array(S.tuple([numpy("1.npy"), numpy("1.npy")]), files: two)
        let items = try #require(document.tuple(value))
        #expect(document.array(items[0]) == NumpyArray(shape: [2], elements: .integers([5, 6])))
        #expect(items[0] == items[1])
    }

    @Test("Single numbers of numpy's, and classes that are no plain arrays")
    func scalars() throws {
        let one: Files = [("1.npy", S.npy("<f8", shape: "()", field(2.5.bitPattern)))]
        #expect(try array(numpy("1.npy", class: "float64"), files: one).value == .float(2.5))
        let (document, value) = try array(numpy("1.npy"), files: one)
        #expect(document.array(value) == NumpyArray(shape: [], elements: .floats([2.5])))
        let (second, matrix) = try array(numpy("1.npy", class: "matrix"), files: two)
        #expect(second.summary(of: matrix) == "a value made by 'numpy.matrix'")
    }

    @Test("Arrays of objects, of one dimension and more")
    func objects() throws {
        var (document, value) = try array(objects("\(S.json("1")), \(S.json("\"a\""))", shape: [2]))
        #expect(document.array(value) == NumpyArray(shape: [2], elements: .objects([.integer(1), .string("a")])))
        let rows = "\(list(S.json("1"), S.json("2"))), \(list(S.json("3"), S.json("4")))"
        (document, value) = try array(objects(rows, shape: [2, 2]))
        #expect(
            document.array(value)
                == NumpyArray(shape: [2, 2], elements: .objects([1, 2, 3, 4].map { .integer($0) })))
        (document, value) = try array(objects("", shape: [0, 3]))
        #expect(document.array(value) == NumpyArray(shape: [0, 3], elements: .objects([])))
        for node in [
            objects(S.json("1"), shape: [2]), objects(rows, shape: [2, 3]), objects(rows, shape: [4, 1]),
            objects(S.json("1"), shape: [-1]), objects(rows, shape: [2, 2, 1]),
            S.node("NdArrayNode", "\"type\": \"json\", \"content\": []"), S.node("NdArrayNode", "\"type\": \"x\""),
            S.node("NdArrayNode"), S.node("NdArrayNode", "\"type\": \"numpy\""),
        ] { #expect(failure(node) != nil, "\(node)") }
    }

    @Test("Lists within lists that were cached describe an enormous array: refused before it is made")
    func cachedRows() {
        let cached = #"{"__loader__": "CachedNode", "__id__": N}"#
        var node = S.node("ListNode", "\"content\": [\(S.json("1"))], \"__id__\": 0")
        var shape = [1]
        var parts: [String] = [node]
        for level in 1...7 {
            let inner = cached.replacing("N", with: "\(level - 1)")
            let content = [String](repeating: inner, count: 100).joined(separator: ", ")
            node = S.node("ListNode", "\"content\": [\(content)], \"__id__\": \(level)")
            shape.insert(100, at: 0)
            parts.append(node)
        }
        let content = [String](repeating: cached.replacing("N", with: "7"), count: 100).joined(separator: ", ")
        let error = failure(S.tuple(parts + [objects(content, shape: [Int](repeating: 100, count: 8) + [1])]))
        guard case .content(let error, _) = error, case .limitExceeded = error.reason else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("Files that are missing, no arrays, or of another size")
    func brokenFiles() {
        #expect(failure(numpy("2.npy"), files: two) == .archive(ZipError(offset: 0, reason: .noMember(name: "2.npy"))))
        #expect(failure(numpy("1.npy"), files: [("1.npy", [1, 2])]) != nil)
        #expect(failure(numpy("1.npy"), files: [("1.npy", S.npy("|i1", shape: "(3,)", [1, 2]))]) != nil)
    }

    @Test("Arrays of types that aren't understood are passed over")
    func otherTypes() throws {
        let (document, value) = try array(numpy("1.npy"), files: [("1.npy", S.npy("<c16", shape: "(1,)", [1]))])
        #expect(document.summary(of: value) == "an array of the data type '<c16'")
    }

    @Test("Data types")
    func dataTypes() throws {
        func type(_ npy: [UInt8]) throws -> String {
            let node = S.node("DTypeNode", "\"content\": \(numpy("1.npy"))", class: "dtype", module: "numpy")
            let (document, value) = try array(node, files: [("1.npy", npy)])
            return document.summary(of: value)
        }
        #expect(try type(S.npy("<f4", shape: "(0,)", [])) == "the data type <f4")
        #expect(try type(S.npy("<M8[ns]", shape: "(0,)", [])) == "the data type '<M8[ns]'")
        let (document, value) = try array(S.node("DTypeNode", "\"content\": \(objects("", shape: [0]))"))
        #expect(document.summary(of: value) == "the data type <O8")
    }

    @Test("Bytes in a file, and how often they may be used")
    func bytes() throws {
        let node = S.node("BytesNode", "\"file\": \"1.bin\"", class: "bytes")
        #expect(try array(node, files: [("1.bin", [1, 2])]).value == .bytes([1, 2]))
        let limits = PickleLimits(opcodes: 100, decodedBytes: 1_000)
        let many = S.tuple([String](repeating: node, count: 11))
        let error = failure(many, files: [("1.bin", [UInt8](repeating: 0, count: 100))], limits: limits)
        guard case .content(let error, _) = error else {
            Issue.record("not refused")
            return
        }
        #expect(error.reason == .limitExceeded(what: "bytes of decoded arrays", limit: 1_000))
    }

    @Test("The limit on nodes")
    func nodes() {
        let many = S.tuple([String](repeating: S.json("1"), count: 100))
        guard case .content(let error, _) = failure(many, limits: PickleLimits(opcodes: 50, decodedBytes: 0)) else {
            Issue.record("not refused")
            return
        }
        #expect(error.reason == .limitExceeded(what: "nodes of skops", limit: 50))
    }

    // MARK: Sparse matrices

    /// A sparse matrix as SciPy writes it, but stored without compression.
    private func sparse(format: String = "csr", indices: [UInt8] = [0, 2, 1], without missing: String = "") -> Files {
        var inner = SkopsAssembler(schema: "{}")
        inner.files = [
            ("indices.npy", S.npy("|i1", shape: "(\(indices.count),)", indices)),
            ("indptr.npy", S.npy("|i1", shape: "(3,)", [0, 2, 3])),
            ("format.npy", S.npy("|S3", shape: "()", Array(format.utf8))),
            ("shape.npy", S.npy("<i8", shape: "(2,)", field(2) + field(3))),
            ("data.npy", S.npy("|i1", shape: "(3,)", [7, 8, 9])),
        ].filter { $0.name != missing }
        return [("1.npz", inner.bytes)]
    }

    private func node(class name: String = "csr_matrix") -> String {
        S.node(
            "SparseMatrixNode", "\"type\": \"scipy\", \"file\": \"1.npz\"", class: name,
            module: "scipy.sparse._\(name.prefix(3))")
    }

    @Test("Sparse matrices are what they are in pickles")
    func sparseMatrix() throws {
        let (document, value) = try array(node(), files: sparse())
        let matrix = try #require(document.sparseMatrix(value))
        #expect(matrix.rows == 2 && matrix.columns == 3 && matrix.isByRow)
        #expect(matrix.starts == [0, 2, 3] && matrix.indices == [0, 2, 1] && matrix.values == [7, 8, 9])
        let (second, other) = try array(node(class: "dok_matrix"), files: [])
        #expect(second.summary(of: other) == "a value made by 'scipy.sparse._dok.dok_matrix'")
        let (third, broken) = try array(node(), files: sparse(indices: [0, 3, 1]))
        #expect(third.sparseMatrix(broken) == nil)
    }

    @Test("Sparse matrices whose archive isn't one of theirs")
    func brokenSparse() {
        #expect(failure(node(), files: sparse(format: "csc")) != nil)
        #expect(failure(node(), files: [("1.npz", [1, 2, 3])]) != nil)
        for missing in ["indices.npy", "indptr.npy", "format.npy", "shape.npy", "data.npy"] {
            #expect(failure(node(), files: sparse(without: missing))?.description.contains("no member") == true)
        }
    }
}
