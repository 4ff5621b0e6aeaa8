/// Judges a header list as a whole, field by field as they come (RFC 9113, section 8.3), and keeps what libnghttp2 has
/// to know of it.
///
/// A list with pseudo-fields is a head, any other is trailers. Whether that is allowed at its place, and whether the
/// body has the right length, libnghttp2 checks.
package struct HeaderRules {
    private let role: Session.Role
    /// Whether a field must not be present, or not in this form.
    package private(set) var isMalformed = false

    /// The names that have come, of those that may come only once, as bits by their numbers.
    private var seen: UInt32 = 0
    private var hasRegularField = false

    private var isConnect = false
    private var isOptions = false
    private var scheme = Authority.Scheme.other
    private var path = Path.other

    private enum Path {
        /// Begins with a slash.
        case absolute
        case asterisk
        case other
    }

    /// The status code, or 0.
    package private(set) var status = 0
    /// The declared length of the body in bytes; `nil` without one.
    package private(set) var contentLength: Int64?
    /// The value of a priority field (RFC 9218, section 5), of which `priorityLength` bytes are in use.
    package private(set) var priority = InlineArray<16, UInt8>(repeating: 0)
    /// Bytes of `priority` in use; 0 without such a field.
    package private(set) var priorityLength = 0

    package init(role: Session.Role) { self.role = role }

    /// Takes in a field that may have a rule of its own.
    ///
    /// - Parameter list: the fields before it, as far as they are kept.
    /// - Returns: whether the field is to be kept.
    package mutating func take(_ name: FieldName, _ value: UnsafeBufferPointer<UInt8>, behind list: HeaderList) -> Bool
    {
        if name.isPseudo {
            if hasRegularField || value.isEmpty { isMalformed = true }
        } else {
            hasRegularField = true
        }
        return unsafe takeSpecial(name, value, list)
    }

    /// Takes in a field without rules of its own.
    @inline(__always)
    package mutating func takeOrdinary() { hasRegularField = true }

    /// Takes in a field that no message may have.
    package mutating func takeUnsound() { isMalformed = true }

    private mutating func takeSpecial(
        _ name: FieldName, _ value: UnsafeBufferPointer<UInt8>, _ list: HeaderList
    ) -> Bool {
        switch name {
        case .method:
            once(.method)
            isConnect = unsafe FieldKind.isExactly(value, "CONNECT")
            isOptions = unsafe FieldKind.isExactly(value, "OPTIONS")
        case .scheme:
            once(.scheme)
            scheme =
                unsafe FieldKind.isEqual(value, "http") ? .http : FieldKind.isEqual(value, "https") ? .https : .other
        case .path:
            once(.path)
            path =
                unsafe value.first == UInt8(ascii: "/")
                ? .absolute : FieldKind.isExactly(value, "*") ? .asterisk : .other
        case .authority:
            once(.authority)
        case .host where role == .server:
            if value.isEmpty { isMalformed = true }
            once(.host)
            return unsafe takeHost(value, list)
        case .status:
            if status != 0 { isMalformed = true }
            status = unsafe value.count == 3 ? Int(Self.number(value) ?? 0) : 0
            if status < 100 || status == 101 { isMalformed = true }
        case .contentLength:
            return unsafe takeContentLength(value)
        case .priority:
            unsafe takePriority(value)
        default: break
        }
        return true
    }

    /// Checks a host field, since the authority is named only once (RFC 9113, section 8.3.1): a different host makes
    /// the message malformed, and one that names the same authority in other words is dropped, because some servers
    /// compare letter by letter.
    private mutating func takeHost(_ value: UnsafeBufferPointer<UInt8>, _ list: HeaderList) -> Bool {
        guard has(.authority) else { return true }
        // An authority that wasn't kept is too long; the list is refused for that.
        guard let authority = unsafe list.bytes(of: .authority) else { return true }
        // The comparison is made once: a second host is malformed anyway.
        if unsafe isMalformed || value.elementsEqual(authority) { return true }
        if unsafe !Authority.isSame(value, authority, scheme) { isMalformed = true }
        return false
    }

    /// Keeps a priority. A value longer than any meaningful one is ignored.
    private mutating func takePriority(_ value: UnsafeBufferPointer<UInt8>) {
        guard role == .server, value.count <= priority.count else { return }
        for index in value.indices { priority[index] = unsafe value[index] }
        priorityLength = value.count
    }

    private mutating func once(_ name: FieldName) {
        if has(name) { isMalformed = true }
        seen |= 1 << UInt32(name.rawValue)
    }

    package func has(_ name: FieldName) -> Bool { seen & 1 << UInt32(name.rawValue) != 0 }

    /// Checks a content length (RFC 9110, section 8.6).
    private mutating func takeContentLength(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
        let isFirst = contentLength == nil
        contentLength = unsafe Self.number(value)
        if !isFirst || contentLength == nil || status / 100 == 1 { isMalformed = true }
        guard status == 204 else { return true }
        // Forbidden there, but some servers send a zero, which is dropped.
        if contentLength != 0 || value.count != 1 { isMalformed = true }
        return false
    }

    private static func number(_ digits: UnsafeBufferPointer<UInt8>) -> Int64? {
        guard !digits.isEmpty else { return nil }
        var number: Int64 = 0
        for index in digits.indices {
            let digit = unsafe digits[index]
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            let (tenfold, overflows) = number.multipliedReportingOverflow(by: 10)
            let (sum, overflowsToo) = tenfold.addingReportingOverflow(Int64(digit - UInt8(ascii: "0")))
            if overflows || overflowsToo { return nil }
            number = sum
        }
        return number
    }

    /// Whether the list is a request's head.
    package var isRequest: Bool { has(.method) || has(.scheme) || has(.path) || has(.authority) }

    /// Whether a request's head lacks something, or has parts that don't go together.
    package var isIncomplete: Bool {
        guard isRequest else { return false }
        if isConnect { return !has(.authority) || has(.scheme) || has(.path) }
        guard has(.method), has(.scheme), has(.path), has(.authority) || has(.host) else { return true }
        return scheme != .other && path != .absolute && !(isOptions && path == .asterisk)
    }
}
