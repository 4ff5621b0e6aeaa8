import Estimators

/// A value to be written as a pickle of protocol 2, for files that no library would write.
indirect enum MadeValue {
    case nothing
    case boolean(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case list([MadeValue])
    case tuple([MadeValue])
    case dictionary([(String, MadeValue)])
    case numbers(shape: [Int], [Double])
    case integers(shape: [Int], [Int])
    /// An array of texts, as objects.
    case labels([String])
    /// An instance of a class of scikit-learn, `linear_model._base.LinearRegression`.
    case instance(String, [(String, MadeValue)])

    static func vector(_ numbers: [Double]) -> MadeValue { .numbers(shape: [numbers.count], numbers) }

    /// The whole file.
    var pickle: [UInt8] { [0x80, 2] + opcodes + Array(".".utf8) }

    private var opcodes: [UInt8] {
        switch self {
        case .nothing: return Array("N".utf8)
        case .boolean(let boolean): return [boolean ? 0x88 : 0x89]
        case .integer(let integer): return [0x8A, 8] + Self.little(UInt64(bitPattern: Int64(integer)))
        case .number(let number): return Array("G".utf8) + Self.little(number.bitPattern).reversed()
        case .string(let string):
            return Array("X".utf8) + Self.little(UInt32(string.utf8.count)) + Array(string.utf8)
        case .list(let items): return Array("](".utf8) + items.flatMap(\.opcodes) + Array("e".utf8)
        case .tuple(let items): return Array("(".utf8) + items.flatMap(\.opcodes) + Array("t".utf8)
        case .dictionary(let members):
            return Array("}(".utf8) + members.flatMap { MadeValue.string($0).opcodes + $1.opcodes } + Array("u".utf8)
        case .numbers(let shape, let numbers):
            return Self.array(shape, type: "f8", numbers.flatMap { Self.little($0.bitPattern) })
        case .integers(let shape, let integers):
            return Self.array(shape, type: "i8", integers.flatMap { Self.little(UInt64(bitPattern: Int64($0))) })
        case .labels(let labels):
            let type = Self.type("O8", order: "|")
            let state: [UInt8] =
                Array("(".utf8) + MadeValue.integer(1).opcodes + MadeValue.tuple([.integer(labels.count)]).opcodes
                + type
                + MadeValue.boolean(false).opcodes + MadeValue.list(labels.map(MadeValue.string)).opcodes
                + Array("t".utf8)
            let arguments =
                Array("(cnumpy\nndarray\n".utf8) + MadeValue.tuple([.integer(0)]).opcodes
                + Array("C".utf8) + [1] + Array("bt".utf8)
            return Array("cnumpy.core.multiarray\n_reconstruct\n".utf8) + arguments + Array("R".utf8) + state
                + Array("b".utf8)
        case .instance(let name, let members):
            let dot = name.lastIndex(of: ".")!
            return Array("csklearn.\(name[..<dot])\n\(name[name.index(after: dot)...])\n)".utf8) + [0x81]
                + MadeValue.dictionary(members).opcodes + Array("b".utf8)
        }
    }

    private static func array(_ shape: [Int], type: String, _ bytes: [UInt8]) -> [UInt8] {
        // `B` is an opcode of protocol 3, which the reader takes in a file of any protocol.
        Array("cnumpy.core.numeric\n_frombuffer\n(B".utf8) + little(UInt32(bytes.count)) + bytes
            + Self.type(type, order: "<") + MadeValue.tuple(shape.map(MadeValue.integer)).opcodes
            + MadeValue.string("C").opcodes + Array("tR".utf8)
    }

    private static func type(_ name: String, order: String) -> [UInt8] {
        Array("cnumpy\ndtype\n".utf8) + MadeValue.tuple([.string(name), .boolean(false), .boolean(true)]).opcodes
            + Array("R".utf8)
            + MadeValue.tuple(
                [.integer(3), .string(order), .nothing, .nothing, .nothing, .integer(-1), .integer(-1), .integer(0)]
            ).opcodes + Array("b".utf8)
    }

    private static func little(_ number: some FixedWidthInteger & UnsignedInteger) -> [UInt8] {
        (0..<number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }
}

extension [(String, MadeValue)] {
    /// These members with one of them replaced, added or, with nil, left out.
    func with(_ name: String, _ value: MadeValue?) -> [(String, MadeValue)] {
        filter { $0.0 != name } + (value.map { [(name, $0)] } ?? [])
    }
}

extension MadeValue {
    /// The part of the model for which the file is refused; nil if it isn't, or not as a pickle of a sound form.
    var refusedPart: String? {
        do {
            _ = try Model(file: pickle)
            return nil
        } catch .unusable(let part, _, _, _) {
            return part
        } catch {
            return nil
        }
    }
}
