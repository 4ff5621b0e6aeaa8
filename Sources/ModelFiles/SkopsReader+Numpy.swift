import Decompression
import Pickle

/// numpy's arrays, numbers and data types, and SciPy's sparse matrices.
extension SkopsReader {
    private static let arrayClass = PythonName(module: "numpy", name: "ndarray")

    private static let object = NumpyDataType(kind: .object, itemSize: 8)

    /// An array, or a single number, from a file of the archive; an array of objects is in the schema itself.
    mutating func array(_ node: SkopsNode) throws -> PickledValue {
        switch node.type {
        case "numpy":
            let value = try array(file: try file(node), node)
            if node.name == Self.arrayClass { return value }
            // Numbers are stored as arrays without a dimension; other classes are subclasses of the array.
            guard let array = document.array(value), array.shape.isEmpty else {
                return opaque(.made(by: node.name), node)
            }
            return switch array.elements {
            case .booleans(let elements): .boolean(elements[0])
            case .integers(let elements): .integer(elements[0])
            case .floats(let elements): .float(elements[0])
            case .strings(let elements): .string(elements[0])
            case .objects(let elements): elements[0]
            }
        case "json":
            return try objects(node)
        case let other:
            throw unexpected(
                "the type \(quoted(other ?? ""))", expected: "an array of the type numpy or json", at: node.place)
        }
    }

    /// The array in a file, which is read once.
    private mutating func array(file: String, _ node: SkopsNode) throws -> PickledValue {
        if let known = arrays[file] { return known }
        let npy = try npy(file, try content(of: file, at: node.place), node)
        let made = try decoded(npy, file, node)
        let value = add(made, node)
        arrays[file] = value
        return value
    }

    private func npy(_ file: String, _ content: [UInt8], _ node: SkopsNode) throws(PickleError) -> NpyFile {
        guard let npy = NpyFile(content) else {
            throw unexpected("another kind of file in \(quoted(file))", expected: "an array of numpy's", at: node.place)
        }
        return npy
    }

    private mutating func decoded(_ npy: NpyFile, _ file: String, _ node: SkopsNode) throws(PickleError) -> PickledNode
    {
        guard let type = npy.type else {
            return .opaque(.other("an array of the data type \(quoted(npy.typeName))"))
        }
        guard let (bytes, decodedSize) = npy.elements else {
            throw unexpected(
                "more or fewer bytes in \(quoted(file))", expected: "those of an array of shape \(npy.shape)",
                at: node.place)
        }
        try charge(decodedSize, at: node.place)
        return PickledNode(bytes: bytes, type: type, shape: npy.shape, order: npy.order)
    }

    /// An array of objects: a list of its items, nested as it has dimensions.
    private mutating func objects(_ node: SkopsNode) throws -> PickledValue {
        guard let place = node.shape else { throw unexpected("no shape", expected: "an array's", at: node.place) }
        let stated = try value(place)
        guard let lengths = document.tuple(stated) else {
            throw unexpected("another shape", expected: "an array's", at: place)
        }
        var shape: [Int] = []
        for length in lengths {
            guard case .integer(let length) = length, length >= 0, shape.count < 64 else {
                throw unexpected("another shape", expected: "an array's", at: place)
            }
            shape.append(length)
        }
        // A single object has no list.
        if shape.isEmpty { return opaque(.other("an array of one object"), node) }
        guard let count = NumpyArray.elementCount(of: shape) else {
            throw unexpected("an array of shape \(shape)", expected: "one that can exist", at: place)
        }
        // A list that was cached can be an item again and again.
        try charge(NumpyArray.decodedSize(count: count, type: Self.object) ?? .max, at: node.place)
        var items = try items(node)
        if count == 0 { return add(.array(NumpyArray(shape: shape, elements: .objects([]))), node) }
        for length in shape.dropFirst() {
            var inner: [PickledValue] = []
            for item in items {
                guard let list = document.list(item), list.count == length else {
                    throw unexpected("other lists", expected: "those of an array of shape \(shape)", at: node.place)
                }
                inner += list
            }
            items = inner
        }
        guard items.count == count else {
            throw unexpected("\(items.count) objects", expected: "those of an array of shape \(shape)", at: node.place)
        }
        return add(.array(NumpyArray(shape: shape, elements: .objects(items))), node)
    }

    /// A data type: that of an array without elements.
    mutating func dataType(_ node: SkopsNode) throws -> PickledValue {
        guard let place = node.content else {
            throw unexpected("no content", expected: "an array of the data type", at: node.place)
        }
        let inner = try SkopsNode(place, in: schema)
        guard inner.loader == "NdArrayNode", inner.type == "numpy" else {
            // That of objects, whose array is in the schema.
            return add(.dataType(Self.object), node)
        }
        let file = try file(inner)
        let npy = try npy(file, try content(of: file, at: place), inner)
        if let type = npy.type { return add(.dataType(type), node) }
        return opaque(.dataType(npy.typeName, itemSize: nil, holdsObjects: false), node)
    }

    /// A sparse matrix, which SciPy stores as an archive of arrays; an instance with the attributes that it has in pickles.
    mutating func sparseMatrix(_ node: SkopsNode) throws -> PickledValue {
        guard SparseMatrix.has(node.name) else { return opaque(.made(by: node.name), node) }
        let file = try file(node)
        if let known = arrays[file] { return known }
        let content = try self.content(of: file, at: node.place)
        let inner: ZipArchive
        do {
            inner = try ZipArchive(content, limit: DecompressionLimits.standard.bytes(from: content.count))
        } catch {
            throw unexpected(
                "a damaged archive in \(quoted(file)) (\(error))", expected: "a sparse matrix", at: node.place)
        }
        let format = try part("format.npy", of: inner, node).byteString
        guard format.map({ node.name.name.hasPrefix($0) && $0.utf8.count == 3 }) == true else {
            throw unexpected("the format \(quoted(format ?? ""))", expected: "that of \(node.name)", at: node.place)
        }
        var members: [PickledNode.Member] = []
        for (name, key) in [("data.npy", "data"), ("indices.npy", "indices"), ("indptr.npy", "indptr")] {
            let array = add(try decoded(try part(name, of: inner, node), name, node), node)
            members.append(PickledNode.Member(key: .string(key), value: array))
        }
        let shape = try decoded(try part("shape.npy", of: inner, node), "shape.npy", node)
        guard case .array(let shape) = shape, case .integers(let lengths) = shape.elements, lengths.count == 2 else {
            throw unexpected("another shape", expected: "that of a matrix", at: node.place)
        }
        let tuple = add(.tuple(lengths.map { .integer($0) }), node)
        members.append(PickledNode.Member(key: .string("_shape"), value: tuple))
        let attributes = document.add(.dictionary(members), offset: node.offset)
        let value = add(.instance(class: node.name, attributes: attributes), node)
        arrays[file] = value
        return value
    }

    /// An array in a sparse matrix's archive.
    private mutating func part(_ name: String, of archive: ZipArchive, _ node: SkopsNode) throws -> NpyFile {
        let content: [UInt8]
        do {
            content = try archive.content(of: name)
        } catch {
            throw unexpected(
                "a damaged archive (\(error))", expected: "a sparse matrix with \(quoted(name))", at: node.place)
        }
        try charge(content.count, at: node.place)
        return try npy(name, content, node)
    }
}
