import CNghttp2

/// One header list: a request's or response's head, an interim response, or trailers.
///
/// Names and values lie one after another in one buffer that keeps its capacity when the list is used again, so a list
/// out of a `HeaderListPool` costs no allocation. A value of this type is only a reference: code that takes a list from
/// a pool, is given one or holds it (`hold()`) gives it back to the pool, once, and doesn't touch it afterwards. A list
/// with several holders doesn't change, and a list that comes again and again is the same one each time. Confined to
/// one thread.
///
/// Soundness: the storage is valid until the last holder has given the list back, and nobody touches it after that.
@safe
public struct HeaderList: Equatable {
    @safe
    private struct Storage {
        /// Owned memory: `byteCount` of `byteCapacity` bytes and `keptCount` of `fieldCapacity` fields are initialized.
        var bytes: UnsafeMutablePointer<UInt8>
        var byteCount = 0
        var byteCapacity = HeaderList.usualBytes
        var fields: UnsafeMutablePointer<HeaderField>
        var keptCount = 0
        var fieldCapacity = HeaderList.usualFields
        var listSize = 0
        var fieldCount = 0
        var isTruncated = false
        /// Number of holders that have the list and will give it back.
        var holders = 1
        /// Whether the list was made to be kept while it is expected again.
        let isKnown: Bool
        /// The index of the last kept field of each name, -1 if there is none, so that it is found without a search.
        var last = InlineArray<18, Int32>(repeating: -1)
        /// Number of bytes that its pool counts for it.
        var countedBytes = 0
        /// The next free list of the pool, while this one is free.
        var next: HeaderList?

        init() {
            assert(last.count == FieldName.allCases.count, "each name has its place")
            isKnown = false
            unsafe bytes = .allocate(capacity: byteCapacity)
            unsafe fields = .allocate(capacity: fieldCapacity)
        }

        /// Makes the same list in as little memory as possible.
        init(copying other: Storage) {
            isKnown = true
            (byteCapacity, byteCount) = (max(other.byteCount, 1), other.byteCount)
            unsafe bytes = .allocate(capacity: byteCapacity)
            unsafe bytes.initialize(from: other.bytes, count: other.byteCount)
            (fieldCapacity, keptCount) = (max(other.keptCount, 1), other.keptCount)
            unsafe fields = .allocate(capacity: fieldCapacity)
            unsafe fields.initialize(from: other.fields, count: other.keptCount)
            (listSize, fieldCount, isTruncated) = (other.listSize, other.fieldCount, other.isTruncated)
            last = other.last
        }
    }

    /// Room for a typical head of gRPC, with some metadata.
    private static let usualBytes = 1024
    private static let usualFields = 20
    /// The most that a list keeps while it isn't in use.
    private static let mostBytesKept = 4096
    private static let mostFieldsKept = 80

    /// Initialized from `init` until `deallocate`.
    private let storage: UnsafeMutablePointer<Storage>

    /// Whether both name the same list.
    @inline(__always)
    public static func == (left: HeaderList, right: HeaderList) -> Bool { unsafe left.storage == right.storage }

    /// Makes a list that belongs to no pool yet.
    public init() {
        unsafe storage = .allocate(capacity: 1)
        unsafe storage.initialize(to: Storage())
    }

    /// Makes a copy of another list, to be kept while the list is expected again.
    package init(known other: HeaderList) {
        unsafe storage = .allocate(capacity: 1)
        unsafe storage.initialize(to: Storage(copying: other.storage.pointee))
    }

    /// Frees the list, which nothing may refer to any more.
    func deallocate() {
        unsafe storage.pointee.bytes.deallocate()
        unsafe storage.pointee.fields.deallocate()
        unsafe storage.deallocate()
    }

    /// The size as RFC 9113, section 6.5.2 counts it: name, value and 32 bytes for each field, including those not
    /// kept.
    public var listSize: Int { unsafe storage.pointee.listSize }

    /// Number of fields received, including those not kept.
    public var fieldCount: Int { unsafe storage.pointee.fieldCount }

    /// Whether no field is kept.
    public var isEmpty: Bool { unsafe storage.pointee.keptCount == 0 }

    /// Whether fields were counted but not kept, or not kept whole, because the list was longer than the session's
    /// limit.
    public var isTruncated: Bool { unsafe storage.pointee.isTruncated }

    /// Removes all fields and resets the counts. Nobody else may hold the list.
    public func removeAll() {
        assert(!isShared, "a list that others hold doesn't change")
        unsafe storage.pointee.byteCount = 0
        unsafe storage.pointee.keptCount = 0
        unsafe storage.pointee.last = InlineArray(repeating: -1)
        unsafe storage.pointee.listSize = 0
        unsafe storage.pointee.fieldCount = 0
        unsafe storage.pointee.isTruncated = false
    }

    // MARK: Writing

    /// Adds a field. Names are in lower case, pseudo-fields come first (RFC 9113, section 8.2).
    public func append(_ name: StaticString, _ value: some StringProtocol) {
        var value = String(value)
        name.withUTF8Buffer { name in
            value.withUTF8 { value in unsafe append(name: name, value: value, isSensitive: false) }
        }
    }

    /// As `append(_:_:)`, for a name that is known only at run time.
    public func append(name: String, value: String) {
        var (name, value) = (name, value)
        name.withUTF8 { name in
            value.withUTF8 { value in unsafe append(name: name, value: value, isSensitive: false) }
        }
    }

    private func append(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>, isSensitive: Bool) {
        let target = unsafe reserve(name.count + value.count)
        if let source = name.baseAddress { unsafe target.initialize(from: source, count: name.count) }
        if let source = value.baseAddress {
            unsafe target.advanced(by: name.count).initialize(from: source, count: value.count)
        }
        unsafe appendReserved(
            nameLength: name.count, valueLength: value.count, FieldName(name), isSensitive: isSensitive)
    }

    /// Copies another list into this one, which is empty.
    func copy(_ other: HeaderList) {
        assert(fieldCount == 0)
        let source = unsafe other.storage
        for index in unsafe 0..<source.pointee.keptCount {
            let field = unsafe source.pointee.fields[index]
            let (nameLength, valueLength) = (Int(field.nameLength), Int(field.valueLength))
            unsafe reserve(nameLength + valueLength).initialize(
                from: source.pointee.bytes.advanced(by: Int(field.start)), count: nameLength + valueLength)
            unsafe appendReserved(
                nameLength: nameLength, valueLength: valueLength, FieldName(other.name(of: field)),
                isSensitive: field.isSensitive)
        }
        unsafe (storage.pointee.listSize, storage.pointee.fieldCount) = (other.listSize, other.fieldCount)
        unsafe storage.pointee.isTruncated = other.isTruncated
    }

    /// Adds a field whose bytes lie elsewhere.
    @inline(__always)
    func append(_ field: FieldBytes, _ name: FieldName) {
        let length = field.nameLength &+ field.valueLength
        unsafe reserve(length).initialize(from: field.start, count: length)
        appendReserved(nameLength: field.nameLength, valueLength: field.valueLength, name, isSensitive: false)
    }

    /// Adds a field whose bytes lie elsewhere, without the spaces around its value, or with those of a status message
    /// encoded.
    @inline(never)
    func appendTrimmed(_ field: FieldBytes, _ name: FieldName) {
        let target = unsafe reserve(field.nameLength + field.valueLength)
        unsafe target.initialize(from: field.start, count: field.nameLength + field.valueLength)
        appendReservedTrimmed(
            nameLength: field.nameLength, valueLength: field.valueLength, name, isSensitive: false)
    }

    /// Makes room after the other fields for a field that will be written and perhaps added with `appendReserved`.
    @inline(__always)
    func reserve(_ length: Int) -> UnsafeMutablePointer<UInt8> {
        assert(!isShared, "a list that others hold doesn't change")
        if unsafe storage.pointee.byteCount &+ length > storage.pointee.byteCapacity
            || storage.pointee.keptCount == storage.pointee.fieldCapacity
        {
            makeRoom(for: length)
        }
        return unsafe storage.pointee.bytes.advanced(by: storage.pointee.byteCount)
    }

    /// Adds the field whose name and value have been written into the room made by `reserve`.
    @inline(__always)
    func appendReserved(nameLength: Int, valueLength: Int, _ name: FieldName, isSensitive: Bool) {
        let (start, index) = unsafe (storage.pointee.byteCount, storage.pointee.keptCount)
        unsafe assert(start + nameLength + valueLength <= storage.pointee.byteCapacity, "room was made")
        unsafe storage.pointee.listSize &+= nameLength &+ valueLength &+ 32
        unsafe storage.pointee.fieldCount &+= 1
        unsafe storage.pointee.last[Int(name.rawValue)] = Int32(truncatingIfNeeded: index)
        // Nothing is cut off: `makeRoom` lets no list grow beyond 32 bits.
        unsafe storage.pointee.fields.advanced(by: index).initialize(
            to: HeaderField(
                start: UInt32(truncatingIfNeeded: start), nameLength: UInt32(truncatingIfNeeded: nameLength),
                valueLength: UInt32(truncatingIfNeeded: valueLength), isSensitive: isSensitive))
        unsafe storage.pointee.keptCount = index &+ 1
        unsafe storage.pointee.byteCount = start &+ nameLength &+ valueLength
    }

    /// As `appendReserved`, without the spaces around the value, or with those of a status message encoded.
    @inline(never)
    func appendReservedTrimmed(nameLength: Int, valueLength: Int, _ name: FieldName, isSensitive: Bool) {
        if name == .grpcMessage {
            return appendReservedMessage(nameLength: nameLength, valueLength: valueLength, isSensitive: isSensitive)
        }
        let value = unsafe storage.pointee.bytes.advanced(by: storage.pointee.byteCount + nameLength)
        var (first, end) = (0, valueLength)
        while end > 0, unsafe FieldKind.isSpace(value[end - 1]) { end -= 1 }
        while first < end, unsafe FieldKind.isSpace(value[first]) { first += 1 }
        if first > 0 { unsafe value.update(from: value.advanced(by: first), count: end - first) }
        appendReserved(nameLength: nameLength, valueLength: end - first, name, isSensitive: isSensitive)
    }

    /// As `appendReserved`, for a status message, with the spaces at its edges encoded: messages are percent-encoded
    /// (gRPC's `PROTOCOL-HTTP2.md`).
    private func appendReservedMessage(nameLength: Int, valueLength: Int, isSensitive: Bool) {
        // A copy, because the list's buffer may have to move for the longer value.
        let start = unsafe storage.pointee.bytes.advanced(by: storage.pointee.byteCount)
        let name = unsafe Array(UnsafeBufferPointer(start: start, count: nameLength))
        let value = unsafe UnsafeBufferPointer(start: start.advanced(by: nameLength), count: valueLength)
        var message: [UInt8] = []
        for index in value.indices {
            let byte = unsafe value[index]
            let isEdge = index == 0 || index == valueLength - 1
            switch byte {
            case UInt8(ascii: " ") where isEdge: message += "%20".utf8
            case UInt8(ascii: "\t") where isEdge: message += "%09".utf8
            default: message.append(byte)
            }
        }
        unsafe name.withUnsafeBufferPointer { name in
            unsafe message.withUnsafeBufferPointer { unsafe append(name: name, value: $0, isSensitive: isSensitive) }
        }
    }

    /// Ensures room for one more field with this many bytes.
    @inline(never)
    private func makeRoom(for length: Int) {
        let needed = unsafe storage.pointee.byteCount + length
        precondition(needed <= Int(Int32.max), "a header list of gigabytes")
        if unsafe needed > storage.pointee.byteCapacity {
            unsafe storage.pointee.byteCapacity = max(2 * storage.pointee.byteCapacity, needed)
            unsafe storage.pointee.bytes = Self.moved(
                storage.pointee.bytes, storage.pointee.byteCount, to: storage.pointee.byteCapacity)
        }
        if unsafe storage.pointee.keptCount == storage.pointee.fieldCapacity {
            unsafe storage.pointee.fieldCapacity *= 2
            unsafe storage.pointee.fields = Self.moved(
                storage.pointee.fields, storage.pointee.keptCount, to: storage.pointee.fieldCapacity)
        }
    }

    /// Releases a buffer that became unusually large. The list is empty.
    private func trim() {
        if unsafe storage.pointee.byteCapacity > Self.mostBytesKept {
            unsafe storage.pointee.byteCapacity = Self.usualBytes
            unsafe storage.pointee.bytes = Self.moved(storage.pointee.bytes, 0, to: Self.usualBytes)
        }
        if unsafe storage.pointee.fieldCapacity > Self.mostFieldsKept {
            unsafe storage.pointee.fieldCapacity = Self.usualFields
            unsafe storage.pointee.fields = Self.moved(storage.pointee.fields, 0, to: Self.usualFields)
        }
    }

    private static func moved<Element>(
        _ old: UnsafeMutablePointer<Element>, _ count: Int, to capacity: Int
    ) -> UnsafeMutablePointer<Element> {
        let new = UnsafeMutablePointer<Element>.allocate(capacity: capacity)
        unsafe new.moveInitialize(from: old, count: count)
        unsafe old.deallocate()
        return unsafe new
    }

    /// Removes every field of a known name.
    public func removeAll(of field: FieldName) {
        guard has(field) else { return }
        removeAll { $0 == field }
    }

    /// Removes everything but the status of a gRPC call, its message, and the fields that a head needs around them.
    public func removeAllButStatus() {
        removeAll { name in
            switch name {
            case .status, .contentType, .grpcStatus, .grpcMessage: false
            default: true
            }
        }
    }

    /// Removes every field of a name that `FieldName` doesn't know.
    public func removeAll(named name: [UInt8]) {
        unsafe removeFields { other, _ in unsafe other.elementsEqual(name) }
    }

    private func removeAll(where isUnwanted: (FieldName) -> Bool) {
        unsafe removeFields { _, recognized in isUnwanted(recognized) }
    }

    private func removeFields(where isUnwanted: (UnsafeBufferPointer<UInt8>, FieldName) -> Bool) {
        assert(!isShared, "a list that others hold doesn't change")
        unsafe storage.pointee.last = InlineArray(repeating: -1)
        var kept = 0
        for index in unsafe 0..<storage.pointee.keptCount {
            let entry = unsafe storage.pointee.fields[index]
            let recognized = unsafe FieldName(name(of: entry))
            if unsafe isUnwanted(name(of: entry), recognized) {
                unsafe storage.pointee.listSize -= Int(entry.nameLength) + Int(entry.valueLength) + 32
                unsafe storage.pointee.fieldCount -= 1
                continue
            }
            unsafe storage.pointee.last[Int(recognized.rawValue)] = Int32(truncatingIfNeeded: kept)
            unsafe storage.pointee.fields[kept] = entry
            kept += 1
        }
        unsafe storage.pointee.keptCount = kept
    }

    /// Counts a field without keeping it.
    func count(nameLength: Int, valueLength: Int) {
        unsafe storage.pointee.listSize &+= nameLength &+ valueLength &+ 32
        unsafe storage.pointee.fieldCount &+= 1
        truncate()
    }

    /// Notes that part of the list isn't kept.
    func truncate() { unsafe storage.pointee.isTruncated = true }

    // MARK: Reading

    // A field lies within the initialized bytes: only `append` makes fields, and only `removeAll` takes bytes away.

    private func name(of field: HeaderField) -> UnsafeBufferPointer<UInt8> {
        unsafe UnsafeBufferPointer(
            start: storage.pointee.bytes.advanced(by: Int(field.start)), count: Int(field.nameLength))
    }

    private func value(of field: HeaderField) -> UnsafeBufferPointer<UInt8> {
        unsafe UnsafeBufferPointer(
            start: storage.pointee.bytes.advanced(by: field.valueStart), count: Int(field.valueLength))
    }

    /// The bytes of a known field's value, the last one if there are several; `nil` if there is none.
    ///
    /// Soundness: they are good until the list changes, or is given back. Nothing lends them to a closure, because it would
    /// cost each call more than what it does.
    package func bytes(of field: FieldName) -> UnsafeBufferPointer<UInt8>? {
        let index = unsafe Int(storage.pointee.last[Int(field.rawValue)])
        guard index >= 0 else { return nil }
        return unsafe value(of: storage.pointee.fields[index])
    }

    public func has(_ field: FieldName) -> Bool { unsafe storage.pointee.last[Int(field.rawValue)] >= 0 }

    /// Whether all values of a known field satisfy `isSound`.
    public func allValues(of field: FieldName, _ isSound: (UnsafeBufferPointer<UInt8>) -> Bool) -> Bool {
        guard has(field) else { return true }
        let last = unsafe Int(storage.pointee.last[Int(field.rawValue)])
        let length = unsafe storage.pointee.fields[last].nameLength
        for index in 0...last where unsafe storage.pointee.fields[index].nameLength == length {
            let entry = unsafe storage.pointee.fields[index]
            guard unsafe FieldName(name(of: entry)) != field || isSound(value(of: entry)) else { return false }
        }
        return true
    }

    /// Lends the value of every field of a name that `FieldName` doesn't know, in order. Each field of the list is looked
    /// at.
    public func forEachValue(named name: [UInt8], _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        for index in unsafe 0..<storage.pointee.keptCount {
            let entry = unsafe storage.pointee.fields[index]
            if Int(entry.nameLength) == name.count, unsafe self.name(of: entry).elementsEqual(name) {
                unsafe body(value(of: entry))
            }
        }
    }

    /// A known field's value as text; bytes that aren't UTF-8 are replaced.
    public func text(of field: FieldName) -> String? {
        unsafe bytes(of: field).map { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// A known field's value as a number of at most nine digits; `nil` if it is anything else.
    public func number(of field: FieldName) -> Int? {
        guard let value = unsafe bytes(of: field), !value.isEmpty, value.count <= 9 else { return nil }
        var number = 0
        for index in value.indices {
            let digit = unsafe value[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            number = number * 10 + Int(digit)
        }
        return number
    }

    /// Whether a known field's value begins with some text.
    public func value(of field: FieldName, hasPrefix prefix: StaticString) -> Bool {
        guard let value = unsafe bytes(of: field) else { return false }
        return unsafe value.count >= prefix.utf8CodeUnitCount
            && nghttp2_shim_equal(value.baseAddress, prefix.utf8Start, prefix.utf8CodeUnitCount) != 0
    }

    /// Whether a known field has just this value.
    package func value(of field: FieldName, is other: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let value = unsafe bytes(of: field) else { return false }
        return unsafe value.count == other.count
            && nghttp2_shim_equal(value.baseAddress, other.baseAddress, other.count) != 0
    }

    /// All fields as text, in order: for tests and diagnostics, not for the path of a call.
    public var list: [(name: String, value: String)] {
        unsafe UnsafeBufferPointer(start: storage.pointee.fields, count: storage.pointee.keptCount).map { field in
            unsafe (String(decoding: name(of: field), as: UTF8.self), String(decoding: value(of: field), as: UTF8.self))
        }
    }

    // MARK: Sending

    /// The most bytes that the list takes when it is encoded.
    package var mostEncodedBytes: Int {
        unsafe HPACKEncoder.mostBytes(fields: storage.pointee.keptCount, bytes: storage.pointee.byteCount)
    }

    /// Lends the fields, and the bytes that their places refer to.
    @inline(__always)
    func withFields<Result>(
        _ body: (UnsafeBufferPointer<HeaderField>, UnsafePointer<UInt8>) -> Result
    ) -> Result {
        unsafe body(
            UnsafeBufferPointer(start: storage.pointee.fields, count: storage.pointee.keptCount),
            storage.pointee.bytes)
    }

    /// Lends the method in libnghttp2's form if it affects the length of a response (RFC 9110, section 9.3): libnghttp2
    /// needs nothing else of a request. It copies the field.
    func withMethodThatMatters<Result>(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> Result) -> Result {
        // Most methods begin with another letter, which is quick to check.
        guard unsafe bytes(of: .method)?.first == UInt8(ascii: "H"), value(of: .method, hasPrefix: "HEAD") else {
            return body(nil, 0)
        }
        let field = unsafe storage.pointee.fields[Int(storage.pointee.last[Int(FieldName.method.rawValue)])]
        // Never indexed: libnghttp2's table stays empty.
        let pair = unsafe nghttp2_nv(
            name: storage.pointee.bytes.advanced(by: Int(field.start)),
            value: storage.pointee.bytes.advanced(by: field.valueStart), namelen: Int(field.nameLength),
            valuelen: Int(field.valueLength), flags: UInt8(NGHTTP2_NV_FLAG_NO_INDEX.rawValue))
        return unsafe withUnsafePointer(to: pair) { unsafe body($0, 1) }
    }

    // MARK: Memory

    /// Bytes that the list takes, including unused room.
    var allocatedBytes: Int {
        unsafe MemoryLayout<Storage>.size + storage.pointee.byteCapacity
            + storage.pointee.fieldCapacity * MemoryLayout<HeaderField>.stride
    }

    /// Whether the list takes more memory than most do.
    public var isLarge: Bool {
        unsafe storage.pointee.byteCapacity > Self.usualBytes || storage.pointee.fieldCapacity > Self.usualFields
    }

    /// Number of bytes that its pool counts for it.
    public internal(set) var countedBytes: Int {
        get { unsafe storage.pointee.countedBytes }
        nonmutating set { unsafe storage.pointee.countedBytes = newValue }
    }

    /// Adds another list's field of a known name, the last one if there are several, with at most `most` bytes of its
    /// value.
    func append(_ name: FieldName, of other: HeaderList, most: Int) {
        let index = unsafe Int(other.storage.pointee.last[Int(name.rawValue)])
        guard index >= 0 else { return }
        let field = unsafe FieldBytes(other.storage.pointee.fields[index], in: other.storage.pointee.bytes)
        unsafe append(
            FieldBytes(
                start: field.start, nameLength: field.nameLength, valueLength: min(field.valueLength, max(0, most))),
            name)
    }

    // MARK: Holding

    /// Whether the list was made to be kept while it is expected again.
    package var isKnown: Bool { unsafe storage.pointee.isKnown }

    /// A hash of the list's identity, whatever its fields are.
    var hash: Int { unsafe Int(truncatingIfNeeded: (UInt64(UInt(bitPattern: storage)) &* 0x9e37_79b9_7f4a_7c15) >> 32) }

    /// Whether a known copy of the list takes little memory.
    var isSmall: Bool {
        unsafe storage.pointee.byteCount <= Self.usualBytes && storage.pointee.keptCount <= Self.usualFields
    }

    /// Adds a holder, which will give the list back to the pool.
    package func hold() { unsafe storage.pointee.holders &+= 1 }

    /// Removes a holder.
    ///
    /// - Returns: whether it was the last one.
    func letGo() -> Bool {
        unsafe assert(storage.pointee.holders > 0, "what is given back was held")
        unsafe storage.pointee.holders &-= 1
        return unsafe storage.pointee.holders == 0
    }

    // MARK: In a pool

    /// Whether the list has other holders as well.
    var isShared: Bool { unsafe storage.pointee.holders > 1 }

    /// Empties the list, which has no holder any more.
    func retire() {
        removeAll()
        trim()
    }

    var next: HeaderList? {
        get { unsafe storage.pointee.next }
        nonmutating set { unsafe storage.pointee.next = newValue }
    }
}
