/// Comparison of authorities (RFC 9113, section 8.3.1, with RFC 3986, section 6.2.3): the case of a host doesn't
/// matter, and the scheme's default port may be left out.
package enum Authority {
    /// The schemes whose default port is known here.
    package enum Scheme {
        case http
        case https
        case other
    }

    /// Whether two authorities mean the same under a scheme.
    package static func isSame(
        _ one: UnsafeBufferPointer<UInt8>, _ other: UnsafeBufferPointer<UInt8>, _ scheme: Scheme
    ) -> Bool {
        if unsafe one.elementsEqual(other) { return true }
        return unsafe one[..<end(of: one, scheme)].elementsEqual(other[..<end(of: other, scheme)]) { left, right in
            lowercased(left) == lowercased(right)
        }
    }

    /// The index at which a value ends without its scheme's default port.
    private static func end(of value: UnsafeBufferPointer<UInt8>, _ scheme: Scheme) -> Int {
        // The last colon, unless it belongs to an address in brackets.
        guard let colon = unsafe value.lastIndex(where: { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "]") }),
            unsafe value[colon] == UInt8(ascii: ":")
        else { return value.count }
        let port = unsafe value[(colon + 1)...]
        let isOwn =
            switch scheme {
            case .http: unsafe port.elementsEqual("80".utf8)
            case .https: unsafe port.elementsEqual("443".utf8)
            case .other: false
            }
        return unsafe port.isEmpty || isOwn ? colon : value.count
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
