/// What the machine does instead of calling numpy, and joblib for the sake of numpy's arrays.
extension PickleMachine {
    /// `numpy.dtype(name, …)`: any short name counts as a data type, understood or not.
    mutating func dataType(named value: PickledValue) throws(PickleError) -> PickledValue {
        guard case .string(let name) = value, (1...Self.longestTypeName).contains(name.utf8.count) else {
            throw unexpected(value, expected: "a supported numpy data type")
        }
        if let type = NumpyDataType(name: name) { return .node(document.add(.dataType(type), offset: offset)) }
        // The number in a name is in bytes, except for text, where it is in characters.
        let size = Int(name.dropFirst()).map { name.hasPrefix("U") ? 4 * $0 : $0 }
        return opaque(.dataType(name, itemSize: size.flatMap { $0 >= 0 ? $0 : nil }, holdsObjects: false))
    }

    /// The length in bytes of the longest name of a data type: `S` and a number.
    private static let longestTypeName = 12

    /// `numpy.dtype.__setstate__`: (version, byte order, sub-array, field names, fields, item size, alignment, flags).
    func completed(_ type: NumpyDataType, state: PickledValue) throws(PickleError) -> PickledNode {
        guard let items = document.tuple(state), items.count >= 8, case .string(let order) = items[1] else {
            throw unexpected(state, expected: "the state of a numpy data type")
        }
        guard items[2...4].allSatisfy({ $0 == .none }) else {
            let value = OpaqueValue.dataType("structure", itemSize: nil, holdsObjects: false)
            return .opaque(completed(value, state: state))
        }
        if type.kind == .text, items[5] != .integer(type.itemSize) {
            throw unexpected(items[5], expected: "the item size \(type.itemSize)")
        }
        var completed = type
        switch order {
        case "<", "|", "=": completed.byteOrder = .little
        case ">": completed.byteOrder = .big
        default: throw unexpected(items[1], expected: "a byte order")
        }
        return .dataType(completed)
    }

    /// The data type of a record, from its state; nil for any other value that is not understood, and for records of
    /// more than plain numbers.
    mutating func recordType(
        _ value: OpaqueValue, state: PickledValue
    ) throws(PickleError) -> NumpyDataType? {
        guard case .dataType(let name, let size?, _) = value, name.hasPrefix("V"),
            let items = document.tuple(state), items.count >= 8, items[2] == .none, items[5] == .integer(size),
            let names = document.tuple(items[3]), (1...NumpyDataType.mostFields).contains(names.count),
            case .node(let node) = items[4], let members = document.members(node), members.count == names.count
        else { return nil }
        // One list of fields can make a type again and again.
        try charge(names.count * members.count * MemoryLayout<PickledNode.Member>.stride)
        var fields: [NumpyDataType.Field] = []
        for name in names {
            guard case .string(let text) = name, let member = members.last(where: { $0.key == name }),
                let description = document.tuple(member.value), description.count >= 2,
                case .integer(let offset) = description[1], let type = try dataType(description[0])
            else { return nil }
            fields.append(NumpyDataType.Field(name: text, type: type, offset: offset))
        }
        return NumpyDataType(fields: fields, itemSize: size)
    }

    /// A value that is not understood, with its state; for a data type, its size in memory and whether it holds
    /// objects.
    func completed(_ value: OpaqueValue, state: PickledValue) -> OpaqueValue {
        guard case .dataType(let name, let size, let holdsObjects) = value, let items = document.tuple(state),
            items.count >= 8
        else { return value }
        // -1 for types whose name gives the size.
        let stated: Int? = if case .integer(let size) = items[5], size >= 0 { size } else { nil }
        // The flag that numpy calls NPY_ITEM_REFCOUNT.
        let hasReferences = if case .integer(let flags) = items[7] { flags & 1 != 0 } else { false }
        return .dataType(name, itemSize: stated ?? size, holdsObjects: holdsObjects || hasReferences)
    }

    /// `numpy.ndarray.__setstate__`: (version, shape, data type, is column-major, bytes or list).
    mutating func array(state: PickledValue) throws(PickleError) -> PickledNode {
        guard let items = document.tuple(state), items.count == 5, case .boolean(let isColumnMajor) = items[3] else {
            throw unexpected(state, expected: "the state of a numpy array")
        }
        let shape = try shape(items[1])
        guard let type = try dataType(items[2]) else { return .opaque(arrayOf(items[2])) }
        return try array(contents: items[4], type: type, shape: shape, order: isColumnMajor ? .columnMajor : .rowMajor)
    }

    /// `numpy._core.numeric._frombuffer(bytes, data type, shape, order)`.
    mutating func arrayFromBuffer(_ arguments: [PickledValue]) throws(PickleError) -> PickledValue {
        guard arguments.count == 4 else {
            throw error(.unexpected(found: "\(arguments.count) arguments", expected: "the 4 of an array's buffer"))
        }
        guard let type = try dataType(arguments[1]) else { return opaque(arrayOf(arguments[1])) }
        let array = try array(
            contents: arguments[0], type: type, shape: try shape(arguments[2]), order: try order(arguments[3]))
        return .node(document.add(array, offset: offset))
    }

    /// `numpy._core.multiarray.scalar(data type, bytes)`: becomes a plain value.
    mutating func scalar(_ arguments: [PickledValue]) throws(PickleError) -> PickledValue {
        guard arguments.count == 2 else {
            throw unexpected(arguments.last ?? .none, expected: "the bytes of a numpy scalar")
        }
        guard let type = try dataType(arguments[0]) else { return opaque(arrayOf(arguments[0])) }
        guard case .bytes = arguments[1] else {
            throw unexpected(arguments[1], expected: "the bytes of a numpy scalar")
        }
        switch try array(contents: arguments[1], type: type, shape: [], order: .rowMajor) {
        case .array(let array):
            switch array.elements {
            case .booleans(let elements): return .boolean(elements[0])
            case .integers(let elements): return .integer(elements[0])
            case .floats(let elements): return .float(elements[0])
            case .strings(let elements): return .string(elements[0])
            case .objects(let elements): return elements[0]
            }
        case let other: return .node(document.add(other, offset: offset))
        }
    }

    /// `joblib.numpy_pickle.NumpyArrayWrapper.read_array`: the array's bytes follow in the file, after a byte with the
    /// number of padding bytes that come first (joblib 1.2 and later); arrays of objects follow as a nested pickle.
    mutating func joblibArray(state: PickledValue) throws(PickleError) -> PickledNode {
        // The wrapper has half a dozen attributes. Without a limit, repeated look-ups in one dictionary of a million
        // members would keep a small file busy for hours.
        guard case .node(let members) = state,
            case .dictionary(let attributes) = document[members], attributes.count <= 32,
            let shapeMember = document.member("shape", of: members),
            let typeMember = document.member("dtype", of: members),
            let orderMember = document.member("order", of: members)
        else {
            throw unexpected(state, expected: "the attributes of a joblib array wrapper")
        }
        let subclass = document.member("subclass", of: members) ?? .none
        let kind = document.opaque(subclass)
        guard kind != nil || subclass == .global(.arrayClass) else {
            throw unexpected(subclass, expected: "numpy.ndarray")
        }
        let shape = try shape(shapeMember)
        let type = try dataType(typeMember)
        let order = try order(orderMember)

        if type.map({ $0.kind == .object }) ?? holdsObjects(typeMember) {
            let value = try runNested()
            if let kind { return .opaque(kind.product) }
            guard type != nil else { return .opaque(arrayOf(typeMember)) }
            guard case .node(let node) = value, case .array(let array) = document[node], array.shape == shape else {
                throw unexpected(value, expected: "an array of shape \(shape)")
            }
            return .array(array)
        }
        guard let itemSize = type?.itemSize ?? itemSize(typeMember) else {
            throw unexpected(typeMember, expected: "a numpy data type of known size")
        }
        if let alignment = document.member("numpy_array_alignment_bytes", of: members), alignment != .none {
            let padding = try cursor.byte(of: "the length of an array's padding")
            _ = try cursor.take(UInt64(padding), of: "an array's padding")
        }
        guard let count = NumpyArray.elementCount(of: shape) else { throw absurd(shape) }
        let (size, overflow) = count.multipliedReportingOverflow(by: itemSize)
        if overflow { throw absurd(shape) }
        let bytes = try cursor.take(UInt64(size), of: "an array of shape \(shape)")
        if let kind { return .opaque(kind.product) }
        guard let type else { return .opaque(arrayOf(typeMember)) }
        return try array(contents: .bytes(bytes), type: type, shape: shape, order: order)
    }

    /// An array from its bytes or, for objects, from a list; their number must match the shape. An array whose elements
    /// have no Swift type is opaque.
    private mutating func array(
        contents: PickledValue, type: NumpyDataType, shape: [Int], order: ElementOrder
    ) throws(PickleError) -> PickledNode {
        guard let count = NumpyArray.elementCount(of: shape) else { throw absurd(shape) }
        if type.kind == .object {
            guard let items = document.list(contents), items.count == count else {
                throw unexpected(contents, expected: "a list of \(count) objects")
            }
            try charge(NumpyArray.decodedSize(count: count, type: type))
            return .array(NumpyArray(objects: items, shape: shape, order: order))
        }
        guard case .bytes(let bytes) = contents,
            bytes.count.isMultiple(of: type.itemSize), bytes.count / type.itemSize == count
        else {
            throw unexpected(contents, expected: "the bytes of an array of shape \(shape) and type \(type)")
        }
        try charge(NumpyArray.decodedSize(count: count, type: type))
        return PickledNode(bytes: bytes, type: type, shape: shape, order: order)
    }

    /// The description of an array whose elements are not understood.
    private func arrayOf(_ type: PickledValue) -> OpaqueValue {
        .other("an array of \(document.summary(of: type))")
    }

    private func shape(_ value: PickledValue) throws(PickleError) -> [Int] {
        // numpy accepts a bare number as the shape of one dimension.
        if case .integer(let length) = value { return [length] }
        guard let items = document.tuple(value), items.count <= Self.mostDimensions else {
            throw unexpected(value, expected: "the shape of an array")
        }
        var shape: [Int] = []
        for item in items {
            guard case .integer(let length) = item else {
                throw unexpected(item, expected: "the length of a dimension")
            }
            shape.append(length)
        }
        return shape
    }

    /// numpy's own limit on the number of dimensions (NPY_MAXDIMS since version 2).
    private static let mostDimensions = 64

    /// - Returns: nil for a type that is not understood.
    private func dataType(_ value: PickledValue) throws(PickleError) -> NumpyDataType? {
        guard case .node(let node) = value else { throw unexpected(value, expected: "a numpy data type") }
        switch document[node] {
        case .dataType(let type): return type
        case .opaque: return nil
        default: throw unexpected(value, expected: "a numpy data type")
        }
    }

    private func itemSize(_ type: PickledValue) -> Int? {
        if case .dataType(_, let size, _)? = document.opaque(type) { size } else { nil }
    }

    private func holdsObjects(_ type: PickledValue) -> Bool {
        if case .dataType(_, _, let holdsObjects)? = document.opaque(type) { holdsObjects } else { false }
    }

    private func order(_ value: PickledValue) throws(PickleError) -> ElementOrder {
        switch value {
        case .string("C"): .rowMajor
        case .string("F"): .columnMajor
        default: throw unexpected(value, expected: "the element order 'C' or 'F'")
        }
    }

    private func absurd(_ shape: [Int]) -> PickleError {
        error(.unexpected(found: "an array of shape \(shape)", expected: "one that can exist"))
    }
}
