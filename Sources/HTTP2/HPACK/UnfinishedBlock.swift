/// A header block that isn't complete yet, decoded as far as it has come. The list, up to its limit, and the beginning
/// of the next field are kept.
struct UnfinishedBlock {
    /// A field that is skipped because it can't be within the limit any more.
    struct Passing {
        /// Number of bytes still missing of the current string.
        var missing = 0
        /// Number of strings that follow it: a name, a value.
        var strings: Int
        /// The beginning of the integer that gives the next string's length.
        var length: [UInt8] = []
        /// Whether the field is to be entered into the table.
        let isEntered: Bool
    }

    let list: HeaderList
    var rules: HeaderRules
    /// The beginning of a field.
    var rest: [UInt8] = []
    var passing: Passing?
    var mayResize = true
    var isBroken = false
    /// Number of bytes of the block that have come.
    var byteCount = 0
    /// The excess already reported.
    var excess = HeaderExcess()
}

/// The part of a header list beyond its limits: work that leads nowhere.
package struct HeaderExcess: Equatable {
    /// Bytes of the header block.
    package var bytes = 0
    /// Number of fields.
    package var fields = 0

    package init(bytes: Int = 0, fields: Int = 0) {
        self.bytes = bytes
        self.fields = fields
    }
}

extension HPACKDecoder {
    /// The most bytes kept of a field that isn't whole. A longer one is beyond any limit and beyond the table's size:
    /// an encoded byte stands for at least a quarter of a decoded one.
    private var mostKept: Int { max(maxListSize, 4 * HPACK.largestTable) }

    /// Takes in one part of a block after the other. The last part finishes the block; until then it has to be finished
    /// or dropped by `drop(_:)`.
    ///
    /// - Returns: after the last part, the list, held for the caller, and the findings about it; and the additional
    ///   excess beyond the limits.
    package mutating func decodePart(
        _ part: UnsafeRawBufferPointer, isLast: Bool, from pool: HeaderListPool
    ) -> ((HeaderList, HeaderRules, Outcome)?, HeaderExcess) {
        var block = unfinished.take() ?? UnfinishedBlock(list: pool.take(), rules: HeaderRules(role: role))
        block.byteCount += part.count
        var bytes = unsafe part
        unsafe pass(by: &bytes, &block)
        unsafe decode(bytes, &block)
        pool.recount(block.list)
        let excess = excess(of: block.byteCount, block.list)
        let more = HeaderExcess(bytes: excess.bytes - block.excess.bytes, fields: excess.fields - block.excess.fields)
        block.excess = excess
        guard isLast else {
            unfinished = block
            return (nil, more)
        }
        let isWhole = !block.isBroken && block.rest.isEmpty && block.passing == nil
        return ((block.list, block.rules, isWhole ? .decoded : .broken), more)
    }

    /// Number of bytes of a block that are kept until more of it comes.
    package var keptBytes: Int { unfinished.map { $0.rest.count } ?? 0 }

    func excess(of byteCount: Int, _ list: HeaderList) -> HeaderExcess {
        HeaderExcess(bytes: max(0, byteCount - maxListSize), fields: max(0, list.fieldCount - maxFields))
    }

    private mutating func decode(_ bytes: UnsafeRawBufferPointer, _ block: inout UnfinishedBlock) {
        guard unsafe !bytes.isEmpty, !block.isBroken else { return }
        guard !block.rest.isEmpty else { return unsafe decodeFields(bytes, &block) }
        let whole = unsafe block.rest + bytes
        block.rest = []
        unsafe whole.withUnsafeBytes { unsafe decodeFields($0, &block) }
    }

    private mutating func decodeFields(_ bytes: UnsafeRawBufferPointer, _ block: inout UnfinishedBlock) {
        var input = unsafe InputCursor(bytes)
        if decodeFields(&input, &block.mayResize, into: block.list, &block.rules) { return }
        guard input.hasRunOut else {
            block.isBroken = true
            return
        }
        var rest = unsafe input.rest
        if rest.count > mostKept { unsafe letPass(&rest, &block) } else { block.rest = unsafe Array(rest) }
    }

    // MARK: Fields that are skipped

    /// Counts a field that is already too long, and drops it.
    private mutating func letPass(_ bytes: inout UnsafeRawBufferPointer, _ block: inout UnfinishedBlock) {
        var input = unsafe InputCursor(bytes)
        let isEntered = input.first & 0xc0 == 0x40
        guard input.first & 0x80 == 0, let index = input.readInteger(prefix: isEntered ? 6 : 4) else {
            // No integer takes that many bytes.
            block.isBroken = true
            return
        }
        block.list.count(nameLength: 0, valueLength: bytes.count)
        block.passing = UnfinishedBlock.Passing(strings: index == 0 ? 2 : 1, isEntered: isEntered)
        unsafe bytes = input.rest
        unsafe pass(by: &bytes, &block)
    }

    /// Takes the bytes of the field being skipped, if there is one, from the front.
    private mutating func pass(by bytes: inout UnsafeRawBufferPointer, _ block: inout UnfinishedBlock) {
        guard !block.isBroken, var passing = block.passing else { return }
        defer { if block.passing != nil { block.passing = passing } }
        while true {
            let count = min(passing.missing, bytes.count)
            unsafe bytes = UnsafeRawBufferPointer(rebasing: bytes[count...])
            passing.missing -= count
            guard passing.missing == 0 else { return }
            if passing.strings == 0 {
                block.passing = nil
                block.rules.takeOrdinary()
                block.mayResize = false
                // Entering a field that would never fit empties the table as well.
                if passing.isEntered { table.removeAll() }
                return
            }
            guard let byte = unsafe bytes.first else { return }
            unsafe bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
            passing.length.append(byte)
            let (length, isBroken) = unsafe passing.length.withUnsafeBytes { bytes -> (Int?, Bool) in
                var input = unsafe InputCursor(bytes)
                let length = input.readInteger(prefix: 7)
                return (length, length == nil && !input.hasRunOut)
            }
            if isBroken {
                (block.isBroken, block.passing) = (true, nil)
                return
            }
            guard let length else { continue }
            passing.missing = length
            passing.strings -= 1
            passing.length = []
        }
    }

    // MARK: Fields kept beyond the limits

    /// The most bytes kept of a status message in a list that is too long.
    private static let mostMessageBytes = 1024
    private static let mostDecidingBytes = 128

    /// Counts a field for which there is no room, and keeps it if it says how the call ended, or what kind of call it
    /// is.
    @inline(never)
    func takeBeyondLimit(_ field: FieldBytes, _ name: FieldName, _ list: HeaderList) {
        let most =
            switch name {
            case .grpcMessage: Self.mostMessageBytes
            case .grpcStatus, .contentType: field.valueLength <= Self.mostDecidingBytes ? Self.mostDecidingBytes : 0
            default: 0
            }
        guard most > 0, !list.has(name) else {
            return list.count(nameLength: field.nameLength, valueLength: field.valueLength)
        }
        let length = unsafe Self.lengthOfMessage(field.value, most: most)
        // The place where a literal lies already.
        let target = unsafe list.reserve(field.nameLength + length)
        if unsafe UnsafePointer(target) != field.start {
            unsafe target.initialize(from: field.start, count: field.nameLength + length)
        }
        list.appendReserved(nameLength: field.nameLength, valueLength: length, name, isSensitive: false)
        list.truncate()
    }

    /// Number of bytes of a status message that fit, without a part of a percent-encoded character.
    static func lengthOfMessage(_ message: UnsafeBufferPointer<UInt8>, most: Int) -> Int {
        guard message.count > most else { return message.count }
        for length in max(0, most - 2)..<most where unsafe message[length] == UInt8(ascii: "%") { return length }
        return most
    }
}
