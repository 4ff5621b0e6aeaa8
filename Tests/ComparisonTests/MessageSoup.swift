import TestSupport

/// Random messages of the type kitchen.Dish, which can be made once more with one of their values changed.
struct MessageSoup {
    private var random: SplitMix
    /// The value that is changed, in the order in which they are written; negative for none.
    private let changed: Int
    /// How many values have been written.
    private(set) var count = 0
    /// The path of the value that was changed.
    private(set) var path: String?

    init(seed: UInt64, changed: Int = -1) {
        random = SplitMix(seed: seed)
        self.changed = changed
    }

    mutating func dish() -> [UInt8] {
        var writer = WireWriter()
        for _ in 0..<Int.random(in: 1...12, using: &random) { field(&writer) }
        return writer.bytes
    }

    /// Writes a repeated field or one that comes once, so that every value counts.
    private mutating func field(_ writer: inout WireWriter) {
        switch Int.random(in: 0..<8, using: &random) {
        case 0: writer.text(37, text("r_string[*]"))
        case 1: writer.packed(31, (0..<Int.random(in: 1...5, using: &random)).map { _ in real("r_double[*]") })
        case 2: writer.int(33, whole("r_int64[*]"))
        case 3: writer.bytes(38, Array(text("r_bytes[*]").utf8))
        case 4: writer.int(36, taste())
        case 5: writer.float(32, Float(real("r_float[*]")))
        case 6: writer.fixed32(40, UInt32(truncatingIfNeeded: whole("r_unpacked[*]")))
        default: writer.bytes(39, part("r_part[*]", depth: 0))
        }
    }

    private mutating func part(_ path: String, depth: Int) -> [UInt8] {
        var writer = WireWriter()
        if Bool.random(using: &random) { writer.text(1, text(path + ".name")) }
        if Bool.random(using: &random) { writer.double(2, real(path + ".weight")) }
        for _ in 0..<Int.random(in: 0...3, using: &random) { writer.int(3, whole(path + ".codes[*]")) }
        if depth < 5, Bool.random(using: &random) { writer.bytes(4, part(path + ".inner", depth: depth + 1)) }
        return writer.bytes
    }

    /// Notes a value, and says whether it is to be changed.
    private mutating func isChanged(_ path: String) -> Bool {
        defer { count += 1 }
        if count == changed { self.path = path }
        return count == changed
    }

    private mutating func real(_ path: String) -> Double {
        let value = Double.random(in: -1000...1000, using: &random)
        return isChanged(path) ? value * 1.001 + 0.01 : value
    }

    private mutating func whole(_ path: String) -> Int64 {
        let value = Int64.random(in: -5...1 << 30, using: &random)
        return isChanged(path) ? value + 1 : value
    }

    private mutating func taste() -> Int64 {
        let value = Int64.random(in: 0...3, using: &random)
        return isChanged("r_taste[*]") ? value + 1 : value
    }

    private mutating func text(_ path: String) -> String {
        let value = String(
            decoding: (0..<Int.random(in: 0...20, using: &random)).map { _ in UInt8.random(in: 32...126, using: &random)
            },
            as: UTF8.self)
        return isChanged(path) ? value + "x" : value
    }
}
