/// What the machine does instead of calling classes and functions.
extension PickleMachine {
    /// The value that a name stands for; an opaque one if the name is unknown or not allowed.
    mutating func global(_ name: PythonName) throws(PickleError) -> PickledValue {
        if name.isPlausible {
            if let known = Self.knownGlobals[name] { return .global(known) }
            if classes.contains(name) || SparseMatrix.classes.contains(name) { return .global(.instanceClass(name)) }
            if AlarmingNames.contain(name) { throw error(.forbiddenGlobal(name)) }
        }
        return opaque(.name(name))
    }

    /// A value that is not understood, made by the current opcode.
    mutating func opaque(_ value: OpaqueValue) -> PickledValue {
        .node(document.add(.opaque(value), offset: offset))
    }

    /// numpy moved `core` to `_core` in version 2; every pickle of protocol 2 uses Python 2's name for the module
    /// `builtins`.
    private static let knownGlobals: [PythonName: PickledGlobal] = [
        PythonName(module: "numpy._core.multiarray", name: "_reconstruct"): .reconstructArray,
        PythonName(module: "numpy.core.multiarray", name: "_reconstruct"): .reconstructArray,
        PythonName(module: "numpy._core.numeric", name: "_frombuffer"): .arrayFromBuffer,
        PythonName(module: "numpy.core.numeric", name: "_frombuffer"): .arrayFromBuffer,
        PythonName(module: "numpy._core.multiarray", name: "scalar"): .scalar,
        PythonName(module: "numpy.core.multiarray", name: "scalar"): .scalar,
        PythonName(module: "numpy", name: "ndarray"): .arrayClass,
        PythonName(module: "numpy", name: "dtype"): .dataTypeClass,
        PythonName(module: "joblib.numpy_pickle", name: "NumpyArrayWrapper"): .joblibArray,
        PythonName(module: "_codecs", name: "encode"): .encodeText,
        PythonName(module: "__builtin__", name: "bytes"): .bytesClass,
        PythonName(module: "builtins", name: "bytes"): .bytesClass,
        PythonName(module: "__builtin__", name: "bytearray"): .byteArrayClass,
        PythonName(module: "builtins", name: "bytearray"): .byteArrayClass,
        // An array that was mapped into memory, as parallel training leaves them behind.
        PythonName(module: "numpy", name: "memmap"): .arrayClass,
        PythonName(module: "collections", name: "OrderedDict"): .orderedDictionaryClass,
        PythonName(module: "collections", name: "defaultdict"): .defaultDictionaryClass,
        PythonName(module: "__builtin__", name: "set"): .setClass,
        PythonName(module: "builtins", name: "set"): .setClass,
        PythonName(module: "__builtin__", name: "frozenset"): .setClass,
        PythonName(module: "builtins", name: "frozenset"): .setClass,
        PythonName(module: "__builtin__", name: "slice"): .sliceClass,
        PythonName(module: "builtins", name: "slice"): .sliceClass,
        PythonName(module: "copy_reg", name: "_reconstructor"): .reconstructor,
        PythonName(module: "copyreg", name: "_reconstructor"): .reconstructor,
        PythonName(module: "copy_reg", name: "__newobj__"): .newObject,
        PythonName(module: "copyreg", name: "__newobj__"): .newObject,
        PythonName(module: "pandas.core.indexes.base", name: "_new_Index"): .pandasIndex,
        PythonName(module: "pandas._libs.arrays", name: "__pyx_unpickle_NDArrayBacked"): .pandasArray,
    ]

    /// REDUCE: the result of calling a known function; that of an unknown one is opaque.
    mutating func call(_ callee: PickledValue, arguments: PickledValue) throws(PickleError) -> PickledValue {
        if let callee = document.opaque(callee) { return opaque(callee.product) }
        guard case .global(let function) = callee else { throw unexpected(callee, expected: "a function to call") }
        guard let arguments = document.tuple(arguments) else {
            throw unexpected(arguments, expected: "a tuple of arguments")
        }
        switch function {
        case .reconstructArray:
            let kind = arguments.first ?? .none
            // A matrix, a masked array or the like.
            if let kind = document.opaque(kind) { return opaque(kind.product) }
            guard kind == .global(.arrayClass) else { throw unexpected(kind, expected: "numpy.ndarray") }
            return .node(document.add(.array(.empty), offset: offset))
        case .dataTypeClass:
            return try dataType(named: arguments.first ?? .none)
        case .arrayFromBuffer:
            return try arrayFromBuffer(arguments)
        case .scalar:
            return try scalar(arguments)
        case .encodeText:
            return try encodeText(arguments)
        case .bytesClass:
            guard arguments.isEmpty else { throw unexpected(arguments[0], expected: "no argument for bytes") }
            return .bytes([])
        case .byteArrayClass:
            if arguments.isEmpty { return .bytes([]) }
            if case .bytes = arguments[0], arguments.count == 1 { return arguments[0] }
            return try encodeText(arguments)
        case .orderedDictionaryClass, .defaultDictionaryClass:
            return try dictionary(function, arguments)
        case .setClass:
            guard let items = arguments.isEmpty ? [] : document.list(arguments[0]), arguments.count <= 1 else {
                throw unexpected(arguments[0], expected: "a list of a set's items")
            }
            return .node(document.add(.set(items), offset: offset))
        case .sliceClass:
            guard arguments.count == 3 else {
                throw error(.unexpected(found: "\(arguments.count) arguments", expected: "the 3 of a slice"))
            }
            return .node(document.add(.slice(arguments[0], arguments[1], arguments[2]), offset: offset))
        case .reconstructor, .newObject:
            // `_reconstructor` has two arguments more, the class's base and its value, `object` and None for all classes
            // that are understood.
            let rest = function == .newObject ? Array(arguments.dropFirst()) : []
            return try instance(of: arguments.first ?? .none, items: rest)
        case .pandasIndex:
            return try pandasIndex(arguments)
        case .pandasArray:
            guard let kind = document.opaque(arguments.first ?? .none) else {
                throw unexpected(arguments.first ?? .none, expected: "a class of pandas")
            }
            // Other classes keep codes there, and their meaning elsewhere.
            guard kind.name?.name == "StringArray" else { return opaque(kind.product) }
            return .node(document.add(.pandasArray, offset: offset))
        case .arrayClass, .joblibArray:
            throw error(.unexpected(found: "a call of a class", expected: "a call of a function"))
        case .instanceClass(let name):
            return .node(document.addInstance(of: name, arguments: arguments, offset: offset))
        }
    }

    /// NEWOBJ: an instance without attributes. The class isn't called, so what its arguments do is the reader's affair.
    mutating func instance(of callee: PickledValue, arguments: PickledValue) throws(PickleError) -> PickledValue {
        if let callee = document.opaque(callee) { return opaque(callee.product) }
        guard let items = document.tuple(arguments) else {
            throw unexpected(arguments, expected: "a tuple of arguments")
        }
        return try instance(of: callee, items: items)
    }

    private mutating func instance(of callee: PickledValue, items: [PickledValue]) throws(PickleError) -> PickledValue {
        if let callee = document.opaque(callee) { return opaque(callee.product) }
        switch callee {
        case .global(.instanceClass(let name)):
            return .node(document.addInstance(of: name, arguments: items, offset: offset))
        case .global(.joblibArray) where items.isEmpty:
            return .node(document.add(.joblibArray, offset: offset))
        default:
            throw unexpected(callee, expected: "a class that may have instances")
        }
    }

    /// BUILD: sets the state of an instance, array or data type.
    mutating func build(_ target: PickledValue, state: PickledValue) throws(PickleError) {
        guard case .node(let node) = target else { throw unexpected(target, expected: "an instance") }
        switch document[node] {
        case .dictionary, .set:
            // An ordered dictionary may have attributes of its own, too.
            break
        case .instance where document.tuple(state) == []:
            // What Cython writes for a class without attributes.
            break
        case .instance(let name, _):
            guard case .node(let attributes) = state, case .dictionary = document[attributes] else {
                throw unexpected(state, expected: "the attributes of \(name)")
            }
            document.replace(node, with: .instance(class: name, attributes: attributes))
        case .dataType(let type):
            document.replace(node, with: try completed(type, state: state))
        case .array:
            document.replace(node, with: try array(state: state))
        case .joblibArray:
            document.replace(node, with: try joblibArray(state: state))
        case .pandasArray:
            // Its data type, the array, and attributes of its own.
            guard let items = document.tuple(state), items.count <= 4,
                let array = items.lazy.compactMap({ [document] in document.array($0) }).first
            else { throw unexpected(state, expected: "the state of a pandas array") }
            document.replace(node, with: .array(array))
        case .opaque(let value):
            if let type = try recordType(value, state: state) {
                document.replace(node, with: .dataType(type))
            } else {
                document.replace(node, with: .opaque(completed(value, state: state)))
            }
        default:
            throw unexpected(target, expected: "an instance, array or data type")
        }
    }

    /// `collections.OrderedDict(items)` or `collections.defaultdict(factory)`, where `items` is only there in what Python
    /// 2 wrote.
    private mutating func dictionary(
        _ function: PickledGlobal, _ arguments: [PickledValue]
    ) throws(PickleError) -> PickledValue {
        var members: [PickledNode.Member] = []
        if function == .orderedDictionaryClass, let items = arguments.first {
            guard let pairs = document.list(items) else { throw unexpected(items, expected: "a list of pairs") }
            // One list can make a dictionary again and again.
            try charge(pairs.count * MemoryLayout<PickledNode.Member>.stride)
            for pair in pairs {
                guard let items = document.list(pair) ?? document.tuple(pair), items.count == 2 else {
                    throw unexpected(pair, expected: "a key and a value")
                }
                members.append(PickledNode.Member(key: items[0], value: items[1]))
            }
        }
        return .node(document.add(.dictionary(members), offset: offset))
    }

    /// `pandas.core.indexes.base._new_Index(class, {"data": array, "name": …})`: the array.
    private mutating func pandasIndex(_ arguments: [PickledValue]) throws(PickleError) -> PickledValue {
        guard arguments.count == 2, case .node(let node) = arguments[1], let members = document.members(node),
            members.count <= 16
        else { throw unexpected(arguments.last ?? .none, expected: "a pandas index's class and attributes") }
        if let data = document.member("data", of: node), document.array(data) != nil { return data }
        return opaque((document.opaque(arguments[0]) ?? .other("a pandas index")).product)
    }

    /// `_codecs.encode(text, "latin1")`: one byte for each character below U+0100.
    private mutating func encodeText(_ arguments: [PickledValue]) throws(PickleError) -> PickledValue {
        guard arguments.count == 2, case .string(let text) = arguments[0],
            arguments[1] == .string("latin1") || arguments[1] == .string("latin-1")
        else {
            throw unexpected(arguments.last ?? .none, expected: "text to encode as latin1")
        }
        try charge(text.unicodeScalars.count)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            guard let byte = UInt8(exactly: scalar.value) else { throw error(.invalidText(encoding: "Latin-1")) }
            bytes.append(byte)
        }
        return .bytes(bytes[...])
    }
}
