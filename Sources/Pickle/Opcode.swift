/// The opcodes of pickle protocols 0 to 5, under the names that Python's `pickle.py` and `pickletools` give them.
///
/// The reader executes those that pickles of protocol 2 to 5 contain if they hold numbers, strings, containers and
/// instances. It knows the others by name only, to report what it found.
enum Opcode: UInt8 {
    // Framing and end.
    case proto = 0x80
    case frame = 0x95
    case stop = 0x2E  // '.'

    // Stack.
    case mark = 0x28  // '('
    case pop = 0x30  // '0'
    case popMark = 0x31  // '1'
    case dup = 0x32  // '2'

    // Memo.
    case binGet = 0x68  // 'h'
    case longBinGet = 0x6A  // 'j'
    case binPut = 0x71  // 'q'
    case longBinPut = 0x72  // 'r'
    case memoize = 0x94

    // Constants and numbers.
    case none = 0x4E  // 'N'
    case newTrue = 0x88
    case newFalse = 0x89
    case binInt = 0x4A  // 'J'
    case binInt1 = 0x4B  // 'K'
    case binInt2 = 0x4D  // 'M'
    case long1 = 0x8A
    case long4 = 0x8B
    case binFloat = 0x47  // 'G'

    // Text and bytes.
    case shortBinUnicode = 0x8C
    case binUnicode = 0x58  // 'X'
    case binUnicode8 = 0x8D
    case shortBinBytes = 0x43  // 'C'
    case binBytes = 0x42  // 'B'
    case binBytes8 = 0x8E
    case byteArray8 = 0x96

    // Containers.
    case emptyTuple = 0x29  // ')'
    case tuple1 = 0x85
    case tuple2 = 0x86
    case tuple3 = 0x87
    case tuple = 0x74  // 't'
    case emptyList = 0x5D  // ']'
    case append = 0x61  // 'a'
    case appends = 0x65  // 'e'
    case emptyDict = 0x7D  // '}'
    case setItem = 0x73  // 's'
    case setItems = 0x75  // 'u'
    case emptySet = 0x8F
    case addItems = 0x90
    case frozenSet = 0x91

    // Classes, calls and instances.
    case global = 0x63  // 'c'
    case stackGlobal = 0x93
    case reduce = 0x52  // 'R'
    case newObj = 0x81
    case newObjEx = 0x92
    case build = 0x62  // 'b'

    // Never executed.
    case persistentIdentifier = 0x50  // 'P'
    case binaryPersistentIdentifier = 0x51  // 'Q'
    case int = 0x49  // 'I'
    case long = 0x4C  // 'L'
    case float = 0x46  // 'F'
    case string = 0x53  // 'S'
    case binString = 0x54  // 'T'
    case shortBinString = 0x55  // 'U'
    case unicode = 0x56  // 'V'
    case get = 0x67  // 'g'
    case put = 0x70  // 'p'
    case list = 0x6C  // 'l'
    case dict = 0x64  // 'd'
    case instance = 0x69  // 'i'
    case object = 0x6F  // 'o'
    case extension1 = 0x82
    case extension2 = 0x83
    case extension4 = 0x84
    case nextBuffer = 0x97
    case readOnlyBuffer = 0x98

    /// The first byte of a pickle of protocol 0 or 1: a name, a container, or a value by itself.
    static let oldBeginnings: Set<UInt8> = Set(
        [
            global, mark, emptyTuple, emptyList, emptyDict, none, int, long, float, string, unicode, binInt, binInt1,
            binInt2,
            binFloat, binUnicode, binString, shortBinString,
        ].map(\.rawValue))

    /// The name in `pickletools`, for messages.
    var name: String {
        switch self {
        case .proto: "PROTO"
        case .frame: "FRAME"
        case .stop: "STOP"
        case .mark: "MARK"
        case .pop: "POP"
        case .popMark: "POP_MARK"
        case .dup: "DUP"
        case .binGet: "BINGET"
        case .longBinGet: "LONG_BINGET"
        case .binPut: "BINPUT"
        case .longBinPut: "LONG_BINPUT"
        case .memoize: "MEMOIZE"
        case .none: "NONE"
        case .newTrue: "NEWTRUE"
        case .newFalse: "NEWFALSE"
        case .binInt: "BININT"
        case .binInt1: "BININT1"
        case .binInt2: "BININT2"
        case .long1: "LONG1"
        case .long4: "LONG4"
        case .binFloat: "BINFLOAT"
        case .shortBinUnicode: "SHORT_BINUNICODE"
        case .binUnicode: "BINUNICODE"
        case .binUnicode8: "BINUNICODE8"
        case .shortBinBytes: "SHORT_BINBYTES"
        case .binBytes: "BINBYTES"
        case .binBytes8: "BINBYTES8"
        case .byteArray8: "BYTEARRAY8"
        case .emptyTuple: "EMPTY_TUPLE"
        case .tuple1: "TUPLE1"
        case .tuple2: "TUPLE2"
        case .tuple3: "TUPLE3"
        case .tuple: "TUPLE"
        case .emptyList: "EMPTY_LIST"
        case .append: "APPEND"
        case .appends: "APPENDS"
        case .emptyDict: "EMPTY_DICT"
        case .setItem: "SETITEM"
        case .setItems: "SETITEMS"
        case .global: "GLOBAL"
        case .stackGlobal: "STACK_GLOBAL"
        case .reduce: "REDUCE"
        case .newObj: "NEWOBJ"
        case .build: "BUILD"
        case .persistentIdentifier: "PERSID"
        case .binaryPersistentIdentifier: "BINPERSID"
        case .int: "INT"
        case .long: "LONG"
        case .float: "FLOAT"
        case .string: "STRING"
        case .binString: "BINSTRING"
        case .shortBinString: "SHORT_BINSTRING"
        case .unicode: "UNICODE"
        case .get: "GET"
        case .put: "PUT"
        case .list: "LIST"
        case .dict: "DICT"
        case .instance: "INST"
        case .object: "OBJ"
        case .extension1: "EXT1"
        case .extension2: "EXT2"
        case .extension4: "EXT4"
        case .emptySet: "EMPTY_SET"
        case .addItems: "ADDITEMS"
        case .frozenSet: "FROZENSET"
        case .newObjEx: "NEWOBJ_EX"
        case .nextBuffer: "NEXT_BUFFER"
        case .readOnlyBuffer: "READONLY_BUFFER"
        }
    }
}
