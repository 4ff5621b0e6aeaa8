extension Sequence<UInt8> {
    /// Two digits for each byte, in lower case.
    var hexadecimal: String {
        var text = ""
        for byte in self {
            text += String(byte >> 4, radix: 16)
            text += String(byte & 15, radix: 16)
        }
        return text
    }
}
