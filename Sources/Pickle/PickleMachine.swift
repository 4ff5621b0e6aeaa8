/// The stack machine that pickles are programs for, with only the opcodes that build values.
///
/// Everything for which Python would call a class or function is in `PickleMachine+Construction.swift`.
struct PickleMachine {
    var cursor: ByteCursor
    var document = PickledDocument()
    let classes: Set<PythonName>
    let limits: PickleLimits

    /// Offset of the current opcode.
    private(set) var offset = 0

    private var stack: [PickledValue] = []
    /// The height of the stack at each mark.
    private var marks: [Int] = []
    private var memo = PickleMemo()

    private var opcodesDone = 0
    private var bytesDecoded = 0
    /// True inside a nested pickle: joblib writes arrays of objects that way.
    private var isNested = false

    init(bytes: [UInt8], allowing classes: Set<PythonName>, limits: PickleLimits) {
        cursor = ByteCursor(bytes)
        self.classes = classes
        self.limits = limits
    }

    /// Executes opcodes up to STOP and returns the value that it leaves.
    mutating func run() throws(PickleError) -> PickledValue {
        while true {
            offset = cursor.position
            opcodesDone += 1
            if opcodesDone > limits.opcodes {
                throw error(.limitExceeded(what: "opcodes", limit: limits.opcodes))
            }
            let byte = try cursor.byte(of: "the pickle, before its STOP opcode")
            guard let opcode = Opcode(rawValue: byte) else { throw error(.unknownOpcode(byte)) }
            if opcode == .stop { return try pop(for: opcode) }
            try execute(opcode)
        }
    }

    private mutating func execute(_ opcode: Opcode) throws(PickleError) {
        switch opcode {
        case .proto, .frame:
            try readFraming(opcode)
        case .mark, .pop, .popMark, .dup:
            try arrangeStack(opcode)
        case .binGet, .longBinGet, .binPut, .longBinPut, .memoize:
            try useMemo(opcode)
        case .none:
            push(.none)
        case .newTrue:
            push(.boolean(true))
        case .newFalse:
            push(.boolean(false))
        case .binInt, .binInt1, .binInt2, .long1, .long4, .binFloat:
            try readNumber(opcode)
        case .shortBinUnicode, .binUnicode, .binUnicode8, .shortBinBytes, .binBytes, .binBytes8, .byteArray8:
            try readText(opcode)
        case .emptyTuple, .tuple1, .tuple2, .tuple3, .tuple, .emptyList, .append, .appends, .emptyDict, .setItem,
            .setItems:
            try fillContainer(opcode)
        case .emptySet, .addItems, .frozenSet:
            try fillSet(opcode)
        case .global:
            let module = try cursor.line(of: "a module name")
            let name = try cursor.line(of: "a class name")
            push(try global(PythonName(module: module, name: name)))
        case .stackGlobal:
            let name = try pop(for: opcode)
            let module = try pop(for: opcode)
            guard case .string(let module) = module, case .string(let name) = name else {
                throw unexpected(module, expected: "the name of a module and a class")
            }
            push(try global(PythonName(module: module, name: name)))
        case .reduce:
            let arguments = try pop(for: opcode)
            push(try call(try pop(for: opcode), arguments: arguments))
        case .newObj:
            let arguments = try pop(for: opcode)
            push(try instance(of: try pop(for: opcode), arguments: arguments))
        case .newObjEx:
            let named = try pop(for: opcode)
            let arguments = try pop(for: opcode)
            let callee = try pop(for: opcode)
            // No class that is understood has arguments by name.
            guard document.opaque(callee) != nil || document.dictionary(named)?.isEmpty == true else {
                throw unexpected(named, expected: "no arguments by name")
            }
            push(try instance(of: callee, arguments: arguments))
        case .build:
            let state = try pop(for: opcode)
            try build(try top(for: opcode), state: state)
        default:
            throw error(.unsupportedOpcode(opcode.name))
        }
    }

    // MARK: Opcodes

    private mutating func readFraming(_ opcode: Opcode) throws(PickleError) {
        if opcode == .proto {
            let version = Int(try cursor.byte(of: "the protocol's number"))
            guard (2...5).contains(version) else { throw error(.unsupportedProtocol(version)) }
        } else {
            let length = try cursor.unsigned(width: 8, of: "a frame's length")
            guard length <= UInt64(cursor.remaining) else {
                throw error(.truncated(what: "a frame", needed: length, available: cursor.remaining))
            }
        }
    }

    private mutating func arrangeStack(_ opcode: Opcode) throws(PickleError) {
        switch opcode {
        case .mark:
            marks.append(stack.count)
        case .pop where marks.last == stack.count:
            marks.removeLast()
        case .pop:
            _ = try pop(for: opcode)
        case .popMark:
            _ = try popToMark(for: opcode)
        default:
            push(try top(for: opcode))
        }
    }

    private mutating func useMemo(_ opcode: Opcode) throws(PickleError) {
        switch opcode {
        case .memoize:
            memo.append(try top(for: opcode))
        case .binPut, .longBinPut:
            let index = try cursor.unsigned(width: opcode == .binPut ? 1 : 4, of: "a memo index")
            memo[index] = try top(for: opcode)
        default:
            let index = try cursor.unsigned(width: opcode == .binGet ? 1 : 4, of: "a memo index")
            guard let value = memo[index] else { throw error(.unknownMemo(index)) }
            push(value)
        }
    }

    private mutating func readNumber(_ opcode: Opcode) throws(PickleError) {
        switch opcode {
        case .binInt:
            let bits = try cursor.unsigned(width: 4, of: "an integer")
            push(.integer(Int(Int32(truncatingIfNeeded: bits))))
        case .binInt1:
            push(.integer(Int(try cursor.byte(of: "an integer"))))
        case .binInt2:
            push(.integer(Int(try cursor.unsigned(width: 2, of: "an integer"))))
        case .binFloat:
            // The only number in pickles with its highest byte first.
            let bits = try cursor.unsigned(width: 8, of: "a floating-point number")
            push(.float(Double(bitPattern: bits.byteSwapped)))
        default:
            let length = try cursor.unsigned(width: opcode == .long1 ? 1 : 4, of: "an integer's length")
            let bytes = try cursor.take(length, of: "an integer")
            // The state of some random number generators has 16.
            guard bytes.count <= 8 else { return push(.opaque(.other("an integer of \(bytes.count) bytes"))) }
            // Two's complement, lowest byte first; without any bytes it is 0.
            var integer = (bytes.last ?? 0) < 0x80 ? 0 : -1
            for byte in bytes.reversed() { integer = integer << 8 | Int(byte) }
            push(.integer(integer))
        }
    }

    private mutating func readText(_ opcode: Opcode) throws(PickleError) {
        let width =
            switch opcode {
            case .shortBinUnicode, .shortBinBytes: 1
            case .binUnicode, .binBytes: 4
            default: 8
            }
        let length = try cursor.unsigned(width: width, of: "a length")
        switch opcode {
        case .shortBinUnicode, .binUnicode, .binUnicode8:
            let bytes = try cursor.take(length, of: "a string")
            push(.string(try ByteCursor.text(bytes, offset: offset)))
        default:
            push(.bytes(try cursor.take(length, of: "bytes")))
        }
    }

    private mutating func fillContainer(_ opcode: Opcode) throws(PickleError) {
        switch opcode {
        case .emptyTuple:
            push(.tuple([]))
        case .tuple1, .tuple2, .tuple3:
            var items: [PickledValue] = []
            for _ in Opcode.tuple1.rawValue...opcode.rawValue { items.append(try pop(for: opcode)) }
            push(.tuple(items.reversed()))
        case .tuple:
            push(.tuple(try popToMark(for: opcode)))
        case .emptyList:
            push(.list([]))
        case .append, .appends:
            let items = opcode == .append ? [try pop(for: opcode)] : try popToMark(for: opcode)
            let target = try top(for: opcode)
            guard case .node(let node) = target, document.set(target) == nil, document.append(items, to: node) else {
                throw unexpected(target, expected: "a list to append to")
            }
        case .emptyDict:
            push(.dictionary([]))
        default:
            let items: [PickledValue]
            if opcode == .setItem {
                let value = try pop(for: opcode)
                items = [try pop(for: opcode), value]
            } else {
                items = try popToMark(for: opcode)
            }
            guard items.count.isMultiple(of: 2) else {
                throw error(.unexpected(found: "a key without a value", expected: "pairs of keys and values"))
            }
            let members = stride(from: 0, to: items.count, by: 2).map {
                PickledNode.Member(key: items[$0], value: items[$0 + 1])
            }
            let target = try top(for: opcode)
            guard case .node(let node) = target, document.insert(members, into: node) else {
                throw unexpected(target, expected: "a dictionary to insert into")
            }
        }
    }

    private mutating func fillSet(_ opcode: Opcode) throws(PickleError) {
        switch opcode {
        case .emptySet:
            push(.set([]))
        case .addItems:
            let items = try popToMark(for: opcode)
            let target = try top(for: opcode)
            guard case .node(let node) = target, document.set(target) != nil || document.opaque(target) != nil,
                document.append(items, to: node)
            else { throw unexpected(target, expected: "a set to add to") }
        default:
            push(.set(try popToMark(for: opcode)))
        }
    }

    // MARK: Stack

    private mutating func push(_ value: PickledValue) {
        stack.append(value)
    }

    private mutating func push(_ node: PickledNode) {
        stack.append(.node(document.add(node, offset: offset)))
    }

    /// The height below which no opcode may take values: that of the last mark.
    private var floor: Int { marks.last ?? 0 }

    private func top(for opcode: Opcode) throws(PickleError) -> PickledValue {
        guard stack.count > floor, let value = stack.last else {
            throw error(.stackUnderflow(opcode: opcode.name))
        }
        return value
    }

    private mutating func pop(for opcode: Opcode) throws(PickleError) -> PickledValue {
        let value = try top(for: opcode)
        stack.removeLast()
        return value
    }

    /// Removes the last mark and the values above it, and returns the values.
    private mutating func popToMark(for opcode: Opcode) throws(PickleError) -> [PickledValue] {
        guard let mark = marks.popLast() else { throw error(.noMark(opcode: opcode.name)) }
        let values = Array(stack[mark...])
        stack.removeSubrange(mark...)
        return values
    }

    // MARK: For construction

    /// An error at the current opcode.
    func error(_ reason: PickleError.Reason) -> PickleError {
        PickleError(offset: offset, reason: reason)
    }

    /// An error with the value that was found and what was expected.
    func unexpected(_ value: PickledValue, expected: String) -> PickleError {
        error(.unexpected(found: document.summary(of: value), expected: expected))
    }

    /// Charges memory that decoded contents are about to take, in bytes; nil stands for more than an Int can hold.
    mutating func charge(_ size: Int?) throws(PickleError) {
        guard let size, size <= limits.decodedBytes - bytesDecoded else {
            throw error(.limitExceeded(what: "bytes of decoded arrays", limit: limits.decodedBytes))
        }
        bytesDecoded += size
    }

    /// Reads a nested pickle that begins at the cursor, and continues after it.
    mutating func runNested() throws(PickleError) -> PickledValue {
        if isNested {
            throw error(.unexpected(found: "a pickle inside a pickle inside a pickle", expected: "at most one level"))
        }
        let outer = (stack, marks, memo, offset)
        (stack, marks, memo, isNested) = ([], [], PickleMemo(), true)
        let value = try run()
        (stack, marks, memo, offset) = outer
        isNested = false
        return value
    }
}
