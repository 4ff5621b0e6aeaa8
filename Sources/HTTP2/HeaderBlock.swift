import CNghttp2

/// One header list: a request's or response's head, an interim response, or trailers.
///
/// Names and values lie one after another in one buffer that keeps its capacity when the block is used again, so a block
/// out of a `HeaderBlockPool` costs no allocation. Confined to one thread.
public final class HeaderBlock {
    /// The fields that decide about a call; each is found without a search.
    public enum Known: Int, CaseIterable {
        case method
        case path
        case authority
        case status
        case contentType
        case grpcStatus
        case grpcMessage
        case grpcTimeout
        case forwardedClientCertificate
    }

    private struct Field {
        var start: Int
        var nameLength: Int
        var valueLength: Int
        /// The sender asked that this field never enters a compression table (RFC 7541, section 6.2.3).
        var isSensitive: Bool
    }

    /// Owned memory: `byteCount` of `byteCapacity` bytes and `keptCount` of `fieldCapacity` fields are initialized.
    private var bytes: UnsafeMutablePointer<UInt8>
    private var byteCount = 0
    private var byteCapacity = 1024
    private var fields: UnsafeMutablePointer<Field>
    private var keptCount = 0
    private var fieldCapacity = 24
    private var known = InlineArray<9, Int32>(repeating: -1)

    /// Sessions that have queued this block and not sent it yet: they read it where it lies.
    private var borrowers = 0
    /// The pool to go back to as soon as nobody borrows the block any more.
    private var awaitedBy: HeaderBlockPool?

    /// The size as RFC 9113, section 6.5.2 counts it: name, value and 32 for each field, also of those not kept.
    public private(set) var listSize = 0
    /// Fields received, also those not kept.
    public private(set) var fieldCount = 0

    public init() {
        bytes = .allocate(capacity: byteCapacity)
        fields = .allocate(capacity: fieldCapacity)
    }

    deinit {
        bytes.deallocate()
        fields.deallocate()
    }

    public var isEmpty: Bool { keptCount == 0 }

    /// Whether fields were counted that were not kept, because the list was longer than the session's limit.
    public var isTruncated: Bool { keptCount < fieldCount }

    public func removeAll() {
        assert(borrowers == 0, "a block that a session still has to send doesn't change")
        byteCount = 0
        keptCount = 0
        known = InlineArray(repeating: -1)
        listSize = 0
        fieldCount = 0
    }

    // MARK: Writing

    /// Adds a field. Names are in lower case, pseudo-fields come first (RFC 9113, section 8.2).
    public func append(_ name: StaticString, _ value: some StringProtocol) {
        var value = String(value)
        name.withUTF8Buffer { name in
            value.withUTF8 { value in append(name: name, value: value, isSensitive: false) }
        }
    }

    /// As `append(_:_:)`, for a name that is known only at run time.
    public func append(name: String, value: String) {
        var (name, value) = (name, value)
        name.withUTF8 { name in
            value.withUTF8 { value in append(name: name, value: value, isSensitive: false) }
        }
    }

    func append(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>, isSensitive: Bool) {
        assert(borrowers == 0, "a block that a session still has to send doesn't change")
        count(nameLength: name.count, valueLength: value.count)
        if let field = Self.recognize(name) { known[field.rawValue] = Int32(truncatingIfNeeded: keptCount) }
        if byteCount &+ name.count &+ value.count > byteCapacity || keptCount == fieldCapacity {
            makeRoom(for: name.count + value.count)
        }
        fields.advanced(by: keptCount).initialize(
            to: Field(start: byteCount, nameLength: name.count, valueLength: value.count, isSensitive: isSensitive))
        keptCount += 1
        copy(name)
        copy(value)
    }

    /// There is room: `makeRoom` came before.
    @inline(__always)
    private func copy(_ text: UnsafeBufferPointer<UInt8>) {
        guard let source = text.baseAddress else { return }
        assert(byteCount + text.count <= byteCapacity, "room was made")
        bytes.advanced(by: byteCount).initialize(from: source, count: text.count)
        byteCount += text.count
    }

    /// Sees to it that one more field fits, with so many bytes.
    @inline(never)
    private func makeRoom(for count: Int) {
        if byteCount + count > byteCapacity {
            byteCapacity = max(2 * byteCapacity, byteCount + count)
            bytes = Self.moved(bytes, byteCount, to: byteCapacity)
        }
        if keptCount == fieldCapacity {
            fieldCapacity *= 2
            fields = Self.moved(fields, keptCount, to: fieldCapacity)
        }
    }

    private static func moved<Element>(
        _ old: UnsafeMutablePointer<Element>, _ count: Int, to capacity: Int
    ) -> UnsafeMutablePointer<Element> {
        let new = UnsafeMutablePointer<Element>.allocate(capacity: capacity)
        new.moveInitialize(from: old, count: count)
        old.deallocate()
        return new
    }

    /// Takes every field of a known name out.
    public func removeAll(of field: Known) {
        assert(borrowers == 0, "a block that a session still has to send doesn't change")
        guard has(field) else { return }
        known = InlineArray(repeating: -1)
        var kept = 0
        for index in 0..<keptCount {
            let entry = fields[index]
            let name = UnsafeBufferPointer(start: bytes.advanced(by: entry.start), count: entry.nameLength)
            let recognized = Self.recognize(name)
            if recognized == field {
                listSize -= entry.nameLength + entry.valueLength + 32
                fieldCount -= 1
                continue
            }
            if let recognized { known[recognized.rawValue] = Int32(truncatingIfNeeded: kept) }
            fields[kept] = entry
            kept += 1
        }
        keptCount = kept
    }

    /// Counts a field without keeping it.
    func count(nameLength: Int, valueLength: Int) {
        listSize += nameLength + valueLength + 32
        fieldCount += 1
    }

    private static func recognize(_ name: UnsafeBufferPointer<UInt8>) -> Known? {
        switch name.count {
        case 5: matches(name, ":path") ? .path : nil
        case 7: matches(name, ":method") ? .method : matches(name, ":status") ? .status : nil
        case 10: matches(name, ":authority") ? .authority : nil
        case 11: matches(name, "grpc-status") ? .grpcStatus : nil
        case 12:
            matches(name, "content-type")
                ? .contentType
                : matches(name, "grpc-timeout") ? .grpcTimeout : matches(name, "grpc-message") ? .grpcMessage : nil
        case 23: matches(name, "x-forwarded-client-cert") ? .forwardedClientCertificate : nil
        default: nil
        }
    }

    @inline(__always)
    private static func matches(_ name: UnsafeBufferPointer<UInt8>, _ other: StaticString) -> Bool {
        // Both pointers cover name.count bytes: the caller has compared the lengths.
        assert(name.count == other.utf8CodeUnitCount)
        return nghttp2_shim_equal(name.baseAddress, other.utf8Start, name.count) != 0
    }

    // MARK: Reading

    /// Lends the bytes of a known field's value, the last one where there are several.
    public func withValue<Result>(of field: Known, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result? {
        let index = Int(known[field.rawValue])
        guard index >= 0 else { return nil }
        let field = fields[index]
        return body(
            UnsafeBufferPointer(start: bytes.advanced(by: field.start + field.nameLength), count: field.valueLength))
    }

    public func has(_ field: Known) -> Bool { known[field.rawValue] >= 0 }

    /// A known field's value as text; bytes that aren't UTF-8 are replaced.
    public func text(of field: Known) -> String? {
        withValue(of: field) { String(decoding: $0, as: UTF8.self) }
    }

    /// A known field's value as a number of at most nine digits; `nil` where it is anything else.
    public func number(of field: Known) -> Int? {
        withValue(of: field) { value -> Int? in
            guard (1...9).contains(value.count) else { return nil }
            var number = 0
            for digit in value {
                guard (48...57).contains(digit) else { return nil }
                number = number * 10 + Int(digit - 48)
            }
            return number
        } ?? nil
    }

    /// Whether a known field's value begins with some text.
    public func value(of field: Known, hasPrefix prefix: StaticString) -> Bool {
        withValue(of: field) { value in
            value.count >= prefix.utf8CodeUnitCount
                && nghttp2_shim_equal(value.baseAddress, prefix.utf8Start, prefix.utf8CodeUnitCount) != 0
        } ?? false
    }

    /// All fields as text, in order: for tests and diagnostics, not for the path of a call.
    public var list: [(name: String, value: String)] {
        UnsafeBufferPointer(start: fields, count: keptCount).map { field in
            let name = UnsafeBufferPointer(start: bytes.advanced(by: field.start), count: field.nameLength)
            let value = UnsafeBufferPointer(
                start: bytes.advanced(by: field.start + field.nameLength), count: field.valueLength)
            return (String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
        }
    }

    // MARK: Sending

    /// Lends the fields in libnghttp2's form. It keeps the pointers and copies nothing: whoever submits them borrows the
    /// block until they are sent.
    func withNameValues<Result>(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> Result) -> Result {
        withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: keptCount) { pairs in
            let plain = UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)
            for index in 0..<keptCount {
                let field = fields[index]
                let name = bytes.advanced(by: field.start)
                pairs.initializeElement(
                    at: index,
                    to: nghttp2_nv(
                        name: name, value: name.advanced(by: field.nameLength), namelen: field.nameLength,
                        valuelen: field.valueLength,
                        flags: field.isSensitive ? plain | UInt8(NGHTTP2_NV_FLAG_NO_INDEX.rawValue) : plain))
            }
            return body(UnsafePointer(pairs.baseAddress), keptCount)
        }
    }

    /// A session has queued the block: it must neither change nor go until `giveBack()`.
    func borrow() {
        borrowers += 1
    }

    /// The session has sent it.
    func giveBack() {
        assert(borrowers > 0, "what is given back was borrowed")
        borrowers -= 1
        if borrowers == 0, let pool = awaitedBy {
            awaitedBy = nil
            pool.give(self)
        }
    }

    /// - Returns: whether the block is free; otherwise it comes to the pool by itself once it is.
    fileprivate func isFree(for pool: HeaderBlockPool) -> Bool {
        if borrowers == 0 { return true }
        awaitedBy = pool
        return false
    }
}

/// Header blocks to use again. Confined to one thread.
public final class HeaderBlockPool {
    private var free: [HeaderBlock] = []

    public init() {}

    public func take() -> HeaderBlock {
        free.popLast() ?? HeaderBlock()
    }

    /// Takes back a block that its owner is done with, even if a session still has to send it.
    public func give(_ block: HeaderBlock) {
        guard block.isFree(for: self), free.count < 1024 else { return }
        block.removeAll()
        free.append(block)
    }
}
